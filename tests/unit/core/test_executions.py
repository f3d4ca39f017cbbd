"""Executions: every fill is booked once, and a wrong one stops what it must."""

import pytest

from live.core import inputs, records
from live.core.orders import OrderState
from live.core.vocabulary import AccountType, EffectAction, InstrumentKind, OperatorAction, Outcome, Scope, Side, TradingState

BTC = "binance-spot:BTCUSDT"


def test_a_fill_is_booked_and_the_position_said(desk):
    """Fill and position are recorded, and the order is done."""
    desk.want(100)
    desk.fill(price=10_010, fee=7)
    fill, position = desk.of(records.FillRecorded)[0], desk.of(records.PositionChanged)[0]
    assert (fill.price, fill.quantity, fill.fee, fill.late) == (10_010, 100, 7, False)
    assert (position.quantity, position.cost, position.cash) == (100, 1_001_000_000, -1_001_000_007)
    assert desk.order.state is OrderState.FILLED
    desk.state.ledger.check(desk.state.instruments)


def test_a_partial_fill_leaves_the_rest_working(desk):
    """How much is filled is a field, not a state."""
    desk.want(100, limit_price=99.0)
    desk.accept()
    desk.fill(30)
    assert (desk.order.state, desk.order.remaining, desk.held()) == (OrderState.OPEN, 70, 30)
    desk.fill(70)
    assert (desk.order.state, desk.order.remaining, desk.held()) == (OrderState.FILLED, 0, 100)


@pytest.mark.parametrize("times", [2, 5])
def test_a_fill_that_is_reported_again_is_booked_once(desk, times):
    """The same trade of the same order is one execution, also after the order has ended."""
    desk.want(100)
    for _ in range(times):
        desk.fill(100, trade_id="T7")
    assert desk.held() == 100
    assert desk.said == []
    assert desk.trading() is TradingState.ARMED


def test_two_trades_of_one_order_are_two_fills(desk):
    """What differs in its trade id is another execution."""
    desk.want(100)
    desk.fill(50, trade_id="T7")
    desk.fill(50, trade_id="T8")
    assert desk.held() == 100


def test_a_fill_proves_that_the_venue_has_the_order(desk):
    """An execution that overtakes the acceptance of a lost order settles it."""
    desk.want(100)
    desk.outcome(Outcome.FAILED)
    desk.fill(50)
    assert desk.order.state is OrderState.OPEN


def test_an_order_found_by_its_fill_is_canceled_when_trading_has_stopped(desk):
    """What a stop could not cancel because it was in flight is canceled on its first sign of life."""
    desk.want(100, limit_price=99.0)
    desk.command(OperatorAction.DISARM)
    desk.feed(inputs.CancelRejected(desk.now, desk.now, desk.order.order_id, "Unknown order sent."))
    desk.fill(30)
    assert desk.canceled == [desk.order.order_id]


def ended(desk, end):
    """Bring an order to an end."""
    if end is OrderState.NOT_PLACED:
        desk.outcome(Outcome.FAILED)
        desk.deny()
    elif end is OrderState.NOT_SENT:
        desk.outcome(Outcome.REFUSED)
    elif end is OrderState.REJECTED:
        desk.feed(inputs.OrderRejected(desk.now, desk.now, desk.order.order_id, "?"))
    elif end is OrderState.CANCELED:
        desk.cancel()
    elif end is OrderState.EXPIRED:
        desk.feed(inputs.OrderExpired(desk.now, desk.now, desk.order.order_id, "?"))
    else:
        desk.fill()
    assert desk.order.state is end


@pytest.mark.parametrize(
    "end",
    [OrderState.NOT_PLACED, OrderState.NOT_SENT, OrderState.REJECTED, OrderState.CANCELED, OrderState.EXPIRED, OrderState.FILLED],
)
def test_a_late_fill_is_booked_alarmed_and_stops_the_strategy(desk, end):
    """After every end a fill still moves the position; the order's state, which is an end, stays."""
    desk.want(100)
    ended(desk, end)
    held, order = desk.held(), desk.order
    desk.fill(40)
    assert desk.held() == held + 40
    assert desk.of(records.FillRecorded)[0].late
    assert desk.alarms == ["LATE_FILL"]
    assert desk.state.trading_state(Scope.STRATEGY, "alpha") is TradingState.KILLED
    assert order.state is end
    if end is OrderState.FILLED:
        assert desk.asked == []  # nothing can be left of it
    desk.state.ledger.check(desk.state.instruments)


@pytest.mark.parametrize("end", [OrderState.NOT_PLACED, OrderState.REJECTED, OrderState.CANCELED])
def test_what_a_late_fill_leaves_of_its_order_is_canceled(desk, end):
    """An order that fills in part after its end may still work at the venue."""
    desk.want(100)
    ended(desk, end)
    desk.fill(40)
    assert desk.order.order_id in desk.canceled
    assert desk.order.order_id in desk.queried


def test_an_overfill_is_booked_alarmed_and_stops_the_strategy(desk):
    """More than was ordered is what the account now holds, and a reason to stop."""
    desk.want(100)
    order = desk.order
    desk.fill(150)
    assert desk.held() == 150
    assert desk.queried == []
    assert desk.alarms == ["OVERFILL"]
    assert order.state is OrderState.FILLED
    assert desk.state.trading_state(Scope.STRATEGY, "alpha") is TradingState.KILLED


def test_a_fill_of_a_denied_order_stops_the_account(desk):
    """Somebody sent what we denied: nothing is booked, everything on the account stops."""
    desk.command(OperatorAction.CANCEL_ONLY)
    desk.want(100)
    assert desk.order.state is OrderState.DENIED
    desk.fill(100)
    assert "UNEXPECTED_FILL" in desk.alarms
    assert desk.held() == 0
    assert desk.state.trading_state(Scope.ACCOUNT, "paper") is TradingState.KILLED
    assert "alpha" not in desk.state.leases


@pytest.mark.parametrize("deployed", [True, False])
def test_a_fill_of_nobodys_order_stops_everything(new_desk, deployed):
    """A report does not say which account it is of, so all stop; also when nothing is deployed."""
    desk = new_desk().open() if deployed else new_desk()
    desk.feed(inputs.ExecutionReported(desk.now, desk.now, "somebody", "V", "T", 1, 1, 0, "USDT", "TAKER"))
    assert desk.alarms == ["UNKNOWN_ORDER", "UNEXPECTED_FILL"]
    assert desk.state.trading_state(Scope.GLOBAL, "") is TradingState.KILLED
    assert not desk.state.leases


@pytest.mark.parametrize(
    "changes",
    [
        {"quantity": 0},
        {"quantity": -10},
        {"price": 0},
        {"price": -1},
        {"quantity": 2**62},
        {"price": 2**70},
        {"fee": 2**63},
        {"fee": -(2**63)},
    ],
)
def test_a_malformed_fill_is_not_booked_and_stops_the_account(desk, changes):
    """A number that cannot be would falsify the books, or not fit in the journal."""
    desk.want(100)
    desk.fill(**{"quantity": 100, **changes})
    assert desk.alarms == ["MALFORMED_FILL"]
    assert desk.held() == 0
    assert desk.state.trading_state(Scope.ACCOUNT, "paper") is TradingState.KILLED


@pytest.mark.parametrize(("price", "booked"), [(6_442_450_941, 715_827_883), (6_442_450_942, 0)])
def test_a_fill_of_the_largest_notional_there_is_can_be_booked(new_desk, make, price, booked):
    """The product is 2**62 - 1, and with one price unit more it no longer fits."""
    desk = new_desk().open(make.btc(price_scale=5, minimum_notional=1))
    desk.want(100)
    desk.fill(715_827_883, price)
    assert desk.held() == booked
    assert ("MALFORMED_FILL" in desk.alarms) is (booked == 0)


def test_a_fill_is_booked_where_its_order_was_placed(desk, make):
    """A fill that comes when the strategy has moved to another account belongs to the old one."""
    desk.want(100)
    moved = desk.restart("SESSION2", make.deployment(account_id="second"))
    moved.fill()
    assert (moved.held(account_id="paper"), moved.held(account_id="second")) == (100, 0)
    moved.state.ledger.check(moved.state.instruments)


def test_a_fee_in_the_base_asset_can_be_sold_out_to_the_last_lot(desk):
    """What the venue kept is not tried to be sold, nor what is smaller than a lot."""
    desk.want(1_000)
    desk.fill(fee=100_000, fee_asset="BTC")
    assert desk.held() == 999
    desk.want(0)
    assert [(effect.side, effect.quantity) for effect in desk.submitted] == [(Side.SELL, 990)]
    desk.fill()
    assert not desk.submitted


def test_a_strategy_may_decide_on_its_fill(desk):
    """A wish on a fill is pursued at once."""
    desk.want(100)
    desk.strategy.on_fill_script = lambda fill, context: context.target_units(BTC, 0, limit_price=101.0)
    desk.fill()
    assert [(effect.side, effect.limit_price) for effect in desk.submitted] == [(Side.SELL, 10_100)]


def test_a_fill_while_a_cancel_is_on_its_way_is_no_late_fill(desk):
    """The usual race: the venue filled before it canceled."""
    desk.want(100, limit_price=99.0)
    desk.accept()
    desk.want(0)
    order = desk.order
    desk.fill(60)
    desk.outcome(Outcome.SENT, EffectAction.CANCEL)
    assert desk.alarms == []
    desk.cancel()
    assert order.state is OrderState.CANCELED
    assert [(effect.side, effect.quantity) for effect in desk.submitted] == [(Side.SELL, 60)]


def test_a_fill_that_takes_a_cash_account_below_zero_is_booked_and_stops_it(desk):
    """It is what the venue says; that a cash account could pay it shows that one of us is wrong about what it holds."""
    desk.want(100)
    desk.fill(price=10_000_001)
    assert desk.held() == 100
    assert desk.alarms == ["NEGATIVE_BALANCE"]
    assert f"trade T1 of {desk.order.order_id}" in desk.of(records.AlarmRaised)[0].detail
    assert desk.state.trading_state(Scope.ACCOUNT, "paper") is TradingState.KILLED
    assert desk.state.ledger.balance("paper", "USDT") < 0


def test_a_sale_of_more_than_a_cash_account_holds_stops_it(desk):
    """An overfilled exit leaves a short that no cash account can have."""
    desk.want(100)
    desk.fill()
    desk.want(0)
    desk.fill(110)
    assert desk.alarms == ["NEGATIVE_BALANCE", "OVERFILL"]
    assert desk.state.trading_state(Scope.ACCOUNT, "paper") is TradingState.KILLED


def test_a_fee_beyond_the_balance_stops_a_cash_account(desk):
    """A fee in what is traded is paid out of what is traded."""
    desk.want(100)
    desk.fill(fee=10**8, fee_asset="BTC")
    assert desk.alarms == ["NEGATIVE_BALANCE"]
    assert f"trade T1 of {desk.order.order_id}" in desk.of(records.AlarmRaised)[0].detail
    assert desk.state.trading_state(Scope.ACCOUNT, "paper") is TradingState.KILLED


def test_a_fill_of_the_smallest_numbers_is_well_formed(desk):
    """One unit at a price of one unit, free of a fee in an asset that the account never had."""
    desk.want(100, limit_price=99.0)
    desk.accept()
    desk.fill(1, price=1, fee=0, fee_asset="BNB")
    assert (desk.held(), desk.alarms) == (1, [])


def test_a_fee_in_a_third_asset_that_was_never_posted_is_alarmed_once(desk):
    """No check rests on what only pays fees, so trading goes on; the alarm asks what the account holds of it."""
    desk.want(100)
    desk.fill(60, fee=5, fee_asset="BNB")
    assert desk.alarms == ["NEGATIVE_BALANCE"]
    desk.fill(40, fee=5, fee_asset="BNB")
    assert desk.alarms == []
    assert desk.trading() is TradingState.ARMED
    assert desk.state.ledger.strategy_fees == {("paper", "alpha", "BNB"): 10}


def test_a_fee_that_takes_the_last_of_a_third_asset_is_paid(desk):
    """Nothing is owed."""
    desk.feed(inputs.BalanceChanged(desk.now, "paper", "BNB", 5, "paid in"))
    desk.want(100)
    desk.fill(fee=5, fee_asset="BNB")
    assert (desk.alarms, desk.state.ledger.balance("paper", "BNB")) == ([], 0)


def test_a_margin_account_may_go_below_zero(desk):
    """It borrows; whether it may is margin's to say."""
    desk.feed(inputs.AccountDefined(desk.now, "paper", AccountType.MARGIN, 3_000_000))
    desk.want(100)
    desk.fill(price=10_000_001)
    assert desk.alarms == []
    desk.fill(1, fee=5, fee_asset="BNB", order=desk.order)
    assert "NEGATIVE_BALANCE" not in desk.alarms


def test_selling_out_after_base_fees_leaves_no_debt(desk):
    """What rounding kept of each fee stays with the account, so the last sale cannot take it below zero."""
    desk.want(1_000)
    desk.fill(500, fee=33_333, fee_asset="BTC")
    desk.fill(500, fee=33_334, fee_asset="BTC")
    desk.want(0)
    desk.fill(fee=1, fee_asset="BTC")
    assert desk.alarms == []
    assert desk.state.ledger.balance("paper", "BTC") >= 0
    desk.state.ledger.check(desk.state.instruments)


def test_a_position_on_record_after_a_fill_of_a_perpetual_has_no_principal_in_its_cash(new_desk, make):
    """Only the fee was paid."""
    desk = new_desk().open(make.btc(kind=InstrumentKind.PERPETUAL), make.eth(), armed=False)
    desk.feed(inputs.AccountDefined(desk.now, "paper", AccountType.MARGIN, 2_000_000))
    desk.clear_latches()
    desk.arm()
    desk.want(100)
    desk.fill(fee=7)
    (position,) = desk.of(records.PositionChanged)
    assert (position.quantity, position.cost, position.cash) == (100, 10 * 10**8, -7)
    assert desk.state.ledger.balance("paper", "USDT") == 10_000 * 10**8 - 7
