"""Frames: what a dialect reads out of what a socket received: the venue's own text, under our names."""

from collections.abc import Sequence

import msgspec

from live.core.vocabulary import Liquidity, Side

TextLevels = Sequence[Sequence[str]]
"""Price levels as decimal text, each price and quantity."""


class TradeFrame(msgspec.Struct, frozen=True, gc=False):
    """Hold one trade of the market; times are milliseconds UTC, numbers decimal text."""

    symbol: str
    time: int
    trade_id: str
    price: str
    quantity: str
    aggressor: Side


class QuoteFrame(msgspec.Struct, frozen=True, gc=False):
    """Hold the best bid and ask; `time` is 0 where the venue gives none."""

    symbol: str
    time: int
    bid_price: str
    bid_quantity: str
    ask_price: str
    ask_quantity: str


class DepthFrame(msgspec.Struct, frozen=True, gc=False):
    """Hold changed levels of a book between two update numbers, both included."""

    symbol: str
    time: int
    first_sequence: int
    last_sequence: int
    bids: TextLevels
    asks: TextLevels


class BarFrame(msgspec.Struct, frozen=True, gc=False):
    """Hold a bar of one minute; `finished` tells whether it is final, `time` is when this was said.

    `last_trade_id` names the last trade in it, 0 where the venue does not say: trades that did not come show by it.
    """

    symbol: str
    time: int
    opened_at: int
    open: str
    high: str
    low: str
    close: str
    volume: str
    finished: bool
    last_trade_id: int = 0


class OrderFrame(msgspec.Struct, frozen=True, gc=False, kw_only=True):
    """Hold what happened to an order of the account.

    Attributes:
        symbol: the venue's symbol.
        time: venue time of it, milliseconds UTC.
        order_id: the client order id under which it was placed.
        venue_order_id: the venue's id of it.
        event: what happened, in our words: ACCEPTED, REJECTED, CANCELED, EXPIRED, TRADED, or CHANGED for anything else.
        side: which way it trades.
        quantity: decimal text.
        executed_quantity: decimal text, in all.
        limit_price: decimal text; zero for a market order.
        works: whether it still rests at the venue.
        reason: the venue's words for an end.
        trade_id: of the execution, empty when there is none.
        price: of the execution.
        traded_quantity: of the execution.
        fee: of the execution.
        fee_asset: what the fee was paid in, empty when there was none.
        liquidity: whether the execution took or made.
    """

    symbol: str
    time: int
    order_id: str
    venue_order_id: str
    event: str
    side: Side
    quantity: str
    executed_quantity: str
    limit_price: str
    works: bool
    reason: str = ""
    trade_id: str = ""
    price: str = ""
    traded_quantity: str = ""
    fee: str = "0"
    fee_asset: str = ""
    liquidity: Liquidity = Liquidity.TAKER


class EndOfStream(msgspec.Struct, frozen=True, gc=False):
    """Say that the venue is about to end this stream, or has: it has to be opened anew."""

    detail: str


MarketFrame = TradeFrame | QuoteFrame | DepthFrame | BarFrame

Frame = MarketFrame | OrderFrame | EndOfStream
