"""Instruments: definitions that contradict themselves are refused."""

from copy import copy, deepcopy
from fractions import Fraction
from pickle import dumps, loads

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from msgspec.structs import replace

from live.core.errors import InstrumentError
from live.core.instruments import Instrument, merge_instruments
from live.core.state import may_follow
from live.core.vocabulary import InstrumentKind


@pytest.mark.parametrize(
    "changes",
    [
        {"instrument_id": "BTCUSDT"},
        {"instrument_id": ":BTCUSDT"},
        {"instrument_id": "venue:"},
        {"price_scale": -1},
        {"quantity_scale": -1},
        {"price_scale": 19},
        {"quantity_scale": 19},
        {"contract_scale": 19},
        {"contract_scale": -1},
        {"contract_size": 0},
        {"base": "USDT"},
        {"quote": ""},
        {"tick_size": 2**62},
        {"minimum_notional": 2**62},
        {"initial_margin_ppm": 1_000_001},
        {"maintenance_margin_ppm": 0},
        {"initial_margin_ppm": 10_000, "maintenance_margin_ppm": 10_001},
        {"tick_size": 0},
        {"lot_size": 0},
        {"minimum_quantity": 0},
        {"maximum_quantity": 9},
        {"minimum_notional": -1},
    ],
)
def test_a_definition_that_contradicts_itself_is_refused(make, changes):
    """Each scale, step, bound and name is judged by itself."""
    with pytest.raises(InstrumentError):
        make.btc(**changes)


def test_a_notional_is_exact(make):
    """0.123 BTC at 100.01 USDT is worth 12.30123 USDT, to the last of eight places."""
    assert make.btc().notional(10_001, 123) == 1_230_123_000


def test_the_venue_is_in_the_id(make):
    """What stands before the colon is the venue."""
    assert make.btc().venue_id == "binance-spot"


@pytest.mark.parametrize(
    ("price_scale", "quantity_scale", "contract_size", "contract_scale", "price", "quantity", "notional"),
    [
        (0, 0, 1, 0, 7, 3, 21 * 10**8),
        (18, 0, 1, 0, 10**18, 1, 10**8),
        (0, 18, 1, 0, 1, 10**18, 10**8),
        (18, 18, 1, 0, 10**18, 10**18, 10**8),
        (1, 0, 1, 3, 400_000, 5, 200 * 10**8),
        (2, 0, 100, 0, 1_250, 2, 2_500 * 10**8),
        (5, 5, 1, 2, 30, 70, 0),
        (6, 3, 100, 1, 15, 1, 15),
    ],
)
def test_any_scale_and_contract_size_has_a_value(price_scale, quantity_scale, contract_size, contract_scale, price, quantity, notional):
    """Price and quantity have scales of their own, and a contract may be a thousandth or a hundred of the base asset."""
    instrument = Instrument(
        instrument_id="v:X",
        base="X",
        quote="Y",
        price_scale=price_scale,
        quantity_scale=quantity_scale,
        contract_size=contract_size,
        contract_scale=contract_scale,
    )
    assert instrument.notional(price, quantity) == notional


@pytest.mark.parametrize(("quantity", "notional"), [(5, 0), (15, 2), (25, 2), (6, 1), (-5, 0), (-15, -2), (-26, -3)])
def test_what_has_more_decimal_places_than_money_is_rounded_half_to_even(make, quantity, notional):
    """Half a money unit goes to the even one, on both sides of zero."""
    assert make.btc(price_scale=4, quantity_scale=5).notional(1, quantity) == notional
    assert make.btc(price_scale=0, quantity_scale=9).base_amount(quantity) == notional


fine = st.builds(
    Instrument,
    instrument_id=st.just("v:X"),
    base=st.just("X"),
    quote=st.just("Y"),
    price_scale=st.integers(0, 18),
    quantity_scale=st.integers(0, 18),
    contract_size=st.integers(1, 1_000),
    contract_scale=st.integers(0, 18),
)


@settings(derandomize=True, max_examples=200)
@given(fine, st.integers(1, 10**12), st.integers(-(10**12), 10**12), st.integers(-(10**15), 10**15))
def test_conversions_agree_with_fractions(instrument, price, quantity, amount):
    """Value, holding, affordable quantity and average price, each against its definition in fractions."""
    contract = Fraction(instrument.contract_size, 10**instrument.contract_scale)
    base = Fraction(quantity, 10**instrument.quantity_scale) * contract
    value = base * Fraction(price, 10**instrument.price_scale)
    assert instrument.notional(price, quantity) == round(value * 10**8)
    assert instrument.base_amount(quantity) == round(base * 10**8)
    unit_value = contract * Fraction(price, 10 ** (instrument.price_scale + instrument.quantity_scale)) * 10**8
    worth = instrument.quantity_worth(amount, price)
    assert abs(worth) * unit_value <= abs(amount) < (abs(worth) + 1) * unit_value
    unit_base = contract / 10**instrument.quantity_scale * 10**8
    holding = instrument.quantity_holding(amount)
    assert (holding - 1) * unit_base < amount <= holding * unit_base
    if quantity:
        assert instrument.price_paid(amount, quantity) == round(amount / (quantity * unit_value / price))


def test_a_quantity_worth_no_more_than_a_value_is_never_worth_more(make):
    """9.99 USDT buy 0.0999 BTC at 100, of which 0.099 can be written down."""
    assert make.btc().quantity_worth(999_000_000, 10_000) == 99


@pytest.mark.parametrize(
    "changes", [{"kind": InstrumentKind.PERPETUAL}, {"contract_size": 2}, {"contract_scale": 1}, {"price_scale": 3}, {"base": "XBT"}]
)
def test_what_turns_numbers_into_money_is_fixed_for_a_journals_life(make, changes):
    """A position booked under one contract would be worth something else under another."""
    assert may_follow(make.btc(), make.btc(tick_size=5, version=2, initial_margin_ppm=1_000_000))
    assert not may_follow(make.btc(), make.btc(**changes))


def test_definitions_of_one_instrument_that_agree_are_joined(make):
    """The one that holds the venue's filters is taken; one that names another asset is refused."""
    assert merge_instruments([make.btc()], [make.btc(lot_size=1)])[make.btc().instrument_id].lot_size == 10
    with pytest.raises(InstrumentError, match="disagree about base"):
        merge_instruments([make.btc()], [make.btc(base="XBT")])


@pytest.mark.parametrize("twin", [copy, deepcopy, lambda one: replace(one, version=2), lambda one: loads(dumps(one))])
def test_a_definition_however_it_was_made_values_the_same(make, twin):
    """What follows from the scales is no field, so it must be there again after a copy, a change and a passage between processes."""
    instrument = make.btc()
    same = twin(instrument)
    assert (same.notional(6_150_000, 12_345), same.base_amount(7)) == (instrument.notional(6_150_000, 12_345), instrument.base_amount(7))
