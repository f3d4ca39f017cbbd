"""Sessions: whatever the session before left, a new one boots closed."""

import pytest

from live.core import inputs, records
from live.core.engine import Engine
from live.core.engine.valuation import unrealised
from live.core.errors import InputError
from live.core.orders import OrderState
from live.core.snapshots import restore_state, take_snapshot
from live.core.state import EngineState, fold
from live.core.vocabulary import EffectAction, OperatorAction, OrderType, Outcome, Scope, Side, TradingState

SECOND = 1_000_000_000
DAY = 86_400 * SECOND
BTC = "binance-spot:BTCUSDT"
ETH = "binance-spot:ETHUSDT"


def test_a_session_boots_disarmed_without_leases(desk):
    """An armed session's successor is not armed."""
    after = desk.restart()
    assert after.trading() is TradingState.DISARMED
    assert not after.state.leases


def test_a_session_says_of_every_scope_that_it_is_disarmed(new_desk, make):
    """Once each, the widest first, and what no strategy of it is in as well; the leases end with it."""
    desk = new_desk(make.deployment("beta"), make.deployment("alpha")).open()
    after = type(desk)(make.deployment("beta"), state=restore_state(take_snapshot(desk.state)))
    said = after.start("SESSION2")
    changed = [(one.scope, one.target, one.state) for one in said if isinstance(one, records.TradingStateChanged)]
    assert changed == [
        (Scope.GLOBAL, "", TradingState.DISARMED),
        (Scope.VENUE, "binance-spot", TradingState.DISARMED),
        (Scope.ACCOUNT, "paper", TradingState.DISARMED),
        (Scope.STRATEGY, "beta", TradingState.DISARMED),
        (Scope.STRATEGY, "alpha", TradingState.DISARMED),
    ]
    assert [(one.strategy_id, one.lease_id) for one in said if isinstance(one, records.LeaseChanged)] == [("alpha", ""), ("beta", "")]


def test_a_first_session_says_the_same(new_desk):
    """That a scope was never set is no reason to say nothing of it."""
    desk = new_desk().open(armed=False)
    changed = [(one.scope, one.target) for one in desk.journal if isinstance(one, records.TradingStateChanged)]
    assert changed == [(Scope.GLOBAL, ""), (Scope.VENUE, "binance-spot"), (Scope.ACCOUNT, "paper"), (Scope.STRATEGY, "alpha")]


def test_a_kill_survives_a_restart(desk):
    """KILLED stays KILLED; everything else is DISARMED."""
    desk.command(OperatorAction.KILL, Scope.ACCOUNT, "paper")
    after = desk.restart()
    assert after.state.trading_state(Scope.ACCOUNT, "paper") is TradingState.KILLED
    assert after.state.trading_state(Scope.GLOBAL, "") is TradingState.DISARMED


def test_latches_have_to_be_read_again_to_arm(desk):
    """What was clear yesterday stays in the state, so the session's first inputs must be the latches of today."""
    after = desk.restart()
    after.feed(inputs.LatchObserved(after.now, Scope.GLOBAL, "", engaged=True, reason="pulled in between"))
    after.arm()
    assert after.alarms == ["ARM_REFUSED"]


@pytest.mark.parametrize("end", ["in flight", "lost"])
def test_an_order_in_flight_is_of_unknown_fate_after_a_restart(desk, end):
    """A crash is silence: SUBMITTING becomes SUBMIT_UNKNOWN, and the venue is asked until it is settled."""
    desk.want(100)
    if end == "lost":
        desk.outcome(Outcome.FAILED)
    after = desk.restart()
    assert after.order.state is OrderState.SUBMIT_UNKNOWN
    assert after.queried == [after.order.order_id]
    after.tick(1)
    assert after.queried == [after.order.order_id]


def test_a_cancel_in_flight_is_of_unknown_fate_after_a_restart(desk):
    """The same for cancels."""
    desk.want(100, limit_price=99.0)
    desk.accept()
    desk.want(0)
    after = desk.restart()
    assert after.order.state is OrderState.CANCEL_UNKNOWN
    assert after.queried == [after.order.order_id]


def test_an_open_order_is_canceled_at_a_restart(desk):
    """Nothing is armed, so nothing may rest."""
    desk.want(100, limit_price=99.0)
    desk.accept()
    after = desk.restart()
    assert after.order.state is OrderState.CANCEL_REQUESTED
    assert after.canceled == [after.order.order_id]


def test_an_unknown_order_that_is_found_after_a_restart_is_canceled(desk):
    """It was sent by a session that is over."""
    desk.want(100, limit_price=99.0)
    after = desk.restart()
    after.observe(found=True)
    assert after.canceled == [after.order.order_id]


def test_an_exit_goes_on_after_a_restart(desk):
    """An exit that the crash interrupted is tried again once the strategy is armed."""
    desk.want(100)
    desk.fill()
    desk.want(0)
    desk.outcome(Outcome.REFUSED)
    after = desk.restart()
    after.clear_latches()
    after.arm()
    after.bar()
    assert [effect.side for effect in after.submitted] == [Side.SELL]


def test_an_exit_is_tried_after_a_restart_before_anything_is_armed(desk):
    """It is denied and said so: a person sees that something wants to leave."""
    desk.want(100)
    desk.fill()
    desk.want(0)
    desk.outcome(Outcome.REFUSED)
    after = desk.restart()
    after.bar()
    assert [(one.side, one.quantity) for one in after.of(records.IntentRecorded)] == [(Side.SELL, 100)]
    assert after.code == "STATE_DISARMED"


# A strategy that is not deployed any more


@pytest.fixture
def orphaned(new_desk, make):
    """Restart without beta, which holds ETH and has a bid resting, and with alpha armed."""
    desk = new_desk(make.deployment("alpha"), make.deployment("beta", instrument_ids=(ETH,))).open()
    beta = desk.strategies["beta"]
    beta.script = lambda bar, context: context.target_units(ETH, 100)
    desk.bar(instrument_id=ETH)
    desk.fill()
    beta.script = lambda bar, context: context.target_units(ETH, 200, limit_price=99.0)
    desk.bar(instrument_id=ETH)
    return desk.restart("SESSION2", make.deployment("alpha"))


def test_a_position_that_nothing_manages_is_alarmed(orphaned):
    """Positions belong to the strategy id: when it is gone, a person has to know."""
    assert orphaned.alarms == ["POSITION_NOT_DEPLOYED"]
    assert "beta holds 100 units of binance-spot:ETHUSDT in paper" in orphaned.said[-1].detail


def test_an_order_of_a_strategy_that_is_gone_is_canceled_even_while_others_trade(orphaned):
    """Its own scope is DISARMED, so that arming another does not let its lost order rest."""
    orphaned.clear_latches()
    orphaned.arm("alpha")
    assert orphaned.state.trading_state(Scope.STRATEGY, "beta") is TradingState.DISARMED
    orphaned.observe(found=True)
    assert orphaned.canceled == [orphaned.order.order_id]


def test_a_fill_of_a_strategy_that_is_gone_is_booked_to_it(orphaned):
    """Its position moves, and nobody else's."""
    orphaned.fill(40)
    assert (orphaned.held("beta", ETH), orphaned.held("alpha", ETH)) == (140, 0)


def test_a_kill_covers_the_orders_of_a_strategy_that_is_gone(orphaned):
    """A kill of its account cancels them, although no deployment names it."""
    orphaned.observe(found=True)
    orphaned.outcome(Outcome.REFUSED, EffectAction.CANCEL)
    orphaned.command(OperatorAction.KILL, Scope.ACCOUNT, "paper")
    assert orphaned.canceled == [orphaned.order.order_id]


def test_the_position_is_there_when_the_strategy_comes_back(orphaned, make):
    """It is sold by the version that is deployed next."""
    back = orphaned.restart("SESSION3", make.deployment("alpha"), make.deployment("beta", instrument_ids=(ETH,)))
    back.clear_latches()
    back.arm("beta")
    back.deny()
    back.strategies["beta"].script = lambda bar, context: context.target_units(ETH, 0)
    back.bar(instrument_id=ETH)
    assert [(effect.side, effect.quantity) for effect in back.submitted] == [(Side.SELL, 100)]


# A strategy that moves to another account


def test_a_strategy_on_a_new_account_begins_with_nothing(desk, make):
    """What it held on the old account stays there, is alarmed, and is not what it trades on the new one."""
    desk.want(100)
    desk.fill()
    moved = desk.restart("SESSION2", make.deployment(account_id="second"))
    assert moved.alarms == ["POSITION_NOT_DEPLOYED"]
    moved.feed(inputs.BalanceChanged(moved.now, "second", "USDT", 10**12, "opening balance"))
    moved.clear_latches()
    moved.arm()
    moved.want(100)
    assert [(effect.account_id, effect.side, effect.quantity) for effect in moved.submitted] == [("second", Side.BUY, 100)]
    moved.fill()
    assert (moved.held(account_id="paper"), moved.held(account_id="second")) == (100, 100)
    assert moved.engine.profit("alpha") == 0
    moved.bar(11_000)
    assert moved.engine.profit("alpha") == 10**8
    assert unrealised(moved.state, moved.engine._work.markets, "alpha") == 2 * 10**8
    moved.state.ledger.check(moved.state.instruments)


# What a session is refused for


def test_a_nonce_is_never_used_twice(desk):
    """Its order ids would come again, and with them the venue's memory of the old orders."""
    with pytest.raises(InputError, match="SESSION1 was used"):
        desk.restart("SESSION1")


def test_a_nonce_whose_orders_are_still_known_is_refused(desk):
    """Also when another session lay in between."""
    desk.want(100)
    with pytest.raises(InputError, match="SESSION1 was used"):
        desk.restart("SESSION2").restart("SESSION1")


@pytest.mark.parametrize("nonce", ["", "SHORT", "TOOLONG99", "lower123", "SPACE 12", "ÄÖÜ12345"])
def test_a_nonce_that_no_order_id_can_hold_is_refused(new_desk, nonce):
    """Eight digits and capital letters, so that an id has at most 18 characters."""
    with pytest.raises(InputError, match="nonce is 8"):
        new_desk().open(nonce=nonce)


@pytest.mark.parametrize(
    ("changes", "said"),
    [
        ({"instrument_ids": ("binance-spot:DOGEUSDT",)}, "not defined"),
        ({"venue_id": "kraken-spot"}, "cannot trade"),
        ({"strategy_id": "beta"}, "differ in"),
    ],
)
def test_a_deployment_that_contradicts_what_is_defined_is_refused(new_desk, make, changes, said):
    """Unknown instruments, instruments of another venue, strategies that are not loaded."""
    desk = new_desk().open(armed=False)
    desk.deployments = (make.deployment(**changes),)
    with pytest.raises(InputError, match=said):
        desk.start("SESSION2")


def test_a_strategy_deployed_twice_is_refused(new_desk, make):
    """One of the two would silently win."""
    desk = new_desk().open(armed=False)
    desk.deployments = (make.deployment(), make.deployment(account_id="second"))
    with pytest.raises(InputError, match="may be deployed once"):
        desk.start("SESSION2")


def test_instruments_of_two_quote_assets_are_refused(new_desk, make):
    """Limits are in one quote asset: a sum of two means nothing."""
    one = make.deployment(instrument_ids=(BTC, "binance-spot:ETHBTC"))
    with pytest.raises(InputError, match="one quote asset"):
        new_desk(one).open(make.btc(), make.eth(instrument_id="binance-spot:ETHBTC", quote="BTC"))


def test_limits_that_limit_nothing_are_refused(new_desk, make):
    """Whatever a bundle or a configuration says."""
    with pytest.raises(InputError, match="alpha cannot be deployed: limit maximum_open_orders"):
        new_desk(make.deployment(limits=make.limits(maximum_open_orders=201))).open()


def test_nothing_is_accepted_of_a_refused_session(new_desk, make):
    """The refusal changes nothing."""
    desk = new_desk().open(armed=False)
    before = take_snapshot(desk.state)
    desk.deployments = (make.deployment(venue_id="kraken-spot"),)
    with pytest.raises(InputError):
        desk.start("SESSION2")
    assert take_snapshot(desk.state) == before


# Days


def test_the_day_is_opened_once_and_survives_a_restart(desk):
    """A restart in the middle of the day does not forget what was lost before it."""
    desk.want(100)
    desk.fill()
    desk.bar(9_600)
    opened = dict(desk.state.day_profits)
    after = desk.restart()
    after.bar(9_600)
    assert after.state.day_profits == opened


def test_a_new_day_is_opened_with_its_first_bar(desk):
    """The base of the daily loss is the profit at the first bar after midnight UTC."""
    desk.want(100)
    desk.fill()
    desk.now += DAY // 2
    desk.bar(9_600)
    assert desk.state.day_profits["alpha"][1] == -40_000_000


def test_a_session_that_starts_while_the_day_is_open_for_the_market_opens_it_for_its_strategies(new_desk):
    """Bars that came before the session started do not make its strategies' day unknown."""
    desk = new_desk().open(armed=False)
    desk.bar()
    after = desk.restart()
    after.bar()
    assert "alpha" in after.state.day_profits


@pytest.mark.parametrize("first", [BTC, ETH])
def test_one_strategys_missing_price_does_not_keep_the_day_of_another_closed(new_desk, make, first):
    """Each strategy and account is opened by the first price at which it can be valued, whichever comes first."""
    one, other = make.deployment("alpha"), make.deployment("beta", account_id="second", instrument_ids=(ETH,))
    desk = new_desk(one, other).open()
    for strategy_id, instrument_id in (("alpha", BTC), ("beta", ETH)):
        desk.strategies[strategy_id].script = lambda bar, context: context.target_units(bar.instrument_id, 100)
        if strategy_id == "beta":
            desk.feed(inputs.BalanceChanged(desk.now, "second", "USDT", 100 * 10**8, "paid in"))
        desk.bar(instrument_id=instrument_id)
        desk.fill()
        desk.strategies[strategy_id].script = None
    desk.now += DAY
    after = desk.restart("SESSION2", one, other)
    opened = []
    for instrument_id in (first, BTC, ETH):
        after.bar(instrument_id=instrument_id)
        opened += [record.strategy_id for record in after.of(records.DayOpened)]
        opened += [record.account_id for record in after.of(records.AccountDayOpened)]
    assert opened == (["alpha", "paper", "beta", "second"] if first == BTC else ["beta", "second", "alpha", "paper"])


# Order does not depend on how the state came about


def test_a_restored_state_goes_on_as_the_state_itself(new_desk, make):
    """Leases, exits and alarms come in the same order from a fold, a snapshot, and the engine's own state."""
    names = ("gamma", "alpha", "beta")
    desk = new_desk(*(make.deployment(name) for name in names)).open()
    for name in names:
        desk.want(100, strategy_id=name)
        desk.fill()
        desk.want(0, strategy_id=name)
        desk.outcome(Outcome.REFUSED)
    said = []
    for state in (fold(desk.journal), restore_state(take_snapshot(desk.state)), restore_state(take_snapshot(fold(desk.journal)))):
        again = type(desk)(*(make.deployment(name) for name in names), state=state)
        again.now = desk.now + SECOND
        records = again.start("SESSION2")
        again.clear_latches()
        for name in names:
            again.arm(name)
        said.append((records, again.bar()))
    assert said[0] == said[1] == said[2]


def test_time_that_runs_backwards_is_refused(desk):
    """Inputs are stamped at receipt, so an earlier one is a mistake."""
    with pytest.raises(InputError, match="ran backwards"):
        desk.feed(inputs.ClockTicked(desk.now - 1))


def test_time_that_no_journal_can_hold_is_refused(desk):
    """It would make every later input run backwards, for ever."""
    with pytest.raises(InputError, match="63 bits"):
        desk.feed(inputs.ClockTicked(2**63))


def test_a_new_engine_knows_nothing():
    """Nothing is armed, held or known before the first input."""
    assert take_snapshot(Engine({}).state) == take_snapshot(EngineState())


def test_what_a_strategy_asked_for_survives_a_restart(desk):
    """Label, replaced order and price of an explicit order are part of the state; the new session settles it by evidence."""
    desk.strategy.script = lambda bar, context: context.submit_order(
        BTC, Side.BUY, 100, order_type=OrderType.LIMIT, limit_price=99.0, label="mine"
    )
    desk.bar()
    desk.accept()
    first = desk.order
    desk.strategy.script = lambda bar, context: context.replace_order("mine", limit_price=98.0)
    desk.bar()
    desk.strategy.script = None
    desk.cancel(first)
    assert (desk.order.replaces, desk.order.label) == (first.order_id, "mine")
    back = desk.restart()
    order = back.state.orders[desk.order.order_id]
    assert (order.state, order.label, order.replaces, order.decision_id) == (OrderState.SUBMIT_UNKNOWN, "mine", first.order_id, 0)
    back.observe(found=True, order=order)
    assert order.state is OrderState.CANCEL_REQUESTED


@pytest.mark.parametrize("approved", [False, True])
def test_an_intent_that_a_session_died_on_provably_never_left(desk, approved):
    """An engine that failed between an intent and its sending left words behind, and no request."""
    desk.want(100)
    intent = next(entry for entry in desk.journal if isinstance(entry, records.IntentRecorded))
    moves = [entry for entry in desk.journal if isinstance(entry, records.OrderTransitioned)]
    before = desk.journal[: desk.journal.index(intent) + 1]
    back = type(desk)(*desk.deployments, state=fold([*before, *moves[: int(approved)]]))
    back.now = desk.now + 1
    back.start("SESSION2")
    assert back.order.state is OrderState.NOT_SENT
    assert (back.queried, back.canceled) == ([], [])
