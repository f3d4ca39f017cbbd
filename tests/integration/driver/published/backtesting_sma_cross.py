"""The SMA cross of backtesting.py's documentation: all of the account long or short, sized at the next open."""

import msgspec

from live.core.strategy import BarView, Strategy, StrategyContext, TradeView


class Parameters(msgspec.Struct, frozen=True):
    fast: int = 10
    slow: int = 20


class SmaCross(Strategy):
    Parameters = Parameters

    def __init__(self, parameters: Parameters) -> None:
        self._p, self._closes, self._was, self._side, self._due = parameters, [], 0.0, 0, False

    def on_bar(self, bar: BarView, context: StrategyContext) -> None:
        """Follow the averages."""
        self._closes = [*self._closes[1 - self._p.slow :], bar.close]
        if len(self._closes) < self._p.slow:
            return
        now = sum(self._closes[-self._p.fast :]) / self._p.fast - sum(self._closes) / self._p.slow
        if (self._was < 0 < now) or (self._was > 0 > now):
            self._side, self._due = (1 if now > 0 else -1), True
        self._was = now

    def on_trade(self, trade: TradeView, context: StrategyContext) -> None:
        """Turn at the open: out first, when there is something to get out of."""
        if self._due:
            self._due, held = False, context.position(trade.instrument_id)
            context.target_fraction(trade.instrument_id, 0.0 if held else float(self._side))

    def on_fill(self, fill, context: StrategyContext) -> None:
        """Go in once out."""
        if not context.position(fill.instrument_id):
            context.target_fraction(fill.instrument_id, float(self._side))
