"""Who may ask a venue next."""

import asyncio
from collections.abc import Awaitable, Callable

import pytest

from live.venues.request_budget import (
    MINUTE,
    SECOND,
    BudgetExceededError,
    BudgetLimits,
    BudgetQueue,
    OrderLimit,
    Priority,
    RequestBudget,
)

CANCEL, PLACE, RECONCILE, POLL = Priority
LIMITS = BudgetLimits(weight=100, orders=(OrderLimit(3, 10 * SECOND),), in_flight=(8, 8, 2, 2))


def spent(priority: Priority, weight: int, now: int = 0, **told: int) -> RequestBudget:
    """Give a budget in which one request was answered."""
    budget = RequestBudget(LIMITS)
    budget.spend(priority, weight, now)
    budget.settle(priority, weight, now, **told)  # pyright: ignore[reportArgumentType]
    return budget


def test_polls_leave_room_for_everything_else_and_everything_leaves_room_for_cancels() -> None:
    """The last tenth of the weight is nobody's but cancels'."""
    budget = spent(POLL, 50)
    assert budget.wait(POLL, 1, 0) == MINUTE
    assert budget.wait(RECONCILE, 1, 0) == budget.wait(PLACE, 1, 0) == budget.wait(CANCEL, 1, 0) == 0
    budget = spent(PLACE, 90)
    assert budget.wait(PLACE, 1, 0) == MINUTE
    assert budget.wait(CANCEL, 10, 0) == 0
    assert budget.wait(CANCEL, 11, 0) == MINUTE


def test_the_venues_own_count_holds_where_it_is_larger() -> None:
    """Whoever else asks from this address is in it."""
    budget = spent(RECONCILE, 1, used_weight=95)
    assert budget.used_weight(0) == 95
    assert budget.wait(PLACE, 1, 0) == MINUTE


def test_what_is_under_way_counts_before_the_venue_has_counted_it() -> None:
    """Twenty requests at once are twenty, although no answer says so yet."""
    budget = RequestBudget(LIMITS)
    for _ in range(2):
        budget.spend(POLL, 25, 0)
    assert budget.wait(PLACE, 41, 0) == MINUTE
    assert budget.wait(PLACE, 40, 0) == 0


def test_weight_is_free_again_when_the_venues_window_ends() -> None:
    """Windows begin at multiples of their length, by the venue's clock."""
    budget = spent(CANCEL, 100, now=59 * SECOND)
    assert budget.wait(CANCEL, 1, 59 * SECOND) == SECOND
    assert budget.wait(CANCEL, 1, MINUTE) == 0


def test_orders_are_counted_in_their_own_windows_and_cancels_are_not() -> None:
    """The fourth order waits; its cancel does not."""
    budget = RequestBudget(LIMITS)
    for _ in range(3):
        budget.spend(PLACE, 1, 0)
        budget.settle(PLACE, 1, 0)
    assert budget.wait(PLACE, 1, SECOND) == 9 * SECOND
    assert budget.wait(CANCEL, 1, SECOND) == 0


def test_orders_that_filled_are_given_back_by_the_venues_count() -> None:
    """The venue counts unfilled orders: its smaller number holds."""
    budget = RequestBudget(LIMITS)
    for _ in range(3):
        budget.spend(PLACE, 1, 0)
        budget.settle(PLACE, 1, 0, order_counts=(1,))
    assert budget.wait(PLACE, 1, 0) == 0


def test_told_that_it_was_too_much_nothing_but_cancels_leaves() -> None:
    """A refusal holds questions and orders back for as long as the venue says."""
    budget = RequestBudget(LIMITS)
    budget.freeze(3 * SECOND, 0, banned=False)
    assert budget.wait(PLACE, 1, SECOND) == 2 * SECOND
    assert budget.wait(CANCEL, 1, SECOND) == 0
    assert budget.wait(PLACE, 1, 3 * SECOND) == 0


def test_banned_nothing_leaves_at_all() -> None:
    """Every further request would make the ban longer."""
    budget = RequestBudget(LIMITS)
    budget.freeze(120 * SECOND, 0, banned=True)
    assert budget.wait(CANCEL, 1, 0) == 120 * SECOND


def test_a_refusal_that_names_no_time_still_holds_back() -> None:
    """Silence about how long is no leave to go on."""
    budget = RequestBudget(LIMITS)
    budget.freeze(None, 0, banned=False)
    assert budget.wait(POLL, 1, 0) == LIMITS.penalty


def run(work: Callable[[BudgetQueue], Awaitable[None]], budget: RequestBudget | None = None) -> None:
    """Run something with a queue on an event loop, at venue time 0."""

    async def main() -> None:
        queue = BudgetQueue(budget or RequestBudget(LIMITS), lambda: 0)
        await work(queue)
        queue.close()

    asyncio.run(main())


def test_a_cancel_passes_polls_that_wait() -> None:
    """Of what waits for the venue, a cancel is let go first, and polls only as many at once as may be."""

    async def work(queue: BudgetQueue) -> None:
        left: list[str] = []

        async def ask(name: str, priority: Priority) -> None:
            await queue.admit(priority, 1, 5.0)
            left.append(name)

        polls = [asyncio.create_task(ask(f"poll {index}", POLL)) for index in range(20)]
        await asyncio.sleep(0)
        await ask("cancel", CANCEL)
        assert left == ["poll 0", "poll 1", "cancel"]
        queue.settle(POLL, 1)
        await asyncio.sleep(0)
        assert left[3:] == ["poll 2"]
        for poll in polls:
            poll.cancel()
        await asyncio.gather(*polls, return_exceptions=True)

    run(work)


def test_a_request_whose_turn_does_not_come_in_time_says_so_and_spends_nothing() -> None:
    """An order that is too late is not sent: it says that it never left."""

    async def work(queue: BudgetQueue) -> None:
        with pytest.raises(BudgetExceededError, match="PLACE request of weight 1"):
            await queue.admit(PLACE, 1, 0.0)
        assert queue.budget.used_weight(0) == 95

    run(work, spent(RECONCILE, 1, used_weight=95))


def test_a_request_that_is_given_up_while_it_waits_blocks_nobody() -> None:
    """A canceled waiter is passed over."""

    async def work(queue: BudgetQueue) -> None:
        for _ in range(2):
            await queue.admit(POLL, 1, 1.0)
        given_up = asyncio.create_task(queue.admit(POLL, 1, 5.0))
        waiting = asyncio.create_task(queue.admit(POLL, 1, 5.0))
        await asyncio.sleep(0)
        given_up.cancel()
        await asyncio.sleep(0)
        queue.settle(POLL, 1)
        await waiting

    run(work)


def test_a_count_of_the_window_before_says_nothing_about_this_one() -> None:
    """An answer that came after the minute was over counts itself: else nothing, and not even a cancel, would leave for a minute."""
    budget = RequestBudget(BudgetLimits(weight=100, orders=(OrderLimit(10, MINUTE),)))
    budget.spend(PLACE, 1, MINUTE - 1)
    budget.settle(PLACE, 1, MINUTE + 1, used_weight=100, order_counts=(10,), spent_at=MINUTE - 1)
    assert budget.used_weight(MINUTE + 1) == 1
    assert budget.wait(Priority.CANCEL, 1, MINUTE + 1) == 0
    assert budget.wait(PLACE, 1, MINUTE + 1) == 0
    budget.spend(PLACE, 1, MINUTE + 2)
    budget.settle(PLACE, 1, MINUTE + 3, used_weight=100, order_counts=(10,), spent_at=MINUTE + 2)
    assert budget.used_weight(MINUTE + 3) == 100
    assert budget.wait(PLACE, 1, MINUTE + 3) == MINUTE - 3
