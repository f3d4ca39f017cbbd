"""The order table: total, closed, and never from silence to an end."""

import pytest

from live.core.errors import TransitionError
from live.core.orders import (
    MAY_REST_AT_VENUE,
    MOVES,
    NEVER_AT_VENUE,
    TERMINAL,
    TRANSITIONS,
    UNKNOWN,
    OrderEvent,
    OrderState,
    next_state,
)


def reachable(start: OrderState, without: set[OrderEvent] | None = None) -> set[OrderState]:
    """Walk the table from a state."""
    found, todo = {start}, [start]
    while todo:
        here = todo.pop()
        for (state, event), after in TRANSITIONS.items():
            if state is here and after not in found and event not in (without or set()):
                found.add(after)
                todo.append(after)
    return found


def test_every_state_is_reached_from_an_intent():
    """No state of the enum is dead."""
    assert reachable(OrderState.INTENT_RECORDED) == set(OrderState)


def test_every_event_moves_something():
    """No event of the enum is dead."""
    assert {event for _, event in TRANSITIONS} == set(OrderEvent)


def test_the_ends_are_the_designed_ones():
    """An order ends denied, rejected, not sent, not placed, filled, expired or canceled, and in no other way."""
    assert {state.value for state in TERMINAL} == {"DENIED", "REJECTED", "NOT_SENT", "NOT_PLACED", "FILLED", "EXPIRED", "CANCELED"}


@pytest.mark.parametrize("state", sorted(set(OrderState) - TERMINAL))
def test_every_state_that_is_no_end_leads_to_one(state):
    """An order cannot be trapped in its table."""
    assert reachable(state) & TERMINAL


def test_what_may_rest_at_the_venue_is_every_state_between_submitting_and_an_end():
    """Worst-case exposure counts each state in which a fill may come, and no other."""
    before = {OrderState.INTENT_RECORDED, OrderState.APPROVED}
    assert set(OrderState) - TERMINAL - before == MAY_REST_AT_VENUE
    assert UNKNOWN < MAY_REST_AT_VENUE


def test_nothing_leaves_for_the_venue_before_it_is_approved():
    """SUBMITTING has one way in, from APPROVED, which has one way in, from a recorded intent."""
    assert [key for key, after in TRANSITIONS.items() if after is OrderState.SUBMITTING] == [(OrderState.APPROVED, OrderEvent.SUBMIT)]
    assert [key for key, after in TRANSITIONS.items() if after is OrderState.APPROVED] == [(OrderState.INTENT_RECORDED, OrderEvent.APPROVE)]


def test_no_order_is_submitted_twice():
    """Nothing leads back to a state before SUBMITTING."""
    assert OrderState.APPROVED not in reachable(OrderState.SUBMITTING) - {OrderState.SUBMITTING}
    for state in MAY_REST_AT_VENUE - {OrderState.SUBMITTING}:
        assert OrderState.SUBMITTING not in reachable(state)


def test_losing_an_answer_leads_to_unknown_and_only_there():
    """A timeout is no rejection: LOSE goes to an UNKNOWN state from wherever it may happen."""
    lost = {after for (_, event), after in TRANSITIONS.items() if event is OrderEvent.LOSE}
    assert lost == UNKNOWN


def test_unknown_ends_only_by_evidence():
    """No end is reached from SUBMIT_UNKNOWN but by the venue's word or proven absence."""
    evidence = {OrderEvent.ACCEPT, OrderEvent.REJECT, OrderEvent.PROVE_ABSENT}
    assert {event for state, event in TRANSITIONS if state is OrderState.SUBMIT_UNKNOWN} == evidence
    assert not reachable(OrderState.CANCEL_UNKNOWN, without=set(OrderEvent)) & TERMINAL


def test_an_order_that_was_open_is_never_said_not_to_have_been():
    """From OPEN no end says that the venue never had the order."""
    assert not reachable(OrderState.OPEN) & NEVER_AT_VENUE


@pytest.mark.parametrize("state", sorted(OrderState))
@pytest.mark.parametrize("event", sorted(OrderEvent))
def test_a_move_is_in_the_table_or_refused(state, event):
    """Every pair of state and event either has one next state or is an error that names both."""
    if (state, event) in TRANSITIONS:
        assert next_state(state, event) is TRANSITIONS[state, event]
    else:
        with pytest.raises(TransitionError, match=f"{state} cannot take {event}"):
            next_state(state, event)


def test_the_moves_by_state_are_those_of_the_table():
    """An order moves by one of the two and is proven by the other, so they never differ, and no state is missing."""
    assert {(state, event): after for state, moves in MOVES.items() for event, after in moves.items()} == TRANSITIONS
    assert set(MOVES) == set(OrderState)


def test_an_engine_makes_no_move_that_the_table_does_not_have(desk):
    """It is refused with its reason, and the order stays as it was."""
    desk.want(100)
    desk.fill()
    with pytest.raises(TransitionError, match="FILLED cannot take CANCEL"):
        desk.engine._work.transition(desk.order, OrderEvent.CANCEL)
    assert desk.order.state is OrderState.FILLED
