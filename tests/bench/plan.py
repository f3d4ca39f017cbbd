"""What is run: each job a process of its own, in rounds, so that ours and the peers take turns on the same machine."""

import json
import os
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import market_data
from environments import PEERS, peer_command

HERE = Path(__file__).parent
ROOT = HERE.parents[1]
OURS = "interlock"
HASH_SEEDS = ("1", "22", "333", "4444", "55555")
"""Every run of ours has another seed for its hashes, so that records which hang on the order of a set would show."""

GROUPS = ("bars", "ticks", "resting", "growth", "order", "writer", "adapter", "exchange", "live_loop")
"""What `--only` may name."""
ALONE = ("writer", "adapter", "exchange", "live_loop")
"""Groups that need no market data and no peer of their own: a script each, given a directory and how much to do."""


class RunFailed(Exception):
    """A run ended with an error."""


@dataclass(frozen=True)
class Sizes:
    """Rows of each work."""

    bars: int = 1_000_000
    ticks: int = 2_000_000
    resting: int = 25_000
    order: int = 100_000
    growth: tuple[int, ...] = (1_000_000, 3_000_000, 10_000_000)
    writer: int = 2_000
    adapter: int = 500
    exchange: int = 8_000
    live_loop: int = 50_000


QUICK = Sizes(
    bars=50_000, ticks=100_000, resting=2_000, order=10_000, growth=(50_000, 150_000), writer=500, adapter=40, exchange=400, live_loop=5_000
)


@dataclass(frozen=True)
class Job:
    """One engine's run of one work.

    Attributes:
        group: what `--only` calls it.
        work: the work, as the engine's script knows it.
        engine: whose run it is.
        rows: events, steps of the writer, or orders.
    """

    group: str
    work: str
    engine: str
    rows: int


def jobs(groups: tuple[str, ...], sizes: Sizes) -> list[Job]:
    """List one round in the order it is run: ours, then the peers', work by work."""
    works = {
        "bars": [Job("bars", "ema_cross", engine, sizes.bars) for engine in (OURS, *PEERS)],
        "ticks": [Job("ticks", "flip_ticks", engine, sizes.ticks) for engine in (OURS, "nautilus_trader")],
        "resting": [Job("resting", "resting_grid", engine, sizes.resting) for engine in (OURS, "nautilus_trader")],
        "growth": [Job("growth", "small_ema_cross", OURS, rows) for rows in sizes.growth],
        "order": [
            Job("order", work, engine, rows)
            for engine, rows in ((OURS, sizes.order), ("nautilus_trader", sizes.order // 5))
            for work in ("order_each_bar", "idle")
        ],
        "writer": [Job("writer", "writer", OURS, sizes.writer)],
        "adapter": [Job("adapter", "adapter", OURS, sizes.adapter)],
        "exchange": [Job("exchange", "exchange", OURS, sizes.exchange)],
        "live_loop": [Job("live_loop", "live_loop", OURS, sizes.live_loop)],
    }
    return [job for group in GROUPS if group in groups for job in works[group]]


def run_all(planned: list[Job], rounds: int, home: Path, sizes: Sizes) -> Iterator[tuple[Job, dict[str, Any]]]:
    """Run every job once a round; gives each with what it measured.

    Raises:
        PeerUnavailable: a peer could not be installed.
        RunFailed: a run ended with an error.
    """
    commands = {engine: peer_command(home, engine) for engine in sorted({job.engine for job in planned} - {OURS})}
    paths = {job: _data(job, home, sizes) for job in planned}
    for number in range(rounds):
        for job in planned:
            yield job, _run(job, paths[job], commands.get(job.engine), HASH_SEEDS[number % len(HASH_SEEDS)], home)


def _data(job: Job, home: Path, sizes: Sizes) -> Path:
    if job.group in ALONE:
        return home
    if job.group == "ticks":
        return market_data.ticks_file(home, job.rows)
    return market_data.bars_file(home, job.rows if job.group == "growth" else max(sizes.bars, sizes.order, sizes.resting))


def _run(job: Job, path: Path, peer: list[str] | None, hash_seed: str, home: Path) -> dict[str, Any]:
    journal = home / f"{job.work}.journal"
    journal.unlink(missing_ok=True)
    if peer is not None:
        command = [*peer, job.work, str(path), str(job.rows)]
    elif job.group in ALONE:
        command = [sys.executable, str(HERE / f"run_{job.group}.py"), str(home), str(job.rows)]
    else:
        command = [sys.executable, str(HERE / "run_ours.py"), job.work, str(path), str(job.rows), "--journal", str(journal)]
    environment = {**os.environ, "PYTHONHASHSEED": hash_seed}
    done = subprocess.run(command, env=environment, cwd=ROOT, capture_output=True, check=False, text=True)
    journal.unlink(missing_ok=True)
    if done.returncode:
        raise RunFailed(f"the run of {job.work} by {job.engine} failed: `{' '.join(command)}` said\n{done.stderr}")
    return json.loads(done.stdout.splitlines()[-1])
