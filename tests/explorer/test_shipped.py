"""The shipped engine, loop and verdict, explored to the end of what the bounds allow.

Each exploration is complete within its bounds: every state that is reached by any order of wishes, arrivals, losses,
repetitions, fills, expiries, stops, ticks, scans and crashes is visited, and in each the promises hold: nothing left before it
was durable; the venue has at most one order of an id and knows none that the engine does not; no durable intent is forgotten;
what may still fill, or filled unbooked, is reserved; nothing is booked that was not executed; the position at the venue cannot
pass what was wished; the truth alone never kills a strategy; and without a further fault everything settles, to the same
orders and position on both sides.

What is left out, so that it ends: times count only as before or after a receive window and in the order of what is compared;
of two questions or answers under way that say the same, the newer takes the place of the older; the sending of a request is
reported at once; once no crash is left to come, the disk keeps up; a signed request is taken once; and a step of the engine
becomes durable as a whole, as the journal commits it.
"""

from typing import NamedTuple

import pytest
from explored_system import LOT, Bounds, Move
from explorer import explore

ENTRY = (("target", LOT, 99.0),)
OPEN: tuple[Move, ...] = (("wish",), ("arrive", 0), ("hear", 0))
HELD: tuple[Move, ...] = (*OPEN, ("fill", 0), ("hear", 0))


class Exploration(NamedTuple):
    """What is explored.

    Attributes:
        bounds: what may happen.
        states: that there are at least so many states; fewer, and the world has stopped turning.
        first: moves from whose end on everything is explored.
    """

    bounds: Bounds
    states: int
    first: tuple[Move, ...] = ()


EXPLORATIONS = {
    "an order of two fills and a loss": Exploration(Bounds((("target", 2 * LOT, 99.0),), losses=1), 2_500),
    "an order of two fills that may expire": Exploration(Bounds((("target", 2 * LOT, 99.0),), expiries=1), 1_500),
    "an order that is stopped, and a loss": Exploration(Bounds(ENTRY, losses=1, stops=1, largest=LOT), 3_500),
    "an order, a loss and a repetition": Exploration(Bounds(ENTRY, losses=1, repeats=1, largest=LOT), 1_000),
    "an order and two crashes": Exploration(Bounds(ENTRY, crashes=2, largest=LOT, fills=False), 1_000),
    "an order that is taken back, and a loss": Exploration(
        Bounds((*ENTRY, ("target", 0, None)), losses=1, largest=LOT, fills=False), 2_000
    ),
    "an order and a crash, with the disk behind": Exploration(Bounds(ENTRY, crashes=1, lag=1, largest=LOT), 2_000),
    "an order that is replaced, and a loss": Exploration(
        Bounds((("order", LOT, 99.0), ("replace", 98.0)), losses=1, largest=LOT), 1_000, OPEN
    ),
    "an exit, a loss and a repetition": Exploration(Bounds((*ENTRY, ("target", 0, None)), losses=1, repeats=1, largest=LOT), 1_000, HELD),
    "an exit and a crash": Exploration(Bounds((*ENTRY, ("target", 0, None)), crashes=1, largest=LOT), 400, HELD),
    "an order whose id is not found once it ended": Exploration(Bounds(ENTRY, stale=1, largest=LOT), 300),
}


@pytest.mark.slow
@pytest.mark.timeout(300)
@pytest.mark.parametrize("name", EXPLORATIONS)
def test_no_state_of_the_shipped_engine_breaks_a_promise(name, capsys):
    """Whatever is lost, repeated, late and out of order, and wherever our process dies."""
    what = EXPLORATIONS[name]
    found = explore(what.bounds, first=what.first)
    with capsys.disabled():
        print(f"\n{name}: {found.states} states, {found.moves} moves, at most {found.depth} deep")  # noqa: T201  (the evidence)
    assert not found.problem, found.trace
    assert found.states >= what.states
