"""Reconciliation verdict: what the venue's answers prove about an order whose fate is unknown.

A pure function; the asking is the driver's. A negative answer counts only when the venue's own time in it is past the
fence (signed timestamp + receive window + engine timeout + read lag), since before that the request may still arrive.
Binance answers "order does not exist" for orders that are minutes old or already filled, and an order that filled at once
is rightly not among the open ones; so absence takes three witnesses. The trade history is the last:
it counts only if it was read after the open orders had denied the order, by the venue's time, since one that rested may have filled
between two readings the other way round, or within one tick of that clock. An adapter asks them in turn. What was proven absent is
still asked about for as long as orders are kept.
"""

from enum import StrEnum
from typing import TYPE_CHECKING

from live.core.orders import OrderState

if TYPE_CHECKING:
    from live.core.entities import Order
    from live.core.inputs import OrderObserved

BY_ID = "order"
OPEN_ORDERS = "open_orders"
TRADES = "trades"
WITNESSES = (BY_ID, OPEN_ORDERS, TRADES)
"""The endpoints that must all deny knowing an order, past the fence, before it counts as absent."""


class Verdict(StrEnum):
    """What is proven."""

    PRESENT = "PRESENT"
    ABSENT = "ABSENT"
    UNDECIDED = "UNDECIDED"


def judge(order: "Order", *, found: bool) -> Verdict:
    """Judge an unknown order after an answer was applied to it; `found` is what that answer said.

    A cancel whose outcome is unknown is never concluded from absence: the order existed, so it may have filled.
    """
    if found:
        return Verdict.PRESENT
    if order.state is OrderState.SUBMIT_UNKNOWN and all(witness in order.absent_at for witness in WITNESSES):
        return Verdict.ABSENT
    return Verdict.UNDECIDED


def counts(order: "Order", answer: "OrderObserved") -> bool:
    """Tell whether a negative answer is evidence: asked after the order left, answered past the fence, and in turn."""
    if answer.requested_at < order.left_by or answer.venue_time <= answer.fence:
        return False
    return answer.endpoint != TRADES or (OPEN_ORDERS in order.absent_at and answer.venue_time > order.not_open_at)
