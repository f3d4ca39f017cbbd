"""`interlock ingest` on the command line."""

import json
import zipfile
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest

from dagster_project.datasets import open_market_data
from dagster_project.datasets.importing import FORMATS
from dagster_project.home import Home
from dagster_project.lake.commands import EPILOG, FormatName
from live.cli.main import run
from live.core.market_events import Bar, Trade

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


BARS = "timestamp,open,high,low,close,volume\n1506816000,100,101,99,100,1\n1506817800,100,101,99,100.5,2\n1506819600,100,101,99,100,3\n"
LOG = (
    '1506816000000000000 {"stream":"btcusdt@trade","data":'
    '{"e":"trade","E":1506815999990,"s":"BTCUSDT","t":7,"p":"100.5","q":"0.02","T":1506815999990,"m":true}}\n'
    '1506816000000000001 {"stream":"btcusdt@bookTicker","data":{"u":1,"s":"BTCUSDT","b":"%s","B":"1.5","a":"101","A":"0.25"}}\n'
)


def test_every_format_has_an_example_that_the_help_shows(capsys: pytest.CaptureFixture[str]) -> None:
    """A format that joins or leaves is seen on the command line."""
    assert {one.name for one in FORMATS} == set(FormatName)
    assert all(f"\n{one.name}, " in EPILOG for one in FORMATS)
    assert run(["ingest", "--help"]) == 0
    said = capsys.readouterr().out
    assert all(one.name in said for one in FORMATS)
    assert EPILOG.count("interlock ingest") == len(FORMATS) + 1


@pytest.mark.usefixtures("home")
def test_bars_of_other_programs_go_into_the_lake(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """Told by their content, named by an option, and judged there like all others."""
    path = tmp_path / "bars.csv"
    path.write_text(BARS)
    assert run(["ingest", str(path), "--instrument", "binance-spot:BTCUSDT", "--bar-time", "close", "--bar-seconds", "1800", "--json"]) == 0
    answer = json.loads(capsys.readouterr().out)
    assert [(file["name"], file["state"], file["new"]) for file in answer["files"]] == [("binance-spot-BTCUSDT.parquet", "published", 3)]
    (stream,) = answer["streams"]
    assert stream["gaps"] == []
    assert (stream["format"], stream["rows"], stream["first"]) == ("csv-bars", 3, "2017-10-01 00:00:00")
    path.write_text(BARS + "1506825000,100,101,99,100,3\n")
    assert run(["ingest", str(path), "--instrument", "binance-spot:ETHUSDT", "--output", str(tmp_path / "out")]) == 0
    said = capsys.readouterr().out
    assert "2 bars are missing in 1 gaps: 2 after 2017-10-01 01:30:00" in said
    assert "its times were taken as the bars' opens" in said


@pytest.mark.usefixtures("home")
def test_a_raw_log_goes_into_files_and_onto_a_tape(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """Both hold the same events, which a replay opens; nothing but bars goes into the lake."""
    path = tmp_path / "log.gz"
    path.write_text(LOG % "100")
    tape, output = tmp_path / "log.tape.gz", tmp_path / "out"
    assert run(["ingest", str(path), "--format", "binance-l2", "--tape", str(tape), "--output", str(output), "--json"]) == 0
    answer = json.loads(capsys.readouterr().out)
    assert (answer["tape"]["events"], answer["tape"]["path"]) == (2, str(tape))
    assert [Path(stream["path"]).name for stream in answer["streams"]] == [
        "binance-spot-BTCUSDT-Trade.parquet", "binance-spot-BTCUSDT-Quote.parquet",
    ]  # fmt: skip
    assert list(open_market_data([tape]).events()) == list(open_market_data([output]).events())
    assert run(["ingest", str(path)]) == 1
    assert "the lake holds bars only, say where it goes (--output DIRECTORY" in capsys.readouterr().err
    assert run(["ingest", str(path), "--tape", str(tape)]) == 1
    assert "never written over" in capsys.readouterr().err


@pytest.mark.usefixtures("home")
def test_a_stream_that_no_engine_can_take_is_a_finding(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """The exit code is 2 with the reason, and the sound streams are written."""
    path = tmp_path / "log"
    path.write_text(LOG % "102")
    assert run(["ingest", str(path), "--output", str(tmp_path / "out"), "--json"]) == 2
    answer = json.loads(capsys.readouterr().out)
    assert "1 of 2 streams were refused" in answer["error"]
    assert "binance-spot:BTCUSDT Quote (bid_is_not_above_ask)" in answer["error"]
    assert open_market_data([tmp_path / "out"]).kinds == (Trade,)
    assert run(["ingest", str(path), "--tape", str(tmp_path / "x.tape.gz")]) == 2
    said = capsys.readouterr()
    assert "the bid lies above the ask" in said.out
    bars = tmp_path / "btcusdt.csv"
    bars.write_text(BARS.replace("100,101,99,100,1", "100,99,101,100,1"))
    assert run(["ingest", str(bars)]) == 2
    assert "prices_lie_between_low_and_high" in capsys.readouterr().err


def test_imported_bars_of_two_lengths_do_not_share_a_file(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """Hours and days of one symbol are two files, and no market that could be played together."""
    for resolution, times in (("hour", ("20180404 00:00", "20180404 01:00")), ("daily", ("20180403 00:00", "20180404 00:00"))):
        folder = tmp_path / "coinbase" / resolution
        folder.mkdir(parents=True)
        with zipfile.ZipFile(folder / "btcusd_trade.zip", "w") as archive:
            archive.writestr("btcusd.csv", "\n".join(f"{time},7,7,7,7,1" for time in times))
    output = tmp_path / "out"
    assert run(["ingest", str(tmp_path / "coinbase"), "--output", str(output), "--json"]) == 0
    written = [Path(stream["path"]).name for stream in json.loads(capsys.readouterr().out)["streams"]]
    assert sorted(written) == ["coinbase-BTCUSD-3600s.parquet", "coinbase-BTCUSD-86400s.parquet"]
    assert open_market_data([output / written[0]]).kinds == (Bar,)
    assert run(["ingest", str(tmp_path / "coinbase"), "--tape", str(tmp_path / "x.tape.gz")]) == 1
    assert "two sources hold Bar events of coinbase:BTCUSD" in capsys.readouterr().err
