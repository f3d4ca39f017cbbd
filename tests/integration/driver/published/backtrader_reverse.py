"""Twenty units on the side of the last crossing of two averages, reversed by one order."""

import msgspec

from live.core.strategy import BarView, Strategy, StrategyContext


class Parameters(msgspec.Struct, frozen=True):
    units: str = "20"


class Reverse(Strategy):
    Parameters = Parameters

    def __init__(self, parameters: Parameters) -> None:
        self._p, self._closes, self._apart = parameters, [], 0.0

    def on_bar(self, bar: BarView, context: StrategyContext) -> None:
        """Reverse when the sign changes; averages that are equal keep the sign they had."""
        self._closes = [*self._closes[-19:], bar.close]
        if len(self._closes) < 20:
            return
        before, now = self._apart, sum(self._closes[-10:]) / 10 - sum(self._closes) / 20
        self._apart = now or before
        if before * now < 0:
            units = context.units(bar.instrument_id, self._p.units)
            context.target_units(bar.instrument_id, units if now > 0 else -units)
