"""Figures out of runs: what the benchmark holds against its thresholds."""

import importlib.util
import sys
from pathlib import Path
from typing import Any

import pytest

FILE = Path(__file__).parents[2] / "bench" / "thresholds.py"


@pytest.fixture(name="thresholds", scope="module")
def _thresholds() -> Any:
    """Load the module from where the benchmark's script finds it; it is no package."""
    specification = importlib.util.spec_from_file_location("bench_thresholds", FILE)
    assert specification is not None
    assert specification.loader is not None
    module = importlib.util.module_from_spec(specification)
    sys.modules["bench_thresholds"] = module
    specification.loader.exec_module(module)
    return module


def run(engine: str, group: str, cpu_seconds: float, **further: Any) -> dict[str, Any]:
    """Make what one run measured."""
    measured = {"group": group, "work": group, "engine": engine, "events": 1_000, "cpu_seconds": cpu_seconds, "peak_rss_mb": 200.0}
    return measured | {"reading_cpu_seconds": 0.0} | further


def figures(thresholds: Any, runs: list[dict[str, Any]]) -> dict[str, Any]:
    """Judge runs, and find each figure by its name."""
    return {figure.name: figure for figure in thresholds.judge(runs)}


def test_a_ratio_is_of_median_rates_in_the_same_run(thresholds):
    """The median of ours over the median of the peer's: one slow run on either side changes nothing."""
    runs = [run("interlock", "bars", seconds) for seconds in (1.0, 1.0, 9.0)]
    runs += [run("nautilus_trader", "bars", seconds) for seconds in (4.0, 0.1, 4.0)]
    ratio = figures(thresholds, runs)["1 M bars, speed against nautilus_trader"]
    assert ratio.value == pytest.approx(4.0)
    assert ratio.passed
    assert not ratio.reached_aim


def test_reading_the_file_is_left_out_of_the_ratio_and_counted_against_us_in_a_second_one(thresholds):
    """As a peer's reading is left out of its section, ours is; what it takes is shown, and not held to anything."""
    runs = [run("interlock", "ticks", 1.0, reading_cpu_seconds=0.5), run("nautilus_trader", "ticks", 3.0)]
    found = figures(thresholds, runs)
    assert found["2 M ticks, speed against nautilus_trader"].value == pytest.approx(3.0)
    counted = found["2 M ticks, the same with our reading of the file counted, and not nautilus_trader's"]
    assert (counted.value, counted.must) == (pytest.approx(2.0), None)


@pytest.mark.parametrize(("seconds", "passed"), [(0.999, True), (1.001, False)])
def test_speed_below_the_threshold_fails(thresholds, seconds, passed):
    """A ratio fails as soon as it is below what must be."""
    runs = [run("interlock", "ticks", seconds), run("nautilus_trader", "ticks", 3.0)]
    assert figures(thresholds, runs)["2 M ticks, speed against nautilus_trader"].passed is passed


def test_memory_and_time_may_not_grow_with_the_data(thresholds):
    """Peak memory a sixth larger and a rate a fifth lower over ten times the bars both fail."""
    runs = [
        run("interlock", "growth", 1.0, events=1_000_000),
        run("interlock", "growth", 12.5, events=10_000_000, peak_rss_mb=233.0),
    ]
    found = figures(thresholds, runs)
    assert not found["10 M bars against 1 M: bars a CPU second"].passed
    assert not found["10 M bars against 1 M: peak memory"].passed


def test_one_orders_life_is_what_an_order_adds(thresholds):
    """The time of the work with orders, less that of the same bars without, divided by the orders."""
    runs = [
        run("interlock", "order", 1.1, work="order_each_bar", orders=10_000, records=110_000),
        run("interlock", "order", 0.1, work="idle", orders=0, records=0),
    ]
    found = figures(thresholds, runs)
    assert found["one order's life, all its records"].value == pytest.approx(100.0)
    assert found["records of one order's life"].value == 11


def test_one_orders_life_is_held_beside_a_peers_of_the_same_minutes(thresholds):
    """The ratio says what no slow minute changes, and each engine's runs count for itself alone."""
    runs = [
        run("interlock", "order", 2.2, work="order_each_bar", orders=10_000, records=110_000),
        run("interlock", "order", 0.2, work="idle", orders=0, records=0),
        run("nautilus_trader", "order", 2.1, work="order_each_bar", orders=2_000),
        run("nautilus_trader", "order", 0.1, work="idle", orders=0),
    ]
    found = figures(thresholds, runs)
    assert found["one order's life, all its records"].value == pytest.approx(200.0)
    assert found["one order's life in nautilus_trader, which records none"].value == pytest.approx(1_000.0)
    assert found["one order's life against one in nautilus_trader"].value == pytest.approx(0.2)


@pytest.mark.parametrize(("seconds", "passed"), [(1.9, True), (2.1, False)])
def test_one_orders_life_is_judged_at_the_speed_of_the_machine_that_its_bound_is_from(thresholds, seconds, passed):
    """Where the peers are twice as slow as there, an order may take twice as long, and no longer."""
    runs = [
        run("interlock", "order", seconds + 0.2, work="order_each_bar", orders=10_000, records=110_000),
        run("interlock", "order", 0.2, work="idle", orders=0, records=0),
        run("nautilus_trader", "bars", 1.0, events=22_100),
        run("backtesting.py", "bars", 1.0, events=81_850),
        run("nautilus_trader", "ticks", 1.0, events=1_000_000),
    ]
    found = figures(thresholds, runs)
    assert found["this machine now, by its peers' rates, against the one that bounds in us are from"].value == pytest.approx(0.5)
    assert found["one order's life, all its records, at that one's speed"].value == pytest.approx(seconds * 50)
    assert found["one order's life, all its records, at that one's speed"].passed is passed


def test_two_journals_of_the_same_work_fail(thresholds):
    """Every run of the same work must give the same records; other sizes may give others."""
    same = [
        run("interlock", "bars", 1.0, digest="a"),
        run("interlock", "bars", 1.0, digest="a"),
        run("interlock", "bars", 1.0, digest="b", events=2),
    ]
    name = "most different journals of the same work"
    assert figures(thresholds, same)[name].passed
    assert not figures(thresholds, [*same, run("interlock", "bars", 1.0, digest="c")])[name].passed


def test_the_wait_for_the_disk_is_judged(thresholds):
    """A durable intent has a millisecond alone and six in a burst, at the 99th percentile."""
    waits = {"alone_p50_us": 150.0, "alone_p99_us": 1_001.0, "grouped_p50_us": 900.0, "grouped_p99_us": 5_999.0}
    found = figures(thresholds, [{"group": "writer", "engine": "interlock", "work": "writer", "events": 1} | waits])
    assert not found["durable intent before send, alone, 99th percentile"].passed
    assert found["durable intent before send, in bursts of 50, 99th percentile"].passed


def test_a_figure_that_is_no_number_fails(thresholds):
    """What could not be computed is not within what must be."""
    assert not thresholds.Figure("", float("nan"), "", must=1.0).passed
    assert not thresholds.Figure("", float("nan"), "", must=1.0, at_least=True).passed


def test_engines_that_did_other_work_are_named(thresholds):
    """One order more, or a fiftieth more cancels, is another work; a thousandth more cancels is another fill rule."""
    ours = run("interlock", "resting", 1.0, orders=50, cancels=1_000)
    assert thresholds.disagreements([ours, run("nautilus_trader", "resting", 1.0, orders=50, cancels=1_001)]) == []
    said = thresholds.disagreements([ours, run("nautilus_trader", "resting", 1.0, orders=51, cancels=1_020)])
    assert said == [
        "resting: orders differ: interlock 50, nautilus_trader 51",
        "resting: cancels differ: interlock 1,000, nautilus_trader 1,020",
    ]


def test_denied_orders_are_told(thresholds):
    """A work in which risk denied orders is not the work that was to be measured."""
    (said,) = thresholds.disagreements([run("interlock", "bars", 1.0, denials={"DRAWDOWN_EXCEEDED": 7})])
    assert "DRAWDOWN_EXCEEDED" in said


def test_what_was_not_measured_is_not_judged(thresholds):
    """Without runs there are no figures, so `--only` judges what it ran."""
    assert thresholds.judge([]) == []
    assert thresholds.judge([run("nautilus_trader", "bars", 1.0)]) == []


def live_run(group: str, **further: Any) -> dict[str, Any]:
    """Make what one run of the live half measured."""
    measured = {
        "adapter": {
            "adapter_p50_ms": 1.0,
            "adapter_first_p50_ms": 1.0,
            "bare_p50_ms": 1.0,
            "cancel_behind_p50_ms": 1.0,
            "questions_p50_ms": 20.0,
            "most_answered_before_the_cancel": 0,
        },
        "exchange": {
            "orders_per_cpu_second": 3_000.0,
            "orders_per_second": 2_000.0,
            "messages_per_cpu_second": 50_000.0,
            "messages_per_second": 40_000.0,
            "requests_per_second": 3_000.0,
            "generator_requests_per_second": 12_000.0,
            "receiver_messages_per_second": 80_000.0,
        },
        "live_loop": {
            "events_per_cpu_second": 50_000.0,
            "dropped": 0,
            "wait_p99_ms": 0.2,
            "events_per_second_at_once": 100_000.0,
            "generator_events_per_cpu_second": 100_000.0,
        },
    }
    return {"group": group, "work": group, "engine": "interlock", **measured[group], **further}


@pytest.mark.parametrize(
    ("group", "figure", "at", "beyond"),
    [
        ("adapter", "place an order, median: adapter against a bare ccxt call", {"adapter_p50_ms": 1.3}, {"adapter_p50_ms": 1.301}),
        (
            "adapter",
            "a cancel behind 20 queued questions: its wait against theirs",
            {"cancel_behind_p50_ms": 5.0},
            {"cancel_behind_p50_ms": 5.01},
        ),
        (
            "adapter",
            "questions answered before that cancel left, of 8 under way",
            {"most_answered_before_the_cancel": 8},
            {"most_answered_before_the_cancel": 9},
        ),
        ("exchange", "exchange: orders a second of its CPU", {"orders_per_cpu_second": 500.0}, {"orders_per_cpu_second": 499.0}),
        (
            "exchange",
            "exchange: stream messages a second of its CPU",
            {"messages_per_cpu_second": 2_000.0},
            {"messages_per_cpu_second": 1_999.0},
        ),
        (
            "exchange",
            "load generator: requests a second alone, against those to the exchange",
            {"generator_requests_per_second": 4_500.0},
            {"generator_requests_per_second": 4_499.0},
        ),
        (
            "live_loop",
            "live loop: market events a CPU second, with risk and journal",
            {"events_per_cpu_second": 5_000.0},
            {"events_per_cpu_second": 4_999.0},
        ),
        ("live_loop", "live loop: events dropped at 5,000 a second", {"dropped": 0}, {"dropped": 1}),
    ],
)
def test_what_trades_live_is_held_to_what_it_must_bear(thresholds, group, figure, at, beyond):
    """At the bound a figure passes, and beyond it no more."""
    assert figures(thresholds, [live_run(group, **at)])[figure].passed
    assert not figures(thresholds, [live_run(group, **beyond)])[figure].passed


def test_a_ratio_to_what_ran_beside_it_is_of_each_run_by_itself(thresholds):
    """A machine that was busy in one run was busy for both sides of its ratio."""
    runs = [live_run("adapter", adapter_p50_ms=ours, bare_p50_ms=bare) for ours, bare in ((1.2, 1.0), (11.0, 10.0), (9.0, 1.0))]
    found = figures(thresholds, runs)["place an order, median: adapter against a bare ccxt call"]
    assert found.value == pytest.approx(1.2)
