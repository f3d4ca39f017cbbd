"""LEAN's SetHoldings in a cash account: 0.25 % stays free, and the fee is inside."""

from decimal import Decimal

import msgspec

from live.core.strategy import QuoteBarView, Strategy, StrategyContext


class Parameters(msgspec.Struct, frozen=True):
    weight: str = "1"
    fee: str = "0.003"


class SetHoldings(Strategy):
    Parameters = Parameters

    def on_quote_bar(self, bar: QuoteBarView, context: StrategyContext) -> None:
        """Buy once, sized at the ask."""
        if not context.position(bar.instrument_id):
            money = Decimal("0.9975") * Decimal(self.parameters.weight) * Decimal(str(context.equity("USD")))
            amount = money / (Decimal(str(bar.ask_close)) * (1 + Decimal(self.parameters.fee)))
            context.submit_order(bar.instrument_id, "BUY", context.units(bar.instrument_id, amount))
