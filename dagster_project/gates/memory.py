"""Memory: does a strategy earn by recognising the very history it is judged on?

A table of what happened next needs no date. It may be keyed by the close before, by a volume, by a hash of the bar, or by a
day of the year, and nothing that is cut off or moved by whole calendars changes what it says. So the strategy is replayed
twice more, on histories in which everything an honest rule lives on is still there and the keys of a table are not:

- jitter: every price is moved at random by up to a twentieth of the instrument's usual move, volumes by up to 5 %;
- weeks: all of history 28 years and 13 weeks later, so hours and weekdays are what they were and dates are not.

Both begin a twentieth of history later, so that whoever finds no key cannot fall back on counting bars from the start.

What is wanted is what is known at the bar: of explicit orders those count that can fill at its close, and a resting one
counts once it has filled.

Rules that hang on such details are legal: a coin may be flipped by the digits of a price. What is refused is an edge that
goes away with them. After each bar d = (exposure - exposure on the other history) x (next return of the true history, less
its mean); sum(d) / sqrt(sum(d^2)) is then within 5 standard errors for a strategy that knows nothing of the next return,
since a self-normalised martingale goes beyond x with a probability under exp(-x^2 / 2) (de la Peña, "A General Class of
Exponential Inequalities for Martingales and Ratios", 1999).
"""

import math
from statistics import fmean

from dagster_project.gates.probing import History, Recording
from dagster_project.gates.witness import Asked, Step, Target
from live.core.decimals import Number
from live.core.vocabulary import OrderType, Side


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
    """Give, at each bar, what is wanted in its instrument: the target that stands, a share of equity or units at the bar's true close.

    Of an instrument that has no target it is what would be held once every order that can fill at this price has filled.
    """
    standing: dict[str, tuple[float, bool]] = {}
    result = [0.0] * len(history)
    latest: dict[str, int] = {}
    for step, said in zip(recording.steps, recording.said, strict=True):
        for one in said:
            if isinstance(one, Target):
                standing[one.instrument_id] = (_finite(one.fraction if one.units is None else one.units), one.units is not None)
        if step.is_bar:
            index = step.bar + left_out
            instrument_id, close = history.bars[index].instrument_id, history.bars[index].close
            latest[instrument_id] = index
            if instrument_id in standing:
                amount, in_units = standing[instrument_id]
                result[index] = amount * close if in_units else amount
            else:
                result[index] = _held_soon(step, instrument_id) * close
        for one in said:
            if isinstance(one, Asked) and one.instrument_id not in standing and (asked_at := latest.get(one.instrument_id)) is not None:
                result[asked_at] += _asked_units(one, step) * history.bars[asked_at].close
    return result


def _held_soon(step: Step, instrument_id: str) -> float:
    """Give the position, in quantity units, with the open orders that can fill at the last price."""
    price = step.facts.last_prices[instrument_id]
    orders = [order for order in step.facts.orders if order.instrument_id == instrument_id]
    can_fill = [order for order in orders if _can_fill(order.order_type, order.side, order.limit_price, price)]
    return step.facts.positions[instrument_id] + sum(_signed(order.side, order.remaining) for order in can_fill)


def _asked_units(asked: Asked, step: Step) -> float:
    """Give the signed quantity of an order that was just asked for and can fill at the last price; 0 for any other request."""
    if asked.call != "submit_order":
        return 0.0
    given, price = asked.given, step.facts.last_prices[asked.instrument_id]
    kind, side = OrderType(given["order_type"]), Side(given["side"])
    return _signed(side, given["quantity"]) if _can_fill(kind, side, given["limit_price"], price) else 0.0


def _can_fill(kind: OrderType, side: Side, limit_price: Number | None, price: float | None) -> bool:
    if kind is OrderType.MARKET:
        return True
    if kind is not OrderType.LIMIT or limit_price is None or price is None:
        return False
    return limit_price >= price if side is Side.BUY else limit_price <= price


def _signed(side: Side, quantity: int) -> float:
    return float(quantity if side is Side.BUY else -quantity)


def _finite(wanted: float) -> float:
    """Take a wish that is no finite number for none, as the engine does."""
    return float(wanted) if math.isfinite(wanted) else 0.0
