"""The session archive: closed sessions with their tapes, pulled whole, verified, and published as tables.

A session's folder appears under its name only when everything in it was verified: the journal against its seal, its chain
and its anchors, every segment of the tape against its digest. Publishing follows and is marked last, so that a pull that
was interrupted is finished by the next one. What is damaged is refused by name, and nothing of it is kept.
"""

import re
import shutil
import tempfile
from pathlib import Path
from typing import Literal

import msgspec

from dagster_project.home import Home
from dagster_project.lake.session_days import WallClock
from dagster_project.lake.session_sources import SegmentListing, SessionListing, SessionSource, SessionSourceError
from dagster_project.lake.session_tables import PublishedRows, publish_tables
from live.core.errors import CoreError, InterlockError
from live.journal import (
    START,
    Anchor,
    AnchorHistory,
    JournalDamagedError,
    JournalError,
    JournalReader,
    Seal,
    TapeDamagedError,
    read_anchors,
    read_tape,
    tape_reaches,
    verify_journal,
)
from live.journal.disk import file_digest
from live.journal.segments import CLOSED_NAME
from live.promotion.durable_files import replace_file, sync_directory

ARCHIVE_SCHEMA = 1
SESSION_FILE = "session.json"
PUBLISHED_FILE = "published.json"
ANCHORS_FILE = "anchors.jsonl"
TAPE_FOLDER = "tape"
INDEX_FILE = "index.json"

_SESSION_ID = re.compile(r"[0-9]{6}-[0-9A-Z]{8}")

Status = Literal["archived", "open", "refused"]


class SessionArchiveError(InterlockError):
    """The archive holds something that is no archived session."""


class ArchivedSegment(msgspec.Struct, frozen=True):
    """Name a segment of an archived tape: its number, the sha256 of its file, how many events it holds."""

    segment: int
    digest: str
    events: int


class ArchivedSession(msgspec.Struct, frozen=True, kw_only=True):
    """Describe an archived session, as it was verified; times are nanoseconds UTC.

    Attributes:
        source: where it was pulled from.
        predecessor_head: chain head of the session before, empty for the first.
        closed: whether it closed in an orderly way, and not by a crash or a halt.
        tape_complete: whether the tape reaches as far as the journal's last record says.
        days: UTC days of the machine's clock from its first record to its last.
    """

    schema: int
    session_id: str
    source: str
    created_at: int
    sealed_at: int
    file_sha256: str
    head: str
    predecessor_head: str
    parity_digest: str
    records: int
    commits: int
    segments: tuple[ArchivedSegment, ...]
    tape_complete: bool
    closed: bool
    days: tuple[str, ...]


class SessionStatus(msgspec.Struct, frozen=True):
    """Say what became of a session at the last pull.

    Attributes:
        reason: why it is not archived, empty when it is.
        since: first anchor of the session, None when none was written yet; nanoseconds UTC.
        until: when it was sealed, None while it is open; nanoseconds UTC.
    """

    session_id: str
    status: Status
    reason: str
    since: int | None
    until: int | None


class SessionIndex(msgspec.Struct, frozen=True):
    """List every session that the source knew at the last pull."""

    schema: int
    source: str
    sessions: tuple[SessionStatus, ...]


class PullReport(msgspec.Struct, frozen=True):
    """Report a pull.

    Attributes:
        pulled: sessions that this pull archived or finished publishing.
        fills: rows of `lake/fills` that it wrote.
        orders: rows of `lake/orders` that it wrote.
        statuses: every session the source knows.
    """

    source: str
    pulled: tuple[str, ...]
    fills: int
    orders: int
    statuses: tuple[SessionStatus, ...]

    def named(self, status: Status) -> list[SessionStatus]:
        """List the sessions of one status."""
        return [one for one in self.statuses if one.status == status]


def pull_sessions(home: Home, source: SessionSource) -> PullReport:
    """Archive and publish every sealed session of a source that is not archived yet; pulling again changes nothing.

    Raises:
        SessionSourceError: the source cannot be asked what it has.
        AnchorLogError: its anchor log is damaged, so nothing can be verified against it.
    """
    home.sessions.mkdir(parents=True, exist_ok=True)
    statuses: list[SessionStatus] = []
    pulled: list[str] = []
    fills = orders = 0
    for listing in source.sessions():
        _check_names(source, listing)
        status, reason, rows = _archive(home, source, listing)
        statuses.append(SessionStatus(listing.session_id, status, reason, listing.first_anchor_at, listing.sealed_at))
        if rows is not None:
            pulled.append(listing.session_id)
            fills, orders = fills + rows.fills, orders + rows.orders
    index = SessionIndex(ARCHIVE_SCHEMA, source.name, tuple(statuses))
    replace_file(home.sessions / INDEX_FILE, msgspec.json.format(msgspec.json.encode(index), indent=1) + b"\n")
    return PullReport(source.name, tuple(pulled), fills, orders, tuple(statuses))


def news_of(home: Home, source: SessionSource) -> list[str]:
    """List what a pull would change: sessions that were sealed and are not published, and open ones not known as such.

    An open session must be known too, or a summary would not say that it is not counted.

    Raises:
        SessionSourceError: the source cannot be asked.
    """
    known = {one.session_id: one.since for one in read_index(home)}
    news: list[str] = []
    for one in source.sessions():
        if one.sealed:
            if not (home.sessions / one.session_id / PUBLISHED_FILE).exists():
                news.append(f"{one.session_id} sealed")
        elif one.session_id not in known or known[one.session_id] != one.first_anchor_at:
            news.append(f"{one.session_id} open" if one.first_anchor_at is None else f"{one.session_id} open since {one.first_anchor_at}")
    return news


def archived_sessions(home: Home) -> list[ArchivedSession]:
    """List the sessions that are archived and published, oldest first.

    Raises:
        SessionArchiveError: a folder of the archive cannot be read.
    """
    return [open_session(home, path.parent.name) for path in sorted(home.sessions.glob(f"[0-9]*/{PUBLISHED_FILE}"))]


def open_session(home: Home, session_id: str) -> ArchivedSession:
    """Read what the archive says about a session.

    Raises:
        SessionArchiveError: it is not archived, or its folder was damaged.
    """
    path = home.sessions / session_id / SESSION_FILE
    try:
        return msgspec.json.decode(path.read_bytes(), type=ArchivedSession)
    except (OSError, msgspec.MsgspecError) as error:
        raise SessionArchiveError(f"{path} is no archived session ({error}): remove its folder and pull the session again") from None


def read_index(home: Home) -> tuple[SessionStatus, ...]:
    """Give what the last pull knew of each session; empty before the first pull.

    Raises:
        SessionArchiveError: the index cannot be read.
    """
    path = home.sessions / INDEX_FILE
    if not path.exists():
        return ()
    try:
        return msgspec.json.decode(path.read_bytes(), type=SessionIndex).sessions
    except (OSError, msgspec.MsgspecError) as error:
        raise SessionArchiveError(f"{path} cannot be read ({error}): pull the sessions again") from None


def journal_of(home: Home, session_id: str) -> Path:
    """Name the journal of an archived session."""
    return home.sessions / session_id / f"{session_id}.journal"


def tape_of(home: Home, session_id: str) -> Path:
    """Name the tape directory of an archived session."""
    return home.sessions / session_id / TAPE_FOLDER


def wall_clock_of(home: Home, session_id: str) -> WallClock:
    """Give the clock that says when the records of an archived session were written."""
    return _wall_clock(home.sessions / session_id)


def _wall_clock(folder: Path) -> WallClock:
    return WallClock(read_anchors(folder / ANCHORS_FILE))


def _check_names(source: SessionSource, listing: SessionListing) -> None:
    """Refuse names that would leave the archive: another machine wrote them.

    Raises:
        SessionSourceError: a session or a segment is not named as the live service names them.
    """
    named = [segment.file_name for segment in listing.segments if not CLOSED_NAME.fullmatch(segment.file_name)]
    if named or not _SESSION_ID.fullmatch(listing.session_id):
        raise SessionSourceError(
            f"{source.name} lists {(named or [listing.session_id])[0]!r}, which is no name of a recording: is it a service?"
        )


def _archive(home: Home, source: SessionSource, listing: SessionListing) -> tuple[Status, str, PublishedRows | None]:
    """Bring one session into the archive and the tables; gives its status, why it is not archived, and what this pull published."""
    folder = home.sessions / listing.session_id
    if (folder / PUBLISHED_FILE).exists():
        return "archived", "", None
    if not listing.sealed:
        return "open", "it has no seal yet: it is running, or it crashed and the next start of the service seals it", None
    try:
        if not (folder / SESSION_FILE).exists():
            _copy_whole(home, source, listing)
        rows = publish_tables(home.lake, listing.session_id, journal_of(home, listing.session_id), _wall_clock(folder))
    except (CoreError, JournalError, SessionSourceError) as error:
        return "refused", str(error), None
    replace_file(folder / PUBLISHED_FILE, msgspec.json.encode(rows) + b"\n")
    return "archived", "", rows


def _copy_whole(home: Home, source: SessionSource, listing: SessionListing) -> None:
    scratch = Path(tempfile.mkdtemp(prefix=f".{listing.session_id}.", suffix=".partial", dir=home.sessions))
    try:
        session = _pull(source, listing, scratch)
        replace_file(scratch / SESSION_FILE, msgspec.json.format(msgspec.json.encode(session), indent=1) + b"\n")
        scratch.chmod(0o755)
        scratch.rename(home.sessions / listing.session_id)
        sync_directory(home.sessions)
    finally:
        shutil.rmtree(scratch, ignore_errors=True)


def _pull(source: SessionSource, listing: SessionListing, folder: Path) -> ArchivedSession:
    history = source.anchors(listing.session_id)
    anchors = folder / ANCHORS_FILE
    _write_anchors(anchors, history)
    journal = folder / f"{listing.session_id}.journal"
    source.copy_journal(listing.session_id, journal)
    digest = file_digest(journal)
    sealed = history.seals[0].file_sha256 if history.seals else "nothing"
    if digest != sealed:
        raise JournalDamagedError(f"{journal.name} has the sha256 {digest}, its seal says {sealed}: it was changed, restore it from a copy")
    verified = verify_journal(journal, anchors)
    if verified.session_id != listing.session_id:
        raise JournalDamagedError(f"{journal.name} holds session {verified.session_id}: a journal is named by its session, restore it")
    tape = folder / TAPE_FOLDER
    segments = _pull_tape(source, listing, tape)
    with JournalReader(journal) as reader:
        meta = reader.meta
        last = next(reader.rows(newest_first=True, limit=1), None)
        closed = next(reader.rows(kinds=("SessionClosed",), limit=1), None) is not None
    position = START if last is None else (last.segment, last.offset)
    return ArchivedSession(
        schema=ARCHIVE_SCHEMA,
        session_id=listing.session_id,
        source=source.name,
        created_at=meta.created_at,
        sealed_at=history.seals[0].at,
        file_sha256=history.seals[0].file_sha256,
        head=verified.head,
        predecessor_head=meta.predecessor_head,
        parity_digest=verified.parity_digest,
        records=verified.records,
        commits=verified.commits,
        segments=segments,
        tape_complete=position == START or tape_reaches(tape, position),
        closed=closed,
        days=tuple(str(day) for day in WallClock(history).days(verified.records)),
    )


def _pull_tape(source: SessionSource, listing: SessionListing, tape: Path) -> tuple[ArchivedSegment, ...]:
    """Copy the segments, hold each to its digest and read it through."""
    tape.mkdir()
    for segment in listing.segments:
        copied = tape / segment.file_name
        source.copy_segment(listing.session_id, segment, copied)
        if (digest := file_digest(copied)) != segment.digest:
            raise TapeDamagedError(f"tape segment {copied.name} has digest {digest}, not the one in its name: restore it from a copy")
    events = {segment.segment: 0 for segment in listing.segments}
    for number, _, _ in read_tape(tape):
        events[number] += 1
    return tuple(_described(segment, events[segment.segment]) for segment in listing.segments)


def _described(segment: SegmentListing, events: int) -> ArchivedSegment:
    return ArchivedSegment(segment.segment, segment.digest, events)


def _write_anchors(path: Path, history: AnchorHistory) -> None:
    entries: list[Anchor | Seal] = [*history.anchors, *history.seals]
    replace_file(path, b"".join(msgspec.json.encode(entry) + b"\n" for entry in entries))
