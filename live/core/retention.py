"""Retention: which ended orders and fills the state goes on knowing, so that it does not grow with the session."""

from collections import Counter
from collections.abc import Iterator
from itertools import accumulate, islice, takewhile
from operator import attrgetter

from live.core.entities import Order
from live.core.orders import OrderState
from live.core.pace import MINUTE

DAY = 24 * 60 * MINUTE

_DENIED, _NOT_SENT = OrderState.DENIED, OrderState.NOT_SENT
_END = attrgetter("ended_at", "intent_id")

RETENTION = DAY
"""Orders that ended are kept so long after their end, for late fills; a report about an older one counts as unknown."""
RETAINED_ORDERS = 1_000
"""The newest orders are kept however old they are, and however they ended."""
RETAINED_ENDED = 8_000
"""Ended orders are kept for late fills up to so many, those that ended last: at the ceiling of 300 orders a minute, half an hour.
A venue's scan of fills must not look back further; what it would show beyond stops everything, as an order nobody recorded."""
RETAINED_FILLS = 40_000
"""Executions of ended orders are kept up to so many, to know them when they are reported again; the oldest orders go first."""


class EndedOrders:
    """Hold the orders that ended, in the order of their ends, so that those that are kept need not be looked at to forget others."""

    __slots__ = ("_may_fill", "_never_left")

    def __init__(self) -> None:
        self._may_fill: dict[str, Order] = {}
        self._never_left: dict[str, Order] = {}

    def add(self, order: Order) -> None:
        """Take in an order that ends now, once more or for the first time."""
        order_id, state = order.order_id, order.state
        if self._never_left or order_id in self._may_fill:
            self.discard(order_id)
        held = self._never_left if state is _DENIED or state is _NOT_SENT else self._may_fill
        held[order_id] = order

    def discard(self, order_id: str) -> None:
        """Let go of an order that lives again, if it was thought to have ended."""
        self._may_fill.pop(order_id, None)
        self._never_left.pop(order_id, None)

    def forget(self, fill_keys: dict[str, str], newest: int, now: int) -> list[str]:
        """Take out the orders that need not be kept, so that neither memory nor snapshots grow with the session, and name them.

        What never left the house cannot fill, so of it only the newest are kept; of the rest those that ended last.

        Args:
            fill_keys: the order of each execution that is known.
            newest: the intent from which on orders are kept however old they are.
            now: engine time, nanoseconds UTC.
        """
        since = now - RETENTION
        held = self._may_fill.values()
        old = list(takewhile(lambda order: order.ended_at <= since, held))
        beyond = len(held) - len(old) - RETAINED_ENDED
        if len(fill_keys) > RETAINED_FILLS:
            beyond = max(beyond, _count_without_room(islice(held, len(old), None), fill_keys))
        if beyond > 0:
            old += _first(beyond, islice(held, len(old), None))
        forgotten = [order.order_id for order in (*self._never_left.values(), *old) if order.intent_id < newest]
        for order_id in forgotten:
            self.discard(order_id)
        return forgotten


def _first(count: int, ended: Iterator[Order]) -> list[Order]:
    """Give so many of the orders that ended first; of those that ended at one time the ones that were wanted first, as every fold does."""
    first = list(islice(ended, count))
    last = first[-1].ended_at
    first += takewhile(lambda order: order.ended_at == last, ended)
    first.sort(key=_END)
    return first[:count]


def _count_without_room(ended: Iterator[Order], fill_keys: dict[str, str]) -> int:
    """Count the orders that ended first and whose executions are more than are kept."""
    fills = Counter(fill_keys.values())
    orders = sorted(ended, key=_END)
    kept = takewhile(lambda count: count <= RETAINED_FILLS, accumulate(fills[order.order_id] for order in reversed(orders)))
    return len(orders) - sum(1 for _ in kept)
