"""Market feed: a venue's public streams, one task each that only hands on what it receives, watched by the venue's own time.

A socket that answers pings may carry nothing, or what happened long ago. So an instrument's feed counts as healthy only while the newest
venue time in each stream of a regular beat is recent, each of its streams is open, its book is an unbroken chain, and no trade is missing
that a bar names; a feed that stays stale is closed and opened anew. Bars are always listened to: they come also when nothing trades. That
quotes alone froze is not seen, since they carry neither time nor number that another stream names. Deltas of a book go out as they
come: the engine's book splices a snapshot onto them, as the venue describes.
"""

import asyncio
import time
from collections.abc import Callable, Collection, Coroutine, Mapping
from typing import Any

import msgspec

from live.core.inputs import Bar
from live.core.instruments import Instrument
from live.core.market_events import BookDelta, BookSnapshot, Levels, Quote, Trade
from live.venues.ccxt_adapter.calls import CallFailedError
from live.venues.ccxt_adapter.client import Endpoint, VenueClient, patient_call
from live.venues.ccxt_adapter.frames import BarFrame, DepthFrame, EndOfStream, MarketFrame, QuoteFrame, TextLevels, TradeFrame
from live.venues.ccxt_adapter.requests import AccountRequests
from live.venues.ccxt_adapter.translation import NANOSECONDS_PER_MILLISECOND, Catalogue, Listing, UnreadableAnswerError, units
from live.venues.ccxt_adapter.wiring import VenueClock
from live.venues.errors import VenueCallError
from live.venues.protocol import MarketKind, VenueSinks
from live.venues.request_budget import BudgetQueue, Priority, RequestBudget

_SECOND = 1_000_000_000
_MINUTE = 60 * _SECOND
_MINUTE_MILLISECONDS = 60_000
_BARS_PAGE = 1_000
_BEATING = (MarketKind.BARS, MarketKind.BOOK)
"""Streams that say something every few seconds whatever happens."""
_WATCH_INTERVAL = 0.25
"""Seconds between two looks at how old the data is."""


class FeedSettings(msgspec.Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """Bound how old data may be.

    Attributes:
        stale_after: a feed whose newest venue time is older is unhealthy, seconds.
        reopen_after: one that stays so is closed and opened anew, seconds.
        reconnect_wait: shortest time between two attempts to open a stream, seconds; doubles up to 30.
        book_levels: levels of a snapshot.
    """

    stale_after: float = 5.0
    reopen_after: float = 15.0
    reconnect_wait: float = 0.2
    book_levels: int = 1_000


class _Watched:
    """Follow one instrument: what it waits for, and how old its data is."""

    __slots__ = (
        "behind_since",
        "chain_began",
        "detail",
        "fetching",
        "healthy",
        "last_sequence",
        "last_trade",
        "listing",
        "newest",
        "synchronised",
        "trouble",
        "unhealthy_since",
    )

    def __init__(self, listing: Listing, *, has_book: bool) -> None:
        self.listing = listing
        self.newest: dict[MarketKind, int] = {}
        self.last_trade = 0
        self.behind_since = 0
        self.healthy = False
        self.detail = ""
        self.trouble = ""
        self.unhealthy_since = 0
        self.synchronised = not has_book
        self.fetching = False
        self.chain_began = 0
        self.last_sequence = 0


class CcxtMarketFeed:
    """Feed a venue's public market data through ccxt.

    Attributes:
        venue_id: the venue's name, as in its instruments' ids.
    """

    def __init__(
        self,
        endpoint: Endpoint,
        *,
        settings: FeedSettings | None = None,
        budget: RequestBudget | None = None,
        wall: Callable[[], int] = time.time_ns,
    ) -> None:
        """Describe the feed; nothing is opened before `start`.

        Args:
            endpoint: where the venue is.
            settings: how old data may be.
            budget: what all who ask this venue from here share; one of its own unless given.
            wall: our clock, nanoseconds UTC.
        """
        self.venue_id = endpoint.venue_id
        self._endpoint = endpoint
        self._settings = settings or FeedSettings()
        self._clock = VenueClock(wall)
        self._queue = BudgetQueue(budget or RequestBudget(endpoint.dialect.limits), self._clock.now)
        self._tasks: set[asyncio.Task[None]] = set()
        self._watched: dict[str, _Watched] = {}
        self._kinds: frozenset[MarketKind] = frozenset()
        self._ended: dict[MarketKind, str] = {}
        self._failure = ""
        self._client: VenueClient | None = None
        self._sinks: VenueSinks | None = None

    async def start(self, instruments: Collection[Instrument], kinds: Collection[MarketKind], sinks: VenueSinks) -> None:
        """Subscribe, and let events flow until `stop`.

        Raises:
            VenueCallError: the venue cannot be reached, or does not list an instrument.
        """
        client = VenueClient(self._endpoint, None, self._queue, self._clock, self._on_message)
        try:
            catalogue = await _list_markets(client, self.venue_id, instruments)
            await AccountRequests(client, catalogue, self._clock).sample_clock()
        except BaseException:
            await client.close()
            raise
        self._client, self._sinks, self._kinds = client, sinks, frozenset(kinds)
        listings = [catalogue.of(instrument.instrument_id) for instrument in instruments]
        self._watched = {one.market_id: _Watched(one, has_book=MarketKind.BOOK in self._kinds) for one in listings}
        symbols = [one.symbol for one in listings]
        self._ended = {kind: "is not open yet" for kind in self._kinds | {MarketKind.BARS} if symbols}
        for kind in sorted(self._ended):
            self._spawn(self._follow(client, kind, symbols))
        self._spawn(self._watch_age())

    async def stop(self) -> None:
        """End every task and close every socket."""
        client, self._client = self._client, None
        tasks = list(self._tasks)
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
        self._queue.close()
        if client is not None:
            await client.close()

    async def history(self, instrument: Instrument, bars: int) -> list[Bar]:
        """Give the last finished one-minute bars, oldest first, flagged as warm-up and with `ts_init` 0.

        Raises:
            VenueCallError: the venue did not answer with them.
        """
        client = VenueClient(self._endpoint, None, self._queue, self._clock, lambda socket, message: False)
        try:
            catalogue = await _list_markets(client, self.venue_id, (instrument,))
            now = await AccountRequests(client, catalogue, self._clock).venue_time()
            listing, last_open = catalogue.of(instrument.instrument_id), now // _MINUTE * _MINUTE - _MINUTE
            opened_at = last_open - (bars - 1) * _MINUTE
            found: list[Bar] = []
            while opened_at <= last_open:
                wanted = min(_BARS_PAGE, (last_open - opened_at) // _MINUTE + 1)
                call, start = patient_call(Priority.POLL), opened_at // NANOSECONDS_PER_MILLISECOND
                page = await client.ask(call, client.exchange.fetch_ohlcv, listing.symbol, "1m", start, wanted)
                read = [bar for bar in (_history_bar(row, listing.instrument) for row in page) if opened_at < bar.ts_event <= now]
                found.extend(read)
                if not read:
                    break
                opened_at = read[-1].ts_event
            return found
        finally:
            await client.close()

    def _on_message(self, socket: Any, message: Mapping[str, Any]) -> bool:
        """Hand on what a stream says; ccxt sees the rest."""
        mine = False
        for frame in self._endpoint.dialect.read_frame(message):
            mine = True
            if isinstance(frame, EndOfStream):
                socket.on_error(ConnectionError(frame.detail))
            elif isinstance(frame, MarketFrame):
                watched = self._watched.get(frame.symbol)
                if watched is not None:
                    self._take(watched, frame)
        return mine

    def _take(self, watched: _Watched, frame: MarketFrame) -> None:
        instrument = watched.listing.instrument
        kind, event = _read(frame, instrument, self._clock.now)
        opened = self._ended.pop(kind, None) is not None
        if kind in _BEATING:
            watched.newest[kind] = max(watched.newest.get(kind, 0), frame.time)
        if isinstance(frame, TradeFrame) or (isinstance(frame, BarFrame) and MarketKind.TRADES in self._kinds):
            self._compare_trades(watched, frame)
        if opened or not watched.healthy:
            self._judge(watched)
        if isinstance(event, BookDelta):
            self._follow_chain(watched, event)
        if event is not None and kind in self._kinds:
            self._sinks_now().market(event)

    def _compare_trades(self, watched: _Watched, frame: TradeFrame | BarFrame) -> None:
        """Notice since when a bar has named a trade that did not come."""
        if isinstance(frame, TradeFrame):
            watched.last_trade = int(frame.trade_id) if frame.trade_id.isdecimal() else watched.last_trade
            watched.behind_since = 0
        elif watched.last_trade and frame.last_trade_id > watched.last_trade and not watched.behind_since:
            watched.behind_since = self._clock.now()

    def _follow_chain(self, watched: _Watched, delta: BookDelta) -> None:
        """Notice a gap in the numbers of a book's deltas, and ask for a snapshot where the chain begins anew."""
        if not watched.last_sequence or delta.first_sequence > watched.last_sequence + 1:
            watched.chain_began, watched.synchronised = delta.first_sequence, False
        watched.last_sequence = max(watched.last_sequence, delta.last_sequence)
        if not watched.synchronised and not watched.fetching:
            watched.fetching = True
            self._judge(watched)
            self._spawn(self._fetch_book(watched))

    async def _fetch_book(self, watched: _Watched) -> None:
        """Ask for snapshots of a book until one joins the deltas received."""
        client, instrument, wait = self._client_now(), watched.listing.instrument, self._settings.reconnect_wait
        dialect = self._endpoint.dialect
        try:
            while not watched.synchronised:
                began = watched.chain_began
                request = {"symbol": watched.listing.market_id, "limit": self._settings.book_levels}
                try:
                    answer = await client.ask(patient_call(Priority.RECONCILE), getattr(client.exchange, dialect.depth_method), request)
                    sequence, bids, asks = dialect.read_depth(answer)
                    levels = _levels(bids, instrument, rising=False), _levels(asks, instrument, rising=True)
                except (CallFailedError, KeyError, TypeError, ValueError, AttributeError) as error:
                    watched.trouble = f"no snapshot of the book: {error}"
                    self._judge(watched)
                else:
                    watched.trouble = ""
                    if sequence + 1 >= began == watched.chain_began:
                        watched.synchronised = True
                        now = self._clock.now()
                        self._sinks_now().market(BookSnapshot(0, now, instrument.instrument_id, sequence, *levels))
                        break
                await asyncio.sleep(wait)
                wait = min(2 * wait, 30.0)
        finally:
            watched.fetching = False
        self._judge(watched)

    async def _follow(self, client: VenueClient, kind: MarketKind, symbols: list[str]) -> None:
        """Keep a kind's stream open; its events never reach ccxt, so watching them ends only when the stream does."""
        exchange = client.exchange
        method, arguments = {
            MarketKind.TRADES: (exchange.watch_trades_for_symbols, symbols),
            MarketKind.QUOTES: (exchange.watch_bids_asks, symbols),
            MarketKind.BOOK: (exchange.watch_order_book_for_symbols, symbols),
            MarketKind.BARS: (exchange.watch_ohlcv_for_symbols, [[symbol, "1m"] for symbol in symbols]),
        }[kind]
        wait = self._settings.reconnect_wait
        while True:
            opened = asyncio.get_running_loop().time()
            try:
                await client.ask(patient_call(Priority.POLL), method, arguments)
            except VenueCallError as error:
                self._end(kind, f"its stream ended: {error}")
            if asyncio.get_running_loop().time() - opened > 30.0:
                wait = self._settings.reconnect_wait
            await asyncio.sleep(wait)
            wait = min(2 * wait, 30.0)

    def _end(self, kind: MarketKind, detail: str) -> None:
        self._ended[kind] = detail
        for watched in self._watched.values():
            if kind is MarketKind.BOOK:
                watched.last_sequence, watched.synchronised = 0, False
            if kind is MarketKind.TRADES:
                watched.last_trade = watched.behind_since = 0
            self._judge(watched)

    async def _watch_age(self) -> None:
        """Look at the age of every instrument's data, and open the streams anew when one stays stale."""
        while True:
            await asyncio.sleep(_WATCH_INTERVAL)
            now = self._clock.now()
            for watched in self._watched.values():
                self._judge(watched)
            patience = int(self._settings.reopen_after * _SECOND)
            if any(not one.healthy and one.newest and now - one.unhealthy_since > patience for one in self._watched.values()):
                for one in self._watched.values():
                    one.unhealthy_since = now
                for socket in list(self._client_now().exchange.clients.values()):
                    socket.on_error(ConnectionError("its data stayed stale"))

    def _judge(self, watched: _Watched) -> None:
        """Say it when an instrument's feed became healthy, or ceased to be, or for another reason."""
        now = self._clock.now()
        beating = [kind for kind in _BEATING if kind is MarketKind.BARS or kind in self._kinds]
        age = now - min(watched.newest.get(kind, 0) for kind in beating) * NANOSECONDS_PER_MILLISECOND
        patience = self._settings.stale_after * _SECOND
        ended = next((f"{kind} {said}" for kind, said in sorted(self._ended.items())), "")
        if self._failure or ended:
            detail = self._failure or ended
        elif age > patience:
            detail = "the newest venue time is old"
        elif watched.behind_since and now - watched.behind_since > patience:
            detail = "a trade that a bar names did not come"
        else:
            detail = "" if watched.synchronised else watched.trouble or "its book waits for a snapshot that joins"
        healthy = not detail
        if healthy == watched.healthy and (healthy or detail == watched.detail):
            return
        if watched.healthy or not watched.unhealthy_since:
            watched.unhealthy_since = now
        watched.healthy, watched.detail = healthy, detail
        self._sinks_now().feed(watched.listing.instrument.instrument_id, healthy, detail)

    def _spawn(self, work: Coroutine[Any, Any, None]) -> None:
        task = asyncio.get_running_loop().create_task(work)
        self._tasks.add(task)
        task.add_done_callback(self._note_end)

    def _note_end(self, task: asyncio.Task[None]) -> None:
        """Let no task die in silence: what it watched is trusted no more until the feed is made anew."""
        self._tasks.discard(task)
        error = None if task.cancelled() else task.exception()
        if error is None:
            return
        task.get_loop().call_exception_handler({"message": "a task of a market feed failed", "exception": error, "task": task})
        self._failure = f"a task of the feed failed: {type(error).__name__}: {error}"
        for watched in self._watched.values():
            self._judge(watched)

    def _client_now(self) -> VenueClient:
        if self._client is None:
            raise VenueCallError(f"the feed of {self.venue_id} is not started: await start() first")
        return self._client

    def _sinks_now(self) -> VenueSinks:
        if self._sinks is None:
            raise VenueCallError(f"the feed of {self.venue_id} is not started: await start() first")
        return self._sinks


async def _list_markets(client: VenueClient, venue_id: str, instruments: Collection[Instrument]) -> Catalogue:
    markets = await client.ask(patient_call(Priority.RECONCILE), client.exchange.load_markets)
    return Catalogue(venue_id, markets.values(), instruments)


def _read(frame: MarketFrame, instrument: Instrument, now: Callable[[], int]) -> tuple[MarketKind, Trade | Quote | BookDelta | Bar | None]:
    """Read a frame; a bar that is not finished is no event."""
    name, prices, quantities = instrument.instrument_id, instrument.price_scale, instrument.quantity_scale
    match frame:
        case TradeFrame():
            when = frame.time * NANOSECONDS_PER_MILLISECOND
            price, quantity = units(frame.price, prices), units(frame.quantity, quantities)
            return MarketKind.TRADES, Trade(0, when, name, price, quantity, frame.aggressor, frame.trade_id)
        case QuoteFrame():
            bid, bid_quantity = units(frame.bid_price, prices), units(frame.bid_quantity, quantities)
            ask, ask_quantity = units(frame.ask_price, prices), units(frame.ask_quantity, quantities)
            return MarketKind.QUOTES, Quote(0, now(), name, bid, bid_quantity, ask, ask_quantity)
        case DepthFrame():
            bids, asks = _levels(frame.bids, instrument, rising=False), _levels(frame.asks, instrument, rising=True)
            when = frame.time * NANOSECONDS_PER_MILLISECOND
            return MarketKind.BOOK, BookDelta(0, when, name, frame.first_sequence, frame.last_sequence, bids, asks)
        case BarFrame():
            if not frame.finished:
                return MarketKind.BARS, None
            closed_at = (frame.opened_at + _MINUTE_MILLISECONDS) * NANOSECONDS_PER_MILLISECOND
            opened, high, low, close = (units(one, prices) for one in (frame.open, frame.high, frame.low, frame.close))
            return MarketKind.BARS, Bar(0, closed_at, name, opened, high, low, close, units(frame.volume, quantities))


def _levels(levels: TextLevels, instrument: Instrument, *, rising: bool) -> Levels:
    """Read levels and sort them from the best on: bids fall, asks rise."""
    prices, quantities = instrument.price_scale, instrument.quantity_scale
    return tuple(sorted(((units(price, prices), units(size, quantities)) for price, size in levels), reverse=not rising))


def _history_bar(row: Any, instrument: Instrument) -> Bar:
    try:
        opened_at, *prices, volume = row
        opened, high, low, close = (units(price, instrument.price_scale) for price in prices)
        closed_at = (opened_at + _MINUTE_MILLISECONDS) * NANOSECONDS_PER_MILLISECOND
        quantity = units(volume, instrument.quantity_scale)
        return Bar(0, closed_at, instrument.instrument_id, opened, high, low, close, quantity, warm_up=True)
    except (TypeError, ValueError, AttributeError) as error:
        raise UnreadableAnswerError(f"the venue's bars cannot be read: {error}") from error
