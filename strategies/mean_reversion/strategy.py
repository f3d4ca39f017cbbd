"""Mean reversion: rest a limit buy some deviations below the moving average, and a limit sell at the average."""

from collections import deque
from math import sqrt

import msgspec

from live.core.strategy import BarView, Strategy, StrategyContext


class MeanReversionParameters(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """Choose the window, the distance and the size.

    Attributes:
        window: closes in the moving average and deviation.
        entry_deviations: how many standard deviations below the average to bid.
        fraction: share of the account's equity to buy.
    """

    window: int
    entry_deviations: float
    fraction: float


FURTHEST = 0.05
"""Orders rest at most this share of the price away: further off they would only meet the price collar."""


class MeanReversion(Strategy):
    """Bid below the average while flat, offer at the average while long."""

    Parameters = MeanReversionParameters

    def __init__(self, parameters: MeanReversionParameters) -> None:
        self._parameters = parameters
        self._closes: dict[str, deque[float]] = {}

    @classmethod
    def warm_up_bars(cls, parameters: MeanReversionParameters) -> int:
        """Ask for one full window."""
        return parameters.window

    def on_bar(self, bar: BarView, context: StrategyContext) -> None:
        """Move the resting order to where the window now puts it."""
        closes = self._closes.setdefault(bar.instrument_id, deque(maxlen=self._parameters.window))
        closes.append(bar.close)
        if len(closes) < self._parameters.window:
            return
        mean = sum(closes) / len(closes)
        deviation = sqrt(sum((close - mean) ** 2 for close in closes) / len(closes))
        if context.position(bar.instrument_id) > 0:
            context.target_units(
                bar.instrument_id, 0, limit_price=min(max(mean, bar.close), bar.close * (1 + FURTHEST)), reason="offer at the average"
            )
        else:
            lowest = bar.close * (1 - FURTHEST)
            bid = max(min(mean - self._parameters.entry_deviations * deviation, bar.close), lowest)
            context.target_fraction(bar.instrument_id, self._parameters.fraction, limit_price=bid, reason="bid below the average")
