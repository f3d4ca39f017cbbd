"""Times as files write them, in nanoseconds UTC."""

from __future__ import annotations

from datetime import UTC, datetime, tzinfo
from typing import TYPE_CHECKING
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from dagster_project.datasets.errors import DatasetError
from dagster_project.datasets.importing.options import TimeUnit
from dagster_project.datasets.importing.outcome import ImportFinding
from dagster_project.lake.period import nanoseconds_of

if TYPE_CHECKING:
    from collections.abc import Sequence

    import numpy as np

_FACTORS: dict[TimeUnit, int] = {"s": 1_000_000_000, "ms": 1_000_000, "us": 1_000, "ns": 1}
_EARLIEST, _LATEST = 631_152_000, 4_102_444_800
"""1990 and 2100 in seconds: between them the size of a number tells its unit, since units lie a factor of a thousand apart."""


def read_times(texts: Sequence[str], unit: TimeUnit | None, zone: str | None, name: str) -> tuple[np.ndarray, list[ImportFinding]]:
    """Read times written as numbers since 1970 or as ISO 8601.

    Raises:
        DatasetError: a time cannot be read, its unit cannot be told, or the zone is unknown.
    """
    import numpy as np

    if not texts:
        return np.empty(0, np.int64), []
    if texts[0].strip().isdecimal():
        return _numbers(texts, unit, name)
    naive = 0
    times = np.empty(len(texts), np.int64)
    local = _zone(zone)
    for row, text in enumerate(texts):
        try:
            moment = datetime.fromisoformat(text.strip())
        except ValueError:
            raise DatasetError(f"{name}: row {row + 1} has the time {text!r}: write times as ISO 8601, or as a number since 1970") from None
        if moment.tzinfo is None:
            naive += 1
            moment = moment.replace(tzinfo=local)
        times[row] = nanoseconds_of(moment)
    found: list[ImportFinding] = []
    if naive and zone is None:
        found.append(ImportFinding(name="zone_is_known", severity="note", told="its times name no zone and were taken as UTC"))
    return times, found


def _numbers(texts: Sequence[str], unit: TimeUnit | None, name: str) -> tuple[np.ndarray, list[ImportFinding]]:
    import numpy as np

    try:
        numbers = np.array([int(text) for text in texts], np.int64)
    except (ValueError, OverflowError):
        raise DatasetError(f"{name}: its times are whole numbers in the first row and not in all: repair the rest") from None
    if unit is None:
        low, high = int(numbers.min()), int(numbers.max())
        fitting: list[TimeUnit] = [
            one for one, factor in _FACTORS.items() if low * factor // 10**9 >= _EARLIEST and high * factor // 10**9 < _LATEST
        ]
        if len(fitting) != 1:
            raise DatasetError(f"{name}: the unit of times from {low} to {high} cannot be told: say it (time_unit=s, ms, us or ns)")
        unit = fitting[0]
    return numbers * _FACTORS[unit], []


def _zone(zone: str | None) -> tzinfo:
    if zone is None:
        return UTC
    try:
        return ZoneInfo(zone)
    except (ZoneInfoNotFoundError, ValueError):
        raise DatasetError(f"a zone is named like UTC or America/New_York, received {zone!r}: name it so (zone)") from None
