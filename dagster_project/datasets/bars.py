"""Bars from parquet to engine events, a batch of columns at a time; `lake.bar_format` says what a file holds.

A bar becomes known at its close, so `ts_event` and `ts_init` are both `ts_close`.
"""

from __future__ import annotations

import heapq
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import repeat
from pathlib import Path
from typing import TYPE_CHECKING

from dagster_project.datasets.errors import DatasetError
from dagster_project.lake.bar_format import COLUMNS, INSTRUMENT_KEYS, column_types, read_metadata, unscaled
from live.core.errors import InstrumentError
from live.core.inputs import Bar
from live.core.instruments import Instrument

if TYPE_CHECKING:
    import pyarrow as pa

BATCH_ROWS = 65_536


@dataclass(frozen=True)
class BarFile:
    """A parquet file of bars that was opened and checked.

    Attributes:
        path: the file.
        instrument: what its bars are of; filters are the widest, since a dataset says nothing about a venue's.
        rows: bars in the file.
    """

    path: Path
    instrument: Instrument
    rows: int

    def events(self, start: int | None = None, end: int | None = None) -> Iterator[Bar]:
        """Give the bars that close after `start` and not after `end` (nanoseconds UTC), in order.

        Raises:
            DatasetError: a column cannot be read, holds a null, or the bars are not in order of time.
        """
        for batch in self.batches(start, end):
            yield from batch

    def batches(self, start: int | None = None, end: int | None = None) -> Iterator[list[Bar]]:
        """Give the same bars as `events`, a list per batch of columns.

        Raises:
            DatasetError: as `events`.
        """
        import numpy as np
        import pyarrow as pa
        import pyarrow.parquet as pq

        last = -(2**63)
        first_wanted = -(2**63) if start is None else start
        last_wanted = 2**63 - 1 if end is None else end
        try:
            for batch in pq.ParquetFile(self.path).iter_batches(BATCH_ROWS, columns=list(COLUMNS[1:])):
                _refuse_nulls(batch, self.path)
                closes = batch.column("ts_close").to_numpy()
                if int(closes[0]) <= last or bool(np.any(np.diff(closes) <= 0)):
                    raise DatasetError(f"{self.path.name}: ts_close does not strictly increase: sort the file and drop duplicates")
                last = int(closes[-1])
                first = int(np.searchsorted(closes, first_wanted, "right"))
                beyond = int(np.searchsorted(closes, last_wanted, "right"))
                if first < beyond:
                    yield _decode(batch.slice(first, beyond - first), self.instrument.instrument_id)
        except (pa.ArrowException, OSError) as error:
            raise DatasetError(
                f"{self.path} cannot be read as parquet bars ({_first_line(error)}): restore the file or make it again"
            ) from error


def open_bars(path: Path) -> BarFile:
    """Open a parquet file of bars and check that it is one.

    Raises:
        DatasetError: the file is missing or unreadable, a column is missing or of another type, or the metadata is incomplete.
    """
    import pyarrow as pa
    import pyarrow.parquet as pq

    try:
        file = pq.ParquetFile(path)
        schema, rows = file.schema_arrow, file.metadata.num_rows
    except (pa.ArrowException, OSError) as error:
        raise DatasetError(f"{path} cannot be read as parquet bars ({_first_line(error)}): restore the file or make it again") from error
    metadata = read_metadata(schema)
    if missing := [key for key in INSTRUMENT_KEYS if key not in metadata]:
        raise DatasetError(
            f"{path.name}: the schema's metadata lacks {', '.join(missing)}: write the file with all of {', '.join(INSTRUMENT_KEYS)}"
        )
    try:
        instrument = Instrument(
            instrument_id=metadata["instrument_id"],
            base=metadata["base"],
            quote=metadata["quote"],
            price_scale=int(metadata["price_scale"]),
            quantity_scale=int(metadata["quantity_scale"]),
        )
    except (InstrumentError, ValueError) as error:
        raise DatasetError(f"{path.name}: the schema's metadata is no instrument: {error}") from error
    for name, kind in column_types(instrument.price_scale, instrument.quantity_scale).items():
        if name not in schema.names:
            raise DatasetError(f"{path.name}: column {name} is missing, the file has {', '.join(schema.names)}")
        if schema.field(name).type != kind:
            raise DatasetError(f"{path.name}: column {name} must be {kind}, received {schema.field(name).type}")
    return BarFile(path, instrument, rows)


def merge_bars(files: Sequence[BarFile], start: int | None = None, end: int | None = None) -> Iterator[Bar]:
    """Merge files into one stream ordered by (ts_init, place of the file in `files`)."""
    if len(files) == 1:
        return files[0].events(start, end)
    return heapq.merge(*(file.events(start, end) for file in files), key=lambda bar: bar.ts_init)


def _refuse_nulls(batch: pa.RecordBatch, path: Path) -> None:
    for name in COLUMNS[1:]:
        if batch.column(name).null_count:
            raise DatasetError(f"{path.name}: column {name} holds nulls: a bar must be whole, drop or repair it")


def _decode(batch: pa.RecordBatch, instrument_id: str) -> list[Bar]:
    closes = batch.column("ts_close").to_pylist()
    prices = [unscaled(batch.column(name)).tolist() for name in COLUMNS[2:]]
    return list(map(Bar, closes, closes, repeat(instrument_id), *prices))


def _first_line(error: BaseException) -> str:
    return str(error).partition("\n")[0]
