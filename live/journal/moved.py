"""The list of sessions whose files were moved away: their heads stay provable for the sessions that follow them."""

import os
from pathlib import Path

import msgspec

from live.journal.disk import sync_directory
from live.journal.errors import JournalDamagedError

MOVED_FILE = "moved.jsonl"


class MovedFile(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """Name a file by its path below the home, and below the archive, and by the sha256 of its bytes."""

    path: str
    sha256: str


class MovedSession(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """Say where a session went.

    Attributes:
        session_id: the session.
        head: the head of its chain, which the next session begins from.
        archive: the directory that its files were moved to.
        at: nanoseconds UTC.
        files: its journal, then its tape.
    """

    session_id: str
    head: str
    archive: str
    at: int
    files: tuple[MovedFile, ...]


_decoder = msgspec.json.Decoder(MovedSession)
_encode = msgspec.json.Encoder().encode


def read_moved(path: Path) -> list[MovedSession]:
    """Read the list, empty when nothing was moved yet; a last line that a crash tore is left out.

    Raises:
        JournalDamagedError: another line is damaged.
    """
    whole = path.read_bytes().rpartition(b"\n")[0] if path.exists() else b""
    found: list[MovedSession] = []
    for number, line in enumerate(whole.split(b"\n") if whole else [], start=1):
        try:
            found.append(_decoder.decode(line))
        except (msgspec.MsgspecError, UnicodeDecodeError) as error:
            raise JournalDamagedError(f"line {number} of {path} is damaged ({error}): restore the file from a copy") from None
    return found


def write_moved(path: Path, moved: MovedSession) -> None:
    """Add a session to the list, durably; a torn last line is cut off first."""
    is_new = not path.exists()
    with path.open("ab") as stream:
        stream.truncate(stream.tell() if is_new else path.read_bytes().rfind(b"\n") + 1)
        stream.write(_encode(moved) + b"\n")
        stream.flush()
        os.fsync(stream.fileno())
    if is_new:
        sync_directory(path.parent)
