"""Limits: all there, none absurd, and the tightest of several sets holds."""

import pytest
from msgspec.structs import replace

from live.core.errors import LimitError
from live.core.limits import (
    _SCALARS,
    LATER_LIMITS,
    SCALAR_LIMITS,
    check_ceilings,
    check_limits,
    complete,
    describe_limits,
    parse_limits,
    tightest,
)
from live.core.scope_limits import _CEILINGS, SCOPE_LIMITS, ScopeLimits, check_scope_limits, parse_scope_limits, sum_of, tighten

BTC = "binance-spot:BTCUSDT"


def table(**changes):
    """Write limits as TOML would hold them."""
    return {
        "maximum_order_quantity": {BTC: "10.000"},
        "maximum_order_notional": "1000.00",
        "maximum_position_notional": "2000.00",
        "maximum_open_orders": 3,
        "maximum_orders_per_minute": 5,
        "maximum_daily_loss": "100.00",
        "price_collar_ppm": 50_000,
        "maximum_data_age_seconds": 60,
        **changes,
    }


@pytest.mark.parametrize("name", sorted(table()))
def test_a_missing_limit_is_refused_by_name(make, name):
    """There is no default: each key must be given."""
    given = table()
    del given[name]
    with pytest.raises(LimitError, match=f"limit {name} is missing"):
        parse_limits(given, {BTC: make.btc()})


def test_an_unknown_limit_is_refused(make):
    """A misspelled limit would otherwise limit nothing."""
    with pytest.raises(LimitError, match="maximum_order_notionel is not known"):
        parse_limits(table(maximum_order_notionel="1"), {BTC: make.btc()})


@pytest.mark.parametrize("name", SCALAR_LIMITS)
def test_a_limit_above_its_ceiling_is_absurd(make, name):
    """At its ceiling a limit stands, one above it is refused."""
    wide = replace(make.limits(), maximum_position_notional=_SCALARS["maximum_position_notional"])
    check_ceilings(replace(wide, **{name: _SCALARS[name]}))
    with pytest.raises(LimitError, match=f"{name} is absurdly loose"):
        check_ceilings(replace(wide, **{name: _SCALARS[name] + 1}))


@pytest.mark.parametrize("name", SCALAR_LIMITS)
@pytest.mark.parametrize("value", [0, -1])
def test_a_limit_that_is_not_positive_is_refused(make, name, value):
    """Zero is no limit, but a strategy that may do nothing."""
    with pytest.raises(LimitError, match=f"{name} must be positive"):
        check_limits(replace(make.limits(), **{name: value}))


@pytest.mark.parametrize("quantity", [0, -5, 2**62])
def test_an_order_quantity_must_be_positive_and_fit(make, quantity):
    """Each instrument's largest order is a number that can be meant."""
    with pytest.raises(LimitError, match=BTC):
        check_limits(make.limits(maximum_order_quantity={BTC: quantity}))


def test_an_order_quantity_may_be_one_unit(make):
    """It is the smallest that can be meant: of a contract it is often the usual one."""
    check_ceilings(make.limits(maximum_order_quantity={BTC: 1}))


def test_no_instrument_is_no_limit_set(make):
    """An empty list denies everything and must be meant otherwise."""
    with pytest.raises(LimitError, match="names no instrument"):
        check_limits(make.limits(maximum_order_quantity={}))


@pytest.mark.parametrize("name", ["maximum_order_notional", "maximum_daily_loss"])
def test_a_limit_that_could_never_be_reached_is_refused(make, name):
    """An order or a loss larger than the largest position can never happen."""
    with pytest.raises(LimitError, match=f"{name} exceeds"):
        check_limits(make.limits(**{name: make.limits().maximum_position_notional + 1}))


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("maximum_order_notional", 1000),
        ("maximum_order_notional", "1e"),
        ("maximum_open_orders", 3.0),
        ("maximum_open_orders", True),
        ("maximum_order_quantity", 5),
    ],
)
def test_a_value_of_the_wrong_kind_is_refused_by_name(make, name, value):
    """Money is decimal text, a count is a whole number, quantities are a table."""
    with pytest.raises(LimitError, match=name):
        parse_limits(table(**{name: value}), {BTC: make.btc()})


def test_an_unknown_instrument_is_refused(make):
    """A limit for an instrument that does not exist is a mistake."""
    with pytest.raises(LimitError, match="unknown instrument 'binance-spot:DOGEUSDT'"):
        parse_limits(table(maximum_order_quantity={"binance-spot:DOGEUSDT": "1"}), {BTC: make.btc()})


def test_limits_are_read_as_they_are_described(make):
    """Writing limits as a table and reading it gives the same limits."""
    instruments = {BTC: make.btc()}
    read = parse_limits(table(), instruments)
    assert parse_limits(describe_limits(read, instruments), instruments) == read


def test_the_tightest_limits_satisfy_every_set(make):
    """Each value is the smallest, and only instruments that all sets allow remain."""
    loose, tight = make.limits(), make.limits(maximum_order_quantity={BTC: 7}, maximum_open_orders=1)
    for both in (tightest(loose, tight), tightest(tight, loose)):
        assert both.maximum_order_quantity == {BTC: 7}
        assert both.maximum_open_orders == 1
        assert both.maximum_order_notional == loose.maximum_order_notional


LATER_TABLE = {
    "maximum_net_notional": "1500.00",
    "maximum_instrument_notional": "1200.00",
    "maximum_instrument_open_orders": 2,
    "maximum_cancels_per_minute": 7,
    "maximum_executions_per_hour": 20,
    "maximum_drawdown": "300.00",
    "maximum_spread_ppm": 900,
    "maximum_slippage_ppm": 4_000,
    "maximum_clock_offset_milliseconds": 100,
    "duplicate_window_milliseconds": 1_500,
    "requires_quotes": True,
}


def test_a_limit_that_is_left_out_is_derived_from_those_that_are_given(make):
    """An old set keeps its meaning and gets bounds of every kind; what is given stays."""
    limits = make.limits()
    whole = complete(limits)
    assert (whole.maximum_net_notional, whole.maximum_instrument_notional, whole.maximum_drawdown) == (2_000 * 10**8,) * 3
    assert (whole.maximum_instrument_open_orders, whole.maximum_cancels_per_minute, whole.maximum_executions_per_hour) == (3, 8, 150)
    assert (whole.maximum_spread_ppm, whole.maximum_slippage_ppm) == (10_000, 25_000)
    assert (whole.maximum_clock_offset, whole.duplicate_window) == (250_000_000, 5 * 10**9)
    assert all(getattr(whole, name) > 0 for name in LATER_LIMITS)
    assert complete(whole) == whole
    assert complete(replace(limits, maximum_drawdown=5)).maximum_drawdown == 5


def test_later_limits_are_read_as_they_are_described(make):
    """What was given comes back, what was not stays out."""
    instruments = {BTC: make.btc()}
    read = parse_limits(table(**LATER_TABLE), instruments)
    assert (read.maximum_clock_offset, read.duplicate_window, read.requires_quotes) == (100_000_000, 1_500_000_000, True)
    described = describe_limits(read, instruments)
    assert set(described) == set(table(**LATER_TABLE))
    assert parse_limits(described, instruments) == read
    assert set(describe_limits(parse_limits(table(), instruments), instruments)) == set(table())


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("maximum_drawdown", "0"),
        ("maximum_spread_ppm", 0),
        ("requires_quotes", 1),
        ("maximum_clock_offset_milliseconds", 1_001),
        ("duplicate_window_milliseconds", 99),
        ("duplicate_window_milliseconds", 3_600_001),
        ("maximum_executions_per_hour", 301),
        ("maximum_drawdown", "99.00"),
        ("maximum_instrument_notional", "999.00"),
        ("maximum_net_notional", "2000.01"),
        ("maximum_instrument_open_orders", 4),
        ("maximum_slippage_ppm", 50_001),
        ("maximum_spread_ppm", 50_001),
    ],
)
def test_a_later_limit_is_refused_when_it_limits_nothing_or_contradicts(make, name, value):
    """Zero, beyond its ceiling, or such that it or another one could never be reached."""
    with pytest.raises(LimitError, match=name.removesuffix("_milliseconds") if name != "maximum_drawdown" else "drawdown"):
        parse_limits(table(**{name: value}), {BTC: make.btc()})


@pytest.mark.parametrize("milliseconds", [100, 3_600_000])
def test_a_duplicate_window_may_be_as_short_and_as_long_as_means_something(make, milliseconds):
    """A tenth of a second, or an hour."""
    read = parse_limits(table(duplicate_window_milliseconds=milliseconds), {BTC: make.btc()})
    assert read.duplicate_window == milliseconds * 1_000_000


def test_the_tightest_of_what_is_derived_and_given_holds(make):
    """Where one set gives a limit, the other counts with what is derived for it; the longest window is the tightest."""
    derived, given = make.limits(), make.limits(maximum_drawdown=10**13, duplicate_window=10**9, maximum_position_notional=10**14)
    both = tightest(derived, given)
    assert (both.maximum_drawdown, both.duplicate_window) == (2_000 * 10**8, 5 * 10**9)
    assert tightest(derived, derived) == derived
    assert tightest(derived, make.limits(requires_quotes=True)).requires_quotes


def test_limits_of_a_scope_are_summed_tightened_and_read(make):
    """What is left out is the sum of the strategies', what both give is the smaller."""
    total = sum_of([make.limits(), make.limits(maximum_orders_per_minute=7)])
    assert (total.maximum_gross_notional, total.maximum_orders_per_minute) == (4_000 * 10**8, 12)
    given = parse_scope_limits({"maximum_gross_notional": "3000.00", "order_types": ["LIMIT"]})
    both = tighten(total, given)
    assert (both.maximum_gross_notional, both.maximum_net_notional) == (3_000 * 10**8, 4_000 * 10**8)
    assert both.order_types == ("LIMIT",)
    assert tighten(both, parse_scope_limits({"order_types": ["MARKET"]})).order_types == ()


@pytest.mark.parametrize("name", SCOPE_LIMITS)
def test_a_limit_of_a_scope_may_stand_at_its_ceiling(name):
    """One above it is absurdly loose, and one below zero means nothing."""
    ceiling = _CEILINGS[name]
    check_scope_limits(ScopeLimits(**{name: ceiling}))
    check_scope_limits(ScopeLimits(**{name: 0}))
    for absurd in (ceiling + 1, -1):
        with pytest.raises(LimitError, match=f"limit {name} must lie within"):
            check_scope_limits(ScopeLimits(**{name: absurd}))


@pytest.mark.parametrize(("collar", "spread", "slippage"), [(1, 1, 1), (2, 1, 1), (4, 1, 2), (5, 1, 2), (9, 1, 4), (10, 2, 5)])
def test_what_is_derived_from_a_narrow_collar_still_lets_something_through(make, collar, spread, slippage):
    """At least one part per million each, or every market would be too wide."""
    whole = complete(make.limits(price_collar_ppm=collar))
    assert (whole.maximum_spread_ppm, whole.maximum_slippage_ppm, whole.reference_collar_ppm) == (spread, slippage, collar)


@pytest.mark.parametrize(
    ("given", "said"),
    [
        ({"maximum_gross": "1"}, "maximum_gross is not known"),
        ({"maximum_gross_notional": "0"}, "must be positive"),
        ({"maximum_gross_notional": "100000000.01"}, "must lie within"),
        ({"maximum_gross_notional": "1", "maximum_net_notional": "2"}, "exceeds maximum_gross_notional"),
        ({"maximum_orders_per_minute": 10, "maximum_requests_per_minute": 9}, "exceeds maximum_requests_per_minute"),
        ({"order_types": []}, "order_types must be a list"),
        ({"times_in_force": ["GTX"]}, "times_in_force must be a list"),
    ],
)
def test_limits_of_a_scope_are_refused_when_they_limit_nothing(given, said):
    """Misspelled, zero, absurdly loose or contradicting."""
    with pytest.raises(LimitError, match=said):
        parse_scope_limits(given)
