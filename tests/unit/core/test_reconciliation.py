"""The verdict about an order of unknown fate: presence by one sighting, absence by every witness in turn, and nothing by silence."""

from itertools import permutations

import pytest

from live.core.entities import Order
from live.core.inputs import OrderObserved
from live.core.orders import OrderState
from live.core.reconciliation import WITNESSES, Verdict, counts, judge
from live.core.vocabulary import OrderType, Side, TimeInForce

LEFT = 1_000
FENCE = 2_000


def order(state=OrderState.SUBMIT_UNKNOWN, absent_at=(), not_open_at=0, submitted_at=LEFT, lost_at=0):
    """Make an order."""
    kind = (Side.BUY, OrderType.MARKET, TimeInForce.IMMEDIATE_OR_CANCEL)
    one = Order("O1", 1, 1, "alpha", "paper", "binance-spot:BTCUSDT", *kind, 10, None, 1, 0, state)
    one.absent_at, one.not_open_at, one.submitted_at, one.lost_at = absent_at, not_open_at, submitted_at, lost_at
    return one


def answer(endpoint="order", requested_at=LEFT, venue_time=FENCE + 1):
    """Make a negative answer."""
    return OrderObserved(9_999, "O1", endpoint, False, requested_at, venue_time, FENCE)


@pytest.mark.parametrize("state", sorted(OrderState))
def test_a_sighting_is_presence_whatever_was_held(state):
    """One positive answer outweighs every negative one."""
    assert judge(order(state, WITNESSES), found=True) is Verdict.PRESENT


@pytest.mark.parametrize("state", sorted(OrderState))
def test_only_an_order_that_may_never_have_arrived_can_be_absent(state):
    """What was open once cannot never have been, so a lost cancel is never concluded from absence."""
    wanted = Verdict.ABSENT if state is OrderState.SUBMIT_UNKNOWN else Verdict.UNDECIDED
    assert judge(order(state, WITNESSES), found=False) is wanted


def test_every_witness_is_needed():
    """Two of three leave an order undecided, whichever they are, and so does any number of others."""
    for two in permutations(WITNESSES, 2):
        assert judge(order(absent_at=(*two, "all_orders", "stream")), found=False) is Verdict.UNDECIDED


@pytest.mark.parametrize(
    ("said", "is_evidence"),
    [
        (answer(), True),
        (answer(venue_time=FENCE), False),
        (answer(requested_at=LEFT - 1), False),
        (answer("open_orders"), True),
        (answer("trades"), False),
    ],
)
def test_a_negative_counts_only_past_the_fence_and_after_the_order_left(said, is_evidence):
    """Before that the request may still arrive; and trades count only once the open orders have been read."""
    assert counts(order(), said) is is_evidence


@pytest.mark.parametrize(("read_at", "is_evidence"), [(FENCE + 4, False), (FENCE + 5, False), (FENCE + 6, True)])
def test_trades_count_only_when_read_after_the_open_orders(read_at, is_evidence):
    """By the venue's own time, and strictly: within one tick of its clock the order of the two is not known."""
    known = order(absent_at=("open_orders",), not_open_at=FENCE + 5)
    assert counts(known, answer("trades", venue_time=read_at)) is is_evidence


def test_an_order_counts_as_gone_out_until_its_fate_became_unknown():
    """It may have waited for the disk or a request budget, so a question from between proves nothing."""
    waited = order(lost_at=LEFT + 500)
    assert waited.left_by == LEFT + 500
    assert not counts(waited, answer(requested_at=LEFT + 499))
    assert counts(waited, answer(requested_at=LEFT + 500))
