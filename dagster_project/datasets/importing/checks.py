"""What is looked at in every stream that is imported: nothing is dropped or repaired, it is told.

What no engine can take is refused: a bar outside its own low and high, a price that is not positive, a bid above its ask, time that runs
backwards. Everything else is a warning: gaps in the grid of bars, in trade ids and in a book's update numbers, and bars of a wild range.
"""

from __future__ import annotations

from itertools import islice
from typing import TYPE_CHECKING

from dagster_project.datasets.importing.outcome import ImportFinding
from dagster_project.datasets.streams import EventTable
from dagster_project.lake.bar_format import unscaled
from dagster_project.lake.period import NANOSECONDS, describe_moment
from live.core.book import BookState, OrderBook
from live.core.errors import InputError
from live.core.market_events import Bar, BookDelta, BookSnapshot, Quote, QuoteBar, Trade

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping

    import numpy as np

WILD_RANGES = 20
"""A bar whose range is so many times the median one of its file is pointed out: one print may have made it."""
BUSIEST_PER_SECOND = 100_000_000
"""Quote units a second beyond which a volume is probably in the quote asset already: no market trades ten times as much."""
LISTED_GAPS = 20
LISTED_BARS = 5


def check_stream(stream: EventTable, interval_seconds: int) -> list[ImportFinding]:
    """Look at a stream of any kind but books, which `check_book` follows."""
    if not stream.rows:
        return [_refused("not_empty", "it holds no event")]
    columns = _columns(stream)
    times = columns["ts_close" if stream.kind is Bar else "ts_init"]
    return [*_order(times, strictly=interval_seconds > 0), *_CHECKS.get(stream.kind, lambda *_: [])(columns, stream, interval_seconds)]


def check_book(events: Iterable[BookSnapshot | BookDelta]) -> list[ImportFinding]:
    """Follow a book through its snapshots and deltas, in the order in which they were received."""
    book = OrderBook()
    seen: dict[BookState, list[int]] = {state: [] for state in BookState}
    changes = 0
    for event in events:
        changes += 1
        try:
            state = book.apply(event)
        except InputError as error:
            return [_refused("book_levels_make_sense", str(error))]
        if state is not None:
            seen[state].append(event.ts_init)
    found: list[ImportFinding] = []
    if not seen[BookState.SYNCHRONISED]:
        found.append(_warning("book_has_a_snapshot", f"no snapshot joins its {changes:,} updates: the book never gives a price"))
    for state, name in (
        (BookState.GAP, "book_chain_is_unbroken"),
        (BookState.CROSSED, "book_is_not_crossed"),
        (BookState.LOCKED, "book_is_open"),
    ):
        if times := seen[state]:
            found.append(_warning(name, f"the book is {state.value} {len(times):,} times, first at {describe_moment(times[0])} UTC"))
    if not found:
        found.append(ImportFinding(name="book_chain_is_unbroken", severity="note", told=f"{changes:,} updates form one unbroken chain"))
    return found


def gaps_of(closes: np.ndarray, interval_seconds: int) -> list[tuple[int, int]]:
    """Give each hole in the grid of bars as the close before it and how many bars are missing."""
    import numpy as np

    interval = interval_seconds * NANOSECONDS
    missing = np.diff(closes) // interval - 1
    return [(int(closes[at]), int(missing[at])) for at in np.flatnonzero(missing > 0)]


def _bars(columns: Mapping[str, np.ndarray], stream: EventTable, interval_seconds: int) -> list[ImportFinding]:
    import numpy as np

    found = _ranges(columns, ("open", "high", "low", "close"), "bar")
    if (columns["volume"] < 0).any():
        found.append(_refused("volume_is_not_negative", f"{int((columns['volume'] < 0).sum()):,} bars have a negative volume"))
    found += _grid(columns["ts_close"], interval_seconds)
    found += _wild(columns["high"], columns["low"], columns["close"], columns["ts_close"])
    instrument = stream.instrument
    value = np.median(columns["volume"].astype(float) * columns["close"]) / 10.0 ** (instrument.price_scale + instrument.quantity_scale)
    if value / interval_seconds > BUSIEST_PER_SECOND:
        told = (
            f"half of its bars would have traded more than {value:,.0f} {instrument.quote}: declare volume=quote if that is what it counts"
        )
        found.append(_warning("volume_is_in_base", told))
    return found


def _quote_bars(columns: Mapping[str, np.ndarray], _stream: EventTable, interval_seconds: int) -> list[ImportFinding]:
    found: list[ImportFinding] = []
    for side in ("bid", "ask"):
        found += _ranges(columns, tuple(f"{side}_{point}" for point in ("open", "high", "low", "close")), f"{side} bar")
    found += _crossed(columns["bid_close"], columns["ask_close"], "closing quotes")
    found += _grid(columns["ts_init"], interval_seconds)
    return found + _wild(columns["bid_high"], columns["bid_low"], columns["bid_close"], columns["ts_init"])


def _quotes(columns: Mapping[str, np.ndarray], _stream: EventTable, _interval: int) -> list[ImportFinding]:
    found = _crossed(columns["bid_price"], columns["ask_price"], "quotes")
    wrong = (columns["bid_price"] <= 0) | (columns["ask_price"] <= 0) | (columns["bid_quantity"] < 0) | (columns["ask_quantity"] < 0)
    if wrong.any():
        found.append(
            _refused("quotes_are_positive", f"{int(wrong.sum()):,} quotes have a price that is not positive or a negative quantity")
        )
    return found


def _trades(columns: Mapping[str, np.ndarray], stream: EventTable, _interval: int) -> list[ImportFinding]:
    import numpy as np

    wrong = (columns["price"] <= 0) | (columns["quantity"] <= 0)
    found = [_refused("trades_are_positive", f"{int(wrong.sum()):,} trades have no positive price and quantity")] if wrong.any() else []
    ids = stream.table.column("trade_id").to_pylist()
    if all(one.isdecimal() and len(one) < 19 for one in ids):
        steps = np.diff(np.array([int(one) for one in ids], np.int64))
        if (steps <= 0).any():
            found.append(_warning("trade_ids_grow", f"{int((steps <= 0).sum()):,} trade ids do not follow the one before"))
        if (steps > 1).any():
            told = f"{int((steps[steps > 1] - 1).sum()):,} trades are missing in {int((steps > 1).sum()):,} holes between trade ids"
            found.append(_warning("trade_ids_are_unbroken", told))
        if (steps == 1).all():
            found.append(ImportFinding(name="trade_ids_are_unbroken", severity="note", told=f"{len(ids):,} trade ids without a hole"))
    return found


_CHECKS: dict[type, Callable[[Mapping[str, np.ndarray], EventTable, int], list[ImportFinding]]] = {
    Bar: _bars,
    QuoteBar: _quote_bars,
    Quote: _quotes,
    Trade: _trades,
}


def _columns(stream: EventTable) -> dict[str, np.ndarray]:
    """Give the columns of numbers as integers."""
    import pyarrow as pa

    table = stream.table.combine_chunks()
    columns: dict[str, np.ndarray] = {}
    for name in table.schema.names:
        chunk = table.column(name).chunk(0)
        if pa.types.is_decimal(chunk.type):
            columns[name] = unscaled(chunk)
        elif pa.types.is_integer(chunk.type):
            columns[name] = chunk.to_numpy()
    return columns


def _order(times: np.ndarray, *, strictly: bool) -> list[ImportFinding]:
    import numpy as np

    steps = np.diff(times)
    wrong = np.flatnonzero(steps <= 0 if strictly else steps < 0)
    if not len(wrong):
        return []
    kind = "not after" if strictly else "before"
    told = f"{len(wrong):,} rows are {kind} the one before, first at {describe_moment(int(times[wrong[0] + 1]))} UTC"
    return [_refused("time_goes_forward", told)]


def _ranges(columns: Mapping[str, np.ndarray], names: tuple[str, ...], what: str) -> list[ImportFinding]:
    opened, high, low, close = (columns[name] for name in names)
    wrong = (low > opened) | (low > close) | (opened > high) | (close > high) | (low <= 0)
    if not wrong.any():
        return []
    told = f"{int(wrong.sum()):,} {what}s have an open or close outside their low and high, or a price that is not positive"
    return [_refused("prices_lie_between_low_and_high", told)]


def _crossed(bids: np.ndarray, asks: np.ndarray, what: str) -> list[ImportFinding]:
    found: list[ImportFinding] = []
    if (bids > asks).any():
        found.append(_refused("bid_is_not_above_ask", f"{int((bids > asks).sum()):,} {what} are crossed: the bid lies above the ask"))
    if (bids == asks).any():
        found.append(_warning("bid_is_below_ask", f"{int((bids == asks).sum()):,} {what} are locked: bid and ask are equal"))
    return found


def _grid(closes: np.ndarray, interval_seconds: int) -> list[ImportFinding]:
    found: list[ImportFinding] = []
    off = int(((closes - closes[0]) % (interval_seconds * NANOSECONDS) != 0).sum())
    if off:
        found.append(_warning("bars_lie_on_the_grid", f"{off:,} bars do not lie on a grid of {interval_seconds} s from the first one on"))
    gaps = gaps_of(closes, interval_seconds)
    if gaps:
        missing = sum(count for _, count in gaps)
        listed = ", ".join(f"{count} after {describe_moment(close)}" for close, count in islice(gaps, LISTED_GAPS))
        more = f", and {len(gaps) - LISTED_GAPS:,} more" if len(gaps) > LISTED_GAPS else ""
        found.append(_warning("no_bar_is_missing", f"{missing:,} bars are missing in {len(gaps):,} gaps: {listed}{more}"))
    return found


def _wild(high: np.ndarray, low: np.ndarray, close: np.ndarray, times: np.ndarray) -> list[ImportFinding]:
    import numpy as np

    ranges = (high - low) / np.maximum(close, 1)
    usual = float(np.median(ranges[ranges > 0])) if (ranges > 0).any() else 0.0
    wild = np.flatnonzero(ranges > WILD_RANGES * usual) if usual else np.empty(0, np.int64)
    if not len(wild):
        return []
    widest = sorted(wild.tolist(), key=lambda at: -ranges[at])[:LISTED_BARS]
    listed = ", ".join(f"{float(ranges[at]):.1%} at {describe_moment(int(times[at]))}" for at in widest)
    told = f"{len(wild):,} bars have more than {WILD_RANGES} times the usual range of {usual:.3%}, the widest {listed} UTC: they are kept"
    return [_warning("range_is_not_wild", told)]


def _refused(name: str, told: str) -> ImportFinding:
    return ImportFinding(name=name, severity="refused", told=told)


def _warning(name: str, told: str) -> ImportFinding:
    return ImportFinding(name=name, severity="warning", told=told)
