"""Memory: does a strategy earn by recognising the very history it is judged on?

A table of what happened next needs no date. It may be keyed by the close before, by a volume, by a hash of the bar, or by a
day of the year, and nothing that is cut off or moved by whole calendars changes what it says. So the strategy is replayed
twice more, on histories in which everything an honest rule lives on is still there and the keys of a table are not:

- jitter: every price is moved at random by up to a twentieth of the instrument's usual move, volumes by up to 5 %;
- weeks: all of history 28 years and 13 weeks later, so hours and weekdays are what they were and dates are not.

Both begin a twentieth of history later, so that whoever finds no key cannot fall back on counting bars from the start.

Rules that hang on such details are legal: a coin may be flipped by the digits of a price. What is refused is an edge that
goes away with them. After each bar d = (exposure - exposure on the other history) x (next return of the true history, less
its mean); sum(d) / sqrt(sum(d^2)) is then within 5 standard errors for a strategy that knows nothing of the next return,
since a self-normalised martingale goes beyond x with a probability under exp(-x^2 / 2) (de la Peña, "A General Class of
Exponential Inequalities for Martingales and Ratios", 1999).
"""

import math
from statistics import fmean

from dagster_project.gates.probing import History, Recording


def lost_edge(history: History, whole: Recording, other: Recording, left_out: int, counts_from: int) -> float:
    """Give by how many standard errors the whole run earned more than the run on another history, on the returns of the true one.

    Args:
        history: the true one.
        whole: the run on it.
        other: the run on another history.
        left_out: bars of the true history before the first of the other.
        counts_from: index of the first bar of the true history that counts.
    """
    wanted, instead = _exposures(history, whole, 0), _exposures(history, other, left_out)
    returns = _next_returns(history)
    differences = [
        (one - another) * returns[index]
        for index, (one, another) in enumerate(zip(wanted, instead, strict=True))
        if index >= counts_from and one != another
    ]
    squares = math.fsum(value * value for value in differences)
    return math.fsum(differences) / math.sqrt(squares) if squares > 0.0 else 0.0


def _next_returns(history: History) -> list[float]:
    """Give, at each bar, the return of its instrument to its next bar, less the instrument's mean; 0 at the last."""
    result = [0.0] * len(history)
    last: dict[str, int] = {}
    members: dict[str, list[int]] = {}
    for index, bar in enumerate(history.bars):
        if (before := last.get(bar.instrument_id)) is not None:
            result[before] = bar.close / history.bars[before].close - 1.0
            members.setdefault(bar.instrument_id, []).append(before)
        last[bar.instrument_id] = index
    for indices in members.values():
        mean = fmean(result[index] for index in indices)
        for index in indices:
            result[index] -= mean
    return result


def _exposures(history: History, recording: Recording, left_out: int) -> list[float]:
    """Give, at each bar, the target that stands for its instrument: a share of equity, or units at the bar's true close."""
    standing: dict[str, tuple[float, bool]] = {}
    result = [0.0] * len(history)
    for step, said in zip(recording.steps, recording.said, strict=True):
        for target in said:
            wanted = target.fraction if target.units is None else target.units
            standing[target.instrument_id] = (_finite(wanted), target.units is not None)
        if step.fill is None:
            bar = history.bars[step.bar + left_out]
            amount, in_units = standing.get(bar.instrument_id, (0.0, False))
            result[step.bar + left_out] = amount * bar.close if in_units else amount
    return result


def _finite(wanted: float) -> float:
    """Take a wish that is no finite number for none, as the engine does."""
    return float(wanted) if math.isfinite(wanted) else 0.0
