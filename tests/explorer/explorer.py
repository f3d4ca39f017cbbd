"""Breadth-first over every state that the bounds allow, with the shortest path to the first one that is wrong."""

from collections import deque
from typing import NamedTuple

from explored_system import AT_VENUE, Bounds, Check, Move, System, freeze, thaw

FAULTLESS = {"sync", "arrive", "hear", "tick", "scan"}
"""Moves that take no fault: by these alone everything must be able to settle."""


class Exploration(NamedTuple):
    """What was found.

    Attributes:
        states: how many different states there are, all of them visited when `problem` is empty.
        moves: how many moves were tried.
        depth: the longest of the shortest paths.
        problem: which promise breaks, empty when none does.
        trace: the shortest path to where it breaks, as text.
    """

    states: int
    moves: int
    depth: int
    problem: str
    trace: str


def violation(system: System) -> str:
    """Check every promise about a single state."""
    return system.violation()


def explore(bounds: Bounds, check: Check = violation, *, first: tuple[Move, ...] = ()) -> Exploration:
    """Visit every state, stop at the first that breaks a promise, and see that each can settle without a further fault.

    Args:
        bounds: what may happen.
        check: says which promise a state breaks, empty when none.
        first: moves that are made before the exploration begins.
    """
    start = System(bounds)
    for move in first:
        start.make(move)
    ids = {start.key(): 0}
    parents: list[tuple[int, Move]] = [(-1, ())]
    depths = [0]
    settles = [start.settled()]
    backward: list[list[int]] = [[]]
    queue: deque[tuple[int, bytes, tuple[Move, ...]]] = deque([(0, freeze(start), ())])
    moves = 0
    while queue:
        number, frozen, outside = queue.popleft()
        here = _thaw(frozen, outside)
        kept = here.outside()
        for move in here.moves():
            at_venue = move[0] in AT_VENUE
            system = here if at_venue else _thaw(frozen, outside)
            try:
                system.make(move)
                problem = check(system)
            except Exception as error:  # noqa: BLE001  (whatever the shipped code raises here is a finding)
                problem = f"{type(error).__name__}: {error}"
            moves += 1
            if problem:
                return Exploration(
                    len(ids), moves, depths[number] + 1, problem, _trace(bounds, [*first, *_path(parents, number), move], problem)
                )
            key = system.key()
            then = ids.get(key)
            if then is None:
                then = ids[key] = len(parents)
                parents.append((number, move))
                depths.append(depths[number] + 1)
                settles.append(system.settled())
                backward.append([])
                queue.append((then, frozen, (*outside, move)) if at_venue else (then, freeze(system), ()))
            if move[0] in FAULTLESS:
                backward[then].append(number)
            if at_venue:
                here.take_back(kept)
    if (stuck := _stuck(settles, backward)) is not None:
        problem = "from here nothing settles any more, whatever arrives"
        return Exploration(len(ids), moves, max(depths), problem, _trace(bounds, [*first, *_path(parents, stuck)], problem))
    return Exploration(len(ids), moves, max(depths), "", "")


def _thaw(frozen: bytes, outside: tuple[Move, ...]) -> System:
    system = thaw(frozen)
    for move in outside:
        system.make(move)
    return system


def _stuck(settles: list[bool], backward: list[list[int]]) -> int | None:
    """Find the first state from which no faultless path leads to a settled one."""
    good = list(settles)
    todo = deque(number for number, is_settled in enumerate(settles) if is_settled)
    while todo:
        for before in backward[todo.popleft()]:
            if not good[before]:
                good[before] = True
                todo.append(before)
    return next((number for number, is_good in enumerate(good) if not is_good), None)


def _path(parents: list[tuple[int, Move]], number: int) -> list[Move]:
    path: list[Move] = []
    while number > 0:
        number, move = parents[number]
        path.append(move)
    return path[::-1]


def _trace(bounds: Bounds, path: list[Move], problem: str) -> str:
    """Walk a path again and write down what happens."""
    system = System(bounds)
    lines = []
    for step, move in enumerate(path, 1):
        said = " ".join(map(str, move))
        try:
            system.make(move)
        except Exception as error:  # noqa: BLE001  (the finding itself)
            lines.append(f"{step:2}. {said}: {type(error).__name__}")
            break
        lines.append(f"{step:2}. {said}\n      {system.describe()}")
    return "\n".join([*lines, f"    => {problem}"])
