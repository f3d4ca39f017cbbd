"""A session that an older program recorded is replayed under the newest schemas, and says that the code differs."""

import sqlite3
from pathlib import Path

import msgspec
import pytest

from live.core.engine import Engine, drain
from live.core.inputs import Input, SessionStarted
from live.core.records import SCHEMA_VERSIONS, AlarmRaised, OrderDenied, Record, TradingStateChanged
from live.core.risk.codes import DenialCode
from live.core.snapshots import take_snapshot
from live.core.state import EngineState
from live.driver.session_replay import replay_session
from live.journal import SnapshotTaken, encode_entry, entries, migrations
from live.journal.entries import snapshot_digest
from live.journal.schema import ChainLink, Meta, create_tables, genesis_head

STARTED = SessionStarted(0, "000001-ABCDEFGH", "ABCDEFGH", 0, "another engine", "", "", "", ())


def said_at_start() -> list[tuple[Record, int, bytes]]:
    """Give what this program's engine says when that session starts."""
    engine = Engine({}, EngineState())
    engine.handle(STARTED)
    return [(record, 1, encode_entry(record)) for record in drain(engine)[0]]


def record_old_session(path: Path, said: list[tuple[Record, int, bytes]]) -> None:
    """Write the journal of a session that said some records, each in a version of its own."""
    meta = Meta(1, path.stem, "", 1, durable=True)
    body = take_snapshot(EngineState())
    opening: list[Input | SnapshotTaken] = [
        SnapshotTaken(0, snapshot_digest(body)),
        STARTED,
    ]
    rows: list[tuple[object, ...]] = [
        (seq, 0, type(entry).__name__, 1, 0, 1, 0, encode_entry(entry)) for seq, entry in enumerate(opening, start=1)
    ]
    rows += [(3 + place, 1, type(record).__name__, version, record.ts, 1, 0, old) for place, (record, version, old) in enumerate(said)]
    connection = sqlite3.connect(path, isolation_level=None)
    create_tables(connection, meta)
    link = ChainLink(genesis_head(meta))
    for row in rows:
        connection.execute("INSERT INTO records VALUES (?, ?, ?, ?, ?, ?, ?, ?)", row)
        link.add(row)
    connection.execute("INSERT INTO snapshots VALUES (1, ?, ?)", (snapshot_digest(body), body))
    connection.execute("INSERT INTO commits VALUES (1, 1, ?, ?)", (len(rows), link.head()))
    connection.close()


@pytest.mark.parametrize("record", [OrderDenied(1, "IL1", next(iter(DenialCode)), "", ""), AlarmRaised(1, "C", "", "")])
def test_a_record_of_an_older_schema_that_is_not_said_again_is_named(tmp_path: Path, record: Record) -> None:
    """The comparison reads what was recorded through its migrations, and ends in a difference and not in an error."""
    path = tmp_path / "000001-ABCDEFGH.journal"
    old = msgspec.msgpack.encode(msgspec.msgpack.decode(encode_entry(record))[: -1 if isinstance(record, OrderDenied) else None])
    start = said_at_start()
    record_old_session(path, [*start, (record, 1, old)])
    result = replay_session(path, lambda _: {})
    assert result.code_differs
    assert result.difference is not None
    assert (result.difference.seq, result.difference.recorded) == (3 + len(start), repr(record))


def test_a_session_of_an_older_engine_that_says_the_same_still_says_that_the_code_differs(tmp_path: Path) -> None:
    """Equal records do not make another program the one that recorded them."""
    path = tmp_path / "000001-ABCDEFGH.journal"
    record_old_session(path, said_at_start())
    result = replay_session(path, lambda _: {})
    assert (result.difference, result.code_differs, result.identical) == (None, True, False)


def test_a_record_that_an_older_schema_wrote_otherwise_is_the_same_record(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """What is compared is what the old bytes mean now, not how they were written."""
    path = tmp_path / "000001-ABCDEFGH.journal"
    kind = TradingStateChanged.__name__
    old = [(record, 1, encode_entry(record).replace(b"session started", b"SESSION STARTED")) for record, _, _ in said_at_start()]
    assert any(b"SESSION STARTED" in body for _, _, body in old)
    record_old_session(path, old)
    assert replay_session(path, lambda _: {}).difference is not None
    monkeypatch.setitem(SCHEMA_VERSIONS, kind, 2)
    monkeypatch.setitem(entries._READERS, kind, (2, entries._READERS[kind][1]))
    monkeypatch.setitem(migrations.STEPS, (kind, 1), lambda fields: [*fields[:-1], fields[-1].lower()])
    assert replay_session(path, lambda _: {}).difference is None
