"""A market entry, and of two exits the one that fills cancels the other."""

from live.core.strategy import BarView, OrderView, Strategy, StrategyContext

PERIOD = 50


class Bracket(Strategy):
    bars = 0
    price = 0.0

    def on_bar(self, bar: BarView, context: StrategyContext) -> None:
        """Enter at every fiftieth bar that finds nothing open."""
        self.bars += 1
        one = bar.instrument_id
        if self.bars % PERIOD or context.position(one) or context.open_orders():
            return
        self.price = bar.close
        context.submit_order(one, "BUY" if self.bars // PERIOD % 2 else "SELL", context.units(one, "0.1"), label="entry")

    def on_order(self, order: OrderView, context: StrategyContext) -> None:
        """Place the exits once the entry filled, and cancel one when the other filled."""
        if order.state != "FILLED":
            return
        one, held = order.instrument_id, context.position(order.instrument_id)
        if order.label == "entry":
            way, k = ("SELL", 1) if held > 0 else ("BUY", -1)
            profit, loss = round(self.price * (1 + k * 0.004), 2), round(self.price * (1 - k * 0.002), 2)
            context.submit_order(one, way, abs(held), order_type="LIMIT", limit_price=profit, label="profit")
            context.submit_order(one, way, abs(held), order_type="STOP", trigger_price=loss, label="loss")
        elif context.open_orders():
            context.cancel_order("loss" if order.label == "profit" else "profit")
