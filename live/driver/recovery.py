"""Recovery: from the journals of earlier sessions to the state a new session begins with. Never runs strategy code."""

import re
from pathlib import Path
from typing import NamedTuple

from live.core.errors import InterlockError
from live.core.state import EngineState
from live.journal import JournalReader, SnapshotTaken, recover_tape, verify_journal

JOURNALS = "journal"
TAPES = "tape"
ANCHORS = "anchors.jsonl"
_NAME = re.compile(r"(?P<number>\d{6})-(?P<nonce>[0-9A-Z]{8})\.journal")


class RecoveryError(InterlockError):
    """The journals cannot be turned into a state to trust."""


class Recovered(NamedTuple):
    """What earlier sessions left.

    Attributes:
        number: of the newest session, 0 when there was none.
        state: the fold of everything recorded.
        head: chain head that the next session begins from, empty when there was none.
        truncated_bytes: bytes cut off the newest tape because a crash tore them.
        market_time: `ts_init` of the last market event on the newest tape, 0 when there was none.
    """

    number: int
    state: EngineState
    head: str
    truncated_bytes: int
    market_time: int


def session_journals(home: Path) -> list[Path]:
    """List the session journals of a home, oldest first."""
    return sorted(path for path in (home / JOURNALS).glob("*.journal") if _NAME.fullmatch(path.name))


def anchors_path(home: Path) -> Path:
    """Name the anchor log of a home."""
    return home / JOURNALS / ANCHORS


def recover(home: Path) -> Recovered:
    """Verify the newest journal, close its tape, and fold its records from the last snapshot.

    Raises:
        JournalDamagedError, TapeDamagedError: something is not as it was written; nothing may trade on it.
        RecoveryError: journals exist, but none holds a state.
    """
    journals = session_journals(home)
    if not journals:
        return Recovered(0, EngineState(), "", 0, 0)
    newest = journals[-1]
    anchors = anchors_path(home) if anchors_path(home).exists() else None
    head = verify_journal(newest, anchors).head
    truncated, market_time = _recover_tape(home / TAPES / newest.stem)
    for path in reversed(journals):
        if path != newest:
            verify_journal(path, anchors)
        state = fold_journal(path)
        if state is not None:
            return Recovered(int(newest.name[:6]), state, head, truncated, market_time)
    raise RecoveryError(f"no journal in {home / JOURNALS} holds a snapshot: restore them from a copy before starting")


def fold_journal(path: Path) -> EngineState | None:
    """Fold a journal from its last snapshot to its end; None when it ended before its first snapshot."""
    with JournalReader(path) as reader:
        snapshot = reader.last_snapshot()
        if snapshot is None:
            return None
        seq, body = snapshot
        state = EngineState.restore(body)
        for row in reader.rows(after_seq=seq):
            entry = row.entry()
            if not isinstance(entry, SnapshotTaken):
                state.apply(entry)
        return state


def _recover_tape(directory: Path) -> tuple[int, int]:
    if not directory.is_dir():
        return 0, 0
    recovery = recover_tape(directory)
    return recovery.truncated_bytes, last_market_time(directory)


def last_market_time(directory: Path) -> int:
    """Give `ts_init` of the last event on a recovered tape, 0 for an empty one."""
    from live.journal.segments import list_segments, read_segment

    segments = list_segments(directory)
    if not segments:
        return 0
    last = 0
    for event in read_segment(segments[-1][1])[1]:
        last = event.ts_init
    return last
