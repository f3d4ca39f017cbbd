import hashlib
from collections.abc import Callable
from pathlib import Path

import pytest

from live.core.records import OrderTransitioned
from live.journal import AnchorLog, JournalBusyError, JournalDamagedError, JournalFile, JournalReader, seal_journal, verify_journal

WriteJournal = Callable[[Path, int], JournalFile]


def test_a_seal_is_the_digest_of_the_file(tmp_path: Path, write_journal: WriteJournal) -> None:
    """Anybody can check a seal with sha256sum."""
    head = write_journal(tmp_path / "j", 3).head
    with AnchorLog(tmp_path / "log") as log:
        seal = seal_journal(tmp_path / "j", log, at=7)
        assert log.history().seals == (seal,)
    assert (seal.session_id, seal.head, seal.at) == ("session-1", head, 7)
    assert seal.file_sha256 == hashlib.sha256((tmp_path / "j").read_bytes()).hexdigest()


def test_sealing_twice_is_sealing_once(tmp_path: Path, write_journal: WriteJournal) -> None:
    """A crash between the seal and its answer needs no thought."""
    write_journal(tmp_path / "j", 3)
    with AnchorLog(tmp_path / "log") as log:
        assert seal_journal(tmp_path / "j", log, at=7) == seal_journal(tmp_path / "j", log, at=8)
        assert len(log.history().seals) == 1


def test_a_crashed_journal_is_folded_into_one_file_and_sealed(tmp_path: Path, record: Callable[[int], OrderTransitioned]) -> None:
    """What a crash left in the write-ahead log is under the seal too."""
    journal = JournalFile.create(tmp_path / "j", session_id="session-1")
    journal.append_step(None, [record(1)], (1, 1))
    journal.commit()
    journal.abandon()
    with AnchorLog(tmp_path / "log") as log:
        seal_journal(tmp_path / "j", log, at=7)
    assert sorted(path.name for path in tmp_path.iterdir()) == ["j", "log"]
    found = verify_journal(tmp_path / "j", tmp_path / "log")
    assert (found.records, found.sealed) == (1, True)


def test_a_journal_that_was_changed_is_not_sealed_again(tmp_path: Path, write_journal: WriteJournal) -> None:
    """A second seal cannot cover up a change."""
    write_journal(tmp_path / "j", 3)
    with AnchorLog(tmp_path / "log") as log:
        seal_journal(tmp_path / "j", log, at=7)
        data = bytearray((tmp_path / "j").read_bytes())
        data[-1] ^= 1
        (tmp_path / "j").write_bytes(data)
        with pytest.raises(JournalDamagedError, match="was sealed as"):
            seal_journal(tmp_path / "j", log, at=8)
        assert len(log.history().seals) == 1


def test_a_journal_in_use_is_not_sealed(tmp_path: Path, record: Callable[[int], OrderTransitioned]) -> None:
    """A seal over a file that still changes would be broken at once."""
    with JournalFile.create(tmp_path / "j", session_id="session-1") as journal, AnchorLog(tmp_path / "log") as log:
        journal.append_step(None, [record(1)], (1, 1))
        journal.commit()
        with pytest.raises(JournalBusyError, match="holds it open"):
            seal_journal(tmp_path / "j", log, at=7)
        assert log.history().seals == ()
        journal.append_step(None, [record(2)], (1, 2))
        journal.commit()
        with JournalReader(tmp_path / "j") as reader:
            assert len(list(reader.rows())) == 2
