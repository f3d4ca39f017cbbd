"""LEAN's OneCancelsOtherOrderCashAccountRegressionAlgorithm: two exits of what is held, and an entry for more."""

from decimal import ROUND_HALF_EVEN, Decimal

from live.core.strategy import BarView, OrderView, Strategy, StrategyContext


class OneCancelsOther(Strategy):
    placed = False

    def on_bar(self, bar: BarView, context: StrategyContext) -> None:
        """Place all orders at the first bar."""
        if self.placed:
            return
        self.placed, one, price = True, bar.instrument_id, Decimal(str(bar.close))
        high, low, under = ((price * Decimal(share)).quantize(Decimal("0.01"), ROUND_HALF_EVEN) for share in ("1.002", "0.998", "0.999"))
        context.submit_order(one, "SELL", context.units(one, 1), order_type="LIMIT", limit_price=high, label="profit")
        context.submit_order(one, "SELL", context.units(one, 1), order_type="STOP", trigger_price=low, label="loss")
        amount = (9000 / price).quantize(Decimal("0.0001"), ROUND_HALF_EVEN)
        context.submit_order(one, "BUY", context.units(one, amount), order_type="LIMIT", limit_price=under, label="entry")

    def on_order(self, order: OrderView, context: StrategyContext) -> None:
        """Cancel the other exit."""
        if order.state == "FILLED" and order.label in {"profit", "loss"}:
            context.cancel_order("loss" if order.label == "profit" else "profit")
