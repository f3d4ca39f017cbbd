"""Public market data through the adapter, against the local exchange over real sockets."""

import asyncio

import pytest
from adapter_desk import BTC, INSTRUMENT, LocalExchange, Sinks, open_feed

from live.core.book import BookState, OrderBook
from live.core.instruments import Instrument
from live.core.market_events import Bar, BookDelta, BookSnapshot, Quote, Trade
from live.venues.ccxt_adapter import CcxtMarketFeed
from live.venues.errors import VenueCallError
from live.venues.protocol import MarketKind

HEALTHY, UNHEALTHY = True, False
REOPEN_AFTER = 3.5
"""Longer than a bar's updates lie apart: a feed that was opened anew must be given the time to say something."""


def states(sinks: Sinks) -> list[bool]:
    """Give the states of the feed that were said, each once in a row."""
    said = [healthy for _, healthy, _ in sinks.feeds]
    return [one for index, one in enumerate(said) if not index or said[index - 1] != one]


def last_sequence(sinks: Sinks) -> int:
    """Give the number of the last update that came."""
    return next((one.last_sequence for one in reversed(sinks.events) if isinstance(one, BookDelta)), -1)


def book_of(sinks: Sinks, until: int = 2**62) -> OrderBook:
    """Build the engine's book from what the feed handed on, as of an update number."""
    book = OrderBook()
    for event in sinks.events:
        if isinstance(event, BookSnapshot) or (isinstance(event, BookDelta) and event.last_sequence <= until):
            book.apply(event)
    return book


def test_trades_quotes_and_a_book_without_a_gap_flow_in_the_venues_own_numbers(exchange: LocalExchange) -> None:
    """The engine's book, spliced from what came, is the venue's at the same update number."""

    async def scenario() -> None:
        async with open_feed(exchange, list(MarketKind)) as (_, sinks):
            for kind in (Trade, Quote, BookSnapshot, BookDelta):
                await sinks.until(lambda wanted=kind: any(isinstance(one, wanted) for one in sinks.events))
            await sinks.until(lambda: states(sinks)[-1:] == [HEALTHY])
            assert all(one.ts_init == 0 and one.instrument_id == BTC for one in sinks.events)
            for _ in range(50):  # a delta may span the snapshot's number: then ask for another
                depth = exchange.depth()
                number = depth["lastUpdateId"]
                await sinks.until(lambda wanted=number: last_sequence(sinks) >= wanted)
                book = book_of(sinks, until=number)
                if book.sequence == number:
                    break
            assert book.state is BookState.SYNCHRONISED
            assert book.sequence == depth["lastUpdateId"]
            top = depth["bids"][0], depth["asks"][0]
            assert (book.best_bid, book.best_ask) == tuple((round(float(p) * 100), round(float(q) * 100_000)) for p, q in top)

    asyncio.run(scenario())


def test_a_lost_delta_makes_the_feed_unhealthy_until_a_new_snapshot_joins(exchange: LocalExchange) -> None:
    """A gap is said at once, and mended without anybody asking."""

    async def scenario() -> None:
        async with open_feed(exchange, [MarketKind.BOOK]) as (_, sinks):
            await sinks.until(lambda: states(sinks)[-1:] == [HEALTHY])
            exchange.fault("lose_stream", match={"stream": "btcusdt@depth*"}, count=2)
            await sinks.until(lambda: states(sinks)[-2:] == [HEALTHY, UNHEALTHY])
            assert "snapshot" in sinks.feeds[-1][2]
            await sinks.until(lambda: states(sinks)[-1:] == [HEALTHY])
            assert sum(isinstance(one, BookSnapshot) for one in sinks.events) == 2
            assert book_of(sinks).state is BookState.SYNCHRONISED

    asyncio.run(scenario())


@pytest.mark.parametrize("kinds", [[MarketKind.TRADES], [MarketKind.QUOTES]], ids=["trades", "quotes"])
def test_a_frozen_feed_that_still_pongs_is_unhealthy_and_opened_anew(exchange: LocalExchange, kinds: list[MarketKind]) -> None:
    """The socket lives and says nothing: the venue's time in the data tells, and a new connection mends it."""

    async def scenario() -> None:
        async with open_feed(exchange, kinds, stale_after=3.0, reopen_after=REOPEN_AFTER) as (_, sinks):
            await sinks.until(lambda: states(sinks)[-1:] == [HEALTHY])
            exchange.control("/faults", {"kind": "freeze", "sockets": "market", "answers": True})
            await sinks.until(lambda: states(sinks)[-2:] == [HEALTHY, UNHEALTHY])
            assert sinks.feeds[-1][2] == "the newest venue time is old"
            await sinks.until(lambda: states(sinks)[-1:] == [HEALTHY])

    asyncio.run(scenario())


def test_trades_that_a_bar_names_and_that_did_not_come_make_the_feed_unhealthy(exchange: LocalExchange) -> None:
    """Only the stream of trades froze: the bars go on, and name a trade that nobody told; opened anew, it is healthy."""

    async def scenario() -> None:
        async with open_feed(exchange, [MarketKind.TRADES], stale_after=3.0, reopen_after=REOPEN_AFTER) as (_, sinks):
            await sinks.until(lambda: states(sinks)[-1:] == [HEALTHY] and any(isinstance(one, Trade) for one in sinks.events))
            exchange.fault("lose_stream", match={"stream": "btcusdt@trade"}, count=None)
            await sinks.until(lambda: states(sinks)[-2:] == [HEALTHY, UNHEALTHY])
            assert sinks.feeds[-1][2] == "a trade that a bar names did not come"
            exchange.control("/faults", method="DELETE")
            await sinks.until(lambda: states(sinks)[-1:] == [HEALTHY])

    asyncio.run(scenario())


def test_a_broken_socket_is_said_and_opened_anew(exchange: LocalExchange) -> None:
    """Every stream that ended makes the feed unhealthy until it carries data again."""

    async def scenario() -> None:
        async with open_feed(exchange, [MarketKind.TRADES, MarketKind.BOOK]) as (_, sinks):
            await sinks.until(lambda: states(sinks)[-1:] == [HEALTHY])
            exchange.control("/faults", {"kind": "disconnect", "sockets": "market"})
            await sinks.until(lambda: states(sinks)[-2:] == [HEALTHY, UNHEALTHY])
            await sinks.until(lambda: states(sinks)[-1:] == [HEALTHY])
            assert book_of(sinks).state is BookState.SYNCHRONISED

    asyncio.run(scenario())


def test_history_is_finished_bars_in_order_and_flagged_as_warm_up(exchange: LocalExchange) -> None:
    """What a strategy warms up with, as the feed of bars would have told it."""

    async def scenario() -> None:
        feed = CcxtMarketFeed(exchange.endpoint())
        bars = await feed.history(INSTRUMENT, 5)
        await feed.stop()
        assert len(bars) == 5
        assert all(isinstance(one, Bar) and one.warm_up and one.ts_init == 0 for one in bars)
        closes = [one.ts_event for one in bars]
        assert closes == [closes[0] + index * 60_000_000_000 for index in range(5)]

    asyncio.run(scenario())


def test_an_instrument_that_the_venue_does_not_list_is_refused(exchange: LocalExchange) -> None:
    """Nothing is subscribed to, and the sentence names it."""

    async def scenario() -> None:
        unknown = Instrument(instrument_id="local:NONEUSDT", base="NONE", quote="USDT", price_scale=2, quantity_scale=5)
        feed = CcxtMarketFeed(exchange.endpoint())
        with pytest.raises(VenueCallError, match="does not list local:NONEUSDT"):
            await feed.start([unknown], [MarketKind.TRADES], Sinks())
        await feed.stop()

    asyncio.run(scenario())
