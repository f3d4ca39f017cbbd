"""Ingest: stage, audit, publish. The command and the assets go the same way."""

import time
from collections.abc import Iterable, Sequence
from pathlib import Path

import msgspec

from dagster_project.home import Home
from dagster_project.lake.audit import Auditor
from dagster_project.lake.calendar import Calendar, load_calendar
from dagster_project.lake.errors import LakeError
from dagster_project.lake.publishing import FileOutcome, publish_file
from dagster_project.lake.staging import StagedFile, read_batch, stage_files, write_batch
from dagster_project.lake.table import lock_lake, measure_table
from dagster_project.lake.verdicts import Verdict, read_verdict


class IngestReport(msgspec.Struct, frozen=True, kw_only=True):
    """Tell what became of each file, and how the table stands now.

    Attributes:
        files: what became of each.
        version: the table's Delta version; -1 when nothing was ever published.
        rows: bars in the table.
    """

    files: tuple[FileOutcome, ...]
    version: int
    rows: int

    @property
    def refused(self) -> tuple[FileOutcome, ...]:
        """Give the files of which nothing was published."""
        return tuple(file for file in self.files if file.state == "refused")

    @property
    def new(self) -> int:
        """Give how many bars joined the table."""
        return sum(file.new for file in self.files if file.state == "published")


def stage_bars(home: Home, paths: Iterable[Path], *, calendar: Calendar | None = None, now: int | None = None) -> list[Verdict]:
    """Stage files of bars, or folders of them, and audit each; nothing is published.

    Args:
        home: whose lake it is.
        paths: parquet files, or folders of them.
        calendar: when bars exist; the lake's own unless given.
        now: nanoseconds UTC, after which no bar may close; the machine's clock unless given.

    Raises:
        LakeError: a path does not exist, or a folder holds no parquet file.
    """
    with lock_lake(home):
        return _stage(home, paths, calendar, now)


def staged_verdicts(home: Home) -> list[Verdict]:
    """Give the verdicts on the batch that was staged last.

    Raises:
        LakeError: nothing was staged, or a verdict is gone.
    """
    return [_verdict(home, staged) for staged in read_batch(home)]


def publish_staged(home: Home, *, correct: bool = False) -> IngestReport:
    """Publish those files of the batch staged last that passed their audit.

    Args:
        home: whose lake it is.
        correct: replace published bars that a file says something else about.

    Raises:
        LakeError: nothing was staged, or a staged copy was changed after its audit.
    """
    with lock_lake(home):
        return _publish(home, read_batch(home), correct=correct)


def ingest_bars(
    home: Home, paths: Iterable[Path], *, correct: bool = False, calendar: Calendar | None = None, now: int | None = None
) -> IngestReport:
    """Stage, audit and publish files of bars; what is refused keeps nothing else back.

    Args:
        home: whose lake it is.
        paths: parquet files, or folders of them.
        correct: replace published bars that a file says something else about.
        calendar: when bars exist; the lake's own unless given.
        now: nanoseconds UTC, after which no bar may close; the machine's clock unless given.

    Raises:
        LakeError: a path does not exist, or a folder holds no parquet file.
    """
    with lock_lake(home):
        _stage(home, paths, calendar, now)
        return _publish(home, read_batch(home), correct=correct)


def _stage(home: Home, paths: Iterable[Path], calendar: Calendar | None, now: int | None) -> list[Verdict]:
    staged = stage_files(home, paths)
    auditor = Auditor(home, calendar or load_calendar(), time.time_ns() if now is None else now)
    verdicts = auditor.audit(staged)
    pairs = zip(staged, verdicts, strict=True)
    write_batch(home, [msgspec.structs.replace(one, validation_id=verdict.validation_id) for one, verdict in pairs])
    return verdicts


def _publish(home: Home, batch: Sequence[StagedFile], *, correct: bool) -> IngestReport:
    outcomes = tuple(publish_file(home, staged, _verdict(home, staged), correct=correct) for staged in batch)
    size = measure_table(home)
    return IngestReport(files=outcomes, version=size.version, rows=size.rows)


def _verdict(home: Home, staged: StagedFile) -> Verdict:
    verdict = read_verdict(home, staged.validation_id)
    if verdict is None:
        raise LakeError(f"the verdict on {staged.name} is gone from {home.lake / 'validations'}: stage the file again")
    return verdict
