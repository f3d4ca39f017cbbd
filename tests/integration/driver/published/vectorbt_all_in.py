"""All the cash, slippage and fee inside, in at the close of an upward crossing of two averages, and out at the close of a downward one."""

import msgspec

from live.core.strategy import BarView, Strategy, StrategyContext


class Parameters(msgspec.Struct, frozen=True):
    fast: int = 10
    slow: int = 20
    cost: float = 1.0005 * 1.001


class AllIn(Strategy):
    Parameters = Parameters

    def __init__(self, parameters: Parameters) -> None:
        self._p, self._closes, self._above = parameters, [], None

    def on_bar(self, bar: BarView, context: StrategyContext) -> None:
        """Act on a crossing only: what is above from the start on has crossed nothing."""
        self._closes = [*self._closes[1 - self._p.slow :], bar.close]
        if len(self._closes) < self._p.slow:
            return
        fast, slow = sum(self._closes[-self._p.fast :]) / self._p.fast, sum(self._closes) / self._p.slow
        was, self._above = self._above, fast > slow
        if was is False and fast > slow:
            amount = (context.equity("USDT") or 0.0) / (bar.close * self._p.cost)
            context.target_units(bar.instrument_id, context.units(bar.instrument_id, amount))
        elif was and fast < slow:
            context.target_units(bar.instrument_id, 0)
