"""Watch: what is not settled is looked at again, ever more rarely."""

import pytest

from live.core import inputs
from live.core.orders import OrderState
from live.core.retention import RETENTION
from live.core.vocabulary import EffectAction, OperatorAction, OrderType, Outcome, Side, TimeInForce

SECOND = 1_000_000_000
BTC = "binance-spot:BTCUSDT"


def seconds_until_each(desk, seconds, happened):
    """Tick second by second, and list the seconds in which something happened."""
    found = []
    for second in range(1, seconds + 1):
        desk.tick()
        if happened(desk):
            found.append(second)
    return found


def test_a_sent_order_without_an_answer_is_unknown_after_ten_seconds(desk):
    """Silence leaves the order unknown, counted, and asked about."""
    desk.want(100)
    desk.outcome(Outcome.SENT)
    desk.tick(9)
    assert desk.order.state is OrderState.SUBMITTING
    desk.tick(1)
    assert desk.order.state is OrderState.SUBMIT_UNKNOWN
    assert desk.order.detail == "no answer in 10 s"
    assert desk.queried == [desk.order.order_id]


def test_an_order_that_filled_takes_no_other_off_the_watch(desk):
    """The silence about one says nothing the less because the other was answered."""

    def both(bar, context):
        for price in (99.0, 98.0):
            context.submit_order(BTC, Side.BUY, 100, order_type=OrderType.LIMIT, limit_price=price)

    desk.strategy.script = both
    desk.bar()
    desk.strategy.script = None
    silent, filled = desk.state.orders.values()
    for order in (silent, filled):
        desk.outcome(Outcome.SENT, order=order)
    desk.fill(order=filled)
    desk.tick(10)
    assert (silent.state, filled.state) == (OrderState.SUBMIT_UNKNOWN, OrderState.FILLED)


def test_a_later_request_puts_off_no_earlier_one(desk):
    """Each has its own ten seconds."""

    def both(bar, context):
        for price in (99.0, 98.0):
            context.submit_order(BTC, Side.BUY, 100, order_type=OrderType.LIMIT, limit_price=price)

    desk.ask(both)
    earlier, later = desk.state.orders.values()
    desk.outcome(Outcome.SENT, order=earlier)
    desk.tick(5)
    desk.outcome(Outcome.SENT, order=later)
    desk.tick(5)
    assert (earlier.state, later.state) == (OrderState.SUBMIT_UNKNOWN, OrderState.SUBMITTING)


def test_a_request_that_has_not_left_yet_may_take_its_time(desk):
    """Waiting for the disk or a request budget is not silence of the venue."""
    desk.want(100)
    desk.tick(3_600)
    assert desk.order.state is OrderState.SUBMITTING


def test_a_sent_cancel_without_an_answer_is_unknown_after_ten_seconds(desk):
    """The same for cancels, also when the order was answered long ago."""
    desk.want(100, limit_price=99.0)
    desk.outcome(Outcome.SENT)
    desk.accept()
    desk.want(0)
    assert desk.order.state is OrderState.CANCEL_REQUESTED
    desk.outcome(Outcome.SENT, EffectAction.CANCEL)
    desk.tick(10)
    assert desk.order.state is OrderState.CANCEL_UNKNOWN


def test_an_answered_order_is_left_alone(desk):
    """Nothing happens to an order that rests as it should."""
    desk.want(100, limit_price=99.0)
    desk.outcome(Outcome.SENT)
    desk.accept()
    assert seconds_until_each(desk, 60, lambda desk: desk.said or desk.asked) == []


@pytest.mark.parametrize("action", EffectAction)
def test_an_unknown_order_is_asked_about_until_it_is_settled(desk, action):
    """After 1, 2, 4, … and at most 64 seconds more, for ever."""
    desk.want(100, limit_price=99.0)
    if action is EffectAction.CANCEL:
        desk.accept()
        desk.want(0)
    desk.outcome(Outcome.FAILED, action)
    asked = seconds_until_each(desk, 300, lambda desk: desk.queried)
    assert asked == [1, 3, 7, 15, 31, 63, 127, 191, 255]
    desk.cancel()
    assert seconds_until_each(desk, 200, lambda desk: desk.asked) == []


def test_a_refused_cancel_is_asked_again_until_the_order_is_off(desk):
    """An order that must not stay is canceled again and again, spaced out."""
    desk.want(100, limit_price=99.0)
    desk.accept()
    desk.command(OperatorAction.DISARM)
    asked = [0]
    for second in range(1, 20):
        if desk.order.state is OrderState.CANCEL_REQUESTED:
            desk.feed(inputs.CancelRejected(desk.now, desk.now, desk.order.order_id, "busy"))
        desk.tick()
        if desk.canceled:
            asked.append(second)
    assert asked == [0, 1, 3, 7, 15]


def test_a_cancel_that_the_gate_held_back_is_asked_again(desk):
    """A cancel is not forgotten because it could not leave."""
    desk.want(100, limit_price=99.0)
    desk.accept()
    desk.want(0)
    desk.outcome(Outcome.REFUSED, EffectAction.CANCEL)
    assert desk.order.state is OrderState.OPEN
    desk.tick()
    assert desk.canceled == [desk.order.order_id]


def test_an_order_whose_cancel_was_lost_and_that_still_works_is_canceled_again(desk):
    """The venue shows it open, so the cancel did not arrive."""
    desk.want(100, limit_price=99.0)
    desk.accept()
    desk.want(0)
    desk.outcome(Outcome.FAILED, EffectAction.CANCEL)
    desk.observe(found=True)
    assert desk.order.state is OrderState.OPEN
    assert seconds_until_each(desk, 5, lambda desk: desk.canceled) == [2]


def test_an_order_that_serves_again_is_not_canceled_again(desk):
    """The strategy has changed its mind back before the lost cancel was settled."""
    desk.want(100, limit_price=99.0)
    desk.accept()
    desk.want(200, limit_price=98.0)
    desk.outcome(Outcome.FAILED, EffectAction.CANCEL)
    desk.want(100, limit_price=99.0)
    desk.observe(found=True)
    assert seconds_until_each(desk, 100, lambda desk: desk.canceled) == []
    assert desk.order.state is OrderState.OPEN


def test_bars_let_time_pass_too(desk):
    """A market that is never quiet has no ticks, and is watched all the same."""
    desk.want(100)
    desk.outcome(Outcome.SENT)
    desk.bar()
    assert desk.order.state is OrderState.SUBMIT_UNKNOWN


def test_what_was_proven_absent_is_still_looked_for(desk):
    """The id stays on the scan for as long as the order is kept, ever more rarely, and over a restart."""
    desk.want(100)
    desk.outcome(Outcome.FAILED)
    desk.deny()
    assert desk.order.state is OrderState.NOT_PLACED
    assert seconds_until_each(desk, 1_000, lambda desk: desk.queried) == [64, 192, 448, 960]
    back = desk.restart()
    assert back.queried == [desk.order.order_id]
    back.tick((back.order.ended_at + RETENTION - back.now) // SECOND)
    assert back.queried == []


def test_fills_that_stay_missing_are_asked_for_and_alarmed_once(desk):
    """An end that counts more than came: the first look alarms, every look asks."""
    desk.want(100, limit_price=99.0)
    desk.accept()
    desk.feed(inputs.OrderCanceled(desk.now, desk.now, desk.order.order_id, "", 60))
    alarmed = []
    asked = seconds_until_each(desk, 20, lambda desk: alarmed.extend(desk.alarms) or desk.queried)
    assert (asked, alarmed) == ([1, 3, 7, 15], ["FILLS_MISSING"])
    desk.fill(60)
    assert seconds_until_each(desk, 100, lambda desk: desk.asked) == []


def test_an_order_that_should_have_expired_is_asked_about(desk):
    """Its expiry may have been lost: silence past its date is looked into."""
    expires = desk.now + 120 * SECOND
    desk.strategy.script = lambda bar, context: context.submit_order(
        BTC, Side.BUY, 100, order_type=OrderType.LIMIT, limit_price=99.0, time_in_force=TimeInForce.GOOD_TILL_DATE, expires_at=expires
    )
    desk.bar()
    desk.strategy.script = None
    desk.accept()
    assert desk.order.expires_at == expires
    assert seconds_until_each(desk, 73, lambda desk: desk.queried) == [70, 71, 73]
    desk.feed(inputs.OrderExpired(desk.now, desk.now, desk.order.order_id, "GTD", 0))
    assert seconds_until_each(desk, 100, lambda desk: desk.asked) == []


def test_an_order_that_may_stay_after_all_is_watched_over_to_its_expiry(desk):
    """Its cancel was refused, and what wanted it gone is over."""
    expires = desk.now + 180 * SECOND
    desk.strategy.script = lambda bar, context: context.submit_order(
        BTC, Side.BUY, 100, order_type=OrderType.LIMIT, limit_price=99.0, time_in_force=TimeInForce.GOOD_TILL_DATE, expires_at=expires
    )
    desk.bar()
    desk.strategy.script = None
    desk.accept()
    desk.command(OperatorAction.DISARM)
    desk.feed(inputs.CancelRejected(desk.now, desk.now, desk.order.order_id, "busy"))
    desk.arm(lease_id="second")
    assert desk.order.state is OrderState.OPEN
    assert seconds_until_each(desk, 131, lambda desk: desk.queried) == [130, 131]
