"""Retention: which ended orders and fills the state goes on knowing, so that it does not grow with the session."""

from collections import Counter
from operator import attrgetter

from live.core.entities import Order
from live.core.orders import OrderState
from live.core.pace import MINUTE

DAY = 24 * 60 * MINUTE

_NEVER_LEFT = frozenset({OrderState.DENIED, OrderState.NOT_SENT})

RETENTION = DAY
"""Orders that ended are kept so long after their end, for late fills; a report about an older one counts as unknown."""
RETAINED_ORDERS = 1_000
"""The newest orders are kept however old they are, and however they ended."""
RETAINED_ENDED = 8_000
"""Ended orders are kept for late fills up to so many, those that ended last: at the ceiling of 300 orders a minute, half an hour.
A venue's scan of fills must not look back further; what it would show beyond stops everything, as an order nobody recorded."""
RETAINED_FILLS = 40_000
"""Executions of ended orders are kept up to so many, to know them when they are reported again; the oldest orders go first."""


def forget_old_orders(orders: dict[str, Order], fill_keys: dict[str, str], now: int) -> tuple[dict[str, Order], dict[str, str]]:
    """Give the orders and the keys of fills that are kept, so that neither memory nor snapshots grow with the session.

    What never left the house cannot fill, so of it only the newest are kept; of the rest those that ended last.
    """
    newest = set(list(orders)[-RETAINED_ORDERS:])
    since = now - RETENTION
    ended = [order for order in orders.values() if order.ended_at > since and order.state not in _NEVER_LEFT]
    if len(ended) > RETAINED_ENDED or len(fill_keys) > RETAINED_FILLS:  # else there is no choice to make between them
        ended.sort(key=attrgetter("ended_at", "intent_id"))
    kept: set[str] = set()
    if len(fill_keys) <= RETAINED_FILLS:
        kept.update([order.order_id for order in ended[-RETAINED_ENDED:]])
    else:
        fills = Counter(fill_keys.values())
        room = RETAINED_FILLS
        for order in reversed(ended[-RETAINED_ENDED:]):
            room -= fills[order.order_id]
            if room < 0:
                break
            kept.add(order.order_id)
    remembered = {order_id: order for order_id, order in orders.items() if order_id in newest or order_id in kept or not order.ended_at}
    return remembered, {key: order_id for key, order_id in fill_keys.items() if order_id in remembered}
