import sqlite3
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing
from pathlib import Path

import pytest

from live.core.records import OrderTransitioned
from live.journal import JournalDamagedError, JournalFile, JournalReader, NotAJournalError, SchemaVersionError

WriteJournal = Callable[[Path, int], JournalFile]


@pytest.fixture
def path(tmp_path: Path, write_journal: WriteJournal) -> Path:
    """Write a journal of five steps and a snapshot: eleven rows in six commits."""
    write_journal(tmp_path / "j", 5)
    return tmp_path / "j"


def _change(path: Path, *statements: str) -> None:
    with closing(sqlite3.connect(path, isolation_level=None)) as connection:
        for (name,) in connection.execute("SELECT name FROM sqlite_schema WHERE type = 'trigger'").fetchall():
            connection.execute(f"DROP TRIGGER {name}")
        for statement in statements:
            connection.execute(statement)


def test_rows_come_in_sequence(path: Path) -> None:
    """The order of a journal is the order of its sequence numbers."""
    with JournalReader(path) as reader:
        assert [row.seq for row in reader.rows()] == list(range(1, 12))


def test_a_journal_without_its_commits_is_damaged_and_named(path: Path) -> None:
    """The error says which file to restore."""
    _change(path, "DROP TABLE commits")
    with JournalReader(path) as reader, pytest.raises(JournalDamagedError, match=rf"cannot read the journal {path} \(no such table"):
        reader.last_commit()


def test_rows_can_be_chosen_by_place_kind_and_number(path: Path) -> None:
    """A question about a journal need not read all of it."""
    with JournalReader(path) as reader:
        assert [row.seq for row in reader.rows(after_seq=9)] == [10, 11]
        assert [row.seq for row in reader.rows(kinds=["ClockTicked"])] == [1, 3, 5, 7, 9]
        assert [row.seq for row in reader.rows(kinds=["SnapshotTaken", "ClockTicked"], after_seq=8)] == [9, 11]
        assert [row.seq for row in reader.rows(kinds=[])] == []
        assert [row.seq for row in reader.rows(newest_first=True, limit=2)] == [11, 10]
        assert [row.seq for row in reader.rows(limit=0)] == []


def test_a_journal_tells_its_session_and_head(tmp_path: Path, write_journal: WriteJournal) -> None:
    """What the next session begins from can be read back."""
    written = write_journal(tmp_path / "j", 5)
    with JournalReader(tmp_path / "j") as reader:
        assert reader.meta == written.meta
        assert reader.head == written.head
        assert [commit.number for commit in reader.commits()] == [1, 2, 3, 4, 5, 6]
        assert [(commit.first_seq, commit.last_seq) for commit in reader.commits()][-2:] == [(9, 10), (11, 11)]
        assert reader.parity_digest().hexdigest() == written.parity.hexdigest()
        assert reader.parity_digest().count == 5


def test_an_empty_journal_has_a_head_and_nothing_else(tmp_path: Path) -> None:
    """The chain begins before the first row."""
    with JournalFile.create(tmp_path / "j", session_id="s") as journal:
        genesis = journal.head
    with JournalReader(tmp_path / "j") as reader:
        assert (reader.head, reader.last_commit(), reader.last_snapshot(), list(reader.rows())) == (genesis, None, None, [])


def test_the_first_and_the_last_snapshot_are_found(tmp_path: Path, record: Callable[[int], OrderTransitioned]) -> None:
    """A replay begins from the first, a restart from the last."""
    with JournalFile.create(tmp_path / "j", session_id="s") as journal:
        journal.append_snapshot(b"opening", 1)
        journal.append_step(None, [record(1)], (1, 1))
        journal.append_snapshot(b"closing", 2)
    with JournalReader(tmp_path / "j") as reader:
        assert reader.first_snapshot() == (1, b"opening")
        assert reader.last_snapshot() == (3, b"closing")


@pytest.mark.parametrize(
    "statement",
    [
        "UPDATE snapshots SET body = x'00'",
        "UPDATE snapshots SET body = x'00', digest = '6e340b9cffb37a989ca544e6bb780a2c78901d3fb33738768511a30617afa01d'",
        "UPDATE snapshots SET seq = 3",
        "DELETE FROM records WHERE seq = 11",
    ],
)
def test_a_snapshot_that_was_not_chained_is_not_given_out(path: Path, statement: str) -> None:
    """Nobody restarts from a state that somebody put there."""
    _change(path, statement)
    with JournalReader(path) as reader, pytest.raises(JournalDamagedError, match="is not the one that was chained"):
        reader.last_snapshot()


def test_a_snapshot_that_sqlite_cannot_find_names_the_journal(path: Path) -> None:
    """Its complaint alone names no file."""
    _change(path, "ALTER TABLE snapshots RENAME TO others")
    with JournalReader(path) as reader, pytest.raises(JournalDamagedError, match=f"SQLite cannot read the journal {path} "):
        reader.last_snapshot()


def test_a_journal_is_read_while_it_is_written(tmp_path: Path, record: Callable[[int], OrderTransitioned]) -> None:
    """An audit query need not wait for the session to end."""
    with JournalFile.create(tmp_path / "j", session_id="s") as journal, JournalReader(tmp_path / "j") as reader:
        for number in range(1, 4):
            journal.append_step(None, [record(number)], (1, number))
            journal.commit()
            assert [row.seq for row in reader.rows()] == list(range(1, number + 1))
            assert reader.head == journal.head


def test_nothing_can_be_written_through_a_reader(path: Path) -> None:
    """Reading leaves every byte as it is."""
    before = path.read_bytes()
    with JournalReader(path) as reader:
        list(reader.rows())
        reader.last_snapshot()
    assert path.read_bytes() == before
    assert [found.name for found in path.parent.iterdir()] == ["j"]


def test_a_missing_file_is_no_journal(tmp_path: Path) -> None:
    """Reading never makes a file."""
    with pytest.raises(NotAJournalError, match="No such file"):
        JournalReader(tmp_path / "j")
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("content", [b"", b"hello", b"SQLite format 2\x00"])
def test_another_file_is_no_journal(tmp_path: Path, content: bytes) -> None:
    """What is not SQLite is told apart from damage."""
    (tmp_path / "j").write_bytes(content)
    with pytest.raises(NotAJournalError, match="does not begin like a SQLite file"):
        JournalReader(tmp_path / "j")


def test_another_sqlite_file_is_no_journal(tmp_path: Path) -> None:
    """The header says whose file it is."""
    with closing(sqlite3.connect(tmp_path / "j")) as connection:
        connection.execute("CREATE TABLE records (seq INTEGER)")
    with pytest.raises(NotAJournalError, match="a SQLite file but no journal"):
        JournalReader(tmp_path / "j")


def test_a_newer_journal_is_refused_by_its_version(path: Path) -> None:
    """Tables of a newer program are not guessed at."""
    _change(path, "UPDATE meta SET journal_schema = 2")
    with pytest.raises(SchemaVersionError, match="journal schema 2, this program reads up to 1"):
        JournalReader(path)


@pytest.mark.parametrize(
    "statement", ["UPDATE meta SET session_id = 'other'", "UPDATE meta SET predecessor_head = 'aa'", "UPDATE meta SET created_at = 1"]
)
def test_a_changed_meta_row_is_damage(path: Path, statement: str) -> None:
    """A journal cannot be given to another session."""
    _change(path, statement)
    with pytest.raises(JournalDamagedError, match="was changed"):
        JournalReader(path)


def test_a_missing_meta_row_is_damage(path: Path) -> None:
    """A journal without a session is none to trust."""
    _change(path, "DELETE FROM meta")
    with pytest.raises(JournalDamagedError, match="lacks the row"):
        JournalReader(path)


def test_a_file_that_sqlite_cannot_read_is_damage(path: Path) -> None:
    """SQLite's complaint reaches a person as a sentence about the journal."""
    data = bytearray(path.read_bytes())
    data[4096:8192] = b"\xff" * 4096
    path.write_bytes(data)
    with pytest.raises(JournalDamagedError, match="SQLite cannot read the journal"), JournalReader(path) as reader:
        list(reader.rows())


@pytest.mark.parametrize("index", ["missing", "zeroed", "torn", "empty"])
def test_a_crash_in_the_middle_of_the_logs_index_loses_nothing(
    tmp_path: Path, record: Callable[[int], OrderTransitioned], index: str
) -> None:
    """Whatever a crash left of SQLite's shared index, every commit in the write-ahead log is read."""
    journal = JournalFile.create(tmp_path / "live", session_id="session-1", predecessor_head="", created_at=0)
    journal.append_step(None, [record(1)], (1, 1))
    journal.commit()
    crashed = tmp_path / "crashed"
    for suffix in ("", "-wal", "-shm"):
        Path(f"{crashed}{suffix}").write_bytes(Path(f"{tmp_path / 'live'}{suffix}").read_bytes())
    journal.close()
    shared = Path(f"{crashed}-shm")
    if index == "missing":
        shared.unlink()
    elif index == "zeroed":
        shared.write_bytes(bytes(32_768))
    elif index == "torn":
        shared.write_bytes(shared.read_bytes()[:40] + bytes(32_728))
    else:
        shared.write_bytes(b"")
    with JournalReader(crashed) as reader:
        assert [row.seq for row in reader.rows()] == [1]
        with pytest.raises(sqlite3.Error):
            reader._connection.execute("DELETE FROM records")


def test_a_crash_in_the_middle_of_closing_is_rolled_back(path: Path, tmp_path: Path) -> None:
    """A half-done change of SQLite's own, such as leaving write-ahead mode, is undone when the journal is read."""
    crashed = tmp_path / "crashed"
    with closing(sqlite3.connect(path, isolation_level=None)) as connection:
        connection.execute("PRAGMA cache_size = 1")
        connection.execute("BEGIN IMMEDIATE")
        for seq in range(100, 400):
            connection.execute("INSERT INTO records VALUES (?, 1, 'OrderTransitioned', 1, 0, 1, 1, ?)", (seq, bytes(2_000)))
        for suffix in ("", "-journal"):
            Path(f"{crashed}{suffix}").write_bytes(Path(f"{path}{suffix}").read_bytes())
        connection.execute("ROLLBACK")
    assert crashed.stat().st_size > path.stat().st_size, "part of the change had reached the file"
    with JournalReader(crashed) as reader:
        assert [row.seq for row in reader.rows()] == list(range(1, 12))


def test_a_reader_may_be_handed_to_another_thread(path: Path) -> None:
    """The service opens a journal on one thread and answers from it on others."""
    with JournalReader(path) as reader, ThreadPoolExecutor(1) as pool:
        assert pool.submit(lambda: len(list(reader.rows()))).result() == 11
