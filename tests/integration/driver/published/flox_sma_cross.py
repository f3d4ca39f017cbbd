"""The strategy that `flox new` writes: long while the fast average is above the slow one, flat below."""

import msgspec

from live.core.strategy import BarView, Strategy, StrategyContext


class Parameters(msgspec.Struct, frozen=True):
    fast: int = 10
    slow: int = 30
    size: str = "0.01"


class SmaCross(Strategy):
    Parameters = Parameters

    def __init__(self, parameters: Parameters) -> None:
        self._p, self._closes = parameters, []

    def on_bar(self, bar: BarView, context: StrategyContext) -> None:
        """Follow the averages."""
        self._closes = [*self._closes[1 - self._p.slow :], bar.close]
        if len(self._closes) < self._p.slow:
            return
        fast, slow = sum(self._closes[-self._p.fast :]) / self._p.fast, sum(self._closes) / self._p.slow
        if fast != slow:
            units = context.units(bar.instrument_id, self._p.size)
            context.target_units(bar.instrument_id, units if fast > slow else 0)
