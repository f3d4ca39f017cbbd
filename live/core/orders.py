"""The life of an order, as data.

Two rules. Everything that affects an order's state is in `TRANSITIONS`; nothing else in the project compares or
assigns states to decide what an order may do. And this file does not know who asks: the engine, a test that explores
every path, and the generated reference page read the same table.

Theory of operation. An order begins as a recorded intent, which risk denies or approves. An approved order is durable
as SUBMITTING before anything leaves for the venue. From there only three things can be said: the venue has it (OPEN),
the venue refused it (REJECTED, in the venue's own words), or the gate held it back so that it provably never left
(NOT_SENT). Anything else - a timeout, a broken answer, a dropped socket, our own crash - is SUBMIT_UNKNOWN, which
leaves only on venue evidence or proven absence (NOT_PLACED). It is never guessed to be rejected and never sent again.
A cancel is a request too, so it has an unknown of its own. A replace is a cancel and, once that is settled, a new order
that names the old one. How much is filled is a field of the order, not a state: a fill is accepted in every state but
DENIED, and one that comes after the end is late, applied, and alarmed. The venue's word that an order ended is not yet
its end here while that word counts more executed than we booked: the missing fills may still come, so it keeps reserving.
An end that says the venue never worked the order was a mistake if the venue shows it working: REVIVE takes it back into
what reserves, is canceled and is asked about, and its strategy is stopped.
"""

from enum import StrEnum

from live.core.errors import TransitionError


class OrderState(StrEnum):
    """Where an order is in its life."""

    INTENT_RECORDED = "INTENT_RECORDED"
    DENIED = "DENIED"
    APPROVED = "APPROVED"
    SUBMITTING = "SUBMITTING"
    OPEN = "OPEN"
    REJECTED = "REJECTED"
    NOT_SENT = "NOT_SENT"
    SUBMIT_UNKNOWN = "SUBMIT_UNKNOWN"
    NOT_PLACED = "NOT_PLACED"
    CANCEL_REQUESTED = "CANCEL_REQUESTED"
    CANCEL_UNKNOWN = "CANCEL_UNKNOWN"
    CANCELED = "CANCELED"
    EXPIRED = "EXPIRED"
    FILLED = "FILLED"


class OrderEvent(StrEnum):
    """What happens to an order."""

    DENY = "DENY"
    APPROVE = "APPROVE"
    SUBMIT = "SUBMIT"
    ACCEPT = "ACCEPT"
    REJECT = "REJECT"
    HOLD_BACK = "HOLD_BACK"
    LOSE = "LOSE"
    PROVE_ABSENT = "PROVE_ABSENT"
    REQUEST_CANCEL = "REQUEST_CANCEL"
    REFUSE_CANCEL = "REFUSE_CANCEL"
    CANCEL = "CANCEL"
    EXPIRE = "EXPIRE"
    COMPLETE = "COMPLETE"
    REVIVE = "REVIVE"


_S, _E = OrderState, OrderEvent

TRANSITIONS: dict[tuple[OrderState, OrderEvent], OrderState] = {
    (_S.INTENT_RECORDED, _E.DENY): _S.DENIED,
    (_S.INTENT_RECORDED, _E.APPROVE): _S.APPROVED,
    (_S.INTENT_RECORDED, _E.HOLD_BACK): _S.NOT_SENT,
    (_S.APPROVED, _E.SUBMIT): _S.SUBMITTING,
    (_S.APPROVED, _E.HOLD_BACK): _S.NOT_SENT,
    (_S.SUBMITTING, _E.ACCEPT): _S.OPEN,
    (_S.SUBMITTING, _E.REJECT): _S.REJECTED,
    (_S.SUBMITTING, _E.HOLD_BACK): _S.NOT_SENT,
    (_S.SUBMITTING, _E.LOSE): _S.SUBMIT_UNKNOWN,
    (_S.SUBMIT_UNKNOWN, _E.ACCEPT): _S.OPEN,
    (_S.SUBMIT_UNKNOWN, _E.REJECT): _S.REJECTED,
    (_S.SUBMIT_UNKNOWN, _E.PROVE_ABSENT): _S.NOT_PLACED,
    (_S.OPEN, _E.REQUEST_CANCEL): _S.CANCEL_REQUESTED,
    (_S.OPEN, _E.CANCEL): _S.CANCELED,
    (_S.OPEN, _E.EXPIRE): _S.EXPIRED,
    (_S.OPEN, _E.COMPLETE): _S.FILLED,
    (_S.CANCEL_REQUESTED, _E.CANCEL): _S.CANCELED,
    (_S.CANCEL_REQUESTED, _E.EXPIRE): _S.EXPIRED,
    (_S.CANCEL_REQUESTED, _E.COMPLETE): _S.FILLED,
    (_S.CANCEL_REQUESTED, _E.REFUSE_CANCEL): _S.OPEN,
    (_S.CANCEL_REQUESTED, _E.LOSE): _S.CANCEL_UNKNOWN,
    (_S.CANCEL_UNKNOWN, _E.CANCEL): _S.CANCELED,
    (_S.CANCEL_UNKNOWN, _E.EXPIRE): _S.EXPIRED,
    (_S.CANCEL_UNKNOWN, _E.COMPLETE): _S.FILLED,
    (_S.CANCEL_UNKNOWN, _E.REFUSE_CANCEL): _S.OPEN,
    (_S.CANCEL_UNKNOWN, _E.ACCEPT): _S.OPEN,
    (_S.REJECTED, _E.REVIVE): _S.OPEN,
    (_S.NOT_SENT, _E.REVIVE): _S.OPEN,
    (_S.NOT_PLACED, _E.REVIVE): _S.OPEN,
}
"""State and event to the next state; a pair that is not here cannot happen. ACCEPT in CANCEL_UNKNOWN is the venue
showing the order still open, so the cancel may be asked for again. HOLD_BACK before SUBMITTING is a session that ended
between an intent and its sending: it provably never left."""

MOVES: dict[OrderState, dict[OrderEvent, OrderState]] = {
    begun: {event: ended for (state, event), ended in TRANSITIONS.items() if state is begun} for begun in _S
}
"""The same by state, then by event: an order's every move is looked up, and a pair would be made for each."""

TERMINAL: frozenset[OrderState] = frozenset(_S) - {state for state, event in TRANSITIONS if event is not _E.REVIVE}
"""Ends: nothing leaves them but the venue's proof that they are wrong; a fill that arrives in one of them is late."""

UNKNOWN: frozenset[OrderState] = frozenset({_S.SUBMIT_UNKNOWN, _S.CANCEL_UNKNOWN})
"""States in which the venue may or may not agree with us; they count at their worst case."""

NEVER_AT_VENUE: frozenset[OrderState] = frozenset({_S.DENIED, _S.REJECTED, _S.NOT_SENT, _S.NOT_PLACED})
"""Ends that say the venue never worked the order; a venue that shows it working contradicts us."""

NOT_ACCEPTED: frozenset[OrderState] = frozenset({_S.SUBMITTING, _S.SUBMIT_UNKNOWN})
"""States in which an execution, a cancel or an expiry is the first word that the venue had the order."""

MAY_REST_AT_VENUE: frozenset[OrderState] = frozenset({_S.SUBMITTING, _S.SUBMIT_UNKNOWN, _S.OPEN, _S.CANCEL_REQUESTED, _S.CANCEL_UNKNOWN})
"""States in which a fill may still come: these reserve position and balance."""


def next_state(state: OrderState, event: OrderEvent) -> OrderState:
    """Look up where an event takes an order.

    Raises:
        TransitionError: the table has no such move.
    """
    try:
        return TRANSITIONS[state, event]
    except KeyError:
        raise TransitionError(f"an order in {state} cannot take {event}: the transition table has no such move") from None
