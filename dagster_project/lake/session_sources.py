"""Where recorded sessions are pulled from: a home on this machine, or a live service over HTTP."""

import os
import shutil
from collections.abc import Generator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any, Protocol

import msgspec

from live.core.errors import InterlockError
from live.driver.published import newest_prefix, published_folder
from live.driver.recovery import JOURNALS, TAPES, anchors_path, session_journals
from live.journal import Anchor, AnchorHistory, JournalError, Seal, read_anchors
from live.journal.prefix import PREFIX_JOURNAL, PREFIX_TAPE, Prefix, TapeSegment, prefix_name, read_prefix
from live.journal.segments import CLOSED_NAME

if TYPE_CHECKING:
    import httpx

TIMEOUT_SECONDS = 60.0


class SessionSourceError(InterlockError):
    """A source of sessions does not answer, or does not give what it lists."""


class SessionListing(msgspec.Struct, frozen=True):
    """Describe a session that a source has; times are nanoseconds UTC, None when nothing says them.

    Attributes:
        segments: closed segments of its tape.
        prefix: of a session without a seal, what it published so far, None when it published nothing.
    """

    session_id: str
    sealed: bool
    sealed_at: int | None
    first_anchor_at: int | None
    segments: tuple[TapeSegment, ...]
    prefix: Prefix | None = None


class SessionSource(Protocol):
    """Give sessions that ended, and what running ones published; `name` says to people where they come from."""

    name: str

    def sessions(self) -> list[SessionListing]:
        """List every session, oldest first."""
        ...

    def anchors(self, session_id: str) -> AnchorHistory:
        """Give the anchors and seals of one session."""
        ...

    def copy_journal(self, session_id: str, destination: Path) -> None:
        """Copy the journal of a sealed session, byte for byte."""
        ...

    def copy_segment(self, session_id: str, segment: TapeSegment, destination: Path) -> None:
        """Copy a closed segment of a session's tape, byte for byte."""
        ...

    def copy_prefix_journal(self, prefix: Prefix, destination: Path) -> None:
        """Copy the journal of what a session published, byte for byte."""
        ...

    def copy_prefix_segment(self, prefix: Prefix, segment: TapeSegment, destination: Path) -> None:
        """Copy a segment of what a session published, byte for byte."""
        ...


class LocalHome:
    """Pull from a home on this machine; its journals are copied as bytes and never opened there."""

    def __init__(self, root: Path) -> None:
        self.root = root
        self.name = f"home {root}"

    def sessions(self) -> list[SessionListing]:
        """List every session, oldest first."""
        history = self._history()
        seals = {seal.session_id: seal.at for seal in history.seals}
        first = {anchor.session_id: anchor.at for anchor in reversed(history.anchors)}
        return [
            SessionListing(
                session_id=path.stem,
                sealed=path.stem in seals,
                sealed_at=seals.get(path.stem),
                first_anchor_at=first.get(path.stem),
                segments=self._segments(path.stem),
                prefix=None if path.stem in seals else self._prefix(path.stem),
            )
            for path in session_journals(self.root)
        ]

    def anchors(self, session_id: str) -> AnchorHistory:
        """Give the anchors and seals of one session."""
        return self._history().of_session(session_id)

    def copy_journal(self, session_id: str, destination: Path) -> None:
        """Copy the journal of a sealed session, byte for byte."""
        _copy(self.root / JOURNALS / f"{session_id}.journal", destination)

    def copy_segment(self, session_id: str, segment: TapeSegment, destination: Path) -> None:
        """Copy a closed segment of a session's tape, byte for byte."""
        _copy(self.root / TAPES / session_id / segment.file_name, destination)

    def copy_prefix_journal(self, prefix: Prefix, destination: Path) -> None:
        """Copy the journal of what a session published, byte for byte."""
        _copy(self._prefix_folder(prefix) / PREFIX_JOURNAL, destination)

    def copy_prefix_segment(self, prefix: Prefix, segment: TapeSegment, destination: Path) -> None:
        """Copy a segment of what a session published, byte for byte."""
        _copy(self._prefix_folder(prefix) / PREFIX_TAPE / segment.file_name, destination)

    def _prefix_folder(self, prefix: Prefix) -> Path:
        return published_folder(self.root, prefix.anchor.session_id) / prefix_name(prefix.anchor)

    def _prefix(self, session_id: str) -> Prefix | None:
        folder = newest_prefix(self.root, session_id)
        try:
            return None if folder is None else read_prefix(folder)
        except JournalError as error:
            raise SessionSourceError(str(error)) from None

    def _history(self) -> AnchorHistory:
        path = anchors_path(self.root)
        return read_anchors(path) if path.exists() else AnchorHistory((), (), 0)

    def _segments(self, session_id: str) -> tuple[TapeSegment, ...]:
        names = sorted(path.name for path in (self.root / TAPES / session_id).glob("*.tape.gz"))
        return tuple(TapeSegment(int(match["segment"]), match["digest"]) for name in names if (match := CLOSED_NAME.fullmatch(name)))


class LiveService:
    """Pull from a live service's archive routes with a token that may read."""

    def __init__(self, url: str, token: str = "") -> None:
        self.name = url = url.rstrip("/")
        self._url = url
        self._headers = {"Authorization": f"Bearer {token}"} if token else {}

    def sessions(self) -> list[SessionListing]:
        """List every session, oldest first."""
        return self._json("/v1/sessions", list[SessionListing])

    def anchors(self, session_id: str) -> AnchorHistory:
        """Give the anchors and seals of one session."""
        entries = self._json(f"/v1/sessions/{session_id}/anchors", list[Anchor | Seal])
        anchors = tuple(entry for entry in entries if isinstance(entry, Anchor))
        return AnchorHistory(anchors, tuple(entry for entry in entries if isinstance(entry, Seal)), 0).of_session(session_id)

    def copy_journal(self, session_id: str, destination: Path) -> None:
        """Copy the journal of a sealed session, byte for byte."""
        self._download(f"/v1/sessions/{session_id}/journal", destination)

    def copy_segment(self, session_id: str, segment: TapeSegment, destination: Path) -> None:
        """Copy a closed segment of a session's tape, byte for byte."""
        del session_id
        self._download(f"/v1/segments/{segment.digest}", destination)

    def copy_prefix_journal(self, prefix: Prefix, destination: Path) -> None:
        """Copy the journal of what a session published, byte for byte."""
        self._download(f"{_prefix_path(prefix)}/journal", destination)

    def copy_prefix_segment(self, prefix: Prefix, segment: TapeSegment, destination: Path) -> None:
        """Copy a segment of what a session published, byte for byte."""
        self._download(f"{_prefix_path(prefix)}/segments/{segment.digest}", destination)

    def _json(self, path: str, kind: Any) -> Any:
        with self._answer(path) as answer:
            content = answer.read()
        try:
            return msgspec.json.decode(content, type=kind)
        except msgspec.MsgspecError as error:
            raise SessionSourceError(f"{self._url}{path} did not answer like a live service ({error}): correct INTERLOCK_URL") from None

    def _download(self, path: str, destination: Path) -> None:
        with self._answer(path) as answer, destination.open("wb") as stream:
            for block in answer.iter_raw():
                stream.write(block)
            stream.flush()
            os.fsync(stream.fileno())

    @contextmanager
    def _answer(self, path: str) -> Generator["httpx.Response"]:
        import httpx

        try:
            with (
                httpx.Client(headers=self._headers, timeout=TIMEOUT_SECONDS, trust_env=False) as client,
                client.stream("GET", f"{self._url}{path}", headers={"Accept-Encoding": "identity"}) as answer,
            ):
                if answer.status_code != httpx.codes.OK:
                    raise SessionSourceError(f"GET {path} was answered with {_reason(answer)}")
                yield answer
        except (httpx.HTTPError, httpx.InvalidURL) as error:
            raise SessionSourceError(
                f"no live service answers at {self._url} ({error or type(error).__name__}): start it, or correct INTERLOCK_URL"
            ) from None


def choose_source(root: Path, named: str = "") -> SessionSource:
    """Choose where to pull from: what is named, else the home itself when a service ran on it, else INTERLOCK_URL.

    Args:
        root: the home that the archive belongs to.
        named: the address of a service or the path of a home; empty to choose.
    """
    url = os.environ.get("INTERLOCK_URL", "")
    if not named and (not url or (root / JOURNALS).is_dir()):
        return LocalHome(root)
    wanted = named or url
    if wanted.startswith(("http://", "https://")):
        return LiveService(wanted, os.environ.get("INTERLOCK_TOKEN", ""))
    return LocalHome(Path(wanted).resolve())


def _prefix_path(prefix: Prefix) -> str:
    return f"/v1/sessions/{prefix.anchor.session_id}/prefixes/{prefix_name(prefix.anchor)}"


def _copy(source: Path, destination: Path) -> None:
    try:
        with source.open("rb") as read, destination.open("wb") as written:
            shutil.copyfileobj(read, written)
            written.flush()
            os.fsync(written.fileno())
    except OSError as error:
        raise SessionSourceError(f"{source} cannot be copied ({error.strerror}): restore the file from a copy") from None


def _reason(answer: "httpx.Response") -> str:
    answer.read()
    try:
        detail = answer.json()["detail"]
    except (ValueError, KeyError, TypeError):
        return str(answer.status_code)
    return f"{answer.status_code}: {detail}" + (" (set INTERLOCK_TOKEN)" if answer.status_code == 401 else "")
