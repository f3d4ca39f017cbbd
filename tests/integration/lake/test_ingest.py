"""Ingest: what is sound is published once, what is damaged is refused by name, and published bars are not changed silently."""

import hashlib
import re
from collections.abc import Callable
from pathlib import Path
from urllib.parse import unquote

import numpy as np
import pyarrow as pa
import pytest

from dagster_project.home import Home
from dagster_project.lake import (
    IngestReport,
    LakeError,
    docs_site,
    ingest_bars,
    list_instruments,
    measure_table,
    open_table,
    page_link,
    publish_staged,
    read_bars,
    read_rows,
    read_verdict,
    stage_bars,
    staged_verdicts,
)

BTC, ETH = "binance-spot:BTCUSDT", "binance-spot:ETHUSDT"
Columns = dict[str, np.ndarray]
WriteBars = Callable[..., Path]


def keep(*rows: int | slice) -> Callable[[Columns], object]:
    """Keep rows in the order given."""
    return lambda columns: columns.update({name: values[np.r_[rows]] for name, values in columns.items()})


def swap_high_and_low(columns: Columns) -> None:
    """Let a high lie below its low."""
    columns["high"][100], columns["low"][100] = columns["low"][100], columns["high"][100]


def without_volume(table: pa.Table) -> pa.Table:
    """Leave a column out."""
    return table.drop_columns(["volume"])


def with_null(table: pa.Table) -> pa.Table:
    """Take a close away."""
    close = table.column("close").to_pylist()
    return table.set_column(5, "close", pa.array([None, *close[1:]], type=table.schema.field("close").type))


DAMAGES = {
    "duplicate time": ({"change": keep(slice(0, 101), slice(100, 300))}, {"time_is_unique"}),
    "high below low": ({"change": swap_high_and_low}, {"high_is_highest", "low_is_lowest"}),
    "gap": ({"change": keep(slice(0, 100), slice(150, 300))}, {"no_hole_is_too_long", "enough_bars_are_there"}),
    "time backwards": ({"change": keep(slice(150, 300), slice(0, 150))}, {"time_does_not_run_backwards"}),
    "column missing": ({"table": without_volume}, {"columns_are_present"}),
    "value missing": ({"table": with_null}, {"close_is_present"}),
}


def test_bars_are_published_once_with_where_they_came_from(home: Home, write_bars: WriteBars) -> None:
    """Each row carries units, scales, month, the file's digest and a validation whose result lies in the lake; again, nothing happens."""
    path = write_bars("btc.parquet", rows=slice(1_400, 1_700))
    first = ingest_bars(home, [path])
    table = open_table(home)
    assert table is not None
    rows = read_rows(table, BTC).to_pylist()
    assert (len(rows), first.rows, first.new, first.files[0].state) == (300, 300, 300, "published")
    source = hashlib.sha256(path.read_bytes()).hexdigest()
    assert {row["source"] for row in rows} == {source}
    (validation_id,) = {row["validation_id"] for row in rows}
    verdict = read_verdict(home, validation_id)
    assert verdict is not None
    assert (verdict.passed, verdict.source, verdict.name) == (True, source, "btc.parquet")
    assert sum(len(result["results"]) for result in verdict.results) == 26, "every expectation's result is kept"
    scales = ("price_scale", "quantity_scale", "base", "quote", "interval_seconds")
    assert [rows[0][name] for name in scales] == [2, 6, "BTC", "USDT", 1_800]
    assert table.metadata().partition_columns == ["instrument_id", "month"]
    assert {row["month"] for row in rows} == {"2017-10", "2017-11"}
    assert [row["month"] for row in rows if row["ts_close"] == 1_509_494_400_000_000_000] == ["2017-11"], "midnight belongs to its day"

    again = ingest_bars(home, [path])
    assert (again.files[0].state, again.new, again.files[0].equal) == ("already there", 0, 300)
    assert again.version == first.version


@pytest.fixture(name="damaged", scope="module")
def _damaged(tmp_path_factory: pytest.TempPathFactory, write_bars: WriteBars) -> tuple[Home, IngestReport]:
    """Ingest a folder that holds a copy for every damage, and one sound file among them."""
    home, folder = Home(tmp_path_factory.mktemp("home")), tmp_path_factory.mktemp("damaged")
    for name, (arguments, _) in DAMAGES.items():
        write_bars(f"{name}.parquet", folder=folder, **arguments)
    write_bars("sound.parquet", folder=folder, symbol="eth", rows=slice(0, 200))
    return home, ingest_bars(home, [folder])


@pytest.mark.parametrize("damage", DAMAGES)
def test_a_damaged_copy_is_refused_by_name(damage: str, damaged: tuple[Home, IngestReport]) -> None:
    """The file's outcome names the expectations that failed, its page exists, and its verdict lies in the lake."""
    home, report = damaged
    (refused,) = (file for file in report.files if file.name == f"{damage}.parquet")
    assert (refused.state, refused.new) == ("refused", 0)
    assert {finding.name for finding in refused.refusals} == DAMAGES[damage][1]
    assert (docs_site(home) / refused.page).is_file()
    verdict = read_verdict(home, refused.validation_id)
    assert verdict is not None
    assert not verdict.passed


def test_nothing_of_damaged_files_is_published_and_sound_files_beside_them_are(damaged: tuple[Home, IngestReport]) -> None:
    """Six files are refused, the seventh is published, and the table holds no other bar than its."""
    home, report = damaged
    assert [file.name for file in report.files if file.state == "published"] == ["sound.parquet"]
    assert len(report.refused) == len(DAMAGES)
    assert (list_instruments(home), report.rows) == ([ETH], 200)


def test_what_is_no_parquet_file_is_refused_by_name(home: Home, tmp_path: Path) -> None:
    """A file that cannot be read at all is refused like any other."""
    (tmp_path / "broken.parquet").write_bytes(b"PAR1 and nothing else")
    (outcome,) = ingest_bars(home, [tmp_path / "broken.parquet"]).files
    assert (outcome.state, [finding.name for finding in outcome.refusals]) == ("refused", ["file_is_readable"])
    assert measure_table(home) == (-1, 0)


def test_an_overlapping_file_adds_what_is_new(home: Home, write_bars: WriteBars) -> None:
    """Equal bars keep their first source, new ones carry theirs, and the counts say so."""
    first, second = write_bars("first.parquet"), write_bars("second.parquet", rows=slice(200, 500))
    ingest_bars(home, [first])
    (outcome,) = ingest_bars(home, [second]).files
    assert (outcome.state, outcome.new, outcome.equal, outcome.changed) == ("published", 200, 100, 0)
    table = open_table(home)
    assert table is not None
    sources = read_rows(table, BTC).column("source").to_pylist()
    assert sources == [hashlib.sha256(path.read_bytes()).hexdigest() for path, rows in ((first, 300), (second, 200)) for _ in range(rows)]


def test_a_changed_published_bar_is_refused_unless_it_is_a_correction(home: Home, write_bars: WriteBars) -> None:
    """The first differing bar is named with both values and nothing is published; as a correction it replaces exactly those bars."""

    def change(columns: Columns) -> None:
        columns["volume"][[250, 260]] += 1

    ingest_bars(home, [write_bars("first.parquet")])
    newer = write_bars("newer.parquet", change, rows=slice(0, 350))
    refused = ingest_bars(home, [newer])
    (finding,) = refused.files[0].refusals
    assert (refused.files[0].state, refused.files[0].changed, refused.rows) == ("refused", 2, 300)
    assert finding.name == "published_bars_agree"
    assert "2 bars" in finding.told
    assert "closing 2017-10-06 05:30:00 UTC (volume is " in finding.told
    assert "--correct" in finding.told

    (outcome,) = ingest_bars(home, [newer], correct=True).files
    assert (outcome.state, outcome.new, outcome.equal, outcome.changed) == ("published", 50, 298, 2)
    table = open_table(home)
    assert table is not None
    corrected = read_rows(table, BTC)
    assert corrected.num_rows == 350
    assert corrected.column("validation_id").to_pylist().count(outcome.validation_id) == 52


def test_bars_on_another_scale_are_refused(home: Home, write_bars: WriteBars) -> None:
    """An instrument keeps its scales, assets and interval for good."""

    def rename(table: pa.Table) -> pa.Table:
        return table.replace_schema_metadata({**(table.schema.metadata or {}), b"quote": b"USDC"})

    ingest_bars(home, [write_bars("first.parquet")])
    (outcome,) = ingest_bars(home, [write_bars("other.parquet", rows=slice(300, 400), table=rename)]).files
    assert [(finding.name, finding.told) for finding in outcome.refusals] == [
        ("instrument_is_the_same", "quote is USDT in the table, received USDC: make the file agree")
    ]


def test_an_unfinished_bar_is_refused(home: Home, write_bars: WriteBars) -> None:
    """A bar that closes after now still changes: the file is taken once it is over."""
    path = write_bars("btc.parquet")
    before_last_close = 1_506_816_000_000_000_000 + 300 * 1_800_000_000_000 - 1
    (early,) = ingest_bars(home, [path], now=before_last_close).files
    assert [finding.name for finding in early.refusals] == ["bar_is_over"]
    assert ingest_bars(home, [path], now=before_last_close + 1).new == 300


def test_staging_publishes_nothing_and_publishing_takes_what_passed(home: Home, write_bars: WriteBars) -> None:
    """The two halves share their hand-over on disk, as two assets of a run do."""
    path = write_bars("a.parquet", swap_high_and_low)
    write_bars("b.parquet", symbol="eth", folder=path.parent)
    assert [verdict.passed for verdict in stage_bars(home, [path.parent])] == [False, True]
    assert measure_table(home).rows == 0
    assert [verdict.name for verdict in staged_verdicts(home)] == ["a.parquet", "b.parquet"]
    report = publish_staged(home)
    assert [file.name for file in report.refused] == ["a.parquet"]
    assert list_instruments(home) == [ETH]


def test_a_staged_copy_that_is_changed_after_its_audit_is_not_published(home: Home, write_bars: WriteBars) -> None:
    """What is published is what was judged, byte for byte."""
    stage_bars(home, [write_bars("btc.parquet")])
    (copy,) = home.staging.glob("*.parquet")
    copy.write_bytes(write_bars("other.parquet", rows=slice(0, 200)).read_bytes())
    with pytest.raises(LakeError, match="not the file that was judged"):
        publish_staged(home)
    assert measure_table(home).rows == 0


def test_a_notebook_reads_floats_under_their_closing_time(home: Home, write_bars: WriteBars) -> None:
    """The period is open at its start and closed at its end, as everywhere; nothing in it is an error."""
    ingest_bars(home, [write_bars("btc.parquet")])
    frame = read_bars(home, BTC, start="2017-10-01T00:30:00Z", end="2017-10-01T02:00:00Z")
    assert [str(moment) for moment in frame.index] == [f"2017-10-01 0{time}:00+00:00" for time in ("1:00", "1:30", "2:00")]
    assert (frame.index.name, str(frame.index.dtype), list(frame.columns)) == (
        "ts_close",
        "datetime64[ns, UTC]",
        ["open", "high", "low", "close", "volume"],
    )
    assert frame["close"].dtype == np.float64
    table = open_table(home)
    assert table is not None
    assert frame["close"].iloc[0] == read_rows(table, BTC).column("close")[1].as_py() / 100
    with pytest.raises(LakeError, match="instruments published: binance-spot:BTCUSDT"):
        read_bars(home, ETH)


def test_pages_are_linked_where_they_are_served(home: Home, write_bars: WriteBars, monkeypatch: pytest.MonkeyPatch) -> None:
    """A page's address is the server's plus its place in the site, whatever the file was called."""
    path = write_bars("b|t c.parquet")
    (outcome,) = ingest_bars(home, [path]).files
    assert (docs_site(home) / outcome.page).is_file()
    assert "|" not in outcome.page
    site = docs_site(home)
    written = [*site.rglob("*.html")]
    assert [path.name for path in written].count("index.html") == 1
    assert not [path for path in written if re.search(r"(src|href)=\"https?://|<script", path.read_text())], "no page fetches anything"
    index = (site / "index.html").read_text()
    linked = re.findall(r'href="([^"]+)"', index)
    assert len(linked) == 5
    assert all((site / unquote(link)).is_file() for link in linked)
    assert "b|t c.parquet" in index
    words = re.sub(r"<[^>]+>", " ", (site / outcome.page).read_text()).split()
    assert "Status: Succeeded" in " ".join(words)
    assert page_link(outcome.page) == f"http://127.0.0.1:8423/data-docs/{outcome.page}"
    monkeypatch.setenv("DATA_DOCS_URL", "http://docs.example/site/")
    assert page_link("index.html") == "http://docs.example/site/index.html"
