"""Strategies that ask for orders of their own: what they ask for is a decision like any other."""

import itertools

import pytest

from dagster_project.gates import submit_strategy
from dagster_project.gates.errors import GateError
from dagster_project.home import Home
from live.core.inputs import TimerFired
from live.core.records import IntentRecorded
from live.core.vocabulary import OrderType
from live.driver.tape_replay import TapeReplayOptions, replay_on_tape
from live.journal import JournalReader
from live.promotion import load_strategy_folder

STRATEGY = """
import msgspec
from live.core.strategy import Strategy

{top}

class Parameters(msgspec.Struct, frozen=True):
    fraction: float


class Subject(Strategy):
    Parameters = Parameters

    def __init__(self, parameters):
        self.closes = []
        self.count = 0

    @classmethod
    def warm_up_bars(cls, parameters):
        return 5

{methods}
"""
EVERYTHING = """
    def on_start(self, context):
        self.begun = context.now

    def on_timer(self, name, context):
        context.cancel_all()
        name = "binance-spot:BTCUSDT"
        low = round(0.95 * context.last_price(name), 2)
        until = context.now + 60_000_000_000
        context.submit_order(name, "BUY", 5000, order_type="LIMIT", limit_price=low, time_in_force="GTD", expires_at=until)

    def on_order(self, order, context):
        if order.state == "FILLED" and order.label == "entry":
            stop = round((context.average_price(order.instrument_id) or 1.0) * 0.97, 2)
            context.submit_order(
                order.instrument_id, "SELL", order.filled_quantity, order_type="STOP", trigger_price=stop, label="stop", reduce_only=True
            )

    def on_bar(self, bar, context):
        self.closes = [*self.closes[-5:], bar.close]
        name = bar.instrument_id
        if bar.ts_event % 21_600_000_000_000 == 0 and self.begun < context.now:
            context.set_timer("beat", context.now + 5_000_000_000_000)
        if len(self.closes) < 6 or context.warming_up:
            return
        up = self.closes[-1] > self.closes[0] and context.last_price(name) == bar.close
        held, open_orders = context.position(name), {order.label for order in context.open_orders(name)}
        if up and not held and "entry" not in open_orders:
            price = round(0.992 * bar.close, 2)
            size = context.units(name, 0.05 * context.equity("USDT") / bar.close)
            context.submit_order(name, "BUY", size, order_type="LIMIT", limit_price=price, label="entry", reason="it rises")
        elif up and "entry" in open_orders:
            context.replace_order("entry", limit_price=round(0.992 * bar.close, 2))
        elif not up and held:
            context.cancel_order("stop")
            context.submit_order(name, "SELL", held, reason="it falls")
"""
BY_TABLE = """
    def on_bar(self, bar, context):
        held = context.position(bar.instrument_id)
        long = KNOWN.get({key}, False)
        if long and not held:
            context.submit_order(bar.instrument_id, "BUY", 10_000)
        elif held and not long:
            context.submit_order(bar.instrument_id, "SELL", held)
"""


@pytest.fixture(name="write_orders")
def _write_orders(write_strategy):
    """Give a function that writes a strategy folder out of its methods."""

    def write_orders(methods, top=""):
        folder = write_strategy("long = False")
        (folder / "strategy.py").write_text(STRATEGY.format(top=top, methods=methods))
        return folder

    return write_orders


def test_an_honest_strategy_with_orders_stops_and_timers_passes(write_orders, probe_folder, tape, tmp_path):
    """What it sees of its account, orders and timers in the probes is what it saw in the replay, where it used each of them."""
    folder, journal = write_orders(EVERYTHING), tmp_path / "replay.journal"
    assert replay_on_tape(load_strategy_folder(folder), tape, tmp_path, TapeReplayOptions(), journal=journal).fills > 20
    with JournalReader(journal) as reader:
        entries = [row.entry() for row in reader.rows(kinds=("IntentRecorded", "TimerFired"))]
    orders = [entry for entry in entries if isinstance(entry, IntentRecorded)]
    assert {order.order_type for order in orders} == {OrderType.MARKET, OrderType.LIMIT, OrderType.STOP}
    assert any(order.replaces for order in orders)
    assert any(isinstance(entry, TimerFired) for entry in entries)
    findings = probe_folder(folder)
    assert findings.look_ahead.passed, findings.look_ahead.detail
    assert findings.warm_up.passed, findings.warm_up.detail
    assert findings.report.look_ahead.cuts > 20


def test_chance_of_the_context_is_no_leak(write_orders, probe_folder):
    """A coin that the context seeds falls alike in every probe."""
    methods = """
    def on_bar(self, bar, context):
        held = context.position(bar.instrument_id)
        if context.random.random() < 0.3:
            context.submit_order(bar.instrument_id, "SELL" if held else "BUY", held or 10_000)
"""
    findings = probe_folder(write_orders(methods))
    assert findings.look_ahead.passed, findings.look_ahead.detail
    assert findings.warm_up.passed, findings.warm_up.detail


def test_orders_that_know_what_came_next_are_caught_by_their_dates(write_orders, probe_folder, history):
    """28 years later the table has no such dates, and the order that is not asked for any more is named."""
    known = {bar.ts_event: later.close > bar.close for bar, later in itertools.pairwise(history)}
    gate = probe_folder(write_orders(BY_TABLE.format(key="bar.ts_event"), f"KNOWN = {known!r}")).look_ahead
    assert not gate.passed
    assert gate.measured["probe"] == "translation"
    assert "submit_order(binance-spot:BTCUSDT, side=BUY, quantity=10000, order_type=MARKET)" in gate.detail


def test_orders_that_know_history_by_heart_lose_their_edge(write_orders, probe_folder, history):
    """Keyed by close no cut, poison or date shows it; prices moved a little do."""
    known = {bar.close: later.close > bar.close for bar, later in itertools.pairwise(history)}
    findings = probe_folder(write_orders(BY_TABLE.format(key="round(bar.close * 100)"), f"KNOWN = {known!r}"))
    assert not findings.report.look_ahead.leaks
    assert findings.report.look_ahead.edges_lost["jitter"] > 5
    assert "knows this history by heart" in findings.look_ahead.detail


def test_orders_of_a_cache_that_survives_a_run_are_caught(write_orders, probe_folder):
    """The second run asks for other orders than the first, which wrote down what came."""
    methods = """
    def on_bar(self, bar, context):
        KNOWN[bar.ts_event] = bar.close
        if KNOWN.get(bar.ts_event + 1800_000_000_000, 0.0) > bar.close:
            context.submit_order(bar.instrument_id, "BUY", 10_000)
"""
    gate = probe_folder(write_orders(methods, "KNOWN = {}")).look_ahead
    assert not gate.passed
    assert "the repeat probe leaks first" in gate.detail


def test_a_timer_at_a_date_that_hindsight_chose_is_caught(write_orders, probe_folder, history):
    """A timer is a decision too, and its date does not move along with history."""
    methods = f"""
    def on_bar(self, bar, context):
        if context.now < {history[-1].ts_init}:
            context.set_timer("the top", {history[-1].ts_init})
"""
    gate = probe_folder(write_orders(methods)).look_ahead
    assert not gate.passed
    assert "translation" in gate.detail


def test_orders_that_hang_on_all_of_history_fail_the_warm_up(write_orders, probe_folder):
    """An order every seventh bar since the very first is another one after a fresh start."""
    methods = """
    def on_bar(self, bar, context):
        self.count += 1
        if self.count % 7 == 0:
            context.submit_order(bar.instrument_id, "BUY", 10_000)
"""
    findings = probe_folder(write_orders(methods))
    assert not findings.warm_up.passed
    assert "submit_order" in findings.warm_up.detail


def test_a_strategy_that_takes_in_something_else_than_bars_is_not_judged(write_orders, tmp_path):
    """It is refused before anything is kept, with what can be done."""
    folder = write_orders("    def on_trade(self, trade, context):\n        pass\n")
    toml = folder / "strategy.toml"
    toml.write_text(toml.read_text().replace('kind = "bars"', 'kinds = ["bars", "trades"]'))
    home = Home(tmp_path / "home")
    with pytest.raises(GateError, match="takes in bars and trades, and the gates judge strategies on bars alone: try it with"):
        submit_strategy(home, folder)
    assert not home.submissions.exists()
