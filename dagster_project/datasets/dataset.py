"""A frozen dataset: a folder named by the digest of what it holds, which nothing changes any more."""

from __future__ import annotations

import re
import shutil
import tempfile
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING

from dagster_project.datasets.bars import BarFile, open_bars
from dagster_project.datasets.errors import DatasetError
from dagster_project.datasets.manifest import DatasetFile, DatasetManifest, read_manifest
from dagster_project.datasets.tape import write_tape
from dagster_project.home import Home
from live.core.instruments import Instrument
from live.journal.disk import sync_directory
from live.promotion.documents import sha256_hex

if TYPE_CHECKING:
    import pandas as pd

MANIFEST_NAME = "manifest.json"
SUMS_NAME = "SHA256SUMS"
TAPES_NAME = "tapes"
NAMES_NAME = "names"
SHORTEST_PREFIX = 7
DATASET_NAME = re.compile(r"[a-z0-9][a-z0-9_.-]{0,63}")
_DIGEST = re.compile(r"[0-9a-f]{64}")
_DIGEST_PREFIX = re.compile(rf"[0-9a-f]{{{SHORTEST_PREFIX},64}}")


@dataclass(frozen=True)
class Dataset:
    """Frozen bars of one or more instruments.

    Attributes:
        path: its folder.
        manifest: what it holds.
    """

    path: Path
    manifest: DatasetManifest

    @property
    def digest(self) -> str:
        """Give the digest of the content, which names the folder."""
        return self.manifest.digest

    @cached_property
    def files(self) -> list[BarFile]:
        """Give the files, one an instrument, in order of instrument id.

        Raises:
            DatasetError: a file is missing or is not what it was.
        """
        return [open_bars(self.path / file.name) for file in self.manifest.files]

    @property
    def instruments(self) -> tuple[Instrument, ...]:
        """Give what the bars are of, on which scales."""
        return tuple(file.instrument for file in self.files)

    def tape(self, instrument_ids: Sequence[str] | None = None) -> Path:
        """Give the bars as a tape, of all instruments or of some; it is written once and kept inside the folder.

        Raises:
            DatasetError: the dataset does not hold an instrument that was asked for, or something was put beside the tape.
        """
        held = [file.instrument_id for file in self.manifest.files]
        wanted = held if instrument_ids is None else sorted(set(instrument_ids))
        unknown = [name for name in wanted if name not in held]
        if unknown or not wanted:
            asked = ", ".join(unknown) or "no instrument at all"
            raise DatasetError(f"dataset {self.digest[:12]} holds {', '.join(held)}, asked for {asked}: name instruments that it holds")
        shelf = self.path / TAPES_NAME / sha256_hex("\n".join(wanted).encode())[:12]
        if not shelf.is_dir():
            self._write_tape(shelf, wanted)
        tapes = list(shelf.iterdir())
        if len(tapes) != 1:
            raise DatasetError(f"{shelf} holds {len(tapes)} files where one tape belongs: remove the folder, it is written again")
        return tapes[0]

    def frame(self, instrument_id: str) -> pd.DataFrame:
        """Give an instrument's bars as floats under their closing time in UTC: open, high, low, close, volume.

        Raises:
            DatasetError: the dataset does not hold the instrument.
        """
        import pyarrow.parquet as pq

        from dagster_project.lake.bar_format import COLUMNS, unscaled
        from dagster_project.lake.table import UNIT_SCALE, frame_of

        file = self._file(instrument_id)
        instrument = open_bars(self.path / file.name).instrument
        rows = pq.read_table(self.path / file.name, columns=list(COLUMNS)).combine_chunks()
        units = rows.select(["ts_close"]).to_pandas()
        for name, scale in UNIT_SCALE.items():
            units[name] = unscaled(rows.column(name).chunk(0))
            units[scale] = getattr(instrument, scale)
        return frame_of(units)

    def _file(self, instrument_id: str) -> DatasetFile:
        for file in self.manifest.files:
            if file.instrument_id == instrument_id:
                return file
        held = ", ".join(file.instrument_id for file in self.manifest.files)
        raise DatasetError(f"dataset {self.digest[:12]} holds {held}, asked for {instrument_id}: name an instrument that it holds")

    def _write_tape(self, shelf: Path, wanted: Sequence[str]) -> None:
        shelf.parent.mkdir(exist_ok=True)
        scratch = Path(tempfile.mkdtemp(prefix=".", dir=self.path.parent))
        try:
            write_tape([file for file in self.files if file.instrument.instrument_id in wanted], scratch)
            scratch.chmod(0o755)
            put_folder(scratch, shelf)
        finally:
            shutil.rmtree(scratch, ignore_errors=True)


def put_folder(finished: Path, place: Path) -> None:
    """Give a finished folder its name, durably, unless an equal one has it already."""
    sync_directory(finished)
    try:
        finished.rename(place)
    except OSError:
        if not place.is_dir():
            raise
    sync_directory(place.parent)


def open_dataset(home: Home, reference: str) -> Dataset:
    """Open a dataset by its digest, the first seven or more characters of it, or its name.

    Raises:
        DatasetError: there is no such dataset, several begin so, or its manifest cannot be read.
    """
    return read_dataset(find_folder(home, reference))


def list_datasets(home: Home) -> list[Dataset]:
    """List the datasets of a home, in order of name and digest.

    Raises:
        DatasetError: a manifest cannot be read.
    """
    return sorted(map(read_dataset, dataset_folders(home)), key=lambda dataset: (dataset.manifest.name, dataset.digest))


def read_dataset(folder: Path) -> Dataset:
    """Read the manifest of a dataset's folder.

    Raises:
        DatasetError: the manifest is missing, was edited, or is of another dataset.
    """
    path = folder / MANIFEST_NAME
    try:
        manifest = read_manifest(path.read_bytes(), str(path))
    except OSError as error:
        raise DatasetError(f"{path} cannot be read ({error.strerror}): restore it, or freeze the dataset again") from error
    if manifest.digest != folder.name:
        raise DatasetError(f"{path} is the manifest of dataset {manifest.digest[:12]}, not of its folder: restore it")
    return Dataset(folder, manifest)


def find_folder(home: Home, reference: str) -> Path:
    """Find the folder that a digest, a prefix of one, or a name means.

    Raises:
        DatasetError: there is none, or there are several.
    """
    named = home.datasets / NAMES_NAME / reference
    if DATASET_NAME.fullmatch(reference) and named.is_file():
        folder = home.datasets / named.read_text().strip()
        if not folder.is_dir():
            raise DatasetError(f"the dataset named {reference} is gone, its folder was {folder}: restore it, or freeze it again")
        return folder
    folders = dataset_folders(home)
    if _DIGEST_PREFIX.fullmatch(reference):
        found = [folder for folder in folders if folder.name.startswith(reference)]
        if len(found) == 1:
            return found[0]
        if found:
            raise DatasetError(f"{len(found)} datasets begin with {reference}: write more of the digest")
    known = ", ".join([*names_of(home), *(folder.name[:12] for folder in folders)]) or "none"
    raise DatasetError(f"there is no dataset {reference!r} in {home.datasets} (known: {known}): freeze one with `interlock dataset freeze`")


def names_of(home: Home) -> dict[str, str]:
    """Give each name in use, and the digest of the dataset that was frozen under it last."""
    names = home.datasets / NAMES_NAME
    return {path.name: path.read_text().strip() for path in sorted(names.iterdir())} if names.is_dir() else {}


def dataset_folders(home: Home) -> list[Path]:
    """List the folders of a home's datasets, in order of digest."""
    if not home.datasets.is_dir():
        return []
    return sorted(path for path in home.datasets.iterdir() if path.is_dir() and _DIGEST.fullmatch(path.name))
