"""Measure replay: bars a second, what one order costs, and memory; and that every run gives the same records.

    .venv/bin/python tests/bench/replay.py [--json] [--rows N] [--runs N]

The work is one that other engines can be given too: a million one-minute bars, EMA 20/50 cross, market orders, long or flat,
1 unit, fee 0.1 %, cash 100 M; on the full set a correct run places 19,913 orders. Bars come from parquet, every risk check is
on, and every decision goes to a journal file. A second work places an order on each of 100,000 bars; its cost over the same
bars without orders, divided by the orders, is one order's life with all its records. Each run is a process of its own with a
hash seed of its own.

CPU time is the comparable figure on a shared machine. Figures are for comparing on one machine; nothing gates on them.
"""

import argparse
import gc
import json
import os
import platform
import resource
import subprocess
import sys
import time
from pathlib import Path
from statistics import median
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq

from dagster_project.datasets import open_bars
from live.core.inputs import Deployment
from live.core.limits import Limits
from live.core.strategy import BarView, Strategy, StrategyContext
from live.driver.replay import ReplaySetup, replay
from live.journal import JournalFile
from live.venues.sim import CostModel

ROOT = Path(__file__).resolve().parents[2]
HOME = ROOT / "data" / "bench"
SEED = 20_200_101
START = 1_577_836_800_000_000_000
MINUTE = 60_000_000_000
INSTRUMENT = {"instrument_id": "bench:BTCUSDT", "base": "BTC", "quote": "USDT", "price_scale": "2", "quantity_scale": "6"}
ONE_UNIT = 1_000_000
MONEY = 10**8
ORDER_ROWS = 100_000
HASH_SEEDS = ("1", "22", "333", "4444", "55555")
MEMORY_MUST = 500


class EmaCross(Strategy):
    """Hold one unit while the fast average is above the slow one, as every measured peer did."""

    Parameters = dict

    def __init__(self, parameters: Any = None) -> None:
        self._fast = self._slow = 0.0
        self._bars = 0

    @classmethod
    def warm_up_bars(cls, parameters: Any) -> int:
        """Need no history: the first 49 bars are counted by hand, as the reference does."""
        return 0

    def on_bar(self, bar: BarView, context: StrategyContext) -> None:
        """Update both averages, seeded with the first close, and say the target from the 50th bar on."""
        close = bar.close
        if not self._bars:
            self._fast = self._slow = close
        fast = self._fast = self._fast + (close - self._fast) * (2 / 21)
        slow = self._slow = self._slow + (close - self._slow) * (2 / 51)
        self._bars += 1
        if self._bars >= 50:
            context.target_units(bar.instrument_id, ONE_UNIT if fast > slow else 0)


class OrderEachBar(EmaCross):
    """Go long and flat in turns."""

    def on_bar(self, bar: BarView, context: StrategyContext) -> None:
        """Want the other one."""
        self._bars += 1
        context.target_units(bar.instrument_id, ONE_UNIT if self._bars % 2 else 0)


class Idle(EmaCross):
    """Do as much on each bar, and want no position."""

    def on_bar(self, bar: BarView, context: StrategyContext) -> None:
        """Say the same on every bar."""
        self._bars += 1
        context.target_units(bar.instrument_id, 0)


WORKS: dict[str, type[EmaCross]] = {"ema_cross": EmaCross, "order_each_bar": OrderEachBar, "idle": Idle}


def make_bars(path: Path, rows: int) -> None:
    """Write deterministic bars as parquet: a random walk of closes in whole cents, from a fixed seed."""
    chance = np.random.Generator(np.random.PCG64(SEED))
    close = np.rint(30_000_00 * np.exp(np.cumsum(chance.standard_normal(rows) * 0.0005))).astype(np.int64)
    gap = np.rint(chance.standard_normal(rows) * 50).astype(np.int64)
    opened = np.empty(rows, np.int64)
    opened[0] = 30_000_00
    opened[1:] = close[:-1] + gap[1:]
    up = np.rint(np.abs(chance.standard_normal(rows)) * close * 0.0002).astype(np.int64)
    down = np.rint(np.abs(chance.standard_normal(rows)) * close * 0.0002).astype(np.int64)
    volume = np.rint(np.exp(chance.standard_normal(rows)) * 20e6).astype(np.int64) + 5_000_000
    closes = START + MINUTE * np.arange(1, rows + 1, dtype=np.int64)
    columns = {
        "ts_open": pa.array(closes - MINUTE),
        "ts_close": pa.array(closes),
        "open": _decimals(opened, 2),
        "high": _decimals(np.maximum(opened, close) + up, 2),
        "low": _decimals(np.minimum(opened, close) - down, 2),
        "close": _decimals(close, 2),
        "volume": _decimals(volume, 6),
    }
    draft = path.with_suffix(".draft")
    pq.write_table(pa.table(columns).replace_schema_metadata(INSTRUMENT), draft, compression="zstd", row_group_size=131_072)
    draft.replace(path)


def _decimals(values: np.ndarray, scale: int) -> pa.Array:
    """Store integers as decimal128: 16 bytes each, little end first, sign in the upper half."""
    words = np.empty((len(values), 2), np.int64)
    words[:, 0], words[:, 1] = values, values >> 63
    return pa.Array.from_buffers(pa.decimal128(18, scale), len(values), [None, pa.py_buffer(words.tobytes())])


def run_here(work: str, path: Path, rows: int, journal_path: Path) -> dict[str, Any]:
    """Replay one work in this process and measure it, from opening the parquet file to the journal's last commit."""
    source = open_bars(path)
    limits = Limits(
        maximum_order_quantity={source.instrument.instrument_id: ONE_UNIT},
        maximum_order_notional=1_000_000 * MONEY,
        maximum_position_notional=1_000_000 * MONEY,
        maximum_open_orders=2,
        maximum_orders_per_minute=10,
        maximum_daily_loss=1_000_000 * MONEY,
        price_collar_ppm=100_000,
        maximum_data_age=120 * 10**9,
    )
    instrument_id = source.instrument.instrument_id
    setup = ReplaySetup(
        deployments=(Deployment("bench", "bench@1", "paper", "bench", (instrument_id,), limits),),
        instruments=(source.instrument,),
        balances=(("paper", "USDT", 100_000_000 * MONEY),),
        costs=CostModel(maker_fee_ppm=1_000, taker_fee_ppm=1_000, slippage_basis_points=0),
    )
    strategy = WORKS[work](None)
    with JournalFile.create(journal_path, session_id="bench", durable=False) as journal:
        gc.collect()
        gc.freeze()
        wall, cpu = time.perf_counter(), time.process_time()
        result = replay({"bench": (strategy, 0)}, open_bars(path).events(end=START + rows * MINUTE), setup, journal=journal)
        wall, cpu = time.perf_counter() - wall, time.process_time() - cpu
    return {
        "work": work,
        "bars": result.events,
        "wall_seconds": wall,
        "cpu_seconds": cpu,
        "bars_per_second_cpu": result.events / cpu,
        "bars_per_second_wall": result.events / wall,
        "records": result.records,
        "records_per_second_cpu": result.records / cpu,
        "orders": result.intents - sum(result.denials.values()),
        "denials": result.denials,
        "fills": result.fills,
        "journal_mb": journal_path.stat().st_size / 1e6,
        "peak_rss_mb": peak_rss_mb(),
        "parity_digest": result.parity_digest,
    }


def peak_rss_mb() -> float:
    """Give this process's own peak: Linux hands `ru_maxrss` down from the parent, so it is read where it is not."""
    try:
        status = Path("/proc/self/status").read_text(encoding="ascii")
        return int(status.partition("VmHWM:")[2].split()[0]) / 1024
    except OSError:
        return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / (1024 * 1024)


def run_apart(work: str, path: Path, rows: int, hash_seed: str) -> dict[str, Any]:
    """Run one work in a process of its own."""
    journal_path = HOME / f"{work}.journal"
    journal_path.unlink(missing_ok=True)
    command = [sys.executable, __file__, "--work", work, "--data", str(path), "--rows", str(rows), "--journal", str(journal_path)]
    done = subprocess.run(command, env={**os.environ, "PYTHONHASHSEED": hash_seed}, cwd=ROOT, capture_output=True, check=False, text=True)
    journal_path.unlink(missing_ok=True)
    if done.returncode:
        sys.exit(f"the run of {work} failed:\n{done.stderr}")
    return json.loads(done.stdout)


def measure(rows: int, runs: int) -> dict[str, Any]:
    """Make the data if it is not there, run everything, and sum it up."""
    HOME.mkdir(parents=True, exist_ok=True)
    data_rows = max(rows, ORDER_ROWS)
    path = HOME / f"bars_{data_rows}.parquet"
    if not path.exists():
        make_bars(path, data_rows)
    bars = [run_apart("ema_cross", path, rows, HASH_SEEDS[number % len(HASH_SEEDS)]) for number in range(runs)]
    orders = [run_apart("order_each_bar", path, ORDER_ROWS, HASH_SEEDS[number % len(HASH_SEEDS)]) for number in range(runs)]
    idle = [run_apart("idle", path, ORDER_ROWS, HASH_SEEDS[number % len(HASH_SEEDS)]) for number in range(runs)]
    placed = orders[0]["orders"]
    extra = median(run["cpu_seconds"] for run in orders) - median(run["cpu_seconds"] for run in idle)
    digests = {work: sorted({run["parity_digest"] for run in several}) for work, several in (("bars", bars), ("orders", orders))}
    return {
        "machine": {"python": platform.python_version(), "processor": platform.machine(), "cores": os.cpu_count()},
        "bars_per_second_cpu": median(run["bars_per_second_cpu"] for run in bars),
        "bars_per_second_wall": median(run["bars_per_second_wall"] for run in bars),
        "records_per_second_cpu": median(run["records_per_second_cpu"] for run in orders),
        "orders": bars[0]["orders"],
        "one_order_us": extra / placed * 1e6,
        "records_an_order": (orders[0]["records"] - idle[0]["records"]) / placed,
        "peak_rss_mb": max(run["peak_rss_mb"] for run in (*bars, *orders)),
        "parity_digests": digests,
        "identical": all(len(found) == 1 for found in digests.values()),
        "runs": {"ema_cross": bars, "order_each_bar": orders, "idle": idle},
    }


def show(measured: dict[str, Any]) -> None:
    """Print the summary."""
    bars, orders = measured["runs"]["ema_cross"], measured["runs"]["order_each_bar"]
    print(f"{bars[0]['bars']:,} bars, EMA 20/50 cross, {measured['orders']:,} orders, {bars[0]['records']:,} records, {len(bars)} runs")
    for run in bars:
        print(
            f"  {run['bars_per_second_cpu'] / 1e3:7.1f} k bars/s CPU  {run['bars_per_second_wall'] / 1e3:7.1f} k bars/s wall  "
            f"{run['peak_rss_mb']:5.0f} MB  {run['parity_digest'][:16]}"
        )
    print(f"{orders[0]['bars']:,} bars with an order each, {orders[0]['records']:,} records, {orders[0]['journal_mb']:.0f} MB of journal")
    for run in orders:
        print(f"  {run['records_per_second_cpu'] / 1e3:7.1f} k records/s CPU  {run['peak_rss_mb']:5.0f} MB  {run['parity_digest'][:16]}")
    print(
        f"median {measured['bars_per_second_cpu'] / 1e3:.1f} k bars/s CPU; one order's life, {measured['records_an_order']:.1f} records, "
        f"{measured['one_order_us']:.1f} us; peak {measured['peak_rss_mb']:.0f} MB (must be below {MEMORY_MUST})"
    )
    print("every run gave the same records" if measured["identical"] else "RUNS GAVE DIFFERENT RECORDS")


def main() -> None:
    """Measure, write data/bench/latest.json, and fail when two runs differ."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--json", action="store_true", help="print everything measured as JSON")
    parser.add_argument("--rows", type=int, default=1_000_000, help="bars of the first work")
    parser.add_argument("--runs", type=int, default=3, help="runs of each work")
    parser.add_argument("--work", choices=WORKS, help=argparse.SUPPRESS)
    parser.add_argument("--data", type=Path, help=argparse.SUPPRESS)
    parser.add_argument("--journal", type=Path, help=argparse.SUPPRESS)
    options = parser.parse_args()
    if options.work:
        print(json.dumps(run_here(options.work, options.data, options.rows, options.journal)))
        return
    measured = measure(options.rows, options.runs)
    text = json.dumps(measured, indent=2)
    (HOME / "latest.json").write_text(text + "\n")
    if options.json:
        print(text)
    else:
        show(measured)
    if not measured["identical"]:
        sys.exit(1)


if __name__ == "__main__":
    main()
