"""`binance-l2`: a raw log of Binance's market data websocket, one message a line after the time of its receipt in nanoseconds.

A line is `<receipt> {"stream": "btcusdt@depth@100ms", "data": {...}}` with depth updates, trades (`@trade`) or best quotes
(`@bookTicker`), or `<receipt> {"lastUpdateId": ..., "bids": [...], "asks": [...]}`, the answer of the REST depth endpoint; messages of
other streams are counted and left out. `ts_init` is the receipt, corrected by a declared number of milliseconds. `ts_event` is the event
time `E` of a depth update and the trade time `T` of a trade; best quotes and snapshots carry none, and get the latest event time that the
log has shown before them.
"""

from __future__ import annotations

import gzip
import zlib
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import msgspec

from dagster_project.datasets.errors import DatasetError
from dagster_project.datasets.event_format import make_event_table
from dagster_project.datasets.importing.checks import check_book, check_stream
from dagster_project.datasets.importing.naming import Naming, Symbol, split_symbol
from dagster_project.datasets.importing.numbers import price_units, quantity_units, read_decimals
from dagster_project.datasets.importing.options import ImportOptions
from dagster_project.datasets.importing.outcome import ImportedStream, ImportFinding
from dagster_project.datasets.merging import merge_streams
from dagster_project.datasets.streams import EventTable
from live.core.market_events import BookDelta, BookSnapshot, MarketEvent, Quote, Trade

if TYPE_CHECKING:
    import numpy as np

    from live.core.instruments import Instrument

VENUE = "binance-spot"
MILLISECONDS = 1_000_000
KINDS: tuple[type[MarketEvent], ...] = (Trade, Quote, BookSnapshot, BookDelta)
PRICE_COLUMNS = ("price", "bid_price", "ask_price", "bid_prices", "ask_prices")
QUANTITY_COLUMNS = ("quantity", "bid_quantity", "ask_quantity", "bid_quantities", "ask_quantities")


class _Message(msgspec.Struct):
    stream: str = ""
    data: msgspec.Raw = msgspec.Raw()
    lastUpdateId: int = -1  # noqa: N815 - Binance's own name
    bids: list[tuple[str, str]] = msgspec.field(default_factory=list)
    asks: list[tuple[str, str]] = msgspec.field(default_factory=list)


class _Depth(msgspec.Struct):
    E: int
    s: str
    U: int
    u: int
    b: list[tuple[str, str]]
    a: list[tuple[str, str]]


class _Trade(msgspec.Struct):
    E: int
    s: str
    t: int
    p: str
    q: str
    T: int
    m: bool


class _Ticker(msgspec.Struct):
    s: str
    b: str
    B: str
    a: str
    A: str


_message = msgspec.json.Decoder(_Message)
_depth = msgspec.json.Decoder(_Depth)
_trade = msgspec.json.Decoder(_Trade)
_ticker = msgspec.json.Decoder(_Ticker)


def looks_like_binance_l2(head: bytes) -> bool:
    """Tell whether a file begins with a time of receipt and a message of Binance."""
    receipt, _, body = head.partition(b"\n")[0].partition(b" ")
    return receipt.isdigit() and (body.startswith((b'{"stream"', b'{"lastUpdateId"')))


def read_binance_l2(paths: Sequence[Path], naming: Naming, options: ImportOptions) -> list[ImportedStream]:
    """Read logs as parts of one recording, in order of their first message.

    Raises:
        DatasetError: a line is no message, receipts run backwards, a snapshot could be of several symbols, or a number does not fit.
    """
    logs = sorted(((next(_lines(path))[0], path) for path in paths), key=lambda one: one[0])
    log = _Log(options.clock_correction_ms * MILLISECONDS)
    for _, path in logs:
        log.read(path)
    sources, name = tuple(path for _, path in logs), ", ".join(path.name for _, path in logs)
    streams: list[ImportedStream] = []
    for text, rows in log.by_symbol(name).items():
        streams += _import_symbol(Symbol(VENUE, text, *(split_symbol(text) or ("", ""))), rows, sources, name, naming, log)
    return streams


class _Log:
    """Collect the columns of every message of a recording, as they are written."""

    def __init__(self, clock_correction: int) -> None:
        self._correction = clock_correction
        self._rows: dict[str, dict[type[MarketEvent], list[tuple[Any, ...]]]] = {}
        self._received = -1
        self._venue_time = 0
        self.delays: list[int] = []
        self.left_out: dict[str, int] = {}

    def read(self, path: Path) -> None:
        """Read one log to its end.

        Raises:
            DatasetError: a line is no message, or was received before the one before it.
        """
        for number, (receipt, body) in enumerate(_lines(path), start=1):
            received = receipt + self._correction
            if received < self._received:
                raise DatasetError(f"{path.name}: line {number} was received before the line before it: sort the log by time of receipt")
            self._received = received
            try:
                self._take(received, body)
            except msgspec.MsgspecError as error:
                raise DatasetError(f"{path.name}: line {number} is no message of Binance ({error}): repair or drop it") from error

    def by_symbol(self, name: str) -> dict[str, dict[type[MarketEvent], list[tuple[Any, ...]]]]:
        """Give the rows of each symbol and kind; snapshots name no symbol, and belong to the only one there is.

        Raises:
            DatasetError: there are snapshots and several symbols, or nothing but snapshots.
        """
        snapshots = self._rows.pop("", {})
        if snapshots and len(self._rows) != 1:
            raise DatasetError(f"{name}: snapshots name no symbol, and the log is of {len(self._rows)}: split it by symbol")
        return {symbol: kinds | snapshots for symbol, kinds in self._rows.items()}

    def _take(self, received: int, body: bytes) -> None:
        message = _message.decode(body)
        if message.lastUpdateId >= 0:
            self._add("", BookSnapshot, (received, self._seen(received), message.lastUpdateId, message.bids, message.asks))
        elif "@depth" in message.stream:
            depth = _depth.decode(message.data)
            self._see(received, depth.E)
            self._add(depth.s, BookDelta, (received, depth.E * MILLISECONDS, depth.U, depth.u, depth.b, depth.a))
        elif message.stream.endswith("@trade"):
            trade = _trade.decode(message.data)
            self._see(received, trade.E)
            # The buyer rested when `m` is set, so that the seller took liquidity.
            self._add(trade.s, Trade, (received, trade.T * MILLISECONDS, trade.p, trade.q, -1 if trade.m else 1, str(trade.t)))
        elif message.stream.endswith("@bookTicker"):
            ticker = _ticker.decode(message.data)
            self._add(ticker.s, Quote, (received, self._seen(received), ticker.b, ticker.B, ticker.a, ticker.A))
        else:
            what = message.stream.partition("@")[2] or "without a stream"
            self.left_out[what] = self.left_out.get(what, 0) + 1

    def _add(self, symbol: str, kind: type[MarketEvent], row: tuple[Any, ...]) -> None:
        self._rows.setdefault(symbol, {}).setdefault(kind, []).append(row)

    def _see(self, received: int, milliseconds: int) -> None:
        self._venue_time = max(self._venue_time, milliseconds * MILLISECONDS)
        self.delays.append(received - milliseconds * MILLISECONDS)

    def _seen(self, received: int) -> int:
        return self._venue_time or received


def _import_symbol(
    symbol: Symbol,
    rows: dict[type[MarketEvent], list[tuple[Any, ...]]],
    sources: tuple[Path, ...],
    name: str,
    naming: Naming,
    log: _Log,
) -> list[ImportedStream]:
    columns = {kind: _columns(kind, rows[kind]) for kind in KINDS if kind in rows}
    price_scale, quantity_scale = naming.scales(symbol, name)
    prices = price_units(_decimals(columns, PRICE_COLUMNS, name), price_scale, name)
    quantities = quantity_units(_decimals(columns, QUANTITY_COLUMNS, name), quantity_scale, name)
    instrument = naming.instrument(symbol, name, (prices.scale, quantities.scale))
    units = prices.columns | quantities.columns
    streams = [_stream(kind, held, units, instrument, name) for kind, held in columns.items()]
    book = [stream for stream in streams if stream.kind in {BookSnapshot, BookDelta}]
    told = _told_of_log(log)
    if quantities.rounded:
        text = f"{quantities.rounded:,} quantities were rounded to {quantities.scale} decimal places"
        told.append(ImportFinding(name="quantities_are_exact", severity="note", told=text))
    found: list[ImportedStream] = []
    for stream in streams:
        findings = check_stream(stream, 0)
        if stream is (book or [None])[-1]:
            findings += check_book(merge_streams(book))  # pyright: ignore[reportArgumentType]
        if stream is streams[0]:
            findings = [*told, *findings]
        found.append(ImportedStream(stream=stream, sources=sources, findings=tuple(findings)))
    return found


def _columns(kind: type[MarketEvent], rows: list[tuple[Any, ...]]) -> dict[str, Any]:
    """Turn rows into columns: integers as arrays, decimals as lists of text, levels as offsets and flat lists of text."""
    import numpy as np

    transposed = list(zip(*rows, strict=True))
    columns: dict[str, Any] = {name: np.array(transposed[place], np.int64) for place, name in enumerate(("ts_init", "ts_event"))}
    if kind is Trade:
        columns |= {"price": list(transposed[2]), "quantity": list(transposed[3])}
        return columns | {"aggressor": np.array(transposed[4], np.int8), "trade_id": list(transposed[5])}
    if kind is Quote:
        return columns | dict(zip(("bid_price", "bid_quantity", "ask_price", "ask_quantity"), map(list, transposed[2:]), strict=True))
    numbers = ("sequence",) if kind is BookSnapshot else ("first_sequence", "last_sequence")
    columns |= {name: np.array(transposed[2 + place], np.int64) for place, name in enumerate(numbers)}
    for side, held in zip(("bid", "ask"), transposed[-2:], strict=True):
        offsets = np.concatenate([[0], np.cumsum([len(levels) for levels in held])]).astype(np.int32)
        for place, what in enumerate(("prices", "quantities")):
            columns[f"{side}_{what}"] = (offsets, [level[place] for levels in held for level in levels])
    return columns


def _decimals(columns: dict[type[MarketEvent], dict[str, Any]], names: tuple[str, ...], name: str) -> dict[str, Any]:
    """Read every column of a sort as decimals, under the kind's and the column's name."""
    found: dict[str, Any] = {}
    for kind, held in columns.items():
        for column in names:
            if column in held:
                texts = held[column][1] if isinstance(held[column], tuple) else held[column]
                found[f"{kind.__name__}.{column}"] = read_decimals(texts, column, name)
    return found


def _stream(kind: type[MarketEvent], held: dict[str, Any], units: dict[str, np.ndarray], instrument: Instrument, name: str) -> EventTable:
    columns = dict(held)
    for column, values in held.items():
        known = units.get(f"{kind.__name__}.{column}")
        if known is not None:
            columns[column] = (values[0], known) if isinstance(values, tuple) else known
    if kind in {BookSnapshot, BookDelta}:
        for side, sign in (("bid", -1), ("ask", 1)):
            _sort_levels(columns, side, sign)
    return EventTable(name, kind, instrument, make_event_table(kind, columns, instrument))


def _sort_levels(columns: dict[str, Any], side: str, sign: int) -> None:
    """Put the levels of each row in order, best first; Binance sends them so, but does not promise it."""
    import numpy as np

    offsets, prices = columns[f"{side}_prices"]
    rows = np.repeat(np.arange(len(offsets) - 1), np.diff(offsets))
    order = np.lexsort((sign * prices, rows))
    columns[f"{side}_prices"] = (offsets, prices[order])
    columns[f"{side}_quantities"] = (offsets, columns[f"{side}_quantities"][1][order])


def _told_of_log(log: _Log) -> list[ImportFinding]:
    import numpy as np

    found: list[ImportFinding] = []
    if log.delays:
        least, middle, most = (value / MILLISECONDS for value in np.percentile(log.delays, (0, 50, 100)))
        told = f"messages were received {middle:,.0f} ms after their event time, {least:,.0f} to {most:,.0f} ms"
        if least >= 0:
            found.append(ImportFinding(name="received_after_the_event", severity="note", told=told))
        else:
            advice = f"the receiver's clock is behind the venue's: declare clock_correction_ms={int(-least) + 1} or more to undo it"
            found.append(ImportFinding(name="received_after_the_event", severity="warning", told=f"{told}: {advice}"))
    for what, count in sorted(log.left_out.items()):
        found.append(ImportFinding(name="every_stream_is_read", severity="note", told=f"{count:,} messages of {what} were left out"))
    return found


def _lines(path: Path) -> Iterator[tuple[int, bytes]]:
    """Give each line's time of receipt and its message.

    Raises:
        DatasetError: the file cannot be read, is empty, or a line begins with no time of receipt.
    """
    number = 0
    try:
        with path.open("rb") as raw:
            compressed = raw.read(2) == b"\x1f\x8b"
        with gzip.open(path, "rb") if compressed else path.open("rb") as stream:
            for number, line in enumerate(stream, start=1):
                receipt, _, body = line.partition(b" ")
                if not receipt.isdigit():
                    raise DatasetError(f"{path.name}: line {number} begins with no time of receipt in nanoseconds: repair or drop it")
                yield int(receipt), body
    except (OSError, EOFError, zlib.error) as error:
        raise DatasetError(f"{path} cannot be read after line {number} ({error}): restore it") from error
    if not number:
        raise DatasetError(f"{path.name} holds no message: name another file")
