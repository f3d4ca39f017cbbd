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
