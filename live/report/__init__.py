"""Replay reports: what a replay did as one page that needs nothing else."""
