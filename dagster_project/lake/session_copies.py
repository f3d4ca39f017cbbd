"""Copies of sessions: pulled out of a source whole, or as far as a running one published, and verified on the way.

A copy's folder appears under its name only when everything in it was verified: the journal against its seal or its anchor,
its chain and its anchors, every segment of the tape against its digest. What is damaged is refused, and nothing of it stays.
"""

import shutil
import tempfile
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import NamedTuple

import msgspec

from dagster_project.home import Home
from dagster_project.lake.session_days import WallClock
from dagster_project.lake.session_sources import SessionListing, SessionSource
from live.journal import (
    START,
    Anchor,
    AnchorHistory,
    JournalDamagedError,
    JournalReader,
    Seal,
    TapeDamagedError,
    Verification,
    read_anchors,
    read_tape,
    tape_reaches,
    verify_journal,
)
from live.journal.disk import file_digest
from live.journal.prefix import Prefix, TapeSegment, prefix_name
from live.promotion.durable_files import replace_file, sync_directory

ARCHIVE_SCHEMA = 1
SESSION_FILE = "session.json"
ANCHORS_FILE = "anchors.jsonl"
TAPE_FOLDER = "tape"
PROVISIONAL = "provisional"


class ArchivedSegment(msgspec.Struct, frozen=True):
    """Name a segment of an archived tape: its number, the sha256 of its file, how many events it holds."""

    segment: int
    digest: str
    events: int


class ArchivedSession(msgspec.Struct, frozen=True, kw_only=True):
    """Describe an archived session, as it was verified; times are nanoseconds UTC.

    Attributes:
        source: where it was pulled from.
        sealed_at: None while it is provisional.
        predecessor_head: chain head of the session before, empty for the first.
        closed: whether it closed in an orderly way, and not by a crash or a halt.
        tape_complete: whether the tape reaches as far as the journal's last record says.
        days: UTC days of the machine's clock from its first record to its last.
        reaches: of a provisional session, which has not ended, the time of the anchor up to which all it recorded is here;
            None once it ended.
    """

    schema: int
    session_id: str
    source: str
    created_at: int
    sealed_at: int | None
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
    reaches: int | None = None


class SessionFiles(NamedTuple):
    """Name the files of one copy of a session."""

    journal: Path
    tape: Path
    anchors: Path

    def clock(self) -> WallClock:
        """Give the clock that says when the records were written."""
        return WallClock(read_anchors(self.anchors))


def provisional_folder(home: Home, session_id: str) -> Path:
    """Name the folder of what is known of a session that has not ended."""
    return home.lake / PROVISIONAL / session_id


def prefix_folder(home: Home, prefix: Prefix) -> Path:
    """Name the folder of one prefix of a session."""
    return provisional_folder(home, prefix.anchor.session_id) / prefix_name(prefix.anchor)


def files_of(home: Home, session: ArchivedSession) -> SessionFiles:
    """Name the files of an archived session, or of a provisional one."""
    folder = home.sessions / session.session_id
    if session.reaches is not None:
        anchor = Anchor(session.session_id, session.commits, session.records, session.head, session.reaches)
        folder = provisional_folder(home, session.session_id) / prefix_name(anchor)
    return SessionFiles(folder / f"{session.session_id}.journal", folder / TAPE_FOLDER, folder / ANCHORS_FILE)


def copy_session(home: Home, source: SessionSource, listing: SessionListing) -> None:
    """Copy a sealed session into the archive.

    Raises:
        SessionSourceError: the source does not give what it lists.
        JournalError, TapeError: what it gives is damaged.
    """
    _appear(home.sessions / listing.session_id, lambda folder: _pull_session(source, listing, folder))


def copy_prefix(home: Home, source: SessionSource, prefix: Prefix) -> None:
    """Copy what a session published that has not ended.

    Raises:
        SessionSourceError: the source does not give what it lists.
        JournalError, TapeError: what it gives is damaged.
    """
    destination = prefix_folder(home, prefix)
    destination.parent.mkdir(parents=True, exist_ok=True)
    _appear(destination, lambda folder: _pull_prefix(source, prefix, folder))


def _appear(destination: Path, pull: Callable[[Path], ArchivedSession]) -> None:
    scratch = Path(tempfile.mkdtemp(prefix=f".{destination.name}.", suffix=".partial", dir=destination.parent))
    try:
        session = pull(scratch)
        replace_file(scratch / SESSION_FILE, msgspec.json.format(msgspec.json.encode(session), indent=1) + b"\n")
        scratch.chmod(0o755)
        scratch.rename(destination)
        sync_directory(destination.parent)
    finally:
        shutil.rmtree(scratch, ignore_errors=True)


def _pull_session(source: SessionSource, listing: SessionListing, folder: Path) -> ArchivedSession:
    session_id = listing.session_id
    history = source.anchors(session_id)
    journal = folder / f"{session_id}.journal"
    source.copy_journal(session_id, journal)
    sealed = history.seals[0].file_sha256 if history.seals else "nothing"
    if (digest := file_digest(journal)) != sealed:
        raise JournalDamagedError(f"{journal.name} has the sha256 {digest}, its seal says {sealed}: it was changed, restore it from a copy")
    verified = _verify(journal, folder / ANCHORS_FILE, history, session_id)
    segments = _pull_tape(listing.segments, folder / TAPE_FOLDER, lambda one, copied: source.copy_segment(session_id, one, copied))
    return _describe(source, folder, journal, verified, segments, history)


def _pull_prefix(source: SessionSource, prefix: Prefix, folder: Path) -> ArchivedSession:
    anchor = prefix.anchor
    anchors = source.anchors(anchor.session_id).anchors
    if anchor not in anchors:
        raise JournalDamagedError(
            f"what {anchor.session_id} published ends at commit {anchor.commit}, head {anchor.head}, which the anchor log does not have"
        )
    history = AnchorHistory(anchors[: anchors.index(anchor) + 1], (), 0)
    journal = folder / f"{anchor.session_id}.journal"
    source.copy_prefix_journal(prefix, journal)
    if (digest := file_digest(journal)) != prefix.file_sha256:
        raise JournalDamagedError(f"what {anchor.session_id} published has the sha256 {digest}, {prefix.file_sha256} was written")
    verified = _verify(journal, folder / ANCHORS_FILE, history, anchor.session_id)
    if (verified.commits, verified.records, verified.head) != (anchor.commit, anchor.seq, anchor.head):
        raise JournalDamagedError(f"what {anchor.session_id} published ends at seq {verified.records}, not at its anchor {anchor.seq}")
    segments = _pull_tape(prefix.segments, folder / TAPE_FOLDER, lambda one, copied: source.copy_prefix_segment(prefix, one, copied))
    session = _describe(source, folder, journal, verified, segments, history)
    if not session.tape_complete:
        raise TapeDamagedError(f"the tape that {anchor.session_id} published ends before its journal: the next prefix replaces it")
    return session


def _verify(journal: Path, anchors: Path, history: AnchorHistory, session_id: str) -> Verification:
    entries: list[Anchor | Seal] = [*history.anchors, *history.seals]
    replace_file(anchors, b"".join(msgspec.json.encode(entry) + b"\n" for entry in entries))
    verified = verify_journal(journal, anchors)
    if verified.session_id != session_id:
        raise JournalDamagedError(f"{journal.name} holds session {verified.session_id}: a journal is named by its session, restore it")
    return verified


def _describe(
    source: SessionSource,
    folder: Path,
    journal: Path,
    verified: Verification,
    segments: tuple[ArchivedSegment, ...],
    history: AnchorHistory,
) -> ArchivedSession:
    seal = history.seals[0] if history.seals else None
    with JournalReader(journal) as reader:
        meta = reader.meta
        last = next(reader.rows(newest_first=True, limit=1), None)
        closed = next(reader.rows(kinds=("SessionClosed",), limit=1), None) is not None
    position = START if last is None else (last.segment, last.offset)
    return ArchivedSession(
        schema=ARCHIVE_SCHEMA,
        session_id=verified.session_id,
        source=source.name,
        created_at=meta.created_at,
        sealed_at=None if seal is None else seal.at,
        file_sha256=file_digest(journal) if seal is None else seal.file_sha256,
        head=verified.head,
        predecessor_head=meta.predecessor_head,
        parity_digest=verified.parity_digest,
        records=verified.records,
        commits=verified.commits,
        segments=segments,
        tape_complete=position == START or tape_reaches(folder / TAPE_FOLDER, position),
        closed=closed,
        days=tuple(str(day) for day in WallClock(history).days(verified.records)),
        reaches=history.anchors[-1].at if seal is None else None,
    )


def _pull_tape(segments: Sequence[TapeSegment], tape: Path, copy: Callable[[TapeSegment, Path], None]) -> tuple[ArchivedSegment, ...]:
    """Copy the segments, hold each to its digest and read it through."""
    tape.mkdir()
    for segment in segments:
        copied = tape / segment.file_name
        copy(segment, copied)
        if (digest := file_digest(copied)) != segment.digest:
            raise TapeDamagedError(f"tape segment {copied.name} has digest {digest}, not the one in its name: restore it from a copy")
    events = {segment.segment: 0 for segment in segments}
    for number, _, _ in read_tape(tape):
        events[number] += 1
    return tuple(ArchivedSegment(segment.segment, segment.digest, events[segment.segment]) for segment in segments)
