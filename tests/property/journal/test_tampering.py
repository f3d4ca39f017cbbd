"""Nobody changes a journal unnoticed, and no damage crashes the tool that looks for it."""

import contextlib
import shutil
import sqlite3
from contextlib import closing
from pathlib import Path

import pytest
from hypothesis import HealthCheck, assume, given, settings
from hypothesis import strategies as st

from live.core.inputs import ClockTicked
from live.core.records import AlarmRaised
from live.journal import AnchorLog, JournalDamagedError, JournalError, JournalFile, seal_journal, verify_journal

STEPS = 12
RECORDS = 2 * STEPS + 1
FEW = settings(max_examples=60, suppress_health_check=[HealthCheck.function_scoped_fixture])
MANY = settings(max_examples=250, suppress_health_check=[HealthCheck.function_scoped_fixture])


@pytest.fixture(scope="module")
def sealed(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Write a sealed journal with its anchor log beside it."""
    directory = tmp_path_factory.mktemp("sealed")
    with JournalFile.create(directory / "j", session_id="session-1", created_at=1) as journal, AnchorLog(directory / "log") as log:
        for number in range(STEPS):
            journal.append_step(ClockTicked(number), [AlarmRaised(number, "CODE", f"IL{number}", "detail")], (1, number))
            journal.commit()
            if number == STEPS // 2:
                log.anchor(session_id="session-1", commit=journal.tip.commit, seq=journal.tip.seq, head=journal.head, at=1)
        journal.append_snapshot(b"state" * 2_000, STEPS)
        journal.close()
        seal_journal(directory / "j", log, at=2)
    assert verify_journal(directory / "j", directory / "log").sealed
    return directory


def _attack(path: Path, *statements: tuple[str, tuple[object, ...]]) -> None:
    """Change rows as somebody with the file would: lift the triggers, change, put them back."""
    with closing(sqlite3.connect(path, isolation_level=None)) as connection:
        connection.execute("PRAGMA synchronous = OFF")
        triggers = connection.execute("SELECT name, sql FROM sqlite_schema WHERE type = 'trigger'").fetchall()
        for name, _ in triggers:
            connection.execute(f"DROP TRIGGER {name}")
        for statement, parameters in statements:
            connection.execute(statement, parameters)
        for _, sql in triggers:
            connection.execute(sql)


@MANY
@given(data=st.data())
def test_any_flipped_byte_of_a_sealed_journal_is_found(sealed: Path, tmp_path: Path, data: st.DataObject) -> None:
    """The seal covers rows, indexes, headers and unused space alike."""
    content = bytearray((sealed / "j").read_bytes())
    offset = data.draw(st.integers(0, len(content) - 1))
    content[offset] ^= data.draw(st.integers(1, 255))
    (tmp_path / "j").write_bytes(content)
    with pytest.raises(JournalError):
        verify_journal(tmp_path / "j", sealed / "log")


def test_any_flipped_bit_of_the_file_header_is_found(sealed: Path, tmp_path: Path) -> None:
    """The first hundred bytes decide how SQLite reads the rest, so each bit is tried."""
    content = (sealed / "j").read_bytes()
    for bit in range(800):
        flipped = bytearray(content)
        flipped[bit // 8] ^= 1 << bit % 8
        (tmp_path / "j").write_bytes(flipped)
        with pytest.raises(JournalError):
            verify_journal(tmp_path / "j", sealed / "log")
        for leftover in tmp_path.glob("j-*"):
            leftover.unlink()


@MANY
@given(data=st.data())
def test_no_damage_makes_verification_crash(sealed: Path, tmp_path: Path, data: st.DataObject) -> None:
    """Whatever the bytes, the answer is a sentence; without a seal, unused space may change."""
    content = bytearray((sealed / "j").read_bytes())
    for _ in range(data.draw(st.integers(1, 4))):
        offset = data.draw(st.integers(0, len(content) - 1))
        patch = data.draw(st.binary(min_size=1, max_size=64))
        content[offset : offset + len(patch)] = patch
    length = data.draw(st.one_of(st.just(len(content)), st.integers(0, len(content))))
    (tmp_path / "j").write_bytes(content[:length])
    with contextlib.suppress(JournalError):
        verify_journal(tmp_path / "j")
    for leftover in tmp_path.glob("j-*"):
        leftover.unlink()


COLUMNS = {
    "is_output": st.integers(0, 2),
    "kind": st.sampled_from(["ClockTicked", "AlarmRaised", "SnapshotTaken", "Other"]),
    "version": st.integers(0, 3),
    "ts": st.integers(0, 20),
    "segment": st.integers(0, 3),
    "offset": st.integers(0, 20),
    "body": st.binary(max_size=30),
}


@FEW
@given(seq=st.integers(1, RECORDS), column=st.sampled_from(sorted(COLUMNS)), data=st.data())
def test_any_change_of_a_row_is_found_without_anchors(sealed: Path, tmp_path: Path, seq: int, column: str, data: st.DataObject) -> None:
    """Each column of each row is under the chain."""
    shutil.copy(sealed / "j", tmp_path / "j")
    value = data.draw(COLUMNS[column])
    with closing(sqlite3.connect(tmp_path / "j")) as connection:
        assume(connection.execute(f"SELECT {column} FROM records WHERE seq = ?", (seq,)).fetchone() != (value,))
    _attack(tmp_path / "j", (f"UPDATE records SET {column} = ? WHERE seq = ?", (value, seq)))
    with pytest.raises(JournalDamagedError, match="do not give the head"):
        verify_journal(tmp_path / "j")


@FEW
@given(doomed=st.sets(st.integers(1, RECORDS), min_size=1))
def test_any_removal_of_rows_is_found_without_anchors(sealed: Path, tmp_path: Path, doomed: set[int]) -> None:
    """A gap is a gap, at the end too, while the commits are there."""
    shutil.copy(sealed / "j", tmp_path / "j")
    _attack(tmp_path / "j", *((f"DELETE FROM records WHERE seq = {seq}", ()) for seq in doomed))
    with pytest.raises(JournalDamagedError, match=f"seq {min(doomed)} of commit"):
        verify_journal(tmp_path / "j")


@FEW
@given(order=st.permutations(range(1, STEPS + 1)))
def test_any_other_order_of_rows_is_found_without_anchors(sealed: Path, tmp_path: Path, order: list[int]) -> None:
    """What was said second was not said first."""
    assume(order != sorted(order))
    shutil.copy(sealed / "j", tmp_path / "j")
    moves = [("UPDATE records SET seq = seq + 1000 WHERE seq <= ?", (STEPS,))]
    moves += [("UPDATE records SET seq = ? WHERE seq = ?", (place, 1000 + seq)) for place, seq in enumerate(order, start=1)]
    _attack(tmp_path / "j", *moves)
    with pytest.raises(JournalDamagedError, match="do not give the head"):
        verify_journal(tmp_path / "j")


@FEW
@given(kept=st.integers(0, STEPS))
def test_any_cut_at_a_commit_is_found_by_anchor_or_seal(sealed: Path, tmp_path: Path, kept: int) -> None:
    """Whole commits removed from the end leave a chain that holds; what was written down outside says that it went on."""
    shutil.copy(sealed / "j", tmp_path / "j")
    _attack(
        tmp_path / "j",
        ("DELETE FROM snapshots", ()),
        ("DELETE FROM records WHERE seq > ?", (2 * kept,)),
        ("DELETE FROM commits WHERE number > ?", (kept,)),
    )
    assert verify_journal(tmp_path / "j").commits == kept
    with pytest.raises(JournalDamagedError, match="sealed"):
        verify_journal(tmp_path / "j", sealed / "log")
    lines = (sealed / "log").read_text().splitlines(keepends=True)
    (tmp_path / "anchors").write_text("".join(line for line in lines if '"anchor"' in line))
    if kept <= STEPS // 2:
        with pytest.raises(JournalDamagedError, match="was anchored"):
            verify_journal(tmp_path / "j", tmp_path / "anchors")
    else:
        found = verify_journal(tmp_path / "j", tmp_path / "anchors")
        assert found.unanchored_commits == kept - STEPS // 2 - 1
