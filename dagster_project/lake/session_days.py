"""Which UTC day of the machine's clock a record of a session belongs to."""

from bisect import bisect_left
from datetime import UTC, date, datetime, timedelta
from itertools import accumulate

from live.journal import AnchorHistory

NANOSECONDS = 1_000_000_000


class WallClock:
    """Tell when a record was written, by the anchors: engine time may be that of a tape that is played.

    The anchor log says each minute how far a session had come. A record was written at the latest by the first anchor at
    or after it; what no anchor covers, by the seal. So a time is late by a minute at most, or, for the last records before
    a crash, by as long as it took until the next start sealed the journal.
    """

    def __init__(self, history: AnchorHistory) -> None:
        """Take the anchors and seals of one session, which must be sealed."""
        self._seqs = [anchor.seq for anchor in history.anchors]
        # A machine's clock that was set back does not move records to a day that was over.
        *self._times, self._end = accumulate((*(anchor.at for anchor in history.anchors), history.seals[0].at), max)

    def at(self, seq: int) -> int:
        """Give the time by which a record was written, nanoseconds UTC."""
        index = bisect_left(self._seqs, seq)
        return self._times[index] if index < len(self._times) else self._end

    def day(self, seq: int) -> date:
        """Give the UTC day that a record belongs to."""
        return day_of(self.at(seq))

    def days(self, last_seq: int) -> tuple[date, ...]:
        """Give every day from the first record's to the last one's: a session that says nothing all day still runs."""
        if last_seq < 1:
            return ()
        first = self.day(1)
        return tuple(first + timedelta(days=number) for number in range((self.day(last_seq) - first).days + 1))


def day_of(nanoseconds: int) -> date:
    """Give the UTC day of a time."""
    return datetime.fromtimestamp(nanoseconds // NANOSECONDS, UTC).date()
