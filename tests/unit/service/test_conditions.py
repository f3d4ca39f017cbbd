"""Conditions: what the service tells the engine of accounts and journal, at a session's start and when it changes."""

import asyncio
from types import SimpleNamespace
from typing import Any

import pytest

from live.core import inputs
from live.core.orders import OrderState
from live.service import conditions
from live.service.conditions import COMMIT_BOUND, ConditionWatch, differences, opening_conditions


class Book:
    """A venue that shows the open orders it is told to show."""

    def __init__(self, *order_ids: str) -> None:
        self.order_ids = list(order_ids)

    def open_order_ids(self) -> list[str]:
        """List the open orders."""
        return self.order_ids


class Driver:
    """A driver that notes what it is fed, and applies it to what the engine knows."""

    def __init__(self, state: Any) -> None:
        self.engine = SimpleNamespace(state=state)
        self.loop = SimpleNamespace(idle=True, last_seq=0, scheduler=SimpleNamespace(waiting=[]))
        self.durable_seq = 0
        self.fed: list[Any] = []

    def now(self) -> int:
        """Give some time."""
        return 1

    def feed(self, event: Any) -> None:
        """Note an input."""
        self.fed.append(event)
        if isinstance(event, inputs.ReconciliationReported):
            self.engine.state.reconciliations[event.account_id] = event
        else:
            self.engine.state.journal_healthy = event.healthy


def state_of(**orders: OrderState) -> Any:
    """Make a state with live orders of the account `paper`."""
    live = {name: SimpleNamespace(order_id=name, account_id="paper", state=state) for name, state in orders.items()}
    return SimpleNamespace(live_orders=live, reconciliations={}, journal_healthy=True)


def configuration(**limits: Any) -> Any:
    """Configure two accounts and a venue."""
    accounts = {"paper": SimpleNamespace(total_limits=limits), "other": SimpleNamespace(total_limits={})}
    return SimpleNamespace(accounts=accounts, venues={"sim": SimpleNamespace(total_limits={})})


def test_a_session_opens_with_limits_journal_clocks_and_accounts():
    """A simulated venue has our clock for good, and the book that the journal left."""
    said = opening_conditions(configuration(maximum_open_orders=4), state_of(A=OrderState.OPEN), {"sim": Book("A")}, 7)
    assert [type(one).__name__ for one in said] == [
        "LimitsSet",
        "JournalHealthReported",
        "ClockSampled",
        "ReconciliationReported",
        "ReconciliationReported",
    ]
    assert all(one.clean for one in said if isinstance(one, inputs.ReconciliationReported))


def test_an_order_that_only_one_side_has_is_a_difference():
    """One that is open here and not there is its account's; one that only the venue has is everybody's; what is in flight is none."""
    state = state_of(A=OrderState.OPEN, B=OrderState.SUBMIT_UNKNOWN, C=OrderState.CANCEL_REQUESTED)
    assert differences(configuration(), state, {"sim": Book("A", "C")}) == {"paper": "", "other": ""}
    found = differences(configuration(), state, {"sim": Book("X")})
    assert "A" in found["paper"]
    assert "X" in found["paper"]
    assert "X" in found["other"]
    assert "A" not in found["other"]


def test_a_difference_is_reported_when_it_is_seen_twice_with_no_answer_on_its_way():
    """And so is its end; what is the same is not said again."""
    driver, book = Driver(state_of(A=OrderState.OPEN)), Book("A")
    for account_id in ("paper", "other"):
        driver.feed(inputs.ReconciliationReported(0, account_id, clean=True, detail="", valid_until=9))
    watch = ConditionWatch(configuration(), driver, {"sim": book})  # pyright: ignore[reportArgumentType]
    driver.fed.clear()
    asyncio.run(watch.look_at_accounts())
    asyncio.run(watch.look_at_accounts())
    assert driver.fed == []
    book.order_ids.clear()
    driver.loop.scheduler.waiting.append((0, 0, inputs.OrderCanceled(0, 0, "A", "")))
    asyncio.run(watch.look_at_accounts())
    asyncio.run(watch.look_at_accounts())
    assert driver.fed == []
    driver.loop.scheduler.waiting.clear()
    asyncio.run(watch.look_at_accounts())
    assert driver.fed == []
    asyncio.run(watch.look_at_accounts())
    asyncio.run(watch.look_at_accounts())
    assert [(one.account_id, one.clean) for one in driver.fed] == [("paper", False)]
    book.order_ids.append("A")
    asyncio.run(watch.look_at_accounts())
    asyncio.run(watch.look_at_accounts())
    assert [(one.account_id, one.clean) for one in driver.fed[1:]] == [("paper", True)]


def test_a_journal_that_falls_behind_its_bound_is_reported_and_so_is_its_catching_up(monkeypatch: pytest.MonkeyPatch):
    """Up to the bound it may lag."""
    driver, times = Driver(state_of()), [0.0]
    monkeypatch.setattr(conditions, "time", SimpleNamespace(monotonic=lambda: times[0]))
    watch = ConditionWatch(configuration(), driver, {})  # pyright: ignore[reportArgumentType]
    driver.loop.last_seq = 5
    asyncio.run(watch.look_at_journal())
    times[0] = COMMIT_BOUND
    asyncio.run(watch.look_at_journal())
    assert driver.fed == []
    times[0] = COMMIT_BOUND + 0.1
    asyncio.run(watch.look_at_journal())
    asyncio.run(watch.look_at_journal())
    assert [one.healthy for one in driver.fed] == [False]
    driver.durable_seq = 5
    asyncio.run(watch.look_at_journal())
    assert [one.healthy for one in driver.fed] == [False, True]
