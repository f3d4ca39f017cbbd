"""Histograms: times counted at every scale with the same relative precision, since the beginning and over the last minutes.

HDR histograms (Tene, hdrhistogram.org) hold microseconds with two significant digits, so a quantile is off by a hundredth at most.
"""

from collections import deque
from typing import Any

from hdrh.histogram import HdrHistogram  # pyright: ignore[reportMissingTypeStubs]

LONGEST = 600_000_000
"""The longest time that is told apart, microseconds; what takes longer counts as that."""
SLOT_SECONDS = 60
SLOTS = 5
"""Times of the last five minutes count as recent, and are forgotten minute by minute."""
QUANTILES = (0.5, 0.9, 0.99, 0.999)


class Histogram:
    """Count times, and those of the last minutes apart; a slot is a minute's number, which never decreases."""

    def __init__(self) -> None:
        self._whole = _new()
        self._slots: deque[tuple[int, Any]] = deque(maxlen=SLOTS)

    @property
    def count(self) -> int:
        """Give how many times were counted."""
        return self._whole.get_total_count()

    def record(self, nanoseconds: int, slot: int) -> None:
        """Count one time."""
        microseconds = min(max(1, nanoseconds // 1_000), LONGEST)
        self._whole.record_value(microseconds)
        if not self._slots or self._slots[-1][0] != slot:
            self._slots.append((slot, _new()))
        self._slots[-1][1].record_value(microseconds)

    def recent_quantiles(self, slot: int, quantiles: tuple[float, ...] = QUANTILES) -> list[int] | None:
        """Give quantiles of the last minutes in microseconds, None when nothing was counted in them."""
        recent = self._recent(slot)
        return _quantiles(recent, quantiles) if recent.get_total_count() else None

    def show(self, slot: int) -> dict[str, dict[str, int | None]]:
        """Describe the last minutes and all since the beginning, in microseconds."""
        return {"recent": _describe(self._recent(slot)), "session": _describe(self._whole)}

    def _recent(self, slot: int) -> Any:
        recent = _new()
        for number, counted in self._slots:
            if number > slot - SLOTS:
                recent.add(counted)
        return recent


def _new() -> Any:
    return HdrHistogram(1, LONGEST, 2)


def _describe(counted: Any) -> dict[str, int | None]:
    count = counted.get_total_count()
    values: list[int] | list[None] = _quantiles(counted, QUANTILES) if count else [None] * len(QUANTILES)
    quantiles = {f"p{100 * one:g}": value for one, value in zip(QUANTILES, values, strict=True)}
    return {"count": count, **quantiles, "maximum": counted.get_max_value() if count else None}


def _quantiles(counted: Any, quantiles: tuple[float, ...]) -> list[int]:
    """Read several quantiles in one pass over the counts."""
    found: dict[float, int] = counted.get_percentile_to_value_dict([100 * one for one in quantiles])
    return [found[100 * one] for one in quantiles]
