"""Child process: run an action again and again, killed at its first, second, … touch of the file system, and print what held.

Every touch that Python reports to audit hooks is a crash point: opening, linking, renaming, removing, truncating.
"""

import json
import os
import shutil
import signal
import sys
from collections.abc import Callable
from pathlib import Path

import msgspec
from sealed_sessions import leave_sessions

from live.core.inputs import Bar, ClockTicked
from live.core.instruments import Instrument
from live.driver.recovery import recover as recover_home
from live.driver.retention import apply_retention, plan_retention
from live.journal import (
    Anchor,
    AnchorLog,
    JournalFile,
    JournalReader,
    NotAJournalError,
    TapeWriter,
    read_tape,
    recover_tape,
    seal_journal,
    verify_journal,
)
from live.journal.disk import file_digest
from live.journal.frames import frame, make_header
from live.journal.prefix import PREFIX_JOURNAL, PREFIX_TAPE, list_prefixes, prefix_name, read_prefix, write_prefix

INSTRUMENT = Instrument(instrument_id="binance-spot:BTCUSDT", base="BTC", quote="USDT", price_scale=2, quantity_scale=5)
TOUCHES = {"open", "os.link", "os.rename", "os.remove", "os.truncate", "os.mkdir", "sqlite3.connect"}
EVENTS = 7


def make_bar(number: int) -> Bar:
    """Make the n-th market event."""
    return Bar(number, number, "binance-spot:BTCUSDT", 1, 2, 3, 4, number)


def crash_everywhere(
    home: Path, prepare: Callable[[Path], None], action: Callable[[Path], None], check: Callable[[Path], str]
) -> list[str]:
    """Run `action` in a fresh directory, killed at one touch later each time, until it survives; collect what `check` finds."""
    found: list[str] = []
    while True:
        directory = home / str(len(found))
        directory.mkdir()
        prepare(directory)
        child = os.fork()
        if child == 0:
            _die_at(len(found))
            action(directory)
            os._exit(0)
        _, status = os.waitpid(child, 0)
        found.append(check(directory))
        shutil.rmtree(directory)
        if not os.WIFSIGNALED(status):
            assert os.waitstatus_to_exitcode(status) == 0
            return found


def _die_at(last: int) -> None:
    touched = 0

    def hook(event: str, _: tuple[object, ...]) -> None:
        nonlocal touched
        if event in TOUCHES:
            if touched == last:
                os.kill(os.getpid(), signal.SIGKILL)
            touched += 1

    sys.addaudithook(hook)


def create_journal(directory: Path) -> None:
    """Create a journal."""
    JournalFile.create(directory / "session.journal", session_id="session-1").abandon()


def check_journal(directory: Path) -> str:
    """Tell whether nothing or a whole journal is there."""
    path = directory / "session.journal"
    try:
        with JournalReader(path) as reader:
            assert reader.meta.session_id == "session-1"
    except NotAJournalError:
        assert not path.exists()
        return "nothing"
    verify_journal(path)
    return "journal"


def write_tape(directory: Path) -> None:
    """Write a tape of three segments and close it."""
    with TapeWriter(directory / "tape", "session-1", [INSTRUMENT], roll_events=3) as tape:
        for number in range(EVENTS):
            tape.append(make_bar(number))
            with (directory / "handled").open("a") as stream:
                stream.write(".")


def leave_tape(directory: Path) -> None:
    """Leave a tape as a crash does: a closed segment's twin, an open one and half a compressed one."""
    (directory / "tape").mkdir()
    for segment, numbers in ((1, range(3)), (2, range(3, EVENTS))):
        content = (
            b"ILTAPE1\n" + frame(make_header("session-1", segment, (INSTRUMENT,))) + b"".join(frame(make_bar(number)) for number in numbers)
        )
        (directory / "tape" / f"{segment:06d}.tape").write_bytes(content)
    (directory / "tape" / ".000001.tape.gz.partial").write_bytes(b"half")
    (directory / "handled").write_text("." * EVENTS)


def recover(directory: Path) -> None:
    """Recover the tape."""
    recover_tape(directory / "tape")


def check_tape(directory: Path) -> str:
    """Recover a tape and tell how much of what had been handled is missing."""
    if not (directory / "tape").is_dir():
        return "no tape, nothing handled" if not (directory / "handled").exists() else "no tape, but events were handled"
    recover_tape(directory / "tape")
    handled = len((directory / "handled").read_text()) if (directory / "handled").exists() else 0
    events = [event for _, _, event in read_tape(directory / "tape")]
    assert events == [make_bar(number) for number in range(len(events))]
    return f"{max(0, handled - len(events))} missing"


def leave_crashed_journal(directory: Path) -> None:
    """Leave a journal with its write-ahead log."""
    child = os.fork()
    if child == 0:
        journal = JournalFile.create(directory / "session.journal", session_id="session-1")
        journal.append_snapshot(b"state", 1)
        journal.commit()
        os.kill(os.getpid(), signal.SIGKILL)
    os.waitpid(child, 0)
    assert (directory / "session.journal-wal").stat().st_size > 0


def seal(directory: Path) -> None:
    """Seal the journal."""
    with AnchorLog(directory / "anchors.jsonl") as log:
        seal_journal(directory / "session.journal", log, at=1)


def check_sealed(directory: Path) -> str:
    """Seal again and verify."""
    seal(directory)
    found = verify_journal(directory / "session.journal", directory / "anchors.jsonl")
    return f"sealed={found.sealed} records={found.records}"


def leave_open_session(directory: Path) -> None:
    """Leave a journal and a tape as a session that runs has them: two segments, the first one closed."""
    with TapeWriter(directory / "tape", "session-1", [INSTRUMENT], roll_events=3) as tape:
        for number in range(3):
            tape.append(make_bar(number))
    events = b"".join(frame(make_bar(number)) for number in range(3, EVENTS))
    (directory / "tape" / "000002.tape").write_bytes(b"ILTAPE1\n" + frame(make_header("session-1", 2, (INSTRUMENT,))) + events)
    journal = JournalFile.create(directory / "session.journal", session_id="session-1")
    journal.append_step(ClockTicked(1), [], (2, EVENTS - 4))
    journal.commit()
    (directory / "anchor.json").write_bytes(msgspec.json.encode(Anchor("session-1", *journal.tip, at=1)))
    journal.abandon()
    (directory / "published").mkdir()


def publish(directory: Path) -> None:
    """Publish a prefix of the session."""
    anchor = msgspec.json.decode((directory / "anchor.json").read_bytes(), type=Anchor)
    write_prefix(directory / "session.journal", directory / "tape", directory / "published" / prefix_name(anchor), anchor, lambda: None)


def check_published(directory: Path) -> str:
    """Tell whether nothing or a whole prefix is there."""
    verify_journal(directory / "session.journal")
    found = list_prefixes(directory / "published")
    if not found:
        assert not list((directory / "published").glob("[0-9]*"))
        return "nothing"
    (folder,) = found
    assert verify_journal(folder / PREFIX_JOURNAL).head == read_prefix(folder).anchor.head
    assert [event for _, _, event in read_tape(folder / PREFIX_TAPE)] == [make_bar(number) for number in range(EVENTS - 1)]
    return "prefix"


def leave_old_sessions(directory: Path) -> None:
    """Leave three sealed sessions, the same every time, and write down what they are."""
    template = directory.parent / "template"
    if not template.exists():
        leave_sessions(template, 3)
    shutil.copytree(template, directory / "home")
    found = {str(path.relative_to(directory / "home")): file_digest(path) for path in (directory / "home").rglob("*") if path.is_file()}
    (directory / "before.json").write_text(json.dumps(found))


def retain(directory: Path) -> None:
    """Move all but the newest session to an archive."""
    plans = plan_retention(directory / "home", now=1, keep_sessions=1, keep_days=None)
    apply_retention(directory / "home", directory / "archive", plans, now=1)


def check_retained(directory: Path) -> str:
    """See that nothing is lost and a start is possible; then run again and see that it is finished."""
    home, archive = directory / "home", directory / "archive"
    before = json.loads((directory / "before.json").read_text())
    for name, digest in before.items():
        places = [place / name for place in (home, archive) if (place / name).exists()]
        assert places, f"{name} is gone"
        assert all(file_digest(place) == digest for place in places), f"{name} is another"
    assert recover_home(home).number == 3
    retain(directory)
    for name in before:
        stays = "000003" in name or name.endswith("anchors.jsonl")
        assert ((home / name).exists(), (archive / name).exists()) == (stays, not stays), name
    assert recover_home(home).number == 3
    return "finished"


def nothing(_: Path) -> None:
    """Prepare nothing."""


if __name__ == "__main__":
    scenarios = {
        "create": (nothing, create_journal, check_journal),
        "tape": (nothing, write_tape, check_tape),
        "recover": (leave_tape, recover, check_tape),
        "publish": (leave_open_session, publish, check_published),
        "retain": (leave_old_sessions, retain, check_retained),
        "seal": (leave_crashed_journal, seal, check_sealed),
    }
    json.dump(crash_everywhere(Path(sys.argv[2]), *scenarios[sys.argv[1]]), sys.stdout)
