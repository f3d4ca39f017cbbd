"""Clock watch: what is measured goes to the engine with its bounds, and a clock in doubt is measured at once."""

import asyncio
from typing import Any

import pytest

from live.configuration.settings import ClockSettings
from live.core.inputs import ClockSampled
from live.service.clock_watch import ClockWatch
from live.venues.clock_offset import ClockSample, ClockVerdict
from live.venues.errors import VenueCallError

pytestmark = pytest.mark.anyio

MILLISECOND = 1_000_000
SECOND = 1_000 * MILLISECOND
SETTINGS = ClockSettings(warn_ms=100, stop_ms=250, disarm_ms=1_000, sample_seconds=3_600.0, maximum_age_seconds=120)


class Venue:
    """Answer with a measurement, or not at all; counts how often it was asked."""

    def __init__(self, *measured: ClockSample | None) -> None:
        self.connected = True
        self.clock_doubted = asyncio.Event()
        self.asked = asyncio.Semaphore(0)
        self.measured = measured[0] if measured else None
        self.count = 0

    @property
    def venue(self) -> "Venue":
        """Give itself."""
        return self

    async def sample_clock(self) -> ClockSample:
        """Measure."""
        self.count += 1
        self.asked.release()
        if self.measured is None:
            raise VenueCallError("no answer")
        return self.measured


class Bench:
    """Hold a watch over venues, with clocks that are set by hand."""

    def __init__(self, *venues: Venue) -> None:
        self.wall = 1_000 * SECOND
        self.steady = 7 * SECOND
        self.told: list[Any] = []
        self.watch = ClockWatch("local", venues, SETTINGS, self.told.append, lambda: self.wall, lambda: self.steady)


def sample(offset: float, uncertainty: float = 0, at: int = 1_000 * SECOND) -> ClockSample:
    """Make a measurement, milliseconds."""
    return ClockSample(int(offset * MILLISECOND), int(uncertainty * MILLISECOND), at)


async def test_the_narrowest_estimate_goes_to_the_engine_with_the_venues_bounds():
    """Of two accounts at one venue; it counts from when it was taken."""
    bench = Bench(Venue(sample(40, 9)), Venue(sample(42, 3, at=999 * SECOND)))
    await bench.watch.measure()
    bounds = (250 * MILLISECOND, 1_000 * MILLISECOND)
    assert bench.told == [ClockSampled(0, "local", 42 * MILLISECOND, 3 * MILLISECOND, (999 + 120) * SECOND, *bounds)]
    assert (bench.watch.verdict, bench.watch.reason, bench.watch.failure) == (ClockVerdict.GOOD, "", "")


@pytest.mark.parametrize(
    ("offset", "verdict", "stops"),
    [
        (100, ClockVerdict.GOOD, False),
        (-101, ClockVerdict.WARN, False),
        (251, ClockVerdict.STOP, True),
        (-1_001, ClockVerdict.DISARM, True),
    ],
)
async def test_each_bound_says_more_and_from_the_second_on_the_service_is_not_ready(offset, verdict, stops):
    """The uncertainty is part of the distance, and a reason names it."""
    bench = Bench(Venue(sample(offset - 1 if offset > 0 else offset + 1, 1)))
    await bench.watch.measure()
    assert bench.watch.verdict is verdict
    assert bool(bench.watch.reason) is stops
    assert "uncertain by 1.0 ms" in bench.watch.reason or not stops
    assert bench.watch.show()["verdict"] == verdict.name


async def test_without_an_answer_nothing_is_told_and_the_last_measurement_runs_out():
    """Silence keeps what was known for two minutes, and then says that it is not known."""
    venue = Venue(sample(1))
    bench = Bench(venue)
    assert bench.watch.reason == "the clock of local is unknown (not measured yet): nothing is sent there"
    await bench.watch.measure()
    venue.measured = None
    await bench.watch.measure()
    assert (len(bench.told), bench.watch.failure, bench.watch.reason) == (1, "no answer", "")
    bench.wall += 120 * SECOND + 1
    assert bench.watch.reason == "the clock of local is unknown, since it was measured too long ago (no answer): nothing is sent there"


async def test_an_account_that_is_not_connected_is_not_asked():
    """It cannot answer, and the others can."""
    away, there = Venue(sample(5)), Venue(sample(6))
    away.connected = False
    bench = Bench(away, there)
    await bench.watch.measure()
    assert (away.count, there.count, bench.told[0].offset) == (0, 1, 6 * MILLISECOND)
    there.connected = False
    await bench.watch.measure()
    assert (len(bench.told), bench.watch.failure) == (1, "no connection stands")


@pytest.mark.parametrize("doubt", ["the venue", "the machine"])
async def test_a_clock_in_doubt_is_measured_at_once(doubt, monkeypatch):
    """A request that the venue refused for its time, and a machine whose clock was set; the next turn would be in an hour."""
    monkeypatch.setattr("live.service.clock_watch.LOOK_SECONDS", 0.01)
    venue = Venue(sample(1))
    bench = Bench(venue)
    running = asyncio.create_task(bench.watch.run())
    try:
        async with asyncio.timeout(10):
            await venue.asked.acquire()
            await asyncio.sleep(0)
            if doubt == "the venue":
                venue.clock_doubted.set()
            else:
                bench.wall += 101 * MILLISECOND
            await venue.asked.acquire()
    finally:
        running.cancel()
    assert not venue.clock_doubted.is_set()


async def test_clocks_that_run_together_are_left_alone(monkeypatch):
    """Time that passes is no clock that was set, and a tenth of a second is the discipline of an NTP client."""
    monkeypatch.setattr("live.service.clock_watch.LOOK_SECONDS", 0.001)
    venue = Venue(sample(1))
    bench = Bench(venue)
    running = asyncio.create_task(bench.watch.run())
    await venue.asked.acquire()
    for _ in range(20):
        bench.wall += 10 * SECOND + 5 * MILLISECOND
        bench.steady += 10 * SECOND
        await asyncio.sleep(0.002)
    running.cancel()
    assert venue.count == 1
