"""Jobs of reports."""

import dagster as dg

from dagster_project.defs.reports.assets import daily_summary

summarise_days = dg.define_asset_job(
    "summarise_days",
    selection=dg.AssetSelection.assets(daily_summary),
    description="Summarise a UTC day; the day that is not over gets a page that says `so far`.",
)
