"""The input queue: received is not handled, a full queue is said, and the event loop keeps its turn."""

import asyncio
import time

import pytest
from msgspec.structs import replace

from live.core.engine import Engine
from live.core.inputs import Bar, ClockTicked, ExternalOrderObserved, FeedChanged, InstrumentDefined
from live.core.instruments import Instrument
from live.core.market_events import Trade
from live.core.vocabulary import Side
from live.driver.input_queue import TICK_SECONDS, InputQueue
from live.driver.live import DriverHaltedError, LiveDriver
from live.driver.loop import EngineLoop
from live.driver.scheduler import Scheduler

pytestmark = pytest.mark.anyio

SECOND = 1_000_000_000
START = 1_700_000_000 * SECOND
BTC = Instrument(instrument_id="v:BTC", base="BTC", quote="USDT", price_scale=2, quantity_scale=3)
ETH = Instrument(instrument_id="v:ETH", base="ETH", quote="USDT", price_scale=2, quantity_scale=3)


class Memory:
    """Keep what went in; durable at once."""

    position = (1, 0)

    def __init__(self) -> None:
        self.durable_seq = 0
        self.events: list = []
        self.entries: list = []

    def market(self, event) -> None:
        """Keep a market event."""
        self.events.append(event)

    def step(self, entry, outputs, position) -> int:
        """Keep an input."""
        self.entries.append(entry)
        self.durable_seq += 1
        return self.durable_seq

    def snapshot(self, body, ts) -> None:
        """Keep nothing."""


class Clock:
    """Tell the time as a test sets it."""

    def __init__(self) -> None:
        self.time = START

    def now(self) -> int:
        """Give it."""
        return self.time


class Line:
    """An engine behind a queue."""

    def __init__(self, capacity: int = 100) -> None:
        self.memory, self.clock, self.scheduler = Memory(), Clock(), Scheduler()
        loop = EngineLoop(Engine({}), self.memory, {}, self.scheduler)
        self.driver = LiveDriver(loop, self.memory, self.clock, lambda reason: None)
        for instrument in (BTC, ETH):
            self.driver.feed(InstrumentDefined(START, instrument))
        self.queue = InputQueue(self.driver, capacity)

    async def settle(self) -> None:
        """Run the consumer until everything received is handled."""
        task = asyncio.create_task(self.queue.run())
        await self.queue.drained()
        task.cancel()
        await asyncio.gather(task, return_exceptions=True)

    def of(self, kind: type) -> list:
        """Give the recorded inputs of a kind."""
        return [entry for entry in self.memory.entries if isinstance(entry, kind)]


@pytest.fixture(name="anyio_backend")
def _backend() -> str:
    return "asyncio"


def trade(number: int = 1, instrument: Instrument = BTC, **changed: int) -> Trade:
    """Make a trade that no loop stamped yet."""
    made = Trade(0, START + number, instrument.instrument_id, 10_000, 5, Side.BUY, str(number))
    return replace(made, **changed)


def bar(minute: int, **changed: int) -> Bar:
    """Make a bar that no loop stamped yet."""
    return replace(Bar(0, START + minute * 60 * SECOND, BTC.instrument_id, 100, 110, 90, 105, 7), **changed)


async def test_inputs_are_handled_in_the_order_they_came_and_stamped_then():
    """An adapter's 0 becomes the time of handling, which a command in between has moved on."""
    line = Line()
    line.queue.market(trade(1))
    line.queue.market(trade(2))
    line.clock.time = START + 5
    line.driver.feed(ClockTicked(line.driver.now()))
    await line.settle()
    assert [(event.ts_init, event.trade_id) for event in line.memory.events] == [(START + 5, "1"), (START + 5, "2")]


async def test_a_full_queue_drops_market_events_says_whose_and_opens_their_feed_anew():
    """The instrument counts as down with the reason, others flow, and once there is room its feed is asked to begin anew."""
    line = Line(capacity=3)
    opened: list[str] = []
    line.queue.when_there_is_room(BTC.instrument_id, lambda: opened.append("BTC"))
    for number in range(5):
        line.queue.market(trade(number))
    assert (line.queue.dropped, line.queue.lost) == (2, {BTC.instrument_id})
    assert not opened
    await line.settle()
    (down,) = line.of(FeedChanged)
    assert (down.instrument_id, down.healthy) == (BTC.instrument_id, False)
    assert "more than 3 market events waited" in down.detail
    assert opened == ["BTC"]


async def test_what_comes_after_a_loss_is_dropped_until_the_feed_began_anew():
    """Half a stream is no stream: only what follows the new beginning is whole."""
    line = Line(capacity=1)
    for number in range(2):
        line.queue.market(trade(number))
    await asyncio.sleep(0)
    line.queue.market(trade(2, ETH))
    assert line.queue.lost == {BTC.instrument_id, ETH.instrument_id}
    line.queue.begin_anew(ETH.instrument_id)
    line.queue.market(trade(3))
    assert line.queue.dropped == 3
    assert line.queue.fault(ETH.instrument_id) == ""
    assert line.queue.fault(BTC.instrument_id)


async def test_a_full_queue_drops_no_report():
    """What an account's venue says always finds room."""
    line = Line(capacity=1)
    for number in range(50):
        line.queue.market(trade(number))
        line.queue.answer(ExternalOrderObserved(0, START, "main", BTC.instrument_id, str(number), "", Side.BUY, 5, 100))
    await line.settle()
    assert len(line.of(ExternalOrderObserved)) == 50


@pytest.mark.parametrize(
    "wrong", [bar(1, low=0), bar(1, high=104), bar(1, volume=-1), trade(price=0), trade(quantity=-1)], ids=lambda event: repr(event)[:60]
)
async def test_what_cannot_be_marks_its_feed_and_does_not_stop_the_engine(wrong):
    """A venue may say something wrong; the engine, which holds that to be a wrong program, never sees it."""
    line = Line()
    line.queue.market(wrong)
    await line.settle()
    assert line.driver.failure is None
    assert line.memory.events == []
    await line.settle()
    assert "what cannot be" in line.of(FeedChanged)[-1].detail


async def test_a_bar_that_a_venue_repeats_is_passed_over():
    """History and stream overlap: one bar is one bar, and its feed stays whole."""
    line = Line()
    for one in (bar(1), bar(2), bar(2), bar(1), bar(3)):
        line.queue.market(one)
    await line.settle()
    assert [event.ts_event for event in line.memory.events] == [START + minute * 60 * SECOND for minute in (1, 2, 3)]
    assert line.queue.fault(BTC.instrument_id) == ""


async def test_a_feed_is_healthy_only_while_adapter_and_queue_both_say_so():
    """Neither can talk over the other, and what changes nothing is not recorded."""
    line = Line(capacity=1)
    line.queue.feed(BTC.instrument_id, False, "its stream ended")
    line.queue.feed(BTC.instrument_id, False, "its stream ended")
    for number in range(2):
        line.queue.market(trade(number))
    line.queue.feed(BTC.instrument_id, True, "")
    line.queue.begin_anew(BTC.instrument_id)
    await line.settle()
    assert [(one.healthy, one.detail) for one in line.of(FeedChanged)] == [
        (False, "its stream ended"),
        (False, "more than 1 market events waited, and some were dropped"),
        (True, ""),
    ]


async def test_a_second_without_input_is_a_tick():
    """So is the moment at which something is due."""
    line = Line()
    task = asyncio.create_task(line.queue.run())
    line.scheduler.schedule(START, ClockTicked(START))
    started = time.monotonic()
    while not line.of(ClockTicked):  # noqa: ASYNC110 - it watches another task's work
        await asyncio.sleep(0.001)
    assert time.monotonic() - started < TICK_SECONDS / 2
    while len(line.of(ClockTicked)) < 3:  # noqa: ASYNC110
        await asyncio.sleep(0.01)
    task.cancel()
    await asyncio.gather(task, return_exceptions=True)


async def test_a_flood_leaves_the_event_loop_its_turn():
    """While tens of thousands of events are handled, nothing else waits for longer than a kill may take to close the gate."""
    line = Line(capacity=100_000)
    for number in range(30_000):
        line.queue.market(trade(number))
    task = asyncio.create_task(line.queue.run())
    waits: list[float] = []
    while line.queue.depth:
        before = time.perf_counter()
        await asyncio.sleep(0)
        waits.append(time.perf_counter() - before)
    task.cancel()
    await asyncio.gather(task, return_exceptions=True)
    assert len(waits) > 10
    assert sorted(waits)[len(waits) // 2] < 0.05


async def test_what_is_drained_does_not_wait_for_what_comes_after():
    """Under a market that never pauses a comparison still gets its turn."""
    line = Line(capacity=1_000_000)
    task = asyncio.create_task(line.queue.run())
    stop = asyncio.Event()

    async def flood() -> None:
        number = 0
        while not stop.is_set():
            for _ in range(200):
                number += 1
                line.queue.market(trade(number))
            await asyncio.sleep(0)

    flooding = asyncio.create_task(flood())
    await asyncio.sleep(0)
    await asyncio.wait_for(line.queue.drained(), 5)
    stop.set()
    await flooding
    task.cancel()
    await asyncio.gather(task, return_exceptions=True)


async def test_after_a_halt_nothing_is_taken_and_nobody_waits():
    """Whoever waits for an answer to be handled hears that it never will be."""
    line = Line()
    line.queue.market(trade())
    line.driver.halt("a test")
    waiting = asyncio.create_task(line.queue.drained())
    await line.queue.run()
    with pytest.raises(DriverHaltedError):
        await waiting
    line.queue.market(trade())
    assert line.queue.depth == 0
