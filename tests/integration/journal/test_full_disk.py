"""A disk that refuses ends the writer for good: told once, nothing tried again, nothing lost that was reported."""

import json
import subprocess
import sys
from pathlib import Path
from typing import Any

from live.journal import AnchorLog, read_tape, recover_tape, verify_journal

HERE = Path(__file__).parent


def _run(what: str, home: Path) -> dict[str, Any]:
    result = subprocess.run([sys.executable, HERE / "full_disk.py", what, home], capture_output=True, text=True, check=False, timeout=60)
    assert result.returncode == 0, result.stderr
    report: dict[str, Any] = json.loads(result.stdout)
    return report


def test_a_journal_on_a_full_disk_fails_once_and_takes_nothing_more(tmp_path: Path) -> None:
    """Room that appears later changes nothing: what the failed write left behind is not known."""
    report = _run("journal", tmp_path)
    assert report["failures"] == ["JournalFailedError"]
    assert report["refused"] == report["later"] == report["later_snapshot"] == "JournalFailedError"
    assert report["direct"] != "nothing"
    assert report["closed"] == "nothing"
    assert 10 < report["announced"] < report["submitted"]
    found = verify_journal(tmp_path / "session.journal")
    assert report["announced"] <= found.records <= report["submitted"]


def test_a_tape_on_a_full_disk_fails_and_keeps_what_it_took(tmp_path: Path) -> None:
    """The event that did not fit is torn, and the error says so; every one before it is there after recovery."""
    report = _run("tape", tmp_path)
    assert report["refused"] == report["later"] == report["sync"] == "TapeFailedError"
    assert report["closed"] == "nothing"
    assert "bytes were written" in report["reason"]
    assert report["position"] == [1, report["appended"]]
    recovery = recover_tape(tmp_path / "tape")
    assert recovery.events == report["appended"] > 100
    assert recovery.truncated_bytes > 0
    assert len(list(read_tape(tmp_path / "tape"))) == report["appended"]


def test_an_anchor_log_on_a_full_disk_says_so_and_can_be_opened_again(tmp_path: Path) -> None:
    """An anchor that failed is torn off; those before it stand."""
    report = _run("anchors", tmp_path)
    assert report["refused"] == report["later"] == "AnchorLogError"
    with AnchorLog(tmp_path / "anchors.jsonl") as log:
        assert log.torn_bytes > 0
        assert len(log.history().anchors) == report["anchored"] > 10
        log.anchor(session_id="session-1", commit=99, seq=1, head="h", at=1)
        assert len(log.history().anchors) == report["anchored"] + 1
