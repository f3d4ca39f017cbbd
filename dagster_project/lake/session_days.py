"""Which UTC day of the machine's clock a record of a session belongs to."""

from bisect import bisect_left
from datetime import UTC, date, datetime, timedelta
from itertools import accumulate

from live.journal import Anchor, AnchorHistory

NANOSECONDS = 1_000_000_000


class WallClock:
    """Tell when a record was written, by the anchors: engine time may be that of a tape that is played.

    The anchor log says each minute how far a session had come. A record was written at the latest by the first anchor at
    or after it; what no anchor covers, by the seal. So a time is late by a minute at most, or, for the last records before
    a crash, by as long as it took until the next start sealed the journal.

    An anchor that was written after a day ended leaves nothing of that day to come: what is recorded later belongs to a
    later anchor. So a session that still runs is known up to its last anchor as it will be known for good.
    """

    def __init__(self, history: AnchorHistory) -> None:
        """Take the anchors of one session, and its seal once it has one; one without a seal has an anchor at its last record."""
        self._anchors = history.anchors
        self._seqs = [anchor.seq for anchor in history.anchors]
        # A machine's clock that was set back does not move records to a day that was over.
        times = list(accumulate((*(anchor.at for anchor in history.anchors), *(seal.at for seal in history.seals[:1])), max))
        self._times, self._end = times[: len(self._seqs)], times[-1]

    def at(self, seq: int) -> int:
        """Give the time by which a record was written, nanoseconds UTC."""
        index = bisect_left(self._seqs, seq)
        return self._times[index] if index < len(self._times) else self._end

    def day(self, seq: int) -> date:
        """Give the UTC day that a record belongs to."""
        return day_of(self.at(seq))

    def days(self, last_seq: int) -> tuple[date, ...]:
        """Give every day from the first record's to the last one's or the last anchor's: a session that says nothing still runs."""
        if last_seq < 1:
            return ()
        first, last = self.day(1), max([self.day(last_seq), *(day_of(time) for time in self._times[-1:])])
        return tuple(first + timedelta(days=number) for number in range((last - first).days + 1))

    def anchor_after(self, time: int) -> Anchor | None:
        """Give the first anchor at or after a time, nanoseconds UTC; None when none was written since."""
        index = bisect_left(self._times, time)
        return self._anchors[index] if index < len(self._anchors) else None


def day_of(nanoseconds: int) -> date:
    """Give the UTC day of a time."""
    return datetime.fromtimestamp(nanoseconds // NANOSECONDS, UTC).date()
