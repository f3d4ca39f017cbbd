"""Replay one work in this process and print one line, as the peers' scripts do; every decision goes to a journal file.

The engine section is what a peer's is: from events that are ready to the journal's last commit. Reading the parquet file and making the
events is timed apart, piece by piece as the replay asks for them, since they are never all in memory.
"""

import argparse
import gc
import json
import resource
import time
from collections.abc import Iterator
from itertools import chain, islice
from pathlib import Path

from our_strategies import STOCK, EmaCross, FlipTicks, Idle, OrderEachBar, RestingGrid, SmallEmaCross

from dagster_project.datasets.batches import PIECE_ROWS
from dagster_project.datasets.sources import open_market_data
from live.core.inputs import Deployment
from live.core.limits import Limits
from live.core.market_events import MarketEvent
from live.core.strategy import Strategy
from live.driver.replay import ReplaySetup, replay
from live.journal import JournalFile
from live.venues.sim import CostModel

MONEY = 10**8
CASH = {"resting_grid": 1_000_000}
"""USDT to begin with where it is not a hundred million: a peer cannot do this work with more."""
WORKS: dict[str, type[Strategy]] = {
    "ema_cross": EmaCross,
    "small_ema_cross": SmallEmaCross,
    "order_each_bar": OrderEachBar,
    "idle": Idle,
    "flip_ticks": FlipTicks,
    "resting_grid": RestingGrid,
}


class Reading:
    """Hand events on, as many at a time as the reader makes, and add up the time that it took to have them ready."""

    def __init__(self, events: Iterator[MarketEvent]) -> None:
        self.cpu_seconds = self.wall_seconds = 0.0
        self._events = events

    def __iter__(self) -> Iterator[MarketEvent]:
        """Give the events; no Python stands between one and the next, and a piece is let go before the next is read."""
        return chain.from_iterable(iter(self._read, []))

    def _read(self) -> list[MarketEvent]:
        wall, cpu = time.perf_counter(), time.process_time()
        piece = list(islice(self._events, PIECE_ROWS))
        self.cpu_seconds += time.process_time() - cpu
        self.wall_seconds += time.perf_counter() - wall
        return piece


def run(work: str, path: Path, rows: int, journal_path: Path) -> dict[str, object]:
    """Replay a work and measure it."""
    data = open_market_data([path])
    (instrument,) = data.instruments
    # Whatever reading imports is imported now: no engine's clock counts its imports.
    next(data.events())
    instrument_id = instrument.instrument_id
    limits = Limits(
        maximum_order_quantity={instrument_id: STOCK},
        maximum_order_notional=1_000_000 * MONEY,
        maximum_position_notional=1_000_000 * MONEY,
        maximum_open_orders=40,
        maximum_orders_per_minute=100,
        maximum_daily_loss=1_000_000 * MONEY,
        price_collar_ppm=100_000,
        maximum_data_age=120 * 10**9,
    )
    setup = ReplaySetup(
        deployments=(Deployment("bench", "bench@1", "paper", "bench", (instrument_id,), limits),),
        instruments=(instrument,),
        balances=(("paper", "USDT", CASH.get(work, 100_000_000) * MONEY),),
        costs=CostModel(maker_fee_ppm=1_000, taker_fee_ppm=1_000, slippage_basis_points=0),
    )
    strategy = WORKS[work](None)
    with JournalFile.create(journal_path, session_id="bench", durable=False) as journal:
        gc.collect()
        gc.freeze()
        wall, cpu = time.perf_counter(), time.process_time()
        reading = Reading(islice(open_market_data([path]).events(), rows))
        result = replay({"bench": (strategy, 0)}, iter(reading), setup, journal=journal)
        wall, cpu = time.perf_counter() - wall, time.process_time() - cpu
    return {
        "engine": "interlock",
        "work": work,
        "events": result.events,
        "records": result.records,
        "orders": result.intents - sum(result.denials.values()),
        "cancels": getattr(strategy, "cancels", 0),
        "denials": result.denials,
        "fills": result.fills,
        "wall_seconds": wall - reading.wall_seconds,
        "cpu_seconds": cpu - reading.cpu_seconds,
        "reading_cpu_seconds": reading.cpu_seconds,
        "journal_mb": journal_path.stat().st_size / 1e6,
        "peak_rss_mb": peak_rss_mb(),
        "digest": result.parity_digest,
    }


def peak_rss_mb() -> float:
    """Give this process's own peak: Linux hands `ru_maxrss` down from the parent, so it is read where it is not."""
    try:
        status = Path("/proc/self/status").read_text(encoding="ascii")
        return int(status.partition("VmHWM:")[2].split()[0]) / 1024
    except OSError:
        return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / (1024 * 1024)


def main() -> None:
    """Run the work that the arguments name."""
    parser = argparse.ArgumentParser()
    parser.add_argument("work", choices=WORKS)
    parser.add_argument("data", type=Path)
    parser.add_argument("rows", type=int)
    parser.add_argument("--journal", type=Path, required=True)
    options = parser.parse_args()
    print(json.dumps(run(options.work, options.data, options.rows, options.journal)))


if __name__ == "__main__":
    main()
