"""What a real process leaves when it is killed: everything it reported, and nothing half done."""

import json
import subprocess
import sys
from pathlib import Path

import pytest

from live.core.inputs import ClockTicked
from live.core.records import OrderTransitioned
from live.journal import AnchorLog, JournalReader, SnapshotTaken, read_tape, recover_tape, seal_journal, tape_reaches, verify_journal

HERE = Path(__file__).parent


@pytest.mark.parametrize("reports", [1, 2, 5, 60, 400])
def test_a_killed_writer_leaves_everything_it_reported_durable(tmp_path: Path, reports: int) -> None:
    """SIGKILL in the middle of a loop: the journal verifies, holds every reported row, and the tape every event they rest on."""
    with subprocess.Popen([sys.executable, HERE / "step_writer.py", tmp_path], stdout=subprocess.PIPE, stderr=subprocess.PIPE) as child:
        assert child.stdout is not None
        assert child.stderr is not None
        lines = [child.stdout.readline() for _ in range(reports)]
        child.kill()
        reported = [int(text) for text in (b"".join(lines) + child.stdout.read()).split(b"\n")[:-1]]
        assert child.stderr.read() == b""

    found = verify_journal(tmp_path / "session.journal")
    assert found.records >= reported[-1]
    recover_tape(tmp_path / "tape")
    events = list(read_tape(tmp_path / "tape"))
    assert [event.volume for _, _, event in events] == list(range(1, len(events) + 1))
    with JournalReader(tmp_path / "session.journal") as reader:
        rows = list(reader.rows())
    assert all(tape_reaches(tmp_path / "tape", (row.segment, row.offset)) for row in rows[-1:])
    steps = sorted({entry.ts for row in rows if isinstance(entry := row.entry(), OrderTransitioned)})
    assert steps == list(range(1, len(steps) + 1))
    for row in rows:
        entry = row.entry()
        if isinstance(entry, OrderTransitioned):
            assert entry.order_id == f"IL{entry.ts}"
        else:
            assert isinstance(entry, ClockTicked | SnapshotTaken)
    with AnchorLog(tmp_path / "anchors.jsonl") as log:
        seal_journal(tmp_path / "session.journal", log, at=1)
    assert verify_journal(tmp_path / "session.journal", tmp_path / "anchors.jsonl").head == found.head


def test_a_step_is_never_torn_apart(tmp_path: Path) -> None:
    """All rows of a step share a commit, so a crash keeps or loses them together."""
    with subprocess.Popen([sys.executable, HERE / "step_writer.py", tmp_path], stdout=subprocess.PIPE) as child:
        assert child.stdout is not None
        for _ in range(100):
            child.stdout.readline()
        child.kill()
    with JournalReader(tmp_path / "session.journal") as reader:
        rows = list(reader.rows(kinds=["OrderTransitioned"]))
        ends = {commit.last_seq for commit in reader.commits()}
    by_step: dict[int, list[int]] = {}
    for row in rows:
        by_step.setdefault(row.ts, []).append(row.seq)
    for step, seqs in by_step.items():
        assert len(seqs) == step % 3 + 1
        assert seqs == list(range(seqs[0], seqs[0] + len(seqs)))
        assert not ends & set(seqs[:-1])


def _crash(scenario: str, home: Path) -> list[str]:
    result = subprocess.run([sys.executable, HERE / "crash_points.py", scenario, home], capture_output=True, text=True, check=False)
    assert result.returncode == 0, result.stderr
    found: list[str] = json.loads(result.stdout)
    return found


def test_a_crash_while_a_journal_is_created_leaves_all_or_nothing(tmp_path: Path) -> None:
    """At no moment is there something that looks like a journal and is none."""
    found = _crash("create", tmp_path)
    assert len(found) > 5
    assert found == sorted(found, key=["nothing", "journal"].index)
    assert {"nothing", "journal"} == set(found)


def test_a_crash_while_segments_roll_loses_no_event(tmp_path: Path) -> None:
    """Whatever step of open, compress, rename and remove is the last one, every event that was handled is there once."""
    found = _crash("tape", tmp_path)
    assert len(found) > 15
    assert set(found) <= {"no tape, nothing handled", "0 missing"}


def test_a_crash_while_a_tape_is_recovered_loses_no_event(tmp_path: Path) -> None:
    """Recovery can itself be killed anywhere and run again."""
    found = _crash("recover", tmp_path)
    assert len(found) > 8
    assert set(found) == {"0 missing"}


def test_a_crash_while_a_journal_is_sealed_can_be_finished(tmp_path: Path) -> None:
    """Sealing again completes what the crash left."""
    found = _crash("seal", tmp_path)
    assert len(found) > 5
    assert set(found) == {"sealed=True records=1"}


def test_a_crash_while_a_prefix_is_published_leaves_all_or_nothing(tmp_path: Path) -> None:
    """Whatever was touched last, no half prefix can be found, and the session's own files are as they were."""
    found = _crash("publish", tmp_path)
    assert len(found) > 10
    assert found == sorted(found, key=["nothing", "prefix"].index)
    assert {"nothing", "prefix"} == set(found)
