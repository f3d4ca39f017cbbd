"""Coverage: which sessions a day's summary counts, how far, and which it has to leave out."""

import hashlib
from datetime import UTC, date, datetime, timedelta
from typing import NamedTuple

import msgspec

from dagster_project.home import Home
from dagster_project.lake.session_copies import ArchivedSession, SessionFiles, files_of
from dagster_project.lake.session_days import NANOSECONDS, day_of
from dagster_project.lake.sessions import SessionStatus, archived_sessions, known_sessions, read_index
from dagster_project.reports.contents import SUMMARY_SCHEMA
from live.journal import Anchor


class CountedSession(NamedTuple):
    """Hold a session that has records of the day.

    Attributes:
        through: of a session that has not ended, the anchor up to which this day counts it: the first one after the day,
            which leaves nothing of the day to come, or else its last one. None once it ended.
        whole: whether nothing of the day is missing.
    """

    session: ArchivedSession
    files: SessionFiles
    through: Anchor | None
    whole: bool


class Coverage(NamedTuple):
    """Hold the sessions of a day.

    Attributes:
        known: every session that is archived or provisional, oldest first.
        counted: those of them that have records of the day.
        left_out: those that may have records of the day and of which nothing of it is known.
    """

    known: tuple[ArchivedSession, ...]
    counted: tuple[CountedSession, ...]
    left_out: tuple[SessionStatus, ...]

    @property
    def sessions(self) -> list[ArchivedSession]:
        """List the sessions that are counted."""
        return [one.session for one in self.counted]

    @property
    def hosts(self) -> list[list[CountedSession]]:
        """Group what is counted by live host: a session belongs to the host of the one it goes on from.

        One whose predecessor is not in the archive goes with the session before it. Hosts may have accounts of the same name,
        and each session is folded after those of its own host alone.
        """
        first = self.first_sessions()
        grouped: dict[str, list[CountedSession]] = {}
        for one in self.counted:
            grouped.setdefault(first[one.session.session_id], []).append(one)
        return list(grouped.values())

    def first_sessions(self) -> dict[str, str]:
        """Give the first known session of each known session's host, by session id."""
        by_head = {one.head: one.session_id for one in self.known}
        first: dict[str, str] = {}
        before: str | None = None
        for one in self.known:
            missing = before if one.predecessor_head else None
            predecessor = by_head.get(one.predecessor_head, missing) if one.predecessor_head else None
            first[one.session_id] = one.session_id if predecessor is None else first.get(predecessor, predecessor)
            before = one.session_id
        return first

    @property
    def reaches(self) -> int | None:
        """Give the time up to which everything is counted, nanoseconds UTC; None when that is the whole day."""
        return min((one.through.at for one in self.counted if one.through is not None and not one.whole), default=None)


def cover_day(home: Home, day: date) -> Coverage:
    """Find out what is known of a UTC day, without reading a journal.

    Raises:
        SessionArchiveError, AnchorLogError: the archive was damaged since it was verified.
    """
    known = tuple(known_sessions(home))
    start, end = _bounds(day)
    counted = tuple(_count(home, one, end) for one in known if str(day) in one.days)
    ids = {one.session.session_id for one in counted}
    known_until = max((one.sealed_at for one in known if one.sealed_at is not None), default=0)
    left_out = tuple(
        one
        for one in read_index(home)
        if one.status != "archived"
        and (one.session_id not in ids or one.status == "refused")
        and (known_until if one.since is None else one.since) < end
        and (one.until is None or one.until >= start)
    )
    return Coverage(known, counted, left_out)


def day_inputs(home: Home, day: date, *, over: bool) -> str:
    """Digest what a day's summary would be made from, without reading a journal.

    A session that runs on does not change it once an anchor was written after the day.
    """
    coverage = cover_day(home, day)
    counted = sorted((one.session.session_id, _content(one)) for one in coverage.counted)
    left_out = [(one.session_id, one.status, one.reason) for one in coverage.left_out]
    return hashlib.sha256(msgspec.json.encode([SUMMARY_SCHEMA, over, counted, left_out])).hexdigest()


def days_with_sessions(home: Home) -> list[date]:
    """List the days that any session may have records of; the last one of an open session is the last that is known of it."""
    days = {date.fromisoformat(day) for one in known_sessions(home) for day in one.days}
    archived = {one.session_id for one in archived_sessions(home)}
    days |= {day_of(one.since) for one in read_index(home) if one.session_id not in archived and one.since is not None}
    return sorted(days)


def _count(home: Home, session: ArchivedSession, end: int) -> CountedSession:
    files = files_of(home, session)
    if session.reaches is None:
        return CountedSession(session, files, None, whole=True)
    after = files.clock().anchor_after(end)
    last = Anchor(session.session_id, session.commits, session.records, session.head, session.reaches)
    return CountedSession(session, files, after or last, whole=after is not None)


def _content(one: CountedSession) -> str:
    return one.session.file_sha256 if one.through is None else f"{one.through.at} {one.through.head} {one.whole}"


def _bounds(day: date) -> tuple[int, int]:
    start = int(datetime(day.year, day.month, day.day, tzinfo=UTC).timestamp()) * NANOSECONDS
    return start, start + int(timedelta(days=1).total_seconds()) * NANOSECONDS
