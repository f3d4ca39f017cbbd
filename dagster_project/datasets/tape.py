"""Market events to tape, the form that the engine's drivers play without any of the pipeline's libraries, and back."""

import re
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import msgspec

from dagster_project.datasets.bars import BarFile
from dagster_project.datasets.errors import DatasetError
from dagster_project.datasets.event_format import columns_of_events, make_event_table
from dagster_project.datasets.merging import merge_streams
from dagster_project.datasets.streams import EventFile, EventStream, open_stream, refuse_overlaps
from dagster_project.lake.bar_format import DEFINITION_KEY, PRICES, make_table
from dagster_project.lake.period import NANOSECONDS
from live.core.instruments import Instrument, merge_instruments
from live.core.market_events import Bar, MarketEvent
from live.journal.segments import SegmentInfo, read_segment, write_segment
from live.promotion.durable_files import write_new


def write_tape(files: Sequence[EventStream], destination: Path, start: int | None = None, end: int | None = None) -> SegmentInfo:
    """Write the events of files that were received after `start` and not after `end` as one closed tape segment.

    Args:
        files: bars and other kinds of event; at one time, events stand in the order of the files.
        destination: the tape file, or a directory in which it is named by its digest.
        start: nanoseconds UTC, exclusive.
        end: nanoseconds UTC, inclusive.

    Raises:
        DatasetError: two files hold the same kind of event of one instrument at a time, or no event lies in the period.
        InstrumentError: two files disagree about an instrument.
        TapeError: the destination exists.
    """
    refuse_overlaps(files)
    instruments = merge_instruments((), [file.instrument for file in files])
    if next(merge_streams(files, start, end), None) is None:
        raise DatasetError(f"no bar or other event of {', '.join(instruments)} lies in the period that was asked for: widen it")
    return write_segment(destination, merge_streams(files, start, end), list(instruments.values()), "dataset")


def write_files_of_tape(segments: Sequence[Path], directory: Path, interval_seconds: int | None = None) -> list[BarFile | EventFile]:
    """Write the events of a tape as one parquet file an instrument and kind; what was warm-up is left out.

    A file of bars has no time of receipt but their close, since it is what `interlock ingest` takes.

    Args:
        segments: closed segments of one tape, in order.
        directory: where the files go; made when it is not there.
        interval_seconds: length of a bar; the shortest time between two closes of an instrument unless given.

    Raises:
        DatasetError: the tape holds no event, an instrument has a single bar and no length was given, or a file exists already.
        TapeDamagedError: a segment is not what it was when it was written.
    """
    instruments: dict[str, Instrument] = {}
    held: dict[tuple[str, str], list[Any]] = {}
    kinds: dict[str, type[MarketEvent]] = {}
    for segment in segments:
        header, events = read_segment(segment)
        instruments |= {instrument.instrument_id: instrument for instrument in header.instruments}
        for event in events:
            if not event.warm_up:
                kinds[type(event).__name__] = type(event)
                held.setdefault((event.instrument_id, type(event).__name__), []).append(event)
    if not held:
        raise DatasetError(f"no event lies in {', '.join(str(segment) for segment in segments)}: name the segments of a tape")
    directory.mkdir(parents=True, exist_ok=True)
    return [
        _write_bars(directory, instruments[one], held[one, kind], interval_seconds)
        if kinds[kind] is Bar
        else _write_events(directory, kinds[kind], instruments[one], held[one, kind])
        for one, kind in sorted(held)
    ]


def file_name(instrument_id: str, kind: str = Bar.__name__) -> str:
    """Name the parquet file of an instrument's events; a file of bars goes without its kind."""
    readable = re.sub("[^A-Za-z0-9]+", "-", instrument_id)
    return f"{readable}.parquet" if kind == Bar.__name__ else f"{readable}-{kind}.parquet"


def write_table(path: Path, table: Any) -> BarFile | EventFile:
    """Write a table of events as a parquet file and open it.

    Raises:
        DatasetError: the file exists already.
    """
    import pyarrow as pa
    import pyarrow.parquet as pq

    buffer = pa.BufferOutputStream()
    pq.write_table(table, buffer, compression="zstd")
    try:
        write_new(path, buffer.getvalue().to_pybytes(), 0o644)
    except FileExistsError:
        raise DatasetError(f"{path} exists: name another directory, a file is never written over") from None
    return open_stream(path)


def _write_bars(directory: Path, instrument: Instrument, bars: Sequence[Bar], interval_seconds: int | None) -> BarFile | EventFile:
    import numpy as np

    closes = np.array([bar.ts_event for bar in bars], dtype=np.int64)
    if interval_seconds is None:
        steps = np.diff(closes)
        if not (steps > 0).any():
            raise DatasetError(f"one bar of {instrument.instrument_id} does not say how long it is: give the length (--bar-seconds)")
        interval_seconds = int(steps[steps > 0].min()) // NANOSECONDS
    columns = {"ts_open": closes - interval_seconds * NANOSECONDS, "ts_close": closes}
    columns |= {name: np.array([getattr(bar, name) for bar in bars], dtype=np.int64) for name in (*PRICES, "volume")}
    notes = [(DEFINITION_KEY, msgspec.json.encode(instrument).decode())]
    return write_table(directory / file_name(instrument.instrument_id), make_table(columns, instrument, interval_seconds, notes))


def _write_events(directory: Path, kind: type[MarketEvent], instrument: Instrument, events: list[Any]) -> BarFile | EventFile:
    table = make_event_table(kind, columns_of_events(kind, events), instrument)
    return write_table(directory / file_name(instrument.instrument_id, kind.__name__), table)
