"""Reconciliation verdict: what the venue's answers prove about an order whose fate is unknown.

A pure function; the asking is the driver's. A negative answer counts only when the venue's own time in it is past the
fence (signed timestamp + receive window + engine timeout + read lag), since before that the request may still arrive.
Binance answers "order does not exist" for orders that are minutes old or already filled, so one endpoint proves nothing.
"""

from enum import StrEnum

from live.core.orders import OrderState
from live.core.state import Order

AGREEING_NEGATIVES = 2
"""Different endpoints that must deny knowing an order, past the fence, before it counts as absent."""


class Verdict(StrEnum):
    """What is proven."""

    PRESENT = "PRESENT"
    ABSENT = "ABSENT"
    UNDECIDED = "UNDECIDED"


def judge(order: Order, *, found: bool) -> Verdict:
    """Judge an unknown order after an answer was applied to it; `found` is what that answer said.

    A cancel whose outcome is unknown is never concluded from absence: the order existed, so it may have filled.
    """
    if found:
        return Verdict.PRESENT
    if order.state is OrderState.SUBMIT_UNKNOWN and len(order.absent_at) >= AGREEING_NEGATIVES:
        return Verdict.ABSENT
    return Verdict.UNDECIDED
