import itertools
import os
import random
import select
import signal
import subprocess
import sys
import time
from collections import Counter
from contextlib import suppress
from pathlib import Path

import pytest

from live.core.orders import OrderState
from live.core.records import FillRecorded, IntentRecorded, OrderTransitioned
from live.core.snapshots import restore_state, take_snapshot
from live.driver.recovery import TAPES, anchors_path, fold_journal, session_journals
from live.driver.session_replay import replay_session
from live.journal import JournalReader, recover_tape, verify_journal
from live.promotion import load_strategy, verify_bundle

CRASHES = 50
"""In each of four homes: 200 in all."""

LONGEST_RUN = 0.35
"""Seconds a run may live after it was armed; the moment of its death is drawn evenly from that."""


class DryRuns:
    """Run dry runs one after the other and kill each at a drawn moment."""

    def __init__(self, host, seed: int) -> None:
        self._chance = random.Random(seed)
        script = Path(__file__).with_name("dry_run.py")
        self._log = (host.home / "dry_run.log").open("wb")
        self._parent = subprocess.Popen(
            [sys.executable, str(script)],
            env=host.environment,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=self._log,
        )
        self._buffer = b""

    def crash(self) -> list[str]:
        """Start a run, kill it at a drawn moment of its start or of its trading, and return what it said."""
        assert self._parent.stdin is not None
        self._parent.stdin.write(b"run\n")
        self._parent.stdin.flush()
        said = [self._line()]
        pid = int(said[0].removeprefix("started "))
        in_start = self._chance.random() < 0.25
        moment = self._chance.random() * LONGEST_RUN
        if not in_start:
            said.append(self._line())
        self._wait(moment)
        # A run that ended by itself is found by its last line, together with what it said before.
        with suppress(ProcessLookupError):
            os.kill(pid, signal.SIGKILL)
        while not said[-1].startswith("died"):
            said.append(self._line())
        return said

    def close(self) -> None:
        """End the parent."""
        assert self._parent.stdin is not None
        assert self._parent.stdout is not None
        self._parent.stdin.close()
        self._parent.wait(30)
        self._parent.stdout.close()
        self._log.close()

    def _wait(self, seconds: float) -> None:
        deadline = time.monotonic() + seconds
        while (left := deadline - time.monotonic()) > 0:
            select.select([], [], [], left)

    def _line(self) -> str:
        assert self._parent.stdout is not None
        while b"\n" not in self._buffer:
            ready, _, _ = select.select([self._parent.stdout], [], [], 60)
            assert ready, "a dry run said nothing for a minute"
            data = os.read(self._parent.stdout.fileno(), 65_536)
            assert data, "the dry runs' parent ended"
            self._buffer += data
        line, _, self._buffer = self._buffer.partition(b"\n")
        return line.decode()


@pytest.mark.slow
@pytest.mark.timeout(600)
@pytest.mark.parametrize("seed", [1, 2, 3, 4])
def test_kill_9_at_any_moment_loses_no_intent_and_sends_no_order_twice(live_host, seed):
    """After kill -9 at random moments the journal verifies, the restart folds to the same state, and no order leaves twice."""
    live_host.prepare(bars=20_000, seed=seed)
    live_host.write_config(speed=0)
    runs = DryRuns(live_host, seed)
    armed = 0
    folded: dict[Path, bytes] = {}
    try:
        for _ in range(CRASHES):
            said = runs.crash()
            assert not [line for line in said if line.startswith(("failed", "refused"))], said
            assert said[-1] == f"died {signal.SIGKILL.value}", f"a run ended by itself: {said}"
            armed += "armed" in said
            anchors = anchors_path(live_host.home)
            for journal in session_journals(live_host.home)[-1:]:
                verify_journal(journal, anchors if anchors.exists() else None)
                state = fold_journal(journal)
                if state is not None:
                    state.ledger.check(state.instruments)
                    folded[journal] = take_snapshot(state)
    finally:
        runs.close()
    assert armed > CRASHES // 2, "most runs were killed while trading"
    assert "halted" not in (live_host.home / "dry_run.log").read_text()

    journals = session_journals(live_host.home)
    check_restarts_folded(journals, folded)
    check_orders(live_host, journals)
    check_sessions_replay(live_host, journals)


def check_restarts_folded(journals: list[Path], folded: dict[Path, bytes]) -> None:
    """Each session began with exactly the state that folding the session before had given."""
    begun = [journal for journal in journals if journal in folded]
    compared = 0
    for before, after in itertools.pairwise(begun):
        with JournalReader(after) as reader:
            snapshot = reader.first_snapshot()
        assert snapshot is not None
        assert snapshot[1] == folded[before], f"{after.name} did not begin where {before.name} ended"
        compared += 1
    assert compared > CRASHES // 2


def check_orders(host, journals: list[Path]) -> None:
    """What crossed to the venue crossed once, after its intent was recorded, and filled at most once."""
    crossed = Counter(line.split()[1] for line in host.request_log.read_text().splitlines() if line.startswith("SUBMIT"))
    assert len(crossed) > 100, "the runs traded"
    assert max(crossed.values()) == 1, "no order crossed twice"
    intended: set[str] = set()
    submitting: set[str] = set()
    filled: Counter[str] = Counter()
    states: dict[str, OrderState] = {}
    for journal in journals:
        with JournalReader(journal) as reader:
            for row in reader.rows(kinds=("IntentRecorded", "OrderTransitioned", "FillRecorded")):
                entry = row.entry()
                if isinstance(entry, IntentRecorded):
                    assert entry.order_id not in intended, "no order id is used twice"
                    intended.add(entry.order_id)
                elif isinstance(entry, OrderTransitioned):
                    states[entry.order_id] = entry.state
                    if entry.state is OrderState.SUBMITTING:
                        submitting.add(entry.order_id)
                elif isinstance(entry, FillRecorded):
                    filled[entry.order_id] += 1
    assert set(crossed) <= submitting <= intended, "nothing crossed before it was durable"
    assert not filled or max(filled.values()) == 1
    never_sent = {order_id for order_id, state in states.items() if state in (OrderState.NOT_PLACED, OrderState.NOT_SENT)}
    assert not never_sent & set(filled), "what was proven absent never filled"


def check_sessions_replay(host, journals: list[Path]) -> None:
    """A sample of the crashed sessions replays to exactly the records that were durable."""
    strategies = {}

    def load(deployments):
        found = {}
        for deployment in deployments:
            raw = host.bundles[deployment.strategy_id].read_bytes()
            bundle = verify_bundle(raw, [trusted(host)], time.time_ns())
            loaded = load_strategy(bundle, host.home)
            found[deployment.strategy_id] = (loaded.strategy, loaded.strategy_class.warm_up_bars(loaded.parameters))
        strategies.update(found)
        return found

    replayed = 0
    for journal in journals[::5]:
        with JournalReader(journal) as reader:
            started = next(reader.rows(kinds=("SessionStarted",)), None)
        if started is None:
            continue
        recover_tape(host.home / TAPES / journal.stem)
        result = replay_session(journal, load)
        assert result.identical, f"{journal.name}: {result.difference}"
        replayed += 1
    assert replayed >= CRASHES // 10


def trusted(host):
    """Give the host's trusted key."""
    from live.promotion import parse_trusted_key

    return parse_trusted_key(host.trusted_key)


def test_a_snapshot_restores_to_itself(live_host):
    """A state restored from its snapshot gives the same snapshot again."""
    live_host.prepare(bars=800)
    live_host.write_config(speed=0)
    runs = DryRuns(live_host, 9)
    try:
        runs.crash()
    finally:
        runs.close()
    states = [state for journal in session_journals(live_host.home) if (state := fold_journal(journal)) is not None]
    assert states
    for state in states:
        assert take_snapshot(restore_state(take_snapshot(state))) == take_snapshot(state)
