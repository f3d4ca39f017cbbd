"""Limits: all there, none absurd, and the tightest of several sets holds."""

import pytest
from msgspec.structs import replace

from live.core.errors import LimitError
from live.core.limits import _SCALARS, SCALAR_LIMITS, check_ceilings, check_limits, describe_limits, parse_limits, tightest

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
