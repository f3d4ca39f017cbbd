"""Freeze published bars into a dataset, whole or not at all."""

from __future__ import annotations

import re
import shutil
import tempfile
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple

from dagster_project.datasets.dataset import (
    DATASET_NAME,
    MANIFEST_NAME,
    NAMES_NAME,
    SHORTEST_PREFIX,
    SUMS_NAME,
    Dataset,
    put_folder,
    read_dataset,
)
from dagster_project.datasets.errors import DatasetError
from dagster_project.datasets.manifest import (
    MANIFEST_SCHEMA,
    DatasetFile,
    DatasetManifest,
    Lineage,
    Source,
    content_digest,
    dataset_digest,
)
from dagster_project.datasets.verification import sums_of, verify_dataset
from dagster_project.home import Home
from dagster_project.lake import SCALES, describe_moment, load_calendar, open_table, parse_moment, read_rows, read_verdict
from dagster_project.lake.bar_format import COLUMNS, make_table
from live.core.instruments import Instrument
from live.journal.disk import file_digest
from live.promotion.documents import encode_canonical
from live.promotion.durable_files import replace_file, write_new

if TYPE_CHECKING:
    import numpy as np
    import pyarrow as pa

_HEXADECIMAL = re.compile(rf"[0-9a-f]{{{SHORTEST_PREFIX},}}")
READ_ONLY = 0o444


class _Bars(NamedTuple):
    """Hold one instrument's bars as read from the table."""

    instrument: Instrument
    interval_seconds: int
    columns: Mapping[str, np.ndarray]
    sources: frozenset[str]
    validation_ids: frozenset[str]


def freeze_dataset(home: Home, *, name: str, instruments: Sequence[str], start: str | None = None, end: str | None = None) -> Dataset:
    """Freeze published bars under a name; bars that are frozen already are not frozen twice.

    Args:
        home: whose lake to read and whose datasets to join.
        name: lower-case letters, digits, `_`, `.` and `-`; given before, it moves to this dataset.
        instruments: whose bars, like `binance-spot:BTCUSDT`.
        start: leave out bars that close at or before this time, UTC.
        end: leave out bars that close after this time, UTC.

    Raises:
        DatasetError: no bars are published in the period, a row carries no validation that passed, bars are of several lengths,
            the name cannot be used, or the dataset is there already and damaged.
        LakeError: a time is not one.
    """
    if not DATASET_NAME.fullmatch(name) or _HEXADECIMAL.fullmatch(name):
        raise DatasetError(
            f"a dataset's name is lower-case letters, digits, '_', '.' and '-', and not hexadecimal like a digest, received {name!r}"
        )
    if not instruments:
        raise DatasetError("a dataset holds at least one instrument, received none: name them")
    table = open_table(home)
    if table is None:
        raise DatasetError(f"nothing is published in {home.bars}: run `interlock ingest` first")
    read = [_bars(read_rows(table, one, parse_moment(start), parse_moment(end)), one, start, end) for one in sorted(set(instruments))]
    lineage = _lineage(home, read, table.version())
    home.datasets.mkdir(parents=True, exist_ok=True)
    scratch = Path(tempfile.mkdtemp(prefix=".", dir=home.datasets))
    try:
        manifest = _write(scratch, read, name, lineage)
        folder = home.datasets / manifest.digest
        if not folder.is_dir():
            put_folder(scratch, folder)
    finally:
        shutil.rmtree(scratch, ignore_errors=True)
    dataset = read_dataset(folder)
    if problems := verify_dataset(dataset):
        raise DatasetError(f"dataset {dataset.digest[:12]} is there already and damaged ({problems[0]}): move {folder} away, freeze again")
    names = home.datasets / NAMES_NAME
    names.mkdir(exist_ok=True)
    replace_file(names / name, f"{dataset.digest}\n".encode())
    return dataset


def _bars(rows: pa.Table, instrument_id: str, start: str | None, end: str | None) -> _Bars:
    if not rows.num_rows:
        raise DatasetError(
            f"no bar of {instrument_id} is published in the period from {start or 'the start'} to {end or 'the end'}: "
            "ingest one, or widen the period"
        )
    agreed = {name: rows.column(name).unique().to_pylist() for name in SCALES}
    if several := {name: values for name, values in agreed.items() if len(values) > 1}:
        raise DatasetError(f"published bars of {instrument_id} disagree about {several}: the table was written by another program")
    scales = {name: values[0] for name, values in agreed.items()}
    interval_seconds = scales.pop("interval_seconds")
    _refuse_holes(instrument_id, rows.column("ts_close").to_numpy(), interval_seconds)
    return _Bars(
        Instrument(instrument_id=instrument_id, **scales),
        interval_seconds,
        {name: rows.column(name).to_numpy() for name in COLUMNS},
        frozenset(rows.column("source").unique().to_pylist()),
        frozenset(rows.column("validation_id").unique().to_pylist()),
    )


def _refuse_holes(instrument_id: str, closes: np.ndarray, interval_seconds: int) -> None:
    """Refuse a hole that no audit could see, since it lies between files."""
    calendar = load_calendar()
    missing = calendar.missing_before(closes, interval_seconds, instrument_id.partition(":")[0])
    after = int(missing.argmax())
    if missing[after] > calendar.tolerated_bars(interval_seconds):
        raise DatasetError(
            f"{missing[after]:,} bars of {instrument_id} are missing between {describe_moment(int(closes[after - 1]))} and "
            f"{describe_moment(int(closes[after]))} UTC: ingest them, freeze a period without the hole, or declare it in calendar.toml"
        )


def _lineage(home: Home, read: Sequence[_Bars], version: int) -> Lineage:
    names: dict[str, str] = {}
    for validation_id in sorted(frozenset().union(*(bars.validation_ids for bars in read))):
        verdict = read_verdict(home, validation_id)
        if verdict is None or not verdict.passed:
            raise DatasetError(
                f"published bars carry validation {validation_id!r}, of which the lake has no result that passed: ingest them again"
            )
        names[verdict.source] = verdict.name
    sources = sorted(frozenset().union(*(bars.sources for bars in read)))
    if unknown := [source for source in sources if source not in names]:
        raise DatasetError(f"published bars come from the file {unknown[0]}, which no validation judged: ingest them again")
    return Lineage(
        table=home.bars.relative_to(home.root).as_posix(),
        table_version=version,
        sources=tuple(Source(name=names[source], sha256=source) for source in sources),
        validation_ids=tuple(sorted(frozenset().union(*(bars.validation_ids for bars in read)))),
    )


def _write(folder: Path, read: Sequence[_Bars], name: str, lineage: Lineage) -> DatasetManifest:
    folder.chmod(0o755)
    files = tuple(_write_file(folder, bars) for bars in read)
    intervals = {bars.interval_seconds for bars in read}
    if len(intervals) > 1:
        raise DatasetError(f"a dataset has bars of one length, received {sorted(intervals)} seconds: freeze one dataset for each")
    manifest = DatasetManifest(
        schema=MANIFEST_SCHEMA,
        name=name,
        interval_seconds=intervals.pop(),
        start=min(int(bars.columns["ts_open"][0]) for bars in read),
        end=max(file.last for file in files),
        files=files,
        lineage=lineage,
        digest=dataset_digest(files),
    )
    write_new(folder / MANIFEST_NAME, encode_canonical(manifest), READ_ONLY)
    write_new(folder / SUMS_NAME, sums_of(folder, manifest).encode(), READ_ONLY)
    return manifest


def _write_file(folder: Path, bars: _Bars) -> DatasetFile:
    import pyarrow as pa
    import pyarrow.parquet as pq

    content = content_digest(bars.instrument, bars.interval_seconds, bars.columns)
    readable = re.sub(r"[^A-Za-z0-9]+", "-", bars.instrument.instrument_id)
    path = folder / f"{readable}-{content[:8]}.parquet"
    buffer = pa.BufferOutputStream()
    pq.write_table(make_table(bars.columns, bars.instrument, bars.interval_seconds), buffer, compression="zstd")
    write_new(path, buffer.getvalue().to_pybytes(), READ_ONLY)
    closes = bars.columns["ts_close"]
    return DatasetFile(
        instrument_id=bars.instrument.instrument_id,
        name=path.name,
        rows=len(closes),
        first=int(closes[0]),
        last=int(closes[-1]),
        content=content,
        sha256=file_digest(path),
    )
