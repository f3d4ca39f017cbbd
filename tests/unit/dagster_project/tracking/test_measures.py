"""What a run's metrics and tags say of evidence."""

import pytest

from dagster_project.tracking.measures import gate_measures, gate_tags, verdict
from live.promotion import Evidence, GateResult

RESULTS = {
    "integrity": GateResult(gate="replay", passed=True, kind="integrity", measured={"fills": 31, "digest": "ab"}, threshold={}),
    "evidence": GateResult(gate="regimes", passed=True, kind="evidence", measured={"loss": 0.1}, threshold={"maximum_loss": 0.2}),
    "broken": GateResult(gate="warm_up", passed=False, kind="integrity", measured={}, threshold={}),
    "boastful": GateResult(gate="cost_stress", passed=True, kind="evidence", measured={"sharpe": -1.0}, threshold={"minimum_sharpe": 0.0}),
}


def _evidence(*names: str) -> Evidence:
    return Evidence(
        schema=1,
        strategy_version_digest="a" * 64,
        dataset_digest="b" * 64,
        policy_digest="c" * 64,
        engine_digest="d" * 64,
        results=tuple(RESULTS[name] for name in names),
        created_at=0,
    )


@pytest.mark.parametrize(
    ("names", "expected"),
    [
        (("integrity", "evidence"), "live"),
        (("integrity", "boastful"), "dry_run"),
        (("integrity",), "dry_run"),
        (("integrity", "broken", "evidence"), "refused"),
        (("evidence",), "refused"),
    ],
)
def test_the_verdict_is_where_the_evidence_would_let_it_run(names: tuple[str, ...], expected: str) -> None:
    """Nowhere without integrity; a gate whose own numbers contradict it does not count as passed."""
    assert verdict(_evidence(*names)) == expected


def test_every_number_is_a_metric_and_every_answer_a_tag() -> None:
    """Text is no metric, and a gate that only says it passed is tagged by its numbers."""
    evidence = _evidence("integrity", "boastful")
    assert gate_measures(evidence) == {"gate.replay.fills": 31.0, "gate.cost_stress.sharpe": -1.0}
    assert gate_tags(evidence) == {"gate.replay": "pass", "gate.cost_stress": "fail"}
