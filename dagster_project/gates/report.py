"""The gate report: what a person reads to know whether a strategy version may run, and why."""

from collections.abc import Sequence
from datetime import UTC, datetime

from dagster_project.datasets import DatasetManifest
from dagster_project.equity import drawdown
from dagster_project.gates.performance import Performance
from dagster_project.gates.sharpe import annualised
from live.core.decimals import MONEY_SCALE, format_scaled
from live.driver.replay import ReplayResult
from live.promotion import Evidence, GateResult, StrategyVersion
from live.promotion.evidence import Measure


def write_report(
    version: StrategyVersion, manifest: DatasetManifest, evidence: Evidence, result: ReplayResult, performance: Performance
) -> str:
    """Write the report in Markdown, the verdict first."""
    parts = [
        f"# {version.label}",
        "\n\n".join(verdict(evidence)),
        "## Gates\n\n" + _gates_table(evidence.results),
        *_failures(evidence.results),
        "## Numbers\n\n" + _numbers(result, performance),
        "## Bound to\n\n" + _bound_to(version, manifest, evidence),
    ]
    return "\n\n".join(parts) + "\n"


def verdict(evidence: Evidence) -> list[str]:
    """Say where the version may run, in one sentence each."""
    if not evidence.integrity_passed:
        return [f"**Refused.** It may run nowhere: {failed_gates(evidence, 'integrity')} did not pass, and integrity gates must."]
    lines = ["**It may run DRY_RUN and SHADOW**: every integrity gate passed."]
    if evidence.evidence_passed:
        lines.append("**It may ask for LIVE**: every evidence gate passed too. A person's signature is still needed.")
    else:
        lines.append(f"**It may not ask for LIVE**: {failed_gates(evidence, 'evidence')} did not pass.")
    return lines


def failed_gates(evidence: Evidence, kind: str) -> str:
    """Name the gates of a kind that do not hold, for a sentence."""
    return ", ".join(result.gate for result in evidence.results if result.kind == kind and not result.holds)


def spell_measure(value: Measure) -> str:
    """Write a measured number for people."""
    return f"{value:.4g}" if isinstance(value, float) else str(value)


def decisive_measures(result: GateResult) -> list[tuple[str, str, str]]:
    """Give each bounded measure as its name, what was measured and the bound, like (`fills`, `31`, `>= 20`)."""
    rows: list[tuple[str, str, str]] = []
    for name, bound in result.threshold.items():
        direction, _, measure = name.partition("_")
        value = result.measured.get(measure)
        sign = ">=" if direction == "minimum" else "<="
        rows.append((measure, "not measured" if value is None else spell_measure(value), f"{sign} {spell_measure(bound)}"))
    return rows


def _gates_table(results: Sequence[GateResult]) -> str:
    lines = ["| gate | kind | verdict | measured | threshold |", "|---|---|---|---|---|"]
    for result in results:
        rows = decisive_measures(result)
        measured = "<br>".join(f"{measure} {value}" for measure, value, _ in rows)
        bounds = "<br>".join(f"{measure} {bound}" for measure, _, bound in rows)
        lines.append(f"| {result.gate} | {result.kind} | {'passed' if result.holds else '**failed**'} | {measured} | {bounds} |")
    return "\n".join(lines)


def _failures(results: Sequence[GateResult]) -> list[str]:
    failed = [result for result in results if not result.holds]
    if not failed:
        return []
    return ["## Why\n\n" + "\n".join(f"- **{result.gate}**: {result.detail}." for result in failed)]


def _numbers(result: ReplayResult, performance: Performance) -> str:
    sharpe = "has no meaning" if performance.sharpe is None else f"{annualised(performance.sharpe):.2f}"
    rows = [
        ("Sharpe ratio, annualised", sharpe),
        ("days that count", str(len(performance.returns))),
        ("deepest drawdown", f"{drawdown(performance.curve):.1%}"),
        ("profit", ", ".join(result.profit.values()) or "none"),
        ("fees", result.fees),
        ("bars", str(result.events)),
        ("decisions", str(result.decisions)),
        ("fills", str(result.fills)),
        ("denials", ", ".join(f"{count} {code}" for code, count in result.denials.items()) or "none"),
    ]
    if performance.curve:
        rows.insert(3, ("closing equity", format_scaled(performance.curve[-1].equity, MONEY_SCALE)))
    return _table(rows)


def _bound_to(version: StrategyVersion, manifest: DatasetManifest, evidence: Evidence) -> str:
    rows = [
        ("strategy version", f"`{evidence.strategy_version_digest}`"),
        ("source", f"`{version.source_digest}`"),
        ("parameters", ", ".join(f"{name} = {value}" for name, value in version.parameters.items()) or "none"),
        ("dataset", f"{manifest.name}, {_day(manifest.start)} to {_day(manifest.end)}, `{evidence.dataset_digest}`"),
        ("policy", f"`{evidence.policy_digest}`"),
        ("engine", f"`{evidence.engine_digest}`"),
        ("judged", datetime.fromtimestamp(evidence.created_at // 1_000_000_000, UTC).isoformat().replace("+00:00", "Z")),
    ]
    return _table(rows)


def _table(rows: Sequence[tuple[str, str]]) -> str:
    return "\n".join(["| | |", "|---|---|", *(f"| {name} | {value} |" for name, value in rows)])


def _day(ts: int) -> str:
    return datetime.fromtimestamp(ts // 1_000_000_000, UTC).date().isoformat()
