"""Measures of a run: what its metrics and tags say, computed once for gates and notebooks."""

from collections.abc import Sequence
from decimal import Decimal

from dagster_project.equity import DAY, EquityPoint, drawdown, returns_by_day
from dagster_project.gates.sharpe import annualised, sharpe_ratio
from live.core.decimals import MONEY_SCALE
from live.driver.replay import ReplayResult
from live.promotion import Evidence, StrategyFolder


def counted_returns(curve: Sequence[EquityPoint], folder: StrategyFolder) -> list[tuple[int, float]]:
    """Give the daily returns that count, by UTC day number: a day on which the strategy was still being fitted does not.

    Raises:
        EquityError: the curve has a day that began without equity.
    """
    until = None if folder.fit is None else folder.fit.until
    first = 0 if until is None else -(-until // DAY)
    return [(day, value) for day, value in returns_by_day(curve) if day >= first]


def measure(curve: Sequence[EquityPoint], returns: Sequence[tuple[int, float]], result: ReplayResult | None = None) -> dict[str, float]:
    """Give the metrics of a curve, of the returns that count, and of the replay they came from.

    Money is in units of the quote asset, drawdown a share of the peak. A Sharpe ratio without a meaning has no metric.
    """
    metrics = {"days": float(len(returns)), "drawdown": drawdown(curve)}
    sharpe = sharpe_ratio([value for _, value in returns])
    if sharpe is not None:
        metrics |= {"sharpe_daily": sharpe, "sharpe_annualised": annualised(sharpe)}
    if curve:
        metrics["equity_change"] = (curve[-1].equity - curve[0].equity) / 10**MONEY_SCALE
    if result is not None:
        metrics |= {
            "decisions": float(result.decisions),
            "intents": float(result.intents),
            "fills": float(result.fills),
            "denials": float(sum(result.denials.values())),
            "alarms": float(sum(result.alarms.values())),
            "profit": float(sum(map(Decimal, result.profit.values()))),
            "fees": float(result.fees),
        }
    return metrics


def gate_measures(evidence: Evidence) -> dict[str, float]:
    """Give every number the gates measured, as `gate.<gate>.<measure>`."""
    return {
        f"gate.{result.gate}.{name}": float(value)
        for result in evidence.results
        for name, value in result.measured.items()
        if not isinstance(value, str)
    }


def gate_tags(evidence: Evidence) -> dict[str, str]:
    """Give each gate's answer as `gate.<gate>`: pass or fail."""
    return {f"gate.{result.gate}": "pass" if result.holds else "fail" for result in evidence.results}


def verdict(evidence: Evidence) -> str:
    """Say in a word where the evidence would let the version run: `live`, `dry_run` or nowhere, `refused`.

    It is a label for people: the live host reads the evidence itself.
    """
    if not evidence.integrity_passed:
        return "refused"
    return "live" if evidence.evidence_passed else "dry_run"
