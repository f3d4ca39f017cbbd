"""Runs: write an evaluation, or a trial from a notebook, to MLflow, and count it in the ledger.

Judging the same version on the same data again makes a new run and a new line in the ledger; the number of distinct attempts
stays, because it is counted by version and dataset (`distinct_trials`).
"""

import tempfile
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Literal, NamedTuple, TypeVar

import msgspec

from dagster_project.equity import DAY, EquityPoint
from dagster_project.gates.sharpe import sharpe_ratio
from dagster_project.home import Home
from dagster_project.tracking.descriptions import describe, fit
from dagster_project.tracking.measures import counted_returns, gate_measures, gate_tags, measure, verdict
from dagster_project.tracking.plots import equity_figure, returns_figure
from dagster_project.tracking.store import TRIAL_TAG, Tracking, open_tracking
from dagster_project.tracking.trials import Attempt, Trial, TrialLedger
from live.core.decimals import MONEY_SCALE
from live.driver.replay import ReplayResult
from live.promotion import StrategyFolder, StrategyVersion, encode_canonical

if TYPE_CHECKING:
    from mlflow.entities import Metric

    from dagster_project.gates.evaluation import Evaluation

MAXIMUM_NOTE = 8000
"""Characters MLflow keeps of a run's description."""
MAXIMUM_PARAMETER = 6000
"""Characters MLflow keeps of a parameter's value."""
DATASET_DIGEST_CHARACTERS = 36
"""Characters MLflow keeps of a dataset's digest."""
METRICS_A_CALL = 1000
PARAMETERS_A_CALL = 100

Source = Literal["gates", "notebook"]
_Item = TypeVar("_Item")


class Recorded(NamedTuple):
    """Name what an evaluation left: its run, and its trial; None when there was nothing to replay, so nothing was tried."""

    run_id: str
    trial: Trial | None


def log_evaluation(
    home: Home, evaluation: "Evaluation", links: Mapping[str, str] | None = None, *, dagster_run_id: str | None = None
) -> str:
    """Write an evaluation to MLflow as a run of the strategy's experiment, and give the run's id; `record_evaluation` also counts it.

    Args:
        home: where MLflow is.
        evaluation: what the gates found.
        links: pages that belong to it, by the name people see.
        dagster_run_id: the Dagster run that evaluated it.

    Raises:
        TrackingError: the strategy's experiment was deleted.
    """
    evidence = evaluation.evidence
    tags = {
        **gate_tags(evidence),
        "interlock.policy": evidence.policy_digest,
        "interlock.engine": evidence.engine_digest,
        "interlock.verdict": verdict(evidence),
        "mlflow.note.content": fit(describe(evaluation.report_markdown, links or {}), MAXIMUM_NOTE),
    }
    if evaluation.replayed:
        tags[TRIAL_TAG] = "gates"
    if dagster_run_id is not None:
        tags["interlock.dagster_run"] = dagster_run_id
    measures = measure(evaluation.curve, evaluation.returns, evaluation.result)
    record = _Record(
        evaluation.submission.folder.version,
        evaluation.dataset_digest,
        evaluation.dataset_name,
        evaluation.curve,
        evaluation.returns,
        parameters={"policy.digest": evidence.policy_digest, "engine.digest": evidence.engine_digest},
        metrics={**measures, **gate_measures(evidence)},
        tags=tags,
        files={"evidence.json": encode_canonical(evidence), "report.md": evaluation.report_markdown.encode()},
    )
    return record.write(home, open_tracking(home))


def record_evaluation(
    home: Home, evaluation: "Evaluation", links: Mapping[str, str] | None = None, *, dagster_run_id: str | None = None
) -> Recorded:
    """Write an evaluation to MLflow, count it in the ledger, and name both; the arguments are those of `log_evaluation`.

    Raises:
        TrialLedgerError: the ledger is damaged or the disk refused; a damaged one before anything is written.
        TrackingError: the strategy's experiment was deleted.
    """
    ledger = TrialLedger(home.trials)
    ledger.trials()
    run_id = log_evaluation(home, evaluation, links, dagster_run_id=dagster_run_id)
    if not evaluation.replayed:
        return Recorded(run_id, None)
    version = evaluation.submission.folder.version
    attempt = _attempt(version, evaluation.dataset_digest, evaluation.returns, run_id, "gates")
    if not evaluation.evidence.integrity_passed:
        # What leaks earns wonders. It was an attempt, and its ratio says nothing about how far luck alone scatters.
        attempt = msgspec.structs.replace(attempt, sharpe=None)
    return Recorded(run_id, ledger.append(attempt))


def log_trial(
    home: Home,
    dataset_digest: str,
    folder: StrategyFolder,
    curve: Sequence[EquityPoint],
    *,
    result: ReplayResult | None = None,
) -> Trial:
    """Count what a notebook looked at: a run in MLflow, a line in the ledger; gives the trial.

    Every look at a result is an attempt, whoever looks: the more there were, the higher a Sharpe ratio must be to mean something.

    Args:
        home: where ledger and MLflow are.
        dataset_digest: digest of the dataset that was replayed.
        folder: the strategy that was replayed.
        curve: its equity over time; days before the end of its fit do not count, as for the gates.
        result: what the replay did, for the run's metrics.

    Raises:
        TrialLedgerError: the ledger is damaged or the disk refused; a damaged one before anything is written.
        TrackingError: the strategy's experiment was deleted.
        EquityError: the curve has a day that began without equity.
    """
    ledger = TrialLedger(home.trials)
    ledger.trials()
    returns = counted_returns(curve, folder)
    record = _Record(
        folder.version,
        dataset_digest,
        dataset_digest[:12],
        curve,
        returns,
        metrics=measure(curve, returns, result),
        tags={TRIAL_TAG: "notebook"},
    )
    run_id = record.write(home, open_tracking(home))
    return ledger.append(_attempt(folder.version, dataset_digest, returns, run_id, "notebook"))


def _attempt(version: StrategyVersion, dataset_digest: str, returns: Sequence[tuple[int, float]], run_id: str, source: Source) -> Attempt:
    return Attempt(
        at=time.time_ns(),
        strategy_id=version.strategy_id,
        version_digest=version.digest,
        dataset_digest=dataset_digest,
        parameters=version.parameters,
        sharpe=sharpe_ratio([value for _, value in returns]),
        days=len(returns),
        run_id=run_id,
        source=source,
    )


@dataclass(frozen=True)
class _Record:
    """Hold what one run says."""

    version: StrategyVersion
    dataset_digest: str
    dataset_name: str
    curve: Sequence[EquityPoint]
    returns: Sequence[tuple[int, float]]
    metrics: Mapping[str, float]
    tags: Mapping[str, str]
    parameters: Mapping[str, str] = field(default_factory=dict[str, str])
    files: Mapping[str, bytes] = field(default_factory=dict[str, bytes])

    def write(self, home: Home, tracking: Tracking) -> str:
        """Write the run; one that could not be written whole is left behind as FAILED."""
        experiment_id = tracking.experiment_id(self.version.strategy_id)
        tags = {
            "interlock.strategy_version": self.version.label,
            "interlock.version_digest": self.version.digest,
            "interlock.dataset": self.dataset_digest,
            **self.tags,
        }
        run_id = tracking.client.create_run(experiment_id, run_name=self.version.label, tags=tags).info.run_id
        try:
            self._fill(home, tracking, run_id)
        except BaseException:
            tracking.client.set_terminated(run_id, "FAILED")
            raise
        tracking.client.set_terminated(run_id)
        return run_id

    def _fill(self, home: Home, tracking: Tracking, run_id: str) -> None:
        from mlflow.entities import Dataset, DatasetInput, InputTag, Metric, Param

        parameters = {
            **{f"parameter.{name}": str(value) for name, value in self.version.parameters.items()},
            "instruments": ", ".join(instrument.instrument_id for instrument in self.version.instruments),
            "interval_seconds": str(self.version.data.interval_seconds),
            "version.digest": self.version.digest,
            "source.digest": self.version.source_digest,
            "dataset.digest": self.dataset_digest,
            **self.parameters,
        }
        now = time.time_ns() // 1_000_000
        client = tracking.client
        metrics = [Metric(name, value, now, 0) for name, value in self.metrics.items()]
        for part in _parts(metrics + self._equity_history(Metric), METRICS_A_CALL):
            client.log_batch(run_id, metrics=part)
        for part in _parts([Param(name, value[:MAXIMUM_PARAMETER]) for name, value in parameters.items()], PARAMETERS_A_CALL):
            client.log_batch(run_id, params=part)
        path = home.datasets / self.dataset_digest
        dataset = Dataset(
            name=self.dataset_name,
            digest=self.dataset_digest[:DATASET_DIGEST_CHARACTERS],
            source_type="local",
            source=msgspec.json.encode({"uri": path.as_uri()}).decode(),
        )
        client.log_inputs(run_id, [DatasetInput(dataset, [InputTag("mlflow.data.context", "replay")])])
        with tempfile.TemporaryDirectory() as directory:
            for name, content in self.files.items():
                (Path(directory) / name).write_bytes(content)
            if self.curve:
                self._draw(Path(directory) / "plots")
            client.log_artifacts(run_id, directory)

    def _draw(self, directory: Path) -> None:
        directory.mkdir()
        title = f"{self.version.label} on dataset {self.dataset_name}, {self.dataset_digest[:12]}"
        equity_figure(self.curve, title).savefig(directory / "equity.png")
        returns_figure(self.returns, title).savefig(directory / "returns.png")

    def _equity_history(self, metric: "type[Metric]") -> "list[Metric]":
        """Give equity at the end of each day, in units of the quote asset, for MLflow's own charts."""
        closing = {(point.ts - 1) // DAY: point for point in self.curve}
        return [
            metric("equity", point.equity / 10**MONEY_SCALE, point.ts // 1_000_000, step) for step, point in enumerate(closing.values())
        ]


def _parts(items: Sequence[_Item], length: int) -> list[Sequence[_Item]]:
    return [items[start : start + length] for start in range(0, len(items), length)]
