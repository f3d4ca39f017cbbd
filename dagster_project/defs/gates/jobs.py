"""Jobs of promotion: submit a strategy, and prove a version."""

import dagster as dg

from dagster_project.defs.gates.assets import registered_version, strategy_bundle, strategy_evidence, strategy_submission
from dagster_project.defs.partitions import STRATEGY_VERSIONS

submit_strategy = dg.define_asset_job(
    "submit_strategy",
    selection=dg.AssetSelection.assets(strategy_submission),
    description="Freeze a strategy folder as a version. Choose the folder, and parameters if you like, in the launchpad.",
)

prove_strategy = dg.define_asset_job(
    "prove_strategy",
    selection=dg.AssetSelection.assets(strategy_evidence, strategy_bundle, registered_version),
    partitions_def=STRATEGY_VERSIONS,
    description="Judge a version by every gate, sign it when it may run, and register it in MLflow.",
)
