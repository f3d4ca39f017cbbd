"""Session replay: run a recorded session's inputs through the engine again and compare every record.

It begins from the session's opening snapshot, feeds the recorded inputs and the tape in their recorded order, asks no
venue anything, and names the first record that differs. A session that crashed may have done more than it recorded:
what follows its last durable record is reported as its tail, not as a difference. A session that an engine failure
halted fails again in the same place, and that is reported too.
"""

from collections.abc import Callable, Generator, Iterable, Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import NamedTuple, cast

import msgspec

from live.core.engine import Engine, drain
from live.core.errors import InterlockError
from live.core.inputs import Deployment, MarketEvent, RecordedInput, SessionClosed, SessionStarted
from live.core.records import SCHEMA_VERSIONS
from live.core.snapshots import restore_state
from live.core.strategy import Strategy
from live.driver.engine_digest import engine_digest
from live.driver.recovery import TAPES
from live.journal import START, JournalReader, JournalRow, ParityDigest, Position, encode_entry, read_tape
from live.journal.entries import SNAPSHOT_KIND

LoadStrategies = Callable[[tuple[Deployment, ...]], Mapping[str, tuple[Strategy, int]]]

NOTHING = "nothing"
"""What a side of a difference says when it has no record there."""


class SessionReplayError(InterlockError):
    """A session cannot be replayed, or not as what it was."""


class RecordDifference(msgspec.Struct, frozen=True):
    """Name the first record that differs: its sequence number in the journal and both sides."""

    seq: int
    kind: str
    recorded: str
    replayed: str


class SessionReplayResult(msgspec.Struct, frozen=True):
    """Report a session replay; `identical` only when code and every record are the same.

    Attributes:
        session_id: of the recorded session.
        inputs: recorded inputs that were fed.
        market_events: events of the tape that were fed.
        records: recorded outputs that were compared.
        recorded_digest: parity digest of the journal.
        replayed_digest: parity digest of the replay, as far as it was compared.
        code_differs: whether this program's engine is another than the one that recorded the session.
        closed: whether the session closed in an orderly way.
        tail_records: records that the replay gave after the last durable one.
        failure: what the engine failed with at the end, None when it did not.
        difference: the first record that differs, None when none does.
    """

    session_id: str
    inputs: int
    market_events: int
    records: int
    recorded_digest: str
    replayed_digest: str
    code_differs: bool
    closed: bool
    tail_records: int
    failure: str | None
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
        SessionReplayError: the journal holds no session start or no opening snapshot, or the tape is not all there.
        JournalError, TapeError: the recording cannot be read.
    """
    tape = tape or journal.parent.parent / TAPES / journal.stem
    with JournalReader(journal) as reader:
        snapshot = reader.first_snapshot()
        with _rows(reader, kinds=(SessionStarted.__name__,)) as rows:
            started = next((row.entry() for row in rows), None)
        if snapshot is None or not isinstance(started, SessionStarted):
            raise SessionReplayError(f"{journal} ended before its session began: there is nothing to replay")
        engine = Engine(load_strategies(started.deployments), restore_state(snapshot[1]))
        comparison = _Comparison(engine, tape)
        with _rows(reader, after_seq=snapshot[0]) as rows:
            comparison.run(row for row in rows if row.kind != SNAPSHOT_KIND)
        return SessionReplayResult(
            session_id=started.session_id,
            inputs=comparison.inputs,
            market_events=comparison.market_events,
            records=comparison.records,
            recorded_digest=reader.parity_digest().hexdigest(),
            replayed_digest=comparison.digest.hexdigest(),
            code_differs=started.engine_digest != engine_digest(),
            closed=comparison.closed,
            tail_records=comparison.tail_records,
            failure=comparison.failure,
            difference=comparison.difference,
        )


@contextmanager
def _rows(reader: JournalReader, after_seq: int = 0, kinds: tuple[str, ...] | None = None) -> Generator[Iterator[JournalRow]]:
    """Read rows one by one, and let go of the query however the reading ends: a session may have recorded millions."""
    rows = cast("Generator[JournalRow]", reader.rows(after_seq, kinds))
    try:
        yield rows
    finally:
        rows.close()


def _as_newest(row: JournalRow) -> bytes:
    """Give the bytes of a record as this program writes them, when an older one wrote it; its own otherwise."""
    return encode_entry(row.entry()) if row.version < SCHEMA_VERSIONS[row.kind] else row.body


class _Comparison:
    """One engine fed from a recording, and what it says held against what it said then."""

    def __init__(self, engine: Engine, tape: Path) -> None:
        self.inputs = 0
        self.market_events = 0
        self.records = 0
        self.closed = False
        self.failure: str | None = None
        self.difference: RecordDifference | None = None
        self.digest = ParityDigest()
        self._engine = engine
        self._tape = tape
        self._events = read_tape(tape) if tape.is_dir() else iter(())
        self._next = next(self._events, None)
        self._fed: Position = START
        self._said: list[bytes] = []
        self._taken = 0

    @property
    def tail_records(self) -> int:
        """Count what the replay said and nothing recorded was held against."""
        return len(self._said) - self._taken

    def run(self, rows: Iterable[JournalRow]) -> None:
        """Go through a journal's rows until one differs, then through the rest of the tape."""
        last_seq = 0
        for row in rows:
            last_seq = row.seq
            self.difference = self._compare(row) if row.is_output else self._follow(row)
            if self.difference is not None:
                return
        self._feed_until(None)
        if self.closed and self.tail_records:
            self.difference = RecordDifference(last_seq + 1, "", NOTHING, self._next_said())

    def _follow(self, row: JournalRow) -> RecordDifference | None:
        """Feed a recorded input; what the replay said before it must all have been recorded before it."""
        self._feed_until(_Place(row.segment, row.offset))
        if self.tail_records:
            return RecordDifference(row.seq, row.kind, NOTHING, self._next_said())
        if self.failure is not None:
            return RecordDifference(row.seq, row.kind, repr(row.entry()), f"the engine had failed: {self.failure}")
        entry = row.entry()
        self.closed = self.closed or isinstance(entry, SessionClosed)
        self._handle(entry)  # pyright: ignore[reportArgumentType] - an input row holds an input
        self.inputs += 1
        return None

    def _compare(self, row: JournalRow) -> RecordDifference | None:
        self.records += 1
        if not self.tail_records:
            self._feed_until(_Place(row.segment, row.offset))
        if not self.tail_records:
            missing = NOTHING if self.failure is None else f"the engine failed: {self.failure}"
            return RecordDifference(row.seq, row.kind, repr(row.entry()), missing)
        body = self._said[self._taken]
        if body != row.body and body != _as_newest(row):
            return RecordDifference(row.seq, row.kind, repr(row.entry()), self._next_said())
        self._said[self._taken] = b""  # compared, and a session may say millions
        self._taken += 1
        self.digest.update(body)
        return None

    def _feed_until(self, place: _Place | None) -> None:
        """Feed market events that lie before a place on the tape; None feeds the rest."""
        while self._next is not None and (place is None or self._next[:2] < place) and self.failure is None:
            segment, offset, event = self._next
            self._handle(event)
            self.market_events += 1
            self._fed = (segment, offset + 1)
            self._next = next(self._events, None)
        if place is not None and self._next is None and not self._reaches(place):
            raise SessionReplayError(
                f"the tape {self._tape} ends after event {self._fed[1]} of segment {self._fed[0]}, the journal goes on to event "
                f"{place.offset} of segment {place.segment}: restore the tape; if a power loss cut it, parity can be shown up to there only"
            )

    def _reaches(self, place: _Place) -> bool:
        segment, offset = self._fed
        return (segment, offset) >= place or (place.offset == 0 and segment == place.segment - 1)

    def _handle(self, event: MarketEvent | RecordedInput) -> None:
        try:
            self._engine.handle(event)
        except Exception as error:  # noqa: BLE001 - the session's own engine may have failed here in any way, and halted
            self.failure = f"{type(error).__name__}: {error}"
        self._said += [encode_entry(record) for record in drain(self._engine)[0]]

    def _next_said(self) -> str:
        return repr(msgspec.msgpack.decode(self._said[self._taken]))
