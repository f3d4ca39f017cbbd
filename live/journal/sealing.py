"""Seal a closed journal: write the digest of all its bytes into the anchor log."""

import sqlite3
from pathlib import Path

from live.journal.anchors import AnchorLog, Seal
from live.journal.disk import file_digest
from live.journal.errors import JournalDamagedError, JournalFailedError
from live.journal.reader import JournalReader
from live.journal.storage import make_plain


def seal_journal(path: Path, anchors: AnchorLog, *, at: int) -> Seal:
    """Seal a journal that nobody writes any more, after an orderly close or a crash; sealing twice is the same as once.

    A seal proves later that not one byte changed, in unused space of the file too. It says nothing about what was
    changed before: `verify_journal` recomputes the chain as well.

    Args:
        path: the journal; what a crash left in its write-ahead log is folded in first.
        anchors: where the seal is written.
        at: nanoseconds UTC.

    Raises:
        JournalBusyError: a reader or a writer holds the journal.
        JournalDamagedError: it was sealed before, with other bytes; or SQLite cannot read it.
        JournalFailedError: the disk failed.
    """
    with JournalReader(path) as reader:
        session_id, head = reader.meta.session_id, reader.head
    earlier = anchors.history().of_session(session_id).seals
    if not earlier:
        _fold(path)
    digest = file_digest(path)
    for seal in earlier:
        if seal.file_sha256 != digest:
            raise JournalDamagedError(
                f"{path} was sealed as {seal.file_sha256} and now is {digest}: it was changed, restore it from a copy"
            )
    if earlier:
        return earlier[0]
    seal = Seal(session_id, digest, head, at)
    anchors.seal(session_id=session_id, file_sha256=digest, head=head, at=at)
    return seal


def _fold(path: Path) -> None:
    try:
        connection = sqlite3.connect(path, isolation_level=None)
    except sqlite3.Error as error:
        raise JournalFailedError(f"{path} cannot be opened to be sealed ({error}): check the file's rights") from error
    try:
        make_plain(connection, path)
    finally:
        connection.close()
