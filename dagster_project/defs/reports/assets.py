"""Assets of reports: the daily summary."""

import os
from datetime import UTC, date, datetime
from typing import Any

import dagster as dg

from dagster_project.addresses import read_addresses
from dagster_project.defs.live.assets import session_archive
from dagster_project.defs.partitions import DAYS
from dagster_project.defs.resources import HomeResource
from dagster_project.reports.contents import DailySummary
from dagster_project.reports.rendering import day_results
from dagster_project.reports.summary import summarise_day
from dagster_project.reports.writing import DAILY, PAGE_FILE, WrittenSummary, write_summary

GROUP = "reports"
OWNERS = ["team:research"]


@dg.asset(
    group_name=GROUP,
    owners=OWNERS,
    kinds={"python", "html"},
    partitions_def=DAYS,
    deps=[dg.AssetDep(session_archive)],
    backfill_policy=dg.BackfillPolicy.single_run(),
)
def daily_summary(context: dg.AssetExecutionContext, home: HomeResource) -> None:
    """Summarise a UTC day out of what sessions recorded: orders, fills, denials, profit and what vouches for them."""
    opened = home.open()
    today = datetime.now(UTC).date()
    for key in context.partition_keys:
        day = date.fromisoformat(key)
        summary = summarise_day(opened, day, over=day < today)
        context.add_asset_metadata(_describe(summary, write_summary(opened, summary)), partition_key=key)


def _reports_url() -> str:
    """Give where reports are served: REPORTS_URL when it is set, else the workbench's pages."""
    return (os.environ.get("REPORTS_URL") or read_addresses().reports_url).rstrip("/")


def _describe(summary: DailySummary, written: WrittenSummary) -> dict[str, Any]:
    page = f"{_reports_url()}/{DAILY}/{summary.day}/{PAGE_FILE}"
    live = f"{read_addresses().live_url}/v1/summaries/{summary.day}/page"
    return {
        "headline": summary.headline,
        "page": dg.MetadataValue.url(page),
        "live_service_with_token": dg.MetadataValue.url(live),
        "path": dg.MetadataValue.path(written.page),
        "complete": summary.complete,
        "over": summary.over,
        **summary.totals,
        **{f"profit_{one.quote}": float(one.profit) for one in day_results(summary) if one.profit is not None},
        "summary": dg.MetadataValue.md(written.markdown),
    }
