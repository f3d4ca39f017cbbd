"""Clocks: what stamps the engine's inputs."""

import time
from typing import Protocol


class Clock(Protocol):
    """Tell the time that inputs are stamped with."""

    def now(self) -> int:
        """Give the time, nanoseconds UTC."""
        ...


class WallClock:
    """Tell the machine's time."""

    def now(self) -> int:
        """Give the machine's time, nanoseconds UTC."""
        return time.time_ns()


class PlaybackClock:
    """Tell the time of the data that is being played, so that data-age checks mean what they say."""

    def __init__(self, start: int) -> None:
        self._now = start

    def now(self) -> int:
        """Give the playback's time, nanoseconds UTC."""
        return self._now

    def advance(self, now: int) -> None:
        """Move the time forward; it never goes back."""
        self._now = max(self._now, now)
