"""Feeds: a venue's market data, kept flowing for as long as a session runs: history first, and what a gap left out before what follows.

A venue that cannot be reached is tried again and again; until it answers its instruments count as down.
"""

import asyncio
from collections.abc import Callable, Collection, Mapping

import structlog

from live.core.errors import InterlockError
from live.core.inputs import Bar, MarketEvent
from live.core.instruments import Instrument
from live.driver.input_queue import InputQueue
from live.service.connections import LONGEST_WAIT, SHORTEST_WAIT
from live.venues.protocol import MarketFeed, MarketKind, VenueAnswer

MINUTE = 60_000_000_000
HELD_EVENTS = 20_000
"""Market events that may wait while history is asked for."""

log = structlog.get_logger()


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
        self._holding: _Holding | None = None
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
        holding = self._holding = _Holding(self, self._line)
        feed = self._feed = self._make_feed()
        await feed.start(self.instruments, self.kinds, holding)
        await holding.catch_up(feed)

    async def _close(self) -> None:
        feed, self._feed = self._feed, None
        holding, self._holding = self._holding, None
        if holding is not None:
            holding.close()
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
        self._closed = False

    def close(self) -> None:
        """Say nothing any more: what this feed still says, or is told of a gap, is not for the one that follows it."""
        self._closed = True
        if self._task is not None:
            self._task.cancel()

    def market(self, event: MarketEvent) -> None:
        """Pass an event on, or hold it."""
        if self._closed:
            return
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
        if self._closed:
            return
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
        except Exception as error:  # noqa: BLE001 - whatever it was, what is held back would never flow again
            said = str(error) if isinstance(error, InterlockError) else f"{type(error).__name__}: {error}"
            log.warning("what a gap left out cannot be read", venue=self._connection.venue_id, reason=said)
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
