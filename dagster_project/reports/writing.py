"""Write and find daily summaries: a folder a day below `reports/daily`."""

from datetime import date, timedelta
from pathlib import Path
from typing import NamedTuple

import msgspec

from dagster_project.home import Home
from dagster_project.reports.contents import SUMMARY_SCHEMA, DailySummary
from dagster_project.reports.coverage import day_inputs, days_with_sessions
from dagster_project.reports.rendering import render_markdown, render_page
from live.core.errors import InterlockError
from live.promotion.durable_files import replace_file

DAILY = "daily"
JSON_FILE, MARKDOWN_FILE, PAGE_FILE = "summary.json", "summary.md", "summary.html"


class SummaryError(InterlockError):
    """A summary cannot be read."""


class WrittenSummary(NamedTuple):
    """Name the files of a summary; `markdown` is the text of one of them."""

    folder: Path
    page: Path
    markdown: str


class DueSummary(NamedTuple):
    """Name a day whose summary is missing or out of date, and the digest of what it would be made from."""

    day: date
    inputs: str


def write_summary(home: Home, summary: DailySummary) -> WrittenSummary:
    """Write a summary as JSON, Markdown and a page; each replaces the one before in one step, the JSON last."""
    folder = home.reports / DAILY / summary.day
    folder.mkdir(parents=True, exist_ok=True)
    markdown = render_markdown(summary)
    replace_file(folder / PAGE_FILE, render_page(summary).encode())
    replace_file(folder / MARKDOWN_FILE, markdown.encode())
    replace_file(folder / JSON_FILE, msgspec.json.format(msgspec.json.encode(summary), indent=1) + b"\n")
    return WrittenSummary(folder, folder / PAGE_FILE, markdown)


def read_summary(home: Home, day: date) -> DailySummary | None:
    """Read the summary of a day, None when there is none or an older program wrote it.

    Raises:
        SummaryError: the file is there and is no summary.
    """
    path = home.reports / DAILY / str(day) / JSON_FILE
    if not path.exists():
        return None
    try:
        content = path.read_bytes()
        if msgspec.json.decode(content, type=_Schema).schema != SUMMARY_SCHEMA:
            return None
        return msgspec.json.decode(content, type=DailySummary)
    except (OSError, msgspec.MsgspecError) as error:
        raise SummaryError(f"{path} is no summary ({error}): remove its folder, and it is made anew") from None


def due_summaries(home: Home, today: date, largest: int) -> list[DueSummary]:
    """List the days whose summary is missing or was made from less than the archive holds now, oldest first.

    From the first day with a session on, every day that is over gets one, whether something ran or not; the day that is
    not over gets one as soon as a session of it is known.

    Args:
        home: where archive and reports are.
        today: the UTC day that is not over.
        largest: list at most so many; the rest is due afterwards.
    """
    known = days_with_sessions(home)
    yesterday = today - timedelta(days=1)
    first = min([yesterday, *known])
    due: list[DueSummary] = []
    for offset in range((yesterday - first).days + 1):
        _add_if_due(home, first + timedelta(days=offset), due, over=True)
        if len(due) >= largest:
            return due
    if today in known:
        _add_if_due(home, today, due, over=False)
    return due


def _add_if_due(home: Home, day: date, due: list[DueSummary], *, over: bool) -> None:
    inputs, made = day_inputs(home, day, over=over), read_summary(home, day)
    if made is None or made.inputs != inputs:
        due.append(DueSummary(day, inputs))


class _Schema(msgspec.Struct):
    schema: int
