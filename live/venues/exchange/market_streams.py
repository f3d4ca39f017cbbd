"""Market streams: who listens to what, and the messages as Binance words them (web-socket-streams.md)."""

from collections.abc import Callable, Iterable
from functools import partial
from typing import Any

import msgspec

from live.venues.exchange.events import AggregateTradeEvent, DepthEvent, Event, TradeEvent
from live.venues.exchange.exchange import Exchange
from live.venues.exchange.fixed8 import Fixed8, fixed8_text
from live.venues.exchange.market import BookTicker
from live.venues.exchange.sockets import Connection
from live.venues.exchange.stream_names import StreamKind, StreamName, parse_stream_name
from live.venues.exchange.stream_payloads import (
    MILLISECOND,
    BookChanges,
    aggregate_trade_payload,
    book_ticker_payload,
    depth_payload,
    kline_payload,
    level_texts,
    mini_ticker_payload,
    rolling_payload,
    ticker_payload,
    trade_payload,
)

SHUTDOWN_STREAM = "!serverShutdown"
PERIODS = (100, 1000, 2000, 3000)
"""Milliseconds between the messages of streams that are told at intervals."""

Payload = Callable[[int], Any]
"""Builds a message for times divided by its argument."""

encode = msgspec.json.Encoder().encode


class _Symbol:
    """Hold the names and the pending book updates of one symbol's streams."""

    __slots__ = ("aggregate", "book", "fast", "fast_name", "slow", "slow_name", "top", "trade")

    def __init__(self, symbol: str) -> None:
        name = symbol.lower()
        self.trade, self.aggregate, self.book = f"{name}@trade", f"{name}@aggTrade", f"{name}@bookTicker"
        self.fast_name, self.slow_name = f"{name}@depth@100ms", f"{name}@depth"
        self.fast, self.slow = BookChanges(), BookChanges()
        self.top: BookTicker | None = None


class MarketStreams:
    """Send what the exchange says to the connections that listen for it."""

    def __init__(self, exchange: Exchange, loses: Callable[[str], bool]) -> None:
        """Start without listeners; `loses` says of a stream name whether its next message goes missing."""
        self._exchange = exchange
        self._loses = loses
        self._listeners: dict[str, set[Connection]] = {}
        self._timed: dict[str, StreamName] = {}
        self._symbols = {symbol: _Symbol(symbol) for symbol in exchange.symbols}
        self._flushed: dict[int, int] = {}
        self._open_klines: dict[str, int] = {}

    def subscribe(self, connection: Connection, names: Iterable[str]) -> None:
        """Listen to streams; a name that no stream has is accepted and stays silent, as at the venue."""
        for name in names:
            connection.streams.add(name)
            self._listeners.setdefault(name, set()).add(connection)
            parsed = parse_stream_name(name)
            if parsed is not None and parsed.period and (not parsed.symbol or parsed.symbol in self._symbols):
                self._timed[name] = parsed

    def unsubscribe(self, connection: Connection, names: Iterable[str]) -> None:
        """Stop listening to streams."""
        for name in names:
            connection.streams.discard(name)
            listeners = self._listeners.get(name)
            if listeners is not None:
                listeners.discard(connection)
                if not listeners:
                    del self._listeners[name]
                    self._timed.pop(name, None)
                    self._open_klines.pop(name, None)

    def forget(self, connection: Connection) -> None:
        """Drop all subscriptions of a connection that is gone."""
        self.unsubscribe(connection, tuple(connection.streams))

    def publish(self, events: Iterable[Event]) -> None:
        """Send what is told as it happens, and gather what is told at intervals."""
        changed: set[str] = set()
        for event in events:
            if isinstance(event, DepthEvent):
                symbol = self._symbols[event.symbol]
                symbol.fast.add(event)
                symbol.slow.add(event)
                changed.add(event.symbol)
            elif isinstance(event, TradeEvent):
                self._send(self._symbols[event.symbol].trade, partial(trade_payload, event))
            elif isinstance(event, AggregateTradeEvent):
                self._send(self._symbols[event.symbol].aggregate, partial(aggregate_trade_payload, event))
        for name in changed:
            self._send_top(name)

    def beat(self, now: int) -> None:
        """Send what is told at intervals and is due by `now`, microseconds UTC."""
        due = {period for period in PERIODS if now // (period * MILLISECOND) != self._flushed.get(period)}
        for period in due:
            self._flushed[period] = now // (period * MILLISECOND)
        if 100 in due:
            self._send_changes("fast_name", "fast")
        if 1000 in due:
            self._send_changes("slow_name", "slow")
        for name, stream in tuple(self._timed.items()):
            if stream.period in due and stream.kind is not StreamKind.DEPTH:
                self._send_timed(name, stream, now)

    def announce_shutdown(self, connections: Iterable[Connection], now: int) -> None:
        """Tell stream connections that the server is about to go."""
        for connection in connections:
            unit = 1 if connection.microseconds else MILLISECOND
            event = {"e": "serverShutdown", "E": now // unit}
            connection.reply(encode({"stream": SHUTDOWN_STREAM, "data": event} if connection.combined else event))

    def _send(self, name: str, build: Payload) -> None:
        listeners = self._listeners.get(name)
        if not listeners or self._loses(name):
            return
        frames: dict[tuple[bool, bool], bytes] = {}
        for connection in listeners:
            form = (connection.combined, connection.microseconds)
            frame = frames.get(form)
            if frame is None:
                payload = build(1 if connection.microseconds else MILLISECOND)
                frame = frames[form] = encode({"stream": name, "data": payload} if connection.combined else payload)
            connection.publish(frame)

    def _send_changes(self, name_field: str, field: str) -> None:
        for symbol, state in self._symbols.items():
            changes: BookChanges = getattr(state, field)
            if changes.first:
                setattr(state, field, BookChanges())
                self._send(getattr(state, name_field), partial(depth_payload, symbol, changes))

    def _send_top(self, symbol: str) -> None:
        state = self._symbols[symbol]
        if state.book not in self._listeners:
            state.top = None
            return
        top, before = self._exchange.book_ticker(symbol), state.top
        state.top = top
        if before is None or _sides(top) != _sides(before):
            self._send(state.book, lambda _: book_ticker_payload(symbol, top))

    def _send_timed(self, name: str, stream: StreamName, now: int) -> None:
        symbol = stream.symbol
        match stream.kind:
            case StreamKind.PARTIAL_DEPTH:
                self._send(name, lambda _: self._partial_depth(symbol, stream.levels))
            case StreamKind.KLINE:
                self._send_klines(name, stream, now)
            case StreamKind.AVERAGE_PRICE:
                self._send(name, lambda unit: self._average_price(symbol, now, unit))
            case StreamKind.ROLLING_TICKER if not symbol:
                self._send(
                    name, lambda unit: [rolling_payload(self._exchange, every, stream.interval, now, unit) for every in self._symbols]
                )
            case StreamKind.ROLLING_TICKER:
                self._send(name, lambda unit: rolling_payload(self._exchange, symbol, stream.interval, now, unit))
            case _:
                self._send_ticker(name, stream, now)

    def _send_ticker(self, name: str, stream: StreamName, now: int) -> None:
        payload = ticker_payload if stream.kind is StreamKind.TICKER else mini_ticker_payload

        def one(symbol: str, unit: int) -> dict[str, Any]:
            return payload(self._exchange.ticker(symbol, now), self._exchange.book_ticker(symbol), now, unit)

        self._send(name, lambda unit: one(stream.symbol, unit) if stream.symbol else [one(symbol, unit) for symbol in self._symbols])

    def _send_klines(self, name: str, stream: StreamName, now: int) -> None:
        bars = self._exchange.klines(stream.symbol, stream.interval, now, limit=2, zone=stream.zone)
        if not bars:
            return
        before = self._open_klines.get(name)
        self._open_klines[name] = bars[-1].open_time
        if before is not None and bars[0].open_time == before and before != bars[-1].open_time:
            self._send(name, lambda unit: kline_payload(stream.symbol, stream.interval, bars[0], now, unit, closed=True))
        self._send(name, lambda unit: kline_payload(stream.symbol, stream.interval, bars[-1], now, unit, closed=False))

    def _partial_depth(self, symbol: str, levels: int) -> dict[str, Any]:
        depth = self._exchange.depth(symbol, levels)
        return {"lastUpdateId": depth.last_update_id, "bids": level_texts(depth.bids), "asks": level_texts(depth.asks)}

    def _average_price(self, symbol: str, now: int, unit: int) -> dict[str, Any]:
        trades = self._exchange.recent_trades(symbol, 1)
        return {
            "e": "avgPrice",
            "E": now // unit,
            "s": symbol,
            "i": "5m",
            "w": fixed8_text(self._exchange.average_price(symbol, now)),
            "T": trades[-1].time // unit if trades else 0,
        }


def _sides(top: BookTicker) -> tuple[Fixed8, Fixed8, Fixed8, Fixed8]:
    return top.bid_price, top.bid_quantity, top.ask_price, top.ask_quantity
