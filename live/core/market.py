"""Market view: the last prices of an instrument, which is all that risk and portfolio read of the market."""

from collections import deque
from statistics import median_low

from live.core.inputs import Bar

REFERENCE_WINDOW = 9
"""Closes in the slow reference price: one wild bar moves the last price but not the median of nine."""


class InstrumentMarket:
    """Hold an instrument's last price, the venue time of it, and the closes of the slow reference."""

    __slots__ = ("_closes", "event_time", "feed_healthy", "last_price")

    def __init__(self) -> None:
        self.last_price: int | None = None
        self.event_time = 0
        self.feed_healthy = True
        self._closes: deque[int] = deque(maxlen=REFERENCE_WINDOW)

    def observe(self, bar: Bar) -> None:
        """Take in a finished bar; a warm-up bar feeds only the slow reference, never the current price."""
        self._closes.append(bar.close)
        if not bar.warm_up:
            self.last_price = bar.close
            self.event_time = bar.ts_event

    def slow_reference(self) -> int | None:
        """Give the median of the last closes, in price units."""
        return median_low(self._closes) if self._closes else None
