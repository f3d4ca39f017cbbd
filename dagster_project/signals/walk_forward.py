"""Walk-forward training: at each step fit on the past alone, predict the next stretch, and go on.

Between the last training row and the first test row lies a gap: the *purge*, so that no label of a training row reaches into
the test rows, and the *embargo*, since rows close by are alike. See López de Prado, "Advances in Financial Machine
Learning" (2018), chapter 7.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, NamedTuple

import msgspec

from dagster_project.signals.errors import SignalError

if TYPE_CHECKING:
    import numpy as np
    import pandas as pd
    from sklearn.pipeline import Pipeline

REGULARISATION = 0.1
"""`C` of the logistic regression; small, since daily noise is large against any effect."""
MAXIMUM_ITERATIONS = 1_000


class Schedule(msgspec.Struct, frozen=True, kw_only=True):
    """Say how far each step goes, in rows.

    Attributes:
        horizon: bars that a label looks ahead; purge and embargo are each as long.
        first_training_rows: rows that the first fit has at least.
        test_rows: rows that each step predicts.
    """

    horizon: int
    first_training_rows: int
    test_rows: int


class Fold(NamedTuple):
    """Name one step by row numbers: it trains on rows [0, train_stop) and predicts [test_start, test_stop)."""

    train_stop: int
    test_start: int
    test_stop: int


class Weights(msgspec.Struct, frozen=True, kw_only=True):
    """Hold what one fit found, as numbers that need no library to be read.

    Attributes:
        trained_until: closing time of the last training row, nanoseconds UTC.
        training_rows: how many there were.
        features: names, in the order of the lists.
        mean: of each feature over the training rows.
        scale: standard deviation of each feature over the training rows.
        coefficients: of each standardised feature.
        intercept: log odds of a rise when every feature is at its mean.
    """

    trained_until: int
    training_rows: int
    features: tuple[str, ...]
    mean: tuple[float, ...]
    scale: tuple[float, ...]
    coefficients: tuple[float, ...]
    intercept: float


@dataclass(frozen=True)
class WalkForward:
    """Hold what walking forward gave.

    Attributes:
        predictions: of each test row, under its closing time: `probability` of a rise over the horizon, `outcome` (the return
            that followed) and `fold`.
        weights: of each fit, in order of time.
    """

    predictions: pd.DataFrame
    weights: tuple[Weights, ...]


def folds(rows: int, schedule: Schedule) -> Iterator[Fold]:
    """Give the steps over so many rows, in order of time.

    Raises:
        SignalError: there are not enough rows for one step.
    """
    gap = 2 * schedule.horizon
    start = schedule.first_training_rows + gap
    if min(schedule.horizon, schedule.first_training_rows, schedule.test_rows) < 1 or start >= rows:
        raise SignalError(
            f"walking forward needs more than {start} rows to train on {schedule.first_training_rows} and keep a gap of {gap}, "
            f"received {rows}: take a longer dataset, or a smaller first_training_rows"
        )
    while start < rows:
        stop = min(start + schedule.test_rows, rows)
        yield Fold(start - gap, start, stop)
        start = stop


def walk_forward(features: pd.DataFrame, outcomes: pd.Series, schedule: Schedule) -> WalkForward:
    """Train and predict step by step over the rows that have both features and an outcome.

    Args:
        features: one row a bar, known at its close.
        outcomes: the return over the horizon that followed each bar.
        schedule: how far each step goes.

    Raises:
        SignalError: there are not enough rows, or returns of one sign only to learn from.
    """
    import pandas as pd

    both = features.index.intersection(outcomes.index)
    inputs, returns = features.loc[both], outcomes.loc[both]
    labels = (returns > 0).to_numpy()
    parts: list[pd.DataFrame] = []
    weights: list[Weights] = []
    for number, fold in enumerate(folds(len(both), schedule)):
        training = inputs.iloc[: fold.train_stop]
        model = fit(training, labels[: fold.train_stop])
        test = inputs.iloc[fold.test_start : fold.test_stop]
        probability = model.predict_proba(test.to_numpy())[:, 1]
        outcome = returns.iloc[fold.test_start : fold.test_stop]
        parts.append(pd.DataFrame({"probability": probability, "outcome": outcome, "fold": number}, index=test.index))
        weights.append(_weights_of(model, training))
    return WalkForward(pd.concat(parts), tuple(weights))


def fit(training: pd.DataFrame, labels: np.ndarray) -> Pipeline:
    """Fit scaler and logistic regression on training rows and nothing else.

    Raises:
        SignalError: all labels are the same.
    """
    from sklearn.linear_model import LogisticRegression
    from sklearn.pipeline import make_pipeline
    from sklearn.preprocessing import StandardScaler
    from threadpoolctl import threadpool_limits

    if labels.all() or not labels.any():
        raise SignalError(f"{len(labels)} training rows all have the same label: take more rows, or another horizon")
    model = make_pipeline(StandardScaler(), LogisticRegression(C=REGULARISATION, max_iter=MAXIMUM_ITERATIONS))
    # How many threads share a sum decides its last bits; and for so few columns one is the fastest.
    with threadpool_limits(limits=1):
        return model.fit(training.to_numpy(), labels)


def probability_by(weights: Weights, row: Sequence[float]) -> float:
    """Give the probability of a rise from stored weights alone, as a strategy on the live host would."""
    import math

    standardised = ((value - mean) / scale for value, mean, scale in zip(row, weights.mean, weights.scale, strict=True))
    odds = weights.intercept + sum(one * value for one, value in zip(weights.coefficients, standardised, strict=True))
    return 1.0 / (1.0 + math.exp(-odds))


def _weights_of(model: Pipeline, training: pd.DataFrame) -> Weights:
    scaler: Any = model[0]
    regression: Any = model[-1]
    return Weights(
        trained_until=int(training.index[-1].value),
        training_rows=len(training),
        features=tuple(training.columns),
        mean=tuple(scaler.mean_.tolist()),
        scale=tuple(scaler.scale_.tolist()),
        coefficients=tuple(regression.coef_[0].tolist()),
        intercept=float(regression.intercept_[0]),
    )
