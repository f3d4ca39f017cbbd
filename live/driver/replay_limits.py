"""Limits of a replay: the strategy's own, or as little as can be where it has none; beyond the live ceilings when asked for."""

from collections.abc import Mapping
from typing import Any

from msgspec.structs import replace

from live.core.decimals import LARGEST_INTEGER, MONEY_SCALE, PARTS_PER_MILLION, format_scaled
from live.core.instruments import Instrument
from live.core.limits import (
    CEILING_CANCELS_PER_MINUTE,
    CEILING_DATA_AGE,
    CEILING_EXECUTIONS_PER_HOUR,
    CEILING_NOTIONAL,
    CEILING_OPEN_ORDERS,
    CEILING_ORDERS_PER_MINUTE,
    CEILING_PRICE_COLLAR_PPM,
    CEILING_REFERENCE_COLLAR_PPM,
    CEILING_SPREAD_PPM,
    SECOND,
    SHORTEST_DUPLICATE_WINDOW,
    Limits,
    check_ceilings,
    parse_limits,
    read_limit,
)
from live.driver.replay_settings import ReplaySettings

DERIVED_POSITIONS = 100
"""A strategy without limits of its own may hold so many times its opening balance, times the leverage, up to the ceiling."""
COUNTLESS = 1_000_000_000
"""What stands for no bound on a count, where a replay goes beyond the live limits."""
ENDLESS_SECONDS = 100 * 365 * 24 * 3600
"""What stands for no bound on the age of data: a hundred years."""
DERIVED_LIMITS = "The strategy has no limits of its own: they are derived from the opening balances, and as wide as the engine takes."
NO_LIMITS_AT_ALL = "The strategy has no limits of its own, and those derived for it bound little but the distance of prices."
BEYOND_LIVE = "Limits beyond what a live host accepts were allowed (beyond_live_limits): no live session could do the same."


def settle_limits(
    settings: ReplaySettings, own: Mapping[str, Any] | None, traded: tuple[Instrument, ...], instruments: Mapping[str, Instrument]
) -> tuple[Limits, list[str]]:
    """Give the limits that a replay runs under, and what a reader must know of them, in sentences.

    Args:
        settings: what was asked for.
        own: the limits of a strategy's folder as its table; None for a bare file, which has none.
        traded: what the strategy trades.
        instruments: every definition by id.

    Raises:
        LimitError: a limit is malformed, contradicts another one, or lies above what the settings allow.
    """
    beyond_live = settings.beyond_live_limits
    table = _derived_limits(settings, traded) if own is None else own
    notes = [] if own is not None else [NO_LIMITS_AT_ALL if beyond_live else DERIVED_LIMITS]
    if beyond_live:
        notes.append(BEYOND_LIVE)
    return _limits({**table, **settings.limits}, instruments, wide=own is None, beyond_live=beyond_live), notes


def _derived_limits(settings: ReplaySettings, traded: tuple[Instrument, ...]) -> dict[str, Any]:
    """Give limits that bound a strategy as little as a promoted one's may: it has none of its own."""
    balance = settings.opening_balances().get(traded[0].quote, 0)
    largest = min(CEILING_NOTIONAL, DERIVED_POSITIONS * balance * settings.leverage_ppm // PARTS_PER_MILLION) or CEILING_NOTIONAL
    notional = format_scaled(LARGEST_INTEGER if settings.beyond_live_limits else largest, MONEY_SCALE)
    table = {
        "maximum_order_quantity": {
            one.instrument_id: format_scaled(min(LARGEST_INTEGER, one.maximum_quantity), one.quantity_scale) for one in traded
        },
        "maximum_order_notional": notional,
        "maximum_position_notional": notional,
        "maximum_open_orders": CEILING_OPEN_ORDERS,
        "maximum_orders_per_minute": CEILING_ORDERS_PER_MINUTE,
        "maximum_daily_loss": notional,
        "price_collar_ppm": CEILING_PRICE_COLLAR_PPM,
        "maximum_data_age_seconds": CEILING_DATA_AGE // SECOND,
        "maximum_executions_per_hour": CEILING_EXECUTIONS_PER_HOUR,
        "maximum_cancels_per_minute": CEILING_CANCELS_PER_MINUTE,
        "maximum_spread_ppm": CEILING_SPREAD_PPM,
        "maximum_slippage_ppm": CEILING_PRICE_COLLAR_PPM,
        "duplicate_window_milliseconds": SHORTEST_DUPLICATE_WINDOW * 1_000 // SECOND,
        "reference_collar_ppm": CEILING_REFERENCE_COLLAR_PPM,
    }
    return {**table, **_BEYOND_LIVE} if settings.beyond_live_limits else table


_BEYOND_LIVE: dict[str, Any] = {
    "maximum_open_orders": COUNTLESS,
    "maximum_orders_per_minute": COUNTLESS,
    "maximum_data_age_seconds": ENDLESS_SECONDS,
    "maximum_executions_per_hour": COUNTLESS,
    "maximum_cancels_per_minute": COUNTLESS,
    "maximum_spread_ppm": COUNTLESS,
    "maximum_slippage_ppm": COUNTLESS,
    "duplicate_window_milliseconds": 1,
    "reference_collar_ppm": COUNTLESS,
}
"""What bounds nothing. The price collar is none of it: orders are reserved for at the price that it lets them reach."""

_WITHIN_COLLAR = ("reference_collar_ppm", "maximum_spread_ppm", "maximum_slippage_ppm")


def _limits(table: Mapping[str, Any], instruments: Mapping[str, Instrument], *, wide: bool, beyond_live: bool) -> Limits:
    """Read limits; those of a strategy that has none of its own need not hold spread, slippage and slower reference within the collar.

    Real markets move by more than that within nine bars, and a replay of them is nobody's promotion.
    """
    if not wide:
        return parse_limits(table, instruments, beyond_live=beyond_live)
    collar = read_limit("price_collar_ppm", table["price_collar_ppm"])
    above = {name: value for name in _WITHIN_COLLAR if (value := read_limit(name, table[name])) > collar}
    within = {name: value for name, value in table.items() if name not in above}
    limits = replace(parse_limits(within, instruments, beyond_live=beyond_live), **above)
    check_ceilings(limits, beyond_live=beyond_live)
    return limits
