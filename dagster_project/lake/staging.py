"""Staging: copies of what is to be ingested, named by digest, so that what is judged is what is published."""

import shutil
import tempfile
from collections.abc import Iterable, Sequence
from pathlib import Path

import msgspec

from dagster_project.home import Home
from dagster_project.lake.errors import LakeError
from live.journal.disk import file_digest
from live.promotion.durable_files import replace_file

BATCH_NAME = "batch.json"


class StagedFile(msgspec.Struct, frozen=True, kw_only=True):
    """Name a staged file.

    Attributes:
        name: the file's own name.
        source: sha256 of its bytes, which names the copy.
        validation_id: of its audit; empty before it.
    """

    name: str
    source: str
    validation_id: str = ""

    def path(self, home: Home) -> Path:
        """Give the copy."""
        return home.staging / f"{self.source}.parquet"


def stage_files(home: Home, paths: Iterable[Path]) -> list[StagedFile]:
    """Copy files, and the parquet files of folders, into staging; equal files are staged once.

    Raises:
        LakeError: a path does not exist, or a folder holds no parquet file.
    """
    sources = [file for path in paths for file in _files(path)]
    if not sources:
        raise LakeError("nothing to ingest: name parquet files of bars, or a folder of them")
    home.staging.mkdir(parents=True, exist_ok=True)
    staged = {one.source: one for one in [_copy(home, path) for path in sources]}
    return list(staged.values())


def write_batch(home: Home, batch: Sequence[StagedFile]) -> None:
    """Remember which files are staged, and let go of the copies of earlier batches."""
    replace_file(home.staging / BATCH_NAME, msgspec.json.encode(list(batch)))
    kept = {BATCH_NAME, *(one.path(home).name for one in batch)}
    for path in home.staging.iterdir():
        if path.name not in kept:
            path.unlink()


def read_batch(home: Home) -> list[StagedFile]:
    """Give the batch that was staged last.

    Raises:
        LakeError: nothing was staged.
    """
    path = home.staging / BATCH_NAME
    try:
        return msgspec.json.decode(path.read_bytes(), type=list[StagedFile])
    except FileNotFoundError:
        raise LakeError(f"nothing is staged in {home.staging}: stage files first (asset staged_bars, or `interlock ingest`)") from None
    except msgspec.DecodeError as error:
        raise LakeError(f"{path} is no list of staged files ({error}): stage the files again") from error


def _files(path: Path) -> list[Path]:
    if path.is_dir():
        found = sorted(path.glob("*.parquet"))
        if not found:
            raise LakeError(f"{path.resolve()} holds no parquet file: name a folder of bars, or the files")
        return found
    if not path.is_file():
        raise LakeError(f"{path} does not exist (looked in {Path.cwd()}): name a parquet file of bars or a folder of them")
    return [path]


def _copy(home: Home, path: Path) -> StagedFile:
    with tempfile.NamedTemporaryFile(dir=home.staging, prefix=".", delete=False) as temporary:
        copy = Path(temporary.name)
    try:
        shutil.copyfile(path, copy)
        staged = StagedFile(name=path.name, source=file_digest(copy))
        copy.replace(staged.path(home))
    except OSError as error:
        raise LakeError(f"{path} cannot be staged ({error.strerror}): check that it can be read and that the disk has room") from error
    finally:
        copy.unlink(missing_ok=True)
    return staged
