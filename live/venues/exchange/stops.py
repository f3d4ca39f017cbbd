"""Orders that wait for the last price: which of them a trade wakes.

Source: Binance Spot API documentation, "New order", trigger order price rules against market price.
"""

from heapq import heappop, heappush

from live.venues.exchange.fixed8 import Fixed8
from live.venues.exchange.orders import OrderType, Side, VenueOrder

_STOP_LOSSES = frozenset({OrderType.STOP_LOSS, OrderType.STOP_LOSS_LIMIT})


def waits_for_rise(kind: OrderType, side: Side) -> bool:
    """Say whether a stop waits for the price to rise to it: a buying stop loss and a selling take profit do."""
    return (kind in _STOP_LOSSES) == (side is Side.BUY)


class Stops:
    """The stops of one symbol that have not been triggered."""

    __slots__ = ("_by_fall", "_by_rise", "_waiting")

    def __init__(self) -> None:
        self._waiting: dict[int, VenueOrder] = {}
        # Heaps keep the nearest stop on top; an order that was canceled is left in them until it comes up.
        self._by_rise: list[tuple[Fixed8, int]] = []
        self._by_fall: list[tuple[Fixed8, int]] = []

    def add(self, order: VenueOrder) -> None:
        """Let an order wait."""
        self._waiting[order.order_id] = order
        if waits_for_rise(order.type, order.side):
            heappush(self._by_rise, (order.stop_price, order.order_id))
        else:
            heappush(self._by_fall, (-order.stop_price, order.order_id))

    def remove(self, order: VenueOrder) -> None:
        """Let an order wait no longer."""
        del self._waiting[order.order_id]

    def __contains__(self, order: VenueOrder) -> bool:
        return order.order_id in self._waiting

    def take(self, lowest: Fixed8, highest: Fixed8) -> list[VenueOrder]:
        """Give, once, the orders that trades between two prices wake: nearest first, those of one price by age."""
        woken: list[VenueOrder] = []
        while self._by_rise and self._by_rise[0][0] <= highest:
            self._wake(heappop(self._by_rise)[1], woken)
        while self._by_fall and -self._by_fall[0][0] >= lowest:
            self._wake(heappop(self._by_fall)[1], woken)
        return woken

    def _wake(self, order_id: int, woken: list[VenueOrder]) -> None:
        order = self._waiting.pop(order_id, None)
        if order is not None:
            woken.append(order)
