"""Coin flip: once a day it is long or flat by chance.

The chance comes out of the first bar of the day and a seed, through a hash. So the same bars always give the same flips,
and how long it has been running does not matter.
"""

import hashlib

import msgspec

from live.core.strategy import BarView, Strategy, StrategyContext

DAY = 24 * 3600 * 1_000_000_000


class CoinFlipParameters(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """Choose the coin and the size.

    Attributes:
        seed: another seed is another series of flips.
        fraction: share of the account's equity to hold after heads.
    """

    seed: int
    fraction: float


class CoinFlip(Strategy):
    """Hold `fraction` of equity through a day that began with heads."""

    Parameters = CoinFlipParameters

    def __init__(self, parameters: CoinFlipParameters) -> None:
        self._parameters = parameters
        self._day: int | None = None
        self._heads = False

    @classmethod
    def warm_up_bars(cls, parameters: CoinFlipParameters) -> int:
        """Ask for a day of half hours, within which a new day must have begun."""
        del parameters
        return 48

    def on_bar(self, bar: BarView, context: StrategyContext) -> None:
        """Flip at the first bar of a day, and say what the last flip said."""
        day = bar.ts_event // DAY
        if self._day is not None and day != self._day:
            drawn = hashlib.sha256(f"{self._parameters.seed} {bar.close} {bar.volume}".encode()).digest()
            self._heads = drawn[0] % 2 == 0
        self._day = day
        context.target_fraction(
            bar.instrument_id, self._parameters.fraction if self._heads else 0.0, reason="heads" if self._heads else "tails"
        )
