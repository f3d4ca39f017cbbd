"""The loop: nothing leaves before it is durable, and after the first failure nothing leaves at all."""

from itertools import pairwise
from typing import Any

import pytest

from live.core import effects, inputs, records
from live.core.effects import SubmitOrder
from live.core.engine import Engine
from live.core.errors import InputError, InterlockError, StrategyError
from live.core.instruments import Instrument
from live.core.limits import Limits
from live.core.orders import OrderState
from live.core.snapshots import restore_state, take_snapshot
from live.core.state import fold
from live.core.strategy import Strategy
from live.core.vocabulary import OperatorAction, Scope
from live.driver import loop
from live.driver.loop import SNAPSHOT_INTERVAL, EngineLoop, LoopStoppedError
from live.driver.replay import ReplaySetup, opening_inputs
from live.driver.scheduler import Scheduler
from live.venues.protocol import OpenGate
from live.venues.sim import SimulatedVenue, SimulationSettings

MINUTE = 60 * 10**9
START = 1_704_067_200 * 10**9
BTC = Instrument(instrument_id="sim:BTCUSDT", base="BTC", quote="USDT", price_scale=2, quantity_scale=3)
LIMITS = Limits({BTC.instrument_id: 10_000}, 10**12, 10**13, 10, 100, 10**12, 50_000, 10 * MINUTE)


class Scripted(Strategy):
    """Want what the test says."""

    Parameters = dict

    def __init__(self, parameters: Any = None) -> None:
        self.units: int | None = None
        self.fail = ""

    @classmethod
    def warm_up_bars(cls, parameters: Any) -> int:
        """Need no history."""
        return 0

    def on_bar(self, bar, context) -> None:
        """Want it, or fail."""
        if self.fail == "bar":
            raise ValueError("bug")
        if self.units is not None:
            context.target_units(bar.instrument_id, self.units)

    def on_fill(self, fill, context) -> None:
        """Fail, if the test says so."""
        if self.fail == "fill":
            raise ValueError("bug")


class SlowJournal:
    """Keep entries, durable only when the test says so."""

    def __init__(self) -> None:
        self.position = (1, 0)
        self.durable_seq = 0
        self.entries: list[Any] = []
        self.events: list[Any] = []
        self.snapshots: list[bytes] = []
        self.ends: list[int] = []
        self.snapshots_after: list[int] = []
        self.instantly = True
        self.broken = False

    def market(self, event) -> None:
        """Keep a market event."""
        self.events.append(event)
        self.position = (1, len(self.events))

    def step(self, entry, outputs, position) -> int:
        """Keep a step."""
        if self.broken:
            raise InterlockError("the disk failed")
        self.entries += [*([] if entry is None else [entry]), *outputs]
        if self.instantly:
            self.durable_seq = len(self.entries)
        self.ends.append(len(self.entries))
        return len(self.entries)

    def snapshot(self, body, ts) -> None:
        """Keep a snapshot."""
        self.snapshots.append(body)
        self.snapshots_after.append(len(self.entries))


class Host:
    """An engine in its loop, at a simulated venue, armed."""

    def __init__(self, venue_id: str = "sim") -> None:
        self.strategy = Scripted()
        self.engine = Engine({"alpha": (self.strategy, 0)})
        self.journal = SlowJournal()
        scheduler = Scheduler()
        self.venue = SimulatedVenue("sim", {BTC.instrument_id: BTC}, SimulationSettings(), scheduler.schedule, OpenGate())
        self.loop = EngineLoop(self.engine, self.journal, {venue_id: self.venue}, scheduler)
        deployment = inputs.Deployment("alpha", "alpha@1", "paper", "sim", (BTC.instrument_id,), LIMITS)
        setup = ReplaySetup(deployments=(deployment,), instruments=(BTC,), balances=(("paper", "USDT", 10**12),))
        for entry in opening_inputs(setup, START):
            self.loop.process(entry)
        self.now = START

    def bar(self, price: int = 10_000) -> int:
        """Process the next bar."""
        self.now += MINUTE
        return self.loop.process(inputs.Bar(self.now, self.now, BTC.instrument_id, price, price, price, price, 1))

    def command(self, action: OperatorAction) -> int:
        """Process an operator's command."""
        return self.loop.process(inputs.OperatorCommand(self.now, "ann", action, Scope.GLOBAL, "", "test"))

    def catch_up(self) -> None:
        """Let the disk catch up, and the loop know."""
        self.journal.durable_seq = len(self.journal.entries)
        self.loop.settle()

    @property
    def order(self):
        """Give the newest order."""
        return list(self.engine.state.orders.values())[-1]


@pytest.fixture
def host() -> Host:
    """Open a host."""
    return Host()


def test_an_order_leaves_only_once_its_records_are_durable(host):
    """Until then it waits, in the state in which a crash would find it."""
    host.journal.instantly = False
    host.strategy.units = 100
    host.bar()
    assert host.order.state is OrderState.SUBMITTING
    assert host.venue.open_order_ids() == []
    assert not host.loop.idle
    host.journal.durable_seq = len(host.journal.entries) - 1
    host.loop.settle()
    assert host.venue.open_order_ids() == []
    host.catch_up()
    assert host.venue.open_order_ids() == [host.order.order_id]


def test_processing_gives_the_sequence_number_that_has_to_be_durable(host):
    """The number of the step's last entry."""
    host.strategy.units = 100
    host.journal.instantly = False
    assert host.bar() == host.loop.last_seq == len(host.journal.entries)


def test_an_order_approved_before_a_kill_does_not_leave_after_it(host):
    """Between decision and durability trading was stopped: the order ends as NOT_SENT, and the venue never sees it."""
    host.journal.instantly = False
    host.strategy.units = 100
    host.bar()
    host.command(OperatorAction.KILL)
    host.journal.instantly = True
    host.catch_up()
    assert host.order.state is OrderState.NOT_SENT
    assert host.order.detail == "trading was stopped before it left"
    assert host.venue.open_order_ids() == []


@pytest.mark.parametrize("action", [OperatorAction.DISARM, OperatorAction.REDUCE_ONLY, OperatorAction.CANCEL_ONLY])
def test_nor_does_it_after_anything_else_that_forbids_it(host, action):
    """The same for every state that would no longer allow it."""
    host.journal.instantly = False
    host.strategy.units = 100
    host.bar()
    host.command(action)
    host.journal.instantly = True
    host.catch_up()
    assert host.order.state is OrderState.NOT_SENT


def test_an_order_for_a_venue_that_is_not_configured_is_held_back():
    """It ends with a reason, and nothing crashes."""
    host = Host(venue_id="another")
    host.strategy.units = 100
    host.bar()
    assert (host.order.state, host.order.detail) == (OrderState.NOT_SENT, "its venue is not configured")


def test_a_whole_life_of_an_order_is_fed_back_and_journaled(host):
    """The journal folds to the engine's state."""
    host.strategy.units = 100
    host.bar()
    host.bar()
    host.strategy.units = 0
    host.bar()
    host.bar()
    assert host.loop.idle
    assert take_snapshot(fold(host.journal.entries)) == take_snapshot(host.engine.state)
    assert [order.state for order in host.engine.state.orders.values()] == [OrderState.FILLED, OrderState.FILLED]


def test_market_data_is_on_the_tape_before_the_engine_handles_it(host):
    """Also the event that the engine fails on."""
    host.strategy.fail = "bar"
    with pytest.raises(StrategyError):
        host.bar()
    assert host.journal.events[-1].ts_init == host.now


@pytest.mark.parametrize("fail", ["bar", "fill"])
def test_after_a_failure_nothing_goes_in_or_out(host, fail):
    """The loop stops for good, with what had not left."""
    host.strategy.units = 100
    host.bar()
    host.strategy.fail = fail
    with pytest.raises(StrategyError, match="strategy alpha failed on"):
        host.bar()
    for again in (host.bar, host.loop.settle):
        with pytest.raises(LoopStoppedError, match="strategy alpha failed on"):
            again()


def test_what_a_fill_did_before_its_strategy_failed_is_journaled(host):
    """The fill and the position are facts, whatever the strategy makes of them: a restart finds them."""
    host.strategy.units = 100
    host.bar()
    host.strategy.fail = "fill"
    with pytest.raises(StrategyError):
        host.bar()
    after = fold(host.journal.entries)
    assert after.ledger.quantity("paper", "alpha", BTC.instrument_id) == 100
    assert take_snapshot(after) == take_snapshot(host.engine.state)
    assert any(isinstance(entry, records.FillRecorded) for entry in host.journal.entries)


def test_no_effect_leaves_after_a_failure(host):
    """An order that waited for the disk when the engine failed never reaches the venue."""
    host.journal.instantly = False
    host.strategy.units = 100
    host.bar()
    host.strategy.fail = "bar"
    with pytest.raises(StrategyError):
        host.bar()
    with pytest.raises(LoopStoppedError):
        host.catch_up()
    assert host.venue.open_order_ids() == []


@pytest.mark.parametrize(
    "event", [inputs.ClockTicked(START - 1), inputs.ClockTicked(2**63), inputs.BalanceChanged(START, "paper", "USDT", -(10**13), "typo")]
)
def test_an_input_that_the_engine_refuses_is_not_journaled(host, event):
    """It changed nothing, so a fold must not meet it."""
    before = len(host.journal.entries)
    with pytest.raises(InputError):
        host.loop.process(event)
    assert len(host.journal.entries) == before
    with pytest.raises(LoopStoppedError):
        host.bar()


def test_a_disk_that_fails_stops_the_loop(host):
    """Nothing is retried."""
    host.journal.broken = True
    with pytest.raises(InterlockError, match="the disk failed"):
        host.loop.process(inputs.ClockTicked(START))
    host.journal.broken = False
    with pytest.raises(LoopStoppedError, match="the disk failed"):
        host.loop.process(inputs.ClockTicked(START))


def test_a_failure_that_cannot_be_journaled_says_so(host):
    """Both errors are told."""
    host.strategy.units = 100
    host.bar()
    host.strategy.fail = "fill"
    host.journal.broken = True
    with pytest.raises(InterlockError) as caught:
        host.bar()
    said = "".join([str(caught.value), *getattr(caught.value, "__notes__", [])])
    assert "the disk failed" in said


def test_a_snapshot_is_written_every_so_many_records(host):
    """So that a restart has to fold no more than that."""
    for number in range(SNAPSHOT_INTERVAL + 10):
        host.loop.process(inputs.ClockTicked(START + number))
    assert len(host.journal.snapshots) == 1
    assert restore_state(host.journal.snapshots[0]).orders == {}


def test_a_snapshot_is_written_after_the_very_step_that_makes_it_due(monkeypatch):
    """Counted from the last one, however far a step goes beyond, so that a replay that is run again takes the same ones."""
    monkeypatch.setattr(loop, "SNAPSHOT_INTERVAL", 10)
    host = Host()
    for number in range(60):
        host.strategy.units = 100 + number // 7
        host.bar()
        host.loop.process(inputs.ClockTicked(host.now))
    due, expected = 10, []
    for end in host.journal.ends:
        if end >= due:
            expected.append(end)
            due = end + 10
    assert host.journal.snapshots_after == expected
    assert any(end % 10 for end in expected)
    assert any(later - end == 10 for end, later in pairwise(expected))


def test_a_timer_that_was_taken_back_does_not_fire(host):
    """Nor does one that was set again before, at its old time."""
    set_timer, cancel_timer = effects.SetTimer("alpha", "turn", START + MINUTE), effects.CancelTimer("alpha", "turn")
    for asked in ([set_timer], [cancel_timer], [set_timer, effects.SetTimer("alpha", "turn", START + 3 * MINUTE)]):
        host.engine.effects.extend(asked)
        host.loop.process(inputs.ClockTicked(START))
    for minutes in (2, 4):
        host.loop.process(inputs.ClockTicked(START + minutes * MINUTE))
    assert [one.due for one in host.journal.entries if isinstance(one, inputs.TimerFired)] == [START + 3 * MINUTE]


def test_a_timer_that_was_taken_back_does_not_fire_where_no_other_is_set(host):
    """Its time comes, and nothing is heard of it."""
    for asked in (effects.SetTimer("alpha", "turn", START + MINUTE), effects.CancelTimer("alpha", "turn")):
        host.engine.effects.append(asked)
        host.loop.process(inputs.ClockTicked(START))
    host.loop.process(inputs.ClockTicked(START + 2 * MINUTE))
    assert not any(isinstance(one, inputs.TimerFired) for one in host.journal.entries)


def test_a_timer_that_fires_late_is_fed_at_the_time_that_it_is_then(host):
    """Time never runs backwards for the engine."""
    host.engine.effects.append(effects.SetTimer("alpha", "turn", START - MINUTE))
    host.loop.process(inputs.ClockTicked(START))
    (fired,) = [one for one in host.journal.entries if isinstance(one, inputs.TimerFired)]
    assert (fired.ts_init, fired.due) == (START, START - MINUTE)


def test_the_loop_hands_over_what_the_engine_asked_for(host):
    """The venue gets the very order of the intent."""
    seen: list[SubmitOrder] = []
    submit = host.venue.submit
    host.venue.submit = lambda order, now: (seen.append(order), submit(order, now))  # type: ignore[method-assign]
    host.strategy.units = 100
    host.bar()
    assert [(order.order_id, order.quantity) for order in seen] == [(host.order.order_id, 100)]
