"""Limits: the bounds every order is checked against, part of the bundle, refused when absurdly loose.

Merrill (2016) had limits of 250 million dollars an order: present, and useless. So a limit set is refused when it is
missing a bound, contradicts itself, or exceeds what any strategy here can need; the ceilings below say why.
"""

from collections.abc import Mapping
from typing import Any, cast

import msgspec
from msgspec.structs import replace

from live.core.decimals import LARGEST_INTEGER, MONEY_SCALE, PARTS_PER_MILLION, format_scaled, parse_scaled
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
CEILING_REFERENCE_COLLAR_PPM = 1_000_000
"""A market at twice the median of its last closes has a wrong price. What is promoted is held to the price collar."""
CEILING_DATA_AGE = 26 * 3600 * SECOND
"""One daily bar and two hours: data older than that says nothing about now."""
CEILING_CANCELS_PER_MINUTE = 600
"""Twice the ceiling of orders: each may be canceled once, and each may take the place of one that was."""
CEILING_EXECUTIONS_PER_HOUR = 30 * CEILING_ORDERS_PER_MINUTE
"""Half of what the ceiling of orders would let trade: a strategy that trades that often for an hour is in a loop."""
CEILING_SPREAD_PPM = 50_000
"""A market whose bid and ask are 5 % apart has no price."""
CEILING_CLOCK_OFFSET = SECOND
"""Binance refuses a request that is stamped a second ahead of its own clock."""
SHORTEST_DUPLICATE_WINDOW = SECOND // 10
"""A loop repeats itself faster than that; a longer window is the tighter one."""
LONGEST_DUPLICATE_WINDOW = 3600 * SECOND
"""An order that looks like one of an hour ago is no duplicate."""

DERIVED = 0
"""The value of a limit that was not given: `complete` derives it from those that were."""


class Limits(msgspec.Struct, frozen=True, gc=False, array_like=True):
    """Bound what one strategy may do.

    Attributes:
        maximum_order_quantity: largest order for each allowed instrument, in quantity units.
        maximum_order_notional: largest order value, money units of the quote asset.
        maximum_position_notional: largest worst-case position value over open orders, money units.
        maximum_open_orders: most orders alive at once, unknown ones included.
        maximum_orders_per_minute: most new orders in any 60 s.
        maximum_daily_loss: realised and unrealised loss since 00:00 UTC at which entries stop, money units.
        price_collar_ppm: largest distance from the last price, parts per million.
        maximum_data_age: oldest market data an order may rest on, nanoseconds by venue time.
        maximum_net_notional: largest worst-case sum of signed position values, money units.
        maximum_instrument_notional: largest worst-case position value in any one instrument, money units.
        maximum_instrument_open_orders: most orders alive at once in any one instrument.
        maximum_cancels_per_minute: most orders the strategy may ask to cancel or replace in any 60 s; kills and operators may always.
        maximum_executions_per_hour: most orders that may trade in any hour of one lease; then a person must arm again.
        maximum_drawdown: loss from the highest profit so far at which entries stop, money units.
        maximum_spread_ppm: widest distance of bid and ask an entry may begin in, parts per million of their middle.
        maximum_slippage_ppm: worst average price a market order may expect, parts per million from the best one.
        maximum_clock_offset: largest distance of our clock from the venue's, its uncertainty included, nanoseconds.
        duplicate_window: how long a live order forbids another one that equals it, nanoseconds.
        requires_quotes: whether an order is denied while no bid and ask are known.
        reference_collar_ppm: largest distance from the slower reference price, the median of the last closes, parts per million.
    """

    maximum_order_quantity: dict[str, int]
    maximum_order_notional: int
    maximum_position_notional: int
    maximum_open_orders: int
    maximum_orders_per_minute: int
    maximum_daily_loss: int
    price_collar_ppm: int
    maximum_data_age: int
    maximum_net_notional: int = DERIVED
    maximum_instrument_notional: int = DERIVED
    maximum_instrument_open_orders: int = DERIVED
    maximum_cancels_per_minute: int = DERIVED
    maximum_executions_per_hour: int = DERIVED
    maximum_drawdown: int = DERIVED
    maximum_spread_ppm: int = DERIVED
    maximum_slippage_ppm: int = DERIVED
    maximum_clock_offset: int = DERIVED
    duplicate_window: int = DERIVED
    requires_quotes: bool = False
    reference_collar_ppm: int = DERIVED


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
"""The limits that every set must give, besides the quantities."""

_LATER: dict[str, int] = {
    "maximum_net_notional": CEILING_NOTIONAL,
    "maximum_instrument_notional": CEILING_NOTIONAL,
    "maximum_instrument_open_orders": CEILING_OPEN_ORDERS,
    "maximum_cancels_per_minute": CEILING_CANCELS_PER_MINUTE,
    "maximum_executions_per_hour": CEILING_EXECUTIONS_PER_HOUR,
    "maximum_drawdown": CEILING_NOTIONAL,
    "maximum_spread_ppm": CEILING_SPREAD_PPM,
    "maximum_slippage_ppm": CEILING_PRICE_COLLAR_PPM,
    "maximum_clock_offset": CEILING_CLOCK_OFFSET,
    "duplicate_window": LONGEST_DUPLICATE_WINDOW,
    "reference_collar_ppm": CEILING_REFERENCE_COLLAR_PPM,
}
LATER_LIMITS = tuple(_LATER)
"""The limits that a set may leave to `complete`; sets of before they existed do."""

_BEYOND_LIVE = {"price_collar_ppm": PARTS_PER_MILLION - 1}
"""What still bounds a replay beyond the ceilings: with a collar of all of the price, a sell would be worth nothing at worst."""


def complete(limits: Limits) -> Limits:
    """Derive every limit that was not given from those that were; the one place where that is decided.

    - net, one instrument and drawdown: the largest position; none of them can do more harm than all of it;
    - open orders of an instrument: all the open orders;
    - cancels a minute: everything that is alive and everything that can be sent within that minute, once;
    - executions an hour: half of what the order rate would allow, so that a strategy that only ever trades is stopped;
    - spread: a fifth of the collar; slippage: half of it; each ends an order before the collar would;
    - clock offset: 250 milliseconds, half of what a request to a venue usually has to spare;
    - duplicate window: 5 seconds;
    - distance from the slower reference: the collar.
    """
    position = limits.maximum_position_notional
    derived = {
        "maximum_net_notional": position,
        "maximum_instrument_notional": position,
        "maximum_instrument_open_orders": limits.maximum_open_orders,
        "maximum_cancels_per_minute": limits.maximum_orders_per_minute + limits.maximum_open_orders,
        "maximum_executions_per_hour": 30 * limits.maximum_orders_per_minute,
        "maximum_drawdown": position,
        "maximum_spread_ppm": max(1, limits.price_collar_ppm // 5),
        "maximum_slippage_ppm": max(1, limits.price_collar_ppm // 2),
        "maximum_clock_offset": SECOND // 4,
        "duplicate_window": 5 * SECOND,
        "reference_collar_ppm": limits.price_collar_ppm,
    }
    return replace(limits, **{name: value for name, value in derived.items() if getattr(limits, name) == DERIVED})


def check_ceilings(limits: Limits, *, beyond_live: bool = False) -> None:
    """Refuse a limit that is not positive or above its ceiling; the combination of several sets need hold to no more.

    Args:
        limits: what to look at.
        beyond_live: hold it only to what can be reckoned with, for a replay: no money is behind it that a ceiling protects.

    Raises:
        LimitError: naming the limit, what was received and the ceiling.
    """
    given = {name: ceiling for name, ceiling in _LATER.items() if getattr(limits, name) != DERIVED}
    ceilings = _SCALARS | given
    if beyond_live:
        ceilings = {name: _BEYOND_LIVE.get(name, LARGEST_INTEGER) for name in ceilings}
    for name, ceiling in ceilings.items():
        value: int = getattr(limits, name)
        if value <= 0:
            raise LimitError(f"limit {name} must be positive, received {value}: a strategy that may do nothing needs no limit set")
        if value > ceiling:
            raise LimitError(
                f"limit {name} is absurdly loose: received {value}, the ceiling is {ceiling}; choose a limit that can be reached"
            )
    if DERIVED != limits.duplicate_window < SHORTEST_DUPLICATE_WINDOW and not beyond_live:
        raise LimitError(
            f"limit duplicate_window is absurdly loose: received {limits.duplicate_window} ns, at least {SHORTEST_DUPLICATE_WINDOW} ns are "
            "needed to see an order come twice"
        )
    for instrument_id, quantity in limits.maximum_order_quantity.items():
        if not 0 < quantity <= LARGEST_INTEGER:
            raise LimitError(f"limit maximum_order_quantity of {instrument_id} must be positive and fit 62 bits, received {quantity}")


_WITHIN = (
    ("maximum_order_notional", "maximum_position_notional"),
    ("maximum_daily_loss", "maximum_position_notional"),
    ("maximum_net_notional", "maximum_position_notional"),
    ("maximum_instrument_notional", "maximum_position_notional"),
    ("maximum_order_notional", "maximum_instrument_notional"),
    ("maximum_instrument_open_orders", "maximum_open_orders"),
    ("maximum_daily_loss", "maximum_drawdown"),
    ("maximum_spread_ppm", "price_collar_ppm"),
    ("maximum_slippage_ppm", "price_collar_ppm"),
    ("reference_collar_ppm", "price_collar_ppm"),
)
"""Pairs of which the first could never be reached above the second, or must not lie above it."""


def check_limits(limits: Limits, *, beyond_live: bool = False) -> None:
    """Refuse a limit set that limits nothing.

    Args:
        limits: what to look at.
        beyond_live: see `check_ceilings`.

    Raises:
        LimitError: a limit is not positive, above its ceiling, or contradicts another one.
    """
    check_ceilings(limits, beyond_live=beyond_live)
    if not limits.maximum_order_quantity:
        raise LimitError("limit maximum_order_quantity names no instrument: an empty list denies everything, name each instrument")
    whole = complete(limits)
    for name, bound in _WITHIN:
        if getattr(whole, name) > getattr(whole, bound):
            raise LimitError(f"limit {name} exceeds {bound}: it could never be reached, lower it")
    if limits.maximum_executions_per_hour > 60 * limits.maximum_orders_per_minute:
        raise LimitError(
            "limit maximum_executions_per_hour exceeds 60 times maximum_orders_per_minute: it could never be reached, lower it"
        )


def tightest(first: Limits, *others: Limits) -> Limits:
    """Combine limit sets into the one that satisfies all: each value the tightest, instruments the ones all allow.

    What no set gives stays derived; where one set gives a limit, the others count with what `complete` derives for them.
    """
    result = first
    for other in others:
        shared = {
            instrument_id: min(quantity, other.maximum_order_quantity[instrument_id])
            for instrument_id, quantity in result.maximum_order_quantity.items()
            if instrument_id in other.maximum_order_quantity
        }
        both, whole = (result, other), (complete(result), complete(other))
        later = {
            name: (max if name == "duplicate_window" else min)(getattr(one, name) for one in whole)
            for name in LATER_LIMITS
            if any(getattr(one, name) != DERIVED for one in both)
        }
        result = Limits(
            shared,
            *(min(getattr(one, name) for one in both) for name in SCALAR_LIMITS),
            **later,
            requires_quotes=any(one.requires_quotes for one in both),
        )
    return result


_MILLISECOND = SECOND // 1_000
_KEYS = {
    "maximum_data_age": ("maximum_data_age_seconds", SECOND),
    "maximum_clock_offset": ("maximum_clock_offset_milliseconds", _MILLISECOND),
    "duplicate_window": ("duplicate_window_milliseconds", _MILLISECOND),
}
"""Limits that a table gives under another name, in another unit: that unit in nanoseconds."""


def parse_limits(table: Mapping[str, Any], instruments: Mapping[str, Instrument], *, beyond_live: bool = False) -> Limits:
    """Read limits from a TOML table with money and quantities as decimal text, and check them.

    The table has the keys of `Limits`, with `maximum_data_age_seconds`, `maximum_clock_offset_milliseconds` and
    `duplicate_window_milliseconds` in place of the limits in nanoseconds. The later limits may be left out, see `complete`.
    What `beyond_live` means, `check_ceilings` says.

    Raises:
        LimitError: a key is missing or unknown, an instrument is unknown, a value is malformed or absurd.
    """
    wanted = {"maximum_order_quantity", *(_key(name) for name in SCALAR_LIMITS)}
    known = {*wanted, *(_key(name) for name in LATER_LIMITS), "requires_quotes"}
    if missing := sorted(wanted - set(table)):
        raise LimitError(f"limit {missing[0]} is missing: every limit must be given, a missing one denies all trading")
    if unknown := sorted(set(table) - known):
        raise LimitError(f"limit {unknown[0]} is not known: the limits are {', '.join(sorted(known))}")
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
    requires_quotes = table.get("requires_quotes", False)
    if not isinstance(requires_quotes, bool):
        raise LimitError(f"limit requires_quotes must be true or false, received {requires_quotes!r}")
    given = {name: read_limit(name, table[_key(name)]) for name in (*SCALAR_LIMITS, *LATER_LIMITS) if _key(name) in table}
    for name in LATER_LIMITS:
        if given.get(name) == DERIVED:
            raise LimitError(f"limit {_key(name)} must be positive, received {table[_key(name)]!r}: leave it out to have it derived")
    limits = Limits(quantities, **given, requires_quotes=requires_quotes)
    check_limits(limits, beyond_live=beyond_live)
    return limits


def describe_limits(limits: Limits, instruments: Mapping[str, Instrument]) -> dict[str, Any]:
    """Write limits as the TOML-shaped table that `parse_limits` reads, without those that are derived."""
    given = [*SCALAR_LIMITS, *(name for name in LATER_LIMITS if getattr(limits, name) != DERIVED)]
    return {
        "maximum_order_quantity": {
            instrument_id: format_scaled(quantity, instruments[instrument_id].quantity_scale)
            for instrument_id, quantity in limits.maximum_order_quantity.items()
        },
        **{_key(name): write_limit(name, getattr(limits, name)) for name in given},
        **({"requires_quotes": True} if limits.requires_quotes else {}),
    }


def read_limit(name: str, value: object) -> int:
    """Read one limit as a table gives it: money as decimal text, times in the unit of their key, counts as they are.

    Raises:
        LimitError: the value is of another kind.
    """
    key, unit = _KEYS.get(name, (name, 1))
    return _decimal(key, value, MONEY_SCALE) if _is_money(name) else _whole(key, value) * unit


def write_limit(name: str, value: int) -> str | int:
    """Write one limit as `read_limit` reads it."""
    return format_scaled(value, MONEY_SCALE) if _is_money(name) else value // _KEYS.get(name, (name, 1))[1]


def _is_money(name: str) -> bool:
    return name.endswith(("_notional", "_loss", "_drawdown"))


def _key(name: str) -> str:
    return _KEYS.get(name, (name, 1))[0]


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
