"""Reports: orders move by evidence, and silence is none."""

import pytest

from live.core import inputs, records
from live.core.orders import OrderState
from live.core.reconciliation import WITNESSES
from live.core.vocabulary import EffectAction, OperatorAction, Outcome, Resolution, Scope, TradingState

SECOND = 1_000_000_000
BTC = "binance-spot:BTCUSDT"


@pytest.fixture
def resting(desk):
    """Open a desk with an accepted bid."""
    desk.want(100, limit_price=99.0)
    desk.accept()
    return desk


# What became of requests


def test_a_request_that_the_gate_held_back_provably_never_left(desk):
    """REFUSED ends the order as NOT_SENT, with the gate's reason."""
    desk.want(100)
    desk.outcome(Outcome.REFUSED)
    assert (desk.order.state, desk.order.detail) == (OrderState.NOT_SENT, "test")


def test_a_request_that_failed_on_its_way_is_unknown_and_asked_about(desk):
    """A timeout is no rejection: the order stays counted, and the venue is asked."""
    desk.want(100)
    desk.outcome(Outcome.FAILED)
    assert desk.order.state is OrderState.SUBMIT_UNKNOWN
    assert desk.order.order_id in desk.state.live_orders
    assert desk.queried == [desk.order.order_id]


def test_a_failure_that_comes_after_the_venues_word_changes_nothing(desk):
    """The stream told us first that the order is open; that the answer was then lost says nothing."""
    desk.want(100, limit_price=99.0)
    desk.accept()
    desk.outcome(Outcome.FAILED)
    assert desk.order.state is OrderState.OPEN


def test_a_cancel_that_failed_on_its_way_is_unknown_and_asked_about(resting):
    """The same for cancels."""
    resting.want(0)
    resting.outcome(Outcome.FAILED, EffectAction.CANCEL)
    assert resting.order.state is OrderState.CANCEL_UNKNOWN
    assert resting.queried == [resting.order.order_id]


def test_an_outcome_of_an_order_nobody_recorded_changes_nothing(desk):
    """There is nothing to move."""
    assert desk.feed(inputs.EffectOutcome(desk.now, "nobody", EffectAction.SUBMIT, Outcome.FAILED, "")) == []


# What the venue said


def test_the_venues_rejection_ends_an_order_in_its_own_words(desk):
    """Only the venue's word makes an order REJECTED."""
    desk.want(100)
    desk.feed(inputs.OrderRejected(desk.now, desk.now, desk.order.order_id, "Filter failure: LOT_SIZE"))
    assert (desk.order.state, desk.order.detail) == (OrderState.REJECTED, "Filter failure: LOT_SIZE")


@pytest.mark.parametrize("report", [inputs.OrderCanceled, inputs.OrderExpired])
@pytest.mark.parametrize("lost", [False, True])
def test_an_end_that_overtakes_the_acceptance_proves_it(desk, report, lost):
    """A cancel or expiry of an order in flight means that the venue had it."""
    desk.want(100, limit_price=99.0)
    if lost:
        desk.outcome(Outcome.FAILED)
    said = desk.feed(report(desk.now, desk.now, desk.order.order_id, ""))
    assert next(record.state for record in said if isinstance(record, records.OrderTransitioned)) is OrderState.OPEN
    assert desk.order.state in (OrderState.CANCELED, OrderState.EXPIRED)


def test_a_rejection_of_an_open_order_alarms_and_changes_nothing(resting):
    """Two words of the venue that cannot both be true are for a person."""
    resting.feed(inputs.OrderRejected(resting.now, resting.now, resting.order.order_id, "?"))
    assert resting.alarms == ["UNEXPECTED_REPORT"]
    assert resting.order.state is OrderState.OPEN


@pytest.mark.parametrize("again", ["accept", "cancel"])
def test_a_report_that_comes_twice_is_heard_once(resting, again):
    """Streams repeat themselves."""
    if again == "cancel":
        resting.cancel()
    before = resting.order.state
    assert getattr(resting, again)() == []
    assert resting.order.state is before


def test_a_late_acceptance_says_nothing_about_a_cancel_since(resting):
    """The word that began the order's life, delivered late, does not show that its cancel failed."""
    resting.want(0)
    resting.outcome(Outcome.FAILED, EffectAction.CANCEL)
    resting.accept()
    assert resting.order.state is OrderState.CANCEL_UNKNOWN


@pytest.mark.parametrize("how", ["accepted", "observed"])
@pytest.mark.parametrize("end", [OrderState.NOT_SENT, OrderState.REJECTED, OrderState.NOT_PLACED, OrderState.DENIED])
def test_an_order_that_works_although_it_cannot_stops_its_strategy(desk, end, how):
    """The venue shows an order that we hold it never had: alarm, kill, and cancel that order."""
    if end is OrderState.DENIED:
        desk.command(OperatorAction.CANCEL_ONLY)
    desk.want(100, limit_price=99.0)
    if end is OrderState.NOT_SENT:
        desk.outcome(Outcome.REFUSED)
    elif end is OrderState.REJECTED:
        desk.feed(inputs.OrderRejected(desk.now, desk.now, desk.order.order_id, "?"))
    elif end is OrderState.NOT_PLACED:
        desk.outcome(Outcome.FAILED)
        desk.deny()
    assert desk.order.state is end
    if how == "accepted":
        desk.accept()
    else:
        desk.observe(found=True)
    works_again = how == "observed" and end is not OrderState.DENIED
    assert desk.order.state is (OrderState.CANCEL_REQUESTED if works_again else end)
    assert (desk.order.order_id in desk.state.live_orders) == works_again
    assert desk.alarms == ["UNEXPECTED_REPORT"]
    assert ("accepted it" if how == "accepted" else "order shows it") in desk.of(records.AlarmRaised)[0].detail
    assert desk.state.trading_state(Scope.STRATEGY, "alpha") is TradingState.KILLED
    assert desk.canceled == [desk.order.order_id]


@pytest.mark.parametrize("order_id", ["ILOTHER001", "IL"])
def test_an_order_of_ours_that_no_session_recorded_stops_everything(desk, order_id):
    """Somebody places orders with our ids: no account is safe, and a report does not say which."""
    desk.feed(inputs.OrderAccepted(desk.now, desk.now, order_id, "V1"))
    assert desk.alarms == ["UNKNOWN_ORDER"]
    assert "OrderAccepted" in desk.of(records.AlarmRaised)[0].detail
    assert desk.state.trading_state(Scope.GLOBAL, "") is TradingState.KILLED


@pytest.mark.parametrize("report", [inputs.OrderCanceled, inputs.OrderExpired, inputs.OrderObserved])
def test_whatever_shows_that_an_unrecorded_order_of_ours_exists_stops_everything(desk, report):
    """An end shows that it was there, and so does a sighting."""
    if report is inputs.OrderObserved:
        desk.feed(inputs.OrderObserved(desk.now, "ILOTHER001", "order", True, desk.now, desk.now, desk.now))
    else:
        desk.feed(report(desk.now, desk.now, "ILOTHER001", ""))
    assert desk.alarms == ["UNKNOWN_ORDER"]
    assert desk.state.trading_state(Scope.GLOBAL, "") is TradingState.KILLED


def test_somebody_elses_order_alarms_and_stops_nothing(desk):
    """A person may trade on the account by hand."""
    desk.feed(inputs.OrderAccepted(desk.now, desk.now, "web_123", "V1"))
    assert desk.alarms == ["UNKNOWN_ORDER"]
    assert desk.trading() is TradingState.ARMED


@pytest.mark.parametrize("what", ["rejected", "cancel rejected", "not found"])
def test_an_order_of_ours_that_does_not_exist_stops_nothing(desk, what):
    """Nobody recorded it and the venue does not have it: that is looked at, and no reason to stop."""
    report = {
        "rejected": inputs.OrderRejected(desk.now, desk.now, "ILOTHER001", "?"),
        "cancel rejected": inputs.CancelRejected(desk.now, desk.now, "ILOTHER001", "?"),
        "not found": inputs.OrderObserved(desk.now, "ILOTHER001", "order", False, desk.now, desk.now, desk.now),
    }[what]
    desk.feed(report)
    assert desk.alarms == ["UNKNOWN_ORDER"]
    assert desk.trading() is TradingState.ARMED


# Orders of unknown fate


def test_three_witnesses_that_agree_past_the_fence_prove_absence(desk):
    """Only then is the order NOT_PLACED, and its budget free again."""
    desk.want(100)
    desk.outcome(Outcome.FAILED)
    for endpoint in ("order", "open_orders"):
        desk.observe(found=False, endpoint=endpoint)
        assert desk.order.state is OrderState.SUBMIT_UNKNOWN
    desk.observe(found=False, endpoint="trades")
    assert desk.order.state is OrderState.NOT_PLACED
    assert not desk.state.live_orders


@pytest.mark.parametrize("missing", ["order", "open_orders", "trades"])
def test_no_witness_can_be_spared(desk, missing):
    """An order that filled at once is not among the open ones, and its id may be unknown for minutes."""
    desk.want(100)
    desk.outcome(Outcome.FAILED)
    for endpoint in ("order", "open_orders", "trades", "all_orders"):
        if endpoint != missing:
            desk.observe(found=False, endpoint=endpoint)
    assert desk.order.state is OrderState.SUBMIT_UNKNOWN


@pytest.mark.parametrize("later", [-SECOND, 0])
def test_a_trade_history_read_no_later_than_the_open_orders_proves_nothing(desk, later):
    """The order may have rested when the trades were read, and filled before the open orders were."""
    desk.want(100)
    desk.outcome(Outcome.FAILED)
    fence, order_id = desk.now, desk.order.order_id
    for endpoint, venue_time in (("order", 10), ("open_orders", 10), ("trades", 10 + later // SECOND)):
        desk.feed(inputs.OrderObserved(desk.now, order_id, endpoint, False, desk.now, fence + venue_time, fence))
    assert desk.order.state is OrderState.SUBMIT_UNKNOWN
    desk.feed(inputs.OrderObserved(desk.now, order_id, "trades", False, desk.now, fence + 11, fence))
    assert desk.order.state is OrderState.NOT_PLACED


def test_one_endpoint_proves_nothing_however_often_it_says_so(desk):
    """The same source again is the same source."""
    desk.want(100)
    desk.outcome(Outcome.FAILED)
    for _ in range(10):
        desk.observe(found=False, endpoint="order")
    assert desk.order.state is OrderState.SUBMIT_UNKNOWN


def test_a_denial_before_the_fence_proves_nothing(desk):
    """Until then the request may still arrive."""
    desk.want(100)
    desk.outcome(Outcome.FAILED)
    for endpoint in ("order", "open_orders", "trades"):
        desk.observe(found=False, endpoint=endpoint, past_fence=False)
    assert desk.order.state is OrderState.SUBMIT_UNKNOWN


def test_an_answer_to_a_question_from_before_the_order_proves_nothing(desk):
    """What was asked before the order left cannot know it."""
    desk.want(100)
    desk.outcome(Outcome.FAILED)
    for endpoint in WITNESSES:
        early = desk.order.submitted_at - 1
        desk.feed(inputs.OrderObserved(desk.now, desk.order.order_id, endpoint, False, early, desk.now + 1, desk.now))
    assert desk.order.state is OrderState.SUBMIT_UNKNOWN


def test_denials_from_before_the_order_was_lost_do_not_count(desk):
    """Evidence is gathered for an unknown order only, from when it became unknown."""
    desk.want(100)
    desk.deny()
    desk.outcome(Outcome.FAILED)
    desk.observe(found=False, endpoint="order", past_fence=False)
    assert desk.order.state is OrderState.SUBMIT_UNKNOWN


def test_a_sighting_undoes_the_denials_before_it(desk):
    """An order that is found is open; were it lost again, absence would have to be proven anew."""
    desk.want(100, limit_price=99.0)
    desk.outcome(Outcome.FAILED)
    desk.observe(found=False, endpoint="order")
    desk.observe(found=True, endpoint="open_orders")
    assert (desk.order.state, desk.order.absent_at) == (OrderState.OPEN, ())


def test_a_lost_cancel_is_never_concluded_from_absence(resting):
    """The order existed, so it may have filled: only its end's report settles it."""
    resting.want(0)
    resting.outcome(Outcome.FAILED, EffectAction.CANCEL)
    for endpoint in ("order", "open_orders", "trades"):
        resting.observe(found=False, endpoint=endpoint)
    assert resting.order.state is OrderState.CANCEL_UNKNOWN
    resting.cancel()
    assert resting.order.state is OrderState.CANCELED


@pytest.mark.parametrize(("resolution", "end"), [(Resolution.NEVER_PLACED, OrderState.NOT_PLACED), (Resolution.ENDED, OrderState.CANCELED)])
def test_a_person_can_resolve_an_order_that_stays_unknown(desk, resolution, end):
    """A signed finding settles what no answer settles, and names who found it."""
    desk.want(100)
    desk.outcome(Outcome.FAILED)
    desk.feed(inputs.OrderResolved(desk.now, "ann", desk.order.order_id, resolution, "called the venue"))
    assert desk.order.state is end
    assert "ann" in desk.order.detail
    assert "called the venue" in desk.order.detail
    assert all("called the venue" in move.detail for move in desk.of(records.OrderTransitioned))


def test_a_lost_cancel_can_be_resolved_as_ended(resting):
    """So that CANCEL_UNKNOWN is no trap."""
    resting.want(0)
    resting.outcome(Outcome.FAILED, EffectAction.CANCEL)
    resting.feed(inputs.OrderResolved(resting.now, "ann", resting.order.order_id, Resolution.ENDED, "seen in the statement"))
    assert resting.order.state is OrderState.CANCELED


def test_a_finding_that_contradicts_what_is_known_is_refused(resting):
    """An order that was open cannot never have been placed."""
    resting.feed(inputs.OrderResolved(resting.now, "ann", resting.order.order_id, Resolution.NEVER_PLACED, "?"))
    assert resting.alarms == ["RESOLUTION_REFUSED"]
    assert "the order is OPEN" in resting.of(records.AlarmRaised)[0].detail
    assert resting.order.state is OrderState.OPEN
    resting.feed(inputs.OrderResolved(resting.now, "ann", "nobody", Resolution.ENDED, "?"))
    assert resting.alarms == ["RESOLUTION_REFUSED"]


# Ends that count more than was booked


@pytest.mark.parametrize(("report", "end"), [(inputs.OrderCanceled, OrderState.CANCELED), (inputs.OrderExpired, OrderState.EXPIRED)])
def test_an_end_waits_for_the_fills_it_counts(resting, report, end):
    """A cancel that overtakes a fill is no end yet: the order still reserves, and its trades are asked for."""
    order = resting.order
    resting.feed(report(resting.now, resting.now, order.order_id, "", 60))
    assert (order.state, order.remaining, resting.queried) == (OrderState.OPEN, 100, [order.order_id])
    resting.fill(30, order=order)
    assert order.state is OrderState.OPEN
    resting.fill(30, order=order)
    assert (order.state, resting.held()) == (end, 60)
    assert resting.trading() is TradingState.ARMED


def test_an_end_that_counts_what_was_booked_is_one(resting):
    """The usual case ends at once."""
    resting.fill(60)
    resting.feed(inputs.OrderCanceled(resting.now, resting.now, resting.order.order_id, "", 60))
    assert (resting.order.state, resting.alarms) == (OrderState.CANCELED, [])


def test_an_end_that_counts_less_than_was_booked_is_alarmed(resting):
    """The venue contradicts its own executions: a person must look."""
    resting.fill(60)
    resting.feed(inputs.OrderCanceled(resting.now, resting.now, resting.order.order_id, "", 50))
    assert (resting.order.state, resting.alarms) == (OrderState.CANCELED, ["UNEXPECTED_REPORT"])


def test_an_announced_end_survives_a_restart(resting):
    """The new session waits for the same fills, and does not cancel what is off the book."""
    resting.feed(inputs.OrderCanceled(resting.now, resting.now, resting.order.order_id, "", 60))
    back = resting.restart()
    assert (back.queried, back.canceled) == ([back.order.order_id], [])
    back.fill(60)
    assert back.order.state is OrderState.CANCELED


def test_an_end_of_an_order_in_flight_waits_too(desk):
    """An IOC order whose expiry is the first that is heard of it."""
    desk.want(100)
    desk.feed(inputs.OrderExpired(desk.now, desk.now, desk.order.order_id, "IOC", 40))
    assert desk.order.state is OrderState.OPEN
    desk.fill(40)
    assert desk.order.state is OrderState.EXPIRED


def test_an_order_that_fills_while_its_cancel_is_lost_is_filled(resting):
    """The last execution settles what no answer did."""
    resting.want(0)
    resting.outcome(Outcome.FAILED, EffectAction.CANCEL)
    order = resting.order
    resting.fill(order=order)
    assert order.state is OrderState.FILLED


def test_an_expiry_settles_a_lost_cancel(resting):
    """So does any other end."""
    resting.want(0)
    resting.outcome(Outcome.FAILED, EffectAction.CANCEL)
    resting.feed(inputs.OrderExpired(resting.now, resting.now, resting.order.order_id, "", 0))
    assert resting.order.state is OrderState.EXPIRED


def test_a_partial_fill_and_a_refused_cancel_leave_the_rest_open(resting):
    """The order works on with what is left, and is asked about."""
    resting.want(0)
    order = resting.order
    resting.fill(30, order=order)
    resting.feed(inputs.CancelRejected(resting.now, resting.now, order.order_id, "busy"))
    assert (order.state, order.remaining, resting.queried) == (OrderState.OPEN, 70, [order.order_id])


@pytest.mark.parametrize("how", ["accepted", "filled"])
def test_two_venue_orders_under_one_id_stop_the_strategy(resting, how):
    """Somebody sent it twice: both executions are booked, and nothing more is sent."""
    if how == "accepted":
        resting.feed(inputs.OrderAccepted(resting.now, resting.now, resting.order.order_id, "V-OTHER"))
    else:
        resting.fill(40, venue_order_id="V-OTHER")
        assert resting.held() == 40
    assert "DUPLICATE_VENUE_ORDER" in resting.alarms
    assert resting.trading() is TradingState.KILLED
    assert resting.order.venue_order_id == f"V{resting.order.order_id}"


def test_a_revived_order_is_settled_like_any_other(desk):
    """What is shown working after it was proven absent reserves until the venue says that it is off."""
    desk.want(100, limit_price=99.0)
    desk.outcome(Outcome.FAILED)
    desk.deny()
    desk.observe(found=True)
    assert desk.order.remaining == 100
    desk.fill(40)
    assert desk.alarms == []
    desk.cancel()
    assert (desk.order.state, desk.held(), desk.state.live_orders) == (OrderState.CANCELED, 40, {})


def test_a_late_fill_of_part_of_an_order_is_asked_about(desk):
    """The rest may be working, so the venue is asked, and a sighting would take the order back."""
    desk.want(100)
    desk.outcome(Outcome.REFUSED)
    desk.fill(40)
    assert desk.queried == [desk.order.order_id]
