"""Gate `regimes`: is there a kind of market, or a year, in which the strategy loses more than its budget?

A day's volatility and trend come from the market days before it, so a slice is one that a person could have named in the
morning. The market is the mean of the daily log returns of the strategy's instruments.
"""

import itertools
import math
from collections.abc import Iterable, Mapping, Sequence
from datetime import UTC, datetime
from statistics import fmean, pstdev

from dagster_project.equity import DAY
from dagster_project.gates.policy import RegimesPolicy
from live.core.inputs import Bar
from live.promotion import GateResult

_SECONDS_PER_DAY = 24 * 3600
_TERCILES = ("calm", "usual", "wild")


def market_days(bars: Iterable[Bar]) -> dict[int, float]:
    """Give the market's log return of each UTC day by day number; the first day of an instrument has none."""
    closes: dict[str, dict[int, int]] = {}
    for bar in bars:
        closes.setdefault(bar.instrument_id, {})[(bar.ts_event - 1) // DAY] = bar.close
    returns: dict[int, list[float]] = {}
    for by_day in closes.values():
        days = list(by_day)
        for before, day in itertools.pairwise(days):
            returns.setdefault(day, []).append(math.log(by_day[day] / by_day[before]))
    return {day: fmean(values) for day, values in sorted(returns.items())}


def slice_days(market: Mapping[int, float], policy: RegimesPolicy) -> dict[str, set[int]]:
    """Put each day into its slices: a tercile of volatility, a direction of trend, and its year."""
    days = list(market)
    values = [market[day] for day in days]
    slices: dict[str, set[int]] = {}
    for day in days:
        year = datetime.fromtimestamp(day * _SECONDS_PER_DAY, UTC).year
        slices.setdefault(f"year {year}", set()).add(day)
    for position in range(policy.trend_days, len(days)):
        trend = "up" if sum(values[position - policy.trend_days : position]) > 0 else "down"
        slices.setdefault(f"trend {trend}", set()).add(days[position])
    volatility = {
        days[position]: pstdev(values[position - policy.volatility_days : position])
        for position in range(policy.volatility_days, len(days))
    }
    for rank, day in enumerate(sorted(volatility, key=lambda day: (volatility[day], day))):
        slices.setdefault(f"volatility {_TERCILES[rank * len(_TERCILES) // len(volatility)]}", set()).add(day)
    return slices


def regimes_gate(returns: Sequence[tuple[int, float]], market: Mapping[int, float], policy: RegimesPolicy) -> GateResult:
    """Demand that no slice of days loses more than the budget, compounded.

    Args:
        returns: daily returns that count, by day number.
        market: the market's log return by day number.
        policy: how to slice, and the budget.
    """
    outcomes: dict[str, float] = {}
    for name, days in sorted(slice_days(market, policy).items()):
        chosen = [value for day, value in returns if day in days]
        if len(chosen) >= policy.minimum_days:
            outcomes[name] = math.prod(1 + value for value in chosen) - 1
    worst = min(outcomes, key=lambda name: outcomes[name], default="")
    loss = max(0.0, -outcomes[worst]) if outcomes else 0.0
    return GateResult(
        gate="regimes",
        passed=bool(outcomes) and loss <= policy.maximum_slice_loss,
        kind="evidence",
        measured={"slice_loss": loss, "slices": len(outcomes), **{name.replace(" ", "_"): value for name, value in outcomes.items()}},
        threshold={"maximum_slice_loss": policy.maximum_slice_loss, "minimum_slices": 1},
        detail=f"worst of {len(outcomes)} slices is {worst} with {outcomes[worst]:+.1%}" if outcomes else "no slice has enough days",
    )
