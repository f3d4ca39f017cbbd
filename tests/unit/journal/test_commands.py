import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from live.cli.journal import app
from live.cli.output import EXIT_ERROR, EXIT_FINDING, run_reporting_errors
from live.core.records import OrderTransitioned
from live.journal import AnchorLog, JournalFile, JournalReader, seal_journal

WriteJournal = Callable[[Path, int], JournalFile]
Run = Callable[..., tuple[int, str, str]]


@pytest.fixture
def run(capsys: pytest.CaptureFixture[str]) -> Run:
    """Run a journal command as the command line does; give exit code, standard output and standard error."""

    def command(*arguments: object) -> tuple[int, str, str]:
        words = [str(argument) for argument in arguments]
        code = run_reporting_errors(lambda: app(words, standalone_mode=False), as_json="--json" in words)
        captured = capsys.readouterr()
        return code, captured.out, captured.err

    return command


@pytest.fixture
def path(tmp_path: Path, write_journal: WriteJournal) -> Path:
    """Write a journal of five steps and a snapshot: eleven rows."""
    write_journal(tmp_path / "j", 5)
    return tmp_path / "j"


def _document(result: tuple[int, str, str]) -> dict[str, Any]:
    return json.loads(result[1])


def test_verify_tells_what_holds(path: Path, run: Run) -> None:
    """A person reads what was checked and what nothing vouches for."""
    code, out, err = run("verify", path)
    assert (code, err) == (0, "")
    assert f"{path} holds." in out
    assert "11, of them 5 output records" in out
    assert "not compared with anchors (--anchors)" in out


def test_verify_prints_the_unanchored_tail(tmp_path: Path, path: Path, run: Run) -> None:
    """What an attacker could still change is said in numbers."""
    with AnchorLog(tmp_path / "log") as log:
        log.anchor(session_id="session-1", commit=0, seq=0, head="", at=1)
    assert "anchored through seq 0; unanchored tail: 6 commits, 11 rows" in run("verify", path, "--anchors", tmp_path / "log")[1]
    document = _document(run("verify", path, "--anchors", tmp_path / "log", "--json"))
    assert (document["verified"], document["unanchored_records"], document["sealed"]) == (True, 11, False)


def test_verify_compares_with_the_log_beside_the_journal(tmp_path: Path, path: Path, run: Run) -> None:
    """Nobody has to remember the option to see the tail that nothing vouches for, and since when."""
    with JournalReader(path) as reader:
        commits = list(reader.commits())
    with AnchorLog(tmp_path / "anchors.jsonl") as log:
        log.anchor(session_id="session-1", commit=4, seq=commits[3].last_seq, head=commits[3].head, at=1_704_067_200_000_000_000)
    said = " ".join(run("verify", path)[1].split())
    assert "anchored through seq 8; unanchored tail: 2 commits, 3 rows, since 2024-01-01T00:00:00.000000000Z" in said
    document = _document(run("verify", path, "--json"))
    assert (document["anchors"], document["anchored_at"]) == (str(tmp_path / "anchors.jsonl"), 1_704_067_200_000_000_000)
    with AnchorLog(tmp_path / "anchors.jsonl") as log:
        log.anchor(session_id="session-1", commit=5, seq=10, head="0" * 64, at=2)
    assert run("verify", path)[0] == EXIT_FINDING


def test_verify_recognises_a_seal(tmp_path: Path, path: Path, run: Run) -> None:
    """A closed journal is checked to the last byte."""
    with AnchorLog(tmp_path / "log") as log:
        seal_journal(path, log, at=1)
    assert "the seal covers every byte" in run("verify", path, "--anchors", tmp_path / "log")[1]
    with path.open("r+b") as stream:
        stream.seek(-1, 2)
        last = stream.read(1)
        stream.seek(-1, 2)
        stream.write(bytes([last[0] ^ 1]))
    code, out, err = run("verify", path, "--anchors", tmp_path / "log")
    assert (code, out) == (EXIT_FINDING, "")
    assert "is damaged" in err


def test_verify_reports_damage_as_a_finding(path: Path, run: Run) -> None:
    """A script can tell damage from a mistyped path."""
    data = bytearray(path.read_bytes())
    data[data.index(b"ILNONCE00003")] ^= 1
    path.write_bytes(data)
    code, _, err = run("verify", path)
    assert code == EXIT_FINDING
    assert "the rows of commit 4 (seq 7 to 8) do not give the head" in err
    document = _document(run("verify", path, "--json"))
    assert document["verified"] is False
    assert "commit 4" in document["error"]


def test_a_missing_journal_is_an_error(tmp_path: Path, run: Run) -> None:
    """Every command says which file it could not read."""
    for command in ("verify", "show"):
        code, _, err = run(command, tmp_path / "nowhere")
        assert code == EXIT_ERROR
        assert "no journal can be read at" in err


def test_show_prints_the_newest_rows_in_order(tmp_path: Path, write_journal: WriteJournal, run: Run) -> None:
    """The end of a long journal is what one looks at first."""
    write_journal(tmp_path / "long", 50)
    lines = run("show", tmp_path / "long")[1].splitlines()
    assert len(lines) == 20
    assert lines[0].split()[:4] == ["82", "2024-01-01T00:00:40.000000000Z", "OrderTransitioned", "order_id=ILNONCE00040"]
    assert lines[-1].split()[0] == "101"


def test_show_chooses_rows(path: Path, run: Run) -> None:
    """Rows are chosen by place, kind and number."""

    def shown(*options: object) -> list[int]:
        return [row["seq"] for row in _document(run("show", path, "--json", *options))["rows"]]

    assert shown() == list(range(1, 12))
    assert shown("--after", 9) == [10, 11]
    assert shown("--last", 2) == [10, 11]
    assert shown("--kind", "ClockTicked", "--kind", "SnapshotTaken", "--last", 2) == [9, 11]
    assert shown("--after", 2, "--kind", "OrderTransitioned", "--last", 3) == [6, 8, 10]
    assert "no rows match" in run("show", path, "--after", 99)[1]


def test_show_teaches_the_kinds_when_one_is_mistyped(path: Path, run: Run) -> None:
    """A typing mistake is not an empty answer."""
    code, _, err = run("show", path, "--kind", "Fills")
    assert code == EXIT_ERROR
    assert "--kind Fills is no kind of entry" in err
    assert "FillRecorded" in err


def test_show_prints_text_that_looks_like_markup_as_it_is(tmp_path: Path, record: Callable[[int], OrderTransitioned], run: Run) -> None:
    """A venue's words cannot change how a journal looks."""
    with JournalFile.create(tmp_path / "j", session_id="s") as journal:
        journal.append_step(None, [OrderTransitioned(1, "IL1", record(1).event, record(1).state, "[red]no[/red]")], (1, 1))
    assert "detail=[red]no[/red]" in run("show", tmp_path / "j")[1]


def test_export_writes_every_row_and_refuses_to_replace(tmp_path: Path, path: Path, run: Run) -> None:
    """An export is whole, and destroys nothing unless told to."""
    out = tmp_path / "out.jsonl"
    assert run("export", path, "--out", out)[:2] == (0, f"11 rows written to {out}\n")
    assert len(out.read_text().splitlines()) == 11
    assert run("export", path, "--out", out)[0] == EXIT_ERROR
    assert _document(run("export", path, "--out", out, "--force", "--json")) == {"path": str(out), "rows": 11, "format": "jsonl"}


def test_diff_agrees_on_the_same_records(tmp_path: Path, write_journal: WriteJournal, run: Run) -> None:
    """The answer carries the parity digest both have."""
    digest = write_journal(tmp_path / "a", 3).parity.hexdigest()
    write_journal(tmp_path / "b", 3)
    code, out, _ = run("diff", tmp_path / "a", tmp_path / "b")
    assert code == 0
    assert out == f"The same 3 output records.\nparity digest {digest}\n"
    assert _document(run("diff", tmp_path / "a", tmp_path / "b", "--json"))["identical"] is True


def test_diff_names_the_first_record_that_differs(tmp_path: Path, write_journal: WriteJournal, run: Run) -> None:
    """A difference is a finding, with its place."""
    write_journal(tmp_path / "a", 3)
    write_journal(tmp_path / "b", 4)
    code, out, err = run("diff", tmp_path / "a", tmp_path / "b")
    assert (code, out) == (EXIT_FINDING, "")
    assert "a and b differ: output record 4 is missing on the left: the right has OrderTransitioned at seq 8" in err
    document = _document(run("diff", tmp_path / "a", tmp_path / "b", "--json"))
    assert (document["identical"], document["ordinal"], document["right_seq"]) == (False, 4, 8)
