"""Jobs of the lake."""

import dagster as dg

from dagster_project.defs.datasets.assets import replay_dataset
from dagster_project.defs.lake.assets import bars, staged_bars

prepare_data = dg.define_asset_job(
    "prepare_data",
    selection=dg.AssetSelection.assets(staged_bars, bars, replay_dataset),
    description="Ingest bars, judge them, publish what is sound, and freeze the dataset that strategies are judged on.",
)
