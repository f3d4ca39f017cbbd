from decimal import Decimal
from itertools import pairwise
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from dagster_project.datasets import DatasetError, merge_bars, open_bars, write_tape
from live.core.inputs import Bar
from live.journal import TapeError, read_segment

SAMPLE = Path(__file__).parents[4] / "data" / "sample"
HALF_HOUR = 1_800 * 10**9
METADATA = {"instrument_id": "binance-spot:BTCUSDT", "base": "BTC", "quote": "USDT", "price_scale": "2", "quantity_scale": "6"}


def table(rows: int = 4, **columns: pa.Array) -> pa.Table:
    """Make a small, correct table of bars, with some columns exchanged."""
    opens = [index * HALF_HOUR for index in range(rows)]
    price = pa.array([Decimal("100.25") + index for index in range(rows)], pa.decimal128(18, 2))
    arrays: dict[str, pa.Array] = {
        "ts_open": pa.array(opens, pa.int64()),
        "ts_close": pa.array([start + HALF_HOUR for start in opens], pa.int64()),
        **dict.fromkeys(("open", "high", "low", "close"), price),
        "volume": pa.array([Decimal("0.000001")] * rows, pa.decimal128(18, 6)),
    }
    return pa.table({**arrays, **columns}).replace_schema_metadata(METADATA)


@pytest.fixture(name="path")
def _path(tmp_path: Path) -> Path:
    return tmp_path / "bars.parquet"


def test_bars_carry_the_exact_units_of_the_file():
    """Every price and volume of the sample equals the file's decimal, as an integer on its scale."""
    file = open_bars(SAMPLE / "btcusdt_30m.parquet")
    rows = pq.read_table(SAMPLE / "btcusdt_30m.parquet").slice(0, 1000).to_pylist()
    bars = list(file.events())[:1000]
    for row, bar in zip(rows, bars, strict=True):
        prices = tuple(int(row[name].scaleb(2)) for name in ("open", "high", "low", "close"))
        assert (bar.open, bar.high, bar.low, bar.close) == prices
        assert bar.volume == int(row["volume"].scaleb(6))
        assert bar.ts_init == bar.ts_event == row["ts_close"]


def test_a_period_leaves_out_its_start_and_keeps_its_end():
    """Bars that close after `start` and not after `end` are given, wherever a batch begins."""
    file = open_bars(SAMPLE / "btcusdt_30m.parquet")
    everything = list(file.events())
    chosen = list(file.events(everything[999].ts_init, everything[2000].ts_init))
    assert chosen == everything[1000:2001]


def test_files_merge_in_order_of_receipt_and_of_their_place():
    """Merged bars never go back in time, and equal times keep the order of the files."""
    files = [open_bars(SAMPLE / f"{symbol}usdt_30m.parquet") for symbol in ("btc", "eth", "ltc")]
    merged = list(merge_bars(files))
    assert len(merged) == sum(file.rows for file in files)
    order = {file.instrument.instrument_id: place for place, file in enumerate(files)}
    assert all((one.ts_init, order[one.instrument_id]) < (other.ts_init, order[other.instrument_id]) for one, other in pairwise(merged))


def test_a_tape_holds_the_same_bars(tmp_path):
    """What is written to tape is read back bar for bar, with the instruments that the files name."""
    file = open_bars(SAMPLE / "ethusdt_30m.parquet")
    info = write_tape([file], tmp_path / "eth.tape.gz")
    header, events = read_segment(info.path)
    assert header.instruments == (file.instrument,)
    assert list(events) == list(file.events())
    assert info.events == file.rows


def test_a_tape_is_never_written_over(tmp_path):
    """Writing to a path where something is leaves it as it was."""
    target = tmp_path / "eth.tape.gz"
    target.write_text("precious")
    with pytest.raises(TapeError, match="never written over"):
        write_tape([open_bars(SAMPLE / "ethusdt_30m.parquet")], target)
    assert target.read_text() == "precious"
    assert [path.name for path in tmp_path.iterdir()] == ["eth.tape.gz"]


def test_an_empty_period_is_refused_and_leaves_nothing(tmp_path):
    """A period without bars is an error, not an empty tape."""
    with pytest.raises(DatasetError, match="no bar"):
        write_tape([open_bars(SAMPLE / "ethusdt_30m.parquet")], tmp_path / "eth.tape.gz", end=1)
    assert list(tmp_path.iterdir()) == []


def test_one_instrument_comes_from_one_file(tmp_path):
    """Two files of one instrument are refused."""
    file = open_bars(SAMPLE / "ethusdt_30m.parquet")
    with pytest.raises(DatasetError, match="one file only"):
        write_tape([file, file], tmp_path / "eth.tape.gz")


@pytest.mark.parametrize("content", [b"", b"PAR1 but no more", b"ts,open\n1,2\n"])
def test_a_file_that_is_no_parquet_is_refused_with_its_name(path, content):
    """An unreadable file gives one sentence with the path, what was seen and what to do."""
    path.write_bytes(content)
    with pytest.raises(DatasetError, match=r"bars\.parquet cannot be read as parquet bars .*restore"):
        open_bars(path)


def test_a_missing_file_is_refused_with_its_name(path):
    """A path where nothing is says so."""
    with pytest.raises(DatasetError, match="cannot be read"):
        open_bars(path)


@pytest.mark.parametrize("column", ["ts_close", "open", "volume"])
def test_a_missing_column_is_named(path, column):
    """A file without a column says which, and what it has."""
    pq.write_table(table().drop_columns([column]).replace_schema_metadata(METADATA), path)
    with pytest.raises(DatasetError, match=f"column {column} is missing"):
        open_bars(path)


def test_a_column_of_floats_is_refused(path):
    """Prices must be exact decimals on the declared scale."""
    pq.write_table(table(close=pa.array([1.0, 2.0, 3.0, 4.0])), path)
    with pytest.raises(DatasetError, match=r"column close must be decimal128\(18, 2\), received double"):
        open_bars(path)


@pytest.mark.parametrize("key", sorted(METADATA))
def test_missing_metadata_is_named(path, key):
    """A file that does not say its instrument is refused."""
    pq.write_table(table().replace_schema_metadata({name: value for name, value in METADATA.items() if name != key}), path)
    with pytest.raises(DatasetError, match=f"lacks {key}"):
        open_bars(path)


def test_metadata_that_is_no_instrument_is_refused(path):
    """Scales that no instrument has are refused at the door."""
    pq.write_table(table().replace_schema_metadata({**METADATA, "quantity_scale": "19"}), path)
    with pytest.raises(DatasetError, match="no instrument"):
        open_bars(path)


def test_a_null_is_refused(path):
    """A bar with a hole in it stops the reading."""
    pq.write_table(table(low=pa.array([Decimal("1.00"), None, Decimal("1.00"), Decimal("1.00")], pa.decimal128(18, 2))), path)
    with pytest.raises(DatasetError, match="column low holds nulls"):
        list(open_bars(path).events())


@pytest.mark.parametrize("closes", [[1, 1, 2, 3], [2, 1, 3, 4]])
def test_times_that_do_not_increase_are_refused(path, closes):
    """A duplicate or a step back in time stops the reading."""
    pq.write_table(table(ts_close=pa.array(closes, pa.int64())), path)
    with pytest.raises(DatasetError, match="does not strictly increase"):
        list(open_bars(path).events())


def test_negative_units_survive_the_decode(path):
    """The lower word of a decimal carries its sign: nothing wraps silently."""
    pq.write_table(table(low=pa.array([Decimal("-1.25")] * 4, pa.decimal128(18, 2))), path)
    assert [bar.low for bar in open_bars(path).events()] == [-125] * 4


def test_bars_are_engine_events(path):
    """A small file gives plain events of the core."""
    pq.write_table(table(rows=1), path)
    assert list(open_bars(path).events()) == [Bar(HALF_HOUR, HALF_HOUR, "binance-spot:BTCUSDT", 10025, 10025, 10025, 10025, 1)]
