"""Resuming: a replay that stopped in the middle goes on, and ends with the records of one that never stopped.

A strategy's memory is in no record, so a replay resumes by running again from its first event. Until it has reached the place where
it stopped, every input and record is held against what was recorded, byte for byte; there the engine's state must equal the fold of
the interrupted journal, which is what a restart without any strategy code would give. What follows is new.
"""

from collections.abc import Generator, Sequence
from pathlib import Path
from typing import cast

import msgspec

from live.core.engine import Engine
from live.core.errors import InterlockError
from live.core.inputs import RecordedInput
from live.core.records import OutputRecord
from live.core.snapshots import take_snapshot
from live.driver.recovery import fold_journal
from live.journal import JournalReader, JournalRow, SnapshotTaken, encode_entry
from live.journal.entries import SNAPSHOT_KIND, snapshot_digest


class ResumeError(InterlockError):
    """A replay cannot be resumed: what it does now is not what it did then."""


class InterruptedJournal:
    """Hold a replay against the journal of its beginning.

    Attributes:
        compared: how many rows were held against each other.
        reached: whether the end of the interrupted journal was reached, and the state there was the same.
    """

    def __init__(self, path: Path) -> None:
        """Open the journal of a replay that stopped.

        Raises:
            JournalError: it cannot be read.
        """
        self.compared = 0
        self.reached = False
        self._path = path
        self._reader = JournalReader(path)
        self._rows = cast("Generator[JournalRow]", self._reader.rows())
        self._next = next(self._rows, None)

    def step(self, entry: RecordedInput | None, outputs: Sequence[OutputRecord], position: tuple[int, int], engine: Engine) -> None:
        """Compare a step, and the state after the last one that was recorded.

        Raises:
            ResumeError: it differs; names the first row that does, with both sides.
        """
        if self.reached:
            return
        for said in outputs if entry is None else (entry, *outputs):
            row = self._next
            if row is None:
                raise ResumeError(f"{self._path} ends inside a step, before {said!r}: it is damaged, run the replay anew")
            if row.kind != type(said).__name__ or row.body != encode_entry(said) or (row.segment, row.offset) != position:
                raise ResumeError(
                    f"record {row.seq} differs: {self._path} has {row.kind} {_shown(row)} at event {row.offset}, the replay now gives "
                    f"{type(said).__name__} {said!r} at event {position[1]}: resume with the strategy, data and settings it began with"
                )
            self._advance()
        if self._next is None:
            self._check_state(engine)

    def snapshot(self, body: bytes, engine: Engine) -> None:
        """Compare a snapshot.

        Raises:
            ResumeError: it differs.
        """
        if self.reached:
            return
        row = self._next
        taken = None if row is None or row.kind != SNAPSHOT_KIND else row.entry()
        if not isinstance(taken, SnapshotTaken) or taken.digest != snapshot_digest(body):
            where = "its end" if row is None else f"record {row.seq}"
            raise ResumeError(f"{self._path} differs at {where}: the replay now takes a snapshot of another state: run the replay anew")
        self._advance()
        if self._next is None:
            self._check_state(engine)

    def close(self) -> None:
        """Let go of the journal."""
        self._rows.close()
        self._reader.close()

    def _advance(self) -> None:
        self.compared += 1
        self._next = next(self._rows, None)

    def _check_state(self, engine: Engine) -> None:
        folded = fold_journal(self._path)
        if folded is None or take_snapshot(folded) != take_snapshot(engine.state):
            raise ResumeError(
                f"the records of {self._path} fold to another state than the replay has there: it is damaged, run the replay anew"
            )
        self.reached = True


def _shown(row: JournalRow) -> str:
    try:
        return repr(row.entry())
    except InterlockError:
        return repr(msgspec.msgpack.decode(row.body))
