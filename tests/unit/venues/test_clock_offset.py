"""How far a venue's clock is from ours, and what that forbids."""

import ctypes
import sys

import pytest

from live.venues.clock_offset import (
    MILLISECOND,
    ClockBounds,
    ClockSample,
    ClockVerdict,
    best_sample,
    judge_clock,
    kernel_clock,
    midpoint_sample,
)


def test_the_midpoint_is_compared_and_half_the_round_trip_bounds_the_error() -> None:
    """The venue read its clock somewhere between the question and its answer."""
    sample = midpoint_sample(sent_at=1_000, round_trip=400, venue_time=51_200, resolution=1)
    assert sample == ClockSample(offset=50_000, uncertainty=201, taken_at=1_200)


def test_a_clock_that_tells_whole_milliseconds_is_on_average_half_of_one_ahead_of_what_it_tells() -> None:
    """Cut digits make a venue seem late."""
    sample = midpoint_sample(sent_at=0, round_trip=0, venue_time=5 * MILLISECOND)
    assert sample.offset == 5 * MILLISECOND + MILLISECOND // 2
    assert sample.uncertainty == MILLISECOND // 2


def test_the_shortest_round_trip_says_most() -> None:
    """A slow answer cannot move the estimate."""
    slow = midpoint_sample(0, 800 * MILLISECOND, 2_000 * MILLISECOND)
    fast = midpoint_sample(0, 2 * MILLISECOND, 30 * MILLISECOND)
    assert best_sample([slow, fast]) is fast


@pytest.mark.parametrize(
    ("offset", "expected"),
    [(0, ClockVerdict.GOOD), (60, ClockVerdict.WARN), (-160, ClockVerdict.STOP), (1_500, ClockVerdict.DISARM)],
)
def test_bounds_hold_of_the_distance_with_its_uncertainty(offset: int, expected: ClockVerdict) -> None:
    """What may be too far counts as too far, in either direction."""
    sample = ClockSample(offset * MILLISECOND, 50 * MILLISECOND, 0)
    bounds = ClockBounds(warn=100 * MILLISECOND, stop=200 * MILLISECOND, disarm=1_000 * MILLISECOND)
    assert judge_clock(sample, bounds, now=0) is expected


def test_without_a_sample_that_still_says_something_nothing_is_sent() -> None:
    """No sample, an old one and one from the future all stop."""
    bounds, sample = ClockBounds(), ClockSample(0, 0, 1_000)
    assert judge_clock(None, bounds, 0) is ClockVerdict.STOP
    assert judge_clock(sample, bounds, 1_000 + bounds.maximum_age) is ClockVerdict.GOOD
    assert judge_clock(sample, bounds, 1_001 + bounds.maximum_age) is ClockVerdict.STOP
    assert judge_clock(sample, bounds, 999) is ClockVerdict.STOP


@pytest.mark.skipif(not sys.platform.startswith("linux"), reason="adjtimex is Linux's")
def test_the_kernel_tells_whether_anything_disciplines_its_clock() -> None:
    """Asked without changing anything; what is not synchronised says how wrong it may be."""
    told = kernel_clock()
    assert told is not None
    assert told.maximum_error >= 0
    assert told.estimated_error >= 0


def test_a_system_that_tells_nothing_of_its_clock_is_no_error(monkeypatch: pytest.MonkeyPatch) -> None:
    """Where the library has no such call there is no answer."""
    monkeypatch.setattr(ctypes, "CDLL", lambda *_, **__: object())
    assert kernel_clock() is None
