"""Which session a journal follows, and whether that can be shown here."""

import re
from enum import StrEnum
from pathlib import Path
from typing import NamedTuple

from live.journal.errors import JournalDamagedError
from live.journal.moved import MOVED_FILE, read_moved
from live.journal.reader import JournalReader

SESSION_NAME = re.compile(r"(?P<number>\d{6})-(?P<nonce>[0-9A-Z]{8})\.journal")


class Proof(StrEnum):
    """How the head that a journal begins from is shown to be another session's last one."""

    FIRST = "it is the first session"
    JOURNAL = "its journal is beside it"
    MOVED = "its journal was moved away, and its head is in the list of what was moved"
    NONE = "no journal beside it and no list of moved ones has that head"


class Predecessor(NamedTuple):
    """Name the session before, None when it is not known, and how it is known."""

    session_id: str | None
    proof: Proof


def find_predecessor(path: Path) -> Predecessor:
    """Find the session whose head a journal begins from, among the journals beside it and those that were moved away.

    Raises:
        JournalDamagedError: the session before is here or was moved, and its head is another one.
        NotAJournalError: the file is missing or is no journal.
    """
    with JournalReader(path) as reader:
        head = reader.meta.predecessor_head
    own = SESSION_NAME.fullmatch(path.name)
    if own is None:
        return Predecessor(None, Proof.FIRST if not head else Proof.NONE)
    heads: dict[str, tuple[str, Proof]] = {moved.session_id: (moved.head, Proof.MOVED) for moved in read_moved(path.with_name(MOVED_FILE))}
    for sibling in path.parent.glob(f"{int(own['number']) - 1:06d}-*.journal"):
        if SESSION_NAME.fullmatch(sibling.name):
            with JournalReader(sibling) as before:
                heads[sibling.stem] = (before.head, Proof.JOURNAL)
    candidates = {name: found for name, found in heads.items() if int(name[:6]) == int(own["number"]) - 1}
    for session_id, (its_head, proof) in candidates.items():
        if its_head == head:
            return Predecessor(session_id, proof)
    if candidates:
        session_id, (its_head, _) = next(iter(candidates.items()))
        raise JournalDamagedError(
            f"{path} begins from head {head or '(none)'}, but session {session_id} before it ended at {its_head}: "
            "one of the two was replaced; restore it from a copy"
        )
    return Predecessor(None, Proof.NONE if head else Proof.FIRST)
