"""`interlock dataset` on the command line."""

import json
from pathlib import Path
from typing import Any

import pytest

from dagster_project.datasets import freeze_dataset, merge_bars, open_bars, open_dataset
from dagster_project.home import Home
from dagster_project.lake import ingest_bars
from live.cli.main import run
from live.journal.segments import read_segment

BTC, ETH = "binance-spot:BTCUSDT", "binance-spot:ETHUSDT"


def answer(capsys: pytest.CaptureFixture[str], *arguments: str, expect: int = 0) -> Any:
    """Run a command and give its JSON answer."""
    assert run([*arguments, "--json"]) == expect
    return json.loads(capsys.readouterr().out)


def test_a_dataset_is_frozen_listed_shown_and_verified(home: Home, capsys: pytest.CaptureFixture[str]) -> None:
    """Each command names the same digest, and a changed file is a finding."""
    frozen = answer(capsys, "dataset", "freeze", "small", "--end", "2017-10-03")
    digest = frozen["digest"]
    assert frozen["rows"] == 192
    (listed,) = answer(capsys, "dataset", "list")["datasets"]
    assert (listed["digest"], listed["names"], listed["rows"], listed["end"]) == (digest, "small", 192, "2017-10-03 00:00:00")
    assert answer(capsys, "dataset", "show", digest[:7])["lineage"]["table"] == "lake/bars"
    assert answer(capsys, "dataset", "verify", "small")["problems"] == []
    assert run(["dataset", "show", "small"]) == 0
    assert run(["dataset", "list"]) == 0
    said = capsys.readouterr().out
    assert digest in said
    assert "btc_0.parquet" in said
    manifest = home.datasets / digest / "manifest.json"
    manifest.chmod(0o644)
    manifest.write_text("{}")
    (problem,) = answer(capsys, "dataset", "verify", "small", expect=2)["problems"]
    assert "manifest.json" in problem


def test_a_dataset_goes_to_tape_like_files_do(home: Home, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """By name or digest, with the same bounds as files have."""
    dataset = freeze_dataset(home, name="small", instruments=[BTC, ETH])
    written = answer(capsys, "dataset", "to-tape", "small", "--out", str(tmp_path / "a.tape.gz"), "--end", "2017-10-02")
    assert written["events"] == 96
    assert list(read_segment(tmp_path / "a.tape.gz")[1]) == list(merge_bars(dataset.files, None, 1_506_902_400_000_000_000))
    files = [str(file.path) for file in dataset.files]
    again = answer(capsys, "dataset", "to-tape", *files, "--out", str(tmp_path / "b.tape.gz"), "--end", "2017-10-02")
    assert again["digest"] == written["digest"]
    assert run(["dataset", "to-tape", "unknown", "--out", str(tmp_path / "c.tape.gz")]) == 1
    assert "known: small" in capsys.readouterr().err


def test_a_tape_becomes_bars_that_can_be_ingested_and_frozen(home: Home, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """Out to tape and back gives the same dataset: the same digest in another home."""
    dataset = freeze_dataset(home, name="small", instruments=[BTC, ETH], end="2017-10-03")
    out = tmp_path / "recorded"
    written = answer(capsys, "dataset", "from-tape", str(dataset.tape()), "--out", str(out))
    assert [(file["instrument_id"], file["rows"]) for file in written["files"]] == [(BTC, 96), (ETH, 96)]
    other = Home(tmp_path / "other")
    assert ingest_bars(other, [out]).refused == ()
    assert freeze_dataset(other, name="recorded", instruments=[BTC, ETH]).digest == dataset.digest
    assert run(["dataset", "from-tape", str(dataset.tape()), "--out", str(out)]) == 1
    assert "a file is never written over" in capsys.readouterr().err
    assert open_dataset(home, "small").digest == dataset.digest


def test_one_bar_needs_its_length(home: Home, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """The distance between closes says how long a bar is; a single one does not, until it is told."""
    tape = freeze_dataset(home, name="one", instruments=[BTC], end="2017-10-01T00:30:00").tape()
    assert run(["dataset", "from-tape", str(tape), "--out", str(tmp_path)]) == 1
    assert "--bar-seconds" in capsys.readouterr().err
    assert run(["dataset", "from-tape", str(tape), "--out", str(tmp_path), "--bar-seconds", "1800"]) == 0
    assert open_bars(tmp_path / "binance-spot-BTCUSDT.parquet").rows == 1
