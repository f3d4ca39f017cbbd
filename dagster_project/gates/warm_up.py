"""Gate `warm_up`: once the declared warm-up is over, does a decision depend on how much history came before it?

A live host hands a strategy the declared number of bars and no more. The probe starts a fresh instance at several places of
history and compares what it wants after its warm-up with what the instance wants that saw everything.
"""

from collections.abc import Sequence
from datetime import UTC, datetime
from decimal import Decimal
from math import isclose
from typing import Any, NamedTuple

import msgspec

from dagster_project.gates.look_ahead import spell_request
from dagster_project.gates.policy import WarmUpPolicy
from dagster_project.gates.probing import Probe, Recording
from dagster_project.gates.witness import Asked, Said, Step, Target
from live.promotion import GateResult, LoadedStrategy


class _Wanted(NamedTuple):
    """Hold what a strategy wants after a bar: the targets that stand, and what it asked for since the bar before."""

    targets: dict[str, Target]
    asked: tuple[Asked, ...]


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
    whole = _wanted(recording.steps, recording.said)
    starts = compared = differing = 0
    first = ""
    for number in range(policy.starts):
        start = (number + 1) * len(history) // (policy.starts + 1)
        warm = probe.warm_from(loaded, start)
        begin, end = recording.before(start), recording.before(min(warm + policy.compared_bars, len(history)))
        if warm >= len(history):
            continue
        starts += 1
        steps = [*_begun(recording.steps, begin), *recording.steps[begin:end]]
        fresh = _wanted(steps, probe.play(loaded, steps, warm=warm))
        for position, wanted in enumerate(fresh[len(steps) - (end - begin) :], start=begin):
            step = recording.steps[position]
            if not step.is_bar or step.bar < warm:
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


def _begun(steps: Sequence[Step], begin: int) -> list[Step]:
    """Give the call with which an instance begins that is started before a later call, where the strategy takes it in."""
    if begin == 0 or steps[0].handler != "on_start":
        return []
    return [steps[begin]._replace(handler="on_start", argument=None)]


def _wanted(steps: Sequence[Step], said: Sequence[Said]) -> list[_Wanted]:
    """Give what is wanted after each call: a target holds until another is said, a request belongs to the bar it came with or before.

    What an instance asks for when it begins is left out: it begins once in the whole run, and again at each fresh start.
    """
    standing: dict[str, Target] = {}
    asked: tuple[Asked, ...] = ()
    result: list[_Wanted] = []
    for step, each in zip(steps, said, strict=False):
        if each:
            standing = {**standing, **{one.instrument_id: one for one in each if isinstance(one, Target)}}
            if step.handler != "on_start":
                asked = (*asked, *(one for one in each if isinstance(one, Asked)))
        result.append(_Wanted(standing, asked))
        if step.is_bar:
            asked = ()
    return result


def _alike(one: _Wanted, other: _Wanted, tolerance: float) -> bool:
    if one.targets.keys() != other.targets.keys() or len(one.asked) != len(other.asked):
        return False
    if one.targets is not other.targets and not all(_same(one.targets[name], other.targets[name], tolerance) for name in one.targets):
        return False
    return all(_same_request(a, b, tolerance) for a, b in zip(one.asked, other.asked, strict=True))


def _same(one: Target, other: Target, tolerance: float) -> bool:
    pairs = ((one.units, other.units), (one.fraction, other.fraction), (one.limit_price, other.limit_price))
    return all(_close(a, b, tolerance) for a, b in pairs)


def _same_request(one: Asked, other: Asked, tolerance: float) -> bool:
    """Compare requests but for their reasons and for names that the context gave, which count what was asked before."""
    if (one.call, one.instrument_id) != (other.call, other.instrument_id):
        return False
    names = (one.given.keys() | other.given.keys()) - {"reason"}
    return all(_close(_unnumbered(one.given.get(name)), _unnumbered(other.given.get(name)), tolerance) for name in names)


def _unnumbered(value: Any) -> Any:
    return "#" if isinstance(value, str) and value.startswith("#") else value


def _close(one: Any, other: Any, tolerance: float) -> bool:
    if one == other:
        return True
    return isinstance(one, int | float | Decimal) and isinstance(other, int | float | Decimal) and isclose(one, other, rel_tol=tolerance)


def _describe(ts: int, bars: int, wanted: _Wanted, whole: _Wanted) -> str:
    moment = datetime.fromtimestamp(ts // 1_000_000_000, UTC).isoformat().replace("+00:00", "Z")
    return f"at {moment}, {bars} bars after a fresh start: {_spell(wanted)} instead of {_spell(whole)}"


def _spell(wanted: _Wanted) -> str:
    return ", ".join([*map(_amount, wanted.targets.values()), *map(spell_request, wanted.asked)]) or "nothing"


def _amount(target: Target) -> str:
    amount = f"fraction {target.fraction}" if target.units is None else f"{target.units} units"
    return amount if target.limit_price is None else f"{amount} at {target.limit_price}"
