"""Sharpe ratio and what it is worth, after Bailey and López de Prado.

All Sharpe ratios here are per period (a day), never annualised, and kurtosis is raw: 3 for a normal distribution. Sources:
"The Sharpe Ratio Efficient Frontier" (2012) for the probabilistic ratio and the minimum track record, "The Deflated Sharpe
Ratio" (2014) for the expected maximum, and López de Prado, Lipton and Zoonekynd, "How to Use the Sharpe Ratio" (2025) for
the variance under autocorrelation of first order.
"""

import itertools
import math
from collections.abc import Sequence
from statistics import NormalDist, fmean, variance
from typing import NamedTuple

from dagster_project.gates.errors import StatisticsError

DAYS_PER_YEAR = 365
"""Crypto trades every day."""

_EULER_MASCHERONI = 0.5772156649015329
_NORMAL = NormalDist()
_STRONGEST_AUTOCORRELATION = 0.95
"""Beyond it the correction grows without bound and says only that there is hardly any information."""


class Moments(NamedTuple):
    """Describe a series of returns: length, Sharpe ratio per period, skewness, raw kurtosis, autocorrelation of first order."""

    length: int
    sharpe: float
    skewness: float
    kurtosis: float
    autocorrelation: float


def moments(returns: Sequence[float]) -> Moments | None:
    """Measure a series of returns; None where a Sharpe ratio has no meaning, with fewer than three returns or none that moves."""
    length = len(returns)
    if length < 3:
        return None
    mean = fmean(returns)
    deviations = [value - mean for value in returns]
    second = fmean(value**2 for value in deviations)
    if math.sqrt(second) <= 1e-15 * max(1.0, abs(mean)):
        return None
    return Moments(
        length=length,
        sharpe=mean / math.sqrt(second * length / (length - 1)),
        skewness=fmean(value**3 for value in deviations) / second**1.5,
        kurtosis=fmean(value**4 for value in deviations) / second**2,
        autocorrelation=sum(one * next_one for one, next_one in itertools.pairwise(deviations)) / (second * length),
    )


def sharpe_ratio(returns: Sequence[float]) -> float | None:
    """Give the Sharpe ratio per period, over a risk-free rate of zero; None where it has no meaning."""
    measured = moments(returns)
    return None if measured is None else measured.sharpe


def annualised(sharpe: float) -> float:
    """Annualise a daily Sharpe ratio by the square root of the days of a year."""
    return sharpe * math.sqrt(DAYS_PER_YEAR)


def error_scale(measured: Moments) -> float:
    """Give the standard error of the Sharpe ratio times the square root of the length.

    Without autocorrelation it is sqrt(1 - skewness SR + (kurtosis - 1) / 4 SR^2). Negative autocorrelation would make the error
    smaller and is taken for none.

    Raises:
        StatisticsError: the moments contradict each other.
    """
    rho = min(max(measured.autocorrelation, 0.0), _STRONGEST_AUTOCORRELATION)
    first = 1 + 2 * rho / (1 - rho)
    second = 1 + rho / (1 - rho) + rho**2 / (1 - rho**2)
    third = 1 + 2 * rho**2 / (1 - rho**2)
    squared = first - second * measured.skewness * measured.sharpe + third * (measured.kurtosis - 1) / 4 * measured.sharpe**2
    if squared <= 0.0:
        raise StatisticsError(
            f"skewness {measured.skewness:.3g} and kurtosis {measured.kurtosis:.3g} give a Sharpe ratio of {measured.sharpe:.3g} no error: "
            "check the returns, kurtosis must be raw, not excess"
        )
    return math.sqrt(squared)


def probabilistic_sharpe(measured: Moments, benchmark: float = 0.0) -> float:
    """Give the probability that the true Sharpe ratio exceeds a benchmark: Phi((SR - b) sqrt(T - 1) / error scale)."""
    return _NORMAL.cdf((measured.sharpe - benchmark) * math.sqrt(measured.length - 1) / error_scale(measured))


def expected_maximum(trials: int, variance_of_trials: float) -> float:
    """Give the Sharpe ratio to expect of the best of `trials` that are all worth nothing.

    sqrt(V) ((1 - gamma) Z(1 - 1/N) + gamma Z(1 - 1/(N e))), with gamma of Euler and Mascheroni and Z the normal quantile.

    Raises:
        StatisticsError: there is no trial, or the variance is negative.
    """
    if trials < 1 or variance_of_trials < 0.0:
        raise StatisticsError(f"at least one trial and a variance of at least 0 are needed, received {trials} and {variance_of_trials}")
    if trials == 1:
        return 0.0
    highest = _NORMAL.inv_cdf(1 - 1 / trials)
    beyond = _NORMAL.inv_cdf(1 - 1 / (trials * math.e))
    return math.sqrt(variance_of_trials) * ((1 - _EULER_MASCHERONI) * highest + _EULER_MASCHERONI * beyond)


def expected_maximum_of(sharpes: Sequence[float], length: int) -> float:
    """Give the Sharpe ratio to expect of the best of these trials over as many periods, were all of them worth nothing.

    Worthless trials scatter by at least 1 / length (Lo, "The Statistics of Sharpe Ratios", 2002), so trials that are nearly alike
    do not lower the hurdle by making the measured variance small.
    """
    return expected_maximum(len(sharpes), max(1 / length, variance(sharpes)) if len(sharpes) > 1 else 0.0)


def deflated_sharpe(measured: Moments, sharpes: Sequence[float]) -> float:
    """Give the probability that the true Sharpe ratio exceeds what luck alone gives the best of all trials, this one included."""
    return probabilistic_sharpe(measured, expected_maximum_of(sharpes, measured.length))


def minimum_track_record(measured: Moments, benchmark: float = 0.0, confidence: float = 0.95) -> float | None:
    """Give the number of periods after which the Sharpe ratio would exceed the benchmark with this confidence; None when never."""
    if measured.sharpe <= benchmark:
        return None
    return 1 + error_scale(measured) ** 2 * (_NORMAL.inv_cdf(confidence) / (measured.sharpe - benchmark)) ** 2
