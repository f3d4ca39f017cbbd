"""Portfolio: from what a strategy wants to the one order that gets there. Pure functions; the engine acts on the answer."""

from math import isfinite
from typing import final

import msgspec

from live.core.decimals import LARGEST_INTEGER, PARTS_PER_MILLION, Number, round_to_step, truncate_toward_zero
from live.core.entities import Order, Target
from live.core.instruments import Instrument
from live.core.vocabulary import OrderType, Side, TimeInForce

_BUY, _SELL = Side.BUY, Side.SELL  # a module's own names cost a fifth of an enumeration's

LONGEST_RETRY_WAIT = 64
"""Bars between tries of an exit that keeps failing; the wait doubles from one bar up to this."""


LARGEST_FRACTION = 100.0
"""Share of equity beyond which a wish is a mistake: a cash account can hold no more than 1."""


@final
class Wish(msgspec.Struct, frozen=True, gc=False):
    """Hold what a strategy asked for, as it said it."""

    instrument_id: str
    units: int | None
    fraction: float | None
    limit_price: Number | None
    reason: str

    def requested(self) -> str:
        """Write the wish down for the decision record."""
        return f"{self.units} units" if self.units is not None else f"fraction {self.fraction!r}"

    @property
    def is_finite(self) -> bool:
        """Tell whether every number in the wish is finite."""
        fraction, price = self.fraction, self.limit_price
        return (fraction is None or isfinite(fraction)) and (price is None or isfinite(price))

    def in_range(self, instrument: Instrument) -> bool:
        """Tell whether every number in a finite wish is one that can be meant and recorded."""
        return (
            (self.units is None or -LARGEST_INTEGER <= self.units <= LARGEST_INTEGER)
            and (self.fraction is None or -LARGEST_FRACTION <= self.fraction <= LARGEST_FRACTION)
            and (self.limit_price is None or abs(self.limit_price) * 10**instrument.price_scale < LARGEST_INTEGER)
        )


class Plan(msgspec.Struct, frozen=True, gc=False):
    """Say what to do about a target: cancel these orders, or send one order, or nothing."""

    cancels: tuple[Order, ...] = ()
    side: Side | None = None
    quantity: int = 0
    order_type: OrderType = OrderType.MARKET
    time_in_force: TimeInForce = TimeInForce.IMMEDIATE_OR_CANCEL
    limit_price: int | None = None


NOTHING = Plan()


def target_units(wish: Wish, equity: int, price: int, instrument: Instrument, fee_ppm: int = 0) -> int:
    """Turn a finite wish into signed quantity units on the lot, rounded toward zero.

    A fraction is taken in whole parts per million of `equity` (money units) at `price` (price units), with a fee of
    `fee_ppm` parts per million of the notional inside it; of an account that is worth nothing, every fraction is nothing.
    """
    units = wish.units
    if units is None:
        if not wish.fraction or equity <= 0:
            return 0
        parts = int(wish.fraction * PARTS_PER_MILLION)
        value = truncate_toward_zero(equity * parts, PARTS_PER_MILLION + fee_ppm)
        units = instrument.quantity_worth(value, price)
    return on_lot(units, instrument.lot_size)


def on_lot(units: int, lot_size: int) -> int:
    """Round signed quantity units to the lot, toward zero."""
    return units - units % lot_size if units >= 0 else units + -units % lot_size


def limit_price_units(wish: Wish, *, buying: bool, instrument: Instrument) -> int | None:
    """Turn a finite wished limit price into price units on the tick, rounded so that it is never worse than asked."""
    if wish.limit_price is None:
        return None
    return round_to_step(wish.limit_price, instrument.price_scale, instrument.tick_size, up=not buying)


def plan(target: Target, position: int, live_orders: list[Order], lot_size: int, largest_exit: int) -> Plan:
    """Find the next step from a position and its live orders to a target.

    One order at a time: an order that no longer serves the target is canceled first, and its end asks again. An entry
    is tried once a decision, so that a refusal is not hammered; an exit is tried until the position is out, in orders of
    at most `largest_exit`, since a position may have outgrown what one order may be.
    """
    missing = target.units - position
    side, distance = (_BUY, missing) if missing > 0 else (_SELL, -missing)
    quantity = largest_exit if position and largest_exit < distance and is_exit(target.units, position) else distance
    quantity -= quantity % lot_size
    if live_orders:
        only = live_orders[0]
        fits = only.remaining == quantity or (only.remaining <= distance and quantity == largest_exit)
        serves = len(live_orders) == 1 and only.side is side and only.limit_price == target.limit_price and fits
        return NOTHING if serves else Plan(cancels=tuple(live_orders))
    if quantity == 0 or (target.tried and not is_exit(target.units, position)):
        return NOTHING
    if target.limit_price is None:
        return Plan((), side, quantity)
    return Plan((), side, quantity, OrderType.LIMIT, TimeInForce.GOOD_TILL_CANCELED, target.limit_price)


def is_exit(target: int, position: int) -> bool:
    """Tell whether reaching the target only brings the position nearer to zero."""
    return 0 <= target < position or position < target <= 0
