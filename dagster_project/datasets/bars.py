"""Bars from parquet to engine events, a batch of columns at a time; `lake.bar_format` says what a file holds.

A bar becomes known at its close, so `ts_event` and `ts_init` are both `ts_close`.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from itertools import repeat
from pathlib import Path
from typing import TYPE_CHECKING

import msgspec

from dagster_project.datasets.batches import column_span, first_line, read_batches, select_rows
from dagster_project.datasets.errors import DatasetError
from dagster_project.lake.bar_format import COLUMNS, DEFINITION_KEY, INSTRUMENT_KEYS, column_types, read_metadata, unscaled
from live.core.errors import InstrumentError
from live.core.inputs import Bar
from live.core.instruments import Instrument

if TYPE_CHECKING:
    import numpy as np
    import pyarrow as pa

    from live.core.market_events import MarketEvent


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

    @property
    def kind(self) -> type[MarketEvent]:
        """Name the kind of event that the file holds."""
        return Bar

    @property
    def span(self) -> tuple[int, int] | None:
        """Give the closes of the first and the last bar, None when there is none."""
        return column_span(self.path, "ts_close")

    def events(self, start: int | None = None, end: int | None = None) -> Iterator[Bar]:
        """Give the bars that close after `start` and not after `end` (nanoseconds UTC), in order.

        Raises:
            DatasetError: a column cannot be read, holds a null, or the bars are not in order of time.
        """
        for batch in self.batches(start, end):
            yield from batch

    def batches(self, start: int | None = None, end: int | None = None) -> Iterator[list[Bar]]:
        """Give the same bars as `events`, a list per piece of the columns.

        Raises:
            DatasetError: as `events`.
        """
        for _, batch in self.timed_batches(start, end):
            yield batch

    def timed_batches(self, start: int | None = None, end: int | None = None) -> Iterator[tuple[np.ndarray, list[Bar]]]:
        """Give the same bars as `batches`, each list with the array of its times.

        Raises:
            DatasetError: as `events`.
        """
        return decode_bars(read_batches(self.path, list(COLUMNS[1:])), self.instrument.instrument_id, self.path.name, start, end)


def decode_bars(
    batches: Iterable[pa.RecordBatch], instrument_id: str, name: str, start: int | None, end: int | None
) -> Iterator[tuple[np.ndarray, list[Bar]]]:
    """Give the bars of batches of columns that close in a period, each list with the array of its times.

    Raises:
        DatasetError: a column holds a null, or the bars are not in order of time.
    """
    for closes, batch in select_rows(batches, name, "ts_close", start, end, strictly=True):
        yield closes, _decode(batch, instrument_id)


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
        raise DatasetError(f"{path} cannot be read as parquet bars ({first_line(error)}): restore the file or make it again") from error
    metadata = read_metadata(schema)
    instrument = read_definition(metadata, path.name)
    for name, kind in column_types(instrument.price_scale, instrument.quantity_scale).items():
        if name not in schema.names:
            raise DatasetError(f"{path.name}: column {name} is missing, the file has {', '.join(schema.names)}")
        if schema.field(name).type != kind:
            raise DatasetError(f"{path.name}: column {name} must be {kind}, received {schema.field(name).type}")
    return BarFile(path, instrument, rows)


def read_definition(metadata: Mapping[str, str], name: str) -> Instrument:
    """Read the instrument from a file's metadata: its whole definition where there is one, else assets and scales.

    Raises:
        DatasetError: the metadata is incomplete, or contradicts itself.
    """
    if missing := [key for key in INSTRUMENT_KEYS if key not in metadata]:
        raise DatasetError(
            f"{name}: the schema's metadata lacks {', '.join(missing)}: write the file with all of {', '.join(INSTRUMENT_KEYS)}"
        )
    try:
        instrument = Instrument(
            instrument_id=metadata["instrument_id"],
            base=metadata["base"],
            quote=metadata["quote"],
            price_scale=int(metadata["price_scale"]),
            quantity_scale=int(metadata["quantity_scale"]),
        )
        defined = msgspec.json.decode(metadata.get(DEFINITION_KEY, "null"), type=Instrument | None)
    except (InstrumentError, ValueError) as error:
        raise DatasetError(f"{name}: the schema's metadata is no instrument: {error}") from error
    if defined is not None and any(getattr(defined, key) != getattr(instrument, key) for key in INSTRUMENT_KEYS):
        raise DatasetError(f"{name}: the schema's metadata describes two instruments: make {DEFINITION_KEY} agree with the other keys")
    return defined or instrument


def _decode(batch: pa.RecordBatch, instrument_id: str) -> list[Bar]:
    closes = batch.column("ts_close").to_numpy().tolist()
    prices = [unscaled(batch.column(name)).tolist() for name in COLUMNS[2:]]
    return list(map(Bar, closes, closes, repeat(instrument_id), *prices))
