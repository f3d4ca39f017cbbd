"""Measure replay: bars a second, records a second, one order's life, and peak memory, on a million generated bars.

Each run is a process of its own that reads parquet, runs every risk check and writes a journal. Rates are by CPU time,
since wall time says as much about what else the machine does. Runs must agree on the parity digest.
"""

import argparse
import json
import platform
import resource
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from statistics import median
from typing import Any

import msgspec

from live.core.instruments import Instrument
from live.core.limits import Limits
from live.core.strategy import BarView, Strategy, StrategyContext

HOME = Path("data/bench")
RUNS = 3
SEED = 20_240_101
MINUTE = 60 * 10**9
FIRST_CLOSE = 1_704_067_260 * 10**9
INSTRUMENT = Instrument(instrument_id="binance-spot:BTCUSDT", base="BTC", quote="USDT", price_scale=2, quantity_scale=6)
ONE = 10**INSTRUMENT.quantity_scale
CASH = 100_000_000 * 10**8
LIMITS = Limits({INSTRUMENT.instrument_id: 10 * ONE}, 10**15, 10**15, 10, 300, 10**15, 100_000, 3_600 * 10**9)


class Nothing(msgspec.Struct, frozen=True):
    """Take no parameters."""


class Cross(Strategy):
    """Hold one unit while the 20-bar average of closes is above the 50-bar one: a decision now and then."""

    Parameters = Nothing

    def __init__(self, parameters: Nothing) -> None:
        del parameters
        self._fast = self._slow = 0.0
        self._started = False

    @classmethod
    def warm_up_bars(cls, parameters: Nothing) -> int:
        """Ask for one slow span."""
        del parameters
        return 50

    def on_bar(self, bar: BarView, context: StrategyContext) -> None:
        """Update both averages and say the target."""
        close = bar.close
        if self._started:
            self._fast += (close - self._fast) * (2 / 21)
            self._slow += (close - self._slow) * (2 / 51)
        else:
            self._fast = self._slow = close
            self._started = True
        context.target_units(bar.instrument_id, ONE if self._fast > self._slow else 0)


class Flip(Strategy):
    """Change between one unit and none on every bar: an order a bar."""

    Parameters = Nothing

    def __init__(self, parameters: Nothing) -> None:
        del parameters
        self._long = False

    @classmethod
    def warm_up_bars(cls, parameters: Nothing) -> int:
        """Ask for nothing."""
        del parameters
        return 0

    def on_bar(self, bar: BarView, context: StrategyContext) -> None:
        """Say the other target."""
        self._long = not self._long
        context.target_units(bar.instrument_id, ONE if self._long else 0)


WORKS: dict[str, tuple[type[Strategy], float]] = {"cross": (Cross, 1.0), "flip": (Flip, 0.1)}
"""Each work's strategy, and the share of the bars that it replays."""


def make_bars(path: Path, rows: int) -> None:
    """Write one-minute bars of a seeded random walk as parquet; the same rows give the same bars."""
    import numpy as np
    import pyarrow as pa
    import pyarrow.compute as pc
    import pyarrow.parquet as pq

    chance = np.random.Generator(np.random.PCG64(SEED))
    close = np.maximum(100_000, 4_000_000 + np.cumsum(chance.integers(-800, 801, rows)))
    opened = np.concatenate(([4_000_000], close[:-1]))
    high = np.maximum(opened, close) + chance.integers(0, 400, rows)
    low = np.minimum(opened, close) - chance.integers(0, 400, rows)
    closes = FIRST_CLOSE + np.arange(rows, dtype=np.int64) * MINUTE

    def decimal(units: Any, scale: int) -> pa.Array:
        whole = pa.array(units, pa.int64()).cast(pa.decimal128(19, 0))
        return pc.multiply(whole, pa.scalar(10**-scale).cast(pa.decimal128(10, scale))).cast(pa.decimal128(18, scale))

    prices = {name: decimal(units, 2) for name, units in (("open", opened), ("high", high), ("low", low), ("close", close))}
    columns = {
        "ts_open": pa.array(closes - MINUTE),
        "ts_close": pa.array(closes),
        **prices,
        "volume": decimal(chance.integers(1, 10**8, rows), 6),
    }
    metadata = {"instrument_id": INSTRUMENT.instrument_id, "base": "BTC", "quote": "USDT", "price_scale": "2", "quantity_scale": "6"}
    path.parent.mkdir(parents=True, exist_ok=True)
    pq.write_table(pa.table(columns).replace_schema_metadata(metadata), path, compression="zstd")


def run_once(work: str, path: Path, rows: int) -> dict[str, Any]:
    """Replay one work in this process and measure it."""
    from itertools import islice

    from dagster_project.datasets import open_bars
    from live.core.inputs import Deployment
    from live.driver.replay import ReplaySetup, replay
    from live.journal import JournalFile
    from live.venues.sim import CostModel

    strategy_class, share = WORKS[work]
    deployment = Deployment("bench", "bench@0000000", "bench", INSTRUMENT.venue_id, (INSTRUMENT.instrument_id,), LIMITS)
    costs = CostModel(maker_fee_ppm=1_000, taker_fee_ppm=1_000, slippage_basis_points=0)
    setup = ReplaySetup(deployments=(deployment,), instruments=(INSTRUMENT,), balances=(("bench", "USDT", CASH),), costs=costs)
    strategy = strategy_class(Nothing())
    events = islice(open_bars(path).events(), int(rows * share))
    with tempfile.TemporaryDirectory() as scratch:
        journal = JournalFile.create(Path(scratch) / "bench.journal", session_id="bench", durable=False)
        wall, cpu = time.perf_counter(), time.process_time()
        result = replay({"bench": (strategy, strategy.warm_up_bars(Nothing()))}, events, setup, journal=journal)
        journal.close()
        cpu, wall = time.process_time() - cpu, time.perf_counter() - wall
    return {
        "work": work,
        "bars": result.events,
        "records": result.records,
        "orders": result.intents,
        "fills": result.fills,
        "denials": result.denials,
        "cpu_seconds": cpu,
        "wall_seconds": wall,
        "peak_rss_megabytes": resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024,
        "parity_digest": result.parity_digest,
    }


def summarise(runs: list[dict[str, Any]]) -> dict[str, Any]:
    """Put the median of the runs of one work into figures a person compares."""
    cpu, wall = median(run["cpu_seconds"] for run in runs), median(run["wall_seconds"] for run in runs)
    first = runs[0]
    return {
        **{name: first[name] for name in ("bars", "records", "orders", "fills", "denials", "parity_digest")},
        "bars_per_cpu_second": round(first["bars"] / cpu),
        "bars_per_wall_second": round(first["bars"] / wall),
        "records_per_cpu_second": round(first["records"] / cpu),
        "peak_rss_megabytes": round(max(run["peak_rss_megabytes"] for run in runs), 1),
    }


def main() -> int:
    """Run every work three times, alternating, each in a process of its own; exit 1 when digests differ."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--rows", type=int, default=1_000_000, help="bars to generate and replay")
    parser.add_argument("--json", action="store_true", help="print the result as JSON")
    parser.add_argument("--run", choices=WORKS, help=argparse.SUPPRESS)
    options = parser.parse_args()
    path = HOME / f"bars-{options.rows}.parquet"
    if options.run:
        print(json.dumps(run_once(options.run, path, options.rows)))
        return 0
    if not path.exists():
        make_bars(path, options.rows)
    runs: dict[str, list[dict[str, Any]]] = {work: [] for work in WORKS}
    for _ in range(RUNS):
        for work in WORKS:
            command = [sys.executable, __file__, "--run", work, "--rows", str(options.rows)]
            runs[work].append(json.loads(subprocess.run(command, check=True, capture_output=True, text=True).stdout))
    summary = {work: summarise(found) for work, found in runs.items()}
    flip, cross = summary["flip"], summary["cross"]
    plain = 1e6 / cross["bars_per_cpu_second"]
    flip["order_life_microseconds"] = round((1e6 / flip["bars_per_cpu_second"] - plain) * flip["bars"] / max(1, flip["orders"]), 1)
    document = {"python": platform.python_version(), "rows": options.rows, "runs": RUNS, "works": summary}
    (HOME / "latest.json").write_text(json.dumps(document, indent=2) + "\n")
    same = all(len({run["parity_digest"] for run in found}) == 1 for found in runs.values())
    if options.json:
        print(json.dumps({**document, "same_digest": same}, indent=2))
    else:
        for work, figures in summary.items():
            print(work)
            for name, value in figures.items():
                print(
                    f"  {name.replace('_', ' '):28} {value:,}"
                    if isinstance(value, int | float)
                    else f"  {name.replace('_', ' '):28} {value}"
                )
        print(f"written to {HOME / 'latest.json'}")
    if not same:
        print("error: runs of the same work gave different parity digests: the replay is not deterministic", file=sys.stderr)
    return 0 if same else 1


if __name__ == "__main__":
    sys.exit(main())
