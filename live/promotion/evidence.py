"""Evidence: what the gates measured for one strategy version on one dataset under one policy and one engine.

A label is not evidence. The live host reads the measured numbers again and holds them against its own thresholds.
"""

import math
from collections.abc import Mapping
from typing import Annotated, Literal

import msgspec

from live.promotion.errors import EvidenceError
from live.promotion.strategy_version import Sha256

EVIDENCE_SCHEMA = 1
Measure = int | float | str
GateKind = Literal["integrity", "evidence"]

INTEGRITY_GATES = ("data_quality", "determinism", "replay", "look_ahead", "warm_up", "limits")
"""Every gate that must pass to run anywhere; what a host demands that says nothing else."""


class GateResult(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Record what one gate measured and what it said.

    Attributes:
        gate: name of the gate, like `determinism`.
        passed: the gate's own word.
        kind: `integrity` gates must pass to run anywhere, `evidence` gates also to run live.
        measured: each measure by name, like `{"fills": 31}`.
        threshold: the policy's bounds, `minimum_<measure>` or `maximum_<measure>`, like `{"minimum_fills": 20}`.
        detail: one sentence for people.
    """

    gate: Annotated[str, msgspec.Meta(min_length=1)]
    passed: bool
    kind: GateKind
    measured: dict[str, Measure]
    threshold: dict[str, Measure]
    detail: str = ""

    def __post_init__(self) -> None:
        """Refuse a measure that is no number or text.

        Raises:
            EvidenceError: a value is NaN, infinite, or of a type a document cannot hold.
        """
        for name, value in (*self.measured.items(), *self.threshold.items()):
            if isinstance(value, bool) or (isinstance(value, float) and not math.isfinite(value)):
                raise EvidenceError(
                    f"gate {self.gate}: {name} must be a finite number or text, received {value!r}: record what was measured"
                )

    @property
    def holds(self) -> bool:
        """Say whether the gate passed and no measured number is beyond the gate's own threshold."""
        own = {name: bound for name, bound in self.threshold.items() if name.partition("_")[2] in self.measured}
        return self.passed and not any(_breach(self, name, bound) for name, bound in own.items() if _is_bound(name, bound))


class Evidence(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Bind gate results to exactly what they were measured on.

    Attributes:
        schema: version of this schema.
        strategy_version_digest: digest of the strategy version.
        dataset_digest: digest of the market data that was replayed.
        policy_digest: digest of the gate policy.
        engine_digest: digest of the engine that replayed it.
        results: one result a gate.
        created_at: when the evidence was gathered, nanoseconds UTC.
    """

    schema: int
    strategy_version_digest: Sha256
    dataset_digest: Sha256
    policy_digest: Sha256
    engine_digest: Sha256
    results: tuple[GateResult, ...]
    created_at: int

    def __post_init__(self) -> None:
        """Refuse evidence that cannot be read without doubt.

        Raises:
            EvidenceError: the schema is another one, a digest is none, or a gate answers twice.
        """
        if self.schema != EVIDENCE_SCHEMA:
            raise EvidenceError(f"evidence of schema {EVIDENCE_SCHEMA} was expected, received schema {self.schema}: gather it again")
        for name in ("strategy_version_digest", "dataset_digest", "policy_digest", "engine_digest"):
            if not is_sha256(getattr(self, name)):
                raise EvidenceError(f"{name} must be 64 lower-case hexadecimal digits, received {getattr(self, name)!r}: give the SHA-256")
        gates = [result.gate for result in self.results]
        if repeated := sorted({gate for gate in gates if gates.count(gate) > 1}):
            raise EvidenceError(f"gate {repeated[0]} is in the evidence twice: which of its answers holds cannot be known, gather it again")

    @property
    def integrity_passed(self) -> bool:
        """Say whether there are integrity gates and all of them hold; without it a strategy runs nowhere."""
        return self._all_hold("integrity")

    @property
    def evidence_passed(self) -> bool:
        """Say whether there are evidence gates and all of them hold; without it a strategy does not run live."""
        return self._all_hold("evidence")

    @property
    def results_by_gate(self) -> dict[str, GateResult]:
        """Map each gate's name to its result."""
        return {result.gate: result for result in self.results}

    @property
    def missing_integrity_gates(self) -> tuple[str, ...]:
        """Name the integrity gates that were never run: evidence without them shows that those passed, not that the rest would."""
        return tuple(gate for gate in INTEGRITY_GATES if gate not in self.results_by_gate)

    def _all_hold(self, kind: GateKind) -> bool:
        results = [result for result in self.results if result.kind == kind]
        return bool(results) and all(result.holds for result in results)


def reevaluate(evidence: Evidence, requirements: Mapping[str, Mapping[str, float]]) -> list[str]:
    """List the reasons why the evidence does not meet this host's own thresholds; an empty list means that it does.

    `requirements` maps each gate that must be there to its bounds, `minimum_<measure>` or `maximum_<measure>`:
    `{"determinism": {}, "replay": {"minimum_fills": 20}}`. A bound that is not understood is a reason as well.
    """
    reasons: list[str] = []
    results = evidence.results_by_gate
    for gate, bounds in requirements.items():
        result = results.get(gate)
        if result is None:
            reasons.append(f"{gate}: the gate is required here and the evidence has no result of it")
            continue
        if not result.passed:
            reasons.append(f"{gate}: the gate did not pass{': ' if result.detail else ''}{result.detail}")
        elif not result.holds:
            reasons.append(f"{gate}: the gate says it passed, its own numbers {result.measured} against {result.threshold} say otherwise")
        breaches = (_breach(result, name, bound) for name, bound in bounds.items())
        reasons.extend(breach for breach in breaches if breach)
    return reasons


def is_sha256(text: str) -> bool:
    """Say whether `text` is 64 lower-case hexadecimal digits."""
    return len(text) == 64 and set(text) <= set("0123456789abcdef")


def _is_bound(name: str, bound: object) -> bool:
    direction, _, measure = name.partition("_")
    return direction in {"minimum", "maximum"} and measure != "" and isinstance(bound, int | float) and not isinstance(bound, bool)


def _breach(result: GateResult, name: str, bound: Measure) -> str:
    """Say how the result fails one bound, or nothing when it meets it; what cannot be compared fails."""
    if not _is_bound(name, bound) or isinstance(bound, str) or math.isnan(bound):
        return f"{result.gate}: the bound {name} = {bound!r} is not understood, write minimum_<measure> or maximum_<measure> = number"
    direction, _, measure = name.partition("_")
    value = result.measured.get(measure)
    if value is None or isinstance(value, str):
        return f"{result.gate}: {measure} is required to have a {direction} of {bound}, and the evidence measured {value!r}"
    beyond = value < bound if direction == "minimum" else value > bound
    return f"{result.gate}: {measure} is {value}, beyond this host's {direction} of {bound}" if beyond else ""
