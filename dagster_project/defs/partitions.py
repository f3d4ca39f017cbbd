"""Partitions that several domains share."""

import dagster as dg

STRATEGY_VERSIONS = dg.DynamicPartitionsDefinition(name="strategy_version")
"""One partition a submitted strategy version, like `ema_cross@3f9a1c2`."""

FIRST_DAY = "2026-01-01"
DAYS = dg.DailyPartitionsDefinition(start_date=FIRST_DAY, end_offset=1)
"""One partition a UTC day, the one that is not over among them: its summary tells what was so far."""
