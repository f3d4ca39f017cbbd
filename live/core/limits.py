"""Limits: the bounds every order is checked against, part of the bundle, refused when absurdly loose.

Merrill (2016) had limits of 250 million dollars an order: present, and useless. So a limit set is refused when it is
missing a bound, contradicts itself, or exceeds what any strategy here can need; the ceilings below say why.
"""

from collections.abc import Mapping
from typing import Any, cast

import msgspec

from live.core.decimals import LARGEST_INTEGER, MONEY_SCALE, format_scaled, parse_scaled
from live.core.errors import LimitError
from live.core.instruments import Instrument

SECOND = 1_000_000_000

CEILING_NOTIONAL = 10_000_000 * 10**MONEY_SCALE
"""No position of more than ten million quote units: beyond that a person must first change this line."""
CEILING_OPEN_ORDERS = 200
"""Binance Spot allows 200 open orders a symbol (filter MAX_NUM_ORDERS)."""
CEILING_ORDERS_PER_MINUTE = 300
"""Half of Binance Spot's 100 orders in 10 s, so that cancels always have budget left."""
CEILING_PRICE_COLLAR_PPM = 100_000
"""A price 10 % away from the market is an error, not an opinion."""
CEILING_DATA_AGE = 26 * 3600 * SECOND
"""One daily bar and two hours: data older than that says nothing about now."""


class Limits(msgspec.Struct, frozen=True, gc=False, array_like=True):
    """Bound what one strategy may do.

    Attributes:
        maximum_order_quantity: largest order for each allowed instrument, in quantity units.
        maximum_order_notional: largest order value, money units of the quote asset.
        maximum_position_notional: largest worst-case position value over open orders, money units.
        maximum_open_orders: most orders alive at once, unknown ones included.
        maximum_orders_per_minute: most new orders in any 60 s.
        maximum_daily_loss: realised and unrealised loss since 00:00 UTC at which entries stop, money units.
        price_collar_ppm: largest distance from each of two reference prices, parts per million.
        maximum_data_age: oldest market data an order may rest on, nanoseconds by venue time.
    """

    maximum_order_quantity: dict[str, int]
    maximum_order_notional: int
    maximum_position_notional: int
    maximum_open_orders: int
    maximum_orders_per_minute: int
    maximum_daily_loss: int
    price_collar_ppm: int
    maximum_data_age: int


_SCALARS: dict[str, int] = {
    "maximum_order_notional": CEILING_NOTIONAL,
    "maximum_position_notional": CEILING_NOTIONAL,
    "maximum_open_orders": CEILING_OPEN_ORDERS,
    "maximum_orders_per_minute": CEILING_ORDERS_PER_MINUTE,
    "maximum_daily_loss": CEILING_NOTIONAL,
    "price_collar_ppm": CEILING_PRICE_COLLAR_PPM,
    "maximum_data_age": CEILING_DATA_AGE,
}
SCALAR_LIMITS = tuple(_SCALARS)


def check_ceilings(limits: Limits) -> None:
    """Refuse a limit that is not positive or above its ceiling; the combination of several sets need hold to no more.

    Raises:
        LimitError: naming the limit, what was received and the ceiling.
    """
    for name, ceiling in _SCALARS.items():
        value: int = getattr(limits, name)
        if value <= 0:
            raise LimitError(f"limit {name} must be positive, received {value}: a strategy that may do nothing needs no limit set")
        if value > ceiling:
            raise LimitError(
                f"limit {name} is absurdly loose: received {value}, the ceiling is {ceiling}; choose a limit that can be reached"
            )
    for instrument_id, quantity in limits.maximum_order_quantity.items():
        if not 0 < quantity <= LARGEST_INTEGER:
            raise LimitError(f"limit maximum_order_quantity of {instrument_id} must be positive and fit 62 bits, received {quantity}")


def check_limits(limits: Limits) -> None:
    """Refuse a limit set that limits nothing.

    Raises:
        LimitError: a limit is not positive, above its ceiling, or contradicts another one.
    """
    check_ceilings(limits)
    if not limits.maximum_order_quantity:
        raise LimitError("limit maximum_order_quantity names no instrument: an empty list denies everything, name each instrument")
    if limits.maximum_order_notional > limits.maximum_position_notional:
        raise LimitError("limit maximum_order_notional exceeds maximum_position_notional: one order could never be that large, lower it")
    if limits.maximum_daily_loss > limits.maximum_position_notional:
        raise LimitError("limit maximum_daily_loss exceeds maximum_position_notional: it could never be reached, lower it")


def tightest(first: Limits, *others: Limits) -> Limits:
    """Combine limit sets into the one that satisfies all: each value the smallest, instruments the ones all allow."""
    result = first
    for other in others:
        shared = {
            instrument_id: min(quantity, other.maximum_order_quantity[instrument_id])
            for instrument_id, quantity in result.maximum_order_quantity.items()
            if instrument_id in other.maximum_order_quantity
        }
        result = Limits(shared, *(min(getattr(result, name), getattr(other, name)) for name in SCALAR_LIMITS))
    return result


def parse_limits(table: Mapping[str, Any], instruments: Mapping[str, Instrument]) -> Limits:
    """Read limits from a TOML table with money and quantities as decimal text, and check them.

    The table has the keys of `Limits`, with `maximum_data_age_seconds` in place of `maximum_data_age`.

    Raises:
        LimitError: a key is missing or unknown, an instrument is unknown, a value is malformed or absurd.
    """
    wanted = {"maximum_order_quantity", "maximum_data_age_seconds", *SCALAR_LIMITS} - {"maximum_data_age"}
    if missing := sorted(wanted - set(table)):
        raise LimitError(f"limit {missing[0]} is missing: every limit must be given, a missing one denies all trading")
    if unknown := sorted(set(table) - wanted):
        raise LimitError(f"limit {unknown[0]} is not known: the limits are {', '.join(sorted(wanted))}")
    quantities_table = table["maximum_order_quantity"]
    if not isinstance(quantities_table, Mapping):
        raise LimitError(f"limit maximum_order_quantity must be a table of instrument id = quantity, received {quantities_table!r}")
    quantities: dict[str, int] = {}
    for instrument_id, text in cast("Mapping[str, Any]", quantities_table).items():
        if instrument_id not in instruments:
            raise LimitError(
                f"limit maximum_order_quantity names the unknown instrument {instrument_id!r}: known are {', '.join(instruments)}"
            )
        quantities[instrument_id] = _decimal(f"maximum_order_quantity of {instrument_id}", text, instruments[instrument_id].quantity_scale)
    limits = Limits(
        maximum_order_quantity=quantities,
        maximum_order_notional=_decimal("maximum_order_notional", table["maximum_order_notional"], MONEY_SCALE),
        maximum_position_notional=_decimal("maximum_position_notional", table["maximum_position_notional"], MONEY_SCALE),
        maximum_open_orders=_whole("maximum_open_orders", table["maximum_open_orders"]),
        maximum_orders_per_minute=_whole("maximum_orders_per_minute", table["maximum_orders_per_minute"]),
        maximum_daily_loss=_decimal("maximum_daily_loss", table["maximum_daily_loss"], MONEY_SCALE),
        price_collar_ppm=_whole("price_collar_ppm", table["price_collar_ppm"]),
        maximum_data_age=_whole("maximum_data_age_seconds", table["maximum_data_age_seconds"]) * SECOND,
    )
    check_limits(limits)
    return limits


def describe_limits(limits: Limits, instruments: Mapping[str, Instrument]) -> dict[str, Any]:
    """Write limits as the TOML-shaped table that `parse_limits` reads."""
    return {
        "maximum_order_quantity": {
            instrument_id: format_scaled(quantity, instruments[instrument_id].quantity_scale)
            for instrument_id, quantity in limits.maximum_order_quantity.items()
        },
        "maximum_order_notional": format_scaled(limits.maximum_order_notional, MONEY_SCALE),
        "maximum_position_notional": format_scaled(limits.maximum_position_notional, MONEY_SCALE),
        "maximum_open_orders": limits.maximum_open_orders,
        "maximum_orders_per_minute": limits.maximum_orders_per_minute,
        "maximum_daily_loss": format_scaled(limits.maximum_daily_loss, MONEY_SCALE),
        "price_collar_ppm": limits.price_collar_ppm,
        "maximum_data_age_seconds": limits.maximum_data_age // SECOND,
    }


def _decimal(name: str, value: object, scale: int) -> int:
    if not isinstance(value, str):
        raise LimitError(f'limit {name} must be decimal text such as "1000.00", received {value!r}')
    try:
        return parse_scaled(value, scale)
    except ValueError as error:
        raise LimitError(f"limit {name}: {error}") from None


def _whole(name: str, value: object) -> int:
    if not isinstance(value, int) or isinstance(value, bool):
        raise LimitError(f"limit {name} must be a whole number, received {value!r}")
    return value
