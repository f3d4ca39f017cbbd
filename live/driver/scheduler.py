"""Scheduler: what is due later, in one order for timers, simulated answers and what a simulated venue has to do."""

from heapq import heappush
from itertools import count

from live.venues.protocol import VenueAnswer, Wake

Scheduled = VenueAnswer | Wake
"""What is fed to the engine when it is due, or what is done then: a simulated venue's business, or a timer that fires."""


class Scheduler:
    """Keep what is due by (due, insertion): equal times come out in the order they went in.

    Attributes:
        waiting: what is kept, as a heap of (due, insertion, what); always the same list. Who carries it out takes it off by `heappop`.
    """

    def __init__(self) -> None:
        self.waiting: list[tuple[int, int, Scheduled]] = []
        self._insertions = count(1)

    def schedule(self, due: int, item: Scheduled) -> None:
        """Keep an answer or a wake-up until engine time `due`, nanoseconds UTC."""
        heappush(self.waiting, (due, next(self._insertions), item))

    def is_due(self, now: int) -> bool:
        """Tell whether anything is due at `now`."""
        return bool(self.waiting) and self.waiting[0][0] <= now

    def __len__(self) -> int:
        return len(self.waiting)
