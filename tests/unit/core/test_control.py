"""Control: arming needs every guard closed, and stopping stops everything it covers."""

import pytest

from live.core import inputs, records
from live.core.errors import InputError
from live.core.orders import OrderState
from live.core.vocabulary import AccountType, InstrumentKind, OperatorAction, Scope, Side, TradingState

SECOND = 1_000_000_000
USDT = 10**8
BTC = "binance-spot:BTCUSDT"
SCOPES = [(Scope.GLOBAL, ""), (Scope.VENUE, "binance-spot"), (Scope.ACCOUNT, "paper"), (Scope.STRATEGY, "alpha")]


@pytest.fixture
def disarmed(new_desk):
    """Open a desk that is not armed, with clear latches."""
    desk = new_desk().open(armed=False)
    desk.clear_latches()
    return desk


# Arming


def test_a_lease_arms_every_level_that_covers_the_strategy(disarmed):
    """From DISARMED to ARMED, at four levels, with the lease on record."""
    assert disarmed.trading() is TradingState.DISARMED
    disarmed.arm()
    assert disarmed.trading() is TradingState.ARMED
    assert disarmed.state.leases["alpha"].lease_id == "lease"


@pytest.mark.parametrize("scope", SCOPES)
def test_nothing_arms_under_a_kill(disarmed, scope):
    """A kill at any level that covers the strategy refuses the lease."""
    disarmed.command(OperatorAction.KILL, *scope)
    disarmed.arm()
    assert disarmed.alarms == ["ARM_REFUSED"]
    assert not disarmed.state.leases
    assert disarmed.trading() is TradingState.KILLED


@pytest.mark.parametrize("missing", SCOPES)
def test_nothing_arms_while_a_latch_was_not_read(new_desk, missing):
    """Three clear latches and one that nobody has seen are three."""
    desk = new_desk().open(armed=False)
    desk.feed(*(inputs.LatchObserved(desk.now, *scope, engaged=False, reason="") for scope in SCOPES if scope != missing))
    desk.arm()
    assert desk.alarms == ["ARM_REFUSED"]
    assert not desk.state.leases


@pytest.mark.parametrize(("strategy_id", "lease_id"), [("nobody", "lease"), ("alpha", "")])
def test_a_lease_that_names_nothing_is_refused(disarmed, strategy_id, lease_id):
    """It needs a deployed strategy and an id."""
    disarmed.arm(strategy_id, lease_id=lease_id)
    assert disarmed.alarms == ["ARM_REFUSED"]
    assert not disarmed.state.leases


@pytest.mark.parametrize("action", [OperatorAction.REDUCE_ONLY, OperatorAction.CANCEL_ONLY])
@pytest.mark.parametrize("scope", SCOPES)
def test_arming_never_loosens_a_restriction(desk, action, scope):
    """A new lease on a restricted strategy leaves it restricted."""
    desk.command(action, *scope)
    desk.arm(lease_id="second")
    assert desk.trading().name == action.name


def test_the_end_of_its_lease_disarms_a_strategy_and_cancels_its_orders(desk):
    """Nothing of it works on without a lease."""
    desk.want(100, limit_price=99.0)
    desk.accept()
    desk.feed(inputs.LeaseEnded(desk.now, "alpha", "lease", "expired"))
    assert desk.trading() is TradingState.DISARMED
    assert desk.canceled == [desk.order.order_id]
    assert not desk.state.leases


def test_the_end_of_another_lease_says_nothing(desk):
    """A late word about a lease that was replaced does not disarm."""
    desk.feed(inputs.LeaseEnded(desk.now, "alpha", "an older one", "expired"))
    assert desk.trading() is TradingState.ARMED


# Stopping


@pytest.mark.parametrize("scope", SCOPES)
@pytest.mark.parametrize("how", ["operator", "latch"])
def test_a_kill_ends_leases_and_cancels_every_order_it_covers(desk, scope, how):
    """At any level, by command or by latch."""
    desk.want(100, limit_price=99.0)
    desk.accept()
    if how == "operator":
        desk.command(OperatorAction.KILL, *scope)
    else:
        desk.feed(inputs.LatchObserved(desk.now, *scope, engaged=True, reason="pulled"))
    assert desk.state.trading_state(*scope) is TradingState.KILLED
    assert not desk.state.leases
    assert desk.order.state is OrderState.CANCEL_REQUESTED
    assert desk.canceled == [desk.order.order_id]


def test_a_kill_asks_to_cancel_what_is_in_flight_without_claiming_anything(desk):
    """An order that may or may not be there is canceled all the same, and its state stays what is known."""
    desk.want(100)
    desk.command(OperatorAction.KILL)
    assert desk.canceled == [desk.order.order_id]
    assert desk.order.state is OrderState.SUBMITTING
    desk.accept()
    assert desk.canceled == [desk.order.order_id]
    assert desk.order.state is OrderState.CANCEL_REQUESTED


@pytest.mark.parametrize("how", ["operator", "latch"])
def test_a_global_kill_that_names_a_target_kills_everything(desk, how):
    """There is one global scope: a target in it is a mistake, and never a reason to go on trading."""
    if how == "operator":
        desk.command(OperatorAction.KILL, Scope.GLOBAL, "binance-spot")
    else:
        desk.feed(inputs.LatchObserved(desk.now, Scope.GLOBAL, "binance-spot", engaged=True, reason="pulled"))
    assert desk.trading() is TradingState.KILLED
    assert desk.state.trading_state(Scope.GLOBAL, "") is TradingState.KILLED


@pytest.mark.parametrize("action", [OperatorAction.KILL, OperatorAction.DISARM, OperatorAction.REDUCE_ONLY])
def test_a_command_for_something_unknown_alarms(desk, action):
    """Who kills a misspelled strategy must not believe that it is dead, whatever orders others have."""
    desk.want(100, limit_price=99.0)
    assert desk.state.live_orders
    desk.command(action, Scope.STRATEGY, "aplha")
    assert desk.alarms == ["COMMAND_COVERS_NOTHING"]
    assert desk.trading() is TradingState.ARMED


def test_a_command_for_a_strategy_without_orders_covers_it(desk):
    """It is deployed, and that is enough."""
    desk.command(OperatorAction.DISARM, Scope.STRATEGY, "alpha")
    assert desk.alarms == []


def test_killing_again_changes_nothing(desk):
    """Kill is idempotent."""
    desk.command(OperatorAction.KILL)
    assert desk.command(OperatorAction.KILL) == []


def test_a_latch_that_is_seen_engaged_again_asks_for_nothing_again(desk):
    """The file is read over and over; the cancels left when it was first seen."""
    desk.want(100)
    latch = inputs.LatchObserved(desk.now, Scope.ACCOUNT, "paper", engaged=True, reason="pulled")
    desk.feed(latch)
    assert desk.canceled == [desk.order.order_id]
    desk.feed(latch)
    assert (desk.said, desk.asked) == ([], [])


def test_a_kill_of_one_account_leaves_another_trading(new_desk, make):
    """A scope covers what is in it."""
    other = make.deployment("beta", account_id="second")
    desk = new_desk(make.deployment(), other).open()
    desk.command(OperatorAction.KILL, Scope.ACCOUNT, "paper")
    assert (desk.trading("alpha"), desk.trading("beta")) == (TradingState.KILLED, TradingState.ARMED)


@pytest.mark.parametrize("action", [OperatorAction.REDUCE_ONLY, OperatorAction.CANCEL_ONLY])
def test_a_restriction_cancels_the_orders_that_could_grow_the_position(new_desk, make, action):
    """A resting bid goes; an offer of no more than is held stays."""
    desk = new_desk(make.deployment("alpha"), make.deployment("beta")).open()
    desk.want(100)
    desk.fill()
    desk.want(0, limit_price=101.0)
    desk.accept()
    offer = desk.order
    desk.strategies["alpha"].script = None
    desk.want(100, limit_price=99.0, strategy_id="beta")
    desk.accept()
    bid = desk.order
    desk.command(action)
    assert desk.canceled == [bid.order_id]
    assert offer.state is OrderState.OPEN


def test_an_offer_is_not_judged_by_the_bid_beside_it(desk):
    """Of a strategy's two orders only those of one side add up."""
    desk.want(100)
    desk.fill()
    desk.strategy.script = None
    for side, price in (("SELL", 101.0), ("BUY", 99.0)):
        desk.ask(lambda bar, context, side=side, price=price: context.submit_order(BTC, side, 100, order_type="LIMIT", limit_price=price))
        desk.accept()
    desk.command(OperatorAction.REDUCE_ONLY)
    assert desk.canceled == [desk.order.order_id]
    assert desk.order.side is Side.BUY


def test_a_restriction_leaves_the_bids_that_only_buy_back_a_short(new_desk, make):
    """It can only bring the position nearer to zero, as an offer of what is held can."""
    desk = new_desk().open(make.btc(kind=InstrumentKind.PERPETUAL), make.eth(), armed=False)
    desk.feed(inputs.AccountDefined(desk.now, "paper", AccountType.MARGIN, 10_000_000))
    desk.clear_latches()
    desk.arm()
    desk.want(-100)
    desk.fill()
    desk.strategy.script = None
    desk.ask(lambda bar, context: context.submit_order(BTC, "BUY", 100, order_type="LIMIT", limit_price=99.0))
    desk.accept()
    bid = desk.order
    desk.command(OperatorAction.REDUCE_ONLY)
    assert (bid.state, desk.canceled) == (OrderState.OPEN, [])


def test_a_bid_in_flight_while_reducing_began_is_canceled_on_arrival(desk):
    """What was sent before the restriction may not rest after it."""
    desk.want(100, limit_price=99.0)
    desk.command(OperatorAction.REDUCE_ONLY)
    desk.feed(inputs.CancelRejected(desk.now, desk.now, desk.order.order_id, "Unknown order sent."))
    desk.accept()
    assert desk.order.state is OrderState.CANCEL_REQUESTED


def test_an_exit_in_flight_while_its_strategy_was_disarmed_is_canceled_on_arrival(desk):
    """Disarmed is stricter than reducing: nothing rests."""
    desk.want(100)
    desk.fill()
    desk.want(0, limit_price=101.0)
    desk.command(OperatorAction.DISARM)
    desk.feed(inputs.CancelRejected(desk.now, desk.now, desk.order.order_id, "Unknown order sent."))
    desk.accept()
    assert desk.order.state is OrderState.CANCEL_REQUESTED


def test_a_restriction_that_is_asked_for_again_asks_for_nothing_again(desk):
    """The cancels left the first time."""
    desk.want(100, limit_price=99.0)
    desk.command(OperatorAction.REDUCE_ONLY)
    assert desk.canceled == [desk.order.order_id]
    desk.command(OperatorAction.REDUCE_ONLY)
    assert (desk.said, desk.asked) == ([], [])


def test_a_restriction_never_loosens(desk):
    """REDUCE_ONLY on what is CANCEL_ONLY, disarmed or killed stays what it is."""
    for action in (OperatorAction.CANCEL_ONLY, OperatorAction.DISARM, OperatorAction.KILL):
        desk.command(action)
        before = desk.trading()
        desk.command(OperatorAction.REDUCE_ONLY)
        assert desk.trading() is before


def test_disarming_does_not_undo_a_kill(desk):
    """KILLED is left by a release only."""
    desk.command(OperatorAction.KILL)
    desk.command(OperatorAction.DISARM)
    assert desk.trading() is TradingState.KILLED


# Releasing


def test_a_release_leads_to_disarmed(desk):
    """And from there only a lease arms."""
    desk.command(OperatorAction.KILL)
    desk.command(OperatorAction.RELEASE)
    assert desk.trading() is TradingState.DISARMED


def test_an_engaged_latch_keeps_a_kill(desk):
    """The file says killed, so a command alone releases nothing; clearing the file alone releases nothing either."""
    desk.feed(inputs.LatchObserved(desk.now, Scope.GLOBAL, "", engaged=True, reason="pulled"))
    desk.command(OperatorAction.RELEASE)
    assert desk.alarms == ["RELEASE_REFUSED"]
    desk.feed(inputs.LatchObserved(desk.now, Scope.GLOBAL, "", engaged=False, reason=""))
    assert desk.trading() is TradingState.KILLED
    desk.command(OperatorAction.RELEASE)
    assert desk.trading() is TradingState.DISARMED


def test_a_kill_whose_latch_was_never_read_is_not_released(new_desk):
    """Nobody knows that it is clear."""
    desk = new_desk().open(armed=False)
    desk.command(OperatorAction.KILL)
    desk.command(OperatorAction.RELEASE)
    assert desk.alarms == ["RELEASE_REFUSED"]
    assert desk.trading() is TradingState.KILLED


def test_what_is_not_killed_is_not_released(desk):
    """A release of nothing is a mistake to look at."""
    desk.command(OperatorAction.RELEASE)
    assert desk.alarms == ["RELEASE_REFUSED"]
    assert desk.trading() is TradingState.ARMED


# Definitions and balances


def test_a_new_version_of_an_instruments_filters_is_taken(desk, make):
    """Tick, lot and minima may change at any time."""
    desk.feed(inputs.InstrumentDefined(desk.now, make.btc(lot_size=50, version=2)))
    assert desk.state.instruments[BTC].lot_size == 50


@pytest.mark.parametrize("changes", [{"price_scale": 3}, {"quantity_scale": 4}, {"base": "XBT"}, {"quote": "USDC"}])
def test_a_changed_scale_is_refused_and_does_not_poison_the_journal(desk, make, changes):
    """The engine refuses it, and a fold that meets it in a journal passes over it."""
    event = inputs.InstrumentDefined(desk.now, make.btc(**changes))
    with pytest.raises(InputError, match="fixed for a journal's life"):
        desk.feed(event)
    before = desk._fold.instruments[BTC]
    desk._fold.apply(event)
    assert desk._fold.instruments[BTC] == before


def test_a_deposit_is_posted(desk):
    """A balance change shows in the account."""
    desk.feed(inputs.BalanceChanged(desk.now, "paper", "USDT", -1_000 * USDT, "withdrawn"))
    assert desk.state.ledger.balance("paper", "USDT") == 9_000 * USDT
    assert desk.of(records.BalancePosted)[0].balance == 9_000 * USDT


@pytest.mark.parametrize("amount", [-10_001 * USDT, 2**62, 2**80])
def test_a_balance_that_cannot_be_is_refused_before_anything_changes(desk, amount):
    """Neither below zero nor beyond what a journal can hold."""
    before = desk.state.ledger.balance("paper", "USDT")
    with pytest.raises(InputError, match="correct the balance change"):
        desk.feed(inputs.BalanceChanged(desk.now, "paper", "USDT", amount, "typo"))
    assert desk.state.ledger.balance("paper", "USDT") == before
