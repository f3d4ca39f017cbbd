"""Input queue: everything that real feeds and venues say, in one bounded line before the engine.

Adapters put in and return at once; one consumer stamps `ts_init`, feeds the driver and lets the event loop breathe, so that nothing
that was received keeps a kill waiting. Commands of the control plane and a kill go past the queue: they are fed on the same thread, in
the moment they come. What an account's venue says is never dropped. Market events are, once the queue is full of them: their
instrument then counts as down until its feed was opened anew. A second without input, and the moment something is due, is a tick.
"""

import asyncio
import time
from collections import deque
from collections.abc import Callable

from msgspec.structs import replace

from live.core.inputs import Bar, ClockTicked, FeedChanged, MarketEvent, RecordedInput
from live.core.market_events import Quote, Trade
from live.driver.live import DriverHaltedError, LiveDriver
from live.venues.protocol import VenueAnswer

CAPACITY = 20_000
"""Market events that may wait: four seconds of the load that the live loop is made for."""
TICK_SECONDS = 1.0
SLICE_SECONDS = 0.004
"""How long the consumer works before the event loop gets a turn: a kill closes its gate within 50 ms."""

_ADAPTER, _QUEUE = 0, 1
_NANOSECONDS = 1_000_000_000


class InputQueue:
    """Keep what was received in order, and feed it to a driver.

    Attributes:
        dropped: market events that found no room, or could not be believed, so far.
        received_at: when what is being handled was received, by `time.perf_counter_ns`; 0 while nothing is.
        lost: instruments of which market events were dropped for want of room, until their feed was opened anew.
    """

    def __init__(self, driver: LiveDriver, capacity: int = CAPACITY) -> None:
        """Open the queue.

        Args:
            driver: what is fed.
            capacity: market events that may wait.
        """
        self.dropped = 0
        self.received_at = 0
        self.lost: set[str] = set()
        self._driver = driver
        self._capacity = capacity
        self._items: deque[tuple[int, MarketEvent | RecordedInput]] = deque()
        self._market_waiting = 0
        self._faults: dict[str, list[str]] = {}
        self._told: dict[str, str] = {}
        self._newest_bars: dict[str, int] = {}
        self._room: dict[str, Callable[[], None]] = {}
        self._asked_anew: set[str] = set()
        self._waiter: asyncio.Future[None] | None = None
        self._drained = asyncio.Event()
        self._received = 0
        self._handled = 0
        self._closed = False

    @property
    def depth(self) -> int:
        """Give how many inputs wait."""
        return len(self._items)

    # What adapters call: the VenueSinks

    def market(self, event: MarketEvent) -> None:
        """Take a market event, or note that there was no room for it."""
        instrument_id = event.instrument_id
        if instrument_id in self.lost:
            self.dropped += 1
        elif self._market_waiting >= self._capacity:
            self.dropped += 1
            self.lost.add(instrument_id)
            self._set_fault(instrument_id, _QUEUE, f"more than {self._capacity} market events waited, and some were dropped")
        else:
            self._market_waiting += 1
            self._put(event)

    def answer(self, answer: VenueAnswer) -> None:
        """Take an answer of a venue; there is always room."""
        self._put(answer)

    def feed(self, instrument_id: str, healthy: bool, detail: str) -> None:
        """Learn from an adapter whether an instrument's market data flows."""
        self._set_fault(instrument_id, _ADAPTER, "" if healthy else detail or "its adapter does not say why")

    # What the service calls

    def put(self, entry: RecordedInput) -> None:
        """Take any other recorded input; its `ts_init` is stamped when it is handled."""
        self._put(entry)

    def when_there_is_room(self, instrument_id: str, call: Callable[[], None]) -> None:
        """Say what opens an instrument's feed anew, once there is room again after events were dropped."""
        self._room[instrument_id] = call

    def begin_anew(self, instrument_id: str) -> None:
        """Learn that an instrument's feed was opened anew: what it says from now on is whole."""
        self.lost.discard(instrument_id)
        self._asked_anew.discard(instrument_id)
        self._set_fault(instrument_id, _QUEUE, "")

    def fault(self, instrument_id: str) -> str:
        """Say why an instrument's market data does not flow, empty when it does."""
        return next(filter(None, self._faults.get(instrument_id, ())), "")

    def now(self) -> int:
        """Give the time that the next input is stamped with, nanoseconds UTC."""
        return self._driver.now()

    async def room(self) -> None:
        """Wait until at least half of the room for market events is free."""
        while self._market_waiting * 2 > self._capacity and not self._closed:
            await self._next_drain()

    async def drained(self) -> None:
        """Wait until what was received by now was handled.

        Raises:
            DriverHaltedError: the driver halted, and nothing is handled any more.
        """
        received = self._received
        while self._handled < received:
            if self._closed:
                raise DriverHaltedError(f"trading halted: {self._driver.failure}; nothing that is received is handled any more")
            await self._next_drain()

    async def run(self) -> None:
        """Handle what comes until the driver halts or the task is canceled; then nothing is taken any more."""
        try:
            while True:
                if not self._items and not await self._something_comes(self._patience()):
                    self._driver.feed(ClockTicked(self._driver.now()))
                self._handle_a_slice()
                self._drained.set()
                self._drained = asyncio.Event()
                await asyncio.sleep(0)
        except DriverHaltedError:
            pass
        finally:
            self._closed = True
            self._items.clear()
            self._drained.set()

    def _put(self, entry: MarketEvent | RecordedInput) -> None:
        if self._closed:
            return
        self._received += 1
        self._items.append((time.perf_counter_ns(), entry))
        if self._waiter is not None and not self._waiter.done():
            self._waiter.set_result(None)

    def _patience(self) -> float:
        """Give how long to wait for an input before a tick, seconds."""
        waiting = self._driver.loop.scheduler.waiting
        if not waiting:
            return TICK_SECONDS
        return min(TICK_SECONDS, max(0.0, (waiting[0][0] - self._driver.now()) / _NANOSECONDS))

    async def _something_comes(self, seconds: float) -> bool:
        """Wait for an input for so long; tell whether one came."""
        loop = asyncio.get_running_loop()
        waiter = self._waiter = loop.create_future()
        timer = loop.call_later(seconds, _wake, waiter)
        try:
            await waiter
        finally:
            timer.cancel()
            self._waiter = None
        return bool(self._items)

    def _handle_a_slice(self) -> None:
        self._handle(time.perf_counter() + SLICE_SECONDS)
        if len(self._asked_anew) < len(self.lost) and self._market_waiting * 2 <= self._capacity:
            for call in {self._room[name] for name in self.lost - self._asked_anew if name in self._room}:
                call()
            self._asked_anew.update(self.lost)

    def _handle(self, until: float) -> None:
        driver, items, stopwatch = self._driver, self._items, time.perf_counter
        try:
            while items:
                self.received_at, entry = items.popleft()
                is_market = isinstance(entry, MarketEvent)
                self._market_waiting -= is_market
                if not is_market or self._is_sound(entry):
                    driver.feed(replace(entry, ts_init=driver.now()))
                self._handled += 1
                if stopwatch() >= until:
                    break
        finally:
            self.received_at = 0

    def _is_sound(self, event: MarketEvent) -> bool:
        """Tell whether the engine would take an event in; a bar that a venue repeats is passed over, what cannot be ends trust.

        The engine holds a wrong event to be a wrong program, and stops for good. A venue may well say something wrong.
        """
        instrument_id = event.instrument_id
        if isinstance(event, Bar):
            if event.ts_event <= self._newest_bars.get(instrument_id, 0):
                return False
            sound = _is_sound_bar(event)
            if sound:
                self._newest_bars[instrument_id] = event.ts_event
        elif isinstance(event, Trade):
            sound = event.price > 0 and event.quantity > 0
        elif isinstance(event, Quote):
            sound = 0 < event.bid_price <= event.ask_price and event.bid_quantity >= 0 and event.ask_quantity >= 0
        else:
            return True
        if not sound:
            self.dropped += 1
            self.lost.add(instrument_id)
            self._set_fault(instrument_id, _QUEUE, f"the venue said what cannot be: {event!r}")
        return sound

    def _set_fault(self, instrument_id: str, source: int, detail: str) -> None:
        """Note what a source says of a feed, and tell the engine when that changes whether the feed is healthy, or why it is not."""
        faults = self._faults.setdefault(instrument_id, ["", ""])
        faults[source] = detail
        said = self.fault(instrument_id)
        if self._told.get(instrument_id) != said:
            self._told[instrument_id] = said
            self._put(FeedChanged(0, instrument_id, healthy=not said, detail=said))

    async def _next_drain(self) -> None:
        await self._drained.wait()


def _is_sound_bar(bar: Bar) -> bool:
    lowest, highest = min(bar.open, bar.close), max(bar.open, bar.close)
    return 0 < bar.low <= lowest and highest <= bar.high and bar.volume >= 0


def _wake(waiter: asyncio.Future[None]) -> None:
    if not waiter.done():
        waiter.set_result(None)
