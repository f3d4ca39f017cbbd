"""Venues: what the driver may ask of one, and the one that simulates fills in this process."""
