"""The journal of one session: an append-only SQLite file whose commits form a chain."""

import sqlite3
import time
from collections.abc import Sequence
from itertools import compress
from operator import itemgetter
from pathlib import Path
from types import TracebackType
from typing import Any, NamedTuple, Self

from live.core.inputs import Input
from live.core.records import Record
from live.journal.disk import make_directory, sync_directory
from live.journal.entries import KINDS, ParityDigest, SnapshotTaken, encode_body, snapshot_digest
from live.journal.errors import EntryError, JournalError, JournalFailedError
from live.journal.schema import JOURNAL_SCHEMA, ChainLink, Meta, RecordColumns, genesis_head
from live.journal.storage import connect, create_file, fold_log, make_plain

Position = tuple[int, int]
"""A point between two events of a tape: the segment, and how many of its events lie before the point."""

Step = tuple[Input | None, Sequence[Record], Position]
"""What one step of the engine took in, None for market data, and what it said; and how much of the tape it had handled."""

START: Position = (1, 0)
"""The point before the first event of a tape."""

_WIDTH = 8
"""Columns of a row; the first is its sequence number, the last its body."""
_IS_OUTPUT, _BODY = itemgetter(1), itemgetter(7)
FOLD_BYTES = 4 * 1024 * 1024
"""After about so many bytes the write-ahead log is folded into the journal, and begins anew."""
_LARGEST_CHUNK = 128
"""Rows that are encoded or inserted at once, at most."""
_COMMIT_BYTES = 8_192
"""What a commit adds to the log beside its rows: the pages that it touches are written whole."""


def _chunks(seq: str) -> tuple[tuple[int, str], ...]:
    """Give statements that insert so many rows, the largest first: many at once take two thirds of the time of one statement each."""
    row = f"({seq}, ?, ?, ?, ?, ?, ?, ?)"
    return tuple((rows, "INSERT INTO records VALUES " + ", ".join([row] * rows)) for rows in (_LARGEST_CHUNK, 16, 1))  # noqa: S608  (no text from outside)


_NUMBERED = _chunks("?")
"""For a durable journal, whose trigger looks whether a row of this sequence number is there."""
_COUNTED = _chunks("NULL")
"""For any other: SQLite counts by itself, and appends after the last row without searching for the place, a fifth of an insert's time."""


class Tip(NamedTuple):
    """Name the newest durable commit: its number, its last sequence number and the chain's head after it."""

    commit: int
    seq: int
    head: str


class JournalFile:
    """Append the steps of one session and commit them in groups.

    Appending only collects; `commit` makes everything collected durable at once. After the disk has failed once,
    nothing more is accepted: what a failed sync left behind cannot be known (fsync failures are not retriable).
    Not for use by several threads at once, but `tip` may be read from any.

    Attributes:
        path: where the file is.
        meta: what its meta row says.
        parity: digest of the output records that were committed.
        collected: steps that are not appended yet; always the same list. Who has many small steps adds them here, and appends them
            by `append_collected` now and then, for speed; a commit does it as well.
    """

    def __init__(self, path: Path, connection: sqlite3.Connection, meta: Meta) -> None:
        self.path = path
        self.meta = meta
        self.parity = ParityDigest()
        self.collected: list[Step] = []
        self._connection = connection
        self._tip = Tip(0, 0, genesis_head(meta))
        self._last_seq = 0
        self._position = START
        self._rows: list[RecordColumns] = []
        self._snapshots: list[tuple[int, str, bytes]] = []
        self._failure: BaseException | None = None
        self._closed = False
        self._unfolded = 0

    @classmethod
    def create(
        cls, path: Path, *, session_id: str, predecessor_head: str = "", durable: bool = True, created_at: int | None = None
    ) -> Self:
        """Create the journal of a session, whole or not at all, readable by its owner only.

        Args:
            path: where; nothing may be there yet.
            session_id: the session it records.
            predecessor_head: chain head of the session before, empty for the first.
            durable: sync every commit to disk; a replay, which can be run again, does without.
            created_at: nanoseconds UTC, now when left out.

        Raises:
            JournalExistsError: something is at `path`.
            JournalFailedError: the disk refused.
        """
        meta = Meta(JOURNAL_SCHEMA, session_id, predecessor_head, time.time_ns() if created_at is None else created_at, durable)
        try:
            make_directory(path.parent)
            create_file(path, meta)
            connection = connect(path, durable=durable)
            try:
                if durable:
                    sync_directory(path.parent)  # for the log's name: SQLite syncs it too, and does not say when that fails
            except BaseException:
                connection.close()
                raise
            return cls(path, connection, meta)
        except (sqlite3.Error, OSError) as error:
            raise JournalFailedError(f"no journal could be created at {path} ({error}): check the disk and the directory") from error

    @property
    def last_seq(self) -> int:
        """Give the sequence number of the last row appended, durable or not; 0 before the first."""
        self.append_collected()
        return self._last_seq

    @property
    def uncommitted(self) -> Sequence[RecordColumns]:
        """Give the rows that the next commit writes."""
        self.append_collected()
        return self._rows

    @property
    def tip(self) -> Tip:
        """Give the newest durable commit; safe to read from any thread."""
        return self._tip

    @property
    def durable_seq(self) -> int:
        """Give the sequence number through which rows are durable; 0 before the first commit."""
        return self._tip.seq

    @property
    def head(self) -> str:
        """Give the chain head after the newest commit, in hexadecimal."""
        return self._tip.head

    def append_step(self, input_entry: Input | None, outputs: Sequence[Record], position: Position) -> int:
        """Append what one step of the engine took in and said; its rows share one commit and follow each other.

        Args:
            input_entry: the input that caused the step, None when that was market data (which is on the tape).
            outputs: the records the step emitted, in order.
            position: how much of the tape the engine had handled: for an input before it, for market data after it.

        Returns:
            The sequence number of the step's last row; of the row before when the step has none.

        Raises:
            EntryError: something in the step is no journal entry; nothing of the step was appended.
            JournalError: the position lies before the one of an earlier step, or the journal is closed.
            JournalFailedError: the disk has failed before.
        """
        self.collected.append((input_entry, outputs, position))
        self.append_collected()
        return self._last_seq

    def append_collected(self) -> None:
        """Append the steps that `collected` holds, up to the first that cannot be; that one and what follows it are dropped.

        Raises:
            EntryError: something in a step is no journal entry.
            JournalError: the position of a step lies before the one of an earlier step, or the journal is closed.
            JournalFailedError: the disk has failed before.
        """
        steps = self.collected
        if steps:
            try:
                self._refuse_if_over()
                self._append(steps)
            finally:
                steps.clear()

    def _append(self, steps: list[Step]) -> None:
        rows, seq, before = self._rows, self._last_seq, self._position
        begun = first = len(rows)
        subject: Input | Record | None = None
        try:
            for input_entry, outputs, position in steps:
                if position < before:
                    raise JournalError(f"the tape's position never goes back: received {position} after {before}, append steps in order")
                segment, offset = position
                if input_entry is not None:
                    subject = input_entry
                    seq += 1
                    kind, version = KINDS[type(input_entry)]
                    rows.append((seq, 0, kind, version, input_entry.ts_init, segment, offset, encode_body(input_entry)))
                for subject in outputs:
                    seq += 1
                    kind, version = KINDS[type(subject)]
                    rows.append((seq, 1, kind, version, subject.ts, segment, offset, encode_body(subject)))
                begun, before = len(rows), position
        except (KeyError, TypeError, AttributeError, OverflowError) as error:
            said = f"{subject!r} cannot be journaled ({error!r}): market data goes to the tape, integers must fit 64 bits"
            raise EntryError(said) from None
        finally:
            del rows[begun:]
            self._last_seq += begun - first
            self._position = before

    def append_snapshot(self, body: bytes, ts: int) -> int:
        """Append a snapshot of the state after every row so far, and the row that chains its digest.

        Args:
            body: the snapshot, in whatever form its maker reads.
            ts: engine time, nanoseconds UTC.

        Returns:
            The sequence number of the snapshot's row.

        Raises:
            JournalFailedError: the disk has failed before.
            EntryError, JournalError: a collected step cannot be journaled, or the journal is closed.
        """
        self._refuse_if_over()
        self.append_collected()
        digest = snapshot_digest(body)
        seq = self._last_seq + 1
        kind, version = KINDS[SnapshotTaken]
        self._rows.append((seq, 0, kind, version, ts, *self._position, encode_body(SnapshotTaken(ts, digest))))
        self._snapshots.append((seq, digest, body))
        self._last_seq = seq
        return seq

    def commit(self) -> int:
        """Make everything appended durable in one transaction.

        Returns:
            The sequence number through which rows are durable.

        Raises:
            JournalFailedError: the disk failed, now or before; whether the rows reached it is not known.
            EntryError, JournalError: a collected step cannot be journaled and nothing was written, or the journal is closed.
        """
        self._refuse_if_over()
        self.append_collected()
        rows = self._rows
        if not rows:
            return self._tip.seq
        link = ChainLink(self._tip.head)
        for start in range(0, len(rows), _LARGEST_CHUNK):  # each encoding fits the processor's cache, and is dropped before the next
            link.add_all(rows[start : start + _LARGEST_CHUNK])
        tip = Tip(self._tip.commit + 1, self._last_seq, link.head())
        try:
            self._write(rows, tip)
        except (sqlite3.Error, OSError, OverflowError) as error:
            self._failure = error
            raise self._failed() from error
        except BaseException as error:
            self._failure = error  # interrupted in the middle of a transaction: nothing may follow it
            raise
        self.parity.update_all(compress(map(_BODY, rows), map(_IS_OUTPUT, rows)))
        self._rows, self._snapshots = [], []
        self._tip = tip
        return tip.seq

    def close(self) -> None:
        """Commit what is left and leave one plain file; after a failure only let go of the file.

        Raises:
            EntryError, JournalError: a collected step cannot be journaled; those before it are committed.
            JournalBusyError: a reader holds the journal; it is complete, and `seal_journal` can finish it later.
            JournalFailedError: the disk failed during this call.
        """
        if self._closed:
            return
        try:
            if self._failure is None:
                try:
                    self.append_collected()
                finally:
                    self.commit()
                if self.meta.durable:
                    make_plain(self._connection, self.path)
        finally:
            self.abandon()

    def abandon(self) -> None:
        """Let go of the file without committing what is pending, as a crash would; the commits so far stand."""
        self._closed = True
        self._connection.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None) -> None:
        self.close()

    def _write(self, rows: list[RecordColumns], tip: Tip) -> None:
        execute = self._connection.execute
        execute("BEGIN IMMEDIATE")
        durable = self.meta.durable
        start, left = 0, len(rows)
        for size, statement in _NUMBERED if durable else _COUNTED:
            while left >= size:
                chunk = rows[start : start + size]
                values = _values(chunk)
                if not durable:
                    del values[::_WIDTH]  # the sequence numbers, which SQLite is about to give
                last = execute(statement, values).lastrowid
                if last != chunk[-1][0]:
                    raise sqlite3.IntegrityError(f"row {chunk[-1][0]} was stored as {last}: another program has written to the file")
                start, left = start + size, left - size
        if self._snapshots:
            self._connection.executemany("INSERT INTO snapshots VALUES (?, ?, ?)", self._snapshots)
        execute("INSERT INTO commits VALUES (?, ?, ?, ?)", (tip.commit, rows[0][0], tip.seq, tip.head))
        execute("COMMIT")
        if durable:
            self._unfolded += _COMMIT_BYTES + sum([len(row[7]) for row in rows]) + sum([len(body) for _, _, body in self._snapshots])
            if self._unfolded >= FOLD_BYTES:
                fold_log(self._connection, "PASSIVE")
                self._unfolded = 0

    def _refuse_if_over(self) -> None:
        if self._failure is not None:
            raise self._failed() from self._failure
        if self._closed:
            raise JournalError(f"the journal {self.path} is closed: it takes nothing more, start a new session")

    def _failed(self) -> JournalFailedError:
        return JournalFailedError(
            f"the disk failed under the journal {self.path} ({self._failure}): it takes nothing more; "
            "find out why, then start a new session, which recovers from this one"
        )


def _values(rows: list[RecordColumns]) -> list[int | str | bytes | bytearray]:
    """Give the columns of rows one after the other, as SQLite is handed them.

    Python's `sqlite3` looks for an adapter of every `bytes`, which costs more than storing the row; it stores a `bytearray` as it is.
    """
    values: list[Any] = []
    for row in rows:
        values += row  # a tuple at once, which takes a third of what an iterator of all elements does
    values[_WIDTH - 1 :: _WIDTH] = map(bytearray, values[_WIDTH - 1 :: _WIDTH])
    return values
