"""The parquet format of market events other than bars of trades, whose format is `lake.bar_format`.

A file holds one kind of event of one instrument, in order of `ts_init`. Its schema's metadata name the kind (`event_kind`, like
`Trade`) and the instrument, as files of bars do. Every file has `ts_init` (when the fact was received) and `ts_event` (when it happened
at the venue), int64 nanoseconds UTC, and then:

| kind | columns |
|---|---|
| QuoteBar | bid_open, bid_high, bid_low, bid_close, ask_open, ask_high, ask_low, ask_close, bid_quantity, ask_quantity |
| Trade | price, quantity, aggressor (int8: 1 the buyer took liquidity, -1 the seller), trade_id (string) |
| Quote | bid_price, bid_quantity, ask_price, ask_quantity |
| BookSnapshot | sequence, bid_prices, bid_quantities, ask_prices, ask_quantities (lists, best first) |
| BookDelta | first_sequence, last_sequence, and the same four lists |
| FundingRate | rate_ppb (int64), mark_price |

Prices and quantities are decimal128 on the instrument's scales; the unscaled integers are the engine's units.
"""

from __future__ import annotations

from enum import Enum, auto
from itertools import pairwise, repeat
from typing import TYPE_CHECKING, Any

import msgspec

from dagster_project.lake.bar_format import DEFINITION_KEY, DIGITS, INSTRUMENT_KEYS, scaled, unscaled
from live.core.market_events import BookDelta, BookSnapshot, FundingRate, Quote, QuoteBar, Trade
from live.core.vocabulary import Side

if TYPE_CHECKING:
    from collections.abc import Mapping

    import pyarrow as pa

    from live.core.instruments import Instrument
    from live.core.market_events import MarketEvent

KIND_KEY = "event_kind"


class Content(Enum):
    """What a column holds."""

    INTEGER = auto()
    PRICE = auto()
    QUANTITY = auto()
    SIDE = auto()
    TEXT = auto()
    PRICES = auto()
    QUANTITIES = auto()


_LEVELS = (
    ("bid_prices", Content.PRICES),
    ("bid_quantities", Content.QUANTITIES),
    ("ask_prices", Content.PRICES),
    ("ask_quantities", Content.QUANTITIES),
)

EVENT_COLUMNS: dict[type[MarketEvent], tuple[tuple[str, Content], ...]] = {
    QuoteBar: (
        *((f"{side}_{point}", Content.PRICE) for side in ("bid", "ask") for point in ("open", "high", "low", "close")),
        ("bid_quantity", Content.QUANTITY),
        ("ask_quantity", Content.QUANTITY),
    ),
    Trade: (("price", Content.PRICE), ("quantity", Content.QUANTITY), ("aggressor", Content.SIDE), ("trade_id", Content.TEXT)),
    Quote: (
        ("bid_price", Content.PRICE),
        ("bid_quantity", Content.QUANTITY),
        ("ask_price", Content.PRICE),
        ("ask_quantity", Content.QUANTITY),
    ),
    BookSnapshot: (("sequence", Content.INTEGER), *_LEVELS),
    BookDelta: (("first_sequence", Content.INTEGER), ("last_sequence", Content.INTEGER), *_LEVELS),
    FundingRate: (("rate_ppb", Content.INTEGER), ("mark_price", Content.PRICE)),
}
"""The columns of each kind after `ts_init` and `ts_event`, in the order of the event's own fields."""

KINDS_BY_NAME = {kind.__name__: kind for kind in EVENT_COLUMNS}


def event_column_types(kind: type[MarketEvent], instrument: Instrument) -> dict[str, pa.DataType]:
    """Give the type that each column of a kind has on an instrument's scales."""
    import pyarrow as pa

    price, quantity = pa.decimal128(DIGITS, instrument.price_scale), pa.decimal128(DIGITS, instrument.quantity_scale)
    types = {
        Content.INTEGER: pa.int64(),
        Content.PRICE: price,
        Content.QUANTITY: quantity,
        Content.SIDE: pa.int8(),
        Content.TEXT: pa.string(),
        Content.PRICES: pa.list_(price),
        Content.QUANTITIES: pa.list_(quantity),
    }
    times = {"ts_init": pa.int64(), "ts_event": pa.int64()}
    return times | {name: types[content] for name, content in EVENT_COLUMNS[kind]}


def make_event_table(kind: type[MarketEvent], columns: Mapping[str, Any], instrument: Instrument) -> pa.Table:
    """Make the Arrow table of events in this format.

    Args:
        kind: of the events.
        columns: integers by column name as arrays; a column of lists as a pair of row offsets and flat integers.
        instrument: what they are of.
    """
    import pyarrow as pa

    types = event_column_types(kind, instrument)
    contents: dict[str, Content] = dict((("ts_init", Content.INTEGER), ("ts_event", Content.INTEGER), *EVENT_COLUMNS[kind]))
    scales = {
        **dict.fromkeys((Content.PRICE, Content.PRICES), instrument.price_scale),
        **dict.fromkeys((Content.QUANTITY, Content.QUANTITIES), instrument.quantity_scale),
    }
    arrays: list[pa.Array] = []
    for name, content in contents.items():
        held = columns[name]
        if content in (Content.PRICES, Content.QUANTITIES):
            offsets, flat = held
            arrays.append(pa.ListArray.from_arrays(pa.array(offsets, pa.int32()), scaled(flat, scales[content])))
        elif content in scales:
            arrays.append(scaled(held, scales[content]))
        else:
            arrays.append(pa.array(held, type=types[name]))
    return pa.table(arrays, schema=pa.schema(list(types.items()), metadata=event_metadata(kind, instrument)))


def event_metadata(kind: type[MarketEvent], instrument: Instrument) -> dict[str, str]:
    """Give what a file says of its kind and instrument."""
    keys = {key: str(getattr(instrument, key)) for key in INSTRUMENT_KEYS}
    return keys | {KIND_KEY: kind.__name__, DEFINITION_KEY: msgspec.json.encode(instrument).decode()}


def columns_of_events(kind: type[MarketEvent], events: list[Any]) -> dict[str, Any]:
    """Give the columns of events of one kind, as `make_event_table` takes them."""
    import numpy as np

    columns: dict[str, Any] = {name: np.array([getattr(event, name) for event in events], np.int64) for name in ("ts_init", "ts_event")}
    for name, content in EVENT_COLUMNS[kind]:
        if content is Content.SIDE:
            columns[name] = np.array([event.aggressor.sign for event in events], np.int8)
        elif content is Content.TEXT:
            columns[name] = [getattr(event, name) for event in events]
        elif content in (Content.PRICES, Content.QUANTITIES):
            place = 0 if content is Content.PRICES else 1
            levels = [getattr(event, name.partition("_")[0] + "s") for event in events]
            offsets = np.concatenate([[0], np.cumsum([len(one) for one in levels])]).astype(np.int32)
            columns[name] = (offsets, np.array([level[place] for one in levels for level in one], np.int64))
        else:
            columns[name] = np.array([getattr(event, name) for event in events], np.int64)
    return columns


def decode_events(batch: pa.RecordBatch, kind: type[MarketEvent], instrument_id: str) -> list[Any]:
    """Give the events of a batch of columns."""
    import numpy as np

    received, happened = batch.column("ts_init").to_numpy(), batch.column("ts_event").to_numpy()
    inits = received.tolist()
    # Recordings that know one time only say it twice: one integer then serves both fields.
    times = (inits, inits if np.array_equal(received, happened) else happened.tolist())
    fields: list[Any] = []
    lists: list[tuple[list[int], list[int]]] = []
    for name, content in EVENT_COLUMNS[kind]:
        column = batch.column(name)
        if content in (Content.PRICES, Content.QUANTITIES):
            lists.append(_flat(column))
        else:
            fields.append(_values(column, content))
    fields += [_levels(prices, quantities) for prices, quantities in zip(lists[::2], lists[1::2], strict=True)]
    return list(map(kind, *times, repeat(instrument_id), *fields))


def _values(column: pa.Array, content: Content) -> list[Any]:
    import numpy as np

    if content is Content.TEXT:
        return column.to_pylist()
    if content is Content.SIDE:
        sides = np.array([Side.SELL, Side.SELL, Side.BUY], dtype=object)
        return sides[column.to_numpy() + 1].tolist()
    return (column.to_numpy() if content is Content.INTEGER else unscaled(column)).tolist()


def _flat(column: pa.ListArray) -> tuple[list[int], list[int]]:
    """Give where each row of a column of lists begins and ends in the flat integers, and these."""
    offsets = column.offsets.to_numpy()
    return (offsets - offsets[0]).tolist(), unscaled(column.values.slice(offsets[0], offsets[-1] - offsets[0])).tolist()


def _levels(prices: tuple[list[int], list[int]], quantities: tuple[list[int], list[int]]) -> list[tuple[tuple[int, int], ...]]:
    levels = list(zip(prices[1], quantities[1], strict=True))
    return [tuple(levels[first:beyond]) for first, beyond in pairwise(prices[0])]
