"""Measure what the live loop bears: market data through the queue, tape, strategy, risk and a durable journal, as the service runs it.

Trades come at a steady rate, as many as the loop must bear, and then as fast as there is room. A strategy hears every one and sends a
market order each thousandth, which every risk check judges, and which fills in this process. Metrics and latency are counted as in
the service. What it costs to make and hand over the same events, when nothing happens to them, is measured beside it.
"""

import asyncio
import json
import sys
import time
from collections.abc import Callable
from pathlib import Path
from random import Random
from tempfile import TemporaryDirectory
from typing import Any

from live.core.engine import Engine
from live.core.inputs import Deployment
from live.core.instruments import Instrument
from live.core.limits import Limits
from live.core.market_events import Trade
from live.core.ports import Ports
from live.core.strategy import Strategy, StrategyContext, TradeView
from live.core.vocabulary import Side
from live.driver.clock import WallClock
from live.driver.input_queue import InputQueue
from live.driver.live import LiveDriver, LiveRecorder, sync_before_intents
from live.driver.loop import EngineLoop
from live.driver.replay import ReplaySetup, opening_inputs
from live.driver.scheduler import Scheduler
from live.journal import GroupCommitWriter, JournalFile, TapeWriter
from live.service.latency import LatencyWatch
from live.service.metrics import ServiceMetrics
from live.venues.protocol import OpenGate
from live.venues.sim import SimulatedVenue
from live.venues.sim.settings import SimulationSettings

RATE = 5_000
"""Market events a second that the loop must bear."""
FLIP_EVERY = 1_000
SMALL = 10_000
MONEY = 10**8
BTC = Instrument(instrument_id="bench:BTCUSDT", base="BTC", quote="USDT", price_scale=2, quantity_scale=6)
WAKE_SECONDS = 0.002


class Flip(Strategy):
    """Go long and flat in turns, and note how long each trade had waited."""

    Parameters = dict

    def __init__(self) -> None:
        self.received_at: Callable[[], int] = int
        self.waits: list[int] = []
        self._target = 0

    def on_trade(self, trade: TradeView, context: StrategyContext) -> None:
        """Note the wait; want the other position at each thousandth."""
        self.waits.append(time.perf_counter_ns() - self.received_at())
        if len(self.waits) % FLIP_EVERY == 0:
            self._target = SMALL - self._target
            context.target_units(trade.instrument_id, self._target)


class Source:
    """Make trades of a random walk, always the same one."""

    def __init__(self) -> None:
        self._chance = Random(20_200_103)
        self._price = 30_000_00

    def next(self) -> Trade:
        """Make the next trade, of now."""
        chance = self._chance.random()
        self._price += 3 if chance < 0.5 else -3
        return Trade(0, time.time_ns(), BTC.instrument_id, self._price, SMALL, Side.BUY if chance < 0.5 else Side.SELL, "1")


class Nowhere:
    """Take events, and do nothing with them."""

    def market(self, event: Trade) -> None:
        """Take one."""


async def feed_steadily(sink: Any, events: int) -> float:
    """Hand over so many events at the rate that must be borne; gives the seconds that took."""
    source, start = Source(), time.perf_counter()
    for number in range(events):
        early = start + number / RATE - time.perf_counter()
        if early > 0:
            await asyncio.sleep(max(early, WAKE_SECONDS))
        sink.market(source.next())
    return time.perf_counter() - start


async def feed_at_once(queue: InputQueue, events: int) -> float:
    """Hand over so many events as fast as there is room, and wait until they are handled; gives the seconds that took."""
    source, start = Source(), time.perf_counter()
    for number in range(events):
        if number % 1_000 == 0:
            await queue.room()
            await asyncio.sleep(0)
        queue.market(source.next())
    await queue.drained()
    return time.perf_counter() - start


class Service:
    """Hold a driver as the service makes it, with an open and armed session."""

    def __init__(self, folder: Path) -> None:
        self.strategy = Flip()
        self._event_loop = asyncio.get_running_loop()
        self.metrics, self.latency = ServiceMetrics(), LatencyWatch({"bench": None})
        self.tape = TapeWriter(folder / "tape", "bench", [BTC])
        journal = JournalFile.create(folder / "bench.journal", session_id="bench")
        self.journal = GroupCommitWriter(journal, on_durable=self._on_durable, before_commit=sync_before_intents(self.tape))
        scheduler = Scheduler()
        venue = SimulatedVenue("bench", {BTC.instrument_id: BTC}, SimulationSettings(), scheduler.schedule, OpenGate())
        recorder = LiveRecorder(self.journal, self.tape, self.latency.observing(self.metrics.observe))
        engine = Engine({"bench": (self.strategy, 0)}, ports=Ports(self.latency))
        self.driver = LiveDriver(EngineLoop(engine, recorder, {"bench": venue}, scheduler), recorder, WallClock(), print)
        limits = Limits(
            maximum_order_quantity={BTC.instrument_id: SMALL},
            maximum_order_notional=1_000_000 * MONEY,
            maximum_position_notional=1_000_000 * MONEY,
            maximum_open_orders=40,
            maximum_orders_per_minute=300,
            maximum_daily_loss=1_000_000 * MONEY,
            price_collar_ppm=100_000,
            maximum_data_age=120 * 10**9,
        )
        deployment = Deployment("bench", "bench@1", "paper", "bench", (BTC.instrument_id,), limits)
        setup = ReplaySetup(deployments=(deployment,), instruments=(BTC,), balances=(("paper", "USDT", 10**8 * MONEY),))
        for entry in opening_inputs(setup, self.driver.now()):
            self.driver.feed(entry)
        self.queue = InputQueue(self.driver)
        self.strategy.received_at = lambda: self.queue.received_at
        self.latency.follow(self.strategy.received_at, ())

    def close(self) -> None:
        """Close the files."""
        self.journal.close()
        self.tape.close()

    def _on_durable(self, seq: int) -> None:
        self._event_loop.call_soon_threadsafe(self._advance, seq)

    def _advance(self, seq: int) -> None:
        self.metrics.observe_durable(seq)
        self.latency.observe_durable(seq)
        self.driver.advance_durable(seq)


async def measure(home: Path, events: int) -> dict[str, Any]:
    """Measure so many events each way."""
    cpu = time.process_time()
    await feed_steadily(Nowhere(), events)
    alone = time.process_time() - cpu
    with TemporaryDirectory(dir=home, prefix="live-loop-") as folder:
        service = Service(Path(folder))
        consumer = asyncio.create_task(service.queue.run())
        cpu = time.process_time()
        seconds = await feed_steadily(service.queue, events)
        await service.queue.drained()
        steady = time.process_time() - cpu
        waits = sorted(service.strategy.waits)
        flood = await feed_at_once(service.queue, events)
        await service.driver.settled()
        await service.driver.durable(service.driver.loop.last_seq)
        consumer.cancel()
        await asyncio.gather(consumer, return_exceptions=True)
        state = service.driver.engine.state
        service.close()
    if service.driver.failure is not None or len(service.strategy.waits) + service.queue.dropped != 2 * events:
        raise RuntimeError(f"the loop did not handle what it was given: {service.driver.failure}, {len(service.strategy.waits)} events")
    return {
        "events": events,
        "events_per_cpu_second": events / steady,
        "events_per_second": events / seconds,
        "events_per_second_at_once": events / flood,
        "generator_events_per_cpu_second": events / alone,
        "dropped": service.queue.dropped,
        "wait_p50_ms": waits[len(waits) // 2] / 1e6,
        "wait_p99_ms": waits[len(waits) * 99 // 100] / 1e6,
        "orders": len(state.orders),
        "filled": sum(order.filled_quantity > 0 for order in state.orders.values()),
    }


def main() -> None:
    """Measure in a directory of the benchmark's own disk, and print one line."""
    home, events = Path(sys.argv[1]), int(sys.argv[2])
    print(json.dumps({"engine": "interlock", "work": "live_loop", **asyncio.run(measure(home, events))}))


if __name__ == "__main__":
    main()
