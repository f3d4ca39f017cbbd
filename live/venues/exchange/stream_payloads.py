"""Messages of the market streams as Binance words them (web-socket-streams.md); `unit` is what microseconds are divided by."""

from collections.abc import Iterable
from typing import Any

from live.venues.exchange.events import AggregateTradeEvent, DepthEvent, TradeEvent
from live.venues.exchange.exchange import Exchange
from live.venues.exchange.fixed8 import Fixed8, fixed8_text
from live.venues.exchange.market import BookTicker, Kline, Ticker
from live.venues.exchange.payloads import percent_text

MILLISECOND = 1_000
"""Microseconds in a millisecond: what times are divided by unless a client asked for microseconds."""

MINUTE = 60 * 1_000_000
WINDOW_MINUTES = {"1h": 60, "4h": 240, "1d": 1_440}
"""Windows of the rolling statistics streams."""


class BookChanges:
    """Gather the book updates of one symbol until a stream's next message."""

    __slots__ = ("asks", "bids", "first", "last", "time")

    def __init__(self) -> None:
        self.bids: dict[Fixed8, Fixed8] = {}
        self.asks: dict[Fixed8, Fixed8] = {}
        self.first = self.last = self.time = 0

    def add(self, event: DepthEvent) -> None:
        """Take in the next update; of a level that changed twice the last quantity stays."""
        if not self.first:
            self.first = event.first_update_id
        self.last, self.time = event.last_update_id, event.time
        self.bids.update(event.bids)
        self.asks.update(event.asks)


def trade_payload(event: TradeEvent, unit: int) -> dict[str, Any]:
    """Word one trade."""
    return {
        "e": "trade",
        "E": event.time // unit,
        "s": event.symbol,
        "t": event.trade_id,
        "p": fixed8_text(event.price),
        "q": fixed8_text(event.quantity),
        "T": event.time // unit,
        "m": event.buyer_is_maker,
        "M": True,
    }


def aggregate_trade_payload(event: AggregateTradeEvent, unit: int) -> dict[str, Any]:
    """Word what one taking order traded at one price."""
    return {
        "e": "aggTrade",
        "E": event.time // unit,
        "s": event.symbol,
        "a": event.aggregate_id,
        "p": fixed8_text(event.price),
        "q": fixed8_text(event.quantity),
        "f": event.first_trade_id,
        "l": event.last_trade_id,
        "T": event.time // unit,
        "m": event.buyer_is_maker,
        "M": True,
    }


def depth_payload(symbol: str, changes: BookChanges, unit: int) -> dict[str, Any]:
    """Word the levels that changed since the stream's last message."""
    return {
        "e": "depthUpdate",
        "E": changes.time // unit,
        "s": symbol,
        "U": changes.first,
        "u": changes.last,
        "b": level_texts(sorted(changes.bids.items(), reverse=True)),
        "a": level_texts(sorted(changes.asks.items())),
    }


def book_ticker_payload(symbol: str, top: BookTicker) -> dict[str, Any]:
    """Word the top of the book."""
    return {
        "u": top.update_id,
        "s": symbol,
        "b": fixed8_text(top.bid_price),
        "B": fixed8_text(top.bid_quantity),
        "a": fixed8_text(top.ask_price),
        "A": fixed8_text(top.ask_quantity),
    }


def mini_ticker_payload(ticker: Ticker, _: BookTicker, now: int, unit: int) -> dict[str, Any]:
    """Word the short statistics of 24 hours."""
    return {
        "e": "24hrMiniTicker",
        "E": now // unit,
        "s": ticker.symbol,
        "c": fixed8_text(ticker.last),
        "o": fixed8_text(ticker.open),
        "h": fixed8_text(ticker.high),
        "l": fixed8_text(ticker.low),
        "v": fixed8_text(ticker.volume),
        "q": fixed8_text(ticker.quote_volume),
    }


def ticker_payload(ticker: Ticker, top: BookTicker, now: int, unit: int) -> dict[str, Any]:
    """Word the statistics of 24 hours."""
    return {
        "e": "24hrTicker",
        "E": now // unit,
        "s": ticker.symbol,
        "p": fixed8_text(ticker.last - ticker.open),
        "P": percent_text(ticker.last - ticker.open, ticker.open),
        "w": fixed8_text(ticker.weighted_average),
        "x": fixed8_text(ticker.previous_close),
        "c": fixed8_text(ticker.last),
        "Q": fixed8_text(ticker.last_quantity),
        "b": fixed8_text(top.bid_price),
        "B": fixed8_text(top.bid_quantity),
        "a": fixed8_text(top.ask_price),
        "A": fixed8_text(top.ask_quantity),
        "o": fixed8_text(ticker.open),
        "h": fixed8_text(ticker.high),
        "l": fixed8_text(ticker.low),
        "v": fixed8_text(ticker.volume),
        "q": fixed8_text(ticker.quote_volume),
        "O": ticker.open_time // unit,
        "C": ticker.close_time // unit,
        "F": ticker.first_trade_id,
        "L": ticker.last_trade_id,
        "n": ticker.trades,
    }


def rolling_payload(exchange: Exchange, symbol: str, window: str, now: int, unit: int) -> dict[str, Any]:
    """Word the statistics of a window that starts on a minute, from its minute bars."""
    start = (now // MINUTE - WINDOW_MINUTES[window]) * MINUTE
    bars = exchange.klines(symbol, "1m", now, start=start, limit=WINDOW_MINUTES[window] + 1)
    traded = [bar for bar in bars if bar.trades]
    opened, last = (traded[0].open, traded[-1].close) if traded else (0, 0)
    volume, quote = sum(bar.volume for bar in traded), sum(bar.quote_volume for bar in traded)
    return {
        "e": f"{window}Ticker",
        "E": now // unit,
        "s": symbol,
        "p": fixed8_text(last - opened),
        "P": percent_text(last - opened, opened),
        "o": fixed8_text(opened),
        "h": fixed8_text(max((bar.high for bar in traded), default=0)),
        "l": fixed8_text(min((bar.low for bar in traded), default=0)),
        "c": fixed8_text(last),
        "w": fixed8_text(quote * 10**8 // volume if volume else 0),
        "v": fixed8_text(volume),
        "q": fixed8_text(quote),
        "O": start // unit,
        "C": now // unit,
        "F": traded[0].first_trade_id if traded else -1,
        "L": traded[-1].last_trade_id if traded else -1,
        "n": sum(bar.trades for bar in traded),
    }


def kline_payload(symbol: str, interval: str, bar: Kline, now: int, unit: int, *, closed: bool) -> dict[str, Any]:
    """Word a bar as it is so far, or for good."""
    return {
        "e": "kline",
        "E": now // unit,
        "s": symbol,
        "k": {
            "t": bar.open_time // unit,
            "T": bar.close_time // unit,
            "s": symbol,
            "i": interval,
            "f": bar.first_trade_id,
            "L": bar.last_trade_id,
            "o": fixed8_text(bar.open),
            "c": fixed8_text(bar.close),
            "h": fixed8_text(bar.high),
            "l": fixed8_text(bar.low),
            "v": fixed8_text(bar.volume),
            "n": bar.trades,
            "x": closed,
            "q": fixed8_text(bar.quote_volume),
            "V": fixed8_text(bar.taker_buy_volume),
            "Q": fixed8_text(bar.taker_buy_quote_volume),
            "B": "0",
        },
    }


def level_texts(levels: Iterable[tuple[Fixed8, Fixed8]]) -> list[tuple[str, str]]:
    """Print price levels."""
    return [(fixed8_text(price), fixed8_text(quantity)) for price, quantity in levels]
