"""Dagster objects of the signals."""
