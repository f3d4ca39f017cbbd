"""LEAN's CryptoBaseCurrencyFeeRegressionAlgorithm: buy 0.1, sell what is held, in turn."""

from live.core.strategy import BarView, Strategy, StrategyContext


class FeeInBase(Strategy):
    def on_bar(self, bar: BarView, context: StrategyContext) -> None:
        """Buy, or sell all."""
        held = context.position(bar.instrument_id)
        if held:
            context.submit_order(bar.instrument_id, "SELL", held)
        else:
            context.submit_order(bar.instrument_id, "BUY", context.units(bar.instrument_id, "0.1"))
