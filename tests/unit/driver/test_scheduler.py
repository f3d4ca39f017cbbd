"""Scheduler: what is due comes out by time, and at one time in the order it went in."""

from heapq import heappop

from hypothesis import given, settings
from hypothesis import strategies as st

from live.core.inputs import OrderAccepted
from live.driver.scheduler import Scheduler


@settings(derandomize=True)
@given(st.lists(st.integers(0, 5), max_size=30))
def test_answers_come_out_by_due_time_and_insertion(dues):
    """The order never depends on what the answers are."""
    scheduler = Scheduler()
    for number, due in enumerate(dues):
        scheduler.schedule(due, OrderAccepted(due, due, f"O{number}", ""))
    assert len(scheduler) == len(dues)
    out = []
    while scheduler.is_due(5):
        answer = heappop(scheduler.waiting)[2]
        out.append((answer.ts_init, int(answer.order_id[1:])))
    assert out == sorted((due, number) for number, due in enumerate(dues))


def test_what_is_not_due_waits():
    """Exactly at its time it is due."""
    scheduler = Scheduler()
    scheduler.schedule(10, OrderAccepted(10, 10, "O", ""))
    assert not scheduler.is_due(9)
    assert scheduler.is_due(10)
    assert heappop(scheduler.waiting)[2].ts_init == 10
    assert not scheduler
