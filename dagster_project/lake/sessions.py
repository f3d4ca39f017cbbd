"""The session archive: sessions with their tapes, pulled whole, verified, and published as tables.

A session that ended is archived for good. One that has not is kept provisionally, as far as it published itself; each
newer prefix takes the place of the one before, and the sealed session the place of them all, in the tables too. Publishing
follows the copy and is marked last, so that a pull that was interrupted is finished by the next one. What is damaged is
refused by name, and nothing of it is kept.
"""

import re
import shutil
from datetime import UTC, datetime
from pathlib import Path
from typing import Literal

import msgspec

from dagster_project.home import Home
from dagster_project.lake.session_copies import (
    ARCHIVE_SCHEMA,
    PROVISIONAL,
    SESSION_FILE,
    TAPE_FOLDER,
    ArchivedSession,
    copy_prefix,
    copy_session,
    files_of,
    prefix_folder,
    provisional_folder,
)
from dagster_project.lake.session_days import NANOSECONDS
from dagster_project.lake.session_sources import SessionListing, SessionSource, SessionSourceError
from dagster_project.lake.session_tables import PublishedRows, publish_tables, withdraw_tables
from live.core.errors import CoreError, InterlockError
from live.journal import JournalError
from live.journal.prefix import Prefix
from live.journal.segments import CLOSED_NAME
from live.promotion.durable_files import replace_file

PUBLISHED_FILE = "published.json"
INDEX_FILE = "index.json"

_SESSION_ID = re.compile(r"[0-9]{6}-[0-9A-Z]{8}")

Status = Literal["archived", "provisional", "open", "refused"]


class SessionArchiveError(InterlockError):
    """The archive holds something that is no archived session."""


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
        pulled: sessions that this pull archived, took a newer prefix of, or finished publishing.
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
    """Archive and publish every sealed session of a source that is not archived yet, and what the others published so far.

    Pulling again changes nothing.

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
    """List what a pull would change: sessions that were sealed or went on and are not published, and open ones not known as such.

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
            continue
        if one.session_id not in known or known[one.session_id] != one.first_anchor_at:
            news.append(f"{one.session_id} open" if one.first_anchor_at is None else f"{one.session_id} open since {one.first_anchor_at}")
        if one.prefix is not None and not (prefix_folder(home, one.prefix) / PUBLISHED_FILE).exists():
            news.append(f"{one.session_id} through {one.prefix.anchor.at}")
    return news


def archived_sessions(home: Home) -> list[ArchivedSession]:
    """List the sessions that ended and are archived and published, oldest first.

    Raises:
        SessionArchiveError: a folder of the archive cannot be read.
    """
    return [open_session(home, path.parent.name) for path in sorted(home.sessions.glob(f"[0-9]*/{PUBLISHED_FILE}"))]


def provisional_sessions(home: Home) -> list[ArchivedSession]:
    """List the sessions that have not ended and of which a part is published, oldest first; of each what reaches furthest.

    Raises:
        SessionArchiveError: a folder cannot be read.
    """
    newest = {path.parent.parent.name: path.parent for path in sorted((home.lake / PROVISIONAL).glob(f"[0-9]*/[0-9]*/{PUBLISHED_FILE}"))}
    return [
        _describe(folder / SESSION_FILE)
        for session_id, folder in sorted(newest.items())
        if not (home.sessions / session_id / PUBLISHED_FILE).exists()
    ]


def known_sessions(home: Home) -> list[ArchivedSession]:
    """List archived and provisional sessions, oldest first; none is both.

    Raises:
        SessionArchiveError: a folder cannot be read.
    """
    return sorted([*archived_sessions(home), *provisional_sessions(home)], key=lambda one: one.session_id)


def open_session(home: Home, session_id: str) -> ArchivedSession:
    """Read what the archive says about a session.

    Raises:
        SessionArchiveError: it is not archived, or its folder was damaged.
    """
    return _describe(home.sessions / session_id / SESSION_FILE)


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


def _describe(path: Path) -> ArchivedSession:
    try:
        return msgspec.json.decode(path.read_bytes(), type=ArchivedSession)
    except (OSError, msgspec.MsgspecError) as error:
        raise SessionArchiveError(f"{path} is no archived session ({error}): remove its folder and pull the session again") from None


def _check_names(source: SessionSource, listing: SessionListing) -> None:
    """Refuse names that would leave the archive: another machine wrote them.

    Raises:
        SessionSourceError: a session or a segment is not named as the live service names them.
    """
    prefixed = () if listing.prefix is None else listing.prefix.segments
    named = [segment.file_name for segment in (*listing.segments, *prefixed) if not CLOSED_NAME.fullmatch(segment.file_name)]
    if listing.prefix is not None and listing.prefix.anchor.session_id != listing.session_id:
        named.append(listing.prefix.anchor.session_id)
    if named or not _SESSION_ID.fullmatch(listing.session_id):
        raise SessionSourceError(
            f"{source.name} lists {(named or [listing.session_id])[0]!r}, which is no name of a recording: is it a service?"
        )


def _archive(home: Home, source: SessionSource, listing: SessionListing) -> tuple[Status, str, PublishedRows | None]:
    """Bring one session into the archive and the tables; gives its status, why it is not archived, and what this pull published."""
    folder = home.sessions / listing.session_id
    if (folder / PUBLISHED_FILE).exists():
        # Not in the pull that archived it: whoever reads the prefix then may finish.
        shutil.rmtree(provisional_folder(home, listing.session_id), ignore_errors=True)
        return "archived", "", None
    if not listing.sealed:
        if listing.prefix is not None:
            return _take_prefix(home, source, listing.prefix)
        return "open", "it has no seal yet: it is running, or it crashed and the next start of the service seals it", None
    try:
        if not (folder / SESSION_FILE).exists():
            copy_session(home, source, listing)
        rows = _publish(home, folder)
    except SessionSourceError as error:
        return "refused", str(error), None  # nothing is known to be wrong with what was published before
    except (CoreError, JournalError) as error:
        if provisional_folder(home, listing.session_id).exists():
            withdraw_tables(home.lake, listing.session_id)
            shutil.rmtree(provisional_folder(home, listing.session_id))
        return "refused", str(error), None
    return "archived", "", rows


def _take_prefix(home: Home, source: SessionSource, prefix: Prefix) -> tuple[Status, str, PublishedRows | None]:
    """Bring what a session published so far into the tables, in place of what it had published before."""
    folder = prefix_folder(home, prefix)
    through = datetime.fromtimestamp(prefix.anchor.at // NANOSECONDS, UTC)
    known = f"it has not ended, and nothing that it recorded after {through:%Y-%m-%d %H:%M:%S} UTC is known yet"
    if (folder / PUBLISHED_FILE).exists():
        return "provisional", known, None
    try:
        if not (folder / SESSION_FILE).exists():
            copy_prefix(home, source, prefix)
        rows = _publish(home, folder)
    except (CoreError, JournalError, SessionSourceError) as error:
        return "refused", str(error), None
    for older in sorted(folder.parent.glob("[0-9]*"))[:-2]:  # the one before stays: somebody may be reading it
        shutil.rmtree(older)
    return "provisional", known, rows


def _publish(home: Home, folder: Path) -> PublishedRows:
    session = _describe(folder / SESSION_FILE)
    files = files_of(home, session)
    rows = publish_tables(home.lake, session.session_id, files.journal, files.clock())
    replace_file(folder / PUBLISHED_FILE, msgspec.json.encode(rows) + b"\n")
    return rows
