"""Bar opens: each bar's open as a trade of its own, so that a strategy may size and send at the price it fills at.

An engine that sizes an order at the next bar's open looks at that open and at nothing after it. Here it is an event like any
other: it comes after every event of the time before and before every bar that it opens, of whatever instrument.
"""

from collections.abc import Iterable, Iterator
from itertools import groupby
from operator import attrgetter

from live.core.market_events import Bar, MarketEvent, Trade
from live.core.vocabulary import Side

OPEN = "open"
"""The id of a trade that is a bar's open."""


def with_bar_opens(events: Iterable[MarketEvent]) -> Iterator[MarketEvent]:
    """Put a trade at its open before each bar, stamped with the close of the bar before; the first bar of an instrument has none.

    The trade is as large as the bar's volume, and is called a purchase, since a bar does not say.
    """
    closed: dict[str, int] = {}
    last = 0
    for _, group in groupby(events, key=attrgetter("ts_init")):
        together = list(group)
        for event in together:
            if isinstance(event, Bar) and event.instrument_id in closed:
                before = closed[event.instrument_id]
                last = max(last, before)
                yield Trade(last, before, event.instrument_id, event.open, event.volume, Side.BUY, OPEN, event.warm_up)
        for event in together:
            if isinstance(event, Bar):
                closed[event.instrument_id] = event.ts_event
            last = event.ts_init
            yield event
