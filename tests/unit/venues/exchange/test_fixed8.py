"""Decimal text and integers in 10**-8 are the same numbers."""

import pytest

from live.venues.exchange.fixed8 import fixed8_text, parse_fixed8, quote_amount


@pytest.mark.parametrize(
    ("text", "value", "printed"),
    [
        ("1", 100_000_000, "1.00000000"),
        ("0.00000001", 1, "0.00000001"),
        ("60000.01", 6_000_001_000_000, "60000.01000000"),
        ("0", 0, "0.00000000"),
        ("007.5", 750_000_000, "7.50000000"),
        ("1.000000000000", 100_000_000, "1.00000000"),
    ],
)
def test_plain_decimals_are_read_and_printed_exactly(text: str, value: int, printed: str) -> None:
    """Eight places always, and zeros beyond them do no harm."""
    assert parse_fixed8(text) == value
    assert fixed8_text(value) == printed


@pytest.mark.parametrize("text", ["", "-1", "+1", "1e3", ".5", "1.", "0.000000001", "NaN", "1,5", "１", "1" * 21, " 1"])
def test_what_is_no_plain_decimal_is_none(text: str) -> None:
    """Signs, exponents, other digits and places beyond the eighth."""
    assert parse_fixed8(text) is None


def test_negative_numbers_are_printed_with_their_sign() -> None:
    """A house account can be short."""
    assert fixed8_text(-150_000_000) == "-1.50000000"


def test_a_product_is_rounded_down() -> None:
    """Half a unit of the last place is nothing."""
    assert quote_amount(50_000_000, 3) == 1
