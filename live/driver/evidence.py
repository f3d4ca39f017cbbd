"""Evidence from replays: is the strategy deterministic, and do its limits limit anything.

Each gate is a function from measurements to a result. The gates here need nothing but the live host's own install; the
research pipeline adds its own to the same evidence.
"""

import hashlib
import os
import subprocess
import sys
import tempfile
import time
from collections.abc import Sequence
from pathlib import Path
from typing import NamedTuple

import msgspec

from live.core.errors import InterlockError
from live.core.instruments import Instrument
from live.core.limits import Limits
from live.core.orders import OrderEvent
from live.core.records import IntentRecorded, OrderTransitioned
from live.driver.engine_digest import engine_digest
from live.driver.replay import ReplayResult
from live.driver.tape_replay import STRATEGY_FAILED, ProcessRequest
from live.journal import JournalReader, first_difference
from live.promotion import EVIDENCE_SCHEMA, Evidence, GateResult, StrategyFolder
from live.venues.sim import CostModel

HASH_SEEDS = ("1", "2718281")
"""PYTHONHASHSEED of the two processes: what depends on the order of a set or a hash differs between them."""

MINIMUM_FILLS = 20
"""Fewer executions than this say nothing about how a strategy behaves."""

MAXIMUM_LOOSENESS = 20.0
"""A limit may be at most this many times the largest order that was sent: looser, and it would not stop a wrong one."""


class EvidenceFailed(InterlockError):
    """The replays that evidence needs could not be run."""


class StrategyFailed(EvidenceFailed):
    """A replay ended early because of the strategy itself, which is an answer about the strategy."""


class ReplayJob(NamedTuple):
    """Ask for a replay in a process of its own: where its journal goes, its PYTHONHASHSEED, and what trading costs."""

    journal: Path
    seed: str
    costs: CostModel = CostModel()


class Run(NamedTuple):
    """One replay in a process of its own: its result and its journal."""

    result: ReplayResult
    journal: Path


def gather_evidence(folder: StrategyFolder, tape: Path, home: Path) -> Evidence:
    """Replay a strategy twice, in separate processes with different hash seeds, and judge it.

    Raises:
        EvidenceFailed: a replay could not be run (carries its error), or the tape or the folder changed meanwhile.
        TapeError: the tape cannot be read.
    """
    dataset_digest = _file_digest(tape)
    with tempfile.TemporaryDirectory(prefix="interlock-evidence-") as scratch:
        runs = replay_in_processes(folder, tape, home, [ReplayJob(Path(scratch) / f"{seed}.journal", seed) for seed in HASH_SEEDS])
        results = (determinism_gate(runs[0], runs[1]), replay_gate(runs[0].result), limits_gate(folder, runs[0].journal))
    if _file_digest(tape) != dataset_digest:
        raise EvidenceFailed(f"{tape} was changed while evidence was gathered: gather it again from a tape that stays as it is")
    return Evidence(
        schema=EVIDENCE_SCHEMA,
        strategy_version_digest=folder.version.digest,
        dataset_digest=dataset_digest,
        policy_digest=policy_digest(),
        engine_digest=engine_digest(),
        results=results,
        created_at=time.time_ns(),
    )


def replay_in_processes(folder: StrategyFolder, tape: Path, home: Path, jobs: Sequence[ReplayJob]) -> list[Run]:
    """Replay a strategy once a job, all at the same time, in processes that share nothing.

    Raises:
        StrategyFailed: the strategy failed, could not be loaded, or ended its process.
        EvidenceFailed: a replay could not be run (carries its error).
    """
    started = [_start(folder, tape, home, job) for job in jobs]
    try:
        return [_finish(folder, process, job.journal) for job, process in zip(jobs, started, strict=True)]
    finally:
        for process in started:
            _end(process)


def policy_digest() -> str:
    """Hash the thresholds of the gates, in hexadecimal sha256."""
    policy = {"minimum_fills": MINIMUM_FILLS, "maximum_looseness": MAXIMUM_LOOSENESS, "hash_seeds": HASH_SEEDS}
    return hashlib.sha256(msgspec.json.encode(policy, order="deterministic")).hexdigest()


def determinism_gate(one: Run, other: Run) -> GateResult:
    """Demand that both replays said the same records; names the first that differs."""
    differing = 0
    detail = f"both processes gave the parity digest {one.result.parity_digest[:16]}…"
    if one.result.parity_digest != other.result.parity_digest:
        differing = 1
        with JournalReader(one.journal) as left, JournalReader(other.journal) as right:
            difference = first_difference(left.rows(), right.rows())
        detail = f"two processes gave different records: {difference}"
    return GateResult(
        gate="determinism",
        passed=not differing,
        kind="integrity",
        measured={"differing": differing, "records": one.result.records, "parity_digest": one.result.parity_digest},
        threshold={"maximum_differing": 0},
        detail=detail,
    )


def replay_gate(result: ReplayResult, minimum_fills: int = MINIMUM_FILLS) -> GateResult:
    """Demand that the strategy traded enough to be judged, and raised no alarm."""
    alarms = sum(result.alarms.values())
    return GateResult(
        gate="replay",
        passed=result.fills >= minimum_fills and not alarms,
        kind="integrity",
        measured={"fills": result.fills, "alarms": alarms, "decisions": result.decisions, "denials": sum(result.denials.values())},
        threshold={"minimum_fills": minimum_fills, "maximum_alarms": 0},
        detail=f"{result.events} events, {result.fills} fills, {alarms} alarms",
    )


def limits_gate(folder: StrategyFolder, journal: Path, maximum_looseness: float = MAXIMUM_LOOSENESS) -> GateResult:
    """Demand that the order limit is within reach of the orders that the strategy sends."""
    limits: Limits = folder.version.limits
    largest = largest_order_notional(journal, folder.version.instruments_by_id)
    looseness = limits.maximum_order_notional / largest if largest else 0.0
    return GateResult(
        gate="limits",
        passed=0.0 < looseness <= maximum_looseness,
        kind="integrity",
        measured={"looseness": round(looseness, 6), "largest_order_notional": largest},
        threshold={"maximum_looseness": maximum_looseness},
        detail=f"the order limit is {looseness:.1f} times the largest order sent"
        if largest
        else "no order was sent, so no limit was tested",
    )


def largest_order_notional(journal: Path, instruments: dict[str, Instrument]) -> int:
    """Find the largest order that was sent, at its reference price, in money units; 0 when none was."""
    notional: dict[str, int] = {}
    largest = 0
    with JournalReader(journal) as reader:
        for row in reader.rows(kinds=("IntentRecorded", "OrderTransitioned")):
            entry = row.entry()
            if isinstance(entry, IntentRecorded):
                notional[entry.order_id] = instruments[entry.instrument_id].notional(entry.reference_price, entry.quantity)
            elif isinstance(entry, OrderTransitioned) and entry.event is OrderEvent.SUBMIT:
                largest = max(largest, notional[entry.order_id])
    return largest


def _start(folder: StrategyFolder, tape: Path, home: Path, job: ReplayJob) -> subprocess.Popen[bytes]:
    version = folder.version
    paths = (str(tape.resolve()), str(home.resolve()), str(job.journal))
    request = ProcessRequest(str(folder.path.resolve()), version.digest, version.parameters, *paths, job.costs)
    command = [sys.executable, "-m", "live.driver.tape_replay", msgspec.json.encode(request).decode()]
    environment = {**os.environ, "PYTHONHASHSEED": job.seed}
    return subprocess.Popen(command, env=environment, stdout=subprocess.PIPE, stderr=subprocess.PIPE)  # noqa: S603 - our own module


def _finish(folder: StrategyFolder, process: subprocess.Popen[bytes], journal: Path) -> Run:
    said, errors = process.communicate()
    if process.returncode != 0:
        last = errors.decode(errors="replace").strip().splitlines()[-1:]
        kind = StrategyFailed if process.returncode == STRATEGY_FAILED else EvidenceFailed
        raise kind(f"the replay of {folder.version.label} failed: {last[0] if last else f'exit {process.returncode}'}")
    try:
        return Run(msgspec.json.decode(said, type=ReplayResult), journal)
    except msgspec.MsgspecError as error:
        raise StrategyFailed(
            f"the replay of {folder.version.label} gave no result: {error}; a strategy must not write to standard output or end the process"
        ) from None


def _end(process: subprocess.Popen[bytes]) -> None:
    """Leave no replay running behind another one that failed, and no pipe open."""
    process.kill()
    with process:
        pass


def _file_digest(path: Path) -> str:
    with path.open("rb") as stream:
        return hashlib.file_digest(stream, "sha256").hexdigest()
