"""Connections: one account's orders at a real venue, and a venue's market data, kept alive for as long as a session runs.

A venue that cannot be reached keeps nothing else from running: it is tried again and again, and until it answers no order leaves for it,
nobody vouches for its accounts, and its instruments count as down.
"""

import asyncio
from collections.abc import Callable, Collection, Mapping

import structlog
from msgspec.structs import replace

from live.core.effects import CancelOrder, QueryOrder, SubmitOrder
from live.core.errors import InterlockError
from live.core.inputs import (
    Bar,
    CancelRejected,
    EffectOutcome,
    ExecutionReported,
    ExternalOrderObserved,
    InstrumentDefined,
    MarketEvent,
    OrderRejected,
)
from live.core.instruments import Instrument
from live.core.state import EngineState, fill_key, may_follow
from live.core.vocabulary import EffectAction, Outcome
from live.driver.input_queue import InputQueue
from live.venues.errors import VenueCallError
from live.venues.protocol import MarketFeed, MarketKind, TradingVenue, VenueAnswer
from live.venues.taxonomy import FailureClass

SHORTEST_WAIT = 0.5
LONGEST_WAIT = 30.0
"""Seconds between two attempts to reach a venue; the wait doubles."""
MINUTE = 60_000_000_000
HELD_EVENTS = 20_000
"""Market events that may wait while history is asked for."""

log = structlog.get_logger()


class TradingConnection:
    """Be an account's venue from the first moment: refuse what cannot leave yet, and pass on everything once the venue answers.

    Attributes:
        venue: what trades.
        venue_id: its name, as in its instruments' ids.
        account_id: whose orders these are.
        detail: why the venue cannot be reached, None once it was.
        attempted: set once the venue was reached, or could not be for the first time.
        clock_doubted: set when the venue refused a request for its time.
    """

    def __init__(self, venue: TradingVenue, instruments: Collection[Instrument]) -> None:
        self.venue = venue
        self.venue_id = venue.venue_id
        self.account_id = venue.account_id
        self.detail: str | None = "not connected yet"
        self.attempted = asyncio.Event()
        self.clock_doubted = asyncio.Event()
        self._instruments = instruments
        self._queue: InputQueue | None = None
        self._state: EngineState | None = None
        self._listed: dict[str, Instrument] = {}

    @property
    def instrument_ids(self) -> tuple[str, ...]:
        """Name what the account trades."""
        return tuple(instrument.instrument_id for instrument in self._instruments)

    @property
    def connected(self) -> bool:
        """Tell whether the venue was reached."""
        return self.detail is None

    def attach(self, queue: InputQueue, state: EngineState) -> None:
        """Say where answers go, before any effect is carried out."""
        self._queue, self._state = queue, state

    async def connect(self) -> None:
        """Reach the venue, however long it takes; learn its filters as they are now."""
        wait = SHORTEST_WAIT
        while True:
            try:
                await self.venue.start(self._instruments, self)
                await self._learn_filters()
            except InterlockError as error:
                await self.venue.stop()
                self.detail = str(error)
                self.attempted.set()
                log.warning("a venue cannot be reached", venue=self.venue_id, account=self.account_id, reason=self.detail)
                await asyncio.sleep(wait)
                wait = min(2 * wait, LONGEST_WAIT)
            else:
                self.detail = None
                self.attempted.set()
                log.info("connected", venue=self.venue_id, account=self.account_id)
                return

    async def stop(self) -> None:
        """End it; requests that are still under way are FAILED."""
        self.detail = "stopped"
        await self.venue.stop()

    def submit(self, order: SubmitOrder, now: int) -> None:
        """Send a new order through the gate, or say that it never left."""
        if self.connected:
            self.venue.submit(order, now)
        else:
            self._refuse(order, EffectAction.SUBMIT)

    def cancel(self, request: CancelOrder, now: int) -> None:
        """Ask for an order to be taken off the book, or say that nobody was asked: the engine asks again."""
        if self.connected:
            self.venue.cancel(request, now)
        else:
            self._refuse(request, EffectAction.CANCEL)

    def query(self, request: QueryOrder, now: int) -> None:
        """Ask every endpoint that may know an order; silence says nothing, and the engine asks again."""
        if self.connected:
            self.venue.query(request, now)

    def observe(self, event: MarketEvent) -> None:
        """See nothing: the market is the venue's own."""
        del event

    # What the venue's tasks call: the VenueSinks

    def market(self, event: MarketEvent) -> None:
        """Take a market event."""
        self._sinks.market(event)

    def answer(self, answer: VenueAnswer) -> None:
        """Take an answer; an execution that is booked already, which every scan of the history repeats, is not told again."""
        if type(answer) is ExecutionReported and self._is_booked(answer):
            return
        if type(answer) is ExternalOrderObserved:
            self._define(answer.instrument_id)
        if isinstance(answer, OrderRejected | CancelRejected) and answer.reason.startswith(FailureClass.REJECTED_CLOCK):
            self.clock_doubted.set()
        self._sinks.answer(answer)

    def feed(self, instrument_id: str, healthy: bool, detail: str) -> None:
        """Learn whether an instrument's market data flows."""
        self._sinks.feed(instrument_id, healthy, detail)

    @property
    def _sinks(self) -> InputQueue:
        assert self._queue is not None, "attached before anything is started"
        return self._queue

    def _is_booked(self, report: ExecutionReported) -> bool:
        assert self._state is not None, "attached before anything is started"
        order = self._state.orders.get(report.order_id)
        if order is None:
            return False
        return fill_key(order.account_id, order.instrument_id, report.trade_id, report.venue_order_id) in self._state.fill_keys

    def _refuse(self, request: SubmitOrder | CancelOrder, action: EffectAction) -> None:
        said = f"{self.venue_id} was not reached: {self.detail}"
        self._sinks.answer(EffectOutcome(0, request.order_id, action, Outcome.REFUSED, said))

    def _define(self, instrument_id: str) -> None:
        """Define what somebody else trades in the account: what their order may take counts against ours."""
        listed = self._listed.get(instrument_id)
        if self._state is not None and instrument_id not in self._state.instruments and listed is not None:
            self._sinks.put(InstrumentDefined(0, listed))

    async def _learn_filters(self) -> None:
        """Define instruments anew whose filters the venue changed since they were defined."""
        assert self._state is not None, "attached before anything is started"
        listed = self._listed = {instrument.instrument_id: instrument for instrument in await self.venue.instruments()}
        for ours in self._instruments:
            known = self._state.instruments.get(ours.instrument_id, ours)
            theirs = listed.get(ours.instrument_id)
            if theirs is None or replace(theirs, version=known.version) == known:
                continue
            if not may_follow(known, theirs):
                raise VenueCallError(f"{ours.instrument_id}: the venue's scales or assets are {theirs}, ours are {known}: promote it anew")
            log.warning("the venue's filters changed", instrument_id=ours.instrument_id)
            self._sinks.put(InstrumentDefined(0, replace(theirs, version=known.version + 1)))


class FeedConnection:
    """Keep a venue's market data flowing: history first, then what comes, and what a gap left out before what follows it.

    Attributes:
        venue_id: the venue.
        instruments: whose data.
        kinds: of what kinds.
        detail: why it was not opened, None once it was; after that each instrument's feed speaks for itself.
    """

    def __init__(
        self,
        make_feed: Callable[[], MarketFeed],
        venue_id: str,
        instruments: Collection[Instrument],
        kinds: frozenset[MarketKind],
        warm_up_bars: Mapping[str, int],
    ) -> None:
        """Describe the feed.

        Args:
            make_feed: makes a feed that was never started.
            venue_id: the venue.
            instruments: whose data.
            kinds: what is asked for.
            warm_up_bars: how much history each instrument gets, by its id.
        """
        self.venue_id = venue_id
        self.instruments = tuple(instruments)
        self.kinds = kinds
        self.detail: str | None = "not connected yet"
        self._make_feed = make_feed
        self._warm_up_bars = warm_up_bars
        self._feed: MarketFeed | None = None
        self._queue: InputQueue | None = None
        self._newest: dict[str, int] = {}
        self._broken = asyncio.Event()

    def attach(self, queue: InputQueue) -> None:
        """Say where events go; until the feed flows its instruments are down."""
        self._queue = queue
        for instrument in self.instruments:
            queue.feed(instrument.instrument_id, False, "not connected yet")
            queue.when_there_is_room(instrument.instrument_id, self._broken.set)

    def faults(self) -> dict[str, str]:
        """Say of every instrument whose data does not flow why."""
        queue = self._line
        said = {one.instrument_id: self.detail or queue.fault(one.instrument_id) for one in self.instruments}
        return {instrument_id: detail for instrument_id, detail in said.items() if detail}

    async def run(self) -> None:
        """Open the feed, and open it anew when events were lost, until canceled."""
        wait = SHORTEST_WAIT
        try:
            while True:
                self._broken.clear()
                try:
                    await self._open()
                except InterlockError as error:
                    self._say_down(str(error))
                    log.warning("market data cannot be received", venue=self.venue_id, reason=str(error))
                    await self._close()
                    await asyncio.sleep(wait)
                    wait = min(2 * wait, LONGEST_WAIT)
                    continue
                self.detail, wait = None, SHORTEST_WAIT
                await self._broken.wait()
                log.error("ALARM: market data is opened anew", venue=self.venue_id, reasons=self.faults())
                self._say_down("its feed is opened anew")
                await self._close()
                await asyncio.sleep(SHORTEST_WAIT)
        finally:
            await self._close()

    async def _open(self) -> None:
        """Start a feed, hold back what it says until history was handed over, and let it flow."""
        holding = _Holding(self, self._line)
        feed = self._feed = self._make_feed()
        await feed.start(self.instruments, self.kinds, holding)
        await holding.catch_up(feed)

    async def _close(self) -> None:
        feed, self._feed = self._feed, None
        if feed is not None:
            await feed.stop()

    def _say_down(self, detail: str) -> None:
        self.detail = detail
        for instrument in self.instruments:
            self._line.feed(instrument.instrument_id, False, detail)

    @property
    def _line(self) -> InputQueue:
        assert self._queue is not None, "attached before anything is started"
        return self._queue

    def missing_bars(self, instrument_id: str, now: int) -> int:
        """Give how many bars of history an instrument lacks."""
        newest = self._newest.get(instrument_id)
        if newest is None:
            return self._warm_up_bars.get(instrument_id, 0)
        return max(0, (now - newest) // MINUTE) if MarketKind.BARS in self.kinds else 0

    def saw(self, bar: Bar) -> None:
        """Remember how far bars came."""
        self._newest[bar.instrument_id] = max(bar.ts_event, self._newest.get(bar.instrument_id, 0))

    def break_off(self) -> None:
        """Have the feed opened anew."""
        self._broken.set()


class _Holding:
    """Stand between a feed and the queue: hold what comes while history is asked for, and ask again after every gap."""

    def __init__(self, connection: FeedConnection, queue: InputQueue) -> None:
        self._connection = connection
        self._queue = queue
        self._held: list[MarketEvent | tuple[str, bool, str]] | None = []
        self._down: set[str] = set()
        self._task: asyncio.Task[None] | None = None
        self._feed: MarketFeed | None = None

    def market(self, event: MarketEvent) -> None:
        """Pass an event on, or hold it."""
        if self._held is None:
            self._pass_on(event)
        elif len(self._held) < HELD_EVENTS:
            self._held.append(event)
        else:
            self._connection.break_off()

    def answer(self, answer: VenueAnswer) -> None:
        """Take nothing: a market's feed knows no orders."""
        del answer

    def feed(self, instrument_id: str, healthy: bool, detail: str) -> None:
        """Pass on whether an instrument's data flows; what a gap left out is asked for before it flows again."""
        if self._held is not None:
            self._held.append((instrument_id, healthy, detail))
            return
        if not healthy:
            self._down.add(instrument_id)
        elif instrument_id in self._down:
            self._down.discard(instrument_id)
            if self._feed is not None and self._connection.missing_bars(instrument_id, self._now()):
                self._held = [(instrument_id, healthy, detail)]
                self._task = asyncio.get_running_loop().create_task(self._catch_up_again(self._feed))
                return
        self._queue.feed(instrument_id, healthy, detail)

    async def catch_up(self, feed: MarketFeed) -> None:
        """Hand over the history that is missing, then what was held.

        Raises:
            VenueCallError: the venue did not answer with it.
        """
        self._feed = feed
        for instrument in self._connection.instruments:
            missing = self._connection.missing_bars(instrument.instrument_id, self._now())
            for bar in await feed.history(instrument, missing) if missing else ():
                await self._queue.room()
                if not self._holds(bar):
                    self._pass_on(bar)
        for instrument in self._connection.instruments:
            self._queue.begin_anew(instrument.instrument_id)
        held, self._held = self._held or [], None
        for one in held:
            if isinstance(one, tuple):
                self._queue.feed(*one)
            else:
                self._pass_on(one)

    async def _catch_up_again(self, feed: MarketFeed) -> None:
        try:
            await self.catch_up(feed)
        except InterlockError as error:
            log.warning("what a gap left out cannot be read", venue=self._connection.venue_id, reason=str(error))
            self._connection.break_off()

    def _holds(self, bar: Bar) -> bool:
        """Tell whether a bar of history came as a live one meanwhile, which a strategy may decide by."""
        held = (one for one in self._held or () if isinstance(one, Bar) and one.instrument_id == bar.instrument_id)
        return any(one.ts_event <= bar.ts_event for one in held)

    def _pass_on(self, event: MarketEvent) -> None:
        if isinstance(event, Bar):
            self._connection.saw(event)
        self._queue.market(event)

    def _now(self) -> int:
        return self._queue.now()
