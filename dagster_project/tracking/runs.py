"""Runs: write an evaluation, or a trial from a notebook, to MLflow, and count it in the ledger.

Judging the same version on the same data again makes a new run and a new line in the ledger; the number of distinct attempts
stays, because it is counted by version and dataset (`distinct_trials`).
"""

import tempfile
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Literal, Protocol

import msgspec

from dagster_project.equity import DAY, EquityPoint, returns_by_day
from dagster_project.gates.sharpe import sharpe_ratio
from dagster_project.home import Home
from dagster_project.tracking.descriptions import describe_links, fit
from dagster_project.tracking.measures import gate_measures, gate_tags, measure, verdict
from dagster_project.tracking.plots import equity_figure, returns_figure
from dagster_project.tracking.store import TRIAL_TAG, Tracking, open_tracking
from dagster_project.tracking.trials import Attempt, Trial, TrialLedger
from live.core.decimals import MONEY_SCALE
from live.driver.replay import ReplayResult
from live.promotion import Evidence, StrategyFolder, StrategyVersion, encode_canonical

if TYPE_CHECKING:
    from mlflow.entities import Metric

MAXIMUM_NOTE = 8000
"""Characters MLflow keeps of a run's description."""
MAXIMUM_PARAMETER = 6000
"""Characters MLflow keeps of a parameter's value."""
DATASET_DIGEST_CHARACTERS = 36
"""Characters MLflow keeps of a dataset's digest."""
METRICS_A_CALL = 1000

Source = Literal["gates", "notebook"]


class Submitted(Protocol):
    """Name what was judged, as a submission does."""

    @property
    def folder(self) -> StrategyFolder:
        """Give the strategy folder."""
        ...


class Evaluated(Protocol):
    """Hold what the gates found, as an evaluation does."""

    @property
    def submission(self) -> Submitted:
        """Give what was judged."""
        ...

    @property
    def evidence(self) -> Evidence:
        """Give the gate results."""
        ...

    @property
    def result(self) -> ReplayResult:
        """Give what the replay did."""
        ...

    @property
    def curve(self) -> Sequence[EquityPoint]:
        """Give equity over time."""
        ...

    @property
    def report_markdown(self) -> str:
        """Give the report for people."""
        ...


def log_evaluation(home: Home, evaluation: Evaluated, links: Mapping[str, str] | None = None, *, dagster_run_id: str | None = None) -> str:
    """Write an evaluation to MLflow as a run of the strategy's experiment, and give the run's id.

    It is no trial yet: pass the id to `log_trial`, or call `record_evaluation`, which does both.

    Args:
        home: where MLflow is.
        evaluation: what the gates found.
        links: pages that belong to it, by the name people see.
        dagster_run_id: the Dagster run that evaluated it.

    Raises:
        TrackingError: the strategy's experiment was deleted.
        EquityError: the curve has a day without equity.
    """
    evidence = evaluation.evidence
    tags = {
        **gate_tags(evidence),
        "interlock.policy": evidence.policy_digest,
        "interlock.engine": evidence.engine_digest,
        "interlock.verdict": verdict(evidence),
        "mlflow.note.content": fit(describe_links(links or {}) + evaluation.report_markdown, MAXIMUM_NOTE),
    }
    if dagster_run_id is not None:
        tags["interlock.dagster_run"] = dagster_run_id
    record = _Record(
        evaluation.submission.folder.version,
        evidence.dataset_digest,
        "gates",
        evaluation.curve,
        parameters={"policy.digest": evidence.policy_digest, "engine.digest": evidence.engine_digest},
        metrics={**measure(evaluation.curve, evaluation.result), **gate_measures(evidence)},
        tags=tags,
        files={"evidence.json": encode_canonical(evidence), "report.md": evaluation.report_markdown.encode()},
    )
    return record.write(home, open_tracking(home))


def record_evaluation(
    home: Home, evaluation: Evaluated, links: Mapping[str, str] | None = None, *, dagster_run_id: str | None = None
) -> Trial:
    """Write an evaluation to MLflow, count it in the ledger, and give the trial, which names the run.

    Raises:
        TrialLedgerError: the ledger is damaged or the disk refused; a damaged one before anything is written.
        TrackingError: the strategy's experiment was deleted.
        EquityError: the curve has a day without equity.
    """
    TrialLedger(home.trials).trials()
    run_id = log_evaluation(home, evaluation, links, dagster_run_id=dagster_run_id)
    return log_trial(
        home, evaluation.evidence.dataset_digest, evaluation.submission.folder, evaluation.curve, run_id=run_id, source="gates"
    )


def log_trial(
    home: Home,
    dataset_digest: str,
    folder: StrategyFolder,
    curve: Sequence[EquityPoint],
    *,
    result: ReplayResult | None = None,
    run_id: str | None = None,
    source: Source = "notebook",
) -> Trial:
    """Count an attempt in the ledger, with a run in MLflow, and give the trial.

    Every look at a result is an attempt, whoever looks: the more there were, the higher a Sharpe ratio must be to mean something.

    Args:
        home: where ledger and MLflow are.
        dataset_digest: digest of the dataset that was replayed.
        folder: the strategy that was replayed.
        curve: its equity over time.
        result: what the replay did, for the run.
        run_id: a run that was written already; without it one is written.
        source: who judged.

    Raises:
        TrialLedgerError: the ledger is damaged or the disk refused; a damaged one before anything is written.
        TrackingError: the strategy's experiment was deleted.
        EquityError: the curve has a day without equity.
    """
    ledger = TrialLedger(home.trials)
    ledger.trials()
    returns = returns_by_day(curve)
    if run_id is None:
        record = _Record(folder.version, dataset_digest, source, curve, metrics=measure(curve, result))
        run_id = record.write(home, open_tracking(home))
    return ledger.append(
        Attempt(
            at=time.time_ns(),
            strategy_id=folder.version.strategy_id,
            version_digest=folder.version.digest,
            dataset_digest=dataset_digest,
            parameters=folder.version.parameters,
            sharpe=sharpe_ratio([value for _, value in returns]),
            days=len(returns),
            run_id=run_id,
            source=source,
        )
    )


@dataclass(frozen=True)
class _Record:
    """Hold what one run says."""

    version: StrategyVersion
    dataset_digest: str
    source: Source
    curve: Sequence[EquityPoint]
    metrics: Mapping[str, float]
    parameters: Mapping[str, str] = field(default_factory=dict[str, str])
    tags: Mapping[str, str] = field(default_factory=dict[str, str])
    files: Mapping[str, bytes] = field(default_factory=dict[str, bytes])

    def write(self, home: Home, tracking: Tracking) -> str:
        """Write the run; one that could not be written whole is left behind as FAILED."""
        experiment_id = tracking.experiment_id(self.version.strategy_id)
        tags = {
            TRIAL_TAG: self.source,
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
        client.log_batch(
            run_id,
            metrics=[Metric(name, value, now, 0) for name, value in self.metrics.items()],
            params=[Param(name, value[:MAXIMUM_PARAMETER]) for name, value in parameters.items()],
        )
        history = self._equity_history(Metric)
        for start in range(0, len(history), METRICS_A_CALL):
            client.log_batch(run_id, metrics=history[start : start + METRICS_A_CALL])
        path = home.datasets / self.dataset_digest
        dataset = Dataset(
            name=self.dataset_digest[:12],
            digest=self.dataset_digest[:DATASET_DIGEST_CHARACTERS],
            source_type="local",
            source=msgspec.json.encode({"uri": path.as_uri()}).decode(),
        )
        client.log_inputs(run_id, [DatasetInput(dataset, [InputTag("mlflow.data.context", "replay")])])
        with tempfile.TemporaryDirectory() as directory:
            for name, content in self.files.items():
                (Path(directory) / name).write_bytes(content)
            self._draw(Path(directory) / "plots")
            client.log_artifacts(run_id, directory)

    def _draw(self, directory: Path) -> None:
        directory.mkdir()
        title = f"{self.version.label} on dataset {self.dataset_digest[:12]}"
        equity_figure(self.curve, title).savefig(directory / "equity.png")
        returns_figure(returns_by_day(self.curve), title).savefig(directory / "returns.png")

    def _equity_history(self, metric: "type[Metric]") -> "list[Metric]":
        """Give equity at the end of each day, in units of the quote asset, for MLflow's own charts."""
        closing = {(point.ts - 1) // DAY: point for point in self.curve}
        return [
            metric("equity", point.equity / 10**MONEY_SCALE, point.ts // 1_000_000, step) for step, point in enumerate(closing.values())
        ]
