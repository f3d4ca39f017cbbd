"""Fifty shares while the fast average is above the slow one, ordered anew as long as they are not held."""

from live.core.strategy import BarView, Strategy, StrategyContext


class DualAverage(Strategy):
    def __init__(self, parameters) -> None:
        self._closes, self._bars = [], 0

    def on_bar(self, bar: BarView, context: StrategyContext) -> None:
        """Order what is missing."""
        self._closes, self._bars = [*self._closes[-29:], bar.close], self._bars + 1
        if self._bars <= 30:
            return
        fast, slow, held = sum(self._closes[-10:]) / 10, sum(self._closes) / 30, context.position(bar.instrument_id)
        wanted = context.units(bar.instrument_id, 50) if fast > slow else 0 if fast < slow else held
        if wanted != held:
            context.submit_order(bar.instrument_id, "BUY" if wanted > held else "SELL", abs(wanted - held))
