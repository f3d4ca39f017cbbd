"""Gate `look_ahead`: does any decision depend on bars that came after it?

A decision is everything that a strategy says: a target, an order of its own, its end or replacement, a timer. A strategy is
handed one finished bar at a time, so it reaches the future by ways around that: weights that were fitted on
rows to come, tables that were computed with hindsight, module-level caches that survive a run, files. The probes:

- fit: the weights that are shipped must be what the declared fit gives, and weights without a fit prove nothing;
- repeat: a second run in the same process must say the same, so no cache carries the future into it;
- prefix: with every bar after a cut gone, and the weights fitted on what is left, decisions up to the cut must not change;
- poison: with every bar after a cut turned to garbage, and the weights fitted on all of it, neither;
- translation: with all of history 28 years later, where weekdays, months and leap years fall alike, nothing may change, so
  no table keyed by time was written with hindsight;
- memory: with prices moved a little, or with other dates, decisions may change and the edge may not go away (`memory`);
- source: what has no honest use in a strategy's sources is not there (`source_review`).

What gets through: hindsight that is small enough for the source, and keyed by something that survives a small move of every
price and another date, like coarse levels, a few well-chosen thresholds, or the nearest of some remembered shapes. A few
hundred numbers or some thousand characters are no table to `source_review`, and hold that much. It cannot be told from a
rule that was found by looking at the same data; the count of trials is for that, and a run in DRY_RUN on bars that nobody
has seen. Nor is this a sandbox: names that are put together at run time are not found.
"""

from collections.abc import Sequence
from datetime import UTC, datetime

import msgspec

from dagster_project.gates.policy import LookAheadPolicy
from dagster_project.gates.witness import Asked, Said
from live.promotion import GateResult

CIRCUMSTANCES = {
    "repeat": "run again in the same process",
    "prefix": "with the first {cut} bars alone",
    "poison": "with garbage after the first {cut} bars",
    "translation": "with all of history 28 years later",
    "jitter": "with every price moved a little",
    "weeks": "with all of history 28 years and 13 weeks later",
}


class Leak(msgspec.Struct, frozen=True, kw_only=True):
    """Name a decision that the future changed.

    Attributes:
        probe: which probe noticed.
        instrument_id: instrument of the bar.
        bar: number of the bar within its instrument's history, from 0.
        ts: close of the bar, nanoseconds UTC.
        cut: bars of history that were left as they were.
        said: what the strategy said in the whole run.
        instead: what it said under the probe.
    """

    probe: str
    instrument_id: str
    bar: int
    ts: int
    cut: int
    said: str
    instead: str


class LookAheadFindings(msgspec.Struct, frozen=True, kw_only=True):
    """Hold what the probes found.

    Attributes:
        cuts: how many cuts were tried, or could have been when a leak ended the search.
        leaks: at most one a probe, the earliest bar of each.
        problems: why weights could not be proven, and what should not be in the sources.
        edges_lost: by how many standard errors more was earned on the true history than on another one, by its name.
        fit_until: the bars that the fit was allowed, nanoseconds UTC; None when all or when there is no fit.
    """

    cuts: int
    leaks: tuple[Leak, ...]
    problems: tuple[str, ...]
    edges_lost: dict[str, float]
    fit_until: int | None


def look_ahead_gate(findings: LookAheadFindings, violations: Sequence[str], policy: LookAheadPolicy) -> GateResult:
    """Demand that no probe changed a decision, that weights are proven, and that nothing but bars was reached for."""
    leaks = sorted(findings.leaks, key=lambda leak: leak.ts)
    elsewhere, edge_lost = max(findings.edges_lost.items(), key=lambda item: item[1], default=("", 0.0))
    measured: dict[str, int | float | str] = {
        "differing": len(leaks),
        "problems": len(findings.problems),
        "violations": len(violations),
        "cuts": findings.cuts,
        "edge_lost": edge_lost,
    }
    if findings.fit_until is not None:
        measured["fit_until"] = _iso(findings.fit_until)
    said = [*findings.problems, *violations]
    if leaks:
        first = leaks[0]
        others = ", ".join(leak.probe for leak in leaks[1:])
        said.append(f"{_describe(first)}{f' (so does: {others})' if others else ''}")
        measured |= {
            "probe": first.probe,
            "first_leaking_bar": first.bar,
            "first_leaking_instrument": first.instrument_id,
            "first_leaking_time": _iso(first.ts),
        }
    if edge_lost > policy.maximum_edge_lost:
        said.append(
            f"its edge goes away {CIRCUMSTANCES[elsewhere]}, by {edge_lost:.1f} standard errors where {policy.maximum_edge_lost:g} are "
            "allowed: it knows this history by heart"
        )
    if findings.cuts < policy.minimum_cuts:
        said.append(f"history leaves room for {findings.cuts} cuts, {policy.minimum_cuts} are needed")
    return GateResult(
        gate="look_ahead",
        passed=not said,
        kind="integrity",
        measured=measured,
        threshold={
            "maximum_differing": 0,
            "maximum_problems": 0,
            "maximum_violations": 0,
            "minimum_cuts": policy.minimum_cuts,
            "maximum_edge_lost": policy.maximum_edge_lost,
        },
        detail="; ".join(said) or f"no decision changed at {findings.cuts} cuts, under poison, in a second run, or 28 years later",
    )


def spell(said: Said) -> str:
    """Write what was said for people."""
    parts: list[str] = []
    for one in said:
        if isinstance(one, Asked):
            parts.append(spell_request(one))
        elif not one.instrument_id:
            parts.append(str(one.reason))
        else:
            amount = f"{one.units} units" if one.units is not None else f"fraction {one.fraction}"
            parts.append(f"{amount} of {one.instrument_id} ({one.reason})")
    return ", ".join(parts) or "nothing"


def spell_request(asked: Asked) -> str:
    """Write a request for people, like `submit_order(binance-spot:BTCUSDT, side=BUY, quantity=1000, order_type=MARKET)`."""
    given = [f"{name}={value}" for name, value in asked.given.items() if value is not None and value is not False and value != ""]
    return f"{asked.call}({', '.join([asked.instrument_id, *given] if asked.instrument_id else given)})"


def _describe(leak: Leak) -> str:
    return (
        f"the {leak.probe} probe leaks first at bar {leak.bar} of {leak.instrument_id}, {_iso(leak.ts)}: "
        f"the whole run said {leak.said}, {CIRCUMSTANCES[leak.probe].format(cut=leak.cut)} it said {leak.instead}"
    )


def _iso(ts: int) -> str:
    return datetime.fromtimestamp(ts // 1_000_000_000, UTC).isoformat().replace("+00:00", "Z")
