"""What a person finds in MLflow after a strategy was judged, and what the ledger counts."""

import dataclasses
import json
import math
import socket
from collections.abc import Callable
from pathlib import Path
from typing import Any

import msgspec
import pytest

from dagster_project.equity import DAY
from dagster_project.gates.sharpe import sharpe_ratio
from dagster_project.home import Home
from dagster_project.tracking import (
    Tracking,
    TrackingError,
    Trial,
    TrialLedger,
    TrialLedgerError,
    distinct_trials,
    log_evaluation,
    log_trial,
    missing_runs,
    missing_trials,
    open_tracking,
    record_evaluation,
)
from live.promotion import encode_canonical
from live.promotion.strategy_folder import Fit

PNG = b"\x89PNG\r\n"


def _artifact(tracking: Tracking, run_id: str, path: str) -> bytes:
    return Path(tracking.client.download_artifacts(run_id, path)).read_bytes()


def _trials(home: Home, judged: Any) -> list[Trial]:
    strategy_id = judged.submission.folder.version.strategy_id
    return [trial for trial in TrialLedger(home.trials).trials() if trial.strategy_id == strategy_id]


def test_a_run_says_what_was_judged_on_what_and_what_came_out(home: Home, tracking: Tracking, judge: Callable[..., Any]) -> None:
    """Parameters, metrics, tags, the dataset and the files are there, under the strategy's name."""
    judged = judge("full_run", fast=10)
    run_id = log_evaluation(home, judged, {"Data Docs": "http://127.0.0.1:8423/data-docs/index.html"}, dagster_run_id="d4c1")
    run, evidence, version = tracking.client.get_run(run_id), judged.evidence, judged.submission.folder.version

    assert tracking.client.get_experiment(run.info.experiment_id).name == "full_run"
    assert run.info.status == "FINISHED"
    assert (
        run.data.params.items()
        >= {
            "parameter.fast": "10",
            "parameter.slow": "50",
            "dataset.digest": evidence.dataset_digest,
            "policy.digest": evidence.policy_digest,
            "engine.digest": evidence.engine_digest,
            "instruments": "binance-spot:BTCUSDT",
        }.items()
    )
    assert (
        run.data.tags.items()
        >= {
            "interlock.strategy_version": version.label,
            "interlock.dataset": evidence.dataset_digest,
            "interlock.policy": evidence.policy_digest,
            "interlock.engine": evidence.engine_digest,
            "interlock.verdict": "dry_run",
            "interlock.dagster_run": "d4c1",
            "gate.determinism": "pass",
            "gate.deflated_sharpe": "fail",
        }.items()
    )
    metrics = run.data.metrics
    assert judged.result.fills > 20, "a strategy that does not trade would show nothing here"
    assert metrics["fills"] == judged.result.fills
    assert metrics["denials"] == sum(judged.result.denials.values())
    assert metrics["profit"] == float(judged.result.profit["full_run"])
    assert metrics["equity_change"] == pytest.approx(metrics["profit"]), "two ways to the same money"
    assert metrics["sharpe_daily"] == judged.sharpe
    assert metrics["sharpe_annualised"] == pytest.approx(metrics["sharpe_daily"] * math.sqrt(365))
    assert 0 < metrics["drawdown"] < 1
    assert metrics["days"] == 90
    assert metrics["gate.deflated_sharpe.probability"] == 0.41
    assert "gate.replay.digest" not in metrics, "text is no metric"
    history = tracking.client.get_metric_history(run_id, "equity")
    assert [(point.step, point.value) for point in history[-1:]] == [(89, judged.curve[-1].equity / 1e8)]

    (dataset,) = run.inputs.dataset_inputs
    assert (dataset.dataset.name, dataset.dataset.digest) == ("three_months", evidence.dataset_digest[:36])
    assert evidence.dataset_digest in json.loads(dataset.dataset.source)["uri"]
    assert _artifact(tracking, run_id, "evidence.json") == encode_canonical(evidence)
    assert _artifact(tracking, run_id, "report.md").decode() == judged.report_markdown
    assert _artifact(tracking, run_id, "plots/equity.png").startswith(PNG)
    assert _artifact(tracking, run_id, "plots/returns.png").startswith(PNG)
    heading, _, rest = judged.report_markdown.partition("\n")
    link = "[Data Docs](http://127.0.0.1:8423/data-docs/index.html)"
    assert run.data.tags["mlflow.note.content"] == f"{heading}\n\n{link}\n{rest}"


def test_a_strategy_that_never_trades_is_logged_without_a_sharpe_ratio(home: Home, tracking: Tracking, judge: Callable[..., Any]) -> None:
    """It is a trial like any other, and no number is made up for it."""
    judged = judge("idle")
    curve = [point._replace(equity=judged.curve[0].equity) for point in judged.curve]
    trial = log_trial(home, judged.dataset_digest, judged.submission.folder, curve)
    metrics = tracking.client.get_run(trial.run_id).data.metrics
    assert (trial.sharpe, trial.days, trial.source) == (None, 90, "notebook")
    assert "sharpe_daily" not in metrics
    assert metrics["drawdown"] == 0.0


def test_recording_an_evaluation_counts_it(home: Home, judge: Callable[..., Any]) -> None:
    """The ledger's line names version, dataset and run, and the Sharpe ratio of a day."""
    judged = judge("counted")
    run_id, trial = record_evaluation(home, judged)
    assert trial is not None
    assert trial.run_id == run_id
    assert _trials(home, judged) == [trial]
    assert trial.version_digest == judged.submission.digest
    assert trial.dataset_digest == judged.dataset_digest
    assert trial.parameters == judged.submission.folder.version.parameters
    assert trial.sharpe == judged.sharpe
    assert trial.days == len(judged.returns) == 90
    assert trial.source == "gates"


def test_judging_again_is_a_new_run_and_no_new_attempt(home: Home, judge: Callable[..., Any]) -> None:
    """Running the gates twice on the same version and data does not raise the hurdle; other parameters do."""
    judged, changed = judge("again"), judge("again", fast=5)
    run_ids = {record_evaluation(home, judged).run_id for _ in range(2)}
    log_trial(home, changed.dataset_digest, changed.submission.folder, changed.curve)
    trials = _trials(home, judged)
    assert len(run_ids) == 2
    assert distinct_trials(trials, judged.dataset_digest) == trials[1:]
    assert [trial.source for trial in trials] == ["gates", "gates", "notebook"]


def test_deleting_a_run_is_reported_and_does_not_lower_the_count(home: Home, tracking: Tracking, judge: Callable[..., Any]) -> None:
    """Deleted in the UI, or gone from the database: the trial still counts, and is named."""
    judged = [judge("deleted", fast=fast) for fast in (5, 10, 15)]
    kept, binned, gone = (log_trial(home, one.dataset_digest, one.submission.folder, one.curve, result=one.result) for one in judged)
    tracking.client.delete_run(binned.run_id)
    tracking.client.delete_run(gone.run_id)
    _purge(home, gone.run_id)

    trials = _trials(home, judged[0])
    assert trials == [kept, binned, gone]
    assert len(distinct_trials(trials, kept.dataset_digest)) == 3
    assert missing_runs(trials, tracking) == [binned, gone]
    tracking.client.restore_run(binned.run_id)
    assert missing_runs(trials, tracking) == [gone]


def _purge(home: Home, run_id: str) -> None:
    """Do what `mlflow gc` does."""
    from mlflow.store.tracking.sqlalchemy_store import SqlAlchemyStore

    SqlAlchemyStore(f"sqlite:///{home.mlflow / 'mlflow.db'}", str(home.mlflow))._hard_delete_run(run_id)


def test_a_run_the_ledger_does_not_know_is_reported(home: Home, tracking: Tracking, judge: Callable[..., Any]) -> None:
    """A crash between run and ledger, or a ledger that was begun anew, leaves one; a recorded evaluation does not."""
    judged = judge("uncounted")
    uncounted, recorded = log_evaluation(home, judged), record_evaluation(home, judged)
    missing = missing_trials(TrialLedger(home.trials).trials(), tracking)
    assert uncounted in missing
    assert recorded.run_id not in missing


def test_an_evaluation_without_a_replay_is_logged_and_no_trial(home: Home, tracking: Tracking, judge: Callable[..., Any]) -> None:
    """A dataset that lacks an instrument tells nothing about the strategy, so nothing was tried."""
    judged = judge("unplayed")
    nothing = msgspec.structs.replace(judged.result, events=0, fills=0, profit={}, fees="0")
    unplayed = dataclasses.replace(judged, result=nothing, fills=[], curve=[], returns=[], sharpe=None)
    run_id, trial = record_evaluation(home, unplayed)
    assert trial is None
    assert _trials(home, judged) == []
    assert run_id not in missing_trials(TrialLedger(home.trials).trials(), tracking)
    assert tracking.client.get_run(run_id).info.status == "FINISHED"
    assert [file.path for file in tracking.client.list_artifacts(run_id)] == ["evidence.json", "report.md"]


def test_days_on_which_a_strategy_was_fitted_do_not_count(home: Home, judge: Callable[..., Any]) -> None:
    """What a fit has seen is no evidence, in a notebook as little as for the gates."""
    judged = judge("fitted")
    first_day = judged.returns[0][0]
    folder = dataclasses.replace(judged.submission.folder, fit=Fit("fit:fit", until=(first_day + 30) * DAY))
    trial = log_trial(home, judged.dataset_digest, folder, judged.curve)
    assert trial.days == 60
    assert trial.sharpe == sharpe_ratio([value for _, value in judged.returns[30:]])


def test_a_damaged_ledger_stops_a_trial_before_it_is_written(
    home: Home, tracking: Tracking, judge: Callable[..., Any], tmp_path: Path
) -> None:
    """Nothing is logged that could not be counted."""
    judged = judge("unwritten")
    elsewhere = Home(tmp_path / "elsewhere")
    elsewhere.trials.parent.mkdir(parents=True)
    elsewhere.trials.write_bytes(b"{}\n")
    with pytest.raises(TrialLedgerError, match="line 1"):
        record_evaluation(elsewhere, judged)
    assert not elsewhere.mlflow.exists()


def test_a_deleted_experiment_is_named_and_not_begun_anew(home: Home, tracking: Tracking, judge: Callable[..., Any]) -> None:
    """Its runs would be out of sight, so the way to restore it is told."""
    judged = judge("gone")
    record_evaluation(home, judged)
    experiment_id = tracking.experiment_id("gone")
    tracking.client.delete_experiment(experiment_id)
    with pytest.raises(TrackingError, match=f"restore --experiment-id {experiment_id}"):
        record_evaluation(home, judged)
    assert missing_runs(_trials(home, judged), tracking) == _trials(home, judged)


def test_a_store_that_cannot_be_used_is_named(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A server that is not running and a home that cannot be written are told with what to do."""
    (tmp_path / "file").write_text("")
    with pytest.raises(TrackingError, match="Not a directory"):
        open_tracking(Home(tmp_path / "file"))
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        monkeypatch.setenv("MLFLOW_TRACKING_URI", f"http://127.0.0.1:{probe.getsockname()[1]}")
        with pytest.raises(TrackingError, match="unset MLFLOW_TRACKING_URI to write to the home"):
            open_tracking(Home(tmp_path))


def test_a_strategy_with_more_parameters_than_mlflow_takes_at_once_is_logged_whole(
    home: Home, tracking: Tracking, judge: Callable[..., Any]
) -> None:
    """MLflow takes a hundred in a call."""
    judged = judge("many")
    many = {f"p{number}": number for number in range(150)}
    version = msgspec.structs.replace(judged.submission.folder.version, parameters=many)
    trial = log_trial(home, judged.dataset_digest, dataclasses.replace(judged.submission.folder, version=version), judged.curve)
    assert trial.parameters == many
    logged = tracking.client.get_run(trial.run_id).data.params
    assert {name: logged[f"parameter.{name}"] for name in many} == {name: str(value) for name, value in many.items()}
