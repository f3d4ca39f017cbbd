"""Replay: the same events give the same records, anywhere, and another price gives others."""

import os
import subprocess
import sys
from pathlib import Path

import pytest
from msgspec.structs import replace

from live.core.errors import InputError, StrategyError
from live.core.inputs import Bar, Deployment
from live.core.instruments import Instrument
from live.core.limits import Limits
from live.core.strategy import Strategy
from live.driver.engine_digest import engine_digest
from live.driver.replay import ReplaySetup, replay
from live.journal import JournalFile, JournalReader

MINUTE = 60 * 10**9
START = 1_704_067_200 * 10**9
BTC = Instrument(instrument_id="sim:BTCUSDT", base="BTC", quote="USDT", price_scale=2, quantity_scale=3)
LIMITS = Limits({BTC.instrument_id: 10_000}, 10**12, 10**13, 10, 100, 10**12, 50_000, 10 * MINUTE)


class Follower(Strategy):
    """Hold while the close rose, rest a bid below while it fell."""

    Parameters = dict

    def __init__(self, parameters=None) -> None:
        self._before = 0.0

    @classmethod
    def warm_up_bars(cls, parameters) -> int:
        """Need two bars."""
        return 2

    def on_bar(self, bar, context) -> None:
        """Follow."""
        if bar.close > self._before:
            context.target_units(bar.instrument_id, 100, reason="rising")
        elif bar.close < self._before:
            context.target_units(bar.instrument_id, 50, limit_price=bar.close * 0.999, reason="falling")
        self._before = bar.close


def setup() -> ReplaySetup:
    """Declare everything but the events."""
    deployment = Deployment("follower", "follower@1", "paper", "sim", (BTC.instrument_id,), LIMITS)
    return ReplaySetup(deployments=(deployment,), instruments=(BTC,), balances=(("paper", "USDT", 10**12),))


def bars(count: int = 200) -> list[Bar]:
    """Make bars whose closes wander by arithmetic alone."""
    made, close = [], 10_000
    for number in range(1, count + 1):
        opened, close = close, close + (number * 7_919) % 61 - 30
        ts = START + number * MINUTE
        made.append(Bar(ts, ts, BTC.instrument_id, opened, max(opened, close) + number % 7, min(opened, close) - number % 5, close, 1_000))
    return made


def run(events=None, **changes):
    """Replay."""
    return replay({"follower": (Follower(), 2)}, bars() if events is None else events, setup(), **changes)


def test_the_same_events_give_the_same_result():
    """To the last record, and with something in it."""
    first, second = run(), run()
    assert first == second
    assert first.fills > 20
    assert first.events == 200


class Restless(Follower):
    """Want something else on every bar."""

    def on_bar(self, bar, context) -> None:
        """Alternate."""
        self._before = 300.0 - self._before
        context.target_units(bar.instrument_id, 100 + int(self._before))


@pytest.mark.parametrize(
    ("number", "field"), [(0, "close"), (1, "close"), (1, "open"), (50, "close"), (50, "open"), (199, "close"), (199, "open")]
)
def test_one_price_unit_in_one_bar_gives_another_digest(number, field):
    """Nothing is rounded away between a price and the records: the last close decides, and the open fills."""
    events = bars()
    changed = events[number]
    changed = replace(changed, **{field: getattr(changed, field) + 1}, high=changed.high + 1)
    digests = {
        replay({"follower": (Restless(), 0)}, some, setup()).parity_digest
        for some in (events, [*events[:number], changed, *events[number + 1 :]])
    }
    assert len(digests) == 2


def test_two_processes_with_different_hash_seeds_give_the_same_digest():
    """No record depends on the order of a set or on anything else of a process."""
    code = "import runpy, sys; sys.stdout.write(runpy.run_path(sys.argv[1])['run']().parity_digest)"
    digests = []
    for seed in ("0", "12345"):
        done = subprocess.run(
            [sys.executable, "-c", code, str(Path(__file__))],
            env={**os.environ, "PYTHONHASHSEED": seed},
            capture_output=True,
            check=True,
            text=True,
        )
        digests.append(done.stdout)
    assert digests == [run().parity_digest] * 2


@pytest.mark.parametrize(
    "disorder",
    [
        lambda events: events[:50] + events[51:53] + [events[50]] + events[53:],
        lambda events: events[:100] + events[90:],
        lambda events: list(reversed(events)),
        lambda events: [*events[:10], events[9]],
    ],
)
def test_events_out_of_order_are_refused(disorder):
    """Shuffled, backwards, or the same bar twice: time has one direction."""
    with pytest.raises(InputError):
        run(disorder(bars()))


def test_an_event_of_an_unknown_instrument_is_refused():
    """Everything that events name must be defined."""
    with pytest.raises(InputError, match="before its definition"):
        run([replace(bars()[0], instrument_id="sim:OTHER")])


def test_no_events_give_an_empty_result():
    """And no error."""
    result = run([])
    assert (result.events, result.decisions, result.fills, result.profit) == (0, 0, 0, {"follower": "0.00000000"})


def test_a_journal_holds_what_the_digest_covers(tmp_path):
    """With a journal the records, their digest and the counts are the same as without one."""
    path = tmp_path / "replay.journal"
    with JournalFile.create(path, session_id="replay", durable=False) as journal:
        written = run(journal=journal)
    assert written == run()
    with JournalReader(path) as reader:
        assert reader.parity_digest().hexdigest() == written.parity_digest
        assert sum(1 for row in reader.rows() if row.kind != "SnapshotTaken") == written.records


def test_a_strategy_that_fails_ends_the_replay_with_its_name():
    """A replay does not go on without a strategy."""

    class Broken(Follower):
        def on_bar(self, bar, context) -> None:
            raise RuntimeError("bug")

    with pytest.raises(StrategyError, match="strategy follower failed on the bar"):
        replay({"follower": (Broken(), 0)}, bars(), setup())


def test_the_engine_digest_names_the_source_of_the_core():
    """The same in every process, 64 hexadecimal characters."""
    assert len(engine_digest()) == 64
    code = "from live.driver.engine_digest import engine_digest; print(engine_digest(), end='')"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, check=True, text=True)
    assert done.stdout == engine_digest()
