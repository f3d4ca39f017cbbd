"""Streams of market events: columns of one kind and one instrument, from a parquet file or from memory, decoded a batch at a time."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from itertools import chain, pairwise
from operator import itemgetter
from pathlib import Path
from typing import TYPE_CHECKING, Any, Protocol

from dagster_project.datasets.bars import BarFile, decode_bars, open_bars, read_definition
from dagster_project.datasets.batches import BATCH_ROWS, column_span, first_line, read_batches, select_rows
from dagster_project.datasets.errors import DatasetError
from dagster_project.datasets.event_format import KIND_KEY, KINDS_BY_NAME, decode_events, event_column_types
from dagster_project.lake.bar_format import read_metadata
from dagster_project.lake.period import describe_moment
from live.core.instruments import Instrument
from live.core.market_events import Bar, MarketEvent

if TYPE_CHECKING:
    import numpy as np
    import pyarrow as pa


class EventStream(Protocol):
    """Give events of one kind and one instrument in order of `ts_init`."""

    @property
    def kind(self) -> type[MarketEvent]:
        """Name the kind of event."""
        ...

    @property
    def instrument(self) -> Instrument:
        """Describe what the events are of."""
        ...

    @property
    def rows(self) -> int:
        """Count the events."""
        ...

    @property
    def span(self) -> tuple[int, int] | None:
        """Give the times of the first and the last event, None when there is none."""
        ...

    def timed_batches(self, start: int | None = None, end: int | None = None) -> Iterator[tuple[np.ndarray, list[Any]]]:
        """Give the events received after `start` and not after `end` (nanoseconds UTC) in lists, each with the array of its `ts_init`.

        Raises:
            DatasetError: a column cannot be read, holds a null, or the events are not in order of time.
        """
        ...


@dataclass(frozen=True)
class EventFile:
    """A parquet file of events other than bars that was opened and checked.

    Attributes:
        path: the file.
        kind: of the events.
        instrument: what they are of.
        rows: how many.
    """

    path: Path
    kind: type[MarketEvent]
    instrument: Instrument
    rows: int

    @property
    def span(self) -> tuple[int, int] | None:
        """Give the times of the first and the last event, None when there is none."""
        return column_span(self.path, "ts_init")

    def timed_batches(self, start: int | None = None, end: int | None = None) -> Iterator[tuple[np.ndarray, list[Any]]]:
        """Give the events of a period, as `EventStream` says.

        Raises:
            DatasetError: a column cannot be read, holds a null, or the events are not in order of time.
        """
        columns = list(event_column_types(self.kind, self.instrument))
        return _decode(read_batches(self.path, columns), self.kind, self.instrument, self.path.name, start, end)


@dataclass(frozen=True)
class EventTable:
    """Columns of events in memory, as an importer leaves them.

    Attributes:
        name: where they came from, for errors.
        kind: of the events.
        instrument: what they are of.
        table: in the format of their kind.
    """

    name: str
    kind: type[MarketEvent]
    instrument: Instrument
    table: pa.Table

    @property
    def rows(self) -> int:
        """Count the events."""
        return self.table.num_rows

    @property
    def span(self) -> tuple[int, int] | None:
        """Give the times of the first and the last event, None when there is none."""
        times = self.table.column("ts_close" if self.kind is Bar else "ts_init")
        return (times[0].as_py(), times[-1].as_py()) if len(times) else None

    def timed_batches(self, start: int | None = None, end: int | None = None) -> Iterator[tuple[np.ndarray, list[Any]]]:
        """Give the events of a period, as `EventStream` says.

        Raises:
            DatasetError: a column holds a null, or the events are not in order of time.
        """
        batches = self.table.combine_chunks().to_batches(max_chunksize=BATCH_ROWS)
        return _decode(batches, self.kind, self.instrument, self.name, start, end)


def open_stream(path: Path) -> BarFile | EventFile:
    """Open a parquet file of any kind of market event; one that names no kind holds bars.

    Raises:
        DatasetError: the file is missing or unreadable, names an unknown kind, lacks a column or holds it in another type, or its
            metadata is incomplete.
    """
    import pyarrow as pa
    import pyarrow.parquet as pq

    try:
        file = pq.ParquetFile(path)
        schema, rows = file.schema_arrow, file.metadata.num_rows
    except (pa.ArrowException, OSError) as error:
        raise DatasetError(f"{path} cannot be read as parquet ({first_line(error)}): restore the file or make it again") from error
    metadata = read_metadata(schema)
    name = metadata.get(KIND_KEY, Bar.__name__)
    if name == Bar.__name__:
        return open_bars(path)
    if name not in KINDS_BY_NAME:
        raise DatasetError(f"{path.name}: the schema's metadata names the unknown kind {name!r}: {KIND_KEY} is one of {_known()}")
    kind, instrument = KINDS_BY_NAME[name], read_definition(metadata, path.name)
    for column, wanted in event_column_types(kind, instrument).items():
        if column not in schema.names:
            raise DatasetError(f"{path.name}: column {column} of a {name} is missing, the file has {', '.join(schema.names)}")
        if not schema.field(column).type.equals(wanted):
            raise DatasetError(f"{path.name}: column {column} must be {wanted}, received {schema.field(column).type}")
    return EventFile(path, kind, instrument, rows)


def refuse_overlaps(streams: Iterable[EventStream]) -> None:
    """Refuse two streams of one kind and instrument that overlap in time: their events would count twice.

    Raises:
        DatasetError: there are two.
    """
    held: dict[tuple[type[MarketEvent], str], list[tuple[int, int]]] = {}
    for stream in streams:
        if span := stream.span:
            held.setdefault((stream.kind, stream.instrument.instrument_id), []).append(span)
    for (kind, instrument_id), spans in held.items():
        for (_, last), (first, _) in pairwise(sorted(spans)):
            if first <= last:
                raise DatasetError(
                    f"two sources hold {kind.__name__} events of {instrument_id} at {describe_moment(first)} UTC: each instrument may come "
                    "from one file only at a time, leave one of them out"
                )


def events_of(stream: EventStream, start: int | None = None, end: int | None = None) -> Iterator[MarketEvent]:
    """Give the events of one stream one by one.

    Raises:
        DatasetError: as `EventStream.timed_batches`.
    """
    # No variable holds a batch that was handled: its memory, still in the cache, is that of the next.
    return chain.from_iterable(map(itemgetter(1), stream.timed_batches(start, end)))


def _decode(
    batches: Iterable[pa.RecordBatch], kind: type[MarketEvent], instrument: Instrument, name: str, start: int | None, end: int | None
) -> Iterator[tuple[np.ndarray, list[Any]]]:
    if kind is Bar:
        yield from decode_bars(batches, instrument.instrument_id, name, start, end)
        return
    for times, batch in select_rows(batches, name, "ts_init", start, end, strictly=False):
        yield times, decode_events(batch, kind, instrument.instrument_id)


def _known() -> str:
    return ", ".join((Bar.__name__, *KINDS_BY_NAME))
