"""Anchors: what a journal's chain head was, written down outside the journal so that nobody can rewrite both at once."""

import os
from pathlib import Path
from types import TracebackType
from typing import NamedTuple, Self

import msgspec

from live.journal.disk import make_directory, sync_directory
from live.journal.errors import AnchorLogError


class Anchor(msgspec.Struct, frozen=True, tag_field="type", tag="anchor", forbid_unknown_fields=True):
    """State the head of a session's chain after a commit; `at` is nanoseconds UTC."""

    session_id: str
    commit: int
    seq: int
    head: str
    at: int


class Seal(msgspec.Struct, frozen=True, tag_field="type", tag="seal", forbid_unknown_fields=True):
    """State the sha256 of a closed journal's file, all of it; `at` is nanoseconds UTC."""

    session_id: str
    file_sha256: str
    head: str
    at: int


class AnchorHistory(NamedTuple):
    """Hold what an anchor log says, in order, and how many bytes of a torn last line were left out."""

    anchors: tuple[Anchor, ...]
    seals: tuple[Seal, ...]
    torn_bytes: int

    def of_session(self, session_id: str) -> "AnchorHistory":
        """Keep what concerns one session."""
        return AnchorHistory(
            tuple(anchor for anchor in self.anchors if anchor.session_id == session_id),
            tuple(seal for seal in self.seals if seal.session_id == session_id),
            self.torn_bytes,
        )


_decoder = msgspec.json.Decoder(Anchor | Seal)
_encode = msgspec.json.Encoder().encode


def read_anchors(path: Path) -> AnchorHistory:
    """Read an anchor log; a last line that a crash tore is left out and counted.

    Raises:
        AnchorLogError: the log is missing, or another line than the last is damaged.
    """
    try:
        data = path.read_bytes()
    except OSError as error:
        raise AnchorLogError(f"no anchor log can be read at {path} ({error.strerror}): give the path of the anchor log") from None
    whole, _, torn = data.rpartition(b"\n")
    anchors: list[Anchor] = []
    seals: list[Seal] = []
    for number, line in enumerate(whole.split(b"\n") if whole else [], start=1):
        try:
            entry = _decoder.decode(line)
        except (msgspec.MsgspecError, UnicodeDecodeError) as error:
            raise AnchorLogError(f"line {number} of the anchor log {path} is damaged ({error}): restore the log from a copy") from None
        if isinstance(entry, Anchor):
            anchors.append(entry)
        else:
            seals.append(entry)
    return AnchorHistory(tuple(anchors), tuple(seals), len(torn))


class AnchorLog:
    """Append anchors and seals to a file of JSON lines; each is on disk when the call returns.

    Keep the file where whoever can write the journal cannot: another disk, another host.
    """

    def __init__(self, path: Path) -> None:
        """Open the log, or begin it; a torn last line, which no call returned from, is cut off.

        Raises:
            AnchorLogError: the log is damaged or the disk refused.
        """
        self.path = path
        self.torn_bytes = 0
        try:
            make_directory(path.parent)
            is_new = not path.exists()
            self._descriptor = os.open(path, os.O_RDWR | os.O_APPEND | os.O_CREAT, 0o600)
            if is_new:
                sync_directory(path.parent)
            else:
                self.torn_bytes = read_anchors(path).torn_bytes
                os.ftruncate(self._descriptor, path.stat().st_size - self.torn_bytes)
        except OSError as error:
            raise AnchorLogError(f"the anchor log {path} cannot be opened ({error}): check the disk and the directory") from error

    def anchor(self, *, session_id: str, commit: int, seq: int, head: str, at: int) -> None:
        """Write down the chain head after a commit.

        Raises:
            AnchorLogError: the disk refused; the anchor may or may not be there.
        """
        self._append(Anchor(session_id, commit, seq, head, at))

    def seal(self, *, session_id: str, file_sha256: str, head: str, at: int) -> None:
        """Write down the digest of a closed journal's file.

        Raises:
            AnchorLogError: the disk refused; the seal may or may not be there.
        """
        self._append(Seal(session_id, file_sha256, head, at))

    def history(self) -> AnchorHistory:
        """Read what the log says so far.

        Raises:
            AnchorLogError: the log is damaged.
        """
        return read_anchors(self.path)

    def close(self) -> None:
        """Let go of the file."""
        os.close(self._descriptor)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None) -> None:
        self.close()

    def _append(self, entry: Anchor | Seal) -> None:
        line = _encode(entry) + b"\n"
        try:
            written = os.write(self._descriptor, line)
            os.fsync(self._descriptor)
        except OSError as error:
            raise AnchorLogError(
                f"the disk failed under the anchor log {self.path} ({error}): check the disk, then open the log again"
            ) from error
        if written != len(line):
            raise AnchorLogError(f"the anchor log {self.path} took {written} of {len(line)} bytes: check the disk, then open the log again")
