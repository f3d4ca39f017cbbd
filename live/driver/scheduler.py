"""Scheduler: what is due later, in one order for timers and simulated answers alike."""

from heapq import heappop, heappush

from live.venues.protocol import VenueAnswer


class Scheduler:
    """Keep answers by (due, insertion): equal times come out in the order they went in.

    Attributes:
        waiting: what is kept, as a heap; always the same list.
    """

    def __init__(self) -> None:
        self.waiting: list[tuple[int, int, VenueAnswer]] = []
        self._inserted = 0

    def schedule(self, due: int, answer: VenueAnswer) -> None:
        """Keep an answer until engine time `due`, nanoseconds UTC."""
        self._inserted += 1
        heappush(self.waiting, (due, self._inserted, answer))

    def pop_due(self, now: int) -> VenueAnswer | None:
        """Take the next answer that is due at `now`, None when none is."""
        if self.waiting and self.waiting[0][0] <= now:
            return heappop(self.waiting)[2]
        return None

    def __len__(self) -> int:
        return len(self.waiting)
