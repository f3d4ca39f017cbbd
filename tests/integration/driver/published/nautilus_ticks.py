"""Orders at every so many quotes or trades: at market in turn, or a stop on either side."""

import msgspec

from live.core.strategy import QuoteView, Strategy, StrategyContext, TradeView


class Parameters(msgspec.Struct, frozen=True):
    stops: bool = False
    every: int = 250


class Quotes(Strategy):
    Parameters = Parameters
    seen = 0

    def on_quote(self, quote: QuoteView, context: StrategyContext) -> None:
        """Act at every so many."""
        self.seen += 1
        one, size = quote.instrument_id, context.units(quote.instrument_id, "0.01")
        if self.seen % self.parameters.every == 0 and self.parameters.stops:
            context.cancel_all()
            context.submit_order(one, "BUY", size, order_type="STOP", trigger_price=round(quote.ask_price + 3, 2))
            context.submit_order(one, "SELL", size, order_type="STOP", trigger_price=round(quote.bid_price - 3, 2))
        elif self.seen % self.parameters.every == 0:
            context.submit_order(one, "BUY" if self.seen // self.parameters.every % 2 else "SELL", size)


class Trades(Strategy):
    Parameters = Parameters
    seen = 0

    def on_trade(self, trade: TradeView, context: StrategyContext) -> None:
        """Act at every so many."""
        self.seen += 1
        if self.seen % self.parameters.every == 0:
            side = "BUY" if self.seen // self.parameters.every % 2 else "SELL"
            context.submit_order(trade.instrument_id, side, context.units(trade.instrument_id, "0.01"))
