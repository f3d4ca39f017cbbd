import hashlib
import sqlite3
from collections.abc import Callable
from contextlib import closing
from pathlib import Path

import pytest

from live.core.orders import OrderEvent, OrderState
from live.core.records import OrderTransitioned
from live.journal import AnchorLog, JournalDamagedError, JournalFile, SchemaVersionError, encode_entry, seal_journal, verify_journal
from live.journal.schema import RECORD_COLUMNS, ChainLink

WriteJournal = Callable[[Path, int], JournalFile]


@pytest.fixture
def path(tmp_path: Path, write_journal: WriteJournal) -> Path:
    """Write a journal of five steps and a snapshot: eleven rows in six commits."""
    write_journal(tmp_path / "j", 5)
    return tmp_path / "j"


def _attack(path: Path, *statements: str, rechain: bool = False) -> None:
    """Change a journal as somebody with the file would: lift the triggers, change, put them back, even recompute the chain."""
    with closing(sqlite3.connect(path, isolation_level=None)) as connection:
        triggers = connection.execute("SELECT name, sql FROM sqlite_schema WHERE type = 'trigger'").fetchall()
        for name, _ in triggers:
            connection.execute(f"DROP TRIGGER {name}")
        for statement in statements:
            connection.execute(statement)
        if rechain:
            (head,) = connection.execute("SELECT genesis FROM meta").fetchone()
            for number, first, last in connection.execute("SELECT number, first_seq, last_seq FROM commits ORDER BY number").fetchall():
                link = ChainLink(head)
                query = f"SELECT {RECORD_COLUMNS} FROM records WHERE seq BETWEEN ? AND ? ORDER BY seq"
                link.add_all(connection.execute(query, (first, last)).fetchall())
                head = link.head()
                connection.execute("UPDATE commits SET head = ? WHERE number = ?", (head, number))
        for _, sql in triggers:
            connection.execute(sql)


def _anchor(path: Path, commit: int) -> Path:
    log = path.with_name("anchors.jsonl")
    with closing(sqlite3.connect(path)) as connection, AnchorLog(log) as anchors:
        seq, head = connection.execute("SELECT last_seq, head FROM commits WHERE number = ?", (commit,)).fetchone()
        anchors.anchor(session_id="session-1", commit=commit, seq=seq, head=head, at=1)
    return log


def test_a_whole_journal_is_reported_in_numbers(tmp_path: Path, write_journal: WriteJournal) -> None:
    """A verification says what it looked at."""
    written = write_journal(tmp_path / "j", 5)
    found = verify_journal(tmp_path / "j")
    assert (found.session_id, found.records, found.outputs, found.commits, found.snapshots) == ("session-1", 11, 5, 6, 1)
    assert (found.head, found.parity_digest) == (written.head, written.parity.hexdigest())
    assert (found.anchored_through_seq, found.unanchored_commits, found.unanchored_records, found.sealed) == (0, 6, 11, False)


def test_the_tail_after_the_last_anchor_is_counted(path: Path) -> None:
    """What nothing outside vouches for is no secret."""
    found = verify_journal(path, _anchor(path, 4))
    assert (found.anchored_through_seq, found.unanchored_commits, found.unanchored_records) == (8, 2, 3)


def test_anchors_of_other_sessions_do_not_matter(path: Path) -> None:
    """One anchor log serves every session."""
    log = path.with_name("anchors.jsonl")
    with AnchorLog(log) as anchors:
        anchors.anchor(session_id="session-0", commit=1, seq=2, head="00", at=1)
    assert verify_journal(path, log).anchored_through_seq == 0


def test_a_seal_covers_everything(path: Path) -> None:
    """After an orderly close no tail is left."""
    log = path.with_name("anchors.jsonl")
    with AnchorLog(log) as anchors:
        seal_journal(path, anchors, at=1)
    found = verify_journal(path, log)
    assert (found.sealed, found.anchored_through_seq, found.unanchored_commits, found.unanchored_records) == (True, 11, 0, 0)


OTHER_BODY = encode_entry(OrderTransitioned(0, "", OrderEvent.ACCEPT, OrderState.OPEN, "")).hex()


@pytest.mark.parametrize(
    ("statements", "message"),
    [
        (["UPDATE records SET ts = ts + 1 WHERE seq = 4"], r"rows of commit 2 \(seq 3 to 4\) do not give the head"),
        ([f"UPDATE records SET body = x'{OTHER_BODY}' WHERE seq = 4"], "rows of commit 2"),
        (["UPDATE records SET offset = 9 WHERE seq = 10"], "rows of commit 5"),
        (["UPDATE records SET kind = 'OrderDenied' WHERE seq = 10"], "rows of commit 5"),
        (["UPDATE records SET version = 2 WHERE seq = 10"], "rows of commit 5"),
        (["UPDATE records SET is_output = 0 WHERE seq = 10"], "rows of commit 5"),
        (["DELETE FROM records WHERE seq = 5"], "seq 5 of commit 3 is missing"),
        (["DELETE FROM records WHERE seq = 11"], "seq 11 of commit 6 is missing"),
        (["DELETE FROM records"], "seq 1 of commit 1 is missing"),
        (
            [
                "UPDATE records SET seq = 99 WHERE seq = 3",
                "UPDATE records SET seq = 3 WHERE seq = 5",
                "UPDATE records SET seq = 5 WHERE seq = 99",
            ],
            "rows of commit 2",
        ),
        ([f"INSERT INTO records VALUES (12, 1, 'OrderTransitioned', 1, 0, 1, 9, x'{OTHER_BODY}')"], "seq 12 belongs to no commit"),
        (["UPDATE commits SET head = 'ab' WHERE number = 3"], "rows of commit 3"),
        (["UPDATE commits SET last_seq = 5 WHERE number = 2"], "rows of commit 2"),
        (["UPDATE commits SET first_seq = 4 WHERE number = 2"], "commit 2 claims seq 4 to 4 after seq 2"),
        (["DELETE FROM commits WHERE number = 3"], "commit 3 is missing"),
        (["DELETE FROM commits WHERE number = 6"], "seq 11 belongs to no commit"),
        (["DELETE FROM snapshots"], "the snapshot at seq 11 is missing"),
        (["UPDATE snapshots SET body = x'00'"], "the snapshot at seq 11 is not the one"),
        (["UPDATE snapshots SET seq = 3"], "the snapshot at seq 3 has no row in the chain"),
        (["INSERT INTO snapshots VALUES (12, '', x'00')"], "the snapshot at seq 12 has no row"),
        (["CREATE TABLE notes (text)"], "none of a journal's"),
        (["UPDATE meta SET session_id = 'session-2'"], "was changed"),
        (["UPDATE meta SET durable = 0"], "was changed"),
    ],
)
def test_every_edit_is_found_and_its_place_named(path: Path, statements: list[str], message: str) -> None:
    """Somebody who lifts the triggers and puts them back still leaves a chain that does not hold."""
    _attack(path, *statements)
    with pytest.raises(JournalDamagedError, match=message):
        verify_journal(path)


def test_what_sqlite_finds_wrong_with_its_own_pages_is_said(path: Path) -> None:
    """It names the page, which helps whoever looks for the cause."""
    data = bytearray(path.read_bytes())
    data[-4096:] = b"\xff" * 4096
    path.write_bytes(data)
    with pytest.raises(JournalDamagedError, match=r"is damaged: SQLite finds [\s\S]*Page \d"):
        verify_journal(path)


def test_a_text_that_sqlite_cannot_give_out_names_the_journal(path: Path) -> None:
    """SQLite itself finds no fault with such a text, and its complaint names no file."""
    _attack(path, "UPDATE records SET kind = CAST(x'ff' AS TEXT) WHERE seq = 4")
    with pytest.raises(JournalDamagedError, match=f"SQLite cannot read the journal {path} .*UTF-8"):
        verify_journal(path)


@pytest.mark.parametrize("trigger", ["records_no_update", "commits_no_delete", "meta_no_replace"])
def test_a_missing_trigger_is_found(path: Path, trigger: str) -> None:
    """A journal that could be changed by mistake is no longer one."""
    with closing(sqlite3.connect(path)) as connection:
        connection.execute(f"DROP TRIGGER {trigger}")
    with pytest.raises(JournalDamagedError, match=trigger):
        verify_journal(path)


@pytest.mark.parametrize(
    ("statement", "message"),
    [
        (f"UPDATE records SET ts = 0, body = x'{OTHER_BODY}' WHERE seq = 4", "head"),
        ("UPDATE records SET offset = 9 WHERE seq = 11", "head"),
    ],
)
def test_a_recomputed_chain_is_found_by_an_anchor(path: Path, statement: str, message: str) -> None:
    """Whoever can rewrite the journal cannot rewrite what was written down elsewhere."""
    log = _anchor(path, 6)
    _attack(path, statement, rechain=True)
    verify_journal(path)
    with pytest.raises(JournalDamagedError, match=f"commit 6 ends at seq 11, {message}"):
        verify_journal(path, log)


def test_a_journal_cut_off_before_an_anchor_is_found(path: Path) -> None:
    """Removing the end leaves a chain that holds, but not one that reaches its anchor."""
    log = _anchor(path, 4)
    _attack(path, "DELETE FROM snapshots", "DELETE FROM records WHERE seq > 6", "DELETE FROM commits WHERE number > 3")
    assert verify_journal(path).commits == 3
    with pytest.raises(JournalDamagedError, match=r"ends at commit 3 \(seq 6\), but commit 4 \(seq 8\) was anchored"):
        verify_journal(path, log)


def test_a_journal_cut_off_at_its_anchor_is_found_by_its_seal(path: Path) -> None:
    """An orderly close leaves no place to cut."""
    log = _anchor(path, 4)
    with AnchorLog(log) as anchors:
        seal_journal(path, anchors, at=1)
    _attack(path, "DELETE FROM snapshots", "DELETE FROM records WHERE seq > 8", "DELETE FROM commits WHERE number > 4")
    with pytest.raises(JournalDamagedError, match="it was sealed with"):
        verify_journal(path, log)


def test_a_second_seal_does_not_replace_the_first(path: Path) -> None:
    """All seals of a session must agree with the file."""
    log = path.with_name("anchors.jsonl")
    with AnchorLog(log) as anchors:
        seal_journal(path, anchors, at=1)
        _attack(path, "UPDATE records SET offset = 9 WHERE seq = 11", rechain=True)
        digest = hashlib.sha256(path.read_bytes()).hexdigest()
        anchors.seal(session_id="session-1", file_sha256=digest, head="00", at=2)
    with pytest.raises(JournalDamagedError, match="it was sealed with"):
        verify_journal(path, log)


@pytest.mark.parametrize(
    ("statement", "message"),
    [
        ("UPDATE records SET body = x'c1' WHERE seq = 4", "damaged at seq 4: the body is no OrderTransitioned"),
        ("UPDATE records SET ts = 7 WHERE seq = 4", "seq 4 stands at 7"),
        ("UPDATE records SET is_output = 1 WHERE seq = 3", "seq 3 has is_output 1, which no ClockTicked has"),
        ("UPDATE records SET segment = 0 WHERE seq = 4", "seq 4 lies at tape position"),
        ("UPDATE records SET segment = 0 WHERE seq = 1", "seq 1 lies at tape position"),
    ],
)
def test_rows_that_contradict_themselves_are_found_under_a_chain_that_holds(path: Path, statement: str, message: str) -> None:
    """A chain says that rows are the ones committed, not that they make sense."""
    _attack(path, statement, rechain=True)
    with pytest.raises(JournalDamagedError, match=message):
        verify_journal(path)


def test_rows_of_a_newer_program_are_not_called_damaged(path: Path) -> None:
    """Not knowing is told apart from damage."""
    _attack(path, "UPDATE records SET version = 9 WHERE seq = 4", rechain=True)
    with pytest.raises(SchemaVersionError, match="written as version 9"):
        verify_journal(path)


def test_progress_is_told(tmp_path: Path, record: Callable[[int], OrderTransitioned]) -> None:
    """A long verification says how far it is."""
    with JournalFile.create(tmp_path / "j", session_id="s", durable=False) as journal:
        for number in range(5_000):
            journal.append_step(None, [record(number)], (1, number))
            if number % 500 == 499:
                journal.commit()
    told: list[tuple[int, int]] = []
    verify_journal(tmp_path / "j", progress=lambda done, total: told.append((done, total)))
    assert told == [(2_000, 5_000), (4_000, 5_000)]


def test_what_is_written_during_a_verification_does_not_mislead_it(tmp_path: Path, record: Callable[[int], OrderTransitioned]) -> None:
    """Rows and snapshots are seen as of one moment, whatever the session commits meanwhile."""
    with JournalFile.create(tmp_path / "j", session_id="s") as journal:
        for number in range(2_500):
            journal.append_step(None, [record(number)], (1, number))
            if number % 500 == 499:
                journal.commit()

        def write_more(done: int, total: int) -> None:
            assert (done, total) == (2_000, 2_500)
            journal.append_snapshot(b"the state", 9)
            journal.commit()

        assert verify_journal(tmp_path / "j", progress=write_more).records == 2_500
        assert verify_journal(tmp_path / "j", progress=lambda _, __: None).snapshots == 1


def test_a_journal_is_verified_while_it_is_written(tmp_path: Path, record: Callable[[int], OrderTransitioned]) -> None:
    """Checking a running session neither stops it nor is misled by it."""
    with JournalFile.create(tmp_path / "j", session_id="s") as journal:
        for number in range(1, 6):
            journal.append_step(None, [record(number)], (1, number))
            journal.commit()
            assert verify_journal(tmp_path / "j").head == journal.head
