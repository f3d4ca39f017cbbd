"""Retention: move whole sessions, the oldest first, out of a home into an archive directory. Nothing is ever deleted.

A session is its journal and its tape. It moves only when it was closed and sealed, when nothing that a start looks at
lies in it, and when the session after it names its head. What is moved is written down first, so that
`interlock journal verify` still proves what the next session follows. Each file is copied, or linked on the same disk,
synced and compared before its old name goes: a crash leaves it in one of the two places or, the same, in both, and the
next run finishes.
"""

import contextlib
import os
import shutil
from collections.abc import Collection, Iterable
from datetime import timedelta
from pathlib import Path
from typing import NamedTuple

from live.core.errors import InterlockError
from live.driver.recovery import JOURNALS, TAPES, anchors_path, market_progress, session_journals
from live.journal import JournalReader, Seal, read_anchors
from live.journal.disk import file_digest, make_directory, sync_directory
from live.journal.moved import MOVED_FILE, MovedFile, MovedSession, read_moved, write_moved

_PARTIAL = ".partial"


class RetentionError(InterlockError):
    """Sessions cannot be moved: what is asked for makes no sense, or two files of one name differ."""


class Plan(NamedTuple):
    """Say what becomes of one session.

    Attributes:
        session_id: the session.
        bytes: of its journal and its tape.
        moves: whether it is moved.
        reason: why it stays, or why it goes.
    """

    session_id: str
    bytes: int
    moves: bool
    reason: str


def plan_retention(home: Path, *, now: int, keep_sessions: int | None, keep_days: int | None) -> list[Plan]:
    """Say which sessions would be moved, oldest first; from the first one that stays on, all stay.

    Args:
        home: with its journals, tapes and anchor log.
        now: nanoseconds UTC.
        keep_sessions: keep so many of the newest, at least 1.
        keep_days: keep those that were sealed within so many days, at least 0.

    Raises:
        RetentionError: nothing says what to keep.
        InterlockError: a journal that a start needs cannot be read.
    """
    if keep_sessions is None and keep_days is None:
        raise RetentionError("say what to keep: --keep-sessions or --keep-days, or both")
    if (keep_sessions is not None and keep_sessions < 1) or (keep_days is not None and keep_days < 0):
        raise RetentionError(f"at least 1 session and 0 days are kept, received {keep_sessions} sessions and {keep_days} days")
    journals = session_journals(home)
    anchors = anchors_path(home)
    seals = {seal.session_id: seal for seal in read_anchors(anchors).seals} if anchors.exists() else {}
    needed = _needed(home, journals, seals)
    oldest_kept = now - int(timedelta(days=keep_days or 0).total_seconds()) * 1_000_000_000
    plans: list[Plan] = []
    older_stays = False
    for place, path in enumerate(journals):
        seal = seals.get(path.stem)
        if keep_sessions is not None and place >= len(journals) - keep_sessions:
            stays = f"one of the newest {keep_sessions}"
        elif keep_days is not None and seal is not None and seal.at >= oldest_kept:
            stays = f"sealed within {keep_days} days"
        elif older_stays:
            stays = "an older session stays"
        else:
            stays = _reason_to_stay(path, journals[place + 1 : place + 2], seal, needed)
        older_stays = older_stays or bool(stays)
        size = sum(file.stat().st_size for file in (path, *_tape_files(home, path.stem)))
        plans.append(Plan(path.stem, size, not stays, stays or "moves to the archive"))
    return plans


def apply_retention(home: Path, archive: Path, plans: Iterable[Plan], *, now: int) -> list[MovedSession]:
    """Move what a plan says, oldest first, after finishing what an earlier run began.

    Args:
        home: of the journals and tapes.
        archive: where they go, into `journal` and `tape`; made when it is not there.
        plans: as planned just before.
        now: nanoseconds UTC, for the list of what was moved.

    Returns:
        The sessions that were moved, those of an earlier run that was cut off among them.

    Raises:
        RetentionError: a file in the archive has the name of one of these and other bytes, or a disk refused; what was moved
            so far is whole, and the next run goes on.
    """
    archive = archive.resolve()
    if archive == home.resolve():
        raise RetentionError(f"{archive} is the home itself: name another directory with --to")
    latest = {moved.session_id: moved for moved in read_moved(home / JOURNALS / MOVED_FILE)}
    begun = [moved for moved in latest.values() if _is_unfinished(home, moved)]
    done = {moved.session_id for moved in begun}
    fresh: list[MovedSession] = []
    try:
        for moved in begun:
            _move(home, Path(moved.archive), moved)
        for plan in plans:
            if plan.moves and plan.session_id not in done:
                moved = _describe(home, archive, plan.session_id, now)
                write_moved(home / JOURNALS / MOVED_FILE, moved)
                _move(home, archive, moved)
                fresh.append(moved)
    except OSError as error:
        raise RetentionError(f"sessions of {home} could not be moved to {archive} ({error}): check the disks, then run it again") from error
    return [*begun, *fresh]


def _needed(home: Path, journals: list[Path], sealed: Collection[str]) -> frozenset[str]:
    """Name the sessions that a start looks at: back to the one that holds the state, and to how far the market was followed.

    Only tapes of sealed sessions are read, since a running one changes its own; they alone can only name more sessions.
    """
    first = len(journals)
    while first:
        first -= 1
        with JournalReader(journals[first]) as reader:
            if reader.last_snapshot() is not None:
                break
    closed = [path for path in journals if path.stem in sealed]
    progress = market_progress(home, closed)
    while first and market_progress(home, [path for path in closed if path >= journals[first]]) != progress:
        first -= 1
    return frozenset(path.stem for path in journals[first:])


def _reason_to_stay(path: Path, successors: list[Path], seal: Seal | None, needed: frozenset[str]) -> str:
    if path.stem in needed:
        return "the next start needs it"
    if seal is None:
        return "not sealed: it was not closed, or the next start has yet to seal it"
    if file_digest(path) != seal.file_sha256:
        return "changed since it was sealed: run `interlock journal verify`"
    for successor in successors:
        with JournalReader(path) as reader, JournalReader(successor) as after:
            if after.meta.predecessor_head != reader.head:
                return f"{successor.stem} does not follow its head: run `interlock journal verify`"
    return ""


def _describe(home: Path, archive: Path, session_id: str, now: int) -> MovedSession:
    journal = home / JOURNALS / f"{session_id}.journal"
    with JournalReader(journal) as reader:
        head = reader.head
    files = [MovedFile(str(path.relative_to(home)), file_digest(path)) for path in (journal, *_tape_files(home, session_id))]
    return MovedSession(session_id, head, str(archive), now, tuple(files))


def _move(home: Path, archive: Path, moved: MovedSession) -> None:
    """Have every file in the archive before the first goes from the home: the journal first, so that no start misses its tape."""
    for file in moved.files:
        if (home / file.path).exists():
            _copy(home / file.path, archive / file.path, file.sha256)
        elif not (archive / file.path).exists():
            raise RetentionError(f"{file.path} is neither in {home} nor in {archive}: restore it from a copy")
    for file in moved.files:
        source = home / file.path
        if source.exists():
            source.unlink()
            sync_directory(source.parent)
    tape = home / TAPES / moved.session_id
    if tape.is_dir():
        with contextlib.suppress(OSError):  # something else lies in it, which is not ours to move
            tape.rmdir()
            sync_directory(tape.parent)


def _copy(source: Path, target: Path, sha256: str) -> None:
    make_directory(target.parent)
    if not target.exists():
        partial = target.with_name(f".{target.name}{_PARTIAL}")
        partial.unlink(missing_ok=True)
        try:
            partial.hardlink_to(source)
        except OSError:  # another disk, or one without links
            shutil.copy2(source, partial)
        with partial.open("rb") as stream:
            os.fsync(stream.fileno())
        if file_digest(partial) != sha256:
            raise RetentionError(f"{source} is not what it was when its move was planned: run `interlock journal verify`")
        partial.rename(target)
        sync_directory(target.parent)
    elif file_digest(target) != sha256:
        raise RetentionError(f"{target} is there already and is another file than {source}: name another directory with --to")


def _is_unfinished(home: Path, moved: MovedSession) -> bool:
    """Tell whether some files of a session went and some did not; while all are here, a plan may still choose another archive."""
    here = [(home / file.path).exists() for file in moved.files]
    return any(here) and not all(here)


def _tape_files(home: Path, session_id: str) -> list[Path]:
    directory = home / TAPES / session_id
    return sorted(path for path in directory.iterdir() if path.is_file()) if directory.is_dir() else []
