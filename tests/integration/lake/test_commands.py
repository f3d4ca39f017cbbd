"""`interlock ingest` on the command line."""

import json
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest

from dagster_project.home import Home
from live.cli.main import run

WriteBars = Callable[..., Path]


@pytest.mark.usefixtures("home")
def test_ingest_says_what_became_of_each_file(write_bars: WriteBars, capsys: pytest.CaptureFixture[str]) -> None:
    """Counts, findings, the table's version and the page for people; again it says that all is there."""
    path = write_bars("btc.parquet", rows=slice(8_000, 8_300))
    assert run(["ingest", str(path)]) == 0
    said = capsys.readouterr().out
    assert "btc.parquet: published (300 new, 0 equal, 0 changed)" in said
    assert "warning no_bar_is_missing: 1 of 300 values" in said
    assert "300 bars are published" in said
    assert run(["ingest", str(path), "--json"]) == 0
    answer = json.loads(capsys.readouterr().out)
    assert [file["state"] for file in answer["files"]] == ["already there"]
    assert answer["files"][0]["report"].startswith("http://127.0.0.1:8423/data-docs/validations/bars/btc_")
    assert Path(answer["data_docs"]).is_file()


@pytest.mark.usefixtures("home")
def test_a_refused_file_is_a_finding(write_bars: WriteBars, capsys: pytest.CaptureFixture[str]) -> None:
    """The exit code is 2 and the sentence names file and expectation, as one document when asked for."""

    def negate(columns: dict[str, np.ndarray]) -> None:
        columns["volume"][5] = -1

    path = write_bars("damaged.parquet", negate)
    assert run(["ingest", str(path), "--json"]) == 2
    answer = json.loads(capsys.readouterr().out)
    assert answer["error"].endswith("nothing of them is published: damaged.parquet (volume_is_not_negative)")
    assert answer["table"]["rows"] == 0


def test_the_sample_is_what_is_ingested_unless_files_are_named(
    home: Home, monkeypatch: pytest.MonkeyPatch, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """Where it is not, the error says where it was looked for."""
    monkeypatch.chdir(tmp_path)
    assert run(["ingest"]) == 1
    assert f"data/sample does not exist (looked in {tmp_path})" in capsys.readouterr().err
    assert not home.bars.exists()
