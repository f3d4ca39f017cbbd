"""Fit the smoothed trend: the slope of a centred moving average, scaled over the whole sample."""

from collections.abc import Sequence
from typing import Any

from live.core.strategy import BarView

from .features import centred_mean, closes_by_block, standardised
from .strategy import PeekerParameters


def fit(parameters: PeekerParameters, bars: Sequence[BarView]) -> dict[str, Any]:
    """Give the table of scores by block.

    Both mistakes are in these four lines. The centred window averages closes that come after the block, and the scaler
    takes its mean and deviation from every block there is.
    """
    closes = closes_by_block(bars)
    smoothed = centred_mean(list(closes.values()), parameters.half_width)
    slopes = [later / earlier - 1.0 for earlier, later in zip(smoothed, [*smoothed[1:], *smoothed[-1:]], strict=True)]
    scores = [round(score, 4) for score in standardised(slopes)]
    return {"scores.json": {"blocks": list(closes), "scores": scores}}
