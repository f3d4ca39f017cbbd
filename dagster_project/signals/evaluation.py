"""Evaluation of a signal: does its probability say anything about what followed, out of sample and after costs?"""

from __future__ import annotations

from typing import TYPE_CHECKING

import msgspec

from dagster_project.signals.errors import SignalError

if TYPE_CHECKING:
    import numpy as np
    import pandas as pd

BINS = 10
PERIOD = "7D"
"""Stretch over which one information coefficient is taken; weeks of half-hour bars have 336."""
MINIMUM_PERIODS = 8


class Bin(msgspec.Struct, frozen=True):
    """Compare what was said with what happened among rows of like probability: their number, the mean said, the share that rose."""

    rows: int
    said: float
    rose: float


class Measures(msgspec.Struct, frozen=True, kw_only=True):
    """State what a signal was worth on rows it was not trained on.

    Attributes:
        rows: how many.
        information_coefficient: rank correlation (Spearman) of probability and return, over all rows.
        weekly_mean: mean of the coefficients of single weeks.
        weekly_ratio: that mean over its standard deviation (ICIR); 0.0 when all weeks are alike, as with a constant probability.
        newey_west_t: that mean over its standard error under autocorrelation.
        weeks: how many there were.
        hit_rate: share of rows whose direction was right; probability above one half says up.
        always_up_hit_rate: the same for saying up always.
        brier: mean squared error of the probability.
        constant_brier: the same for always saying the share that rose; no constant does better, and it is known only afterwards.
        calibration_error: mean distance of said and happened over `BINS` bins of equal size (ECE).
        changes_per_day: how often being long while the probability is above one half goes in or out.
        gross_basis_points_per_day: logarithmic return of that a day, before costs.
        net_basis_points_per_day: the same after costs.
        held_basis_points_per_day: of holding always.
        break_even_basis_points: cost of a change at which nothing is left; zero when nothing was earned or nothing changed.
    """

    rows: int
    information_coefficient: float
    weekly_mean: float
    weekly_ratio: float
    newey_west_t: float
    weeks: int
    hit_rate: float
    always_up_hit_rate: float
    brier: float
    constant_brier: float
    calibration_error: float
    changes_per_day: float
    gross_basis_points_per_day: float
    net_basis_points_per_day: float
    held_basis_points_per_day: float
    break_even_basis_points: float


def evaluate_predictions(predictions: pd.DataFrame, next_returns: pd.Series, cost_basis_points: float) -> Measures:
    """Measure predictions against what followed.

    Args:
        predictions: `probability` and `outcome` under their closing time.
        next_returns: logarithmic return over the one bar after each, which is what being long for that bar earns.
        cost_basis_points: what going in or out costs.

    Raises:
        SignalError: there are too few weeks to measure.
    """
    import numpy as np

    probability, outcome = predictions["probability"].to_numpy(), predictions["outcome"].to_numpy()
    rose = outcome > 0
    moved = outcome != 0
    weekly = weekly_coefficients(predictions)
    days = (predictions.index[-1] - predictions.index[0]).total_seconds() / 86_400
    held = probability > 0.5
    following = next_returns.reindex(predictions.index).to_numpy()
    if bool(np.isnan(following).any()):
        raise SignalError("each predicted bar needs the return of the bar after it: drop the last bars")
    # It begins and ends flat: what is open at the end must be closed to count.
    changes = float(np.abs(np.diff(np.concatenate(([False], held, [False])).astype(int))).sum())
    gross = 10_000 * float(following[held].sum())
    return Measures(
        rows=len(predictions),
        information_coefficient=rank_correlation(probability, outcome),
        weekly_mean=float(weekly.mean()),
        weekly_ratio=float(weekly.mean() / weekly.std(ddof=1)) if weekly.std(ddof=1) > 0 else 0.0,
        newey_west_t=newey_west_t(weekly),
        weeks=len(weekly),
        hit_rate=float((held == rose)[moved].mean()),
        always_up_hit_rate=float(rose[moved].mean()),
        brier=float(((probability - rose) ** 2).mean()),
        constant_brier=float(rose.mean() * (1 - rose.mean())),
        calibration_error=calibration_error(reliability(probability, rose)),
        changes_per_day=changes / days,
        gross_basis_points_per_day=gross / days,
        net_basis_points_per_day=(gross - changes * cost_basis_points) / days,
        held_basis_points_per_day=10_000 * float(following.sum()) / days,
        break_even_basis_points=max(0.0, gross / changes) if changes else 0.0,
    )


def rank_correlation(one: np.ndarray, other: np.ndarray) -> float:
    """Give Spearman's rank correlation; 0.0 when either never changes, since it then orders nothing."""
    import numpy as np
    from scipy.stats import rankdata

    ranks = rankdata(one), rankdata(other)
    if ranks[0].std() == 0 or ranks[1].std() == 0:
        return 0.0
    return float(np.corrcoef(*ranks)[0, 1])


def weekly_coefficients(predictions: pd.DataFrame) -> np.ndarray:
    """Give the rank correlation of each week that is at least half full, in order of time.

    Raises:
        SignalError: there are fewer than `MINIMUM_PERIODS` such weeks.
    """
    import numpy as np
    import pandas as pd

    groups = [group for _, group in predictions.groupby(pd.DatetimeIndex(predictions.index).floor(PERIOD))]
    fullest = max(map(len, groups))
    taken = [group for group in groups if 2 * len(group) >= fullest]
    if len(taken) < MINIMUM_PERIODS:
        raise SignalError(f"{len(taken)} weeks of predictions say nothing, {MINIMUM_PERIODS} are needed: take a longer dataset")
    return np.array([rank_correlation(group["probability"].to_numpy(), group["outcome"].to_numpy()) for group in taken])


def newey_west_t(values: np.ndarray) -> float:
    """Give the mean over its standard error under autocorrelation; 0.0 when the values never change.

    Newey and West (1987) with Bartlett weights, and the lag that their paper of 1994 proposes: floor(4 (T / 100)^(2/9)).
    """
    import math

    length = len(values)
    deviations = values - values.mean()
    lags = math.floor(4 * (length / 100) ** (2 / 9))
    variance = float(deviations @ deviations) / length
    for lag in range(1, min(lags, length - 1) + 1):
        variance += 2 * (1 - lag / (lags + 1)) * float(deviations[lag:] @ deviations[:-lag]) / length
    return float(values.mean()) / math.sqrt(variance / length) if variance > 0 else 0.0


def reliability(probability: np.ndarray, rose: np.ndarray) -> tuple[Bin, ...]:
    """Part the rows into `BINS` bins of equal size by probability, and compare what was said with what happened in each."""
    import numpy as np

    order = np.argsort(probability, kind="stable")
    parts = [part for part in np.array_split(order, BINS) if len(part)]
    return tuple(Bin(len(part), float(probability[part].mean()), float(rose[part].mean())) for part in parts)


def calibration_error(bins: tuple[Bin, ...]) -> float:
    """Give the mean distance between said and happened, weighted by rows (Naeini, Cooper and Hauskrecht, 2015)."""
    rows = sum(one.rows for one in bins)
    return sum(one.rows * abs(one.said - one.rose) for one in bins) / rows
