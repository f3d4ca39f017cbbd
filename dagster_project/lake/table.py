"""The Delta table of published bars: one row a bar, keyed (instrument_id, ts_close), partitioned by instrument and month."""

from __future__ import annotations

import fcntl
from collections.abc import Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING, NamedTuple

from dagster_project.home import Home
from dagster_project.lake.bar_format import COLUMNS, PRICES
from dagster_project.lake.errors import LakeError
from dagster_project.lake.period import parse_moment

if TYPE_CHECKING:
    import pandas as pd
    import pyarrow as pa
    from deltalake import DeltaTable

PARTITIONS = ("instrument_id", "month")
SCALES = ("price_scale", "quantity_scale", "base", "quote", "interval_seconds")
"""What every bar of an instrument agrees about."""
PROVENANCE = ("source", "validation_id")
UNIT_SCALE = {**dict.fromkeys(PRICES, "price_scale"), "volume": "quantity_scale"}


class TableSize(NamedTuple):
    """Measure the table: its Delta version (-1 when there is none) and its rows."""

    version: int
    rows: int


def table_schema() -> pa.Schema:
    """Give the schema: times in nanoseconds UTC, prices and volume in units of the row's scales."""
    import pyarrow as pa

    text, whole, small = pa.string(), pa.int64(), pa.int32()
    kinds = [*((name, text) for name in PARTITIONS), *((name, whole) for name in COLUMNS)]
    kinds += zip(SCALES, (small, small, text, text, small), strict=True)
    kinds += [(name, text) for name in PROVENANCE]
    return pa.schema([pa.field(name, kind, nullable=False) for name, kind in kinds])


def open_table(home: Home, version: int | None = None) -> DeltaTable | None:
    """Open the table, or give None when nothing was published yet.

    Raises:
        LakeError: the version that was asked for does not exist.
    """
    from deltalake import DeltaTable
    from deltalake.exceptions import DeltaError

    if not DeltaTable.is_deltatable(str(home.bars)):
        return None
    try:
        return DeltaTable(str(home.bars), version=version)
    except DeltaError as error:
        raise LakeError(f"the table {home.bars} cannot be opened at version {version}: {error}") from error


def measure_table(home: Home) -> TableSize:
    """Give the version and the rows of the table."""
    table = open_table(home)
    return TableSize(-1, 0) if table is None else TableSize(table.version(), table.count())


def list_instruments(home: Home) -> list[str]:
    """List the instruments that bars are published of."""
    table = open_table(home)
    return [] if table is None else sorted({partition["instrument_id"] for partition in table.partitions()})


def read_rows(table: DeltaTable, instrument_id: str, start: int | None = None, end: int | None = None) -> pa.Table:
    """Read the rows of an instrument that close after `start` and not after `end` (nanoseconds UTC), in order of time."""
    import pyarrow.dataset as ds

    wanted = ds.field("instrument_id") == instrument_id
    if start is not None:
        wanted &= ds.field("ts_close") > start
    if end is not None:
        wanted &= ds.field("ts_close") <= end
    rows = table.to_pyarrow_dataset().to_table(filter=wanted)
    return rows.select(table_schema().names).sort_by("ts_close")


def read_bars(home: Home, instrument_id: str, start: str | None = None, end: str | None = None) -> pd.DataFrame:
    """Read published bars for a notebook: floats, under their closing time in UTC.

    Args:
        home: whose lake to read.
        instrument_id: like `binance-spot:BTCUSDT`.
        start: leave out bars that close at or before this time, such as `2019-03-01`.
        end: leave out bars that close after this time.

    Raises:
        LakeError: no such bars are published, or a time is not one.
    """
    table = open_table(home)
    rows = None if table is None else read_rows(table, instrument_id, parse_moment(start), parse_moment(end))
    if rows is None or not rows.num_rows:
        published = ", ".join(list_instruments(home)) or "none"
        raise LakeError(
            f"no bar of {instrument_id} is published in the period from {start or 'the start'} to {end or 'the end'} "
            f"(instruments published: {published}): run `interlock ingest`, or widen the period"
        )
    return frame_of(rows.to_pandas())


def frame_of(units: pd.DataFrame) -> pd.DataFrame:
    """Turn rows in units, with their scales, into floats under their closing time in UTC."""
    import pandas as pd

    index = pd.DatetimeIndex(pd.to_datetime(units["ts_close"].to_numpy(), unit="ns", utc=True), name="ts_close").as_unit("ns")
    columns = {name: units[name].to_numpy() / 10.0 ** units[scale].to_numpy() for name, scale in UNIT_SCALE.items()}
    return pd.DataFrame(columns, index=index)


@contextmanager
def lock_lake(home: Home) -> Iterator[None]:
    """Let one process at a time stage and publish; another waits."""
    home.lake.mkdir(parents=True, exist_ok=True)
    with (home.lake / ".lock").open("w") as file:
        fcntl.flock(file, fcntl.LOCK_EX)
        yield
