import math
import random

import pytest

from dagster_project.gates.errors import StatisticsError
from dagster_project.gates.sharpe import (
    Moments,
    annualised,
    deflated_sharpe,
    error_scale,
    expected_maximum,
    expected_maximum_of,
    minimum_track_record,
    moments,
    probabilistic_sharpe,
    sharpe_ratio,
)


def normal(length, sharpe):
    """Describe normal returns."""
    return Moments(length, sharpe, 0.0, 3.0, 0.0)


def test_deflated_sharpe_is_that_of_the_paper():
    """Bailey and López de Prado 2014: SR 2.5 a year, 1250 days, skewness -3, kurtosis 10, 100 trials with variance 1/2 a year."""
    measured = Moments(1250, 2.5 / math.sqrt(250), -3.0, 10.0, 0.0)
    hurdle = expected_maximum(100, 0.5 / 250)
    assert hurdle == pytest.approx(0.1132, abs=1e-4)
    assert probabilistic_sharpe(measured, hurdle) == pytest.approx(0.9004, abs=1e-4)


def test_the_more_trials_the_less_the_same_ratio_means():
    """Of the same paper: with 46 trials it would have been accepted at 95 %, with 88 more it is not."""
    measured = Moments(1250, 2.5 / math.sqrt(250), -3.0, 10.0, 0.0)
    assert probabilistic_sharpe(measured, expected_maximum(46, 0.5 / 250)) == pytest.approx(0.9505, abs=1e-3)
    assert probabilistic_sharpe(measured, expected_maximum(1000, 0.5 / 250)) < 0.8


def test_probabilistic_sharpe_is_that_of_the_paper():
    """Bailey and López de Prado 2012: a fund with 24 months, mean 3.6 %, deviation 7.9 %, once with its skewness and kurtosis."""
    fund = Moments(24, 0.036 / 0.079, -2.448, 10.164, 0.0)
    assert probabilistic_sharpe(fund) == pytest.approx(0.913, abs=1e-3)
    assert probabilistic_sharpe(normal(24, 0.036 / 0.079)) == pytest.approx(0.982, abs=2e-3)


@pytest.mark.parametrize(("skewness", "kurtosis", "published"), [(-2.448, 10.164, 0.329), (0.0, 3.0, 0.214)])
def test_the_error_is_that_of_the_paper(skewness, kurtosis, published):
    """López de Prado, Lipton and Zoonekynd 2025, the same fund: the standard error is a third larger than for a normal."""
    fund = Moments(24, 0.036 / 0.079, skewness, kurtosis, 0.0)
    assert error_scale(fund) / math.sqrt(24) == pytest.approx(published, abs=1e-3)


@pytest.mark.parametrize(
    ("periods", "skewness", "kurtosis", "years"), [(250, 0.0, 3.0, 2.73), (12, 0.0, 3.0, 3.24), (12, -0.72, 5.78, 4.99)]
)
def test_minimum_track_record_is_that_of_the_paper(periods, skewness, kurtosis, years):
    """Bailey and López de Prado 2012: a Sharpe ratio of 2 a year against 1, daily and monthly, normal and like hedge funds."""
    fund = Moments(100, 2 / math.sqrt(periods), skewness, kurtosis, 0.0)
    needed = minimum_track_record(fund, 1 / math.sqrt(periods))
    assert needed is not None
    assert needed / periods == pytest.approx(years, abs=5e-3)


def test_a_ratio_below_the_benchmark_never_has_a_track_record():
    """No length of history makes a loss significant as a gain."""
    assert minimum_track_record(normal(100, 0.0)) is None


def test_excess_kurtosis_is_noticed_where_it_leads_to_nonsense():
    """Kurtosis is raw; the excess of a normal, 0, would take error away that is there."""
    assert error_scale(Moments(100, 0.5, 0.0, 3.0, 0.0)) > error_scale(Moments(100, 0.5, 0.0, 0.0, 0.0))
    with pytest.raises(StatisticsError, match="not excess"):
        error_scale(Moments(100, 2.0, 1.0, 0.0, 0.0))


def test_moments_of_a_known_series():
    """Kurtosis is raw, skewness has a sign, the Sharpe ratio takes the sample's deviation."""
    measured = moments([1.0, 2.0, 3.0, 4.0, 5.0])
    assert measured is not None
    assert measured.sharpe == pytest.approx(3 / math.sqrt(2.5))
    assert measured.skewness == pytest.approx(0.0)
    assert measured.kurtosis == pytest.approx(1.7)
    assert measured.autocorrelation == pytest.approx(0.4)
    generator = random.Random(1)
    drawn = moments([generator.gauss(0, 1) for _ in range(100_000)])
    assert drawn is not None
    assert drawn.kurtosis == pytest.approx(3.0, abs=0.1)


@pytest.mark.parametrize("returns", [[], [0.1, 0.2], [0.0] * 10, [0.01] * 10])
def test_what_never_moves_has_no_sharpe_ratio(returns):
    """A deviation of nothing makes no ratio, not a large one."""
    assert sharpe_ratio(returns) is None


def test_autocorrelation_widens_the_error_and_never_narrows_it():
    """Trending returns say less than their number; returns that swing are given no credit for it."""
    still, trending, swinging = (Moments(500, 0.1, 0.0, 3.0, rho) for rho in (0.0, 0.3, -0.3))
    assert error_scale(trending) == pytest.approx(math.sqrt(1.3 / 0.7 + 0.5 * 0.01 * 1.09 / 0.91))
    assert error_scale(swinging) == error_scale(still)


def test_expected_maximum_grows_with_trials_and_their_spread():
    """One trial expects nothing of luck."""
    assert expected_maximum(1, 0.5) == 0.0
    assert expected_maximum_of([0.3], 100) == 0.0
    assert expected_maximum(10, 0.04) == pytest.approx(2 * expected_maximum(10, 0.01))
    assert expected_maximum(10, 0.01) < expected_maximum(100, 0.01)
    with pytest.raises(StatisticsError, match="at least one trial"):
        expected_maximum(0, 0.1)


def test_the_hurdle_of_luck_is_about_what_luck_brings():
    """The best of 200 worthless series is on average what the formula expects."""
    generator = random.Random(7)
    best = [max(generator.gauss(0, 1) for _ in range(200)) for _ in range(400)]
    assert sum(best) / len(best) == pytest.approx(expected_maximum(200, 1.0), abs=0.1)


def test_a_year_has_all_its_days():
    """Crypto does not close on weekends."""
    assert annualised(1.0) == pytest.approx(math.sqrt(365))


def test_deflating_by_one_trial_changes_nothing():
    """Without other trials it is the probabilistic Sharpe ratio."""
    measured = normal(500, 0.08)
    assert deflated_sharpe(measured, [0.08]) == probabilistic_sharpe(measured)
    assert deflated_sharpe(measured, [0.08, -0.05, 0.02]) < probabilistic_sharpe(measured)
