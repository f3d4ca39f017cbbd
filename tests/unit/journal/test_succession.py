"""Succession: which session a journal follows, by the journals beside it and the list of those that were moved away."""

from pathlib import Path

import pytest

from live.core.inputs import ClockTicked
from live.journal.errors import JournalDamagedError
from live.journal.file import JournalFile
from live.journal.moved import MOVED_FILE, MovedFile, MovedSession, read_moved, write_moved
from live.journal.succession import Predecessor, Proof, find_predecessor


def session(folder: Path, number: int, predecessor: str = "", name: str | None = None) -> tuple[Path, str]:
    """Write a session's journal; gives where it is and the head it ends at."""
    path = folder / (name or f"{number:06d}-ABCDEFG{number % 10}.journal")
    with JournalFile.create(path, session_id=path.stem, predecessor_head=predecessor, durable=False, created_at=number) as journal:
        journal.append_step(ClockTicked(number), [], (1, 0))
    return path, journal.head


def moved(session_id: str, head: str) -> MovedSession:
    """Say that a session was moved."""
    return MovedSession(session_id, head, "/archive", 7, (MovedFile("a", "b"),))


def test_the_first_session_follows_none(tmp_path: Path):
    """It begins from no head, whatever it is called."""
    for name in (None, "copy.journal"):
        path, _ = session(tmp_path, 1, name=name)
        assert find_predecessor(path) == Predecessor(None, Proof.FIRST)


def test_a_session_follows_the_journal_beside_it(tmp_path: Path):
    """The one of the number before, not of another, and not one whose name only looks like a session's."""
    first, head = session(tmp_path, 9)
    session(tmp_path, 9, name="000009-copy.journal")
    session(tmp_path, 8, head)
    second, head = session(tmp_path, 10, head)
    third, _ = session(tmp_path, 11, head)
    assert find_predecessor(second) == Predecessor(first.stem, Proof.JOURNAL)
    assert find_predecessor(third) == Predecessor(second.stem, Proof.JOURNAL)


def test_a_session_follows_one_that_was_moved_away(tmp_path: Path):
    """Its head is in the list; where its journal is still there, that one counts."""
    first, head = session(tmp_path, 1)
    second, _ = session(tmp_path, 2, head)
    write_moved(tmp_path / MOVED_FILE, moved("000000-ABCDEFG0", "another head"))
    write_moved(tmp_path / MOVED_FILE, moved(first.stem, head))
    assert find_predecessor(second) == Predecessor(first.stem, Proof.JOURNAL)
    first.unlink()
    assert find_predecessor(second) == Predecessor(first.stem, Proof.MOVED)


def test_a_session_whose_predecessor_is_not_here_has_no_proof(tmp_path: Path):
    """Neither one with another number, nor a file whose name says no number, proves anything."""
    _, head = session(tmp_path, 1)
    third, _ = session(tmp_path, 3, head)
    copy, _ = session(tmp_path, 4, head, name="copy.journal")
    assert find_predecessor(third) == Predecessor(None, Proof.NONE)
    assert find_predecessor(copy) == Predecessor(None, Proof.NONE)


@pytest.mark.parametrize(("begins", "said"), [("f" * 64, "f" * 64), ("", r"\(none\)")])
def test_a_session_before_that_ended_at_another_head_is_damage(tmp_path: Path, begins: str, said: str):
    """One of the two was replaced."""
    first, head = session(tmp_path, 1)
    second, _ = session(tmp_path, 2, begins)
    with pytest.raises(JournalDamagedError, match=f"begins from head {said}, but session {first.stem} before it ended at {head}"):
        find_predecessor(second)


def test_of_two_journals_of_one_number_the_one_with_the_head_counts(tmp_path: Path):
    """A session that was begun and given up leaves its number to the next."""
    session(tmp_path, 1, name="000001-AAAAAAAA.journal")
    first, head = session(tmp_path, 1, "0" * 64, name="000001-BBBBBBBB.journal")
    second, _ = session(tmp_path, 2, head)
    assert find_predecessor(second) == Predecessor(first.stem, Proof.JOURNAL)


def test_the_list_of_moved_sessions_comes_back(tmp_path: Path):
    """In the order written; an absent list is empty."""
    path = tmp_path / MOVED_FILE
    assert read_moved(path) == []
    both = [moved("one", "1"), moved("two", "2")]
    for one in both:
        write_moved(path, one)
    assert read_moved(path) == both
    assert path.read_bytes().count(b"\n") == 2


@pytest.mark.parametrize("whole", [0, 1, 2])
def test_a_torn_last_line_is_left_out_and_cut_off_by_the_next(tmp_path: Path, whole: int):
    """A crash in the middle of a line loses that line only."""
    path, lines = tmp_path / MOVED_FILE, [moved(str(number), "head") for number in range(whole)]
    for one in lines:
        write_moved(path, one)
    with path.open("ab") as stream:
        stream.write(b'{"session_id":"torn')
    assert read_moved(path) == lines
    write_moved(path, moved("next", "head"))
    assert read_moved(path) == [*lines, moved("next", "head")]


@pytest.mark.parametrize("damage", [b"{}", b"\xff", b""])
def test_a_damaged_line_is_named(tmp_path: Path, damage: bytes):
    """It is not left out: the head it held could not be proven."""
    path = tmp_path / MOVED_FILE
    write_moved(path, moved("one", "1"))
    path.write_bytes(path.read_bytes() + damage + b"\n" + path.read_bytes())
    with pytest.raises(JournalDamagedError, match=r"line 2 of .*moved\.jsonl is damaged"):
        read_moved(path)
