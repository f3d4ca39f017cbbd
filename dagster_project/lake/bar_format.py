"""The parquet format of bars, which files are ingested from and datasets are frozen in.

A file holds one instrument: columns `ts_open`, `ts_close` (int64 nanoseconds UTC) and `open`, `high`, `low`, `close`,
`volume` (decimal128 on the instrument's scales), with the instrument in the schema's metadata. The unscaled integers of
the decimals are the engine's price and quantity units.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    import numpy as np
    import pyarrow as pa

    from live.core.instruments import Instrument

TIMES = ("ts_open", "ts_close")
PRICES = ("open", "high", "low", "close")
COLUMNS = (*TIMES, *PRICES, "volume")
INSTRUMENT_KEYS = ("instrument_id", "base", "quote", "price_scale", "quantity_scale")
INTERVAL_KEY = "bar_seconds"
DEFINITION_KEY = "instrument"
"""The whole definition of the instrument as JSON, in files whose source knows more than assets and scales."""
DIGITS = 18
"""Any decimal of so many digits fits a signed 64-bit integer."""


def read_metadata(schema: pa.Schema) -> dict[str, str]:
    """Give the schema's metadata as text."""
    return {key.decode(): value.decode() for key, value in (schema.metadata or {}).items()}


def column_types(price_scale: int, quantity_scale: int) -> dict[str, pa.DataType]:
    """Give the type that each column has on an instrument's scales."""
    import pyarrow as pa

    price, quantity = pa.decimal128(DIGITS, price_scale), pa.decimal128(DIGITS, quantity_scale)
    return dict(zip(COLUMNS, (pa.int64(), pa.int64(), price, price, price, price, quantity), strict=True))


def unscaled(column: pa.Array) -> np.ndarray:
    """Give the integers behind a decimal128 column of at most 18 digits, without a copy; nulls give any number.

    Each value is 16 bytes, little end first; 18 digits fit the lower 8 as a signed integer, so every second one counts.
    """
    import numpy as np

    words = np.frombuffer(column.buffers()[1], dtype="<i8") if len(column) else np.empty(0, dtype="<i8")
    first = 2 * column.offset
    return words[first : first + 2 * len(column) : 2]


def scaled(units: np.ndarray, scale: int) -> pa.Array:
    """Give integers as a decimal128 column on a scale: the inverse of `unscaled`."""
    import numpy as np
    import pyarrow as pa

    words = np.empty((len(units), 2), dtype="<i8")
    words[:, 0] = units
    words[:, 1] = np.where(np.asarray(units) < 0, -1, 0)
    return pa.Array.from_buffers(pa.decimal128(DIGITS, scale), len(units), [None, pa.py_buffer(words.tobytes())])


def make_table(
    columns: Mapping[str, np.ndarray], instrument: Instrument, interval_seconds: int, notes: Sequence[tuple[str, str]] = ()
) -> pa.Table:
    """Make the Arrow table of bars in this format from integer columns."""
    import pyarrow as pa

    types = column_types(instrument.price_scale, instrument.quantity_scale)
    arrays = [
        pa.array(columns[name], type=kind) if name in TIMES else scaled(columns[name], kind.scale)  # pyright: ignore[reportAttributeAccessIssue]
        for name, kind in types.items()
    ]
    metadata = {key: str(getattr(instrument, key)) for key in INSTRUMENT_KEYS} | {INTERVAL_KEY: str(interval_seconds)} | dict(notes)
    return pa.table(arrays, schema=pa.schema(list(types.items()), metadata=metadata))
