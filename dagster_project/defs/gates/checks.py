"""Asset checks on `strategy_evidence`: one a gate, which the asset answers itself, and one on the count of trials behind them."""

from typing import Any

import dagster as dg

from dagster_project.defs.partitions import STRATEGY_VERSIONS
from dagster_project.defs.resources import HomeResource
from dagster_project.gates.evaluation import GATES
from live.promotion import GateResult

EVIDENCE = "strategy_evidence"
QUESTIONS = {
    "data_quality": "Is the dataset whole, validated, long enough, and what the strategy asks for?",
    "determinism": "Do two processes with different hash seeds give the same records?",
    "replay": "Does it trade enough to be judged, without an alarm?",
    "look_ahead": "Is every decision the same when later bars are gone or garbage, and does the edge outlive the dates of history?",
    "warm_up": "Is every decision after the declared warm-up independent of what came before it?",
    "limits": "Is the order limit within reach of the orders that it sends?",
    "deflated_sharpe": "Is its Sharpe ratio more than luck, after all trials on this dataset?",
    "cost_stress": "Does it still earn at twice the fees and slippage?",
    "regimes": "Does it keep within its budget in every kind of market and year?",
}

GATE_CHECKS = [
    dg.AssetCheckSpec(
        name=gate,
        asset=EVIDENCE,
        description=f"{QUESTIONS[gate]} {'Must pass to run anywhere.' if kind == 'integrity' else 'Must pass to ask for LIVE.'}",
        partitions_def=STRATEGY_VERSIONS,
    )
    for gate, kind in GATES.items()
]


def answer_check(result: GateResult) -> dg.AssetCheckResult:
    """Give a gate's result as the result of its check: an error where the strategy may then run nowhere, else a warning."""
    metadata: dict[str, Any] = {**result.measured, **{f"threshold {name}": bound for name, bound in result.threshold.items()}}
    return dg.AssetCheckResult(
        check_name=result.gate,
        passed=result.holds,
        severity=dg.AssetCheckSeverity.ERROR if result.kind == "integrity" else dg.AssetCheckSeverity.WARN,
        description=result.detail,
        metadata=metadata,
    )


@dg.asset_check(asset=EVIDENCE, description="Do MLflow and the ledger of trials tell of the same trials? The ledger is what counts.")
def trials_are_complete(home: HomeResource) -> dg.AssetCheckResult:
    """Name each trial whose MLflow run was deleted, and each run that calls itself a trial and was never counted."""
    from dagster_project.tracking import TrialLedger, missing_runs, missing_trials
    from dagster_project.tracking.store import open_tracking

    opened = home.open()
    trials, tracking = TrialLedger(opened.trials).trials(), open_tracking(opened)
    deleted = [f"trial {trial.number} of {trial.strategy_id}, run {trial.run_id}" for trial in missing_runs(trials, tracking)]
    uncounted = [f"run {run_id}" for run_id in missing_trials(trials, tracking)]
    problems = [f"was deleted in MLflow and still counts: {name}" for name in deleted]
    problems += [f"calls itself a trial and is not in the ledger: {name}" for name in uncounted]
    return dg.AssetCheckResult(
        passed=not problems,
        severity=dg.AssetCheckSeverity.WARN,
        description="; ".join(problems) or f"the runs of all {len(trials)} trials are there, and no other run calls itself one",
        metadata={"trials": len(trials), "deleted": len(deleted), "uncounted": len(uncounted)},
    )
