from typing import Any

import msgspec
import pytest

from live.promotion import Evidence, EvidenceError, GateResult, reevaluate

REPLAY = GateResult(
    gate="replay", passed=True, kind="integrity", measured={"fills": 31, "drawdown": 0.08, "note": "ok"}, threshold={"minimum_fills": 20}
)
SHARPE = GateResult(gate="sharpe", passed=True, kind="evidence", measured={"probability": 0.97}, threshold={"minimum_probability": 0.95})
replace = msgspec.structs.replace


def evidence_of(*results: GateResult) -> Evidence:
    """Bind results to digests that do not matter here."""
    return Evidence(
        schema=1,
        strategy_version_digest="a" * 64,
        dataset_digest="b" * 64,
        policy_digest="c" * 64,
        engine_digest="d" * 64,
        results=results,
        created_at=1,
    )


def test_all_gates_of_a_kind_must_hold() -> None:
    """One failed gate fails its kind and leaves the other kind alone."""
    assert evidence_of(REPLAY, SHARPE).integrity_passed
    assert evidence_of(REPLAY, SHARPE).evidence_passed
    failed = evidence_of(REPLAY, replace(REPLAY, gate="parity", passed=False), SHARPE)
    assert not failed.integrity_passed
    assert failed.evidence_passed


def test_no_gates_is_not_a_pass() -> None:
    """Evidence without gates of a kind proves nothing of that kind."""
    assert not evidence_of().integrity_passed
    assert not evidence_of(REPLAY).evidence_passed
    assert not evidence_of(SHARPE).integrity_passed


@pytest.mark.parametrize(
    ("measured", "threshold", "holds"),
    [
        ({"fills": 20}, {"minimum_fills": 20}, True),
        ({"fills": 19}, {"minimum_fills": 20}, False),
        ({"loss": 0.1}, {"maximum_loss": 0.1}, True),
        ({"loss": 0.100001}, {"maximum_loss": 0.1}, False),
        ({"fills": 1}, {"window": 20, "policy": "strict"}, True),
        ({"fills": 1}, {}, True),
    ],
)
def test_a_label_is_not_believed_when_its_own_numbers_say_otherwise(
    measured: dict[str, Any], threshold: dict[str, Any], holds: bool
) -> None:
    """`passed` counts only while no measured number is beyond the gate's own threshold."""
    result = GateResult(gate="replay", passed=True, kind="integrity", measured=measured, threshold=threshold)
    assert result.holds is holds
    assert evidence_of(result).integrity_passed is holds
    assert bool(reevaluate(evidence_of(result), {"replay": {}})) is not holds


def test_evidence_that_meets_the_hosts_thresholds_gives_no_reason() -> None:
    """The host's bounds include their own value."""
    requirements = {"replay": {"minimum_fills": 31, "maximum_drawdown": 0.08}, "sharpe": {}}
    assert reevaluate(evidence_of(REPLAY, SHARPE), requirements) == []
    assert reevaluate(evidence_of(), {}) == []


@pytest.mark.parametrize(
    ("requirements", "words"),
    [
        ({"parity": {}}, "no result"),
        ({"replay": {"minimum_fills": 32}}, "fills is 31"),
        ({"replay": {"maximum_drawdown": 0.0799}}, "drawdown is 0.08"),
        ({"replay": {"minimum_trades": 1}}, "measured None"),
        ({"replay": {"minimum_note": 1}}, "measured 'ok'"),
        ({"replay": {"fills": 20}}, "not understood"),
        ({"replay": {"minimum_": 20}}, "not understood"),
        ({"replay": {"at_least_fills": 20}}, "not understood"),
        ({"replay": {"minimum_fills": float("nan")}}, "not understood"),
        ({"replay": {"minimum_fills": True}}, "not understood"),
        ({"replay": {"minimum_fills": "20"}}, "not understood"),
    ],
)
def test_each_unmet_requirement_is_one_reason(requirements: dict[str, Any], words: str) -> None:
    """A missing gate, a number beyond the bound, and a bound nobody can check each close the interlock."""
    (reason,) = reevaluate(evidence_of(REPLAY, SHARPE), requirements)
    assert words in reason


def test_a_failed_gate_is_a_reason_even_when_its_numbers_are_fine() -> None:
    """The gate may know more than its numbers show."""
    failed = replace(REPLAY, passed=False, detail="two runs differ")
    assert reevaluate(evidence_of(failed), {"replay": {"minimum_fills": 20}}) == ["replay: the gate did not pass: two runs differ"]


def test_every_reason_is_given_at_once() -> None:
    """A person sees all that is missing, not the first of it."""
    assert len(reevaluate(evidence_of(REPLAY), {"replay": {"minimum_fills": 99, "maximum_drawdown": 0.01}, "sharpe": {}})) == 3


@pytest.mark.parametrize("value", [float("nan"), float("inf"), True])
def test_a_measure_is_a_finite_number_or_text(value: Any) -> None:
    """NaN would make every comparison false and every bound pass."""
    for field in ("measured", "threshold"):
        with pytest.raises(EvidenceError, match="fills"):
            replace(REPLAY, **{field: {"fills": value}})


def test_a_gate_answers_once() -> None:
    """With two answers of one gate, a reader could choose the better one."""
    with pytest.raises(EvidenceError, match="twice"):
        evidence_of(REPLAY, replace(REPLAY, passed=False))


@pytest.mark.parametrize("field", ["strategy_version_digest", "dataset_digest", "policy_digest", "engine_digest"])
def test_what_evidence_rests_on_is_named_by_digest(field: str) -> None:
    """A name instead of a digest would not bind the evidence to anything."""
    with pytest.raises(EvidenceError, match=field):
        replace(evidence_of(REPLAY), **{field: "btc-2024"})


def test_another_schema_is_refused() -> None:
    """Evidence of another schema is not read as if it were of this one."""
    with pytest.raises(EvidenceError, match="schema"):
        replace(evidence_of(REPLAY), schema=2)
