"""A replay that stops anywhere and resumes ends with the records of one that never stopped, or says what differs."""

import shutil
from pathlib import Path

import pytest
from msgspec.structs import replace

from live.core.inputs import Deployment
from live.core.instruments import Instrument
from live.core.limits import Limits
from live.core.market_events import Bar
from live.core.strategy import Strategy
from live.driver.recovery import fold_journal
from live.driver.replay import ReplayResult, ReplaySetup, replay
from live.driver.resuming import InterruptedJournal, ResumeError
from live.journal import JournalFile, JournalReader

MINUTE = 60 * 10**9
START = 1_704_067_200 * 10**9
BTC = Instrument(instrument_id="sim:BTCUSDT", base="BTC", quote="USDT", price_scale=2, quantity_scale=3)
LIMITS = Limits({BTC.instrument_id: 10_000}, 10**12, 10**13, 10, 100, 10**12, 50_000, 10 * MINUTE)
DEPLOYMENT = Deployment("busy", "busy@1", "paper", "sim", (BTC.instrument_id,), LIMITS)
SETUP = ReplaySetup(deployments=(DEPLOYMENT,), instruments=(BTC,), balances=(("paper", "USDT", 10**12),))


class Busy(Strategy):
    """Rest bids, replace and cancel them, buy and sell at the market, and keep what it saw to itself."""

    def __init__(self, parameters=None) -> None:
        self._seen = 0

    def on_bar(self, bar, context) -> None:
        """Do something else on each bar."""
        self._seen += 1
        match self._seen % 6:
            case 1:
                context.submit_order(bar.instrument_id, "BUY", 20, order_type="LIMIT", limit_price=round(bar.close * 0.999, 2), label="bid")
            case 2:
                context.replace_order("bid", limit_price=round(bar.close * 0.9995, 2))
            case 3:
                context.target_units(bar.instrument_id, 100)
            case 4:
                context.cancel_all()
            case 5:
                context.set_timer("later", bar.ts_event + MINUTE // 2)
            case _:
                context.target_units(bar.instrument_id, 0)

    def on_timer(self, name, context) -> None:
        """Buy a little."""
        if context.last_price(BTC.instrument_id) is not None:
            context.submit_order(BTC.instrument_id, "BUY", 5)


def bars(count: int = 90) -> list[Bar]:
    """Make bars whose closes wander by arithmetic alone."""
    made, close = [], 10_000
    for number in range(1, count + 1):
        opened, close = close, close + (number * 7_919) % 61 - 30
        ts = START + number * MINUTE
        made.append(Bar(ts, ts, BTC.instrument_id, opened, max(opened, close) + 7, min(opened, close) - 5, close, 1_000))
    return made


def run(path: Path, events: list[Bar] | None = None, setup: ReplaySetup = SETUP, **changes) -> ReplayResult:
    """Replay into a journal."""
    with JournalFile.create(path, session_id="replay", durable=False, created_at=0) as journal:
        return replay({"busy": (Busy(), 0)}, bars() if events is None else events, setup, journal=journal, **changes)


def rows(path: Path) -> list:
    """Read every row."""
    with JournalReader(path) as reader:
        return list(reader.rows())


@pytest.fixture(name="whole", scope="module")
def _whole(tmp_path_factory) -> tuple[Path, ReplayResult]:
    """Run without a stop."""
    path = tmp_path_factory.mktemp("whole") / "replay.journal"
    return path, run(path)


@pytest.mark.parametrize("events", range(1, 90, 6))
def test_a_restart_in_the_middle_ends_with_the_same_digest(tmp_path, whole, events):
    """Whatever was on its way: before the first order, with one resting, between a cancel and what replaces it, before a timer."""
    stopped = tmp_path / "stopped.journal"
    run(stopped, stop_after=events)
    interrupted = InterruptedJournal(stopped)
    resumed = run(tmp_path / "resumed.journal", interrupted=interrupted)
    interrupted.close()
    assert interrupted.reached
    assert interrupted.compared == len(rows(stopped))
    assert resumed == whole[1]
    assert rows(tmp_path / "resumed.journal") == rows(whole[0])


def test_the_stops_lie_in_the_middle_of_orders_too(tmp_path):
    """At some of them an order is alive; otherwise the test above would show little."""
    alive = 0
    for events in range(1, 90, 6):
        path = tmp_path / f"{events}.journal"
        run(path, stop_after=events)
        state = fold_journal(path)
        alive += bool(state is not None and state.live_orders)
    assert alive > 4


def test_another_beginning_is_not_resumed(tmp_path):
    """A bar that was another, or a limit that was: the first record that differs is named with both sides."""
    stopped = tmp_path / "stopped.journal"
    run(stopped, stop_after=40)
    other = bars()
    other[20] = replace(other[20], close=other[20].close + 1, high=other[20].high + 1)
    with pytest.raises(ResumeError, match=r"record \d+ differs: .* at event 2\d, the replay now gives"):
        run(tmp_path / "a.journal", other, interrupted=InterruptedJournal(stopped))
    tighter = replace(SETUP, deployments=(replace(DEPLOYMENT, limits=replace(LIMITS, maximum_open_orders=9)),))
    with pytest.raises(ResumeError, match="SessionStarted"):
        run(tmp_path / "b.journal", setup=tighter, interrupted=InterruptedJournal(stopped))


def test_a_journal_that_goes_on_where_the_data_ends_is_not_reached(tmp_path):
    """Then nobody may take the resumed one for the whole."""
    stopped = tmp_path / "stopped.journal"
    run(stopped, stop_after=40)
    interrupted = InterruptedJournal(stopped)
    with pytest.raises(ResumeError):
        run(tmp_path / "a.journal", bars(30), interrupted=interrupted)
    assert not interrupted.reached


def test_the_interrupted_journal_stays_as_it_was(tmp_path):
    """Resuming reads it, and no more."""
    stopped, copy = tmp_path / "stopped.journal", tmp_path / "copy.journal"
    run(stopped, stop_after=40)
    shutil.copy(stopped, copy)
    run(tmp_path / "a.journal", interrupted=InterruptedJournal(stopped))
    assert stopped.read_bytes() == copy.read_bytes()
