"""EMA cross: long while the fast exponential average of closes is above the slow one, flat otherwise."""

import msgspec

from live.core.strategy import BarView, Strategy, StrategyContext


class EmaCrossParameters(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """Choose the averages and the size.

    Attributes:
        fast: span of the fast average, in bars.
        slow: span of the slow average, in bars; must exceed `fast`.
        fraction: share of the account's equity to hold while long.
    """

    fast: int
    slow: int
    fraction: float

    def __post_init__(self) -> None:
        """Refuse a fast average that is not the faster one.

        Raises:
            ValueError: `fast` is not below `slow`.
        """
        if self.fast >= self.slow:
            raise ValueError(f"fast must be below slow, received fast={self.fast} and slow={self.slow}")


class EmaCross(Strategy):
    """Hold `fraction` of equity while the fast average is above the slow one."""

    Parameters = EmaCrossParameters

    def __init__(self, parameters: EmaCrossParameters) -> None:
        self._fast_weight = 2.0 / (parameters.fast + 1)
        self._slow_weight = 2.0 / (parameters.slow + 1)
        self._fraction = parameters.fraction
        self._fast = 0.0
        self._slow = 0.0
        self._started = False

    @classmethod
    def warm_up_bars(cls, parameters: EmaCrossParameters) -> int:
        """Ask for four slow spans: what came before weighs less than 0.04 % of the slow average by then."""
        return 4 * parameters.slow

    def on_bar(self, bar: BarView, context: StrategyContext) -> None:
        """Update both averages (the usual recursion, seeded with the first close) and say the target."""
        close = bar.close
        if self._started:
            self._fast += self._fast_weight * (close - self._fast)
            self._slow += self._slow_weight * (close - self._slow)
        else:
            self._fast = self._slow = close
            self._started = True
        if self._fast > self._slow:
            context.target_fraction(bar.instrument_id, self._fraction, reason="fast average above slow")
        else:
            context.target_fraction(bar.instrument_id, 0.0, reason="fast average not above slow")
