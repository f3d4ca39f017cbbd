"""A long entry at each upward crossing, with a stop and a take-profit measured from the close that was decided on."""

import msgspec

from live.core.strategy import BarView, Strategy, StrategyContext


class Parameters(msgspec.Struct, frozen=True):
    units: str = "20"


class Bracket(Strategy):
    Parameters = Parameters

    def __init__(self, parameters: Parameters) -> None:
        self._p, self._closes, self._was, self._close = parameters, [], 0.0, 0.0

    def on_bar(self, bar: BarView, context: StrategyContext) -> None:
        """Enter at a crossing, when flat."""
        self._closes = [*self._closes[-19:], bar.close]
        if len(self._closes) < 20:
            return
        now = sum(self._closes[-10:]) / 10 - sum(self._closes) / 20
        if self._was < 0 < now and not context.position(bar.instrument_id):
            self._close = bar.close
            context.submit_order(bar.instrument_id, "BUY", context.units(bar.instrument_id, self._p.units))
        self._was = now

    def on_fill(self, fill, context: StrategyContext) -> None:
        """Place both exits once in; drop the other one once out."""
        held = context.position(fill.instrument_id)
        if not held:
            context.cancel_all(fill.instrument_id)
            return
        context.submit_order(fill.instrument_id, "SELL", held, order_type="STOP", trigger_price=self._close * 0.98, reduce_only=True)
        context.submit_order(fill.instrument_id, "SELL", held, order_type="LIMIT", limit_price=self._close * 1.03, reduce_only=True)
