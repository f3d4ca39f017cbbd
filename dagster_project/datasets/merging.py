"""Merge streams of several instruments and kinds into one, in the order of (ts_init, stream, sequence).

`stream` is the place of the stream in the list that is given, and `sequence` the place of the event within its stream: the order never
depends on where a batch ends. Times are sorted a window of columns at a time, which takes less than a heap that compares event
with event. A window reaches as far as every stream has been read.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from itertools import chain
from typing import TYPE_CHECKING, Any

from dagster_project.datasets.bars import BarFile
from dagster_project.datasets.streams import EventStream, events_of
from live.core.market_events import Bar, MarketEvent

if TYPE_CHECKING:
    import numpy as np


def merge_streams(streams: Sequence[EventStream], start: int | None = None, end: int | None = None) -> Iterator[MarketEvent]:
    """Give the events of all streams that were received after `start` and not after `end` (nanoseconds UTC), one by one.

    Raises:
        DatasetError: a column cannot be read, holds a null, or a stream is not in order of time.
    """
    if len(streams) == 1:
        return events_of(streams[0], start, end)
    return chain.from_iterable(merge_windows([stream.timed_batches(start, end) for stream in streams]))


def merge_bars(files: Sequence[BarFile], start: int | None = None, end: int | None = None) -> Iterator[Bar]:
    """Merge files of bars, as `merge_streams` does.

    Raises:
        DatasetError: as `merge_streams`.
    """
    return merge_streams(files, start, end)  # pyright: ignore[reportReturnType]


def merge_windows(streams: Sequence[Iterator[tuple[np.ndarray, list[Any]]]]) -> Iterator[list[Any]]:
    """Merge streams of batches with their times, and give the events in lists."""
    open_streams = [_Reader(stream) for stream in streams]
    while open_streams := [stream for stream in open_streams if stream.fill()]:
        # A stream that has not ended may yet bring events of the last time it was read to, so those wait for the next window.
        reached = [stream.last for stream in open_streams if not stream.ended]
        parts = [stream.take(min(reached) if reached else None) for stream in open_streams]
        yield _merge([part for part in parts if part[1]])
        for stream in open_streams:
            if reached and not stream.ended and stream.last == min(reached):
                stream.read_on()


def _merge(parts: Sequence[tuple[np.ndarray, list[Any]]]) -> list[Any]:
    import numpy as np

    if not parts:
        return []
    if len(parts) == 1:
        return parts[0][1]
    events = list(chain.from_iterable(batch for _, batch in parts))
    order = np.argsort(np.concatenate([times for times, _ in parts]), kind="stable")
    return list(map(events.__getitem__, order.tolist()))


class _Reader:
    """Hold what was read of one stream, and how much of it was given."""

    def __init__(self, batches: Iterator[tuple[np.ndarray, list[Any]]]) -> None:
        self._batches = batches
        self._times: np.ndarray | None = None
        self._events: list[Any] = []
        self._given = 0
        self.last = 0
        self.ended = False

    def fill(self) -> bool:
        """Read a batch unless something is held; tell whether there is anything left."""
        if self._given == len(self._events) and not self.ended:
            self.read_on()
        return self._given < len(self._events)

    def read_on(self) -> None:
        """Join the next batch to what was not given yet."""
        import numpy as np

        batch = next(self._batches, None)
        if batch is None:
            self.ended = True
            return
        times, events = batch
        if self._times is not None and self._given < len(self._events):
            times = np.concatenate([self._times[self._given :], times])
            events = self._events[self._given :] + events
        self._times, self._events, self._given = times, events, 0
        self.last = int(times[-1])

    def take(self, before: int | None) -> tuple[np.ndarray, list[Any]]:
        """Give what was received before a time, all unless one is given, and keep the rest."""
        import numpy as np

        times = np.empty(0, np.int64) if self._times is None else self._times
        first = self._given
        beyond = len(times) if before is None else int(np.searchsorted(times, before, "left"))
        self._given = beyond
        return times[first:beyond], self._events[first:beyond]
