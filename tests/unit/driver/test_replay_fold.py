"""A fold of the records is the engine's state after every event, with every kind of order, account and market event in the replay."""

from collections.abc import Sequence

import pytest

from live.core import inputs, records
from live.core.engine import Engine
from live.core.inputs import Deployment, RecordedInput
from live.core.instruments import Instrument
from live.core.limits import Limits
from live.core.market_events import Bar, FundingRate, Quote, Trade
from live.core.records import OutputRecord
from live.core.snapshots import restore_state, take_snapshot
from live.core.state import EngineState
from live.core.strategy import Strategy
from live.core.vocabulary import AccountType, InstrumentKind, Side
from live.driver.close_out import CloseOut
from live.driver.loop import EngineLoop
from live.driver.replay import ReplaySetup, opening_inputs
from live.driver.scheduler import Scheduler
from live.venues.protocol import OpenGate
from live.venues.sim import SimulatedVenue

SECOND = 10**9
START = 1_704_067_200 * SECOND
PERPETUAL = Instrument(
    instrument_id="sim:BTCUSDT",
    base="BTC",
    quote="USDT",
    price_scale=2,
    quantity_scale=3,
    kind=InstrumentKind.PERPETUAL,
    initial_margin_ppm=100_000,
    maintenance_margin_ppm=50_000,
)
LIMITS = Limits({PERPETUAL.instrument_id: 10_000}, 10**12, 10**13, 20, 300, 10**12, 50_000, 600 * SECOND)


class Everything(Strategy):
    """Ask for every kind of order there is, replace, cancel, expire, time, go long and short."""

    def __init__(self) -> None:
        self._seen = 0

    def on_bar(self, bar, context) -> None:
        """Ask for something else on each bar."""
        self._seen += 1
        name, close = bar.instrument_id, bar.close
        below, above = round(close * 0.998, 2), round(close * 1.002, 2)
        match self._seen % 9:
            case 0:
                context.submit_order(name, "BUY", 30)
            case 1:
                context.submit_order(name, "SELL", 20, order_type="LIMIT_MAKER", limit_price=above, label="ask")
            case 2:
                context.submit_order(name, "SELL", 30, order_type="STOP", trigger_price=below, reduce_only=True, label="stop")
            case 3:
                expires = bar.ts_event + 90 * SECOND
                context.submit_order(
                    name, "BUY", 10, order_type="LIMIT", limit_price=below, time_in_force="GTD", expires_at=expires, label="bid"
                )
            case 4:
                context.replace_order("ask", limit_price=round(close * 1.001, 2))
            case 5:
                context.submit_order(name, "BUY", 15, order_type="STOP_LIMIT", trigger_price=above, limit_price=round(close * 1.003, 2))
            case 6:
                context.set_timer("turn", bar.ts_event + 20 * SECOND)
            case 7:
                context.submit_order(name, "BUY", 12, order_type="LIMIT", limit_price=above, time_in_force="FOK")
            case _:
                context.cancel_all()

    def on_timer(self, name, context) -> None:
        """Go short."""
        context.target_units(PERPETUAL.instrument_id, -40)


class FoldingRecorder:
    """Apply every entry to a second state, as a restart does, and restore that from a snapshot each time."""

    def __init__(self) -> None:
        self.state = EngineState()
        self.kinds: set[str] = set()
        self.durable_seq = 0
        self.market = None

    def step(self, entry: RecordedInput | None, outputs: Sequence[OutputRecord], events: int) -> int:
        """Fold the entries."""
        for one in outputs if entry is None else (entry, *outputs):
            self.state.apply(one)
            self.kinds.add(type(one).__name__)
            self.durable_seq += 1
        return self.durable_seq

    def snapshot(self, body: bytes, ts: int) -> None:
        """Go on from what was written."""
        self.state = restore_state(body)


def market(bars: int = 120):
    """Make a minute of quotes, a trade, now and then funding, and a bar, over and over."""
    close = 10_000
    for number in range(1, bars + 1):
        opened, close = close, close + (number * 7_919) % 61 - 30
        at = START + number * 60 * SECOND
        name = PERPETUAL.instrument_id
        yield Quote(at - 40 * SECOND, at - 40 * SECOND, name, opened - 1, 500, opened + 1, 500)
        yield Trade(at - 30 * SECOND, at - 30 * SECOND, name, (opened + close) // 2, 40, Side.BUY, f"{number}")
        if number % 8 == 0:
            yield FundingRate(at - 20 * SECOND, at - 20 * SECOND, name, 100_000, opened)
        yield Bar(at, at, name, opened, max(opened, close) + 7, min(opened, close) - 5, close, 1_000)


@pytest.fixture(name="driven")
def _driven():
    """Give a loop that has opened, and its recorder."""
    deployment = Deployment("all", "all@1", "margin", "sim", (PERPETUAL.instrument_id,), LIMITS)
    setup = ReplaySetup(
        deployments=(deployment,),
        instruments=(PERPETUAL,),
        balances=(("margin", "USDT", 10**12), ("spare", "USDT", 10**11)),
        accounts=(("margin", AccountType.MARGIN, 5_000_000),),
        close_out=CloseOut.NONE,
    )
    engine, recorder, scheduler = Engine({"all": (Everything(), 0)}), FoldingRecorder(), Scheduler()
    venue = SimulatedVenue("sim", {PERPETUAL.instrument_id: PERPETUAL}, setup.venue_settings, scheduler.schedule, OpenGate())
    loop = EngineLoop(engine, recorder, {"sim": venue}, scheduler)
    for entry in opening_inputs(setup, START):
        loop.process(entry)
    return loop, recorder


def test_the_fold_is_the_state_after_every_event(driven):
    """And everything that can be recorded in a replay was."""
    loop, recorder = driven
    engine = loop.engine
    for number, event in enumerate(market()):
        loop.process(event)
        assert take_snapshot(recorder.state) == take_snapshot(engine.state), f"after {event!r}"
        if number % 50 == 49:
            loop.take_snapshot()
    loop.process(inputs.BalanceTransferred(engine.now, "spare", "margin", "USDT", 10**10, "top up"))
    loop.process(inputs.CloseOutRequested(engine.now, "all", "the end"))
    loop.process(inputs.SessionClosed(engine.now, "the end"))
    assert take_snapshot(recorder.state) == take_snapshot(engine.state)
    produced = {kind.__name__ for kind in records.OUTPUT_TYPES}
    assert produced - recorder.kinds <= {"AlarmRaised", "DecisionRecorded"}, sorted(produced - recorder.kinds)
    assert {"FundingPaid", "TimerFired", "OrderExpired", "OrderCanceled", "ExecutionReported"} <= recorder.kinds
