"""Sensors of promotion: what is submitted is judged."""

from collections.abc import Iterator

import dagster as dg

from dagster_project.defs.gates.jobs import prove_strategy
from dagster_project.defs.partitions import STRATEGY_VERSIONS


@dg.sensor(job=prove_strategy, minimum_interval_seconds=20, default_status=dg.DefaultSensorStatus.RUNNING)
def prove_new_versions(context: dg.SensorEvaluationContext) -> Iterator[dg.RunRequest]:
    """Request one run for each submitted version without evidence; the version is the run key, so none is judged twice by itself."""
    judged = context.instance.get_materialized_partitions(dg.AssetKey("strategy_evidence"))
    for label in context.instance.get_dynamic_partitions(STRATEGY_VERSIONS.name or ""):
        if label not in judged:
            yield dg.RunRequest(run_key=label, partition_key=label)
