"""Numbers as files write them, made integers on a scale without passing through a float."""

# Arrow makes its compute functions when it is imported, so that no checker sees them.
# pyright: reportAttributeAccessIssue=false

from __future__ import annotations

from collections.abc import Sequence
from decimal import Decimal, InvalidOperation
from typing import TYPE_CHECKING, Any, NamedTuple

from dagster_project.datasets.errors import DatasetError
from dagster_project.lake.bar_format import DIGITS, unscaled

if TYPE_CHECKING:
    import numpy as np
    import pyarrow as pa

MOST_DECIMALS = 19
"""Decimal places that are looked at: any float of a price or quantity is written with fewer that mean something."""
MOST_PRICE_DECIMALS = 12
MOST_QUANTITY_DECIMALS = 8
"""Beyond these a number is the noise of a float: no venue quotes finer prices, or counts finer than a satoshi."""


class Units(NamedTuple):
    """Hold columns of integers on one scale, and how many values had to be rounded onto it."""

    columns: dict[str, np.ndarray]
    scale: int
    rounded: int


def read_decimals(texts: pa.Array | pa.ChunkedArray | Sequence[str], column: str, name: str) -> pa.Array:
    """Read a column of decimal text exactly.

    Raises:
        DatasetError: a value is no decimal number.
    """
    import pyarrow as pa
    import pyarrow.compute as pc

    array: Any = texts if isinstance(texts, pa.Array | pa.ChunkedArray) else pa.array(texts, pa.string())
    if isinstance(array, pa.ChunkedArray):
        array = array.combine_chunks()
    kind = pa.decimal128(38, MOST_DECIMALS)
    try:
        return pc.cast(pc.utf8_trim_whitespace(array), kind)
    except pa.ArrowInvalid:
        return pa.array([_read(text, column, name) for text in array.to_pylist()], kind)


def price_units(columns: dict[str, pa.Array], declared: int | None, name: str) -> Units:
    """Give prices as integers, on the declared scale or the smallest that holds every one exactly.

    Raises:
        DatasetError: a price has more decimal places than declared, or than any venue quotes, or too many digits.
    """
    exact = max((least_scale(column) for column in columns.values()), default=0)
    if declared is None:
        if exact > MOST_PRICE_DECIMALS:
            raise DatasetError(
                f"{name}: a price has {exact} decimal places, which only the noise of a float has: say the right number (price_scale)"
            )
        declared = exact
    units, rounded = _rounded(columns, declared, name)
    limit = Decimal(1).scaleb(-(declared + 4))
    for column in columns.values() if rounded else ():
        off = max((abs(value - round(value, declared)) for value in _beyond(column, declared)), default=Decimal(0))
        if off > limit:
            raise DatasetError(
                f"{name}: a price is {off.normalize():f} away from {declared} decimal places: say the right number (price_scale)"
            )
    return Units(units, declared, rounded)


def quantity_units(columns: dict[str, pa.Array], declared: int | None, name: str) -> Units:
    """Give quantities as integers, rounded half to even onto the declared scale, or the smallest that holds them up to 8 places.

    Raises:
        DatasetError: a quantity has too many digits.
    """
    if declared is None:
        declared = min(MOST_QUANTITY_DECIMALS, max((least_scale(column) for column in columns.values()), default=0))
    units, rounded = _rounded(columns, declared, name)
    return Units(units, declared, rounded)


def least_scale(column: pa.Array) -> int:
    """Give the smallest number of decimal places that holds every value exactly."""
    import pyarrow.compute as pc

    low, high = 0, MOST_DECIMALS
    while low < high:
        middle = (low + high) // 2
        if pc.all(pc.equal(pc.round(column, ndigits=middle, round_mode="half_to_even"), column)).as_py() in {True, None}:
            high = middle
        else:
            low = middle + 1
    return low


def _beyond(column: pa.Array, scale: int) -> list[Decimal]:
    """Give the values that have more decimal places than a scale."""
    import pyarrow.compute as pc

    return column.filter(pc.not_equal(pc.round(column, ndigits=scale, round_mode="half_to_even"), column)).to_pylist()


def _rounded(columns: dict[str, pa.Array], scale: int, name: str) -> tuple[dict[str, np.ndarray], int]:
    import pyarrow as pa
    import pyarrow.compute as pc

    units: dict[str, np.ndarray] = {}
    changed = 0
    for column, values in columns.items():
        rounded = pc.round(values, ndigits=scale, round_mode="half_to_even")
        changed += len(values) - (pc.sum(pc.equal(rounded, values)).as_py() or 0)
        try:
            units[column] = unscaled(pc.cast(rounded, pa.decimal128(DIGITS, scale))).copy()
        except pa.ArrowInvalid as error:
            raise DatasetError(f"{name}: a value in {column} has more than {DIGITS} digits at {scale} decimal places: {error}") from error
    return units, changed


def _read(text: str | None, column: str, name: str) -> Decimal:
    try:
        value = Decimal((text or "").strip())
        if value.is_finite():
            return round(value, MOST_DECIMALS)
    except InvalidOperation:
        pass
    raise DatasetError(f"{name}: column {column} holds {text!r}, which is no decimal number: repair or drop the row")
