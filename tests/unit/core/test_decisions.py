"""Decisions: what a strategy wants is recorded when it changes, and pursued by one order at a time."""

import pytest

from live.core import inputs, records
from live.core.portfolio import LONGEST_RETRY_WAIT
from live.core.risk.codes import DenialCode
from live.core.vocabulary import EffectAction, OperatorAction, OrderType, Outcome, Scope, Side, TradingState

USDT = 10**8
BTC = "binance-spot:BTCUSDT"
ETH = "binance-spot:ETHUSDT"


def intents(desk):
    """Count all intents so far."""
    return sum(isinstance(entry, records.IntentRecorded) for entry in desk.journal)


def test_a_decision_leads_to_an_order_that_names_it(desk):
    """Decision, intent, approval and submission are recorded in this order, and the effect comes last."""
    desk.want(100)
    assert [type(record).__name__ for record in desk.said] == [
        "DayOpened",
        "PeakRaised",
        "AccountDayOpened",
        "PeakRaised",
        "DecisionRecorded",
        "IntentRecorded",
        "OrderTransitioned",
        "OrderTransitioned",
    ]
    decision, intent = desk.of(records.DecisionRecorded)[0], desk.of(records.IntentRecorded)[0]
    assert (decision.target, decision.requested, decision.reason) == (100, "100 units", "test")
    assert (intent.label, intent.replaces, intent.reduce_only) == ("", "", False)
    assert (intent.decision_id, intent.quantity, intent.side) == (decision.decision_id, 100, Side.BUY)
    assert intent.allocations == (records.Allocation("alpha", intent.intent_id, 100),)
    assert [effect.order_id for effect in desk.submitted] == [intent.order_id]


def test_a_wish_that_did_not_change_is_not_recorded_again(desk):
    """Saying the same on every bar is one decision."""
    desk.want(100)
    desk.fill()
    for _ in range(5):
        assert desk.bar() == []


def test_order_ids_count_up_in_base_36_behind_the_nonce(desk):
    """Ids are at most 18 characters, and never come twice in a session."""
    for number in range(40):
        desk.want(100 + 10 * (number % 2))
        if desk.submitted:
            desk.accept()
    ids = list(desk.state.orders)
    assert len(ids) == len(set(ids))
    assert ids[0] == "ILSESSION11"
    assert all(len(order_id) <= 18 and order_id.startswith("ILSESSION1") for order_id in ids)


def test_the_digits_of_an_order_id_are_its_number_and_no_more(desk):
    """Whatever digit comes first, and across each further one."""
    desk.ask(lambda bar, context: [context.submit_order(BTC, "BUY", 100, order_type="LIMIT", limit_price=1.0) for _ in range(1_300)])
    digits = [intent.order_id.removeprefix("ILSESSION1") for intent in desk.of(records.IntentRecorded)]
    assert [int(one, 36) for one in digits] == list(range(1, 1_301))
    assert not any(one.startswith("0") for one in digits)


def test_an_order_id_follows_the_session_and_the_number_wherever_they_are(desk):
    """What ids of an earlier session or of lower numbers had in common is in none that comes later."""
    cases = [("SESSION2", 0), ("SESSION3", 0), ("SESSION3", 1_294), ("SESSION4", 1_295), ("SESSION4", 36**4 - 2), ("SESSION4", 36**8 - 3)]
    ids: list[str] = []
    for nonce, before in cases:
        for state in (desk.state, desk._fold):
            state.nonce, state.order_sequence = nonce, before
        desk.ask(lambda bar, context: [context.submit_order(BTC, "BUY", 100, order_type="LIMIT", limit_price=1.0) for _ in range(2)])
        ids += [intent.order_id for intent in desk.of(records.IntentRecorded)]
    assert ids == [
        *("ILSESSION21", "ILSESSION22", "ILSESSION31", "ILSESSION32", "ILSESSION3ZZ", "ILSESSION3100", "ILSESSION4100", "ILSESSION4101"),
        *("ILSESSION4ZZZZ", "ILSESSION410000", "ILSESSION4ZZZZZZZY", "ILSESSION4ZZZZZZZZ"),
    ]


def test_a_changed_target_cancels_first_and_goes_on_after_the_cancel(desk):
    """One order at a time: the new order waits until the venue has taken the old one off."""
    desk.want(100, limit_price=99.0)
    desk.accept()
    desk.want(200, limit_price=98.0)
    assert desk.canceled == [desk.order.order_id]
    assert not desk.submitted
    desk.cancel()
    assert [(effect.quantity, effect.limit_price) for effect in desk.submitted] == [(200, 9_800)]


def test_a_target_that_changed_while_its_order_ended_by_itself_is_pursued(desk):
    """An expiry that overtakes our cancel does not lose the new decision."""
    desk.want(100, limit_price=99.0)
    desk.accept()
    desk.want(200, limit_price=98.0)
    desk.feed(inputs.OrderExpired(desk.now, desk.now, desk.order.order_id, "maintenance"))
    assert [effect.quantity for effect in desk.submitted] == [200]


def test_a_target_that_changed_while_its_order_was_in_flight_cancels_it_on_arrival(desk):
    """The cancel that came too early is asked again once the venue has the order."""
    desk.want(100, limit_price=99.0)
    desk.want(200, limit_price=98.0)
    assert desk.canceled == [desk.order.order_id]
    desk.feed(inputs.CancelRejected(desk.now, desk.now, desk.order.order_id, "Unknown order sent."))
    desk.accept()
    assert desk.canceled == [desk.order.order_id]


def test_an_entry_that_the_venue_canceled_by_itself_is_not_sent_again(desk):
    """A refusal is not hammered: the strategy has to want something else first."""
    desk.want(100, limit_price=99.0)
    desk.accept()
    desk.cancel()
    assert not desk.submitted
    desk.bar()
    assert not desk.submitted


# Wishes that cannot be followed


@pytest.mark.parametrize(
    ("wish", "code"),
    [
        ({"fraction": float("nan")}, DenialCode.TARGET_NOT_A_NUMBER),
        ({"fraction": float("-inf")}, DenialCode.TARGET_NOT_A_NUMBER),
        ({"fraction": 1e300}, DenialCode.TARGET_OUT_OF_RANGE),
        ({"units": 10**30}, DenialCode.TARGET_OUT_OF_RANGE),
        ({"units": -(10**30)}, DenialCode.TARGET_OUT_OF_RANGE),
        ({"units": 1, "limit_price": float("nan")}, DenialCode.TARGET_NOT_A_NUMBER),
        ({"units": 1, "limit_price": 1e300}, DenialCode.TARGET_OUT_OF_RANGE),
    ],
)
def test_a_wish_that_cannot_be_meant_is_denied_once_and_changes_nothing(desk, wish, code):
    """The standing target stays, and saying the same again is not said again."""
    desk.want(100)
    desk.fill()
    before = dict(desk.state.targets)

    def ask(bar, context):
        if "units" in wish:
            context.target_units(BTC, **wish)
        else:
            context.target_fraction(BTC, **wish)

    desk.strategy.script = ask
    desk.bar()
    assert [(record.code, record.strategy_id) for record in desk.of(records.OrderDenied)] == [(code, "alpha")]
    assert "alpha" in desk.said[-1].detail
    assert BTC in desk.said[-1].detail
    assert desk.bar() == []
    assert desk.state.targets == before
    desk.strategy.script = lambda bar, context: context.target_units(BTC, 0)
    desk.bar()
    assert [effect.side for effect in desk.submitted] == [Side.SELL]


def test_a_wish_that_is_refused_for_another_price_is_said_again(desk):
    """What was wrong is another thing, so a person hears of it."""
    desk.bar()
    for price, said in ((float("nan"), 1), (float("nan"), 0), (float("inf"), 1)):
        desk.want(100, limit_price=price)
        assert len(desk.of(records.OrderDenied)) == said


def test_a_wish_that_is_refused_after_one_that_was_followed_is_said_again(desk):
    """Another wish lay between, so it is a new mistake."""
    for fraction, said in ((float("nan"), 1), (0.001, 0), (float("nan"), 1)):
        desk.ask(lambda bar, context, fraction=fraction: context.target_fraction(BTC, fraction))
        assert len(desk.of(records.OrderDenied)) == said


def test_a_wish_that_had_no_price_is_followed_once_there_is_one(new_desk, make):
    """A strategy that goes on saying the same is heard as soon as it can be followed."""
    desk = new_desk(make.deployment(instrument_ids=(BTC, ETH))).open()
    desk.strategy.script = lambda bar, context: context.target_fraction(ETH, 0.01)
    desk.bar()
    assert desk.code == DenialCode.PRICE_REFERENCE_MISSING
    assert desk.bar() == []
    desk.bar(instrument_id=ETH)
    assert [effect.instrument_id for effect in desk.submitted] == [ETH]


def test_an_exit_is_decided_although_the_account_cannot_be_valued(new_desk, make):
    """A position of a strategy that is gone, in an instrument without a price, does not trap the others."""
    desk = new_desk(make.deployment("alpha"), make.deployment("gone", instrument_ids=(ETH,))).open()
    desk.want(100)
    desk.fill()
    desk.strategies["gone"].script = lambda bar, context: context.target_units(ETH, 100)
    desk.bar(instrument_id=ETH)
    desk.fill()
    after = desk.restart("SESSION2", make.deployment("alpha"))
    after.clear_latches()
    after.arm()
    after.strategy.script = lambda bar, context: context.target_fraction(BTC, 0.0)
    after.bar()
    assert [(effect.side, effect.quantity) for effect in after.submitted] == [(Side.SELL, 100)]


@pytest.mark.parametrize(("units", "on_the_tick"), [(100, 10_101), (300, 10_100)])
def test_a_targets_limit_is_rounded_by_the_side_that_leads_to_it(desk, units, on_the_tick):
    """From 200 held to 100 is a sale, so its limit goes up; to 300 is a purchase, so it goes down."""
    desk.want(200)
    desk.fill()
    desk.want(units, limit_price=101.001)
    assert [effect.limit_price for effect in desk.submitted] == [on_the_tick]


def test_what_stood_is_not_decided_again_after_a_wish_that_was_refused(desk):
    """The refused one never took its place, and the order that serves it is at work."""
    desk.want(100, limit_price=99.0)
    desk.accept()
    desk.ask(lambda bar, context: context.target_fraction(BTC, float("nan")))
    assert desk.code == DenialCode.TARGET_NOT_A_NUMBER
    assert desk.want(100, limit_price=99.0) == []


def test_decisions_are_numbered_from_one(desk):
    """An order names the decision that it serves, and 0 stands for none."""
    numbers = []
    for units in (100, 200, 300):
        desk.want(units)
        numbers += [one.decision_id for one in desk.of(records.DecisionRecorded)]
        desk.fill()
    assert numbers == [1, 2, 3]


# Closing out


def test_closing_out_what_is_not_deployed_is_alarmed(desk):
    """Who misspells a strategy must not believe that it is flat."""
    assert [type(one) for one in desk.feed(inputs.CloseOutRequested(desk.now, "aplha", "end"))] == [records.AlarmRaised]
    assert desk.alarms == ["COMMAND_COVERS_NOTHING"]


def test_closing_out_sells_what_a_strategy_bought_by_orders_of_its_own(desk):
    """It never had a target, and holds all the same; an instrument it neither holds nor wants is left alone."""
    desk.ask(lambda bar, context: context.submit_order(BTC, "BUY", 100))
    desk.fill()
    desk.feed(inputs.CloseOutRequested(desk.now, "alpha", "end"))
    assert [(effect.side, effect.quantity) for effect in desk.submitted] == [(Side.SELL, 100)]
    desk.fill()
    assert (desk.held(), desk.of(records.DecisionRecorded)) == (0, [])


def test_closing_out_decides_on_a_position_of_nothing(desk):
    """The decision says so in units, whatever the lot."""
    desk.want(100)
    desk.fill()
    desk.feed(inputs.CloseOutRequested(desk.now, "alpha", "end"))
    (decision,) = desk.of(records.DecisionRecorded)
    assert (decision.requested, decision.target, decision.reason) == ("0 units", 0, "close out: end")


def test_an_order_that_was_closed_out_is_canceled_until_it_is_off(desk):
    """The venue refused it once; the reason is the same."""
    desk.ask(lambda bar, context: context.submit_order(BTC, "BUY", 100, order_type="LIMIT", limit_price=99.0))
    desk.accept()
    desk.feed(inputs.CloseOutRequested(desk.now, "alpha", "end"))
    desk.feed(inputs.CancelRejected(desk.now, desk.now, desk.order.order_id, "busy"))
    desk.tick(2)
    assert desk.canceled == [desk.order.order_id]
    assert [move.detail for move in desk.of(records.OrderTransitioned)] == ["close out: end"]


def test_closing_out_what_never_traded_decides_nothing(desk):
    """There is nothing to leave."""
    desk.bar()
    assert desk.feed(inputs.CloseOutRequested(desk.now, "alpha", "end")) == []


def test_a_strategy_that_says_the_same_after_it_was_closed_out_is_heard(desk):
    """Closing out is no order to stop trading: that is what disarming is for."""
    desk.want(100)
    desk.fill()
    desk.feed(inputs.CloseOutRequested(desk.now, "alpha", "end"))
    desk.fill()
    desk.bar()
    assert [(effect.side, effect.quantity) for effect in desk.submitted] == [(Side.BUY, 100)]


def test_closing_out_again_tries_an_exit_that_came_to_nothing_at_once(desk):
    """What stood in its way may be gone; nothing is decided twice."""
    desk.want(100)
    desk.fill()
    desk.strategy.script = None
    desk.feed(inputs.CloseOutRequested(desk.now, "alpha", "end"))
    desk.outcome(Outcome.REFUSED)
    desk.feed(inputs.CloseOutRequested(desk.now, "alpha", "end"))
    assert [(effect.side, effect.quantity) for effect in desk.submitted] == [(Side.SELL, 100)]
    assert desk.of(records.DecisionRecorded) == []


# Exits


@pytest.mark.parametrize("bound", ["quantity", "notional", "lease"])
def test_an_exit_larger_than_one_order_may_be_leaves_in_several(new_desk, make, bound):
    """Whichever bound on one order a position has outgrown, it is sold whole, piece after piece."""
    desk = new_desk(make.deployment(limits=make.limits(maximum_orders_per_minute=50))).open()
    desk.want(900)
    desk.fill()
    tight = {
        "quantity": make.limits(maximum_order_quantity={BTC: 400}),
        "notional": make.limits(maximum_order_notional=40 * USDT),
        "lease": make.limits(),
    }[bound]
    after = desk.restart("SESSION2", make.deployment(limits=tight))
    after.clear_latches()
    after.arm(ceiling=40 * USDT if bound == "lease" else 1_000 * USDT)
    sold = []
    after.want(0)
    while after.submitted:
        sold += [effect.quantity for effect in after.submitted]
        after.fill()
    assert sold == [400, 400, 100]
    assert after.held() == 0


def test_an_exit_that_is_denied_is_tried_again_after_one_two_four_bars(desk):
    """The waits double, up to the longest, and the exit leaves at the first try after what denied it is gone."""
    desk.want(100)
    desk.fill()
    desk.command(OperatorAction.CANCEL_ONLY)
    tries = []
    desk.want(0)
    for number in range(1, 150):
        before = intents(desk)
        desk.bar()
        if intents(desk) > before:
            tries.append(number)
    gaps = [after - before for before, after in zip([0, *tries], tries, strict=False)]
    assert gaps == [1, 2, 4, 8, 16, 32, LONGEST_RETRY_WAIT]


def test_the_wait_of_an_exit_doubles_however_late_its_refusal_comes(desk):
    """Bars that pass while the venue keeps silent are no reason to ask sooner."""
    desk.want(100)
    desk.fill()
    desk.want(0)
    desk.outcome(Outcome.REFUSED)
    desk.bar()
    desk.outcome(Outcome.REFUSED)
    desk.bar()
    desk.bar()
    assert len(desk.submitted) == 1
    desk.bar()
    desk.outcome(Outcome.REFUSED)
    bars = 0
    while not desk.submitted:
        desk.bar()
        bars += 1
    assert bars == 4


def test_an_exit_that_is_decided_anew_is_tried_once_on_its_bar(desk):
    """Also when the wait of the one before was just over."""
    desk.want(200)
    desk.fill()
    desk.command(OperatorAction.DISARM)
    desk.want(100)
    before = intents(desk)
    desk.want(0)
    assert intents(desk) == before + 1


def test_arming_tries_a_denied_exit_at_the_next_bar(desk):
    """Hours of denials do not make a newly armed strategy wait for its exit."""
    desk.want(100)
    desk.fill()
    desk.command(OperatorAction.DISARM)
    desk.want(0)
    for _ in range(70):
        desk.bar()
    desk.arm(lease_id="second")
    desk.bar()
    assert [effect.side for effect in desk.submitted] == [Side.SELL]


def test_a_retry_ends_with_the_position(desk):
    """Once the exit has filled, nothing is tried any more."""
    desk.want(100)
    desk.fill()
    desk.want(0)
    desk.feed(inputs.OrderRejected(desk.now, desk.now, desk.order.order_id, "busy"))
    desk.bar()
    desk.fill()
    assert desk.held() == 0
    before = intents(desk)
    for _ in range(5):
        desk.bar()
    assert intents(desk) == before
    assert not desk.engine._handlers[inputs.Bar].__self__._deciding.retries


def test_a_rest_below_a_lot_is_sold_once_the_venue_takes_smaller_ones(new_desk, make):
    """Bars on which it is too small to send do not end the exit."""
    desk = new_desk().open(make.btc(minimum_notional=1))
    desk.want(100)
    desk.fill(fee=500_000, fee_asset="BTC")
    desk.want(0)
    desk.fill()
    assert desk.held() == 5
    after = desk.restart()
    after.clear_latches()
    after.arm()
    for _ in range(3):
        after.bar()
        assert not after.submitted
    after.feed(inputs.InstrumentDefined(after.now, make.btc(minimum_notional=1, lot_size=1, minimum_quantity=1)))
    after.bar()
    assert [(effect.side, effect.quantity) for effect in after.submitted] == [(Side.SELL, 5)]


def test_a_try_that_could_send_nothing_is_followed_by_the_same_wait_again(new_desk, make):
    """An exit refused twice waits two bars; its rest, too small until just after a try, leaves two bars after that try."""
    desk = new_desk().open(make.btc(minimum_notional=1))
    desk.want(100)
    desk.fill(fee=500_000, fee_asset="BTC")
    desk.want(0)
    for wait in (1, 2):
        desk.outcome(Outcome.REFUSED)
        for _ in range(wait):
            desk.bar()
    desk.fill()
    assert desk.held() == 5
    desk.bar()
    desk.bar()
    desk.feed(inputs.InstrumentDefined(desk.now, make.btc(minimum_notional=1, lot_size=1, minimum_quantity=1)))
    sent = []
    for _ in range(2):
        desk.bar()
        sent.append([effect.quantity for effect in desk.submitted])
    assert sent == [[], [5]]


def test_another_exit_is_tried_as_soon_as_a_first_one(desk):
    """How long the one before had to wait says nothing about it."""
    desk.want(200)
    desk.fill()
    desk.want(0)
    for wait in (1, 2):
        desk.outcome(Outcome.REFUSED)
        for _ in range(wait):
            desk.bar()
    desk.outcome(Outcome.REFUSED)
    desk.want(100)
    desk.outcome(Outcome.REFUSED)
    desk.bar()
    assert [effect.quantity for effect in desk.submitted] == [100]


def retries(desk):
    """Look at the exits that wait for another try."""
    return desk.engine._handlers[inputs.Bar].__self__._deciding.retries


def test_what_became_an_entry_is_not_tried_again(desk):
    """Orders of the strategy's own took the position below the target that the exit was to reach."""
    desk.want(200)
    desk.fill()
    desk.want(100)
    desk.outcome(Outcome.REFUSED)
    assert desk.send("SELL", 160) == DenialCode.POSITION_BELOW_ZERO
    assert list(retries(desk)) == [("alpha", BTC)]
    desk.fill(order=next(one for one in desk.state.live_orders.values() if not one.decision_id))
    for _ in range(4):
        desk.bar()
    assert (desk.held(), retries(desk)) == (40, {})


def test_an_exit_that_ends_unneeded_is_not_tried_again(desk):
    """Meanwhile an order of the strategy's own had reached its target."""
    desk.want(200)
    desk.fill()
    desk.want(100, limit_price=101.0)
    desk.strategy.script = None
    desk.outcome(Outcome.REFUSED)
    desk.bar()
    exit_order = desk.order
    desk.accept()
    assert desk.send("SELL", 100) is None
    desk.fill()
    assert retries(desk)
    desk.cancel(exit_order)
    assert (desk.held(), retries(desk)) == (100, {})


@pytest.mark.parametrize("end", ["reject", "hold back", "expire"])
def test_an_exit_that_came_to_nothing_is_tried_again(desk, end):
    """By whatever end: the venue's word, the gate's, or time."""
    desk.want(100)
    desk.fill()
    desk.want(0)
    if end == "reject":
        desk.feed(inputs.OrderRejected(desk.now, desk.now, desk.order.order_id, "busy"))
    elif end == "hold back":
        desk.outcome(Outcome.REFUSED)
    else:
        desk.feed(inputs.OrderExpired(desk.now, desk.now, desk.order.order_id, "no liquidity"))
    assert not desk.submitted
    desk.bar()
    assert [effect.side for effect in desk.submitted] == [Side.SELL]


# Arming


def test_what_was_wanted_while_disarmed_is_tried_once_armed(new_desk):
    """An entry that was denied as DISARMED is decided anew when the armed strategy still says it."""
    desk = new_desk().open(armed=False)
    desk.clear_latches()
    desk.want(100)
    assert desk.code == DenialCode.STATE_DISARMED
    desk.arm()
    desk.bar()
    assert [effect.quantity for effect in desk.submitted] == [100]


def test_what_the_armed_strategy_no_longer_says_is_not_tried(new_desk):
    """Arming sends nothing by itself: the strategy has to say it again."""
    desk = new_desk().open(armed=False)
    desk.clear_latches()
    desk.want(100)
    desk.strategy.script = None
    desk.arm()
    desk.bar()
    assert not desk.submitted


def test_arming_does_not_rebalance_what_is_held(desk):
    """A position that is at its target stays, although a fraction of equity would now be another size."""
    desk.strategy.script = lambda bar, context: context.target_fraction(BTC, 0.01)
    desk.bar()
    desk.fill()
    desk.command(OperatorAction.DISARM)
    desk.arm(lease_id="second")
    desk.bar(10_300)
    assert not desk.submitted


def test_a_limit_exit_denied_once_rests_later(desk):
    """A retried exit keeps its limit price."""
    desk.want(100)
    desk.fill()
    desk.want(0, limit_price=101.0)
    desk.outcome(Outcome.REFUSED)
    desk.bar()
    assert [(effect.order_type, effect.limit_price) for effect in desk.submitted] == [(OrderType.LIMIT, 10_100)]


def test_the_limit_of_what_is_held_already_is_rounded_as_a_sale(desk):
    """Nothing is to be bought, so all that may follow is to give some of it back."""
    desk.want(100)
    desk.fill()
    desk.want(100, limit_price=100.005)
    assert desk.of(records.DecisionRecorded)[-1].limit_price == 10_001
    assert not desk.submitted


def test_two_strategies_hold_apart_what_they_hold(new_desk, make):
    """On one account and instrument each has its own target, orders and position."""
    desk = new_desk(make.deployment("alpha"), make.deployment("beta")).open()
    desk.want(100, strategy_id="alpha")
    desk.fill()
    desk.want(200, strategy_id="beta")
    desk.fill()
    assert (desk.held("alpha"), desk.held("beta")) == (100, 200)
    desk.want(0, strategy_id="alpha")
    assert [(effect.strategy_id, effect.quantity) for effect in desk.submitted] == [("alpha", 100)]


def test_an_order_that_is_accepted_is_not_held_against_what_was_traded_since(desk):
    """It was sent for the standing decision; only the next one replaces it."""
    desk.want(100, limit_price=99.0)
    first = desk.order
    assert desk.send("BUY", 60) is None
    desk.fill()
    desk.accept(first)
    assert (desk.held(), desk.canceled, desk.submitted) == (60, [], [])


def test_a_cancel_that_failed_leaves_the_order_counted(desk):
    """Until the venue says otherwise the order may fill, and no new one is sent beside it."""
    desk.want(100, limit_price=99.0)
    desk.accept()
    desk.want(200, limit_price=98.0)
    desk.outcome(Outcome.FAILED, EffectAction.CANCEL)
    desk.want(300, limit_price=97.0)
    assert not desk.submitted
    assert list(desk.state.live_orders) == [desk.order.order_id]


def test_disarming_one_strategy_leaves_the_other_trading(new_desk, make):
    """A scope of one strategy covers that one."""
    desk = new_desk(make.deployment("alpha"), make.deployment("beta")).open()
    desk.command(OperatorAction.DISARM, Scope.STRATEGY, "alpha")
    assert (desk.trading("alpha"), desk.trading("beta")) == (TradingState.DISARMED, TradingState.ARMED)
