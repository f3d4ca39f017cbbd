"""Recordings as moves of books: what each market event does to the book of its symbol, and when; numbers in 10**-8."""

import heapq
from collections.abc import Iterable, Iterator, Sequence

import msgspec

from live.core.inputs import MarketEvent
from live.core.instruments import Instrument
from live.core.market_events import Bar, BookDelta, BookSnapshot, Levels, Quote, QuoteBar, Trade
from live.core.vocabulary import Side as CoreSide
from live.venues.exchange.fixed8 import ONE, PLACES, Fixed8
from live.venues.exchange.orders import Side


class Step(msgspec.Struct, frozen=True):
    """One move of one book.

    Attributes:
        bids, asks: levels to set, quantity 0 taking one away.
        whole: whether those are the whole book, so every other level goes.
        price: what trades, or what a ladder is quoted around; 0 for neither.
        quantity: how much trades at that price.
        side: which side takes.
    """

    symbol: str
    bids: Levels = ()
    asks: Levels = ()
    whole: bool = False
    price: Fixed8 = 0
    quantity: Fixed8 = 0
    side: Side = Side.BUY


def symbol_of(instrument_id: str) -> str:
    """Give the exchange's symbol of an instrument: what follows the venue, letters and digits alone."""
    return "".join(character for character in instrument_id.rpartition(":")[2].upper() if character.isalnum())


def steps_of(instruments: Sequence[Instrument], events: Iterable[MarketEvent]) -> Iterator[tuple[int, Step]]:
    """Give the moves of the books in order of time, nanoseconds; a bar's path is spread over as long as the bar took."""
    scales = {
        each.instrument_id: (symbol_of(each.instrument_id), 10 ** (PLACES - each.price_scale), 10 ** (PLACES - each.quantity_scale))
        for each in instruments
    }
    waiting: list[tuple[int, int, Step]] = []
    closes: dict[str, int] = {}
    counted = 0
    for event in events:
        if event.instrument_id not in scales or event.warm_up:
            continue
        while waiting and waiting[0][0] <= event.ts_init:
            time, _, step = heapq.heappop(waiting)
            yield time, step
        symbol, price_unit, quantity_unit = scales[event.instrument_id]
        length = event.ts_event - closes.get(event.instrument_id, event.ts_event)
        closes[event.instrument_id] = event.ts_event
        moves = _moves(event, symbol, price_unit, quantity_unit)
        for index, step in enumerate(moves):
            counted += 1
            heapq.heappush(waiting, (event.ts_init + length * index // len(moves), counted, step))
    while waiting:
        time, _, step = heapq.heappop(waiting)
        yield time, step


def _moves(event: MarketEvent, symbol: str, price_unit: int, quantity_unit: int) -> tuple[Step, ...]:
    def levels(side: Levels) -> Levels:
        return tuple((price * price_unit, quantity * quantity_unit) for price, quantity in side)

    match event:
        case Trade():
            side = Side.BUY if event.aggressor is CoreSide.BUY else Side.SELL
            return (Step(symbol, price=event.price * price_unit, quantity=event.quantity * quantity_unit, side=side),)
        case BookSnapshot():
            return (Step(symbol, levels(event.bids), levels(event.asks), whole=True),)
        case BookDelta():
            return (Step(symbol, levels(event.bids), levels(event.asks)),)
        case Quote():
            bids = levels(((event.bid_price, event.bid_quantity),)) if event.bid_price else ()
            return (Step(symbol, bids, levels(((event.ask_price, event.ask_quantity),)) if event.ask_price else (), whole=True),)
        case Bar():
            return _path(event, symbol, price_unit, quantity_unit)
        case QuoteBar():
            opens, closes = (event.bid_open, event.ask_open), (event.bid_close, event.ask_close)
            lows, highs = (event.bid_low, event.ask_low), (event.bid_high, event.ask_high)
            path = (opens, lows, highs, closes) if event.bid_close >= event.bid_open else (opens, highs, lows, closes)
            quantities = (event.bid_quantity * quantity_unit or ONE, event.ask_quantity * quantity_unit or ONE)
            return tuple(
                Step(symbol, ((bid * price_unit, quantities[0]),), ((ask * price_unit, quantities[1]),), whole=True) for bid, ask in path
            )
        case _:
            return ()


def _path(bar: Bar, symbol: str, price_unit: int, quantity_unit: int) -> tuple[Step, ...]:
    """Give the four trades that make a bar: open, the extreme away from the close, the other one, close; the volume shared evenly."""
    prices = (bar.open, bar.low, bar.high, bar.close) if bar.close >= bar.open else (bar.open, bar.high, bar.low, bar.close)
    share, rest = divmod(bar.volume * quantity_unit, len(prices))
    before = bar.open
    path: list[Step] = []
    for index, price in enumerate(prices):
        side = Side.BUY if price >= before else Side.SELL
        path.append(Step(symbol, price=price * price_unit, quantity=share + (rest if index == len(prices) - 1 else 0), side=side))
        before = price
    return tuple(path)
