"""Pace: times within a window are counted, and those that ran out are let go of."""

from collections import deque

import pytest

from live.core.pace import append_within, count_since, newer_than


@pytest.mark.parametrize(("since", "count"), [(0, 4), (9, 4), (10, 3), (11, 3), (20, 1), (29, 1), (30, 0), (31, 0)])
def test_the_times_after_a_moment_are_counted_and_listed(since, count):
    """One at that very moment is not after it; equal times count each."""
    times = deque([10, 20, 20, 30])
    assert count_since(times, since) == count
    assert newer_than(times, since) == list(times)[4 - count :]


def test_a_time_is_kept_until_it_is_a_whole_window_old():
    """The newest is always kept."""
    times: dict[str, deque[int]] = {}
    for ts, kept in ((0, [0]), (1, [0, 1]), (59, [0, 1, 59]), (60, [1, 59, 60]), (60, [1, 59, 60, 60]), (500, [500])):
        append_within(times, "alpha", ts, 60)
        assert {name: list(deque) for name, deque in times.items()} == {"alpha": kept}
