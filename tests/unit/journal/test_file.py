import contextlib
import gc
import sqlite3
import stat
import tempfile
from collections.abc import Callable, Iterator
from contextlib import closing
from pathlib import Path

import pytest

from live.core.inputs import Bar, ClockTicked
from live.core.records import OrderTransitioned
from live.journal import (
    EntryError,
    JournalBusyError,
    JournalError,
    JournalExistsError,
    JournalFailedError,
    JournalFile,
    JournalReader,
    decode_entry,
)

MakeRecord = Callable[[int], OrderTransitioned]
MakeTick = Callable[[int], ClockTicked]


def test_a_step_gets_consecutive_numbers_with_its_input_first(tmp_path: Path, record: MakeRecord, tick: MakeTick) -> None:
    """Cause and effects of one step stand next to each other."""
    with JournalFile.create(tmp_path / "j", session_id="s") as journal:
        assert journal.append_step(tick(1), [record(1), record(2)], (1, 0)) == 3
        assert journal.append_step(None, [record(3)], (1, 1)) == 4
        journal.commit()
        with JournalReader(tmp_path / "j") as reader:
            rows = list(reader.rows())
    assert [(row.seq, row.kind, row.is_output, (row.segment, row.offset)) for row in rows] == [
        (1, "ClockTicked", False, (1, 0)),
        (2, "OrderTransitioned", True, (1, 0)),
        (3, "OrderTransitioned", True, (1, 0)),
        (4, "OrderTransitioned", True, (1, 1)),
    ]
    assert rows[0].entry() == tick(1)
    assert rows[3].entry() == record(3)


def test_nothing_is_durable_before_a_commit(tmp_path: Path, record: MakeRecord) -> None:
    """Appending only collects."""
    with JournalFile.create(tmp_path / "j", session_id="s") as journal:
        journal.append_step(None, [record(1)], (1, 1))
        assert (journal.last_seq, journal.durable_seq) == (1, 0)
        with JournalReader(tmp_path / "j") as reader:
            assert list(reader.rows()) == []
        assert journal.commit() == 1
        assert journal.durable_seq == 1


def _connection_to(path: Path) -> sqlite3.Connection:
    for found in gc.get_objects():
        if isinstance(found, sqlite3.Connection):
            with contextlib.suppress(sqlite3.Error):  # closed, or of another thread
                if found.execute("PRAGMA database_list").fetchone()[2] == str(path):
                    return found
    raise AssertionError(f"nothing has {path} open")


@pytest.mark.parametrize(("durable", "mode", "level"), [(True, "wal", 2), (False, "memory", 0)])
def test_a_durable_journal_syncs_every_commit_and_a_replay_none(tmp_path: Path, durable: bool, mode: str, level: int) -> None:
    """SQLite is asked on the journal's own connection; only a power cut could show more."""
    with JournalFile.create(tmp_path / "j", session_id="s", durable=durable):
        connection = _connection_to(tmp_path / "j")
        assert connection.execute("PRAGMA journal_mode").fetchone() == (mode,)
        assert connection.execute("PRAGMA synchronous").fetchone() == (level,)


def test_a_commit_of_nothing_changes_nothing(tmp_path: Path, record: MakeRecord) -> None:
    """The chain grows only with rows."""
    with JournalFile.create(tmp_path / "j", session_id="s") as journal:
        journal.append_step(None, [record(1)], (1, 1))
        journal.commit()
        tip = journal.tip
        assert journal.append_step(None, [], (1, 2)) == 1
        assert journal.commit() == 1
        assert journal.tip == tip


@pytest.mark.parametrize("steps", [1, 127, 128, 129, 300])
def test_a_commit_of_any_size_holds_every_row(tmp_path: Path, record: MakeRecord, steps: int) -> None:
    """Rows go in by the hundred and one by one; none is lost at the seam."""
    with JournalFile.create(tmp_path / "j", session_id="s", durable=False) as journal:
        for number in range(steps):
            journal.append_step(None, [record(number)], (1, number))
    with JournalReader(tmp_path / "j") as reader:
        assert [row.entry() for row in reader.rows()] == [record(number) for number in range(steps)]


@pytest.mark.parametrize("durable", [True, False])
def test_a_row_of_another_program_fails_the_commit(tmp_path: Path, record: MakeRecord, durable: bool) -> None:
    """A row stands under the number that its chain and its step know it by, or nowhere."""
    with JournalFile.create(tmp_path / "j", session_id="s", durable=durable) as journal:
        journal.append_step(None, [record(1)], (1, 1))
        journal.commit()
        with closing(sqlite3.connect(tmp_path / "j", isolation_level=None)) as connection:
            connection.execute("INSERT INTO records VALUES (2, 1, 'x', 1, 1, 1, 1, x'00')")
        journal.append_step(None, [record(2), record(3)], (1, 2))
        with pytest.raises(JournalFailedError):
            journal.commit()
    with closing(sqlite3.connect(tmp_path / "j")) as connection:
        assert connection.execute("SELECT max(seq) FROM records").fetchone() == (2,)


def test_the_log_beside_a_journal_begins_anew_after_four_mebibytes(tmp_path: Path, record: MakeRecord) -> None:
    """A session of days would else leave a log that a restart has to read whole; rows and snapshots count."""
    log, sizes = tmp_path / "j-wal", []
    with JournalFile.create(tmp_path / "j", session_id="s") as journal:
        for number in range(12):
            journal.append_step(None, [record(number)], (1, number))
            journal.append_snapshot(bytes(1024 * 1024), number)
            journal.commit()
            sizes.append(log.stat().st_size // (1024 * 1024))
    assert sizes[:4] == [1, 2, 3, 4]
    assert max(sizes) <= 5
    with JournalReader(tmp_path / "j") as reader:
        assert reader.last_commit() == (12, 23, 24, journal.head)


def test_after_a_full_disk_nothing_is_taken(tmp_path: Path, record: MakeRecord) -> None:
    """What a failed commit left behind cannot be known, so it is not tried again; what was durable before stays."""
    journal = JournalFile.create(tmp_path / "j", session_id="s")
    journal.append_step(None, [record(1)], (1, 1))
    journal.commit()
    connection = _connection_to(tmp_path / "j")
    (pages,) = connection.execute("PRAGMA page_count").fetchone()
    connection.execute(f"PRAGMA max_page_count = {pages}").fetchone()
    journal.append_snapshot(bytes(100_000), 2)
    for refused in (journal.commit, journal.commit, lambda: journal.append_step(None, [record(2)], (1, 2))):
        with pytest.raises(JournalFailedError, match=r"the disk failed under the journal .* \(database or disk is full\)"):
            refused()
    journal.close()
    with JournalReader(tmp_path / "j") as reader:
        assert [row.entry() for row in reader.rows()] == [record(1)]


def test_a_journal_is_never_created_over_anything(tmp_path: Path) -> None:
    """An existing file stays as it is."""
    (tmp_path / "j").write_text("precious")
    with pytest.raises(JournalExistsError, match="exists"):
        JournalFile.create(tmp_path / "j", session_id="s")
    assert (tmp_path / "j").read_text() == "precious"
    assert [path.name for path in tmp_path.iterdir()] == ["j"]


def test_a_journal_is_built_beside_its_place(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The directory for temporary files may be on another disk, from which nothing can be linked, or full."""
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path / "nowhere"))
    JournalFile.create(tmp_path / "j", session_id="s").close()
    assert [path.name for path in tmp_path.iterdir()] == ["j"]


def test_a_journal_that_cannot_be_created_says_so(tmp_path: Path) -> None:
    """The operating system's refusal becomes one sentence."""
    (tmp_path / "file").write_text("")
    with pytest.raises(JournalFailedError, match="no journal could be created"):
        JournalFile.create(tmp_path / "file" / "j", session_id="s")


def test_only_its_owner_may_read_a_journal(tmp_path: Path, record: MakeRecord) -> None:
    """Positions and limits are nobody else's business, in the write-ahead log too."""
    with JournalFile.create(tmp_path / "j", session_id="s") as journal:
        journal.append_step(None, [record(1)], (1, 1))
        journal.commit()
        assert {stat.S_IMODE(path.stat().st_mode) for path in tmp_path.iterdir()} == {0o600}


@pytest.mark.parametrize(
    "statement",
    [
        f"{action} {table}{rest}"
        for table, column in (("meta", "session_id"), ("records", "ts"), ("commits", "head"), ("snapshots", "digest"))
        for action, rest in (("UPDATE", f" SET {column} = 7"), ("DELETE FROM", ""), ("INSERT OR REPLACE INTO", f" SELECT * FROM {table}"))
    ],
)
def test_every_table_refuses_change_and_removal(tmp_path: Path, write_journal: Callable[[Path, int], JournalFile], statement: str) -> None:
    """Whoever opens the file with SQLite cannot change a row by mistake."""
    write_journal(tmp_path / "j", 2)
    with closing(sqlite3.connect(tmp_path / "j")) as connection, pytest.raises(sqlite3.IntegrityError, match="append-only"):
        connection.execute(statement)


def test_the_tape_position_never_goes_back(tmp_path: Path, record: MakeRecord) -> None:
    """Rows and tape can be put in one order only."""
    with JournalFile.create(tmp_path / "j", session_id="s") as journal:
        journal.append_step(None, [record(1)], (2, 0))
        with pytest.raises(JournalError, match=r"received \(1, 99\) after \(2, 0\)"):
            journal.append_step(None, [record(2)], (1, 99))


def test_a_step_that_cannot_be_journaled_leaves_nothing(tmp_path: Path, record: MakeRecord, bar: Callable[[int], Bar]) -> None:
    """A step is in the journal whole or not at all."""
    with JournalFile.create(tmp_path / "j", session_id="s") as journal:
        with pytest.raises(EntryError, match=r"^Bar\(.*market data goes to the tape"):
            journal.append_step(bar(1), [record(1)], (1, 1))
        with pytest.raises(EntryError, match="integers must fit 64 bits"):
            journal.append_step(None, [record(1), OrderTransitioned(2**70, "", record(1).event, record(1).state, "")], (1, 1))
        assert journal.last_seq == 0
        assert journal.append_step(None, [record(1)], (1, 1)) == 1


@pytest.mark.parametrize("error", [KeyboardInterrupt, MemoryError, TypeError])
def test_what_cannot_be_appended_takes_nothing_else_along(tmp_path: Path, record: MakeRecord, error: type[BaseException]) -> None:
    """Steps before it that wait for their commit stay, whatever it was that broke off in the middle, and nothing of it does."""

    def broken() -> Iterator[OrderTransitioned]:
        yield record(2)
        raise error

    class Broken(tuple[OrderTransitioned, ...]):
        __slots__ = ()

        def __iter__(self) -> Iterator[OrderTransitioned]:
            return broken()

    with JournalFile.create(tmp_path / "j", session_id="s") as journal:
        assert journal.append_step(None, [record(0), record(1)], (1, 1)) == 2
        with pytest.raises(EntryError if error is TypeError else error):
            journal.append_step(None, Broken(), (1, 2))
        assert [row[0] for row in journal.uncommitted] == [1, 2]
        assert journal.append_step(None, [record(3)], (1, 1)) == 3
    with JournalReader(tmp_path / "j") as reader:
        assert [row.entry() for row in reader.rows()] == [record(0), record(1), record(3)]


def test_a_snapshot_is_chained_by_its_digest(tmp_path: Path, record: MakeRecord) -> None:
    """The snapshot's row is neither an input nor part of what the engine said."""
    with JournalFile.create(tmp_path / "j", session_id="s") as journal:
        journal.append_step(None, [record(1)], (1, 7))
        assert journal.append_snapshot(b"the state", 99) == 2
        journal.commit()
        with JournalReader(tmp_path / "j") as reader:
            row = list(reader.rows())[-1]
            assert reader.last_snapshot() == (2, b"the state")
        assert journal.parity.count == 1
    assert (row.kind, row.is_output, row.ts, row.segment, row.offset) == ("SnapshotTaken", False, 99, 1, 7)
    assert decode_entry(row.kind, row.version, row.body) == row.entry()


def test_closing_commits_and_leaves_one_plain_file(tmp_path: Path, record: MakeRecord) -> None:
    """No write-ahead log remains that a copy of the file would miss."""
    journal = JournalFile.create(tmp_path / "j", session_id="s")
    journal.append_step(None, [record(1)], (1, 1))
    journal.close()
    journal.close()
    assert [path.name for path in tmp_path.iterdir()] == ["j"]
    with closing(sqlite3.connect(tmp_path / "j")) as connection:
        assert connection.execute("PRAGMA journal_mode").fetchone() == ("delete",)
    with JournalReader(tmp_path / "j") as reader:
        assert len(list(reader.rows())) == 1


def test_a_closed_journal_takes_nothing(tmp_path: Path, record: MakeRecord) -> None:
    """One session, one file."""
    journal = JournalFile.create(tmp_path / "j", session_id="s")
    journal.close()
    for use in (lambda: journal.append_step(None, [record(1)], (1, 1)), lambda: journal.append_snapshot(b"", 1), journal.commit):
        with pytest.raises(JournalError, match="is closed"):
            use()


def test_closing_under_a_reader_says_that_the_journal_is_complete(tmp_path: Path, record: MakeRecord) -> None:
    """The last file form needs the file alone; nothing is lost when it cannot be had."""
    journal = JournalFile.create(tmp_path / "j", session_id="s")
    journal.append_step(None, [record(1)], (1, 1))
    with JournalReader(tmp_path / "j") as reader:
        next(reader.rows(), None)
        with pytest.raises(JournalBusyError, match="is complete, but a reader holds it"):
            journal.close()
        assert len(list(reader.rows())) == 1


def test_abandoning_drops_what_was_not_committed(tmp_path: Path, record: MakeRecord) -> None:
    """Only commits count."""
    journal = JournalFile.create(tmp_path / "j", session_id="s")
    journal.append_step(None, [record(1)], (1, 1))
    journal.commit()
    journal.append_step(None, [record(2)], (1, 2))
    journal.abandon()
    with JournalReader(tmp_path / "j") as reader:
        assert len(list(reader.rows())) == 1


def test_the_chain_begins_from_the_session_and_its_predecessor(tmp_path: Path) -> None:
    """A journal cannot be passed off as another session's, or put after another one."""
    heads = set[str]()
    for number, (session_id, predecessor) in enumerate((("a", ""), ("b", ""), ("a", "00"), ("a00", ""))):
        with JournalFile.create(tmp_path / str(number), session_id=session_id, predecessor_head=predecessor, created_at=1) as journal:
            heads.add(journal.head)
    assert len(heads) == 4


def test_the_first_session_has_no_predecessor(tmp_path: Path) -> None:
    """Unless one is named, the chain continues nothing."""
    with JournalFile.create(tmp_path / "j", session_id="s") as journal:
        assert journal.meta.predecessor_head == ""


def test_the_same_session_committed_the_same_way_gives_the_same_head(
    tmp_path: Path, write_journal: Callable[[Path, int], JournalFile]
) -> None:
    """Nothing but what was recorded enters the chain."""
    assert write_journal(tmp_path / "a", 3).head == write_journal(tmp_path / "b", 3).head


def test_an_abandoned_journal_can_be_read_at_once(tmp_path: Path, record: MakeRecord) -> None:
    """What a crash leaves is a journal."""
    journal = JournalFile.create(tmp_path / "j", session_id="s")
    journal.append_step(None, [record(1)], (1, 1))
    journal.commit()
    journal.abandon()
    with JournalReader(tmp_path / "j") as reader:
        assert reader.head == journal.head
        assert reader.meta.session_id == "s"


def test_collected_steps_become_the_rows_that_one_after_the_other_would_give(tmp_path: Path, record: MakeRecord, tick: MakeTick) -> None:
    """However they are appended: when asked for, with the next step, before a snapshot, or by the commit."""
    steps = [(tick(1), [record(1), record(2)], (1, 0)), (None, [record(3)], (1, 1)), (tick(4), [], (2, 0)), (None, [record(5)], (2, 7))]
    with JournalFile.create(tmp_path / "one", session_id="s", created_at=1) as one:
        for step in steps:
            one.append_step(*step)
        one.append_snapshot(b"state", 5)
        one.append_step(*steps[3])
        one.append_step(*steps[3])
    with JournalFile.create(tmp_path / "other", session_id="s", created_at=1) as other:
        collected = other.collected
        collected += steps[:2]
        other.append_collected()
        assert (len(collected), len(other.uncommitted)) == (0, 4)
        collected.append(steps[2])
        assert other.append_step(*steps[3]) == 6
        assert other.append_snapshot(b"state", 5) == 7
        collected.append(steps[3])
        assert other.last_seq == 8
        collected.append(steps[3])
        assert other.commit() == 9
    with JournalReader(tmp_path / "one") as old, JournalReader(tmp_path / "other") as new:
        assert list(old.rows()) == list(new.rows())
    assert one.parity.hexdigest() == other.parity.hexdigest()
    assert one.head == other.head


def test_of_collected_steps_those_before_a_faulty_one_stay(tmp_path: Path, record: MakeRecord) -> None:
    """What follows a step that cannot be journaled is not in the journal without it."""
    with JournalFile.create(tmp_path / "j", session_id="s") as journal:
        for fault in ((None, [record(2), object()], (1, 2)), (None, [record(2)], (0, 9))):
            journal.collected += [(None, [record(1)], (1, 1)), fault, (None, [record(3)], (1, 3))]
            with pytest.raises(JournalError):
                journal.append_collected()
            assert not journal.collected
        assert journal.append_step(None, [record(4)], (1, 1)) == 3
        journal.collected += [(None, [record(5)], (1, 5)), (None, [object()], (1, 6))]
        with pytest.raises(EntryError):
            journal.close()
    with JournalReader(tmp_path / "j") as reader:
        assert [row.entry() for row in reader.rows()] == [record(1), record(1), record(4), record(5)]


def test_collected_steps_are_refused_by_a_journal_that_is_over(tmp_path: Path, record: MakeRecord) -> None:
    """As a step that is appended at once is."""
    journal = JournalFile.create(tmp_path / "j", session_id="s")
    journal.close()
    journal.collected.append((None, [record(1)], (1, 1)))
    with pytest.raises(JournalError, match="closed"):
        journal.append_collected()
