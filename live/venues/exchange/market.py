"""Market data that is answered on request: trades, klines, statistics, top of the book; times in microseconds UTC, numbers in 10**-8."""

from msgspec import Struct

from live.venues.exchange.fixed8 import Fixed8


class PublicTrade(Struct, frozen=True):
    """A trade as everybody sees it."""

    trade_id: int
    price: Fixed8
    quantity: Fixed8
    quote_quantity: Fixed8
    time: int
    buyer_is_maker: bool


class AggregateTrade(Struct, frozen=True):
    """What one taking order traded at one price."""

    aggregate_id: int
    price: Fixed8
    quantity: Fixed8
    first_trade_id: int
    last_trade_id: int
    time: int
    buyer_is_maker: bool


class Depth(Struct, frozen=True):
    """The book's levels from the best on, and the id of the last update they hold."""

    last_update_id: int
    bids: tuple[tuple[Fixed8, Fixed8], ...]
    asks: tuple[tuple[Fixed8, Fixed8], ...]


class BookTicker(Struct, frozen=True):
    """The best price and quantity of both sides, 0 on an empty side."""

    update_id: int
    bid_price: Fixed8
    bid_quantity: Fixed8
    ask_price: Fixed8
    ask_quantity: Fixed8


class Kline(Struct, frozen=True):
    """One bar; `close_time` is its last microsecond. Trade ids are -1 when nothing traded."""

    open_time: int
    close_time: int
    open: Fixed8
    high: Fixed8
    low: Fixed8
    close: Fixed8
    volume: Fixed8
    quote_volume: Fixed8
    trades: int
    taker_buy_volume: Fixed8
    taker_buy_quote_volume: Fixed8
    first_trade_id: int
    last_trade_id: int


class Ticker(Struct, frozen=True):
    """Statistics of the last 24 hours; prices 0 and trade ids -1 when nothing traded in them.

    Attributes:
        previous_close: the last price before the window.
        weighted_average: quote volume over volume.
    """

    symbol: str
    open_time: int
    close_time: int
    open: Fixed8
    high: Fixed8
    low: Fixed8
    last: Fixed8
    last_quantity: Fixed8
    previous_close: Fixed8
    weighted_average: Fixed8
    volume: Fixed8
    quote_volume: Fixed8
    first_trade_id: int
    last_trade_id: int
    trades: int


INTERVALS = ("1s", "1m", "3m", "5m", "15m", "30m", "1h", "2h", "4h", "6h", "8h", "12h", "1d", "3d", "1w", "1M")
"""Lengths of klines."""
