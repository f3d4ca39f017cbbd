"""A stake of 1,000 at the open after an upward crossing, a stop 1 % below, 2 % of profit after fees, out after a downward crossing."""

from math import ceil

from live.core.strategy import BarView, Strategy, StrategyContext


class Cross(Strategy):
    def __init__(self, parameters) -> None:
        self._closes, self._was, self._wish = [], None, ""

    def on_bar(self, bar: BarView, context: StrategyContext) -> None:
        """Look for a crossing."""
        self._closes, self._wish = [*self._closes[-19:], bar.close], ""
        if len(self._closes) < 20:
            return
        was, self._was = self._was, sum(self._closes[-10:]) / 10 - sum(self._closes) / 20
        if was is not None:
            self._wish = "BUY" if was <= 0 < self._was else "SELL" if was >= 0 > self._was else ""

    def on_trade(self, trade, context: StrategyContext) -> None:
        """Act at the open."""
        held, wish, self._wish = context.position(trade.instrument_id), self._wish, ""
        if wish == "BUY" and not held:
            context.submit_order(trade.instrument_id, "BUY", context.units(trade.instrument_id, 1000 / trade.price))
        elif wish == "SELL" and held:
            context.submit_order(trade.instrument_id, "SELL", held, reduce_only=True)

    def on_fill(self, fill, context: StrategyContext) -> None:
        """Place both exits once in, on the tick as the other engine rounds; drop the other one once out."""
        if held := context.position(fill.instrument_id):
            paid = context.average_price(fill.instrument_id)
            stop, profit = ceil(round(paid * 99, 6)) / 100, round(paid * 1.001 * 1.02 / 0.999, 2)
            context.submit_order(fill.instrument_id, "SELL", held, order_type="STOP", trigger_price=stop, reduce_only=True)
            context.submit_order(fill.instrument_id, "SELL", held, order_type="LIMIT", limit_price=profit, reduce_only=True)
        else:
            context.cancel_all(fill.instrument_id)
