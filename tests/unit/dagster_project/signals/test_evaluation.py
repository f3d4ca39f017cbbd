import math

import numpy as np
import pandas as pd
import pytest
from scipy.stats import spearmanr

from dagster_project.signals import Bin, SignalError, SignalSettings, evaluate_momentum, evaluate_predictions
from dagster_project.signals.evaluation import calibration_error, newey_west_t, rank_correlation, reliability

SETTINGS = SignalSettings(horizon=4, first_training_rows=1_500, test_rows=1_600)


def test_a_planted_signal_is_found(make_bars):
    """Where returns do follow the ones before, it is found, beyond chance, and better than always saying up."""
    report = evaluate_momentum(make_bars(5_000, seed=1, planted=0.6), SETTINGS)
    assert report.beats_shuffled
    assert report.chance == pytest.approx(1 / 21)
    assert report.measures.information_coefficient > 0.3
    assert report.measures.newey_west_t > 3
    assert report.measures.hit_rate > report.measures.always_up_hit_rate + 0.05
    assert report.measures.brier < report.measures.constant_brier - 0.01


def test_noise_is_not_taken_for_a_signal(make_bars):
    """Where there is nothing to find, labels of other bars do as well (one noise in twenty may slip through), and no probability helps."""
    reports = [evaluate_momentum(make_bars(5_000, seed=seed), SETTINGS) for seed in (1, 2, 3)]
    assert sum(report.beats_shuffled for report in reports) <= 1
    assert all(abs(report.measures.information_coefficient) < 0.1 for report in reports)
    assert all(report.measures.brier > report.measures.constant_brier for report in reports)


def test_a_report_is_the_same_each_time(make_bars):
    """Shuffles are drawn from the seed and nothing else."""
    bars = make_bars(4_700, seed=4)
    one, other = (evaluate_momentum(bars, SETTINGS) for _ in range(2))
    assert (one.measures, one.bins, one.shuffled) == (other.measures, other.bins, other.shuffled)


def test_too_few_shuffles_are_refused(make_bars):
    """With ten shuffles nothing could ever be shown, so nobody is told that it failed."""
    with pytest.raises(SignalError, match="10 shuffles cannot show"):
        evaluate_momentum(make_bars(4_700, seed=4), SignalSettings(shuffles=10))


def predictions_of(probability, outcome):
    """Give predictions under half-hour times."""
    times = pd.date_range("2020-01-06", periods=len(probability), freq="30min", tz="UTC")
    return pd.DataFrame({"probability": probability, "outcome": outcome}, index=times)


def test_trading_measures_count_every_change_and_its_cost():
    """Long in every second bar: each bar it earns one basis point, goes in, and goes out, at twelve a change."""
    count = 336 * 10
    chance = np.random.default_rng(1)
    probability = np.where(np.arange(count) % 2 == 0, 0.6, 0.4)
    predictions = predictions_of(probability, chance.normal(0, 0.01, count))
    following = pd.Series(np.where(probability > 0.5, 1e-4, -2e-4), index=predictions.index)
    measures = evaluate_predictions(predictions, following, 12.0)
    days = (count - 1) / 48
    assert measures.changes_per_day == pytest.approx(count / days)
    assert measures.gross_basis_points_per_day == pytest.approx(count / 2 / days)
    assert measures.net_basis_points_per_day == pytest.approx((count / 2 - 12 * count) / days)
    assert measures.held_basis_points_per_day == pytest.approx(-count / 2 / days)
    assert measures.break_even_basis_points == pytest.approx(0.5)


def test_hit_rates_and_brier_are_what_they_say():
    """Always 70 % sure of a rise, three times in four right."""
    count = 336 * 8
    outcome = np.where(np.arange(count) % 4 == 3, -0.01, 0.01)
    predictions = predictions_of(np.full(count, 0.7), outcome)
    predictions.iloc[0, 0] = 0.71  # one that differs, so that ranks exist
    measures = evaluate_predictions(predictions, predictions["outcome"], 12.0)
    assert measures.hit_rate == measures.always_up_hit_rate == pytest.approx(0.75)
    assert measures.brier == pytest.approx(0.75 * 0.3**2 + 0.25 * 0.7**2, abs=1e-4)
    assert measures.constant_brier == pytest.approx(0.75 * 0.25)
    assert measures.calibration_error == pytest.approx(0.05, abs=1e-2)


def test_what_cannot_be_measured_is_refused():
    """A few weeks say nothing, and a bar without the one after it earned nothing that could be counted."""
    chance = np.random.default_rng(1)
    short = predictions_of(chance.random(336 * 3), chance.normal(0, 1, 336 * 3))
    with pytest.raises(SignalError, match="weeks of predictions say nothing"):
        evaluate_predictions(short, short["outcome"], 12.0)
    long = predictions_of(chance.random(336 * 9), chance.normal(0, 1, 336 * 9))
    with pytest.raises(SignalError, match="the return of the bar after it"):
        evaluate_predictions(long, long["outcome"].iloc[:-1], 12.0)


def test_rank_correlation_is_spearmans():
    """Ties included; something that never changes orders nothing."""
    chance = np.random.default_rng(2)
    one = chance.integers(0, 20, 300).astype(float)
    other = one + chance.normal(0, 10, 300)
    assert rank_correlation(one, other) == pytest.approx(spearmanr(one, other).statistic)
    assert rank_correlation(one, np.ones(300)) == 0.0


def test_newey_west_widens_for_values_that_persist():
    """By hand for four values, lag one; for values that persist, less than the usual t."""
    values = np.array([1.0, 2.0, 4.0, 5.0])
    variance = (4 + 1 + 1 + 4) / 4 + 2 * (1 - 1 / 2) * (2 * 1 - 1 * 1 + 1 * 2) / 4
    assert math.floor(4 * (4 / 100) ** (2 / 9)) == 1
    assert newey_west_t(values) == pytest.approx(3 / math.sqrt(variance / 4))
    chance = np.random.default_rng(3)
    persistent = 0.5 + np.convolve(chance.normal(0, 1, 204), np.ones(5) / 5, "valid")
    usual = persistent.mean() / (persistent.std() / math.sqrt(len(persistent)))
    assert 0 < newey_west_t(persistent) < usual
    assert newey_west_t(np.ones(5)) == 0.0


def test_reliability_bins_are_of_equal_size_and_in_order():
    """What was said rises from bin to bin; a probability that is right has no error, one that is always sure has."""
    chance = np.random.default_rng(4)
    probability = chance.random(5_000)
    rose = chance.random(5_000) < probability
    bins = reliability(probability, rose)
    assert [one.rows for one in bins] == [500] * 10
    assert [one.said for one in bins] == sorted(one.said for one in bins)
    assert calibration_error(bins) < 0.03
    assert calibration_error(reliability(np.where(probability > 0.5, 0.99, 0.01), rose)) > 0.2
    assert calibration_error((Bin(1, 0.5, 1.0), Bin(3, 0.5, 0.5))) == pytest.approx(0.125)
