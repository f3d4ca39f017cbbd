"""Gate `warm_up`: once the declared warm-up is over, does a decision depend on how much history came before it?

A live host hands a strategy the declared number of bars and no more. The probe starts a fresh instance at several places of
history and compares what it wants after its warm-up with what the instance wants that saw everything.
"""

from collections.abc import Sequence
from datetime import UTC, datetime
from math import isclose

import msgspec

from dagster_project.gates.policy import WarmUpPolicy
from dagster_project.gates.probing import Probe, Recording, Said, Target
from live.promotion import GateResult, LoadedStrategy

_Standing = dict[str, Target]


class WarmUpFindings(msgspec.Struct, frozen=True, kw_only=True):
    """Hold what starting anew changed.

    Attributes:
        warm_up_bars: bars that the strategy asks for with its parameters.
        starts: how many starts were followed by bars to compare.
        compared: bars that were compared.
        differing: bars after which the fresh instance wanted something else.
        first: a sentence about the first of them, or empty.
    """

    warm_up_bars: int
    starts: int
    compared: int
    differing: int
    first: str


def probe_warm_up(probe: Probe, loaded: LoadedStrategy, recording: Recording, policy: WarmUpPolicy) -> WarmUpFindings:
    """Start a strategy anew at several places of a history over which it was recorded."""
    history = probe.history
    whole = _standing(recording.said)
    starts = compared = differing = 0
    first = ""
    for number in range(policy.starts):
        start = (number + 1) * len(history) // (policy.starts + 1)
        warm = probe.warm_from(loaded, start)
        begin, end = recording.before(start), recording.before(min(warm + policy.compared_bars, len(history)))
        if warm >= len(history):
            continue
        starts += 1
        fresh = _standing(probe.play(loaded, recording.steps[begin:end], warm=warm))
        for position, wanted in enumerate(fresh, start=begin):
            step = recording.steps[position]
            if step.fill is not None or step.bar < warm:
                continue
            compared += 1
            if not _alike(wanted, whole[position], policy.relative_tolerance):
                differing += 1
                first = first or _describe(history.bars[step.bar].ts_event, step.bar - start + 1, wanted, whole[position])
    return WarmUpFindings(warm_up_bars=loaded.warm_up_bars, starts=starts, compared=compared, differing=differing, first=first)


def warm_up_gate(findings: WarmUpFindings, policy: WarmUpPolicy) -> GateResult:
    """Demand that hardly any decision after the warm-up depends on what came before it."""
    share = findings.differing / findings.compared if findings.compared else 0.0
    if not findings.compared:
        detail = f"no history is left to compare after a warm-up of {findings.warm_up_bars} bars"
    elif findings.differing:
        detail = (
            f"{findings.differing} of {findings.compared} decisions after a warm-up of {findings.warm_up_bars} bars depend on earlier "
            f"history; first {findings.first}"
        )
    else:
        detail = f"{findings.compared} decisions after {findings.starts} fresh starts are those of the whole run"
    return GateResult(
        gate="warm_up",
        passed=findings.compared >= policy.compared_bars and share <= policy.maximum_differing_share,
        kind="integrity",
        measured={
            "differing_share": share,
            "differing": findings.differing,
            "compared": findings.compared,
            "starts": findings.starts,
            "warm_up_bars": findings.warm_up_bars,
        },
        threshold={"maximum_differing_share": policy.maximum_differing_share, "minimum_compared": policy.compared_bars},
        detail=detail,
    )


def _standing(said: Sequence[Said]) -> list[_Standing]:
    """Give the targets that stand after each call: one holds until another is said."""
    standing: _Standing = {}
    result: list[_Standing] = []
    for targets in said:
        if targets:
            standing = {**standing, **{target.instrument_id: target for target in targets}}
        result.append(standing)
    return result


def _alike(one: _Standing, other: _Standing, tolerance: float) -> bool:
    if one is other:
        return True
    return one.keys() == other.keys() and all(_same(one[name], other[name], tolerance) for name in one)


def _same(one: Target, other: Target, tolerance: float) -> bool:
    pairs = ((one.units, other.units), (one.fraction, other.fraction), (one.limit_price, other.limit_price))
    return all(a == b or (a is not None and b is not None and isclose(a, b, rel_tol=tolerance)) for a, b in pairs)


def _describe(ts: int, bars: int, wanted: _Standing, whole: _Standing) -> str:
    moment = datetime.fromtimestamp(ts // 1_000_000_000, UTC).isoformat().replace("+00:00", "Z")
    return f"at {moment}, {bars} bars after a fresh start: {_spell(wanted)} instead of {_spell(whole)}"


def _spell(standing: _Standing) -> str:
    return ", ".join(_amount(one) for one in standing.values()) or "nothing"


def _amount(target: Target) -> str:
    amount = f"fraction {target.fraction}" if target.units is None else f"{target.units} units"
    return amount if target.limit_price is None else f"{amount} at {target.limit_price}"
