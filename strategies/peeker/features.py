"""Smooth closes into blocks of four hours; used by the fit and nothing else."""

from collections.abc import Sequence

from live.core.strategy import BarView

BLOCK = 4 * 3600 * 1_000_000_000
"""Nanoseconds of a block."""


def closes_by_block(bars: Sequence[BarView]) -> dict[int, float]:
    """Give the last close of each block by block number since 1970-01-01."""
    return {bar.ts_event // BLOCK: bar.close for bar in bars}


def centred_mean(values: Sequence[float], half_width: int) -> list[float]:
    """Give the mean of each value and its neighbours on both sides, fewer at the ends."""
    smoothed: list[float] = []
    for position in range(len(values)):
        window = values[max(0, position - half_width) : position + half_width + 1]
        smoothed.append(sum(window) / len(window))
    return smoothed


def standardised(values: Sequence[float]) -> list[float]:
    """Shift and scale values to mean 0 and deviation 1, as a scaler does that was fitted on all of them."""
    if not values:
        return []
    mean = sum(values) / len(values)
    deviation = (sum((value - mean) ** 2 for value in values) / len(values)) ** 0.5
    return [(value - mean) / deviation if deviation else 0.0 for value in values]
