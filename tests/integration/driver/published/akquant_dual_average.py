"""Twenty units while the fast average is above the slow one, by an order each as soon as what is held says so."""

from live.core.strategy import BarView, Strategy, StrategyContext


class DualAverage(Strategy):
    def __init__(self, parameters) -> None:
        self._closes = []

    def on_bar(self, bar: BarView, context: StrategyContext) -> None:
        """Go in when flat, and out with all that is held."""
        self._closes = [*self._closes[-19:], bar.close]
        if len(self._closes) < 20:
            return
        fast, slow, held = sum(self._closes[-10:]) / 10, sum(self._closes) / 20, context.position(bar.instrument_id)
        if fast > slow and not held:
            context.submit_order(bar.instrument_id, "BUY", context.units(bar.instrument_id, 20))
        elif fast < slow and held > 0:
            context.submit_order(bar.instrument_id, "SELL", held)
