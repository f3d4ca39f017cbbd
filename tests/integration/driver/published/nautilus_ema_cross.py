"""NautilusTrader's example EMACross: always in the market, out of one side and into the other by an order each."""

import msgspec

from live.core.strategy import BarView, Strategy, StrategyContext


class Parameters(msgspec.Struct, frozen=True):
    fast: int = 10
    slow: int = 20
    trade_size: str = "0.1"


class EmaCross(Strategy):
    Parameters = Parameters

    def __init__(self, parameters: Parameters) -> None:
        self._p, self._bars, self._fast, self._slow = parameters, 0, 0.0, 0.0

    def on_bar(self, bar: BarView, context: StrategyContext) -> None:
        """Follow the averages."""
        self._bars += 1
        for name, period in (("_fast", self._p.fast), ("_slow", self._p.slow)):
            before, weight = getattr(self, name), 2.0 / (period + 1.0)
            setattr(self, name, bar.close if self._bars == 1 else weight * bar.close + (1.0 - weight) * before)
        if self._bars < self._p.slow or bar.open == bar.high == bar.low == bar.close:
            return
        side, held = 1 if self._fast >= self._slow else -1, context.position(bar.instrument_id)
        if held * side > 0:
            return
        units = context.units(bar.instrument_id, self._p.trade_size)
        way = "BUY" if side > 0 else "SELL"
        if held:
            context.submit_order(bar.instrument_id, way, abs(held), reduce_only=True)
        context.submit_order(bar.instrument_id, way, units)
