"""What a start may make of a crashed home: everything that was promised is there, or it refuses."""

from collections.abc import Iterator
from functools import cache
from itertools import pairwise
from pathlib import Path
from typing import NamedTuple

from crash_states import Cause, Promises
from session_writer import ROLL_EVENTS, SESSIONS, Take, script

from live.core.errors import InterlockError
from live.core.inputs import Bar, Input
from live.core.market_events import MarketEvent
from live.core.records import IntentRecorded, Record
from live.core.snapshots import take_snapshot
from live.core.state import EngineState
from live.driver.recovery import TAPES, anchors_path, recover, session_journals
from live.journal import JournalReader, Position, SnapshotTaken, read_anchors, read_tape, verify_journal

RECOVERED = "recovered"
MAY_BE_REFUSED = frozenset({Cause.BIT_FLIP, Cause.TORN_WRITE})
"""Damage, and writes torn inside a sector, which no disk does; a killed process and a power loss leave nothing to refuse."""


class Expected(NamedTuple):
    """Hold what a session was told to write.

    Attributes:
        rows: entry and tape position of each row; None stands for the mark of a snapshot.
        states: the state after so many rows, folded from the script and not from any journal.
        events: what went to the tape, in order, with each one's place.
    """

    rows: list[tuple[Input | Record | None, Position]]
    states: list[bytes]
    events: list[tuple[int, int, Bar]]


@cache
def expected(session_id: str) -> Expected:
    """Follow the script of a session, and of those before it."""
    number = SESSIONS.index(session_id)
    state = EngineState()
    for earlier in range(number):
        for entry, _ in _rows(earlier + 1):
            if entry is not None:
                state.apply(entry)
    rows, states = list(_rows(number + 1)), [take_snapshot(state)]
    for entry, _ in rows:
        if entry is not None:
            state.apply(entry)
        states.append(take_snapshot(state))
    events = [step.event for group in script(number + 1) for step in group if not isinstance(step, Take) and step.event is not None]
    return Expected(rows, states, [(place // ROLL_EVENTS + 1, place % ROLL_EVENTS, event) for place, event in enumerate(events)])


def _rows(number: int) -> Iterator[tuple[Input | Record | None, Position]]:
    events = 0
    for group in script(number):
        for item in group:
            before = (events // ROLL_EVENTS + 1, events % ROLL_EVENTS)
            if isinstance(item, Take):
                yield None, before
                continue
            if item.event is not None:
                events += 1
            if item.entry is not None:
                yield item.entry, before
            for output in item.outputs:
                yield output, (events // ROLL_EVENTS + 1, events % ROLL_EVENTS)


def judge(home: Path, cause: Cause, promises: Promises) -> str:
    """Start on a home as the service does, and hold what it finds to what was promised.

    Returns:
        `recovered`, or the name of the error with which the start refused.

    Raises:
        AssertionError: it goes on, and something that was promised is missing or is another.
    """
    anchors = anchors_path(home)
    try:
        recovered = recover(home)
        for path in session_journals(home):
            verify_journal(path, anchors if anchors.exists() else None)
        tapes = {path.name: list(read_tape(path)) for path in (home / TAPES).glob("*")}
    except InterlockError as error:
        if cause not in MAY_BE_REFUSED:
            raise AssertionError(f"an honest disk is refused: {type(error).__name__}: {error}") from error
        return type(error).__name__
    there = {path.stem: path for path in session_journals(home)}
    last, state, complete = "", take_snapshot(EngineState()), True
    for session_id in SESSIONS:
        rows = _check_rows(session_id, there.get(session_id), promises.durable.get(session_id, 0))
        said = not recovered.tape_complete and session_id == max(there, default="")
        reached = _check_tape(session_id, tapes.get(session_id, []), cause, promises, said=said)
        if session_id in there:
            last = session_id
            wanted = expected(session_id).rows[rows - 1][1] if rows else (1, 0)
            complete = reached >= wanted
        if rows:
            state = expected(session_id).states[rows]
    assert take_snapshot(recovered.state) == state, "the state is not the fold of what the journal holds"
    assert recovered.number == (SESSIONS.index(last) + 1 if last else 0), f"session {recovered.number} is taken for the newest"
    assert not last or recovered.tape_complete == complete, f"the tape is said to be complete: {recovered.tape_complete}"
    for one, other in pairwise(path for _, path in sorted(there.items())):
        with JournalReader(one) as before, JournalReader(other) as after:
            assert after.meta.predecessor_head == before.head, f"{other.name} does not follow {one.name}"
    if cause is not Cause.BIT_FLIP:
        _check_anchors(home, promises)
    return RECOVERED


def _check_rows(session_id: str, path: Path | None, durable: int) -> int:
    assert path is not None or not durable, f"the journal of {session_id} is gone, with {durable} durable rows"
    if path is None:
        return 0
    with JournalReader(path) as reader:
        rows = list(reader.rows())
    assert len(rows) >= durable, f"{session_id} holds {len(rows)} rows, {durable} were said to be durable"
    wanted = expected(session_id).rows
    assert len(rows) <= len(wanted)
    for row, (entry, position) in zip(rows, wanted, strict=False):
        found = row.entry()
        assert isinstance(found, SnapshotTaken) if entry is None else found == entry, f"seq {row.seq} holds {found}, {entry} was written"
        assert (row.segment, row.offset) == position
    return len(rows)


def _check_tape(session_id: str, events: list[tuple[int, int, MarketEvent]], cause: Cause, promises: Promises, *, said: bool) -> Position:
    """Hold a tape to the script; gives the position that it reaches."""
    wanted = expected(session_id)
    assert events == wanted.events[: len(events)], f"the tape of {session_id} holds other events than were written"
    reached = (len(events) // ROLL_EVENTS + 1, len(events) % ROLL_EVENTS)
    durable = promises.durable.get(session_id, 0)
    rests_on = max((position for entry, position in wanted.rows[:durable] if isinstance(entry, IntentRecorded)), default=(1, 0))
    assert reached >= rests_on or (said and cause is Cause.BIT_FLIP), (
        f"the tape of {session_id} ends at {reached}, a durable intent rests on {rests_on}"
    )
    if cause is Cause.KILLED:
        assert reached >= promises.handled.get(session_id, (1, 0)), f"the tape of {session_id} lost an event that was handled"
    if session_id in promises.sealed:
        assert len(events) == len(wanted.events), f"the tape of {session_id} was closed and ends at {reached}"
    return reached


def _check_anchors(home: Path, promises: Promises) -> None:
    if not promises.anchored:
        return
    history = read_anchors(anchors_path(home))
    for session_id, commit in promises.anchored.items():
        assert commit in {anchor.commit for anchor in history.of_session(session_id).anchors}, f"commit {commit} was anchored"
    for session_id in promises.sealed:
        assert history.of_session(session_id).seals, f"{session_id} was sealed"
