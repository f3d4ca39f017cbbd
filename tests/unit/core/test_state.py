"""State: a snapshot is the state, and memory does not grow with the session."""

import pytest

from live.core import records
from live.core.errors import InputError, LedgerError
from live.core.orders import OrderEvent, OrderState
from live.core.snapshots import restore_state, take_snapshot
from live.core.state import RETAINED_ORDERS, RETENTION, fold
from live.core.vocabulary import OperatorAction, Scope

SECOND = 1_000_000_000
BTC = "binance-spot:BTCUSDT"


@pytest.fixture
def busy(new_desk, make):
    """Open a desk with something of everything in its state."""
    desk = new_desk(make.deployment("alpha"), make.deployment("beta")).open()
    desk.want(100)
    desk.fill(fee=5, fee_asset="BNB")
    desk.want(50, strategy_id="beta", limit_price=99.0)
    desk.accept()
    desk.want(200, strategy_id="alpha")
    desk.command(OperatorAction.REDUCE_ONLY, Scope.STRATEGY, "beta")
    return desk


def test_a_snapshot_restores_to_the_same_state(busy):
    """Every part of the state survives, to the byte."""
    body = take_snapshot(busy.state)
    assert take_snapshot(restore_state(body)) == body


def test_a_fold_from_the_beginning_gives_the_same_state(busy):
    """The journal alone is enough."""
    assert take_snapshot(fold(busy.journal)) == take_snapshot(busy.state)


def test_a_snapshot_that_cannot_be_read_is_refused():
    """Nothing is guessed from a damaged one."""
    with pytest.raises(InputError, match="cannot be read"):
        restore_state(b"\xff")


def test_a_snapshot_of_another_schema_is_refused(busy):
    """It names both versions."""
    body = take_snapshot(busy.state).replace(b"\xa6schema\x02", b"\xa6schema\x63")
    with pytest.raises(InputError, match="schema 99"):
        restore_state(body)


def test_a_record_that_contradicts_the_transition_table_is_refused(busy):
    """A fold checks what it reads against the table."""
    order = busy.order
    wrong = records.OrderTransitioned(busy.now, order.order_id, OrderEvent.LOSE, OrderState.CANCELED, "")
    with pytest.raises(InputError, match="the record says CANCELED, the transition table says SUBMIT_UNKNOWN"):
        busy._fold.apply(wrong)


def test_a_record_that_contradicts_the_ledger_is_refused(busy):
    """Positions and balances on record must be the ones that fills and deposits give."""
    with pytest.raises(LedgerError, match="the fills say"):
        busy._fold.apply(records.PositionChanged(busy.now, "alpha", "paper", BTC, 99, 0, 0, 0, 0))
    with pytest.raises(LedgerError, match="the ledger says"):
        busy._fold.apply(records.BalancePosted(busy.now, "paper", "USDT", 1, 1, ""))


def test_ended_orders_are_forgotten_after_a_day(desk):
    """Of thousands of denied and filled orders the newest, the live and those of the last day remain."""
    desk.want(100, limit_price=99.0)
    desk.accept()
    resting = desk.order
    desk.strategies["alpha"].script = None
    desk.command(OperatorAction.CANCEL_ONLY)
    state = desk.state
    apply_all(desk, RETAINED_ORDERS * 3 - 1, step=RETENTION // RETAINED_ORDERS // 2)
    assert len(state.orders) == 2 * RETAINED_ORDERS + 1
    assert resting.order_id in state.orders
    assert take_snapshot(restore_state(take_snapshot(state))) == take_snapshot(state)


def test_a_burst_of_orders_is_kept_for_a_day(desk):
    """However many there are: a late fill must still find its order."""
    apply_all(desk, RETAINED_ORDERS * 3, step=SECOND)
    assert len(desk.state.orders) == RETAINED_ORDERS * 3


def apply_all(desk, count, *, step):
    """Let strategies decide and be denied many times, by records alone."""
    state = desk.state
    ts = desk.now
    for number in range(count):
        ts += step
        intent = state.intent_sequence + 1
        order_id = f"ILSESSION1X{number}"
        decision = records.DecisionRecorded(ts, state.decision_sequence + 1, "alpha", BTC, number, "", None, 1, "")
        allocation = records.Allocation("alpha", intent, 10)
        state.apply(decision)
        state.apply(
            records.IntentRecorded(
                ts, order_id, intent, decision.decision_id, "alpha", "paper", BTC, "BUY", "MARKET", "IOC", 10, None, 1, (allocation,)
            )
        )
        state.apply(records.OrderDenied(ts, order_id, "STATE_CANCEL_ONLY", ""))
