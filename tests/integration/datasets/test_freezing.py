"""Freezing: equal bars give an equal dataset, whole or not at all, and only of what was judged."""

import hashlib
import subprocess
from collections.abc import Callable
from pathlib import Path

import pytest

from dagster_project.datasets import DatasetError, freeze_dataset, list_datasets, merge_bars, open_bars, open_dataset, verify_dataset
from dagster_project.home import Home
from dagster_project.lake import Calendar, LakeError, ingest_bars, measure_table, read_bars
from live.journal.segments import read_segment

BTC, ETH = "binance-spot:BTCUSDT", "binance-spot:ETHUSDT"
Cut = Callable[[str, int, int], Path]


def test_a_dataset_holds_the_published_bars_of_the_period_and_where_they_came_from(home: Home, cut: Cut) -> None:
    """Bars close after the start and not after the end; sources and validations are those of the rows."""
    dataset = freeze_dataset(home, name="small", instruments=[ETH, BTC], start="2017-10-01T12:00", end="2017-10-03")
    manifest = dataset.manifest
    assert [(file.instrument_id, file.rows) for file in manifest.files] == [(BTC, 72), (ETH, 72)]
    assert (manifest.start, manifest.end) == (1_506_859_200_000_000_000, 1_506_988_800_000_000_000)
    assert {source.sha256 for source in manifest.lineage.sources} == {
        hashlib.sha256(cut(symbol, 0, rows).read_bytes()).hexdigest() for symbol, rows in (("btc", 300), ("eth", 200))
    }
    assert len(manifest.lineage.validation_ids) == 2
    assert (manifest.lineage.table, manifest.lineage.table_version) == ("lake/bars", measure_table(home).version)
    assert dataset.path == home.datasets / dataset.digest
    source = list(open_bars(Path("data/sample/btcusdt_30m.parquet")).events(manifest.start, manifest.end))
    assert list(dataset.files[0].events()) == source, "bar for bar what the file held"
    assert dataset.frame(BTC).equals(read_bars(home, BTC, start="2017-10-01T12:00", end="2017-10-03"))
    assert [instrument.instrument_id for instrument in dataset.instruments] == [BTC, ETH]


def test_equal_bars_have_one_digest_however_they_got_here(home: Home, cut: Cut, tmp_path: Path) -> None:
    """Another home, another split into files, another order and another name: the same digest, and a name follows its latest dataset."""
    first = freeze_dataset(home, name="small", instruments=[BTC, ETH], end="2017-10-04")
    other = Home(tmp_path / "other")
    ingest_bars(other, [cut("eth", 0, 180), cut("btc", 100, 250), cut("btc", 0, 160)])
    second = freeze_dataset(other, name="elsewhere", instruments=[ETH, BTC, ETH], end="2017-10-04")
    assert second.digest == first.digest
    assert [(file.name, file.sha256) for file in second.manifest.files] == [(file.name, file.sha256) for file in first.manifest.files]
    third = freeze_dataset(home, name="small", instruments=[BTC], end="2017-10-04")
    assert third.digest != first.digest
    assert open_dataset(home, "small").digest == third.digest


def test_freezing_again_changes_nothing(home: Home) -> None:
    """The folder stays as it is, byte for byte, and a second name means the same dataset."""
    first = freeze_dataset(home, name="small", instruments=[BTC])
    before = {path.name: (path.stat().st_mtime_ns, path.read_bytes()) for path in first.path.iterdir()}
    second = freeze_dataset(home, name="again", instruments=[BTC])
    assert {path.name: (path.stat().st_mtime_ns, path.read_bytes()) for path in second.path.iterdir()} == before
    assert [dataset.digest for dataset in list_datasets(home)] == [first.digest]
    assert open_dataset(home, "again").digest == open_dataset(home, first.digest[:7]).digest == first.digest
    assert sorted(path.name for path in home.datasets.iterdir()) == sorted([first.digest, "names"]), "nothing half made is left"


def test_only_rows_that_were_judged_are_frozen(home: Home) -> None:
    """Without the result that their validation id names, published rows are not taken."""
    for verdict in (home.lake / "validations").iterdir():
        verdict.unlink()
    with pytest.raises(DatasetError, match="no result that passed"):
        freeze_dataset(home, name="small", instruments=[BTC])


def test_rows_whose_file_was_refused_are_not_frozen(home: Home) -> None:
    """A validation id alone is no permission: its result must have passed."""
    for verdict in (home.lake / "validations").iterdir():
        verdict.write_text(verdict.read_text().replace('"passed": true', '"passed": false'))
    with pytest.raises(DatasetError, match="no result that passed"):
        freeze_dataset(home, name="small", instruments=[BTC])


def test_a_hole_between_two_files_is_found_when_they_are_frozen(home: Home, cut: Cut) -> None:
    """Each file was whole, together they are not: the hole is named."""
    ingest_bars(home, [cut("btc", 350, 400)])
    with pytest.raises(
        DatasetError, match=r"50 bars of binance-spot:BTCUSDT are missing between 2017-10-07 06:00:00 and 2017-10-08 07:30:00 UTC"
    ):
        freeze_dataset(home, name="small", instruments=[BTC])
    assert freeze_dataset(home, name="small", instruments=[BTC], end="2017-10-07").manifest.files[0].rows == 288


@pytest.mark.parametrize(
    ("arguments", "told"),
    [
        ({"name": "Small", "instruments": [BTC]}, "received 'Small'"),
        ({"name": "deadbeef", "instruments": [BTC]}, "not hexadecimal"),
        ({"name": "../small", "instruments": [BTC]}, "received '../small'"),
        ({"name": "small", "instruments": []}, "at least one instrument"),
        ({"name": "small", "instruments": ["binance-spot:DOGEUSDT"]}, "no bar of binance-spot:DOGEUSDT"),
        ({"name": "small", "instruments": [BTC], "end": "2010-01-01"}, "to 2010-01-01"),
    ],
)
def test_what_cannot_be_frozen_is_refused(arguments: dict[str, object], told: str, home: Home) -> None:
    """A sentence says what was wrong, and no folder is left."""
    with pytest.raises(DatasetError, match=told):
        freeze_dataset(home, **arguments)  # type: ignore[arg-type]
    assert list(home.datasets.glob("*")) == []


def test_an_empty_lake_says_what_to_do(tmp_path: Path) -> None:
    """Nothing published is an error that names the command."""
    with pytest.raises(DatasetError, match="interlock ingest"):
        freeze_dataset(Home(tmp_path), name="small", instruments=[BTC])


def test_a_damaged_dataset_is_not_taken_for_the_same(home: Home) -> None:
    """Freezing equal bars does not hide that the folder was changed."""
    dataset = freeze_dataset(home, name="small", instruments=[BTC])
    (dataset.path / "extra").write_text("x")
    with pytest.raises(DatasetError, match="is there already and damaged"):
        freeze_dataset(home, name="small", instruments=[BTC])


def test_a_tape_is_written_once_and_plays_the_same_bars(home: Home) -> None:
    """Of all instruments or of some; its digest is the same wherever the dataset lies."""
    dataset = freeze_dataset(home, name="small", instruments=[BTC, ETH], end="2017-10-03")
    tape = dataset.tape()
    header, events = read_segment(tape)
    assert list(events) == list(merge_bars(dataset.files))
    assert [instrument.instrument_id for instrument in header.instruments] == [BTC, ETH]
    written = tape.stat().st_mtime_ns
    assert (dataset.tape(), dataset.tape([ETH, BTC]), tape.stat().st_mtime_ns) == (tape, tape, written)
    single = dataset.tape([ETH])
    assert single != tape
    assert {event.instrument_id for event in read_segment(single)[1]} == {ETH}
    assert verify_dataset(dataset) == []
    with pytest.raises(DatasetError, match="asked for binance-spot:DOGEUSDT"):
        dataset.tape(["binance-spot:DOGEUSDT"])
    with pytest.raises(DatasetError, match="no instrument at all"):
        dataset.tape([])


def test_the_sums_are_those_of_sha256sum(home: Home) -> None:
    """A person without Interlock can verify the files."""
    dataset = freeze_dataset(home, name="small", instruments=[BTC])
    subprocess.run(["sha256sum", "--check", "--strict", "SHA256SUMS"], cwd=dataset.path, check=True, capture_output=True)


def test_an_unknown_reference_names_what_is_known(home: Home) -> None:
    """Names and digests in use are listed, and a prefix must be long enough."""
    dataset = freeze_dataset(home, name="small", instruments=[BTC])
    for reference in ("large", dataset.digest[:6], "../small"):
        with pytest.raises(DatasetError, match=f"known: small, {dataset.digest[:12]}"):
            open_dataset(home, reference)


def test_times_that_are_none_are_refused(home: Home) -> None:
    """The error is about the text."""
    with pytest.raises(LakeError, match="'soon'"):
        freeze_dataset(home, name="small", instruments=[BTC], end="soon")


def test_the_calendar_of_the_lake_tolerates_what_the_sample_has() -> None:
    """The tolerance is a declared one, not a habit of the code."""
    from dagster_project.lake import load_calendar

    assert load_calendar() == Calendar(tolerated_hole_seconds=14_400, tolerated_missing_share=0.01)
