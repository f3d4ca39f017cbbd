import json
import sqlite3
from collections.abc import Callable
from pathlib import Path

import pytest

from live.core.inputs import Bar, ClockTicked
from live.core.instruments import Instrument
from live.journal import Anchor, JournalDamagedError, JournalError, JournalFile, NotAJournalError, TapeDamagedError, TapeWriter
from live.journal.prefix import list_prefixes, prefix_name, read_prefix, write_prefix

Session = tuple[JournalFile, TapeWriter, Anchor]


@pytest.fixture(name="session")
def _session(tmp_path: Path, instrument: Instrument, bar: Callable[[int], Bar], tick: Callable[[int], ClockTicked]) -> Session:
    """Record an open session of two closed segments and an open one."""
    journal = JournalFile.create(tmp_path / "session.journal", session_id="session-1")
    tape = TapeWriter(tmp_path / "tape", "session-1", [instrument], roll_events=3)
    for number in range(8):
        tape.append(bar(number))
        journal.append_step(tick(number), [], tape.position)
        journal.commit()
    tape.sync()
    (tmp_path / "published").mkdir()
    return journal, tape, Anchor("session-1", *journal.tip, at=7)


def publish(tmp_path: Path, session: Session, pause: Callable[[], None] = lambda: None) -> Path:
    """Write a prefix up to the session's anchor and give its folder."""
    journal, tape, anchor = session
    folder = tmp_path / "published" / prefix_name(anchor)
    write_prefix(journal.path, tape.directory, folder, anchor, pause)
    return folder


def test_a_prefix_says_what_it_is(tmp_path: Path, session: Session) -> None:
    """It is found by its name, and its description names its anchor, its place on the tape and every file's digest."""
    folder = publish(tmp_path, session)
    assert list_prefixes(tmp_path / "published") == [folder]
    prefix = read_prefix(folder)
    assert (prefix.anchor, prefix.position) == (session[2], (3, 2))
    assert sorted(path.name for path in (folder / "tape").iterdir()) == [one.file_name for one in prefix.segments]
    assert oct((folder / "prefix.journal").stat().st_mode & 0o777) == "0o600"
    assert oct(folder.stat().st_mode & 0o777) == "0o700"


def test_a_copy_that_is_given_up_leaves_nothing(tmp_path: Path, session: Session) -> None:
    """Whatever the pause raises ends it at once, and the session's journal can be closed right after."""

    class GivenUp(Exception):
        """Say that the copy is not wanted any more."""

    def give_up() -> None:
        raise GivenUp

    with pytest.raises(GivenUp):
        publish(tmp_path, session, give_up)
    assert list((tmp_path / "published").iterdir()) == []
    session[0].close()


def test_the_session_goes_on_while_it_is_copied(tmp_path: Path, session: Session, tick: Callable[[int], ClockTicked]) -> None:
    """Each pause commits another row: none of them waits for the copy, and none is in it."""
    journal, tape, anchor = session
    committed: list[int] = []

    def go_on() -> None:
        journal.append_step(tick(100 + len(committed)), [], tape.position)
        committed.append(journal.commit())

    folder = publish(tmp_path, session, go_on)
    assert committed
    connection = sqlite3.connect(folder / "prefix.journal")
    assert connection.execute("SELECT max(seq) FROM records").fetchone() == (anchor.seq,)
    connection.close()


def test_a_tape_that_ends_too_early_is_no_prefix(tmp_path: Path, session: Session) -> None:
    """The rows refer to an event that is not there any more."""
    (open_segment,) = (tmp_path / "tape").glob("000003.tape")
    content = open_segment.read_bytes()
    open_segment.write_bytes(content[:-5])
    with pytest.raises(TapeDamagedError, match=r"segment 3 of .* ends or is damaged after event 1"):
        publish(tmp_path, session)
    open_segment.unlink()
    with pytest.raises(TapeDamagedError, match=r"segment 3 of the tape in .* is missing"):
        publish(tmp_path, session)


def test_a_closed_segment_that_was_changed_is_no_prefix(tmp_path: Path, session: Session) -> None:
    """Its name says another digest."""
    session[1].close()
    closed = min((tmp_path / "tape").glob("*.gz"))
    closed.write_bytes(closed.read_bytes() + b"x")
    with pytest.raises(TapeDamagedError, match=r"has digest .*, not the one in its name"):
        publish(tmp_path, session)


def test_a_disk_that_refuses_is_said(tmp_path: Path, session: Session) -> None:
    """Nowhere to write, or no journal to read: one sentence each."""
    (tmp_path / "published").rmdir()
    with pytest.raises(JournalError, match="no prefix can be written to"):
        publish(tmp_path, session)
    (tmp_path / "published").mkdir()
    session[0].path.unlink()
    with pytest.raises(JournalError, match="could not be written"):
        publish(tmp_path, session)


def test_a_description_that_cannot_be_read_is_said(tmp_path: Path, session: Session) -> None:
    """Missing and damaged are two sentences."""
    folder = publish(tmp_path, session)
    (folder / "prefix.json").write_text(json.dumps({"schema": 1}))
    with pytest.raises(JournalDamagedError, match=r"prefix\.json cannot be read"):
        read_prefix(folder)
    with pytest.raises(NotAJournalError, match="no prefix can be read"):
        read_prefix(tmp_path / "elsewhere")
