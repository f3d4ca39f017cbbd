"""Exact conversion between decimal text and the scaled integers the engine counts in."""

from decimal import ROUND_CEILING, ROUND_FLOOR, ROUND_HALF_EVEN, Decimal, InvalidOperation

from live.core.errors import DecimalError

MONEY_SCALE = 8
"""Decimal places of every money amount and asset balance: 1 unit is 0.00000001 of the asset."""

PARTS_PER_MILLION = 1_000_000


def parse_scaled(text: str, scale: int) -> int:
    """Read decimal text as an integer count of `10**-scale` units.

    Raises:
        DecimalError: the text is no finite decimal number, or has more than `scale` decimal places.
    """
    try:
        value = Decimal(text)
    except InvalidOperation:
        raise DecimalError(f"a decimal number was expected, received {text!r}: write it like 12.50") from None
    if not value.is_finite():
        raise DecimalError(f"a finite decimal number was expected, received {text!r}")
    scaled = value.scaleb(scale)
    if scaled != scaled.to_integral_value():
        raise DecimalError(f"at most {scale} decimal places are allowed, received {text!r}: round it first")
    return int(scaled)


def format_scaled(units: int, scale: int) -> str:
    """Write `units` of `10**-scale` as plain decimal text with every decimal place shown."""
    sign = "-" if units < 0 else ""
    digits = str(abs(units)).rjust(scale + 1, "0")
    return f"{sign}{digits[:-scale]}.{digits[-scale:]}" if scale else f"{sign}{digits}"


def scale_float(value: float, scale: int) -> int:
    """Convert a finite float to the nearest integer count of `10**-scale` units, halves to even.

    Raises:
        DecimalError: the value is not a number or infinite.
    """
    exact = Decimal(value)
    if not exact.is_finite():
        raise DecimalError(f"a finite number was expected, received {value!r}")
    return int(exact.scaleb(scale).to_integral_value(rounding=ROUND_HALF_EVEN))


def round_to_step(value: float, scale: int, step: int, *, up: bool) -> int:
    """Convert a finite float to units of `10**-scale`, rounded to a multiple of `step` upwards or downwards.

    Raises:
        DecimalError: the value is not a number or infinite.
    """
    exact = Decimal(value)
    if not exact.is_finite():
        raise DecimalError(f"a finite number was expected, received {value!r}")
    steps = (exact.scaleb(scale) / step).to_integral_value(rounding=ROUND_CEILING if up else ROUND_FLOOR)
    return int(steps) * step


def divide_up(numerator: int, denominator: int) -> int:
    """Divide two integers, rounding away from zero for a positive quotient (against us, for fees)."""
    return -(-numerator // denominator)


def truncate_toward_zero(numerator: int, denominator: int) -> int:
    """Divide two integers, rounding toward zero; `denominator` is positive."""
    return numerator // denominator if numerator >= 0 else -(-numerator // denominator)
