"""At a new high of ten closes buy, with a stop 2 % below what was paid, and sell after five bars."""

from live.core.strategy import BarView, Strategy, StrategyContext


class NewHigh(Strategy):
    def __init__(self, parameters) -> None:
        self._closes, self._held = [], 0

    def on_bar(self, bar: BarView, context: StrategyContext) -> None:
        """Count the bars after the entry's; look for a new high when flat."""
        high = max(self._closes[-10:], default=0.0)
        self._closes = [*self._closes[-9:], bar.close]
        if held := context.position(bar.instrument_id):
            self._held += 1
            if self._held == 5:
                context.submit_order(bar.instrument_id, "SELL", held, reduce_only=True)
        elif high and len(self._closes) == 10 and max(self._closes) > high:
            self._held = 0
            context.submit_order(bar.instrument_id, "BUY", context.units(bar.instrument_id, 20))

    def on_fill(self, fill, context: StrategyContext) -> None:
        """Place the stop once in, and drop it once out."""
        if held := context.position(fill.instrument_id):
            stop = 0.98 * context.average_price(fill.instrument_id)
            context.submit_order(fill.instrument_id, "SELL", held, order_type="STOP", trigger_price=round(stop, 8), reduce_only=True)
        else:
            context.cancel_all(fill.instrument_id)
