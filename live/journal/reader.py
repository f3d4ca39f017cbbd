"""Read a journal, while its session runs or after, without ever changing it."""

import sqlite3
from collections.abc import Collection, Generator, Iterator
from contextlib import contextmanager
from pathlib import Path
from types import TracebackType
from typing import Any, NamedTuple, Self
from urllib.parse import quote

from live.journal.entries import ParityDigest, SnapshotTaken, StoredEntry, decode_entry, snapshot_digest
from live.journal.errors import JournalDamagedError, NotAJournalError, SchemaVersionError
from live.journal.schema import APPLICATION_ID, JOURNAL_SCHEMA, RECORD_COLUMNS, Commit, Meta, genesis_head

_SQLITE_HEADER = b"SQLite format 3\x00"
_PRIMARY_CODE = 0xFF
"""The part of an extended SQLite result code that names the kind of error."""


class JournalRow(NamedTuple):
    """One row of a journal: who said what, when, and how much of the tape lay before it."""

    seq: int
    is_output: bool
    kind: str
    version: int
    ts: int
    segment: int
    offset: int
    body: bytes

    def entry(self) -> StoredEntry:
        """Decode what the row holds.

        Raises:
            SchemaVersionError: the kind is unknown or its schema is newer than this program's.
            EntryError: the body is no such entry.
        """
        return decode_entry(self.kind, self.version, self.body)


class JournalReader:
    """Read one journal; close it before the session's writer closes, which needs the file for itself.

    Raises:
        NotAJournalError: the file is missing or is no journal.
        SchemaVersionError: the journal's tables are newer than this program.
        JournalDamagedError: SQLite cannot read it.
    """

    def __init__(self, path: Path) -> None:
        self.path = path
        self._connection = open_read_only(path)
        try:
            self.meta, self.genesis = read_meta(self._connection, path)
        except BaseException:
            self._connection.close()
            raise

    @property
    def head(self) -> str:
        """Give the stored chain head after the newest commit, in hexadecimal."""
        commit = self.last_commit()
        return commit.head if commit else self.genesis

    def last_commit(self) -> Commit | None:
        """Give the newest commit, None before the first."""
        with reading(self.path):
            row = self._connection.execute("SELECT number, first_seq, last_seq, head FROM commits ORDER BY number DESC LIMIT 1").fetchone()
            return Commit(*row) if row else None

    def commits(self) -> Iterator[Commit]:
        """Give every commit, oldest first."""
        for row in self._select("SELECT number, first_seq, last_seq, head FROM commits ORDER BY number", ()):
            yield Commit(*row)

    def rows(
        self,
        after_seq: int = 0,
        kinds: Collection[str] | None = None,
        *,
        newest_first: bool = False,
        limit: int | None = None,
    ) -> Iterator[JournalRow]:
        """Give rows in sequence.

        Args:
            after_seq: leave out rows up to and including this one.
            kinds: only these kinds; all when left out.
            newest_first: begin with the last row.
            limit: stop after so many rows.

        Raises:
            JournalDamagedError: SQLite cannot read the rows.
        """
        wanted = sorted(kinds or ())
        condition = "" if kinds is None else f" AND kind IN ({', '.join('?' * len(wanted))})"
        order = "DESC" if newest_first else "ASC"
        query = f"SELECT {RECORD_COLUMNS} FROM records WHERE seq > ?{condition} ORDER BY seq {order} LIMIT ?"  # noqa: S608
        for row in self._select(query, (after_seq, *wanted, -1 if limit is None else limit)):
            yield JournalRow(row[0], row[1] == 1, *row[2:])

    def first_snapshot(self) -> tuple[int, bytes] | None:
        """Give the sequence number and body of the oldest snapshot, checked against its chained digest.

        Raises:
            JournalDamagedError: the body is not the one whose digest was chained.
        """
        return self._snapshot("ASC")

    def last_snapshot(self) -> tuple[int, bytes] | None:
        """Give the sequence number and body of the newest snapshot, checked against its chained digest.

        Raises:
            JournalDamagedError: the body is not the one whose digest was chained.
        """
        return self._snapshot("DESC")

    def parity_digest(self) -> ParityDigest:
        """Digest all output records anew."""
        digest = ParityDigest()
        for row in self._select("SELECT body FROM records WHERE is_output = 1 ORDER BY seq", ()):
            digest.update(row[0])
        return digest

    def close(self) -> None:
        """Let go of the file."""
        self._connection.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None) -> None:
        self.close()

    def _select(self, query: str, parameters: tuple[Any, ...]) -> Iterator[tuple[Any, ...]]:
        with reading(self.path):
            cursor = self._connection.execute(query, parameters)
            try:
                yield from cursor
            finally:
                cursor.close()

    def _snapshot(self, order: str) -> tuple[int, bytes] | None:
        with reading(self.path):
            row = self._connection.execute(f"SELECT seq, body FROM snapshots ORDER BY seq {order} LIMIT 1").fetchone()  # noqa: S608
        if row is None:
            return None
        seq, body = row
        mark = next((found for found in self.rows(seq - 1, limit=1) if found.seq == seq), None)
        entry = mark.entry() if mark else None
        if not isinstance(entry, SnapshotTaken) or entry.digest != snapshot_digest(body):
            raise JournalDamagedError(
                f"the snapshot at seq {seq} of {self.path} is not the one that was chained: do not restart from it, "
                "run `interlock journal verify`"
            )
        return seq, body


@contextmanager
def reading(path: Path) -> Generator[None]:
    """Turn SQLite's errors about a file into one that says which journal is damaged.

    Raises:
        JournalDamagedError: SQLite could not read what was asked for.
    """
    try:
        yield
    except (sqlite3.Error, UnicodeDecodeError, OverflowError) as error:
        raise JournalDamagedError(f"SQLite cannot read the journal {path} ({error}): restore the file from a copy") from error


def open_read_only(path: Path) -> sqlite3.Connection:
    """Open a journal's SQLite file so that no row can be written through it.

    A crash can leave a write-ahead log without a sound index. SQLite rebuilds the index only on a connection that may
    write, so then one is opened; it still refuses every statement that would change a row.

    Raises:
        NotAJournalError: the file is missing, or no SQLite file.
        JournalDamagedError: SQLite refuses it.
    """
    try:
        with path.open("rb") as stream:
            header = stream.read(len(_SQLITE_HEADER))
    except OSError as error:
        raise NotAJournalError(f"no journal can be read at {path} ({error.strerror}): give the path of a session's journal") from None
    if header != _SQLITE_HEADER:
        raise NotAJournalError(f"{path} is no journal: it does not begin like a SQLite file; give the path of a session's journal")
    with reading(path):
        try:
            return _connect(path, "ro")
        except sqlite3.OperationalError as error:
            if error.sqlite_errorcode & _PRIMARY_CODE not in (sqlite3.SQLITE_READONLY, sqlite3.SQLITE_CANTOPEN):
                raise
        return _connect(path, "rw")


def _connect(path: Path, mode: str) -> sqlite3.Connection:
    uri = f"file:{quote(str(path.resolve()))}?mode={mode}"
    connection = sqlite3.connect(uri, uri=True, isolation_level=None, check_same_thread=False)
    try:
        connection.execute("PRAGMA trusted_schema = OFF")
        connection.execute("PRAGMA query_only = ON")
        connection.execute("PRAGMA application_id").fetchone()  # the first look at the file, which finds what a crash left
    except BaseException:
        connection.close()
        raise
    return connection


def read_meta(connection: sqlite3.Connection, path: Path) -> tuple[Meta, str]:
    """Read which session a journal belongs to, and the head its chain starts from.

    Raises:
        NotAJournalError: the file is some other SQLite file.
        SchemaVersionError: the journal's tables are newer than this program.
        JournalDamagedError: the meta row is missing or was changed.
    """
    with reading(path):
        if connection.execute("PRAGMA application_id").fetchone()[0] != APPLICATION_ID:
            raise NotAJournalError(f"{path} is a SQLite file but no journal: give the path of a session's journal")
        schema = connection.execute("SELECT journal_schema FROM meta").fetchone()
        if schema and isinstance(schema[0], int) and schema[0] > JOURNAL_SCHEMA:
            raise SchemaVersionError(
                f"{path} has journal schema {schema[0]}, this program reads up to {JOURNAL_SCHEMA}: read it with a newer one"
            )
        row = connection.execute("SELECT journal_schema, session_id, predecessor_head, created_at, durable, genesis FROM meta").fetchone()
    if row is None:
        raise JournalDamagedError(f"{path} lacks the row that says which session it is: restore the file from a copy")
    journal_schema, session_id, predecessor_head, created_at, durable, genesis = row
    meta = Meta(journal_schema, session_id, predecessor_head, created_at, durable == 1)
    if genesis_head(meta) != genesis or durable not in (0, 1):
        raise JournalDamagedError(f"what {path} says about its session was changed: its chain does not start from session {session_id!r}")
    return meta, genesis
