"""Pace: times within a window are counted, and those that ran out are let go of."""

from collections import deque

import pytest

from live.core.pace import HOUR, Pace, count_since, newer_than


@pytest.mark.parametrize(("since", "count"), [(0, 4), (9, 4), (10, 3), (11, 3), (20, 1), (29, 1), (30, 0), (31, 0)])
def test_the_times_after_a_moment_are_counted_and_listed(since, count):
    """One at that very moment is not after it; equal times count each."""
    times = deque([10, 20, 20, 30])
    assert count_since(times, since) == count
    assert newer_than(times, since) == list(times)[4 - count :]


def test_a_time_is_kept_until_it_is_a_whole_window_old():
    """The newest is always kept."""
    pace, minute = Pace(), HOUR // 60
    for ts, kept in ((0, [0]), (1, [0, 1]), (59, [0, 1, 59]), (60, [1, 59, 60]), (60, [1, 59, 60, 60]), (500, [500])):
        pace.execute("alpha", ts * minute)
        assert {name: list(times) for name, times in pace.executions.items()} == {"alpha": [one * minute for one in kept]}
