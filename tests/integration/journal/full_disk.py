"""Child process: write under a limit on file sizes, the nearest thing to a full disk that needs no rights, and report."""

import json
import resource
import sys
from collections.abc import Callable
from pathlib import Path

from live.core.inputs import Bar
from live.core.instruments import Instrument
from live.core.records import AlarmRaised
from live.journal import AnchorLog, AnchorLogError, GroupCommitWriter, JournalError, JournalFile, TapeWriter

INSTRUMENT = Instrument(instrument_id="binance-spot:BTCUSDT", base="BTC", quote="USDT", price_scale=2, quantity_scale=5)
DETAIL = "x" * 500


def limit_file_sizes(size: int) -> None:
    """Make every write beyond `size` bytes of any file fail with EFBIG."""
    resource.setrlimit(resource.RLIMIT_FSIZE, (size, resource.RLIM_INFINITY))


def name_of_error(action: Callable[[], object]) -> str:
    """Run something that must fail and name what it raised."""
    try:
        action()
    except JournalError as error:
        return type(error).__name__
    return "nothing"


def write_journal(home: Path) -> dict[str, object]:
    """Submit steps until the writer refuses."""
    failures: list[str] = []
    announced: list[int] = []
    journal = JournalFile.create(home / "session.journal", session_id="session-1")
    writer = GroupCommitWriter(journal, on_durable=announced.append, on_failure=lambda error: failures.append(type(error).__name__))
    limit_file_sizes(200_000)
    refused, submitted = "", 0
    while not refused:
        try:
            submitted = writer.submit_step(None, [AlarmRaised(submitted, "C", "", DETAIL)], (1, submitted))
            writer.wait_durable(submitted, 30)
        except JournalError as error:
            refused = type(error).__name__
    limit_file_sizes(resource.RLIM_INFINITY)
    return {
        "refused": refused,
        "announced": announced[-1],
        "submitted": submitted,
        "later": name_of_error(lambda: writer.submit_step(None, [AlarmRaised(1, "C", "", "")], (1, submitted))),
        "later_snapshot": name_of_error(lambda: writer.submit_snapshot(b"", 1)),
        "direct": name_of_error(journal.commit),
        "closed": name_of_error(writer.close),
        "failures": failures,
    }


def write_tape(home: Path) -> dict[str, object]:
    """Append market events until the tape refuses."""
    tape = TapeWriter(home / "tape", "session-1", [INSTRUMENT])
    limit_file_sizes(20_000)
    refused, reason, appended = "", "", 0
    while not refused:
        try:
            tape.append(Bar(appended, appended, "binance-spot:BTCUSDT", 1, 2, 3, 4, 5))
            appended += 1
        except JournalError as error:
            refused, reason = type(error).__name__, str(error)
    limit_file_sizes(resource.RLIM_INFINITY)
    return {
        "refused": refused,
        "reason": reason,
        "appended": appended,
        "position": tape.position,
        "later": name_of_error(lambda: tape.append(Bar(1, 1, "binance-spot:BTCUSDT", 1, 2, 3, 4, 5))),
        "sync": name_of_error(tape.sync),
        "closed": name_of_error(tape.close),
    }


def write_anchors(home: Path) -> dict[str, object]:
    """Anchor until the log refuses, then begin again."""
    anchored = 0
    log = AnchorLog(home / "anchors.jsonl")
    limit_file_sizes(5_000)
    refused = ""
    while not refused:
        try:
            log.anchor(session_id="session-1", commit=anchored + 1, seq=1, head="h", at=1)
            anchored += 1
        except JournalError as error:
            refused = type(error).__name__
    later = name_of_error(lambda: log.anchor(session_id="session-1", commit=99, seq=1, head="h", at=1))
    limit_file_sizes(resource.RLIM_INFINITY)
    assert refused == AnchorLogError.__name__
    return {"refused": refused, "anchored": anchored, "later": later}


if __name__ == "__main__":
    writers = {"journal": write_journal, "tape": write_tape, "anchors": write_anchors}
    json.dump(writers[sys.argv[1]](Path(sys.argv[2])), sys.stdout)
