"""Conditions: what the service tells the engine of accounts and journal, at a session's start and when it changes."""

import asyncio
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from msgspec.structs import replace

from live.configuration import Configuration, load_configuration
from live.core import inputs
from live.core.engine import Engine
from live.core.instruments import Instrument
from live.core.limits import Limits
from live.core.orders import OrderState
from live.core.strategy import Strategy
from live.driver.clock import PlaybackClock
from live.driver.live import LiveDriver, LiveRecorder
from live.driver.loop import EngineLoop
from live.driver.replay import ReplaySetup, opening_inputs
from live.driver.scheduler import Scheduler
from live.journal import GroupCommitWriter, JournalFile, TapeWriter
from live.service.conditions import COMMIT_BOUND, ConditionWatch, differences, opening_conditions
from live.venues.protocol import OpenGate
from live.venues.sim import SimulatedVenue, SimulationSettings

SECOND = 10**9
START = 1_704_067_200 * SECOND
BTC = Instrument(instrument_id="sim:BTCUSDT", base="BTC", quote="USDT", price_scale=2, quantity_scale=3)
LIMITS = Limits({BTC.instrument_id: 10_000}, 10**12, 10**13, 10, 100, 10**12, 50_000, 600 * SECOND)
FILE = """
schema = 1

[accounts.paper]
balances = { USDT = "10000.00" }
total_limits = { maximum_open_orders = 4 }

[accounts.other]
balances = { USDT = "10000.00" }

[venues.sim]
total_limits = { maximum_open_orders = 5 }
"""


class Bidding(Strategy):
    """Bid below the market once, as soon as the test says so."""

    Parameters = dict

    def __init__(self) -> None:
        self.bids = False

    @classmethod
    def warm_up_bars(cls, parameters: Any) -> int:
        """Need no history."""
        return 0

    def on_bar(self, bar: Any, context: Any) -> None:
        """Bid, when it is time."""
        if self.bids:
            self.bids = False
            context.submit_order(bar.instrument_id, "BUY", 100, order_type="LIMIT", limit_price=99.0)


def new_venue() -> SimulatedVenue:
    """Open a venue that knows of no order."""
    return SimulatedVenue("sim", {BTC.instrument_id: BTC}, SimulationSettings(), Scheduler().schedule, OpenGate())


class Host:
    """A live driver with a journal and a tape on disk and a simulated venue, whose journal catches up when the test says so.

    Attributes:
        venues: what the watch looks at: the venue itself, until a test puts one there that has lost or found an order.
        reported: the conditions that were fed, as they were journaled.
    """

    def __init__(self, folder: Path, configuration: Configuration) -> None:
        self.strategy, self.scheduler, self.clock = Bidding(), Scheduler(), PlaybackClock(START)
        self.reported: list[Any] = []
        self.seconds = 0.0
        self.venue = SimulatedVenue("sim", {BTC.instrument_id: BTC}, SimulationSettings(), self.scheduler.schedule, OpenGate())
        self.venues = {"sim": self.venue}
        self.tape = TapeWriter(folder / "tape", "session", [BTC])
        self.journal = GroupCommitWriter(JournalFile.create(folder / "session.journal", session_id="session"))
        recorder = LiveRecorder(self.journal, self.tape, self._observe)
        loop = EngineLoop(Engine({"alpha": (self.strategy, 0)}), recorder, {"sim": self.venue}, self.scheduler)
        self.driver = LiveDriver(loop, recorder, self.clock, pytest.fail)
        deployment = inputs.Deployment("alpha", "alpha@1", "paper", "sim", (BTC.instrument_id,), LIMITS)
        setup = ReplaySetup(deployments=(deployment,), instruments=(BTC,), balances=(("paper", "USDT", 10**12),))
        for entry in opening_inputs(setup, START):
            self.driver.feed(entry)
        for entry in opening_conditions(configuration, self.driver.engine.state, self.venues, START):
            self.driver.feed(entry)
        self.watch = ConditionWatch(configuration, self.driver, self.venues, lambda: self.seconds)
        self.catch_up()
        self.reported.clear()

    def _observe(self, entry: Any, outputs: Any, seq: int) -> None:
        if isinstance(entry, inputs.ReconciliationReported | inputs.JournalHealthReported):
            self.reported.append(entry)

    def catch_up(self) -> None:
        """Let the disk catch up, and the driver know."""
        self.journal.wait_durable(self.driver.loop.last_seq, 10)
        self.driver.advance_durable(self.driver.loop.last_seq)

    def bid(self) -> str:
        """Let an order rest at the venue; gives its id."""
        self.strategy.bids = True
        self.bar()
        self.catch_up()
        order = next(iter(self.driver.engine.state.live_orders.values()))
        assert (order.state, self.venue.open_order_ids()) == (OrderState.OPEN, [order.order_id])
        return order.order_id

    def bar(self) -> None:
        """Feed the next minute's bar."""
        self.clock.advance(self.clock.now() + 60 * SECOND)
        now = self.clock.now()
        self.driver.feed(inputs.Bar(now, now, BTC.instrument_id, 10_000, 10_000, 10_000, 10_000, 1))

    def look_at_accounts(self, times: int) -> list[tuple[str, bool]]:
        """Look so often, the journal caught up in between; gives what was reported meanwhile, account by account."""
        self.reported.clear()
        for _ in range(times):
            asyncio.run(self.watch.look_at_accounts())
            self.catch_up()
        return [(one.account_id, one.clean) for one in self.reported]

    def look_at_journal(self, seconds: float) -> list[bool]:
        """Look so many seconds from the beginning; gives what was reported."""
        self.reported.clear()
        self.seconds = seconds
        asyncio.run(self.watch.look_at_journal())
        return [one.healthy for one in self.reported]


@pytest.fixture(name="configuration")
def _configuration(tmp_path: Path) -> Configuration:
    """Configure two accounts and a venue."""
    (tmp_path / "interlock.toml").write_text(FILE)
    return load_configuration(tmp_path / "interlock.toml", {"INTERLOCK_HOME": str(tmp_path), "INTERLOCK_KEYS": str(tmp_path / "keys")})


@pytest.fixture(name="host")
def _host(tmp_path: Path, configuration: Configuration) -> Iterator[Host]:
    """Open a host."""
    host = Host(tmp_path, configuration)
    yield host
    host.journal.close()
    host.tape.close()


def test_a_session_opens_with_limits_journal_clocks_and_accounts(host: Host, configuration: Configuration):
    """A simulated venue has our clock for good, and the book that the journal left."""
    host.bid()
    said = opening_conditions(configuration, host.driver.engine.state, host.venues, 7)
    assert [type(one).__name__ for one in said] == [
        "LimitsSet",
        "LimitsSet",
        "JournalHealthReported",
        "ClockSampled",
        "ReconciliationReported",
        "ReconciliationReported",
    ]
    assert [(one.target, one.limits.maximum_open_orders) for one in said[:2]] == [("paper", 4), ("sim", 5)]
    assert all(one.clean for one in said if isinstance(one, inputs.ReconciliationReported))
    assert {one.ts_init for one in said} == {7}


def test_an_order_that_only_one_side_has_is_a_difference(host: Host, configuration: Configuration):
    """One that is open here and not there is its account's; one that only the venue has is everybody's."""
    ours, state = host.bid(), host.driver.engine.state
    assert differences(configuration, state, host.venues) == {"paper": "", "other": ""}
    stranger = new_venue()
    stranger.restore([replace(state.orders[ours], order_id="X")])
    assert differences(configuration, state, {"sim": stranger}) == {
        "paper": f"the venue has X, which is not alive here; the venue does not have {ours}, which is open here",
        "other": "the venue has X, which is not alive here",
    }


def test_an_order_in_flight_is_no_difference(host: Host, configuration: Configuration):
    """Neither one that is on its way, nor one that is asked to end: only an answer can say what became of it."""
    host.strategy.bids = True
    host.bar()
    state = host.driver.engine.state
    assert [order.state for order in state.live_orders.values()] == [OrderState.SUBMITTING]
    assert differences(configuration, state, host.venues) == {"paper": "", "other": ""}
    host.catch_up()
    host.driver.feed(inputs.ReconciliationReported(host.clock.now(), "paper", clean=False, detail="test", valid_until=2**63 - 1))
    assert [order.state for order in state.live_orders.values()] == [OrderState.CANCEL_REQUESTED]
    assert differences(configuration, state, {"sim": new_venue()}) == {"paper": "", "other": ""}


def test_a_difference_is_reported_when_it_is_seen_twice(host: Host):
    """And so is its end; what is the same is not said again."""
    host.bid()
    assert host.look_at_accounts(3) == []
    host.venues["sim"] = new_venue()
    assert host.look_at_accounts(1) == []
    assert host.look_at_accounts(1) == [("paper", False)]
    # The engine has its orders canceled then, so no open one is missing any more.
    assert host.look_at_accounts(1) == []
    assert host.look_at_accounts(1) == [("paper", True)]
    assert host.look_at_accounts(3) == []


def test_a_difference_that_goes_away_by_itself_is_not_reported(host: Host):
    """Twice in a row it must be the same one."""
    host.bid()
    for _ in range(2):
        host.venues["sim"] = new_venue()
        assert host.look_at_accounts(1) == []
        host.venues["sim"] = host.venue
        assert host.look_at_accounts(1) == []


def test_nothing_is_compared_while_an_answer_is_on_its_way(host: Host):
    """The venue may be ahead of us by what it has already answered."""
    ours = host.bid()
    host.venues["sim"] = new_venue()
    host.scheduler.schedule(host.clock.now() + 30 * SECOND, inputs.OrderCanceled(START, START, ours, "by the venue"))
    assert host.look_at_accounts(3) == []
    host.bar()
    host.catch_up()
    assert ours not in host.driver.engine.state.live_orders
    assert host.look_at_accounts(3) == []


def test_nothing_is_compared_while_a_request_waits_for_the_disk(host: Host):
    """The venue has not got it yet."""
    host.bid()
    host.venues["sim"] = new_venue()
    asyncio.run(host.watch.look_at_accounts())
    host.strategy.bids = True
    host.bar()
    assert not host.driver.loop.idle
    asyncio.run(host.watch.look_at_accounts())
    assert host.reported == []
    host.catch_up()
    assert host.look_at_accounts(2) == [("paper", False)]


def test_a_journal_that_falls_behind_its_bound_is_reported_and_so_is_its_catching_up(host: Host):
    """Up to the bound it may lag; a record that came later has the bound again."""
    assert host.look_at_journal(0.0) == []
    host.bid()
    host.driver.feed(inputs.ClockTicked(host.clock.now()))
    assert host.look_at_journal(10.0) == []
    assert host.look_at_journal(10.0 + COMMIT_BOUND) == []
    assert host.look_at_journal(10.1 + COMMIT_BOUND) == [False]
    assert host.look_at_journal(20.0) == []
    host.catch_up()
    assert host.look_at_journal(30.0) == [True]
    host.catch_up()
    assert host.look_at_journal(40.0) == []
