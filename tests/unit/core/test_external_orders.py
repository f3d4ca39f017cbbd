"""External orders: what somebody else has in our accounts is known, kept, and no order of ours."""

import pytest

from live.core import inputs
from live.core.orders import OrderState
from live.core.snapshots import restore_state, take_snapshot
from live.core.vocabulary import Liquidity, Outcome, Scope, Side, TradingState

BTC = "binance-spot:BTCUSDT"


def observe(desk, remaining=50, client_order_id="web_1", venue_order_id="V9", account_id="paper"):
    """Let the venue show an order in our account."""
    return desk.feed(
        inputs.ExternalOrderObserved(desk.now, desk.now, account_id, BTC, venue_order_id, client_order_id, Side.SELL, remaining, 10_500)
    )


def test_an_external_order_is_alarmed_once_and_kept_until_it_ended(desk):
    """A person may trade by hand: trading goes on, and what the order may still do is known."""
    observe(desk)
    assert desk.alarms == ["EXTERNAL_ORDER"]
    assert desk.trading() is TradingState.ARMED
    assert observe(desk, remaining=30) == []
    assert [(one.side, one.remaining, one.limit_price) for one in desk.state.external_orders.values()] == [(Side.SELL, 30, 10_500)]
    assert observe(desk, remaining=0) == []
    assert desk.state.external_orders == {}


def test_external_orders_survive_a_restart(desk):
    """They are part of the state."""
    observe(desk)
    assert restore_state(take_snapshot(desk.state)).external_orders == desk.state.external_orders


def test_an_external_order_that_is_over_when_first_seen_says_nothing(desk):
    """There is nothing to keep and nobody to wake."""
    assert observe(desk, remaining=0) == []


@pytest.mark.parametrize("account_id", ["paper", "second"])
def test_an_id_of_ours_that_no_session_recorded_stops_its_account(desk, account_id):
    """Another instance trades on the account, or a journal was lost; what it may still do is kept all the same."""
    observe(desk, client_order_id="ILOTHER0011", account_id=account_id)
    assert desk.alarms == ["EXTERNAL_ORDER"]
    assert desk.state.trading_state(Scope.ACCOUNT, account_id) is TradingState.KILLED
    assert len(desk.state.external_orders) == 1


def test_an_id_of_ours_that_no_session_recorded_stops_its_account_when_its_order_is_over_too(desk):
    """It traded before anybody saw it: somebody else trades on the account all the same, and no other account does."""
    observe(desk, remaining=0, client_order_id="ILOTHER0011")
    assert desk.alarms == ["EXTERNAL_ORDER"]
    assert desk.state.trading_state(Scope.ACCOUNT, "paper") is TradingState.KILLED
    assert desk.state.trading_state(Scope.GLOBAL, "") is not TradingState.KILLED
    assert desk.state.external_orders == {}


def test_an_order_of_this_engine_is_no_external_one(desk):
    """A listing of open orders shows ours too."""
    desk.want(100, limit_price=99.0)
    desk.accept()
    assert observe(desk, client_order_id=desk.order.order_id) == []
    assert desk.state.external_orders == {}


def test_an_order_of_ours_that_should_not_be_there_is_taken_back(desk):
    """A listing that shows what was proven absent is a sighting like any other."""
    desk.want(100, limit_price=99.0)
    desk.outcome(Outcome.FAILED)
    desk.deny()
    assert desk.order.state is OrderState.NOT_PLACED
    observe(desk, client_order_id=desk.order.order_id)
    assert desk.order.state is OrderState.CANCEL_REQUESTED
    assert desk.trading() is TradingState.KILLED


def test_a_fill_of_an_external_order_stops_its_account_alone(desk):
    """The account holds what was not booked, so nothing is sent there until a person has looked; other accounts go on."""
    observe(desk)
    desk.feed(inputs.ExecutionReported(desk.now, desk.now, "web_1", "V9", "T1", 10_500, 50, 0, "USDT", Liquidity.MAKER))
    assert desk.alarms == ["UNKNOWN_ORDER", "EXTERNAL_FILL"]
    assert desk.state.trading_state(Scope.ACCOUNT, "paper") is TradingState.KILLED
    assert desk.state.trading_state(Scope.GLOBAL, "") is not TradingState.KILLED
    assert desk.held() == 0
