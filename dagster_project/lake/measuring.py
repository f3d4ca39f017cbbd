"""Measure a file of bars for its audit: its schema as a list, and its values with one measure a possible fault."""

from __future__ import annotations

from typing import TYPE_CHECKING

from dagster_project.lake.bar_format import COLUMNS, INSTRUMENT_KEYS, INTERVAL_KEY, PRICES, TIMES, column_types, read_metadata, unscaled
from dagster_project.lake.errors import LakeError
from dagster_project.lake.period import NANOSECONDS
from live.core.errors import InstrumentError
from live.core.instruments import Instrument

if TYPE_CHECKING:
    import numpy as np
    import pandas as pd
    import pyarrow as pa

    from dagster_project.lake.calendar import Calendar

METADATA_KEYS = (*INSTRUMENT_KEYS, INTERVAL_KEY)
MILLION = 1_000_000


def read_instrument(schema: pa.Schema) -> tuple[Instrument, int]:
    """Give the instrument that a file describes, and the length of its bars in seconds.

    Raises:
        LakeError: the metadata describe none.
    """
    metadata = read_metadata(schema)
    if missing := [key for key in METADATA_KEYS if key not in metadata]:
        raise LakeError(f"the schema's metadata lacks {', '.join(missing)}")
    try:
        interval_seconds = int(metadata[INTERVAL_KEY])
        instrument = Instrument(
            instrument_id=metadata["instrument_id"],
            base=metadata["base"],
            quote=metadata["quote"],
            price_scale=int(metadata["price_scale"]),
            quantity_scale=int(metadata["quantity_scale"]),
        )
    except (ValueError, InstrumentError) as error:
        raise LakeError(f"the schema's metadata is no instrument: {error}") from error
    if interval_seconds < 1 or not instrument.base or not instrument.quote:
        raise LakeError("the schema's metadata needs a base, a quote and a bar's length of at least 1 second")
    return instrument, interval_seconds


def list_schema(schema: pa.Schema, rows: int) -> pd.DataFrame:
    """List what a schema holds: each column with the type found and expected, and each metadata key if they name an instrument.

    Without an instrument's scales no type of a decimal can be expected; then the metadata are at fault, and only they are named.
    """
    import pandas as pd

    try:
        instrument, _ = read_instrument(schema)
    except LakeError as error:
        expected, metadata = {}, [("metadata", str(error), str(error))]
    else:
        expected = column_types(instrument.price_scale, instrument.quantity_scale)
        metadata = [(f"metadata.{key}", value, value) for key, value in read_metadata(schema).items() if key in METADATA_KEYS]
    listed = []
    for field in schema:
        name = field.name if schema.names.count(field.name) == 1 else f"{field.name} (several)"
        listed.append((name, str(field.type), str(expected.get(field.name, field.type))))
    frame = pd.DataFrame(listed + metadata, columns=["name", "found", "expected"])
    frame["rows"] = rows
    return frame


def measure_values(table: pa.Table, calendar: Calendar, now: int) -> pd.DataFrame:
    """Give the values of a file in units and a measure for each fault that an expectation is about; 0 is faultless.

    A measure judges one thing and leaves what another judges alone: a bar with a missing value has only that fault.

    Args:
        table: the whole file, whose schema holds.
        calendar: when bars exist.
        now: nanoseconds UTC; no bar closes after it.
    """
    import numpy as np
    import pandas as pd

    instrument, interval_seconds = read_instrument(table.schema)
    interval = interval_seconds * NANOSECONDS
    columns = {name: table.column(name).combine_chunks() for name in COLUMNS}
    units = {name: column.fill_null(0).to_numpy() if name in TIMES else unscaled(column) for name, column in columns.items()}
    absent = {name: ~column.is_valid().to_numpy(zero_copy_only=False) for name, column in columns.items()}
    whole = ~np.logical_or.reduce(list(absent.values()))
    frame = pd.DataFrame({name: _nullable(units[name], absent[name]) for name in COLUMNS})
    close, before = units["close"], np.concatenate([units["close"][:1], units["close"][:-1]])
    body_top, body_bottom = np.maximum(units["open"], close), np.minimum(units["open"], close)
    beyond = np.maximum(units["high"] - body_top, body_bottom - units["low"])
    priced = np.minimum(body_bottom, units["low"]) > 0
    continued = whole & np.concatenate([whole[:1], whole[:-1]])
    missing = np.zeros(len(whole), dtype=np.int64)
    timed = ~absent["ts_close"]
    missing[timed] = calendar.missing_before(units["ts_close"][timed], interval_seconds, instrument.venue_id)
    measures = {
        "grid_offset": units["ts_close"] % interval,
        "length_error": np.abs(units["ts_close"] - units["ts_open"] - interval),
        "seconds_ahead": np.maximum(units["ts_close"] - now, 0) / NANOSECONDS,
        "missing_before": missing,
        "high_shortfall": np.maximum(np.maximum(body_top, units["low"]) - units["high"], 0),
        "low_excess": np.maximum(units["low"] - np.minimum(body_bottom, units["high"]), 0),
        "not_positive": np.logical_or.reduce([units[name] <= 0 for name in PRICES]).astype(np.int64),
        "volume_shortfall": np.maximum(-units["volume"], 0),
        "jump_ppm": np.where(continued & (np.minimum(close, before) > 0), _millionths(np.abs(close - before), before), 0),
        "wick_ppm": np.where(priced, _millionths(beyond, body_bottom), 0),
    }
    for name, values in measures.items():
        frame[name] = np.where(whole, values, 0)
    return frame


def _nullable(units: np.ndarray, absent: np.ndarray) -> pd.api.extensions.ExtensionArray | np.ndarray:
    import pandas as pd

    return pd.arrays.IntegerArray(units.copy(), absent) if absent.any() else units


def _millionths(part: np.ndarray, of: np.ndarray) -> np.ndarray:
    import numpy as np

    return np.rint(part / np.maximum(of, 1) * MILLION)
