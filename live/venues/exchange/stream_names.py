"""Names of market streams: what a client may subscribe to, and what each name asks for."""

from enum import Enum

import msgspec

from live.venues.exchange.market import INTERVALS
from live.venues.exchange.stream_payloads import WINDOW_MINUTES

LEVELS = (5, 10, 20)
"""Depths of the partial book streams."""


class StreamKind(Enum):
    """What a stream says."""

    TRADE = "trade"
    AGGREGATE_TRADE = "aggTrade"
    DEPTH = "depth"
    PARTIAL_DEPTH = "partial depth"
    BOOK_TICKER = "bookTicker"
    TICKER = "ticker"
    MINI_TICKER = "miniTicker"
    ROLLING_TICKER = "rolling ticker"
    AVERAGE_PRICE = "avgPrice"
    KLINE = "kline"


class StreamName(msgspec.Struct, frozen=True):
    """Say what one stream name asks for.

    Attributes:
        text: the name as the client wrote it, which is also how its messages are labelled.
        kind: what the stream says.
        symbol: upper case, empty for a stream of all symbols.
        period: milliseconds between messages, 0 for real time.
        levels: price levels of a partial book, else 0.
        interval: length of a candle or of a rolling window, else empty.
        zone: microseconds that the time in which candles open is ahead of UTC.
    """

    text: str
    kind: StreamKind
    symbol: str
    period: int = 0
    levels: int = 0
    interval: str = ""
    zone: int = 0


_KLINE_ZONES = {"": 0, "+08:00": 8 * 3_600_000_000}
"""What candles may be cut by besides UTC: there is one such offset."""

_PLAIN = {
    "trade": (StreamKind.TRADE, 0),
    "aggTrade": (StreamKind.AGGREGATE_TRADE, 0),
    "bookTicker": (StreamKind.BOOK_TICKER, 0),
    "ticker": (StreamKind.TICKER, 1000),
    "miniTicker": (StreamKind.MINI_TICKER, 1000),
    "avgPrice": (StreamKind.AVERAGE_PRICE, 1000),
    "depth": (StreamKind.DEPTH, 1000),
    "depth@100ms": (StreamKind.DEPTH, 100),
}
_ALL_MARKET = {
    "!ticker@arr": (StreamKind.TICKER, ""),
    "!miniTicker@arr": (StreamKind.MINI_TICKER, ""),
    **{f"!ticker_{window}@arr": (StreamKind.ROLLING_TICKER, window) for window in WINDOW_MINUTES},
}
_SPEEDS = {"@1000ms": 1000, "@3000ms": 3000}
"""Ends that no page names: the venue knows them after its 24 hour tickers of all symbols, and python-binance always asks so."""


def parse_stream_name(text: str) -> StreamName | None:
    """Give what a name asks for, or None when there is no such stream; symbols are lower case in names."""
    if (every := _ALL_MARKET.get(text)) is not None:
        return StreamName(text, every[0], "", 1000, interval=every[1])
    for speed, period in _SPEEDS.items():
        if (every := _ALL_MARKET.get(text.removesuffix(speed))) is not None and not every[1]:
            return StreamName(text, every[0], "", period)
    symbol, separator, rest = text.partition("@")
    if not separator or not symbol or symbol != symbol.lower():
        return None
    name = symbol.upper()
    if (plain := _PLAIN.get(rest)) is not None:
        return StreamName(text, plain[0], name, plain[1])
    if rest.startswith("depth"):
        levels, _, speed = rest.removeprefix("depth").partition("@")
        if levels.isdigit() and int(levels) in LEVELS and speed in {"", "100ms"}:
            return StreamName(text, StreamKind.PARTIAL_DEPTH, name, 100 if speed else 1000, levels=int(levels))
    elif rest.startswith("kline_"):
        interval, _, offset = rest.removeprefix("kline_").partition("@")
        if interval in INTERVALS and (zone := _KLINE_ZONES.get(offset)) is not None and not rest.endswith("@"):
            return StreamName(text, StreamKind.KLINE, name, 1000 if interval == "1s" else 2000, interval=interval, zone=zone)
    elif rest.startswith("ticker_") and (window := rest.removeprefix("ticker_")) in WINDOW_MINUTES:
        return StreamName(text, StreamKind.ROLLING_TICKER, name, 1000, interval=window)
    return None
