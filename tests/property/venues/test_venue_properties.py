"""Laws of what stands before a real venue."""

from hypothesis import given
from hypothesis import strategies as st

from live.core.decimals import format_scaled, parse_scaled
from live.venues.ccxt_adapter.dialects import BINANCE_RULES
from live.venues.ccxt_adapter.translation import units
from live.venues.clock_offset import midpoint_sample
from live.venues.request_budget import BudgetLimits, OrderLimit, Priority, RequestBudget
from live.venues.taxonomy import MEANINGS, Becomes, Failure, FailureClass, classify

SCALES = st.integers(0, 12)


@given(value=st.integers(0, 10**20), scale=SCALES, more=st.integers(0, 8))
def test_a_number_survives_its_text(value: int, scale: int, more: int) -> None:
    """Whatever zeros a venue appends, the units are those that were written; and the fast way reads what the exact one does."""
    text = format_scaled(value, scale)
    padded = text + ("" if scale else ".") + "0" * more if more or scale else text
    assert units(padded, scale) == value == parse_scaled(padded, scale)


@given(
    offset=st.integers(-(10**12), 10**12), there=st.integers(0, 10**9), back=st.integers(0, 10**9), sent_at=st.integers(10**18, 2 * 10**18)
)
def test_the_offset_lies_within_the_bound_whatever_the_legs_took(offset: int, there: int, back: int, sent_at: int) -> None:
    """However unequal the way there and back, and with the venue's digits cut to milliseconds."""
    resolution = 1_000_000
    venue_time = (sent_at + there + offset) // resolution * resolution
    sample = midpoint_sample(sent_at, there + back, venue_time, resolution)
    assert abs(sample.offset - offset) <= sample.uncertainty


@given(
    status=st.one_of(st.none(), st.integers(100, 599)),
    code=st.one_of(st.none(), st.integers(-3_000, 0)),
    message=st.sampled_from(["", "Duplicate order sent.", "Account has insufficient balance for requested action."]),
    exception=st.sampled_from(["NetworkError", "InvalidOrder", "KeyError"]),
)
def test_an_order_is_rejected_only_by_an_answer_that_says_so(status: int | None, code: int | None, message: str, exception: str) -> None:
    """No answer, a success, a redirect, a server's error and a code that nobody knows never reject an order."""
    failure = Failure(sent=True, status=status, code=code, message=message, exception=exception)
    becomes = MEANINGS[classify(failure, BINANCE_RULES)].order
    if status is None and code is None:
        assert becomes is Becomes.UNKNOWN
    if status is not None and (200 <= status < 400 or status >= 500):
        assert becomes is Becomes.UNKNOWN
    assert becomes is not Becomes.NOT_SENT
    assert classify(Failure(sent=False, status=status, code=code), BINANCE_RULES) is FailureClass.NOT_SENT


@given(
    steps=st.lists(
        st.tuples(st.sampled_from(Priority), st.integers(1, 30), st.integers(0, 20_000_000_000), st.booleans()), min_size=1, max_size=60
    )
)
def test_no_order_of_requests_spends_more_than_the_limit_or_a_cancels_reserve(steps: list[tuple[Priority, int, int, bool]]) -> None:
    """What is let go within one window never adds up to more than the share of its priority."""
    limits = BudgetLimits(weight=100, orders=(OrderLimit(5, 10_000_000_000),), in_flight=(99, 99, 99, 99))
    budget, now = RequestBudget(limits), 0
    left: list[tuple[Priority, int, int]] = []
    for priority, weight, passed, answered in steps:
        now += passed
        if budget.wait(priority, weight, now) != 0:
            continue
        budget.spend(priority, weight, now)
        if answered:
            budget.settle(priority, weight, now)
        left.append((priority, weight, now))
        window = [one for one in left if one[2] // limits.window == now // limits.window]
        used = sum(one[1] for one in window)
        assert used <= max(limits.weight * limits.shares[priority] // 100, weight)
        placed = [one for one in left if one[0] is Priority.PLACE and one[2] // 10_000_000_000 == now // 10_000_000_000]
        assert len(placed) <= 5
