"""The momentum signal: the probability that the price is higher after the horizon, trained walk-forward, and what it is worth."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import msgspec

from dagster_project.signals.errors import SignalError
from dagster_project.signals.evaluation import Bin, Measures, evaluate_predictions, rank_correlation, reliability
from dagster_project.signals.features import LONGEST_LOOK_BACK, forward_returns, momentum_features
from dagster_project.signals.walk_forward import Schedule, WalkForward, walk_forward

if TYPE_CHECKING:
    import pandas as pd

MAXIMUM_CHANCE = 0.05
"""How likely chance may do as well before the signal counts as no better than chance."""


class SignalSettings(msgspec.Struct, frozen=True, kw_only=True):
    """Choose what is trained on and how it is judged.

    Attributes:
        horizon: bars ahead that the signal speaks of; 12 half-hour bars are six hours.
        first_training_rows: bars before the first prediction; 8,640 half-hour bars are 180 days.
        test_rows: bars between two fits; 2,880 half-hour bars are 60 days.
        shuffles: how often the same is done with labels that belong to other bars.
        cost_basis_points: what going in or out costs: 10 of fee and 2 of slippage.
        seed: of the shuffles.
    """

    horizon: int = 12
    first_training_rows: int = 8_640
    test_rows: int = 2_880
    shuffles: int = 20
    cost_basis_points: float = 12.0
    seed: int = 0


@dataclass(frozen=True)
class SignalReport:
    """Hold a signal and what it is worth.

    Attributes:
        settings: how it was trained and judged.
        walked: predictions and weights.
        measures: what the predictions were worth.
        bins: what was said and what happened, by probability.
        shuffled: information coefficient of each run with labels of other bars.
    """

    settings: SignalSettings
    walked: WalkForward
    measures: Measures
    bins: tuple[Bin, ...]
    shuffled: tuple[float, ...]

    @property
    def chance(self) -> float:
        """Give how often labels of other bars did as well, the signal itself counted among them, so never below 1 / (shuffles + 1)."""
        as_good = sum(one >= self.measures.information_coefficient for one in self.shuffled)
        return (1 + as_good) / (1 + len(self.shuffled))

    @property
    def beats_shuffled(self) -> bool:
        """Say whether chance hardly does as well."""
        return self.chance <= MAXIMUM_CHANCE


def evaluate_momentum(bars: pd.DataFrame, settings: SignalSettings) -> SignalReport:
    """Train the signal walk-forward on bars and judge it on rows that it was not trained on.

    Raises:
        SignalError: the bars are not in order, or too few.
    """
    if settings.shuffles < 1 / MAXIMUM_CHANCE - 1:
        raise SignalError(f"{settings.shuffles} shuffles cannot show a chance of {MAXIMUM_CHANCE:.0%}: ask for {1 / MAXIMUM_CHANCE:.0f}")
    schedule = Schedule(horizon=settings.horizon, first_training_rows=settings.first_training_rows, test_rows=settings.test_rows)
    features, outcomes = momentum_features(bars), forward_returns(bars, settings.horizon)
    walked = walk_forward(features, outcomes, schedule)
    predictions = walked.predictions
    rose = predictions["outcome"].to_numpy() > 0
    return SignalReport(
        settings=settings,
        walked=walked,
        measures=evaluate_predictions(predictions, forward_returns(bars, 1), settings.cost_basis_points),
        bins=reliability(predictions["probability"].to_numpy(), rose),
        shuffled=_shuffled(features, outcomes, schedule, settings),
    )


def _shuffled(features: pd.DataFrame, outcomes: pd.Series, schedule: Schedule, settings: SignalSettings) -> tuple[float, ...]:
    """Do the same with labels moved round by a random distance: alike in themselves, overlaps included, yet of other bars."""
    import numpy as np
    import pandas as pd

    both = features.index.intersection(outcomes.index)
    values = outcomes.loc[both].to_numpy()
    nearest = LONGEST_LOOK_BACK + settings.horizon
    if len(values) <= 2 * nearest:
        raise SignalError(f"moving labels by {nearest} rows or more needs over {2 * nearest} rows, received {len(values)}: take more")
    distances = np.random.default_rng(settings.seed).integers(nearest, len(values) - nearest, size=settings.shuffles)
    coefficients: list[float] = []
    for distance in distances:
        moved = pd.Series(np.roll(values, int(distance)), index=both)
        predictions = walk_forward(features.loc[both], moved, schedule).predictions
        coefficients.append(rank_correlation(predictions["probability"].to_numpy(), predictions["outcome"].to_numpy()))
    return tuple(coefficients)
