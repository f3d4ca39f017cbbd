"""Orchestration: run the pipeline's jobs in this process, on the instance that the Dagster UI opens."""

import os
from collections.abc import Mapping
from typing import Any, NamedTuple, Self

from dagster_project.home import Home
from live.core.errors import InterlockError


class JobFailed(InterlockError):
    """A job broke; a strategy or a batch that is refused is no failure."""


class CheckOutcome(NamedTuple):
    """Hold what one asset check said."""

    asset: str
    check: str
    passed: bool
    description: str


class JobRun(NamedTuple):
    """Hold what a run left: its id, the metadata of each asset it made, and what the checks said."""

    run_id: str
    metadata: dict[str, dict[str, Any]]
    checks: tuple[CheckOutcome, ...]

    def check(self, name: str) -> CheckOutcome:
        """Give what the check of that name said.

        Raises:
            KeyError: no such check ran.
        """
        return {one.check: one for one in self.checks}[name]


class Pipeline:
    """Hold the definitions and an open instance; close it, or use it as a context."""

    def __init__(self, home: Home) -> None:
        """Open the instance of a home that was prepared.

        Raises:
            DagsterError: the instance cannot be opened, or a definition does not load.
        """
        os.environ["DAGSTER_HOME"] = str(home.dagster)
        import dagster as dg

        from dagster_project.definitions import defs

        self._definitions = defs()
        self._instance = dg.DagsterInstance.get()

    def __enter__(self) -> Self:
        """Give itself."""
        return self

    def __exit__(self, *exception: object) -> None:
        """Close the instance."""
        self._instance.dispose()

    def run(self, job: str, *, config: Mapping[str, Mapping[str, Any]] | None = None, partition: str | None = None) -> JobRun:
        """Run a job to its end.

        Args:
            job: name of the job.
            config: values for the launchpad configuration, by asset.
            partition: key of the partition to run.

        Raises:
            JobFailed: a step broke; names the run and the first step.
        """
        definition = self._definitions.resolve_job_def(job)
        run_config = {
            "ops": {asset: {"config": dict(values)} for asset, values in (config or {}).items()},
            # Every event is in the instance; whoever runs a job here prints what matters.
            "loggers": {"console": {"config": {"log_level": "CRITICAL"}}},
        }
        done = definition.execute_in_process(run_config=run_config, instance=self._instance, partition_key=partition, raise_on_error=False)
        if not done.success:
            failed = next((event for event in done.all_events if event.is_step_failure), None)
            step, reason = ("", "no step failed") if failed is None else (failed.step_key, _root_cause(failed.step_failure_data.error))
            raise JobFailed(f"job {job} broke in {step}: {reason}; its run is {done.run_id}")
        made = (event.step_materialization_data.materialization for event in done.all_events if event.is_step_materialization)
        metadata = {
            asset.asset_key.to_user_string(): {name: value.value for name, value in asset.metadata.items()}
            for asset in made
            if asset.asset_key is not None
        }
        checks = tuple(
            CheckOutcome(found.asset_key.to_user_string(), found.check_name, found.passed, found.description or "")
            for found in done.get_asset_check_evaluations()
        )
        return JobRun(done.run_id, metadata, checks)


def _root_cause(error: Any) -> str:
    """Give the message of the error that began it; Dagster wraps it in others of its own."""
    while error is not None and error.cause is not None:
        error = error.cause
    return "unknown" if error is None else error.message.strip()
