"""Bars to tape, the form that the engine's drivers play without any of the pipeline's libraries, and back."""

import re
from collections.abc import Sequence
from pathlib import Path

from dagster_project.datasets.bars import BarFile, merge_bars, open_bars
from dagster_project.datasets.errors import DatasetError
from dagster_project.lake.bar_format import PRICES, make_table
from dagster_project.lake.period import NANOSECONDS
from live.core.inputs import Bar
from live.core.instruments import Instrument
from live.journal.segments import SegmentInfo, read_segment, write_segment
from live.promotion.durable_files import write_new


def write_tape(files: Sequence[BarFile], destination: Path, start: int | None = None, end: int | None = None) -> SegmentInfo:
    """Write the bars of files that close after `start` and not after `end` as one closed tape segment.

    Args:
        files: one file an instrument.
        destination: the tape file, or a directory in which it is named by its digest.
        start: nanoseconds UTC, exclusive.
        end: nanoseconds UTC, inclusive.

    Raises:
        DatasetError: two files hold the same instrument, or no bar lies in the period.
        TapeError: the destination exists.
    """
    names = [file.instrument.instrument_id for file in files]
    if len(set(names)) != len(names):
        raise DatasetError(f"each instrument may come from one file only, received {', '.join(names)}")
    if next(merge_bars(files, start, end), None) is None:
        raise DatasetError(f"no bar of {', '.join(names)} lies in the period that was asked for: widen it")
    return write_segment(destination, merge_bars(files, start, end), [file.instrument for file in files], "dataset")


def read_bars_of_tape(segments: Sequence[Path], directory: Path, interval_seconds: int | None = None) -> list[BarFile]:
    """Write the bars of a tape as one parquet file an instrument, to be ingested like any other; warm-up bars are left out.

    Args:
        segments: closed segments of one tape, in order.
        directory: where the files go; made when it is not there.
        interval_seconds: length of a bar; the shortest time between two closes of an instrument unless given.

    Raises:
        DatasetError: the tape holds no bar, an instrument has a single bar and no length was given, or a file exists already.
        TapeDamagedError: a segment is not what it was when it was written.
    """
    instruments: dict[str, Instrument] = {}
    bars: dict[str, list[Bar]] = {}
    for segment in segments:
        header, events = read_segment(segment)
        instruments |= {instrument.instrument_id: instrument for instrument in header.instruments}
        for event in events:
            if isinstance(event, Bar) and not event.warm_up:
                bars.setdefault(event.instrument_id, []).append(event)
    if not bars:
        raise DatasetError(f"no bar lies in {', '.join(str(segment) for segment in segments)}: name the segments of a tape of bars")
    directory.mkdir(parents=True, exist_ok=True)
    return [_write_bars(directory, instruments[one], bars[one], interval_seconds) for one in sorted(bars)]


def _write_bars(directory: Path, instrument: Instrument, bars: Sequence[Bar], interval_seconds: int | None) -> BarFile:
    import numpy as np
    import pyarrow as pa
    import pyarrow.parquet as pq

    closes = np.array([bar.ts_event for bar in bars], dtype=np.int64)
    if interval_seconds is None:
        steps = np.diff(closes)
        if not (steps > 0).any():
            raise DatasetError(f"one bar of {instrument.instrument_id} does not say how long it is: give the length (--bar-seconds)")
        interval_seconds = int(steps[steps > 0].min()) // NANOSECONDS
    columns = {"ts_open": closes - interval_seconds * NANOSECONDS, "ts_close": closes}
    columns |= {name: np.array([getattr(bar, name) for bar in bars], dtype=np.int64) for name in (*PRICES, "volume")}
    path = directory / f"{re.sub('[^A-Za-z0-9]+', '-', instrument.instrument_id)}.parquet"
    buffer = pa.BufferOutputStream()
    pq.write_table(make_table(columns, instrument, interval_seconds), buffer, compression="zstd")
    try:
        write_new(path, buffer.getvalue().to_pybytes(), 0o644)
    except FileExistsError:
        raise DatasetError(f"{path} exists: name another directory, a file is never written over") from None
    return open_bars(path)
