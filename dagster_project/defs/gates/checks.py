"""One asset check a gate, all of them on `strategy_evidence`, which answers them itself."""

from typing import Any

import dagster as dg

from dagster_project.defs.partitions import STRATEGY_VERSIONS
from dagster_project.gates.evaluation import GATES
from live.promotion import GateResult

EVIDENCE = "strategy_evidence"
QUESTIONS = {
    "data_quality": "Is the dataset whole, validated, long enough, and what the strategy asks for?",
    "determinism": "Do two processes with different hash seeds give the same records?",
    "replay": "Does it trade enough to be judged, without an alarm?",
    "look_ahead": "Is every decision the same when the bars after it are gone, garbage, or 28 years later?",
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
