"""Latency: each part of an order's way is measured where it ends, and a budget is held to the slow ones."""

from typing import Any

import pytest

from live.core.inputs import Bar, Deployment, EffectOutcome, OrderAccepted, OrderRejected, TimerFired
from live.core.limits import Limits
from live.core.orders import OrderEvent, OrderState
from live.core.ports import DeclaredRouter
from live.core.records import Allocation, IntentRecorded, OrderDenied, OrderTransitioned
from live.core.risk.codes import DenialCode
from live.core.vocabulary import EffectAction, OrderType, Outcome, Side, TimeInForce
from live.service.latency import LatencyWatch, Stage

BTC = "local:BTCUSDT"
MILLISECOND = 1_000_000
MINUTE = 60_000 * MILLISECOND
LIMITS = Limits({BTC: 1}, 1, 1, 1, 1, 1, 1, 1)
DEPLOYMENT = Deployment("alpha", "alpha@1", "real", "local", (BTC,), LIMITS)


class Way:
    """Send orders along a watch whose clock is set by hand."""

    def __init__(self, budget: int | None = None) -> None:
        self.now = 10**12
        self.received = 0
        self.watch = LatencyWatch({"local": budget}, lambda: self.now)
        self.watch.follow(lambda: self.received, {"real"})
        self.seq = 0
        self.orders = 0

    def pass_by(self, milliseconds: float) -> None:
        """Let time pass."""
        self.now += int(milliseconds * MILLISECOND)

    def decide(self, *, decides: float = 1, checks: float = 2, entry: Any = None, account: str = "real", denied: int = 0) -> str:
        """Handle what was received just now; a strategy decides on so many orders that are denied, and then on one that is sent."""
        self.received = self.now
        said: list[Any] = []
        for number in range(denied + 1):
            self.pass_by(decides)
            assert self.watch.route(DEPLOYMENT, BTC) == DeclaredRouter().route(DEPLOYMENT, BTC)
            self.pass_by(checks)
            self.orders += 1
            order_id = f"IL{self.orders}"
            said.append(_intent(order_id, account))
            if number < denied:
                said.append(OrderDenied(1, order_id, DenialCode.DATA_STALE, "", "alpha"))
            else:
                said += [
                    OrderTransitioned(1, order_id, OrderEvent.APPROVE, OrderState.APPROVED, ""),
                    OrderTransitioned(1, order_id, OrderEvent.SUBMIT, OrderState.SUBMITTING, ""),
                ]
        self.seq += len(said)
        self.watch.observe(entry, said, self.seq)
        self.received = 0
        return f"IL{self.orders}"

    def hear(self, entry: Any) -> None:
        """Handle an answer that was received just now."""
        self.received = self.now
        self.watch.observe(entry, (), self.seq)
        self.received = 0

    def outcome(self, order_id: str, outcome: Outcome) -> None:
        """Hear what became of the request."""
        self.hear(EffectOutcome(0, order_id, EffectAction.SUBMIT, outcome, ""))

    def order(self, answers: float, **fields: Any) -> str:
        """Send an order that is durable after 3 ms, leaves after 4, and is answered after so many."""
        order_id = self.decide(**fields)
        self.pass_by(3)
        self.watch.observe_durable(self.seq)
        self.pass_by(4)
        self.outcome(order_id, Outcome.SENT)
        self.pass_by(answers)
        self.hear(OrderAccepted(0, 0, order_id, "V1"))
        return order_id

    def medians(self) -> dict[Stage, float]:
        """Give each stage's median of late in milliseconds."""
        return {stage: 1_000 * seconds for _, stage, quantile, seconds in self.watch.quantiles() if quantile == 0.5}

    def counts(self) -> dict[Stage, int]:
        """Give how many orders each stage was measured of."""
        return {stage: count for _, stage, count in self.watch.counts() if count}


def _intent(order_id: str, account: str) -> IntentRecorded:
    kind, force, allocations = OrderType.MARKET, TimeInForce.IMMEDIATE_OR_CANCEL, (Allocation("alpha", 1, 1),)
    return IntentRecorded(1, order_id, 1, 1, "alpha", account, BTC, Side.BUY, kind, force, 1, None, 1, allocations)


def test_every_part_of_the_way_is_measured_where_it_ends():
    """1 ms to decide, 2 for risk, 3 on the disk, 4 until it left, 20 at the venue: 30 in all, to a hundredth."""
    way = Way()
    way.order(20)
    expected = {"decided": 1, "checked": 2, "durable": 3, "sent": 4, "acknowledged": 20, "total": 30}
    assert way.medians() == {Stage(name): pytest.approx(milliseconds, rel=0.01) for name, milliseconds in expected.items()}
    assert set(way.counts().values()) == {1}


def test_of_orders_that_fill_in_this_process_only_what_comes_before_sending_is_measured():
    """What a simulated venue answers comes by the clock of the market, and says nothing."""
    way = Way()
    way.order(20, account="paper")
    assert set(way.counts()) == {Stage.DECIDED, Stage.CHECKED, Stage.DURABLE}


def test_orders_that_were_denied_do_not_count_and_shift_nothing():
    """Of two that a step decides on, the second is timed from its own decision."""
    way = Way()
    way.order(20, denied=1)
    assert way.counts()[Stage.CHECKED] == 1
    assert way.medians()[Stage.CHECKED] == pytest.approx(2, rel=0.01)
    assert way.medians()[Stage.DECIDED] == pytest.approx(4, rel=0.01)


def test_an_order_that_was_given_up_counts_until_then_and_one_that_never_left_does_not():
    """Leaving the unanswered ones out would hide the slowest."""
    way = Way(budget=100)
    failed = way.decide()
    way.outcome(failed, Outcome.SENT)
    way.pass_by(5_000)
    way.outcome(failed, Outcome.FAILED)
    assert way.medians()[Stage.ACKNOWLEDGED] == pytest.approx(5_000, rel=0.01)
    assert way.watch.over_budget == {"local": 1}
    refused = way.decide()
    way.outcome(refused, Outcome.REFUSED)
    way.hear(OrderAccepted(0, 0, refused, "V1"))
    assert way.counts()[Stage.TOTAL] == 1


def test_only_the_first_word_of_the_venue_counts():
    """A stream repeats what the answer said."""
    way = Way()
    order_id = way.order(20)
    way.pass_by(500)
    way.hear(OrderRejected(0, 0, order_id, ""))
    assert way.counts()[Stage.ACKNOWLEDGED] == 1


def test_what_was_decided_on_a_timer_has_no_moment_of_receipt():
    """The wait in the queue of the input that happened to come then is not its own."""
    way = Way()
    way.order(20, entry=TimerFired(0, "alpha", "one", 0))
    assert Stage.DECIDED not in way.counts()
    assert Stage.TOTAL not in way.counts()
    assert way.counts()[Stage.ACKNOWLEDGED] == 1


def test_a_step_that_decides_on_nothing_measures_nothing():
    """Market data and answers come by the thousand."""
    way = Way()
    way.watch.observe(None, (), 1)
    way.watch.observe_durable(1)
    way.hear(OrderAccepted(0, 0, "ILOTHER", "V1"))
    assert way.counts() == {}


@pytest.mark.parametrize(("slow", "over"), [(1, False), (2, True)])
def test_the_budget_is_held_to_the_slow_hundredth_of_the_last_minutes(slow, over):
    """One order of a hundred may take longer than 50 ms and counts as slow; a second one is said, until five minutes have passed."""
    way = Way(budget=50)
    for number in range(100):
        way.order(100 if number < slow else 20)
    assert way.watch.over_budget == {"local": slow}
    said = ["orders to local take 110 ms (99th percentile of 5 minutes), the latency budget is 50 ms"]
    assert way.watch.reasons() == (said if over else [])
    assert way.watch.show()[0]["within_budget"] is not over
    way.now += 5 * MINUTE
    assert way.watch.reasons() == []
    assert way.watch.show()[0]["orders_over_budget"] == slow


def test_without_a_budget_nothing_is_too_slow():
    """And what was measured is shown all the same, of late and of the whole session."""
    way = Way()
    way.order(60_000)
    way.now += 5 * MINUTE
    assert way.watch.reasons() == []
    total = next(stage for stage in way.watch.show()[0]["stages"] if stage["stage"] is Stage.TOTAL)
    assert (total["recent"]["count"], total["recent"]["p99"], total["session"]["count"]) == (0, None, 1)
    assert total["session"]["maximum"] == pytest.approx(60_010_000, rel=0.01)


def test_whoever_observed_before_goes_on_to_be_told():
    """The watch stands before the metrics."""
    heard: list[Any] = []
    observe = Way().watch.observing(lambda *step: heard.append(step))
    bar = Bar(1, 1, BTC, 1, 1, 1, 1, 1, False)
    observe(None, (bar,), 3)
    assert heard == [(None, (bar,), 3)]
