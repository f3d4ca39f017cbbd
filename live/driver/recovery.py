"""Recovery: from the journals and tapes of earlier sessions to what a new session begins with. Never runs strategy code."""

import re
from pathlib import Path
from typing import NamedTuple

from live.core.errors import InterlockError
from live.core.snapshots import restore_state
from live.core.state import EngineState
from live.journal import START, JournalReader, SnapshotTaken, read_segment, recover_tape, tape_reaches, verify_journal
from live.journal.segments import list_segments
from live.journal.write_ahead_log import refuse_damaged_log

JOURNALS = "journal"
TAPES = "tape"
ANCHORS = "anchors.jsonl"
_NAME = re.compile(r"(?P<number>\d{6})-(?P<nonce>[0-9A-Z]{8})\.journal")


class RecoveryError(InterlockError):
    """The journals cannot be turned into a state to trust."""


class MarketProgress(NamedTuple):
    """Say how far the market was followed: up to a time, and at that very time for which instruments.

    Attributes:
        time: `ts_init` of the last market event, warm-up apart, nanoseconds UTC; 0 when there was none.
        instrument_ids: the instruments whose events at `time` were handled; others at that time still lie ahead.
    """

    time: int
    instrument_ids: frozenset[str]


NO_PROGRESS = MarketProgress(0, frozenset())


class Recovered(NamedTuple):
    """What earlier sessions left.

    Attributes:
        number: of the newest session, 0 when there was none.
        state: the fold of everything recorded.
        head: chain head that the next session begins from, empty when there was none.
        truncated_bytes: bytes cut off tapes because a crash tore them.
        market: how far the market was followed.
        tape_complete: whether the tape holds every market event that the newest records rest on.
    """

    number: int
    state: EngineState
    head: str
    truncated_bytes: int
    market: MarketProgress
    tape_complete: bool


def session_journals(home: Path) -> list[Path]:
    """List the session journals of a home, oldest first."""
    return sorted(path for path in (home / JOURNALS).glob("*.journal") if _NAME.fullmatch(path.name))


def anchors_path(home: Path) -> Path:
    """Name the anchor log of a home."""
    return home / JOURNALS / ANCHORS


def recover(home: Path) -> Recovered:
    """Verify the newest journals back to one that holds a state, close their tapes, and fold its records.

    A session that crashed before its first commit recorded nothing and left nothing at a venue: the one before it is
    where things stand.

    Raises:
        JournalDamagedError, TapeDamagedError: something is not as it was written; nothing may trade on it.
        RecoveryError: a journal holds records, but no snapshot to fold them from.
    """
    journals = session_journals(home)
    if not journals:
        return Recovered(0, EngineState(), "", 0, NO_PROGRESS, True)
    anchors = anchors_path(home) if anchors_path(home).exists() else None
    state: EngineState | None = None
    head = ""
    truncated = 0
    for path in reversed(journals):
        refuse_damaged_log(path)
        verified = verify_journal(path, anchors)
        head = head or verified.head
        truncated += _recover_tape(home / TAPES / path.stem)
        state = fold_journal(path)
        if state is not None:
            break
        if verified.records:
            raise RecoveryError(f"{path} holds {verified.records} records and no snapshot: restore it from a copy before starting")
    complete = _tape_is_complete(home / TAPES / journals[-1].stem, journals[-1])
    return Recovered(int(journals[-1].name[:6]), state or EngineState(), head, truncated, market_progress(home, journals), complete)


def fold_journal(path: Path) -> EngineState | None:
    """Fold a journal from its last snapshot to its end; None when it ended before its first snapshot."""
    with JournalReader(path) as reader:
        snapshot = reader.last_snapshot()
        if snapshot is None:
            return None
        seq, body = snapshot
        state = restore_state(body)
        for row in reader.rows(after_seq=seq):
            entry = row.entry()
            if not isinstance(entry, SnapshotTaken):
                state.apply(entry)
        return state


def market_progress(home: Path, journals: list[Path]) -> MarketProgress:
    """Find how far the recovered tapes of earlier sessions followed the market, warm-up apart.

    Several sessions may have ended at the same moment of the market, each after some of its instruments.
    """
    progress = NO_PROGRESS
    for journal in reversed(journals):
        directory = home / TAPES / journal.stem
        for _, segment in reversed(list_segments(directory) if directory.is_dir() else []):
            earlier = _followed(segment)
            if progress.time and 0 < earlier.time < progress.time:
                return progress
            if earlier.time:
                progress = MarketProgress(earlier.time, progress.instrument_ids | earlier.instrument_ids)
    return progress


def _followed(segment: Path) -> MarketProgress:
    progress = NO_PROGRESS
    for event in read_segment(segment)[1]:
        if not event.warm_up:
            known = progress.instrument_ids if event.ts_init == progress.time else frozenset[str]()
            progress = MarketProgress(event.ts_init, known | {event.instrument_id})
    return progress


def _tape_is_complete(tape: Path, journal: Path) -> bool:
    """Tell whether a tape reaches as far as the journal's last row says; a power loss can cost its end, whole events too."""
    with JournalReader(journal) as reader:
        last = next(reader.rows(newest_first=True, limit=1), None)
    if last is None or (last.segment, last.offset) == START:
        return True
    return tape.is_dir() and tape_reaches(tape, (last.segment, last.offset))


def _recover_tape(directory: Path) -> int:
    return recover_tape(directory).truncated_bytes if directory.is_dir() else 0
