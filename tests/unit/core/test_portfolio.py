"""Portfolio: wishes to units, and targets to the next order."""

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from live.core.entities import Order, Target
from live.core.portfolio import LARGEST_FRACTION, Wish, is_exit, limit_price_units, plan, target_units
from live.core.vocabulary import OrderType, Side, TimeInForce

LARGE = 10**12


def wish(*, units=None, fraction=None, limit_price=None):
    """Make a wish."""
    return Wish("v:BTCUSDT", units, fraction, limit_price, "")


def target(units, *, tried=False, limit_price=None):
    """Make a standing target."""
    return Target(1, "", units, limit_price, tried)


def order(side, quantity, *, filled=0, limit_price=None):
    """Make a live order."""
    kind = (OrderType.MARKET, TimeInForce.IMMEDIATE_OR_CANCEL) if limit_price is None else (OrderType.LIMIT, TimeInForce.GOOD_TILL_CANCELED)
    return Order("o", 1, 1, "s", "a", "v:BTCUSDT", side, *kind, quantity, limit_price, 100, 0, filled_quantity=filled)


def test_a_fraction_of_equity_becomes_whole_lots_rounded_toward_zero(make):
    """Half of 1,000 USDT at 99.99 USDT is 5.000 BTC in lots of 0.010."""
    assert target_units(wish(fraction=0.5), 1_000 * 10**8, 9_999, make.btc()) == 5_000
    assert target_units(wish(fraction=-0.5), 1_000 * 10**8, 9_999, make.btc()) == -5_000


@settings(derandomize=True)
@given(st.floats(-1, 1), st.integers(0, 10**15), st.integers(1, 10**7))
def test_a_fraction_never_costs_more_than_asked(fraction, equity, price):
    """Rounding never takes a position beyond its share of equity."""
    from live.core.instruments import Instrument

    btc = Instrument(instrument_id="v:B", base="B", quote="U", price_scale=2, quantity_scale=3, lot_size=10)
    units = target_units(wish(fraction=fraction), equity, price, btc)
    assert abs(btc.notional(price, units)) <= abs(fraction) * equity * (1 + 1e-12)
    assert units % 10 == 0


@pytest.mark.parametrize("fraction", [0.5, 1.0])
def test_a_fraction_of_an_account_worth_nothing_is_nothing(make, fraction):
    """Negative equity does not turn a wish to buy into one to sell."""
    assert target_units(wish(fraction=fraction), -5 * 10**8, 10_000, make.btc()) == 0


def test_a_limit_price_is_never_worse_than_asked(make):
    """A bid is rounded down to the tick, an offer up."""
    coarse = make.btc(tick_size=5)
    assert limit_price_units(wish(units=1, limit_price=100.04), buying=True, instrument=coarse) == 10_000
    assert limit_price_units(wish(units=1, limit_price=100.01), buying=False, instrument=coarse) == 10_005


@pytest.mark.parametrize("bad", [wish(fraction=float("nan")), wish(fraction=float("inf")), wish(units=1, limit_price=float("-inf"))])
def test_a_wish_that_is_no_number_says_so(bad):
    """NaN and infinity are told apart from numbers."""
    assert not bad.is_finite


@pytest.mark.parametrize(
    ("asked", "fits"),
    [
        (wish(fraction=LARGEST_FRACTION), True),
        (wish(fraction=1e300), False),
        (wish(fraction=-1e300), False),
        (wish(units=2**62 - 1), True),
        (wish(units=2**62), False),
        (wish(units=-(2**62)), False),
        (wish(units=1, limit_price=1e300), False),
        (wish(units=1, limit_price=-1e300), False),
    ],
)
def test_a_wish_beyond_what_can_be_meant_is_out_of_range(make, asked, fits):
    """A finite number that no journal could hold is told apart too."""
    assert asked.is_finite
    assert asked.in_range(make.btc()) is fits


@pytest.mark.parametrize(
    ("goal", "held", "exits"),
    [(0, 5, True), (3, 5, True), (5, 5, False), (6, 5, False), (-1, 5, False), (0, 0, False), (0, -5, True), (-3, -5, True)],
)
def test_an_exit_only_brings_the_position_nearer_to_zero(goal, held, exits):
    """Growing, holding and changing sign are no exits."""
    assert is_exit(goal, held) is exits


@pytest.mark.parametrize(
    ("goal", "held", "side", "quantity"), [(50, 0, Side.BUY, 50), (50, 20, Side.BUY, 30), (0, 20, Side.SELL, 20), (-10, 20, Side.SELL, 30)]
)
def test_the_next_order_is_what_is_missing(goal, held, side, quantity):
    """One market order for the difference, when none is alive."""
    step = plan(target(goal), held, [], 10, LARGE)
    assert (step.side, step.quantity, step.order_type) == (side, quantity, OrderType.MARKET)


def test_a_limit_target_rests():
    """With a limit price the order is a limit order, good till canceled."""
    step = plan(target(50, limit_price=99), 0, [], 10, LARGE)
    assert (step.order_type, step.time_in_force, step.limit_price) == (OrderType.LIMIT, TimeInForce.GOOD_TILL_CANCELED, 99)


def test_an_order_that_serves_the_target_is_left_alone():
    """Also when part of it has filled."""
    assert plan(target(50), 0, [order(Side.BUY, 50)], 10, LARGE) == plan(target(50), 20, [order(Side.BUY, 50, filled=20)], 10, LARGE)
    assert not plan(target(50), 0, [order(Side.BUY, 50)], 10, LARGE).cancels


@pytest.mark.parametrize("alive", [order(Side.BUY, 40), order(Side.SELL, 50), order(Side.BUY, 50, limit_price=99)])
def test_an_order_that_does_not_serve_the_target_is_canceled_first(alive):
    """Another size, side or price is taken off before anything new is sent."""
    step = plan(target(50), 0, [alive], 10, LARGE)
    assert step.cancels == (alive,)
    assert step.quantity == 0


def test_an_entry_is_tried_once_and_an_exit_until_it_is_out():
    """A refused entry is not hammered; a refused exit is."""
    assert plan(target(50, tried=True), 0, [], 10, LARGE).quantity == 0
    assert plan(target(0, tried=True), 50, [], 10, LARGE).quantity == 50


def test_a_large_exit_is_cut_into_orders_that_are_allowed():
    """A position that outgrew the largest order leaves in several; an entry of that size is left for risk to deny."""
    assert plan(target(0), 95, [], 10, 30).quantity == 30
    assert plan(target(95), 0, [], 10, 30).quantity == 90
    partly_filled = order(Side.SELL, 30, filled=10)
    assert not plan(target(0), 85, [partly_filled], 10, 30).cancels


@pytest.mark.parametrize(("alive", "held", "stays"), [(95, 95, True), (96, 95, False), (31, 95, True), (31, 25, False)])
def test_an_exit_larger_than_allowed_stays_while_it_cannot_pass_through_zero(alive, held, stays):
    """It was allowed when it left, and has its place; but one of more than is held would turn the position around."""
    resting = order(Side.SELL, alive)
    step = plan(target(0), held, [resting], 1, 30)
    assert step.cancels == (() if stays else (resting,))
    assert step.quantity == 0


def test_what_is_left_off_the_lot_is_not_ordered():
    """A remainder smaller than a lot cannot be sold, and is not tried."""
    assert plan(target(0), 57, [], 10, LARGE).quantity == 50
    assert plan(target(0), 7, [], 10, LARGE).quantity == 0
