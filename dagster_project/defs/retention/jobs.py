"""Jobs of retention."""

import dagster as dg

from dagster_project.defs.retention.assets import retention_plan

plan_retention = dg.define_asset_job(
    "plan_retention",
    selection=dg.AssetSelection.assets(retention_plan),
    description="List what could be deleted and what is held; nothing is deleted.",
)
