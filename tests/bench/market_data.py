"""The data every engine is given: bars and trade ticks, random walks from fixed seeds, in whole cents and millionths of a unit.

The bytes are the same on every machine, so figures of two machines are of the same work. Columns are decimals of fixed
scale, as a dataset of this project keeps them; a peer divides them back into floats before its clock starts.
"""

from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq

BARS_SEED, TICKS_SEED = 20_200_101, 20_200_102
START = 1_577_836_800_000_000_000
MINUTE = 60_000_000_000
FIRST_PRICE = 30_000_00
PRICE_SCALE, QUANTITY_SCALE = 2, 6
INSTRUMENT = {"instrument_id": "bench:BTCUSDT", "base": "BTC", "quote": "USDT", "price_scale": "2", "quantity_scale": "6"}


def bars_file(home: Path, rows: int) -> Path:
    """Give the file of that many bars, and make it if it is not there."""
    path = home / f"bars_{rows}.parquet"
    if not path.exists():
        _write(path, _bars(rows))
    return path


def ticks_file(home: Path, rows: int) -> Path:
    """Give the file of that many trade ticks, and make it if it is not there."""
    path = home / f"ticks_{rows}.parquet"
    if not path.exists():
        _write(path, _ticks(rows), {"event_kind": "Trade"})
    return path


def _bars(rows: int) -> dict[str, pa.Array]:
    chance = np.random.Generator(np.random.PCG64(BARS_SEED))
    close = np.rint(FIRST_PRICE * np.exp(np.cumsum(chance.standard_normal(rows) * 0.0005))).astype(np.int64)
    gap = np.rint(chance.standard_normal(rows) * 50).astype(np.int64)
    opened = np.empty(rows, np.int64)
    opened[0] = FIRST_PRICE
    opened[1:] = close[:-1] + gap[1:]
    up = np.rint(np.abs(chance.standard_normal(rows)) * close * 0.0002).astype(np.int64)
    down = np.rint(np.abs(chance.standard_normal(rows)) * close * 0.0002).astype(np.int64)
    volume = np.rint(np.exp(chance.standard_normal(rows)) * 20e6).astype(np.int64) + 5_000_000
    closes = START + MINUTE * np.arange(1, rows + 1, dtype=np.int64)
    return {
        "ts_open": pa.array(closes - MINUTE),
        "ts_close": pa.array(closes),
        "open": _decimals(opened, PRICE_SCALE),
        "high": _decimals(np.maximum(opened, close) + up, PRICE_SCALE),
        "low": _decimals(np.minimum(opened, close) - down, PRICE_SCALE),
        "close": _decimals(close, PRICE_SCALE),
        "volume": _decimals(volume, QUANTITY_SCALE),
    }


def _ticks(rows: int) -> dict[str, pa.Array]:
    chance = np.random.Generator(np.random.PCG64(TICKS_SEED))
    waits = np.rint(chance.exponential(50e6, rows)).astype(np.int64) + 1_000
    price = np.rint(FIRST_PRICE * np.exp(np.cumsum(chance.standard_normal(rows) * 0.00002))).astype(np.int64)
    quantity = np.rint(np.exp(chance.standard_normal(rows)) * 0.1e6).astype(np.int64) + 10_000
    bought = chance.random(rows) < 0.5
    times = pa.array(START + np.cumsum(waits))
    return {
        "ts_init": times,
        "ts_event": times,
        "price": _decimals(price, PRICE_SCALE),
        "quantity": _decimals(quantity, QUANTITY_SCALE),
        "aggressor": pa.array(np.where(bought, 1, -1).astype(np.int8)),
        "trade_id": pa.array(np.arange(1, rows + 1)).cast(pa.string()),
    }


def _write(path: Path, columns: dict[str, pa.Array], further: dict[str, str] | None = None) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    draft = path.with_suffix(".draft")
    table = pa.table(columns).replace_schema_metadata(INSTRUMENT | (further or {}))
    pq.write_table(table, draft, compression="zstd", row_group_size=131_072)
    draft.replace(path)


def _decimals(values: np.ndarray, scale: int) -> pa.Array:
    """Store integers as decimal128: 16 bytes each, little end first, sign in the upper half."""
    words = np.empty((len(values), 2), np.int64)
    words[:, 0], words[:, 1] = values, values >> 63
    return pa.Array.from_buffers(pa.decimal128(18, scale), len(values), [None, pa.py_buffer(words.tobytes())])
