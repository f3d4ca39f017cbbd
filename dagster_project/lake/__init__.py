"""The lake: published market data as Delta tables, and the way data takes to get there."""

from dagster_project.lake.calendar import Calendar, Closure, load_calendar
from dagster_project.lake.data_docs import docs_site, page_link
from dagster_project.lake.errors import LakeError
from dagster_project.lake.ingest import IngestReport, ingest_bars, publish_staged, stage_bars, staged_verdicts
from dagster_project.lake.period import describe_moment, nanoseconds_of, parse_moment
from dagster_project.lake.publishing import FileOutcome
from dagster_project.lake.table import SCALES, TableSize, list_instruments, measure_table, open_table, read_bars, read_rows
from dagster_project.lake.verdicts import Finding, Verdict, read_verdict

__all__ = [
    "SCALES",
    "Calendar",
    "Closure",
    "FileOutcome",
    "Finding",
    "IngestReport",
    "LakeError",
    "TableSize",
    "Verdict",
    "describe_moment",
    "docs_site",
    "ingest_bars",
    "list_instruments",
    "load_calendar",
    "measure_table",
    "nanoseconds_of",
    "open_table",
    "page_link",
    "parse_moment",
    "publish_staged",
    "read_bars",
    "read_rows",
    "read_verdict",
    "stage_bars",
    "staged_verdicts",
]
