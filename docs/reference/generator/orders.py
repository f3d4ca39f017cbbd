"""The page of order states: the transition table as a table and as a diagram."""

import inspect
from textwrap import indent

from generator.docstrings import member_texts
from generator.markdown import code, page, table
from live.core import orders
from live.core.orders import MAY_REST_AT_VENUE, TERMINAL, TRANSITIONS, UNKNOWN, OrderState

MEANINGS = {
    "INTENT_RECORDED": "The portfolio asked for it; nothing was judged yet.",
    "DENIED": "A risk check refused it. It never left.",
    "APPROVED": "Every check passed.",
    "SUBMITTING": "It is on its way: durable in the journal, and perhaps at the venue.",
    "OPEN": "The venue said that it has it.",
    "REJECTED": "The venue refused it, in its own words.",
    "NOT_SENT": "The gate held it back, so it provably never left.",
    "SUBMIT_UNKNOWN": "Nobody can say whether the venue has it. It counts at its worst case.",
    "NOT_PLACED": "The venue never had it: absence was proven.",
    "CANCEL_REQUESTED": "It is open, and a cancel is on its way.",
    "CANCEL_UNKNOWN": "Nobody can say whether the cancel arrived. The order counts as open.",
    "CANCELED": "The venue took it off its book.",
    "EXPIRED": "Its time in force ran out at the venue.",
    "FILLED": "All of it was executed.",
}
"""What a state means, where the enumeration itself does not say it."""


def render() -> str:
    """Write the page."""
    return page(
        "Order states",
        "From the head of `live/core/orders.py`:",
        indent(theory(), "> ", lambda line: True),
        "## States",
        states(),
        "## Transitions",
        "A pair of state and event that is not in this table cannot happen: the engine raises `TransitionError`. How much of an "
        "order is filled is a field of the order, not a state.",
        transitions(),
        "## Diagram",
        diagram(),
    )


def theory() -> str:
    """Give the rules and the theory of operation that open the module."""
    return (inspect.getdoc(orders) or "").partition("\n\n")[2]


def states() -> str:
    """List the states with what is true in each.

    Raises:
        SystemExit: a state has no meaning written down.
    """
    texts = {name: text or MEANINGS.get(name, "") for name, text in member_texts(OrderState).items()}
    if missing := [name for name, text in texts.items() if not text]:
        raise SystemExit(f"say what the order states {', '.join(missing)} mean, in OrderState or in MEANINGS in {__file__}")
    return table(
        ("state", "meaning", "ends the order", "fate unknown", "a fill may still come, so it reserves"),
        (
            (
                code(state),
                texts[state.name],
                "yes" if state in TERMINAL else "",
                "yes" if state in UNKNOWN else "",
                "yes" if state in MAY_REST_AT_VENUE else "",
            )
            for state in OrderState
        ),
    )


def transitions() -> str:
    """List every move, in the order of the table in the code."""
    rows = ((code(state), code(event), code(then)) for (state, event), then in TRANSITIONS.items())
    return table(("in state", "on event", "goes to"), rows)


def diagram() -> str:
    """Draw the table as a Mermaid state diagram."""
    moves: dict[tuple[str, str], list[str]] = {}
    for (state, event), then in TRANSITIONS.items():
        moves.setdefault((state, then), []).append(event)
    lines = [f"    {state} --> {then}: {', '.join(events)}" for (state, then), events in moves.items()]
    first = next(iter(OrderState))
    ends = [f"    {state} --> [*]" for state in OrderState if state in TERMINAL]
    return "\n".join(("```mermaid", "stateDiagram-v2", f"    [*] --> {first}", *lines, *ends, "```"))
