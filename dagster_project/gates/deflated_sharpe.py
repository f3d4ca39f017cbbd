"""Gate `deflated_sharpe`: is the Sharpe ratio more than luck, given how many versions were tried on the same data?"""

from collections.abc import Sequence

from dagster_project.gates.errors import StatisticsError
from dagster_project.gates.policy import DeflatedSharpePolicy
from dagster_project.gates.sharpe import (
    annualised,
    deflated_sharpe,
    expected_maximum_of,
    minimum_track_record,
    moments,
    probabilistic_sharpe,
)
from live.promotion import GateResult

Measures = dict[str, int | float | str]


def deflated_sharpe_gate(returns: Sequence[float], other_sharpes: Sequence[float], policy: DeflatedSharpePolicy) -> GateResult:
    """Demand that the deflated and the probabilistic Sharpe ratio are high, over enough days.

    Args:
        returns: daily returns that count.
        other_sharpes: Sharpe ratio per day of every other version that was judged on bars of the same dataset.
        policy: the bounds.
    """
    threshold: Measures = {
        "minimum_days": policy.minimum_days,
        "minimum_deflated": policy.minimum_deflated,
        "minimum_probabilistic": policy.minimum_probabilistic,
    }
    trials = len(other_sharpes) + 1
    measured = moments(returns)
    if measured is None:
        return _result(
            passed=False, measured={"days": len(returns), "trials": trials}, threshold=threshold, detail="the returns never moved"
        )
    sharpes = [*other_sharpes, measured.sharpe]
    try:
        deflated, probabilistic = deflated_sharpe(measured, sharpes), probabilistic_sharpe(measured)
        hurdle, track_record = annualised(expected_maximum_of(sharpes, measured.length)), minimum_track_record(measured)
    except StatisticsError as error:
        return _result(passed=False, measured={"days": len(returns), "trials": trials}, threshold=threshold, detail=str(error))
    measures: Measures = {
        "days": len(returns),
        "trials": trials,
        "deflated": deflated,
        "probabilistic": probabilistic,
        "sharpe": annualised(measured.sharpe),
        "expected_maximum": hurdle,
        "skewness": measured.skewness,
        "kurtosis": measured.kurtosis,
        "autocorrelation": measured.autocorrelation,
    }
    if track_record is not None:
        measures["track_record_needed"] = track_record
    passed = len(returns) >= policy.minimum_days and deflated >= policy.minimum_deflated and probabilistic >= policy.minimum_probabilistic
    tried = "one trial" if trials == 1 else f"{trials} trials, the best of which luck alone would bring to {hurdle:.2f}"
    detail = (
        f"Sharpe ratio {annualised(measured.sharpe):.2f} a year over {len(returns)} days after {tried}: "
        f"{deflated:.0%} likely to be more than luck"
    )
    return _result(passed=passed, measured=measures, threshold=threshold, detail=detail)


def _result(*, passed: bool, measured: Measures, threshold: Measures, detail: str) -> GateResult:
    return GateResult(gate="deflated_sharpe", passed=passed, kind="evidence", measured=measured, threshold=threshold, detail=detail)
