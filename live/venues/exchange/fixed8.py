"""Exact numbers of the exchange: integers in 10**-8 of an asset or of a price, and their decimal text on the wire."""

import re

Fixed8 = int
"""A quantity or a price in units of 10**-8."""

ONE = 100_000_000
"""One whole unit."""

PLACES = 8
"""Decimals that the exchange keeps and prints."""

_DECIMAL = re.compile(r"([0-9]{1,20})(?:\.([0-9]{1,20}))?", re.ASCII)


def parse_fixed8(text: str) -> Fixed8 | None:
    """Read a plain decimal; None when it is no plain decimal, or has more than eight places that are not zero."""
    match = _DECIMAL.fullmatch(text)
    if match is None:
        return None
    fraction = (match[2] or "").rstrip("0")
    if len(fraction) > PLACES:
        return None
    return int(match[1]) * ONE + int(fraction.ljust(PLACES, "0"))


def fixed8_text(value: Fixed8) -> str:
    """Print a number with eight decimals, as Binance does."""
    if value < 0:
        return "-" + fixed8_text(-value)
    digits = str(value)
    if len(digits) <= PLACES:
        return "0." + digits.zfill(PLACES)
    return digits[:-PLACES] + "." + digits[-PLACES:]


def quote_amount(price: Fixed8, quantity: Fixed8) -> Fixed8:
    """Multiply a price by a quantity, rounded down to eight decimals as Binance's quote amounts are."""
    return price * quantity // ONE
