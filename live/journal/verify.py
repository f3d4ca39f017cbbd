"""Verify a journal: recompute everything it claims about itself and compare it with what was written down outside."""

import sqlite3
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any, NamedTuple, NoReturn, cast

from live.journal.anchors import Anchor, AnchorHistory, read_anchors
from live.journal.disk import file_digest
from live.journal.entries import OUTPUT_KINDS, ParityDigest, SnapshotTaken, decode_entry, entry_time, snapshot_digest
from live.journal.errors import EntryError, JournalDamagedError
from live.journal.file import START
from live.journal.reader import open_read_only, read_meta, reading
from live.journal.schema import RECORD_COLUMNS, ChainLink, Meta, statements

Progress = Callable[[int, int], None]
"""Called with the rows checked so far and their number."""

_PROGRESS_EVERY = 2_000


class Verification(NamedTuple):
    """Report a journal that holds: what was checked, and what nothing outside vouches for.

    Attributes:
        parity_digest: digest of the output records in sequence.
        snapshots: how many were compared with their chained digests.
        anchored_through_seq: last row that an anchor or a seal covers, 0 without.
        unanchored_commits: commits after it, which an attacker could have replaced together with their chain.
        unanchored_records: rows in those commits.
        sealed: the whole file was compared with its seal.
        torn_anchor_bytes: bytes of a torn last line that the anchor log holds.
        anchored_at: when the last anchor or the seal was written, nanoseconds UTC; 0 without.
    """

    session_id: str
    records: int
    outputs: int
    commits: int
    head: str
    parity_digest: str
    snapshots: int
    anchored_through_seq: int
    unanchored_commits: int
    unanchored_records: int
    sealed: bool
    torn_anchor_bytes: int
    anchored_at: int


def verify_journal(path: Path, anchors: Path | None = None, progress: Progress | None = None) -> Verification:
    """Check a journal against itself, and against an anchor log when one is given.

    Checked are the tables and triggers, that sequence numbers have no gap, that commits cover every row, the whole
    chain, that every body decodes and agrees with its columns, every snapshot, every anchor and seal of the session.

    Raises:
        JournalDamagedError: something does not hold; the message names the first place.
        NotAJournalError: the file is missing or is no journal.
        SchemaVersionError: a newer program wrote it.
        AnchorLogError: the anchor log cannot be read.
    """
    history = read_anchors(anchors) if anchors else AnchorHistory((), (), 0)
    connection = open_read_only(path)
    try:
        # One read transaction: a session that is still writing may not move what is compared.
        with reading(path):
            connection.execute("BEGIN")
            meta, genesis = read_meta(connection, path)
            walk = _Walk(path, connection, meta, genesis, history.of_session(meta.session_id), progress)
            return walk.run()
    finally:
        connection.close()


class _Walk:
    """One pass over a journal; keeps what the checks pass on to each other."""

    def __init__(
        self, path: Path, connection: sqlite3.Connection, meta: Meta, genesis: str, history: AnchorHistory, progress: Progress | None
    ) -> None:
        self.path = path
        self.connection = connection
        self.meta = meta
        self.history = history
        self.progress = progress
        self.head = genesis
        self.seq = 0
        self.commits = 0
        self.position = START
        self.parity = ParityDigest()
        self.snapshot_digests: dict[int, str] = {}
        self.anchors: dict[int, list[Anchor]] = {}
        for anchor in history.anchors:
            self.anchors.setdefault(anchor.commit, []).append(anchor)

    def run(self) -> Verification:
        self._check_seal()
        self._check_tables()
        anchored_seq, anchored_commit = self._check_chain()
        self._check_snapshots()
        sealed = bool(self.history.seals)
        if sealed:
            anchored_seq, anchored_commit = self.seq, self.commits
        return Verification(
            session_id=self.meta.session_id,
            records=self.seq,
            outputs=self.parity.count,
            commits=self.commits,
            head=self.head,
            parity_digest=self.parity.hexdigest(),
            snapshots=len(self.snapshot_digests),
            anchored_through_seq=anchored_seq,
            unanchored_commits=self.commits - anchored_commit,
            unanchored_records=self.seq - anchored_seq,
            sealed=sealed,
            torn_anchor_bytes=self.history.torn_bytes,
            anchored_at=max((entry.at for entry in (*self.history.anchors, *self.history.seals)), default=0),
        )

    def _damaged(self, what: str) -> NoReturn:
        raise JournalDamagedError(f"the journal {self.path} is damaged: {what}; restore the file from a copy")

    def _rows(self, query: str) -> Iterator[tuple[Any, ...]]:
        return cast("Iterator[tuple[Any, ...]]", iter(self.connection.execute(query)))

    def _check_seal(self) -> None:
        if not self.history.seals:
            return
        digest = file_digest(self.path)
        for seal in self.history.seals:
            if seal.file_sha256 != digest:
                self._damaged(f"its file has sha256 {digest}, it was sealed with {seal.file_sha256}")

    def _check_tables(self) -> None:
        expected = sorted(statements(durable=self.meta.durable))
        found = sorted(str(row[0]) for row in self._rows("SELECT sql FROM sqlite_schema"))
        if found != expected:
            missing = next((statement for statement in expected if statement not in found), None)
            what = f"its tables lack {missing!r}" if missing else "it holds tables or triggers that are none of a journal's"
            self._damaged(what)
        answer = next(self._rows("PRAGMA integrity_check(1)"))[0]
        if answer != "ok":
            self._damaged(f"SQLite finds {answer}")

    def _check_chain(self) -> tuple[int, int]:
        anchored = (0, 0)
        reported = 0
        total = next(self._rows("SELECT count(*) FROM records"))[0]
        rows = self._rows(f"SELECT {RECORD_COLUMNS} FROM records ORDER BY seq")  # noqa: S608
        for number, first_seq, last_seq, head in self._rows("SELECT number, first_seq, last_seq, head FROM commits ORDER BY number"):
            if number != self.commits + 1:
                self._damaged(f"commit {self.commits + 1} is missing, commit {number} follows commit {self.commits}")
            if first_seq != self.seq + 1 or last_seq < first_seq:
                self._damaged(f"commit {number} claims seq {first_seq} to {last_seq} after seq {self.seq}")
            self._check_commit(number, last_seq, head, rows)
            self.commits = number
            self.head = head
            for anchor in self.anchors.get(number, ()):
                if (anchor.seq, anchor.head) != (last_seq, head):
                    self._damaged(
                        f"commit {number} ends at seq {last_seq}, head {head}; it was anchored at seq {anchor.seq}, head {anchor.head}"
                    )
                anchored = (last_seq, number)
            if self.progress and self.seq - reported >= _PROGRESS_EVERY:
                reported = self.seq
                self.progress(self.seq, total)
        left = next(rows, None)
        if left is not None:
            self._damaged(f"seq {left[0]} belongs to no commit")
        if self.anchors and max(self.anchors) > self.commits:
            lost = self.anchors[max(self.anchors)][0]
            self._damaged(f"it ends at commit {self.commits} (seq {self.seq}), but commit {lost.commit} (seq {lost.seq}) was anchored")
        for seal in self.history.seals:
            if seal.head != self.head:
                self._damaged(f"its last head is {self.head}, it was sealed with {seal.head}")
        return anchored

    def _check_commit(self, number: int, last_seq: int, head: object, rows: Iterator[tuple[Any, ...]]) -> None:
        """Fold one commit's rows into its head, and only then look into them."""
        link = ChainLink(self.head)
        first = self.seq + 1
        batch: list[tuple[Any, ...]] = []
        while self.seq < last_seq:
            row = next(rows, None)
            if row is None or row[0] != self.seq + 1:
                self._damaged(f"seq {self.seq + 1} of commit {number} is missing")
            link.add(row)
            batch.append(row)
            self.seq += 1
        if link.head() != head:
            self._damaged(f"the rows of commit {number} (seq {first} to {last_seq}) do not give the head stored for it, {head}")
        for row in batch:
            self._check_row(row)

    def _check_row(self, row: tuple[Any, ...]) -> None:
        seq, is_output, kind, version, ts, segment, offset, body = row
        try:
            entry = decode_entry(kind, version, body)
        except EntryError as error:
            raise JournalDamagedError(f"the journal {self.path} is damaged at seq {seq}: {error}") from error
        if is_output != (kind in OUTPUT_KINDS):
            self._damaged(f"seq {seq} has is_output {is_output}, which no {kind} has")
        if ts != entry_time(entry):
            self._damaged(f"seq {seq} stands at {ts}, its {kind} says {entry_time(entry)}")
        if (segment, offset) < self.position:
            self._damaged(f"seq {seq} lies at tape position {(segment, offset)}, before {self.position}, which was reached already")
        self.position = (segment, offset)
        if is_output:
            self.parity.update(body)
        elif isinstance(entry, SnapshotTaken):
            self.snapshot_digests[seq] = entry.digest

    def _check_snapshots(self) -> None:
        chained = dict(self.snapshot_digests)
        for seq, digest, body in self._rows("SELECT seq, digest, body FROM snapshots ORDER BY seq"):
            expected = chained.pop(seq, None)
            if expected is None:
                self._damaged(f"the snapshot at seq {seq} has no row in the chain")
            if not expected == digest == snapshot_digest(body):
                self._damaged(f"the snapshot at seq {seq} is not the one whose digest was chained")
        if chained:
            self._damaged(f"the snapshot at seq {min(chained)} is missing")
