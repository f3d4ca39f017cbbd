import itertools

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from dagster_project.signals import Schedule, SignalError, forward_returns, momentum_features, probability_by, walk_forward
from dagster_project.signals.walk_forward import folds

SCHEDULE = Schedule(horizon=6, first_training_rows=1_000, test_rows=400)


@given(st.integers(1, 50), st.integers(1, 500), st.integers(1, 300), st.integers(0, 2_000))
def test_no_training_label_reaches_a_test_row(horizon: int, first: int, test: int, more: int):
    """The bars that the last training label looks at end at least an embargo of one horizon before the first test row."""
    rows = first + 2 * horizon + 1 + more
    steps = list(folds(rows, Schedule(horizon=horizon, first_training_rows=first, test_rows=test)))
    for step in steps:
        last_label_ends = step.train_stop - 1 + horizon
        assert last_label_ends + horizon < step.test_start
        assert step.train_stop >= first
    assert steps[-1].test_stop == rows
    assert all(one.test_stop == other.test_start for one, other in itertools.pairwise(steps))


def test_the_future_changes_no_prediction(make_bars):
    """Bars after a test row, and labels that reach past it, move neither the scaler nor the weights that predicted it."""
    bars = make_bars(4_000, seed=1)
    other = bars.copy()
    other.iloc[3_000:] *= 7.0
    told = [walk_forward(momentum_features(one), forward_returns(one, 6), SCHEDULE) for one in (bars, other)]
    unseen = bars.index[3_000]
    before = [one.predictions.loc[one.predictions.index < unseen, "probability"] for one in told]
    assert len(before[0]) > 1_000
    assert before[0].equals(before[1])
    early = sum(one.trained_until < unseen.value for one in told[0].weights)
    assert told[0].weights[:4] == told[1].weights[:4]
    assert early >= 4


def test_the_scaler_knows_the_training_rows_and_no_others(make_bars):
    """Mean and scale of each fit are those of its training rows."""
    bars = make_bars(3_000, seed=2)
    features, outcomes = momentum_features(bars), forward_returns(bars, 6)
    walked = walk_forward(features, outcomes, SCHEDULE)
    rows = features.loc[features.index.intersection(outcomes.index)]
    for step, weights in zip(folds(len(rows), SCHEDULE), walked.weights, strict=True):
        training = rows.iloc[: step.train_stop]
        assert weights.training_rows == len(training)
        assert weights.trained_until == training.index[-1].value
        assert np.allclose(weights.mean, training.mean().to_numpy())
        assert np.allclose(weights.scale, training.std(ddof=0).to_numpy())


def test_stored_weights_predict_without_the_library(make_bars):
    """The numbers in the file are the whole model: plain arithmetic gives the same probability."""
    bars = make_bars(2_500, seed=3)
    features = momentum_features(bars)
    walked = walk_forward(features, forward_returns(bars, 6), SCHEDULE)
    last = walked.predictions.iloc[-1]
    assert probability_by(walked.weights[-1], features.loc[last.name].tolist()) == pytest.approx(last["probability"], abs=1e-12)


def test_it_gives_the_same_numbers_each_time(make_bars):
    """Nothing in it is left to chance."""
    bars = make_bars(2_500, seed=4)
    one, other = (walk_forward(momentum_features(bars), forward_returns(bars, 6), SCHEDULE) for _ in range(2))
    assert one.weights == other.weights
    assert one.predictions.equals(other.predictions)


def test_too_little_is_refused(make_bars):
    """Too few rows, and labels that are all the same, are named."""
    bars = make_bars(1_100, seed=5)
    with pytest.raises(SignalError, match="needs more than 1012 rows"):
        walk_forward(momentum_features(bars), forward_returns(bars, 6), SCHEDULE)
    bars = make_bars(2_000, seed=5)
    with pytest.raises(SignalError, match="all have the same label"):
        walk_forward(momentum_features(bars), forward_returns(bars, 6).abs(), SCHEDULE)
