"""What an import leaves behind: parquet files, a tape, or bars in the lake, and a report of what was found."""

from __future__ import annotations

import tempfile
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import msgspec

from dagster_project.datasets.errors import DatasetError
from dagster_project.datasets.importing.checks import gaps_of
from dagster_project.datasets.importing.outcome import Imported, ImportedStream
from dagster_project.datasets.streams import refuse_overlaps
from dagster_project.datasets.tape import file_name, write_table, write_tape
from dagster_project.home import Home
from dagster_project.lake import IngestReport, describe_moment, ingest_bars
from live.core.market_events import Bar

PLACES = "say where it goes (--output DIRECTORY for parquet files, --tape FILE for a tape)"


def write_imported(imported: Sequence[Imported], output: Path | None, tape: Path | None) -> dict[str, Any]:
    """Write what was not refused as parquet files, as a tape, or both, and report on everything.

    Args:
        imported: what was read.
        output: directory for a parquet file a stream; made when it is not there.
        tape: tape file for all streams together.

    Raises:
        DatasetError: a file exists already, or two streams hold the same events at a time.
        TapeError: the tape exists already.
    """
    streams = [one for each in imported for one in each.streams]
    sound = [one for one in streams if not one.refused]
    written: dict[int, str] = {}
    report: dict[str, Any] = {}
    if tape is not None and sound:
        refuse_overlaps([one.stream for one in sound])
        info = write_tape([one.stream for one in sound], tape)
        report["tape"] = {"path": str(info.path), "events": info.events, "digest": info.digest}
    if output is not None and sound:
        output.mkdir(parents=True, exist_ok=True)
        for one in sound:
            written[id(one)] = str(write_table(output / _name(one, sound), one.stream.table).path)
    formats = [each.format for each in imported for _ in each.streams]
    described = [describe(one, format_name, written.get(id(one), "")) for one, format_name in zip(streams, formats, strict=True)]
    return report | {"streams": described}


def publish_imported(home: Home, imported: Sequence[Imported], *, correct: bool) -> IngestReport:
    """Publish imported bars in the lake, judged there as every file is.

    Raises:
        DatasetError: what was imported is not bars alone, or a stream was refused.
    """
    streams = [one for each in imported for one in each.streams]
    for one in streams:
        one.refuse_faults()
        if one.stream.kind is not Bar:
            raise DatasetError(f"{one.label}: the lake holds bars only, {PLACES}")
    with tempfile.TemporaryDirectory() as folder:
        files = [write_table(Path(folder, _name(one, streams)), one.stream.table) for one in streams]
        return ingest_bars(home, [file.path for file in files], correct=correct)


def describe(one: ImportedStream, format_name: str, path: str) -> dict[str, Any]:
    """Describe a stream for a report, with every gap in its grid."""
    stream, instrument = one.stream, one.stream.instrument
    span = stream.span or (0, 0)
    gaps: list[dict[str, Any]] = []
    if one.interval_seconds and stream.rows:
        times = stream.table.column("ts_close" if stream.kind is Bar else "ts_init").to_numpy()
        gaps = [{"after": describe_moment(close), "missing": missing} for close, missing in gaps_of(times, one.interval_seconds)]
    return {
        "instrument_id": instrument.instrument_id,
        "kind": stream.kind.__name__,
        "format": format_name,
        "state": "refused" if one.refused else "read",
        "rows": stream.rows,
        "first": describe_moment(span[0]),
        "last": describe_moment(span[1]),
        "bar_seconds": one.interval_seconds or None,
        "instrument": msgspec.to_builtins(instrument),
        "sources": [str(source) for source in one.sources],
        "findings": msgspec.to_builtins(one.findings),
        "gaps": gaps,
        "path": path,
    }


def _name(one: ImportedStream, among: Sequence[ImportedStream]) -> str:
    """Name the file of a stream; bars of several lengths say theirs."""
    name = file_name(one.stream.instrument.instrument_id, one.stream.kind.__name__)
    alike = [other for other in among if (other.stream.instrument, other.stream.kind) == (one.stream.instrument, one.stream.kind)]
    return f"{name.removesuffix('.parquet')}-{one.interval_seconds}s.parquet" if len(alike) > 1 else name
