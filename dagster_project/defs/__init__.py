"""Dagster objects only, a folder a domain; what they do is plain Python beside this folder."""
