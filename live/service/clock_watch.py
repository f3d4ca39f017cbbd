"""Clock watch: how far a venue's clock is from ours, measured again and again while it is traded at.

The measurement goes to the engine as an input, with the bounds of the venue and the moment at which it no longer counts, so silence
denies. A clock of this machine that was set, and an answer by which the venue doubts it, are looked into at once.
"""

import asyncio
import time
from collections.abc import Callable, Sequence
from contextlib import suppress
from typing import Any, Protocol

import structlog

from live.configuration.settings import ClockSettings
from live.core.errors import InterlockError
from live.core.inputs import ClockSampled, RecordedInput
from live.venues.clock_offset import ClockSample, ClockVerdict, KernelClock, best_sample, judge_clock, kernel_clock

LOOK_SECONDS = 1.0
"""How often the machine's clock is held against one that is never set, and how long a venue without a connection is waited for."""

_MILLISECONDS = 1e6
_SAYS = {
    ClockVerdict.GOOD: "within its bounds",
    ClockVerdict.WARN: "close to its bounds",
    ClockVerdict.STOP: "beyond what may send",
    ClockVerdict.DISARM: "beyond what may be armed",
}

log = structlog.get_logger()


class _Samples(Protocol):
    """What can measure a venue's clock, and sign by it."""

    async def sample_clock(self) -> ClockSample:
        """Measure."""
        ...


class Measuring(Protocol):
    """One account's connection to a venue; every one signs by its own measurement.

    Attributes:
        clock_doubted: set when the venue refused a request for its time.
    """

    clock_doubted: asyncio.Event

    @property
    def connected(self) -> bool:
        """Tell whether the venue was reached."""
        ...

    @property
    def venue(self) -> _Samples:
        """Give what measures."""
        ...


class ClockWatch:
    """Measure one venue's clock for as long as a session runs.

    Attributes:
        venue_id: the venue.
        sample: the latest measurement, None before the first.
        kernel: what the kernel says of this machine's clock, None where it says nothing.
        failure: why the last attempt measured nothing, empty when it did.
    """

    def __init__(
        self,
        venue_id: str,
        connections: Sequence[Measuring],
        settings: ClockSettings,
        put: Callable[[RecordedInput], None],
        wall: Callable[[], int] = time.time_ns,
        steady: Callable[[], int] = time.monotonic_ns,
    ) -> None:
        """Describe the watch.

        Args:
            venue_id: the venue.
            connections: the accounts that trade there.
            settings: how often, and what which distance means.
            put: takes the input for the engine.
            wall: this machine's clock, nanoseconds UTC.
            steady: a clock that is never set, nanoseconds.
        """
        self.venue_id = venue_id
        self.sample: ClockSample | None = None
        self.kernel: KernelClock | None = kernel_clock()
        self.failure = "not measured yet"
        self._connections = connections
        self._settings = settings
        self._put = put
        self._wall = wall
        self._steady = steady
        self._said: ClockVerdict | None = None
        self._set_at = 0

    @property
    def verdict(self) -> ClockVerdict:
        """Say what the latest measurement forbids by now."""
        return judge_clock(self.sample, self._settings.bounds, self._wall())

    @property
    def reason(self) -> str:
        """Say why nothing may be sent to the venue, empty when that is not the clock's fault."""
        return "" if self.verdict < ClockVerdict.STOP else f"the clock of {self.venue_id} is {self._words()}: nothing is sent there"

    async def run(self) -> None:
        """Measure until canceled."""
        while True:
            await self.measure()
            await self._wait(self._settings.sample_seconds if self.sample else LOOK_SECONDS)

    async def measure(self) -> None:
        """Measure once with every connection that stands, and tell the engine the narrowest estimate."""
        self._set_at = self._wall() - self._steady()
        self.kernel = kernel_clock()
        samples: list[ClockSample] = []
        failures: list[str] = []
        for connection in self._connections:
            connection.clock_doubted.clear()
            if connection.connected:
                try:
                    samples.append(await connection.venue.sample_clock())
                except InterlockError as error:
                    failures.append(str(error))
        self.failure = "; ".join(failures) or ("" if samples else "no connection stands")
        if samples:
            bounds = self._settings.bounds
            self.sample = best = best_sample(samples)
            valid_until = best.taken_at + bounds.maximum_age
            self._put(ClockSampled(0, self.venue_id, best.offset, best.uncertainty, valid_until, bounds.stop, bounds.disarm))
        self._say()

    def show(self) -> dict[str, Any]:
        """Describe the venue's clock, and this machine's."""
        sample, kernel = self.sample, self.kernel
        return {
            "venue_id": self.venue_id,
            "verdict": self.verdict.name,
            "offset_ms": None if sample is None else sample.offset / _MILLISECONDS,
            "uncertainty_ms": None if sample is None else sample.uncertainty / _MILLISECONDS,
            "measured_at": None if sample is None else sample.taken_at,
            "failure": self.failure or None,
            "bounds_ms": {"warn": self._settings.warn_ms, "stop": self._settings.stop_ms, "disarm": self._settings.disarm_ms},
            "kernel_synchronised": None if kernel is None else kernel.synchronised,
        }

    async def _wait(self, seconds: float) -> None:
        """Wait, but not when the machine's clock was set meanwhile or a venue refused a request for its time."""
        until = self._steady() + int(seconds * 1e9)
        while (left := until - self._steady()) > 0:
            doubts = [asyncio.create_task(connection.clock_doubted.wait()) for connection in self._connections]
            try:
                with suppress(TimeoutError):
                    async with asyncio.timeout(min(left / 1e9, LOOK_SECONDS)):
                        await asyncio.wait(doubts, return_when=asyncio.FIRST_COMPLETED)
            finally:
                for doubt in doubts:
                    doubt.cancel()
            moved = self._wall() - self._steady() - self._set_at
            if abs(moved) > self._settings.bounds.warn:
                log.warning("this machine's clock was set", milliseconds=moved / _MILLISECONDS)
                return
            if any(connection.clock_doubted.is_set() for connection in self._connections):
                return

    def _say(self) -> None:
        """Log a verdict that is another one than before; that a venue was not reached yet is for its connection to say."""
        verdict = self.verdict
        if verdict is self._said or (self.sample is None and not any(connection.connected for connection in self._connections)):
            return
        before, self._said = self._said, verdict
        if verdict is not ClockVerdict.GOOD:
            log.warning("ALARM: a venue's clock", venue=self.venue_id, verdict=verdict.name, detail=self._words())
        elif before is not None:
            log.info("a venue's clock is right again", venue=self.venue_id, detail=self._words())

    def _words(self) -> str:
        sample = self.sample
        if sample is None:
            return f"unknown ({self.failure})"
        apart = f"{sample.offset / _MILLISECONDS:+.1f} ms, uncertain by {sample.uncertainty / _MILLISECONDS:.1f} ms"
        if not 0 <= self._wall() - sample.taken_at <= self._settings.bounds.maximum_age:
            return f"unknown, since it was measured too long ago ({self.failure or apart})"
        unsynchronised = self.kernel is not None and not self.kernel.synchronised
        hint = "; nothing disciplines this machine's clock: run an NTP client" if unsynchronised else ""
        return f"{_SAYS[self.verdict]}: {apart} from ours{hint}"
