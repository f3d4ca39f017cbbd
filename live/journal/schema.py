"""The journal's tables, its meta row, and the chain that ties every commit to all before it."""

import hashlib
import sqlite3
from typing import Any, NamedTuple

import msgspec

JOURNAL_SCHEMA = 1
"""Version of the tables below; a journal with a higher one is refused."""

APPLICATION_ID = 0x494C4A31
"""`ILJ1` in the SQLite header: it tells a journal from any other SQLite file."""

_TABLES = {
    "meta": """CREATE TABLE meta (
        id INTEGER PRIMARY KEY CHECK (id = 1),
        journal_schema INTEGER NOT NULL,
        session_id TEXT NOT NULL,
        predecessor_head TEXT NOT NULL,
        created_at INTEGER NOT NULL,
        durable INTEGER NOT NULL,
        genesis TEXT NOT NULL
    ) STRICT""",
    "records": """CREATE TABLE records (
        seq INTEGER PRIMARY KEY,
        is_output INTEGER NOT NULL,
        kind TEXT NOT NULL,
        version INTEGER NOT NULL,
        ts INTEGER NOT NULL,
        segment INTEGER NOT NULL,
        offset INTEGER NOT NULL,
        body BLOB NOT NULL
    ) STRICT""",
    "commits": """CREATE TABLE commits (
        number INTEGER PRIMARY KEY,
        first_seq INTEGER NOT NULL,
        last_seq INTEGER NOT NULL,
        head TEXT NOT NULL
    ) STRICT""",
    "snapshots": """CREATE TABLE snapshots (
        seq INTEGER PRIMARY KEY,
        digest TEXT NOT NULL,
        body BLOB NOT NULL
    ) STRICT""",
}
_KEYS = {"meta": "id", "records": "seq", "commits": "number", "snapshots": "seq"}

RECORD_COLUMNS = "seq, is_output, kind, version, ts, segment, offset, body"


class Meta(NamedTuple):
    """Say which session a journal belongs to and how it was written; times are nanoseconds UTC."""

    journal_schema: int
    session_id: str
    predecessor_head: str
    created_at: int
    durable: bool


class Commit(NamedTuple):
    """Cover the rows `first_seq..last_seq`; `head` ties them to everything before."""

    number: int
    first_seq: int
    last_seq: int
    head: str


RecordColumns = tuple[int, int, str, int, int, int, int, bytes]
"""One row of `records`, in the order of `RECORD_COLUMNS`."""

_encode_row = msgspec.msgpack.Encoder().encode


def statements(*, durable: bool) -> list[str]:
    """List the statements that make an empty journal: tables that only grow.

    INSERT OR REPLACE removes a row without running the delete trigger, so a durable journal also refuses a key that
    is already there. A replay's journal can be made again, and is spared that cost of a microsecond a row.
    """
    made = list(_TABLES.values())
    for table, key in _KEYS.items():
        made.append(_guard(table, "update", "UPDATE", ""))
        made.append(_guard(table, "delete", "DELETE", ""))
        if durable:
            present = f"SELECT 1 FROM {table} WHERE {key} = NEW.{key}"  # noqa: S608  (names from the tables above)
            made.append(_guard(table, "replace", "INSERT", f"WHEN EXISTS ({present})"))
    return made


def _guard(table: str, name: str, action: str, condition: str) -> str:
    message = f"the journal is append-only: {name} on {table} refused"
    return f"CREATE TRIGGER {table}_no_{name} BEFORE {action} ON {table} {condition} BEGIN SELECT RAISE(ABORT, '{message}'); END"


def create_tables(connection: sqlite3.Connection, meta: Meta) -> None:
    """Make an empty journal in an empty SQLite file."""
    connection.execute(f"PRAGMA application_id = {APPLICATION_ID}")
    connection.execute("BEGIN")
    for statement in statements(durable=meta.durable):
        connection.execute(statement)
    connection.execute("INSERT INTO meta VALUES (1, ?, ?, ?, ?, ?, ?)", (*meta[:4], int(meta.durable), genesis_head(meta)))
    connection.execute("COMMIT")


def genesis_head(meta: Meta) -> str:
    """Give the head of a journal without commits: it covers the meta row, and so the predecessor's head."""
    return hashlib.sha256(b"interlock journal\n" + _encode_row(tuple(meta))).hexdigest()


class ChainLink:
    """Fold the rows of one commit into the head after it: sha256 over the head before and every column of each row."""

    def __init__(self, head: str) -> None:
        self._sha256 = hashlib.sha256(bytes.fromhex(head))

    def add(self, row: tuple[Any, ...]) -> None:
        """Fold in the next row."""
        self._sha256.update(_encode_row(row))

    def add_all(self, rows: list[RecordColumns]) -> None:
        """Fold in several rows at once.

        An array's encoding is a header and then that of its elements one after the other: one call gives what a call a row would.
        """
        encoded = memoryview(_encode_row(rows))
        self._sha256.update(encoded[_header_size(len(rows)) :])

    def head(self) -> str:
        """Give the head after the rows folded in so far, in hexadecimal."""
        return self._sha256.hexdigest()


def _header_size(length: int) -> int:
    """Give the bytes before the first element of an array (MessagePack specification, "array format family")."""
    if length < 1 << 4:
        return 1
    return 3 if length < 1 << 16 else 5
