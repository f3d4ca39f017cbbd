"""Limits of an account and of a venue: bounds on what all strategies there may do together.

A strategy's limits come with its bundle. Those of an account and a venue come from the host's configuration, as a recorded
input; what is not given there is what the strategies deployed there may do in sum, so no scope is ever without a bound.
Amounts hold for each quote asset by itself: sums of two assets mean nothing.
"""

from collections.abc import Iterable, Mapping
from typing import Any, TypeVar, cast

import msgspec
from msgspec.structs import replace

from live.core.errors import LimitError
from live.core.limits import CEILING_NOTIONAL, CEILING_ORDERS_PER_MINUTE, DERIVED, Limits, complete, read_limit
from live.core.vocabulary import OrderType, TimeInForce

_Member = TypeVar("_Member", OrderType, TimeInForce)

CEILING_SCOPE_NOTIONAL = 10 * CEILING_NOTIONAL
"""Ten strategies at their own ceiling: beyond that a person must first change this line."""
CEILING_SCOPE_OPEN_ORDERS = 1_000
"""More orders than a person can look through when they have to be canceled by hand."""
CEILING_SCOPE_ORDERS_PER_MINUTE = 2 * CEILING_ORDERS_PER_MINUTE
"""Binance Spot's 100 orders in 10 s, which hold for the account."""
CEILING_REQUESTS_PER_MINUTE = 4 * CEILING_ORDERS_PER_MINUTE
"""As many cancels again as orders."""


class ScopeLimits(msgspec.Struct, frozen=True, gc=False, array_like=True):
    """Bound what all strategies of an account or a venue may do together; 0 and None mean not given.

    Attributes:
        maximum_gross_notional: largest worst-case sum of position values, money units.
        maximum_net_notional: largest worst-case sum of signed position values, money units.
        maximum_open_orders: most orders alive at once, unknown ones included.
        maximum_orders_per_minute: most new orders in any 60 s.
        maximum_requests_per_minute: most orders and cancels in any 60 s; an order must leave room to cancel all that are alive.
        maximum_daily_loss: realised and unrealised loss of all strategies since 00:00 UTC at which entries stop, money units.
        maximum_drawdown: sum of all strategies' losses from their highest profits at which entries stop, money units.
        order_types: the types that are supported; every one when None.
        times_in_force: the times in force that are supported; every one when None.
    """

    maximum_gross_notional: int = DERIVED
    maximum_net_notional: int = DERIVED
    maximum_open_orders: int = DERIVED
    maximum_orders_per_minute: int = DERIVED
    maximum_requests_per_minute: int = DERIVED
    maximum_daily_loss: int = DERIVED
    maximum_drawdown: int = DERIVED
    order_types: tuple[OrderType, ...] | None = None
    times_in_force: tuple[TimeInForce, ...] | None = None


_CEILINGS = {
    "maximum_gross_notional": CEILING_SCOPE_NOTIONAL,
    "maximum_net_notional": CEILING_SCOPE_NOTIONAL,
    "maximum_open_orders": CEILING_SCOPE_OPEN_ORDERS,
    "maximum_orders_per_minute": CEILING_SCOPE_ORDERS_PER_MINUTE,
    "maximum_requests_per_minute": CEILING_REQUESTS_PER_MINUTE,
    "maximum_daily_loss": CEILING_SCOPE_NOTIONAL,
    "maximum_drawdown": CEILING_SCOPE_NOTIONAL,
}
SCOPE_LIMITS = tuple(_CEILINGS)

_WITHIN = (
    ("maximum_net_notional", "maximum_gross_notional"),
    ("maximum_daily_loss", "maximum_gross_notional"),
    ("maximum_daily_loss", "maximum_drawdown"),
    ("maximum_orders_per_minute", "maximum_requests_per_minute"),
)
"""Pairs of which the first could never be reached above the second."""


def sum_of(limits: Iterable[Limits]) -> ScopeLimits:
    """Give what strategies may do in sum, and no more than the ceilings; of no strategy, what no order passes.

    What one strategy may do alone is not cut: it lies below the ceilings of a scope, but in a replay that goes beyond them.
    """
    alone = [_alone(complete(one)) for one in limits]
    values = {name: [one[name] for one in alone] for name in SCOPE_LIMITS}
    return replace(ScopeLimits(), **{name: min(sum(each), max(_CEILINGS[name], *each, 0)) for name, each in values.items()})


def _alone(limits: Limits) -> dict[str, int]:
    """Give what one strategy may do by itself."""
    orders, alive = limits.maximum_orders_per_minute, limits.maximum_open_orders
    return {
        "maximum_gross_notional": limits.maximum_position_notional,
        "maximum_net_notional": limits.maximum_net_notional,
        "maximum_open_orders": alive,
        "maximum_orders_per_minute": orders,
        "maximum_requests_per_minute": orders + alive + limits.maximum_cancels_per_minute,
        "maximum_daily_loss": limits.maximum_daily_loss,
        "maximum_drawdown": limits.maximum_drawdown,
    }


def tighten(first: ScopeLimits, second: ScopeLimits) -> ScopeLimits:
    """Combine two sets into the one that satisfies both; what only one of them gives is taken from it."""
    given = ((name, getattr(first, name), getattr(second, name)) for name in SCOPE_LIMITS)
    return replace(
        first,
        **{name: min(one, other) if one and other else one or other for name, one, other in given},
        order_types=_shared(first.order_types, second.order_types),
        times_in_force=_shared(first.times_in_force, second.times_in_force),
    )


def check_scope_limits(limits: ScopeLimits) -> None:
    """Refuse what is given and absurdly loose, negative, or in contradiction to another limit.

    Raises:
        LimitError: naming the limit, what was received and the bound.
    """
    for name, ceiling in _CEILINGS.items():
        value: int = getattr(limits, name)
        if not 0 <= value <= ceiling:
            raise LimitError(f"limit {name} must lie within 1..{ceiling}, received {value}: choose a limit that can be reached")
    for name, bound in _WITHIN:
        if getattr(limits, name) > (getattr(limits, bound) or getattr(limits, name)):
            raise LimitError(f"limit {name} exceeds {bound}: it could never be reached, lower it")


def parse_scope_limits(table: Mapping[str, Any]) -> ScopeLimits:
    """Read the limits of an account or a venue from a TOML table with money as decimal text, and check them; each may be left out.

    Raises:
        LimitError: a key is unknown, or a value is malformed or absurd.
    """
    known = (*SCOPE_LIMITS, "order_types", "times_in_force")
    if unknown := sorted(set(table) - set(known)):
        raise LimitError(f"limit {unknown[0]} is not known: the limits of an account or venue are {', '.join(known)}")
    given: dict[str, int] = {name: read_limit(name, table[name]) for name in SCOPE_LIMITS if name in table}
    for name, value in given.items():
        if value <= 0:
            raise LimitError(f"limit {name} must be positive, received {table[name]!r}: leave it out to have it derived")
    limits = replace(
        ScopeLimits(),
        **given,
        order_types=_members(OrderType, "order_types", table.get("order_types")),
        times_in_force=_members(TimeInForce, "times_in_force", table.get("times_in_force")),
    )
    check_scope_limits(limits)
    return limits


def _shared(first: tuple[_Member, ...] | None, second: tuple[_Member, ...] | None) -> tuple[_Member, ...] | None:
    if first is None or second is None:
        return second if first is None else first
    return tuple(one for one in first if one in second)


def _members(kind: type[_Member], name: str, value: object) -> tuple[_Member, ...] | None:
    if value is None:
        return None
    known: dict[object, _Member] = {one.value: one for one in kind}
    if not isinstance(value, list) or not value or any(one not in known for one in cast("list[object]", value)):
        raise LimitError(f"limit {name} must be a list of {', '.join(map(str, known))}, received {value!r}: name those that are supported")
    return tuple(known[one] for one in cast("list[object]", value))
