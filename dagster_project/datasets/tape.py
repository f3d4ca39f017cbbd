"""Export bars to tape, the form that the engine's drivers play without any of the pipeline's libraries."""

from collections.abc import Sequence
from pathlib import Path

from dagster_project.datasets.bars import BarFile, merge_bars
from dagster_project.datasets.errors import DatasetError
from live.journal.segments import SegmentInfo, write_segment


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
