"""Scheduler: what is due later, in one order for timers, simulated answers and what a simulated venue has to do."""

from heapq import heappush

from live.core.inputs import TimerFired
from live.venues.protocol import VenueAnswer, Wake

Scheduled = VenueAnswer | TimerFired | Wake


class Scheduler:
    """Keep what is due by (due, insertion): equal times come out in the order they went in.

    Attributes:
        waiting: what is kept, as a heap of (due, insertion, what); always the same list. Who carries it out takes it off by `heappop`.
    """

    def __init__(self) -> None:
        self.waiting: list[tuple[int, int, Scheduled]] = []
        self._inserted = 0

    def schedule(self, due: int, item: Scheduled) -> None:
        """Keep an answer, a timer or a venue's wake-up until engine time `due`, nanoseconds UTC."""
        self._inserted += 1
        heappush(self.waiting, (due, self._inserted, item))

    def is_due(self, now: int) -> bool:
        """Tell whether anything is due at `now`."""
        return bool(self.waiting) and self.waiting[0][0] <= now

    def __len__(self) -> int:
        return len(self.waiting)
