"""Decimals: exact both ways, or refused."""

import decimal

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from live.core.decimals import divide_up, format_scaled, parse_scaled, round_to_step, truncate_toward_zero
from live.core.errors import DecimalError


@settings(derandomize=True)
@given(st.integers(-(10**20), 10**20), st.integers(0, 8))
def test_text_and_units_round_trip(units, scale):
    """What is written is read back to the unit, at every scale."""
    assert parse_scaled(format_scaled(units, scale), scale) == units


@pytest.mark.parametrize(
    ("text", "scale", "units"), [("12.50", 2, 1250), ("-0.01", 2, -1), ("3", 8, 3 * 10**8), ("1e2", 0, 100), ("0e-99", 2, 0)]
)
def test_decimal_text_is_read_exactly(text, scale, units):
    """Plain and scientific notation give the same integer that arithmetic by hand gives."""
    assert parse_scaled(text, scale) == units


@pytest.mark.parametrize("text", ["", "abc", "1,5", "NaN", "Infinity", "-inf", "0x10"])
def test_text_that_is_no_finite_number_is_refused(text):
    """What is no number is an error that quotes it."""
    with pytest.raises(DecimalError, match="received"):
        parse_scaled(text, 2)


@pytest.mark.parametrize("text", ["0.001", "1e-9", "10000000000000000000000000000.5"])
def test_too_many_decimal_places_are_refused_and_never_rounded(text):
    """No digit is lost, however many digits stand before it."""
    with pytest.raises(DecimalError):
        parse_scaled(text, 0 if text.startswith("1000") else 2)


@pytest.mark.parametrize("text", ["1e999999999", "1e-999999999", "9" * 40])
def test_an_absurd_exponent_is_refused_at_once(text):
    """A number that no amount can have is refused without being written out."""
    with pytest.raises(DecimalError):
        parse_scaled(text, 8)


@settings(derandomize=True)
@given(st.floats(0, 1e12), st.integers(0, 8), st.integers(1, 1000))
def test_rounding_to_a_step_encloses_the_exact_value(value, scale, step):
    """Down is at most the value, up at least, both on the step and within one step of each other."""
    down, up = round_to_step(value, scale, step, up=False), round_to_step(value, scale, step, up=True)
    exact = decimal.Context(prec=1200).multiply(decimal.Decimal(f"{value:.15g}"), decimal.Decimal(10**scale))
    assert down <= exact <= up
    assert down % step == up % step == 0
    assert up - down in (0, step)


def test_a_strategy_cannot_change_how_the_engine_rounds():
    """The caller's decimal context, which any code may change, has no effect."""
    with decimal.localcontext() as context:
        context.prec = 3
        context.rounding = decimal.ROUND_UP
        assert round_to_step(12345.678, 2, 1, up=False) == 1234567
        assert parse_scaled("12345.67", 2) == 1234567


@pytest.mark.parametrize("value", [float("nan"), float("inf"), float("-inf")])
def test_a_float_that_is_not_finite_is_refused(value):
    """No rounding of nothing."""
    with pytest.raises(DecimalError, match="finite"):
        round_to_step(value, 2, 1, up=True)


@settings(derandomize=True)
@given(st.integers(-(10**30), 10**30), st.integers(1, 10**12))
def test_divisions_round_the_way_they_say(numerator, denominator):
    """Up never below the quotient, toward zero never further from zero than it, each within one."""
    up, toward = divide_up(numerator, denominator), truncate_toward_zero(numerator, denominator)
    assert 0 <= up * denominator - numerator < denominator
    assert 0 <= abs(numerator) - abs(toward) * denominator < denominator
    assert toward * numerator >= 0


@pytest.mark.parametrize("up", [True, False])
def test_a_float_means_its_first_15_digits(up):
    """A price that is on the tick as written or as reckoned stays where it is, though its binary value lies beside it."""
    assert 100.01 * 1.01 == 101.01010000000001
    assert round_to_step(100.01 * 1.01, 4, 1, up=up) == 1_010_101
    assert round_to_step(61737.63, 2, 1, up=up) == 6_173_763
    assert round_to_step(decimal.Decimal("61737.63"), 2, 1, up=up) == 6_173_763
