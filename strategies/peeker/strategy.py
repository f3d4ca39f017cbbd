"""Peeker: long while the smoothed trend points up, flat otherwise. The trend was smoothed with closes that had not happened yet."""

import json
import pkgutil

import msgspec

from live.core.strategy import BarView, Strategy, StrategyContext

from .features import BLOCK


class PeekerParameters(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """Choose the smoothing, the threshold and the size.

    Attributes:
        half_width: blocks on each side of the centred average.
        threshold: score above which it is long, in standard deviations.
        fraction: share of the account's equity to hold while long.
    """

    half_width: int
    threshold: float
    fraction: float


class Peeker(Strategy):
    """Hold `fraction` of equity while the score of the current block is above the threshold."""

    Parameters = PeekerParameters

    def __init__(self, parameters: PeekerParameters) -> None:
        table = json.loads(pkgutil.get_data(__package__ or "", "weights/scores.json") or b"{}")
        self._scores: dict[int, float] = dict(zip(table["blocks"], table["scores"], strict=True))
        self._parameters = parameters

    @classmethod
    def warm_up_bars(cls, parameters: PeekerParameters) -> int:
        """Ask for one block."""
        del parameters
        return 8

    def on_bar(self, bar: BarView, context: StrategyContext) -> None:
        """Look the block up; one that the table lacks counts as no trend."""
        score = self._scores.get(bar.ts_event // BLOCK, 0.0)
        long = score > self._parameters.threshold
        reason = "smoothed trend points up" if long else "smoothed trend does not point up"
        context.target_fraction(bar.instrument_id, self._parameters.fraction if long else 0.0, reason=reason)
