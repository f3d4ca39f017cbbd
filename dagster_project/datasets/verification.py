"""Verify a frozen dataset: every byte is as it was, nothing is missing and nothing was added."""

from __future__ import annotations

from itertools import zip_longest
from pathlib import Path

from dagster_project.datasets.bars import open_bars
from dagster_project.datasets.dataset import MANIFEST_NAME, SUMS_NAME, TAPES_NAME, Dataset, dataset_folders, read_dataset
from dagster_project.datasets.errors import DatasetError
from dagster_project.datasets.manifest import DatasetFile, DatasetManifest, content_digest, dataset_digest
from dagster_project.datasets.merging import merge_bars
from dagster_project.home import Home
from dagster_project.lake.bar_format import COLUMNS, INTERVAL_KEY, TIMES, read_metadata, unscaled
from live.journal.disk import file_digest
from live.journal.errors import JournalError
from live.journal.segments import CLOSED_NAME, read_segment


def verify_dataset(dataset: Dataset) -> list[str]:
    """Name what is wrong with a dataset, one sentence a problem; an empty list means that it is sound."""
    return verify_folder(dataset.path)


def verify_folder(folder: Path) -> list[str]:
    """Verify the dataset in a folder, even one whose manifest cannot be read."""
    try:
        dataset = read_dataset(folder)
    except DatasetError as error:
        return [str(error)]
    manifest = dataset.manifest
    expected = {MANIFEST_NAME, SUMS_NAME, *(file.name for file in manifest.files)}
    present = {path.name for path in folder.iterdir()}
    problems = [f"{name} is missing" for name in sorted(expected - present)]
    problems += [f"{name} does not belong to the dataset" for name in sorted(present - expected - {TAPES_NAME})]
    if expected - present:
        return problems
    if (folder / SUMS_NAME).read_bytes() != sums_of(folder, manifest).encode():
        problems.append(f"{SUMS_NAME} does not fit the bytes of the files that it lists")
    for file in manifest.files:
        problems += _file_problems(folder, file, manifest.interval_seconds)
    if dataset_digest(manifest.files) != manifest.digest:
        problems.append(f"{MANIFEST_NAME} lists contents whose digest is not {manifest.digest}")
    if not problems and (folder / TAPES_NAME).exists():
        problems += _tape_problems(dataset)
    return problems


def verify_datasets(home: Home) -> dict[str, list[str]]:
    """Verify every dataset of a home; give the problems of each by digest."""
    return {folder.name: verify_folder(folder) for folder in dataset_folders(home)}


def sums_of(folder: Path, manifest: DatasetManifest) -> str:
    """Give the digests of a dataset's files as `sha256sum --check` reads them."""
    names = sorted([MANIFEST_NAME, *(file.name for file in manifest.files)])
    return "".join(f"{file_digest(folder / name)}  {name}\n" for name in names)


def _file_problems(folder: Path, file: DatasetFile, interval_seconds: int) -> list[str]:
    import pyarrow as pa
    import pyarrow.parquet as pq

    path = folder / file.name
    if (found := file_digest(path)) != file.sha256:
        return [f"{file.name} has sha256 {found}, not the one in the manifest, {file.sha256}"]
    try:
        instrument = open_bars(path).instrument
        rows = pq.read_table(path, columns=list(COLUMNS)).combine_chunks()
    except (DatasetError, pa.ArrowException) as error:
        return [f"{file.name} cannot be read: {error}"]
    columns = {name: rows.column(name).chunk(0) for name in COLUMNS}
    units = {name: column.to_numpy() if name in TIMES else unscaled(column) for name, column in columns.items()}
    interval = int(read_metadata(rows.schema).get(INTERVAL_KEY, "0"))
    held = (instrument.instrument_id, interval, len(rows), int(units["ts_close"][0]), int(units["ts_close"][-1]))
    if held != (file.instrument_id, interval_seconds, file.rows, file.first, file.last):
        return [f"{file.name} holds {held}, which is not what the manifest says of it"]
    if content_digest(instrument, interval_seconds, units) != file.content:
        return [f"{file.name} holds other bars than those that were frozen"]
    return []


def _tape_problems(dataset: Dataset) -> list[str]:
    problems: list[str] = []
    for path in sorted((dataset.path / TAPES_NAME).rglob("*")):
        if path.is_dir():
            continue
        name = path.relative_to(dataset.path).as_posix()
        if not CLOSED_NAME.fullmatch(path.name):
            problems.append(f"{name} does not belong to the dataset")
            continue
        try:
            header, events = read_segment(path)
            instrument_ids = {instrument.instrument_id for instrument in header.instruments}
            files = [file for file in dataset.files if file.instrument.instrument_id in instrument_ids]
            if any(played != frozen for played, frozen in zip_longest(events, merge_bars(files))):
                problems.append(f"{name} holds other bars than the dataset")
        except JournalError as error:
            problems.append(f"{name} is damaged: {error}")
    return problems
