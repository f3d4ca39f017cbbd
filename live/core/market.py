"""Market view: the last prices of an instrument, which is all that risk and portfolio read of the market."""

from collections import deque

from live.core.decimals import LARGEST_INTEGER
from live.core.errors import InputError
from live.core.inputs import Bar

REFERENCE_WINDOW = 9
"""Closes in the slow reference price: one wild bar moves the last price but not the median of nine."""


class InstrumentMarket:
    """Hold an instrument's last price, the venue time of it, and the closes of the slow reference."""

    __slots__ = ("_closes", "_seen_to", "event_time", "feed_healthy", "last_price")

    def __init__(self) -> None:
        self.last_price: int | None = None
        self.event_time = 0
        self.feed_healthy = True
        self._seen_to = -1
        self._closes: deque[int] = deque(maxlen=REFERENCE_WINDOW)

    def observe(self, bar: Bar) -> None:
        """Take in a finished bar; a warm-up bar feeds only the slow reference, never the current price.

        Raises:
            InputError: the bar contradicts itself, or is not later than the one before.
        """
        low, high, close, ts_event = bar.low, bar.high, bar.close, bar.ts_event
        if not (0 < low <= close <= high <= LARGEST_INTEGER and low <= bar.open <= high and bar.volume >= 0 and ts_event > self._seen_to):
            raise InputError(f"{_fault(bar, self._seen_to)}; received {bar!r}: mend or drop it at its source")
        self._seen_to = ts_event
        self._closes.append(close)
        if not bar.warm_up:
            self.last_price = close
            self.event_time = ts_event

    def slow_reference(self) -> int | None:
        """Give the median of the last closes, the lower one of two, in price units."""
        closes = sorted(self._closes)
        return closes[(len(closes) - 1) // 2] if closes else None


def _fault(bar: Bar, seen_to: int) -> str:
    if bar.ts_event <= seen_to:
        return f"a bar of {bar.instrument_id} closes at {bar.ts_event}, not after the one before at {seen_to}"
    if min(bar.open, bar.high, bar.low, bar.close) <= 0:
        return f"a bar of {bar.instrument_id} has a price that is not positive"
    if bar.volume < 0:
        return f"a bar of {bar.instrument_id} has a negative volume"
    if bar.high > LARGEST_INTEGER:
        return f"a bar of {bar.instrument_id} has a price beyond {LARGEST_INTEGER} units"
    return f"a bar of {bar.instrument_id} has an open or close outside its low and high"
