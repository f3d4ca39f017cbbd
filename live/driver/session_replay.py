"""Session replay: run a recorded session's inputs through the engine again and compare every record.

It begins from the session's opening snapshot, feeds the recorded inputs and the tape in their recorded order, asks no
venue anything, and names the first record that differs. A session that crashed may have done more than it recorded:
what follows its last durable record is reported as its tail, not as a difference.
"""

from collections.abc import Callable, Mapping
from pathlib import Path
from typing import NamedTuple

import msgspec

from live.core.engine import Engine, drain
from live.core.errors import InterlockError
from live.core.inputs import Deployment, SessionClosed, SessionStarted
from live.core.state import EngineState
from live.core.strategy import Strategy
from live.driver.engine_digest import engine_digest
from live.driver.recovery import TAPES
from live.journal import JournalReader, JournalRow, ParityDigest, encode_entry, read_tape
from live.journal.entries import SNAPSHOT_KIND

LoadStrategies = Callable[[tuple[Deployment, ...]], Mapping[str, tuple[Strategy, int]]]


class SessionReplayError(InterlockError):
    """A session cannot be replayed, or not as what it was."""


class RecordDifference(msgspec.Struct, frozen=True):
    """Name the first record that differs: its sequence number in the journal and both sides."""

    seq: int
    kind: str
    recorded: str
    replayed: str


class SessionReplayResult(msgspec.Struct, frozen=True):
    """Report a session replay; `identical` only when code and every record are the same."""

    session_id: str
    inputs: int
    market_events: int
    records: int
    recorded_digest: str
    replayed_digest: str
    code_differs: bool
    closed: bool
    tail_records: int
    difference: RecordDifference | None

    @property
    def identical(self) -> bool:
        """Tell whether the session was proven to be reproduced."""
        return self.difference is None and not self.code_differs


class _Place(NamedTuple):
    segment: int
    offset: int


def replay_session(journal: Path, load_strategies: LoadStrategies, *, tape: Path | None = None) -> SessionReplayResult:
    """Replay a session's journal and tape.

    Args:
        journal: the session's journal.
        load_strategies: gives the strategies of the recorded deployments, from the sources they ran with.
        tape: the session's tape directory; beside the journal's directory when left out.

    Raises:
        SessionReplayError: the journal holds no session start or no opening snapshot.
        JournalError, TapeError: the recording cannot be read.
    """
    tape = tape or journal.parent.parent / TAPES / journal.stem
    with JournalReader(journal) as reader:
        snapshot = reader.first_snapshot()
        if snapshot is None:
            raise SessionReplayError(f"{journal} has no opening snapshot: it ended before it began, there is nothing to replay")
        rows = [row for row in reader.rows(after_seq=snapshot[0]) if row.kind != SNAPSHOT_KIND]
        recorded_digest = reader.parity_digest().hexdigest()
    started = next((entry for row in rows if isinstance(entry := row.entry(), SessionStarted)), None)
    if started is None:
        raise SessionReplayError(f"{journal} has no SessionStarted: it ended before it began, there is nothing to replay")
    engine = Engine(load_strategies(started.deployments), EngineState.restore(snapshot[1]))
    return _Comparison(engine, started, tape).run(rows, recorded_digest)


class _Comparison:
    def __init__(self, engine: Engine, started: SessionStarted, tape: Path) -> None:
        self._engine = engine
        self._started = started
        self._events = read_tape(tape) if tape.is_dir() else iter(())
        self._next = next(self._events, None)
        self._said: list[bytes] = []
        self._taken = 0
        self._market_events = 0
        self._digest = ParityDigest()

    def run(self, rows: list[JournalRow], recorded_digest: str) -> SessionReplayResult:
        inputs = records = 0
        closed = False
        difference: RecordDifference | None = None
        for row in rows:
            place = _Place(row.segment, row.offset)
            if row.is_output:
                records += 1
                difference = self._compare(row, place)
            else:
                self._feed_until(place)
                difference = self._unexpected(row)
                entry = row.entry()
                closed = closed or isinstance(entry, SessionClosed)
                if difference is None:
                    self._engine.handle(entry)  # pyright: ignore[reportArgumentType]
                    self._collect()
                inputs += 1
            if difference is not None:
                break
        if difference is None:
            self._feed_until(None)
        tail = len(self._said) - self._taken
        if difference is None and closed and tail:
            difference = RecordDifference(0, "", "nothing", repr(msgspec.msgpack.decode(self._said[self._taken])))
        return SessionReplayResult(
            session_id=self._started.session_id,
            inputs=inputs,
            market_events=self._market_events,
            records=records,
            recorded_digest=recorded_digest,
            replayed_digest=self._digest.hexdigest(),
            code_differs=self._started.engine_digest != engine_digest(),
            closed=closed,
            tail_records=tail,
            difference=difference,
        )

    def _compare(self, row: JournalRow, place: _Place) -> RecordDifference | None:
        if self._taken == len(self._said):
            self._feed_until(place)
        if self._taken == len(self._said):
            return RecordDifference(row.seq, row.kind, repr(row.entry()), "nothing")
        body = self._said[self._taken]
        self._taken += 1
        self._digest.update(body)
        if body == row.body:
            return None
        return RecordDifference(row.seq, row.kind, repr(row.entry()), repr(msgspec.msgpack.decode(body)))

    def _unexpected(self, row: JournalRow) -> RecordDifference | None:
        """Report a record that the replay said before this input and the journal does not have."""
        if self._taken == len(self._said):
            return None
        return RecordDifference(row.seq, row.kind, "nothing", repr(msgspec.msgpack.decode(self._said[self._taken])))

    def _feed_until(self, place: _Place | None) -> None:
        """Feed market events that lie before a place on the tape; None feeds the rest."""
        while self._next is not None and (place is None or (self._next[0], self._next[1]) < place):
            self._engine.handle(self._next[2])
            self._market_events += 1
            self._collect()
            self._next = next(self._events, None)

    def _collect(self) -> None:
        self._said += [encode_entry(record) for record in drain(self._engine)[0]]
