"""Assets of the lake: bars are staged and judged, and what was found sound is published."""

from collections.abc import Iterable, Sequence
from pathlib import Path

import dagster as dg
from pydantic import Field

from dagster_project.defs.resources import HomeResource
from dagster_project.lake import (
    FileOutcome,
    Finding,
    Verdict,
    docs_site,
    page_link,
    publish_staged,
    stage_bars,
)

GROUP = "lake"
OWNERS = ["team:research"]
SAMPLE = "data/sample"


class StagingConfig(dg.Config):
    """Choose what is ingested."""

    source: str = Field(
        default=SAMPLE,
        description="A parquet file of bars, or a folder of them; relative paths start where Dagster was started.",
    )


class PublishingConfig(dg.Config):
    """Choose what becomes of bars that are published with other values."""

    correct: bool = Field(
        default=False, description="Replace published bars that a file says something else about, instead of refusing it."
    )


@dg.asset(group_name=GROUP, owners=OWNERS, kinds={"parquet", "greatexpectations"})
def staged_bars(config: StagingConfig, home: HomeResource) -> dg.MaterializeResult:
    """Copy bars into staging and judge every file by its expectations; nothing is published yet."""
    opened = home.open()
    verdicts = stage_bars(opened, [Path(config.source)])
    return dg.MaterializeResult(
        metadata={
            "files": len(verdicts),
            "passed": sum(verdict.passed for verdict in verdicts),
            "refused": sum(not verdict.passed for verdict in verdicts),
            "rows": sum(verdict.rows for verdict in verdicts),
            "source": dg.MetadataValue.path(Path(config.source).resolve()),
            "data_docs": dg.MetadataValue.url(page_link("index.html")),
            "data_docs_path": dg.MetadataValue.path(docs_site(opened)),
            "verdicts": dg.MetadataValue.md(verdict_table(verdicts)),
        }
    )


@dg.asset(group_name=GROUP, owners=OWNERS, kinds={"delta"}, deps=[staged_bars])
def bars(config: PublishingConfig, home: HomeResource) -> dg.MaterializeResult:
    """Publish the staged files that passed their audit into the table of bars, keyed by instrument and closing time."""
    opened = home.open()
    report = publish_staged(opened, correct=config.correct)
    return dg.MaterializeResult(
        metadata={
            "new": report.new,
            "corrected": sum(file.changed for file in report.files if file.state == "published"),
            "already_there": sum(file.state == "already there" for file in report.files),
            "refused": len(report.refused),
            "dagster/row_count": report.rows,
            "version": report.version,
            "path": dg.MetadataValue.path(opened.bars),
            "files": dg.MetadataValue.md(outcome_table(report.files)),
        }
    )


def verdict_table(verdicts: Iterable[Verdict]) -> str:
    """Write verdicts as a table in Markdown, each with a link to its page."""
    rows = [
        (
            verdict.name,
            verdict.instrument_id,
            f"{verdict.rows:,}",
            "passed" if verdict.passed else "refused",
            *_told(verdict.findings, verdict.page, verdict.warnings_page),
        )
        for verdict in verdicts
    ]
    return _markdown(("File", "Instrument", "Bars", "Verdict", "Findings", "Report"), rows)


def outcome_table(files: Iterable[FileOutcome]) -> str:
    """Write what became of files as a table in Markdown, each with a link to the page of its audit."""
    rows = [
        (file.name, file.state, f"{file.new:,}", f"{file.equal:,}", f"{file.changed:,}", *_told(file.refusals, file.page)) for file in files
    ]
    return _markdown(("File", "State", "New", "Equal", "Changed", "Refused because", "Report"), rows)


def _told(findings: Iterable[Finding], page: str, warnings_page: str = "") -> tuple[str, str]:
    told = "; ".join(f"{finding.name} ({finding.severity}): {finding.told}" for finding in findings)
    links = {"Data Docs": page, "warnings": warnings_page}
    return told.replace("|", "\\|"), " ".join(f"[{text}]({page_link(place)})" for text, place in links.items() if place)


def _markdown(columns: Sequence[str], rows: Iterable[Sequence[str]]) -> str:
    lines = [columns, ["---"] * len(columns), *rows]
    return "\n".join(f"| {' | '.join(line)} |" for line in lines)
