"""Market events: what the market said, as versioned messages that go to the tape.

Times are integer nanoseconds UTC. `ts_init` is when we received the fact and never decreases; `ts_event` is when it
happened at the venue. Prices are in price units and quantities in quantity units of the instrument. Field order is part
of the schema: fields are encoded as a positional array. What is flagged `warm_up` is history: it feeds strategies and
slow references, never the current price and never a fill.
"""

import msgspec

from live.core.vocabulary import Side

Levels = tuple[tuple[int, int], ...]
"""Price levels of one side of a book as (price units, quantity units), best first; in a delta, quantity 0 removes a level."""


class Input(msgspec.Struct, frozen=True, gc=False, array_like=True, tag=True):
    """Carry one fact into the engine."""

    ts_init: int


class Bar(Input, frozen=True, gc=False, array_like=True, tag=True):
    """Report one finished bar of trades: `ts_event` is the bar's close."""

    ts_event: int
    instrument_id: str
    open: int
    high: int
    low: int
    close: int
    volume: int
    warm_up: bool = False


class QuoteBar(Input, frozen=True, gc=False, array_like=True, tag=True):
    """Report one finished bar of the best bid and the best ask: `ts_event` is the bar's close.

    Sizes are those of the last quote in the bar; 0 when the source does not say.
    """

    ts_event: int
    instrument_id: str
    bid_open: int
    bid_high: int
    bid_low: int
    bid_close: int
    ask_open: int
    ask_high: int
    ask_low: int
    ask_close: int
    bid_quantity: int = 0
    ask_quantity: int = 0
    warm_up: bool = False


class Trade(Input, frozen=True, gc=False, array_like=True, tag=True):
    """Report one trade of the market; `aggressor` is the side that took liquidity."""

    ts_event: int
    instrument_id: str
    price: int
    quantity: int
    aggressor: Side
    trade_id: str = ""
    warm_up: bool = False


class Quote(Input, frozen=True, gc=False, array_like=True, tag=True):
    """Report the best bid and the best ask with what rests at them."""

    ts_event: int
    instrument_id: str
    bid_price: int
    bid_quantity: int
    ask_price: int
    ask_quantity: int
    warm_up: bool = False


class BookSnapshot(Input, frozen=True, gc=False, array_like=True, tag=True):
    """Report a whole order book as of the venue's update number `sequence`."""

    ts_event: int
    instrument_id: str
    sequence: int
    bids: Levels
    asks: Levels
    warm_up: bool = False


class BookDelta(Input, frozen=True, gc=False, array_like=True, tag=True):
    """Report the levels that changed between two update numbers of the venue, both included."""

    ts_event: int
    instrument_id: str
    first_sequence: int
    last_sequence: int
    bids: Levels
    asks: Levels
    warm_up: bool = False


class FundingRate(Input, frozen=True, gc=False, array_like=True, tag=True):
    """Report that a perpetual's funding falls due: longs pay `rate_ppb` parts per billion of their value at `mark_price` to shorts."""

    ts_event: int
    instrument_id: str
    rate_ppb: int
    mark_price: int
    warm_up: bool = False


MarketEvent = Bar | QuoteBar | Trade | Quote | BookSnapshot | BookDelta | FundingRate

MARKET_TYPES: tuple[type[Input], ...] = (Bar, QuoteBar, Trade, Quote, BookSnapshot, BookDelta, FundingRate)
"""Every kind of market event, in the order in which events of one time are ranked when streams of several kinds merge."""
