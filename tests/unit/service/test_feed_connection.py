"""A feed's connection: history first, nothing out of turn, and what a gap left out before what follows it."""

import asyncio
from collections.abc import Callable, Collection

import pytest

from live.core.engine import Engine
from live.core.inputs import Bar, ClockTicked, FeedChanged, InstrumentDefined
from live.core.instruments import Instrument
from live.core.market_events import Trade
from live.core.vocabulary import Side
from live.driver.input_queue import InputQueue
from live.driver.live import LiveDriver
from live.driver.loop import EngineLoop
from live.driver.scheduler import Scheduler
from live.service import feeds
from live.service.feeds import FeedConnection
from live.venues.errors import VenueCallError
from live.venues.protocol import MarketKind, VenueSinks

pytestmark = pytest.mark.anyio

SECOND = 1_000_000_000
MINUTE = 60 * SECOND
START = 1_700_000_040 * SECOND
BTC = Instrument(instrument_id="v:BTC", base="BTC", quote="USDT", price_scale=2, quantity_scale=3)


def bar(minute: int, *, warm_up: bool = False) -> Bar:
    """Make the bar that closes so many minutes after the start."""
    return Bar(0, START + minute * MINUTE, BTC.instrument_id, 100, 110, 90, 105, 7, warm_up)


class Venue:
    """Be a feed that says what a test tells it; `troubles` are raised first, one a start."""

    venue_id = "v"

    def __init__(self) -> None:
        self.now = 0
        self.starts = 0
        self.stops = 0
        self.asked: list[int] = []
        self.troubles: list[str] = []
        self.while_asked: Callable[[], None] | None = None
        self.while_started: Callable[[], None] | None = None
        self.sinks: VenueSinks | None = None

    async def start(self, instruments: Collection[Instrument], kinds: Collection[MarketKind], sinks: VenueSinks) -> None:
        """Begin, or raise."""
        self.starts += 1
        if self.troubles:
            raise VenueCallError(self.troubles.pop(0))
        self.sinks = sinks
        if self.while_started is not None:
            self.while_started()
            for _ in range(10):
                await asyncio.sleep(0)

    async def stop(self) -> None:
        """End."""
        self.stops += 1

    async def history(self, instrument: Instrument, bars: int) -> list[Bar]:
        """Give so many bars up to now, and say something meanwhile."""
        self.asked.append(bars)
        if self.while_asked is not None:
            self.while_asked()
        return [bar(minute, warm_up=True) for minute in range(self.now - bars + 1, self.now + 1)]

    def trade(self, number: int) -> None:
        """Say that somebody traded."""
        assert self.sinks is not None
        self.sinks.market(Trade(0, START + number, BTC.instrument_id, 10_000, 5, Side.BUY, str(number)))


class Desk:
    """A connection on its way to an engine; the clock is the venue's minute."""

    def __init__(self, *, warm_up: int = 0, capacity: int = 100) -> None:
        self.venue = Venue()
        self.events: list = []
        self.entries: list = []
        self.position, self.durable_seq = (1, 0), 0
        driver = LiveDriver(EngineLoop(Engine({}), self, {}, Scheduler()), self, self, lambda reason: None)
        driver.feed(InstrumentDefined(START, BTC))
        self.queue = InputQueue(driver, capacity)
        kinds = frozenset({MarketKind.BARS, MarketKind.TRADES})
        self.connection = FeedConnection(lambda: self.venue, "v", [BTC], kinds, {BTC.instrument_id: warm_up})
        self.connection.attach(self.queue)
        self.tasks = [asyncio.create_task(self.queue.run()), asyncio.create_task(self.connection.run())]

    def now(self) -> int:
        """Tell the time."""
        return START + self.venue.now * MINUTE + SECOND

    def market(self, event) -> None:
        """Keep a market event, as the tape."""
        self.events.append(event)

    def step(self, entry, outputs, position) -> int:
        """Keep an input, as the journal."""
        self.entries.append(entry)
        return len(self.entries)

    def snapshot(self, body, ts) -> None:
        """Keep nothing."""

    async def until(self, probe: Callable[[], object]) -> None:
        """Let the tasks have their turns until the probe gives something true."""
        async with asyncio.timeout(5):
            while not probe():  # noqa: ASYNC110 - it yields exactly one turn at a time
                await asyncio.sleep(0)

    async def flows(self) -> None:
        """Wait until the feed was opened and everything received is handled."""
        await self.until(lambda: self.connection.detail is None)
        await self.queue.drained()

    def heard(self) -> list[str]:
        """Give what the engine heard of the market: minutes of bars, those of history in brackets, and trades by their ids."""
        shown: list[str] = []
        for event in self.events:
            minute = str((event.ts_event - START) // MINUTE)
            shown.append(f"t{event.trade_id}" if isinstance(event, Trade) else f"[{minute}]" if event.warm_up else minute)
        return shown

    async def close(self) -> None:
        """End the tasks."""
        for task in self.tasks:
            task.cancel()
        await asyncio.gather(*self.tasks, return_exceptions=True)


@pytest.fixture(name="anyio_backend")
def _backend() -> str:
    return "asyncio"


@pytest.fixture(autouse=True)
def _no_waiting(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(feeds, "SHORTEST_WAIT", 0.0)


async def test_history_comes_before_what_is_said_while_it_is_asked_for():
    """Nothing that a strategy decides by stands before what it needs to know."""
    desk = Desk(warm_up=3)
    desk.venue.now = 5
    desk.venue.while_asked = lambda: desk.venue.trade(1)
    await desk.flows()
    desk.venue.trade(2)
    await desk.queue.drained()
    assert desk.heard() == ["[3]", "[4]", "[5]", "t1", "t2"]
    await desk.close()


async def test_an_instrument_is_down_until_its_feed_flows_and_says_why():
    """A venue that cannot be reached is tried again."""
    desk = Desk()
    desk.venue.troubles = ["no route", "still none"]
    await desk.flows()
    assert desk.venue.starts == 3
    assert desk.venue.sinks is not None
    desk.venue.sinks.feed(BTC.instrument_id, True, "")
    await desk.queue.drained()
    said = [(one.healthy, one.detail) for one in desk.entries if isinstance(one, FeedChanged)]
    assert said == [(False, "not connected yet"), (False, "no route"), (False, "still none"), (True, "")]
    assert desk.connection.faults() == {}
    await desk.close()


async def test_bars_that_a_gap_left_out_are_fetched_before_what_follows():
    """A strategy's averages go on without a hole; as history they make no decision."""
    desk = Desk()
    await desk.flows()
    assert desk.venue.sinks is not None
    desk.venue.sinks.feed(BTC.instrument_id, True, "")
    desk.venue.sinks.market(bar(0))
    desk.venue.sinks.feed(BTC.instrument_id, False, "its stream ended")
    desk.venue.now = 3
    desk.venue.sinks.feed(BTC.instrument_id, True, "")
    desk.venue.trade(1)
    desk.venue.now = 4
    desk.venue.sinks.market(bar(4))
    await desk.until(lambda: len(desk.events) == 6)
    assert desk.heard() == ["0", "[1]", "[2]", "[3]", "t1", "4"]
    assert [one.healthy for one in desk.entries if isinstance(one, FeedChanged)][-1]
    await desk.close()


async def test_a_feed_that_lost_events_is_opened_anew_once():
    """What found no room is gone: what follows counts from a new beginning."""
    desk = Desk(capacity=4)
    await desk.flows()
    desk.venue.while_started = lambda: desk.queue.put(ClockTicked(0))  # others' inputs are handled meanwhile
    for number in range(8):
        desk.venue.trade(number)
    await desk.until(lambda: desk.venue.starts == 2)
    await desk.flows()
    for _ in range(50):
        await asyncio.sleep(0)
    assert (desk.venue.starts, desk.venue.stops) == (2, 1)
    desk.venue.trade(9)
    await desk.queue.drained()
    assert desk.heard() == ["t0", "t1", "t2", "t3", "t9"]
    await desk.close()


async def test_a_feed_that_was_closed_says_nothing_any_more():
    """What an old feed still asked for comes when the new one is not open yet: it makes nothing healthy, and fills no gap of it."""
    desk = Desk()
    await desk.flows()
    assert desk.venue.sinks is not None
    desk.venue.sinks.feed(BTC.instrument_id, True, "")
    desk.venue.sinks.market(bar(0))
    answered, asked = asyncio.Event(), asyncio.Event()
    ask = desk.venue.history

    async def history(instrument: Instrument, bars: int) -> list[Bar]:
        asked.set()
        await answered.wait()
        return await ask(instrument, bars)

    desk.venue.history = history
    desk.venue.sinks.feed(BTC.instrument_id, False, "its stream ended")
    desk.venue.now = 3
    desk.venue.sinks.feed(BTC.instrument_id, True, "")
    await asked.wait()
    desk.venue.troubles = ["no route"] * 1_000
    desk.connection.break_off()
    await desk.until(lambda: desk.venue.starts > 2)
    before = len(desk.entries)
    answered.set()
    for _ in range(50):
        await asyncio.sleep(0)
    await desk.queue.drained()
    assert not [one for one in desk.entries[before:] if isinstance(one, FeedChanged) and one.healthy]
    assert desk.heard() == ["0"]
    await desk.close()


async def test_whatever_a_gaps_history_ends_in_the_feed_is_opened_anew():
    """An answer that nobody foresaw may not hold every later event back for good."""
    desk = Desk()
    await desk.flows()
    assert desk.venue.sinks is not None
    desk.venue.sinks.feed(BTC.instrument_id, True, "")
    desk.venue.sinks.market(bar(0))
    ask = desk.venue.history

    async def history(instrument: Instrument, bars: int) -> list[Bar]:
        desk.venue.history = ask
        raise IndexError("a row without a time")

    desk.venue.history = history
    desk.venue.sinks.feed(BTC.instrument_id, False, "its stream ended")
    desk.venue.now = 3
    desk.venue.sinks.feed(BTC.instrument_id, True, "")
    await desk.until(lambda: desk.venue.starts == 2)
    await desk.close()
