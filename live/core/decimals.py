"""Exact conversion between decimal text and the scaled integers the engine counts in."""

from decimal import ROUND_CEILING, ROUND_FLOOR, Context, Decimal, InvalidOperation
from math import isfinite

from live.core.errors import DecimalError

MONEY_SCALE = 8
"""Decimal places of every money amount and asset balance: 1 unit is 0.00000001 of the asset."""

PARTS_PER_MILLION = 1_000_000

LARGEST_INTEGER = 2**62 - 1
"""No price, quantity or amount may be larger, so that a sum of two still fits the 64 bits that a journal can hold."""

_LARGEST_EXPONENT = 30
"""Numbers of more digits before or behind the point are refused unread: no amount has them."""

_EXACT = Context(prec=1200)
"""Room for every digit of any float, and none of the caller's settings: a strategy may change the default context."""


def parse_scaled(text: str, scale: int) -> int:
    """Read decimal text as an integer count of `10**-scale` units.

    Raises:
        DecimalError: the text is no finite decimal number, is absurdly large, or has more than `scale` decimal places.
    """
    try:
        value = Decimal(text)
    except InvalidOperation:
        raise DecimalError(f"a decimal number was expected, received {text!r}: write it like 12.50") from None
    if not value.is_finite():
        raise DecimalError(f"a finite decimal number was expected, received {text!r}")
    if not value:
        return 0
    if abs(value.adjusted()) > _LARGEST_EXPONENT:
        raise DecimalError(f"a number of at most {_LARGEST_EXPONENT} digits was expected, received {text!r}")
    numerator, denominator = value.as_integer_ratio()
    units, rest = divmod(numerator * 10**scale, denominator)
    if rest:
        raise DecimalError(f"at most {scale} decimal places are allowed, received {text!r}: round it first")
    return units


def format_scaled(units: int, scale: int) -> str:
    """Write `units` of `10**-scale` as plain decimal text with every decimal place shown."""
    sign = "-" if units < 0 else ""
    digits = str(abs(units)).rjust(scale + 1, "0")
    return f"{sign}{digits[:-scale]}.{digits[-scale:]}" if scale else f"{sign}{digits}"


Number = int | float | Decimal
"""What a strategy may say a price or an amount with."""


def is_finite_number(value: Number) -> bool:
    """Tell whether a number is neither infinite nor not a number."""
    return value.is_finite() if isinstance(value, Decimal) else isfinite(value)


def round_to_step(value: Number, scale: int, step: int, *, up: bool) -> int:
    """Convert a finite number to units of `10**-scale`, rounded to a multiple of `step` upwards or downwards.

    A float means the decimal number of 15 significant digits next to it, which is as many as every float holds: 61737.63 is on a tick
    of 0.01, although its binary value is a little less, and 100.01 * 1.01 on one of 0.0001, although it gives 101.01010000000001.

    Raises:
        DecimalError: the value is not a number or infinite.
    """
    units = int(_EXACT.scaleb(_finite(value), scale).to_integral_value(ROUND_CEILING if up else ROUND_FLOOR, _EXACT))
    return divide_up(units, step) * step if up else units // step * step


def divide_up(numerator: int, denominator: int) -> int:
    """Divide two integers, rounding away from zero for a positive quotient (against us, for fees)."""
    return -(-numerator // denominator)


def divide_half_even(numerator: int, denominator: int) -> int:
    """Divide two integers, rounding to the nearest and a tie to the even one; `denominator` is positive."""
    quotient, rest = divmod(numerator, denominator)
    doubled = 2 * rest
    return quotient + 1 if doubled > denominator or (doubled == denominator and quotient & 1) else quotient


def truncate_toward_zero(numerator: int, denominator: int) -> int:
    """Divide two integers, rounding toward zero; `denominator` is positive."""
    return numerator // denominator if numerator >= 0 else -(-numerator // denominator)


def _finite(value: Number) -> Decimal:
    exact = Decimal(float.__format__(value, ".15g")) if isinstance(value, float) else Decimal(value)
    if not exact.is_finite():
        raise DecimalError(f"a finite number was expected, received {value!r}")
    return exact
