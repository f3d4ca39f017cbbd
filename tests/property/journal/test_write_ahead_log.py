"""A log that a crash tore is told from one in which a bit flipped, wherever that is."""

import shutil
import struct
from pathlib import Path
from typing import NamedTuple

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from live.core.inputs import ClockTicked
from live.journal import JournalDamagedError, JournalFile, verify_journal
from live.journal.write_ahead_log import refuse_damaged_log

FRAME_BYTES = 24 + 4096
HEADER_BYTES = 32


class Crashed(NamedTuple):
    """Hold what a killed session left: the journal's file, its log, and where the log's last commit begins."""

    journal: bytes
    log: bytes
    last_commit: int


@pytest.fixture(scope="module")
def crashed(tmp_path_factory: pytest.TempPathFactory) -> Crashed:
    """Leave a log of several commits, as a process that is killed does."""
    directory = tmp_path_factory.mktemp("crashed")
    path = directory / "session.journal"
    journal = JournalFile.create(path, session_id="session-1", created_at=1)
    log = path.with_name(path.name + "-wal")
    before = 0
    for number in range(4):
        before = log.stat().st_size
        journal.append_step(ClockTicked(number), [], (1, 0))
        journal.commit()
    found = Crashed(path.read_bytes(), log.read_bytes(), before)
    journal.abandon()
    return found


def leave(crashed: Crashed, log: bytes, directory: Path) -> Path:
    """Write the journal with another log beside it."""
    shutil.rmtree(directory, ignore_errors=True)
    directory.mkdir()
    path = directory / "session.journal"
    path.write_bytes(crashed.journal)
    path.with_name("session.journal-wal").write_bytes(log)
    return path


def is_refused(path: Path) -> bool:
    """Tell whether the log is refused."""
    try:
        refuse_damaged_log(path)
    except JournalDamagedError:
        return True
    return False


def test_the_log_of_a_killed_session_is_accepted(crashed: Crashed, tmp_path: Path) -> None:
    """All of its commits are read."""
    path = leave(crashed, crashed.log, tmp_path / "home")
    refuse_damaged_log(path)
    assert verify_journal(path).commits == 4


def summed_the_other_way(log: bytes) -> bytes:
    """Give a log the sums that a machine of the other byte order writes, as section 4.2 of the format says."""

    def add(data: bytes, one: int, other: int) -> tuple[int, int]:
        words = struct.unpack(f">{len(data) // 4}I", data)
        for first, second in zip(words[::2], words[1::2], strict=True):
            one = (one + first + other) % 2**32
            other = (other + second + one) % 2**32
        return one, other

    changed = bytearray(log)
    changed[3] |= 1
    sums = add(bytes(changed[:24]), 0, 0)
    changed[24:32] = struct.pack(">II", *sums)
    for at in range(HEADER_BYTES, len(log) - FRAME_BYTES + 1, FRAME_BYTES):
        sums = add(log[at : at + 8] + log[at + 24 : at + FRAME_BYTES], *sums)
        changed[at + 16 : at + 24] = struct.pack(">II", *sums)
    return bytes(changed)


def test_a_log_of_a_machine_of_the_other_byte_order_is_judged_alike(crashed: Crashed, tmp_path: Path) -> None:
    """SQLite reads either: such a log is accepted, and a flipped bit in it is named."""
    log = summed_the_other_way(crashed.log)
    path = leave(crashed, log, tmp_path / "home")
    refuse_damaged_log(path)
    assert verify_journal(path).commits == 4
    flipped = bytearray(log)
    flipped[-1] ^= 1
    with pytest.raises(JournalDamagedError, match="one bit of frame"):
        refuse_damaged_log(leave(crashed, bytes(flipped), tmp_path / "home"))


@pytest.mark.parametrize("size", [0, 1, 31, 32, 33, 56, HEADER_BYTES + FRAME_BYTES - 1])
def test_a_log_too_short_for_a_commit_is_accepted(crashed: Crashed, tmp_path: Path, size: int) -> None:
    """A crash right after the log was begun leaves so much of it; nothing in it was durable."""
    path = leave(crashed, crashed.log[:size], tmp_path / "home")
    refuse_damaged_log(path)
    assert verify_journal(path).commits == 0


def test_a_journal_without_a_log_is_accepted(crashed: Crashed, tmp_path: Path) -> None:
    """A session that was closed left one plain file."""
    path = leave(crashed, b"", tmp_path / "home")
    path.with_name("session.journal-wal").unlink()
    refuse_damaged_log(path)


@settings(max_examples=150, deadline=None)
@given(data=st.data())
def test_any_flipped_bit_that_sqlite_would_cut_at_is_refused(
    crashed: Crashed, tmp_path_factory: pytest.TempPathFactory, data: st.DataObject
) -> None:
    """Either nothing is lost by the bit, or it is named: no commit disappears without a word."""
    bit = data.draw(st.integers(0, len(crashed.log) * 8 - 1), label="bit")
    log = bytearray(crashed.log)
    log[bit // 8] ^= 1 << bit % 8
    path = leave(crashed, bytes(log), tmp_path_factory.getbasetemp() / "flipped")
    assert is_refused(path) or verify_journal(path).commits == 4


@pytest.mark.parametrize(
    ("begin", "end", "said"),
    [
        (0, 8, "frame {}"),
        (8, 16, "the head of frame {}"),
        (16, 24, "frame {}"),
        (24, 40, "frame {}"),
        (FRAME_BYTES - 8, FRAME_BYTES, "frame {}"),
    ],
)
def test_a_flipped_bit_of_the_last_frame_is_named(crashed: Crashed, tmp_path: Path, begin: int, end: int, said: str) -> None:
    """Nothing follows it that could give the damage away: only turning the bit back makes the frame whole."""
    number = (len(crashed.log) - HEADER_BYTES) // FRAME_BYTES
    at = HEADER_BYTES + (number - 1) * FRAME_BYTES
    for bit in range(begin * 8, end * 8):
        log = bytearray(crashed.log)
        log[at + bit // 8] ^= 1 << bit % 8
        with pytest.raises(JournalDamagedError, match=f"one bit of {said.format(number)} flipped"):
            refuse_damaged_log(leave(crashed, bytes(log), tmp_path / "home"))


def test_a_flipped_bit_of_the_header_is_named(crashed: Crashed, tmp_path: Path) -> None:
    """Whichever of its 32 bytes it is in, but for what says how the sums are made."""
    for bit in range(8 * 4, HEADER_BYTES * 8):
        log = bytearray(crashed.log)
        log[bit // 8] ^= 1 << bit % 8
        with pytest.raises(JournalDamagedError, match="one bit of its header flipped"):
            refuse_damaged_log(leave(crashed, bytes(log), tmp_path / "home"))


@settings(max_examples=100, deadline=None)
@given(data=st.data())
def test_a_last_commit_torn_by_sectors_is_cut_and_not_refused(
    crashed: Crashed, tmp_path_factory: pytest.TempPathFactory, data: st.DataObject
) -> None:
    """Of the commit that was being written, any sectors may be missing: it was never promised, and all before it is there."""
    first = -(-crashed.last_commit // 512)
    lost = data.draw(st.sets(st.integers(first, (len(crashed.log) - 1) // 512), min_size=1), label="sectors")
    log = bytearray(crashed.log)
    for sector in lost:
        log[sector * 512 : (sector + 1) * 512] = bytes(len(log[sector * 512 : (sector + 1) * 512]))
    path = leave(crashed, bytes(log), tmp_path_factory.getbasetemp() / "torn")
    refuse_damaged_log(path)
    assert verify_journal(path).commits in {3, 4}


def test_commits_behind_a_lost_sector_are_refused(crashed: Crashed, tmp_path: Path) -> None:
    """They were begun after it was durable, so no crash lost it; a sector that held nothing is no loss."""
    refused = 0
    for sector in range(1, crashed.last_commit // 512):
        log = bytearray(crashed.log)
        log[sector * 512 : (sector + 1) * 512] = bytes(512)
        path = leave(crashed, bytes(log), tmp_path / "home")
        if is_refused(path):
            refused += 1
            number = (sector * 512 - HEADER_BYTES) // FRAME_BYTES + 1
            with pytest.raises(JournalDamagedError, match=f"frame ({number}|{number + 1}) "):
                refuse_damaged_log(path)
        else:
            assert verify_journal(path).commits == 4
    assert refused > 5


def test_a_header_that_is_gone_does_not_hide_its_frames(crashed: Crashed, tmp_path: Path) -> None:
    """The header was durable before the first frame was written."""
    log = bytearray(crashed.log)
    log[24:32] = b"whatever"
    with pytest.raises(JournalDamagedError, match="its header does not fit its checksum, and frames of its own follow"):
        refuse_damaged_log(leave(crashed, bytes(log), tmp_path / "home"))
