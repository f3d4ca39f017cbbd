"""Sampling keeps extremes in bounded memory."""

from live.driver.sampling import LARGEST_STRETCHES, Sampler


def test_a_short_series_is_kept_whole():
    """Every point is there, once, in order."""
    sampler = Sampler()
    for ts in range(100):
        sampler.add(ts, ts * 7 % 13)
    points = sampler.points()
    assert [(point.ts, point.value) for point in points] == [(ts, ts * 7 % 13) for ts in range(100)]


def test_a_long_series_keeps_its_lowest_highest_first_and_last_in_bounded_memory():
    """One spike up and one down among a million points are still there."""
    sampler = Sampler()
    for ts in range(1_000_000):
        sampler.add(ts, 900.0 if ts == 333_333 else -900.0 if ts == 777_777 else float(ts % 10))
    points = sampler.points()
    assert LARGEST_STRETCHES / 2 <= len(points) <= 2 * LARGEST_STRETCHES + 1
    assert [point.ts for point in points] == sorted(point.ts for point in points)
    assert {(333_333, 900.0), (777_777, -900.0)} <= {(point.ts, point.value) for point in points}
    assert (points[0].ts, points[-1].ts) == (0, 999_999)


def test_nothing_gives_nothing():
    """No point was added, none comes out."""
    assert Sampler().points() == ()
