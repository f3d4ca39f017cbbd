"""State: a snapshot is the state, and memory does not grow with the session."""

import pytest

from live.core import inputs, records, retention
from live.core.errors import InputError, LedgerError
from live.core.orders import OrderEvent, OrderState
from live.core.retention import RETAINED_ENDED, RETAINED_ORDERS, RETENTION
from live.core.risk.codes import DenialCode
from live.core.snapshots import restore_state, take_snapshot
from live.core.state import fold
from live.core.vocabulary import EffectAction, Liquidity, OperatorAction, OrderType, Outcome, Scope, Side, TimeInForce

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
    body = take_snapshot(busy.state).replace(b"\xa6schema\x03", b"\xa6schema\x63")
    with pytest.raises(InputError, match="schema 99"):
        restore_state(body)


def test_an_outcome_and_an_execution_only_move_the_time(busy):
    """The engine takes both in without a look for what applies them; what an execution changes is said by the records after it."""
    order, later = busy.order, busy.now + SECOND
    traded = (later, later, order.order_id, "V9", "T9", 10_000, 10, 0, "USDT", Liquidity.TAKER)
    for entry in (inputs.EffectOutcome(later, order.order_id, EffectAction.SUBMIT, Outcome.SENT, ""), inputs.ExecutionReported(*traded)):
        state = restore_state(take_snapshot(busy.state))
        state.apply(entry)
        assert state.now == later
        state.now = busy.state.now
        assert take_snapshot(state) == take_snapshot(busy.state)


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


def test_ended_orders_are_forgotten_a_day_after_their_end(desk):
    """Of thousands of orders the newest, the live and those that ended within a day remain; how long ago they began says nothing."""
    desk.want(100, limit_price=99.0)
    desk.accept()
    resting = desk.order
    ts = trade(desk, 2 * RETAINED_ORDERS, desk.now, step=RETENTION // RETAINED_ORDERS // 2)
    assert len(desk.state.orders) == 2 * RETAINED_ORDERS + 1
    end(desk, resting, ts)
    ts = trade(desk, 3 * RETAINED_ORDERS, ts, step=RETENTION // RETAINED_ORDERS // 3 + 1)
    assert resting.order_id in desk.state.orders
    trade(desk, RETAINED_ORDERS, ts, step=1)
    assert resting.order_id not in desk.state.orders
    body = take_snapshot(desk.state)
    assert take_snapshot(restore_state(body)) == body


def test_a_burst_of_orders_is_kept_up_to_a_bound(desk):
    """Whatever a session trades within a day: the orders that ended last are kept for late fills, and no more than so many."""
    trade(desk, RETAINED_ENDED + 4 * RETAINED_ORDERS, desk.now, step=1)
    assert len(desk.state.orders) <= RETAINED_ENDED + 2 * RETAINED_ORDERS
    assert len(desk.state.orders) >= RETAINED_ENDED
    assert set(desk.state.fill_keys.values()) <= set(desk.state.orders)
    newest = desk.state.intent_sequence
    assert [f"ILSESSION1X{newest - back}" in desk.state.orders for back in (1, RETAINED_ENDED - 2 * RETAINED_ORDERS)] == [True, True]


def test_executions_are_kept_up_to_a_bound(desk, monkeypatch):
    """Orders of very many fills are forgotten sooner, the oldest first."""
    monkeypatch.setattr(retention, "RETAINED_FILLS", 300)
    trade(desk, RETAINED_ORDERS + 500, desk.now, step=1, fills=2)
    assert len(desk.state.fill_keys) == 2 * (RETAINED_ORDERS + 500)
    trade(desk, 500, desk.now + SECOND, step=1, fills=2)
    assert len(desk.state.fill_keys) == 2 * RETAINED_ORDERS


def test_what_never_left_is_forgotten_first(desk):
    """A denied order cannot fill: of thousands only the newest are kept, and they push no other out."""
    trade(desk, 500, desk.now, step=1)
    deny(desk, 5 * RETAINED_ORDERS)
    denied = sum(order.state is OrderState.DENIED for order in desk.state.orders.values())
    assert denied <= 2 * RETAINED_ORDERS
    assert len(desk.state.orders) == denied + 500


def test_a_snapshot_of_a_long_session_stays_small(desk):
    """With as many orders kept as there may be it says of each only what was ever said of it, so that it holds the market up little."""
    trade(desk, 20 * RETAINED_ORDERS, desk.now, step=1)
    assert len(desk.state.orders) > RETAINED_ENDED
    assert len(take_snapshot(desk.state)) / len(desk.state.orders) < 500


def test_an_old_snapshot_says_nothing_of_ends_so_they_count_from_the_beginning(desk):
    """An order that ended before ends were timed is not kept for ever."""
    desk.want(100)
    desk.fill()
    old = restore_state(take_snapshot(desk.state))
    ended = next(iter(old.orders.values()))
    ended.ended_at = 0
    assert restore_state(take_snapshot(old)).orders[ended.order_id].ended_at == ended.created_at


def intend(desk, ts):
    """Record an intent."""
    now, intent = desk.state, desk.state.intent_sequence + 1
    order_id = f"ILSESSION1X{intent}"
    now.apply(records.DecisionRecorded(ts, now.decision_sequence + 1, "alpha", BTC, intent, "", None, 1, ""))
    allocation = records.Allocation("alpha", intent, 10)
    now.apply(
        records.IntentRecorded(
            ts,
            order_id,
            intent,
            now.decision_sequence,
            "alpha",
            "paper",
            BTC,
            Side.BUY,
            OrderType.MARKET,
            TimeInForce.IMMEDIATE_OR_CANCEL,
            10,
            None,
            1,
            (allocation,),
        )
    )
    return order_id


def deny(desk, count):
    """Let a strategy be denied many times, by records alone."""
    for _ in range(count):
        desk.state.apply(records.OrderDenied(desk.now, intend(desk, desk.now), DenialCode.STATE_CANCEL_ONLY, ""))


def end(desk, order, ts):
    """End an open order."""
    desk.state.apply(records.OrderTransitioned(ts, order.order_id, OrderEvent.CANCEL, OrderState.CANCELED, ""))


def trade(desk, count, ts, *, step, fills=1):
    """Let orders be sent and filled, by records alone; returns the time of the last."""
    apply = desk.state.apply
    for _ in range(count):
        ts += step
        order_id = intend(desk, ts)
        for event, then in (
            (OrderEvent.APPROVE, OrderState.APPROVED),
            (OrderEvent.SUBMIT, OrderState.SUBMITTING),
            (OrderEvent.ACCEPT, OrderState.OPEN),
        ):
            apply(records.OrderTransitioned(ts, order_id, event, then, ""))
        for number in range(fills):
            trade_id = f"T{order_id}-{number}"
            apply(
                records.FillRecorded(
                    ts,
                    order_id,
                    "alpha",
                    "paper",
                    BTC,
                    f"V{order_id}",
                    trade_id,
                    Side.BUY,
                    1,
                    10 // fills,
                    0,
                    "USDT",
                    Liquidity.TAKER,
                    ts,
                    late=False,
                )
            )
        apply(records.OrderTransitioned(ts, order_id, OrderEvent.COMPLETE, OrderState.FILLED, ""))
    return ts
