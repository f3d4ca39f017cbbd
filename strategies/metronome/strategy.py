"""Metronome: buys and sells in turn, always after the same number of the market's trades, with one order resting far below.

It keeps a venue busy whatever the market does, so that a drill has orders to lose and orders that rest.
"""

import msgspec

from live.core.strategy import Strategy, StrategyContext, TradeView

NET = "net"
BEAT = "beat"
"""Labels of the order that rests and of the one that trades."""
BOUND = 0.002
"""How much worse than the last price an order may trade, as a fraction of it."""


class MetronomeParameters(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """Choose the beat and the size.

    Attributes:
        every: trades of the market between two orders.
        amount: what is bought each time, in the base asset.
        net_distance: how far below the first price the resting order lies, as a fraction of it.
    """

    every: int
    amount: float
    net_distance: float


class Metronome(Strategy):
    """Hold `amount` for `every` trades of the market, and nothing for as many."""

    Parameters = MetronomeParameters

    def __init__(self, parameters: MetronomeParameters) -> None:
        self._parameters = parameters
        self._seen = 0

    def on_trade(self, trade: TradeView, context: StrategyContext) -> None:
        """Count, and send the next order when its turn has come and none is on its way."""
        name, parameters = trade.instrument_id, self._parameters
        alive = {order.label for order in context.open_orders(name)}
        amount = context.units(name, parameters.amount)
        if NET not in alive:
            price = round(trade.price * (1 - parameters.net_distance), context.instrument(name).price_scale)
            context.submit_order(name, "BUY", amount, order_type="LIMIT", limit_price=price, label=NET, reason="rests below the market")
        self._seen += 1
        if self._seen < parameters.every or BEAT in alive:
            return
        self._seen = 0
        held, places = context.position(name), context.instrument(name).price_scale
        # A bound on the price, because an order without one could meet the one that rests.
        if held > 0:
            side, quantity, bound, reason = "SELL", held, round(trade.price * (1 - BOUND), places), "every other beat sells"
        else:
            side, quantity, bound, reason = "BUY", amount, round(trade.price * (1 + BOUND), places), "every other beat buys"
        context.submit_order(name, side, quantity, order_type="LIMIT", limit_price=bound, time_in_force="IOC", label=BEAT, reason=reason)
