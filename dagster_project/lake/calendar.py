"""The calendar of bars: which bars must exist, which may be missing, and how long a hole is tolerated."""

from __future__ import annotations

import tomllib
from pathlib import Path
from typing import TYPE_CHECKING

import msgspec

from dagster_project.lake.errors import LakeError
from dagster_project.lake.period import NANOSECONDS, parse_moment

if TYPE_CHECKING:
    import numpy as np

CALENDAR_FILE = Path(__file__).with_name("calendar.toml")


class Closure(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Declare a time in which a venue gave no bars.

    Attributes:
        venue: like `binance-spot`.
        start: bars that open at or after it are excused; a date or time, UTC.
        end: bars that open at or after it are not.
        reason: where the closure is known from.
    """

    venue: str
    start: str
    end: str
    reason: str


class Calendar(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Say when bars exist: around the clock on the grid of their interval, but for closures.

    Attributes:
        tolerated_hole_seconds: so long a hole is a warning; a longer one refuses the file.
        tolerated_missing_share: so many bars may be missing for each bar that is there.
        closures: what is excused.
    """

    tolerated_hole_seconds: int
    tolerated_missing_share: float
    closures: tuple[Closure, ...] = ()

    def tolerated_bars(self, interval_seconds: int) -> int:
        """Give how many bars in a row may be missing."""
        return self.tolerated_hole_seconds // interval_seconds

    def missing_before(self, closes: np.ndarray, interval_seconds: int, venue: str) -> np.ndarray:
        """Count the bars missing before each bar, closures left out, whatever order the bars are in.

        Args:
            closes: closing times, nanoseconds UTC.
            interval_seconds: length of a bar.
            venue: whose closures count.
        """
        import numpy as np

        interval = interval_seconds * NANOSECONDS
        ordered, place = np.unique(closes, return_inverse=True)
        before = np.concatenate([ordered[:1] - interval, ordered[:-1]])
        missing = np.maximum((ordered - before) // interval - 1, 0)
        for closure in self.closures:
            if closure.venue == venue:
                opening, ending = parse_moment(closure.start) or 0, parse_moment(closure.end) or 0
                # A missing bar opens at `before` or a whole number of intervals later, and before this bar opens.
                first = np.maximum(-(-(opening - before) // interval), 0)
                beyond = np.minimum(-(-(ending - before) // interval), (ordered - before) // interval - 1)
                missing = np.maximum(missing - np.maximum(beyond - first, 0), 0)
        return missing[place]


def load_calendar(path: Path | None = None) -> Calendar:
    """Read the calendar that lies beside this module, or another.

    Raises:
        LakeError: the file is no calendar.
    """
    source = path or CALENDAR_FILE
    try:
        calendar = msgspec.convert(tomllib.loads(source.read_text(encoding="utf-8")), Calendar)
    except (OSError, tomllib.TOMLDecodeError, msgspec.ValidationError) as error:
        raise LakeError(f"{source} is no calendar of bars: {error}") from error
    for closure in calendar.closures:
        start, end = parse_moment(closure.start), parse_moment(closure.end)
        if start is None or end is None or end <= start:
            raise LakeError(f"{source}: a closure ends after it starts, received {closure.start!r} to {closure.end!r}")
    return calendar
