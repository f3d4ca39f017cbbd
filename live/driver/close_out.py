"""Close-out: at the end of a replay live orders are canceled and positions closed at the last price, by orders on the record.

It is a step of its own: a recorded request, the intents and orders that follow from it, and fills with fees and slippage.
The venue is shown the last bar's close once more, as a bar without extent, so that an order that waits for a next bar has one.
"""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from enum import StrEnum

from msgspec.structs import replace

from live.core.inputs import CloseOutRequested, Deployment, MarketEvent
from live.core.market_events import Bar, QuoteBar
from live.driver.loop import EngineLoop
from live.venues.protocol import Venue


class CloseOut(StrEnum):
    """What happens to positions that are left when the market data ends."""

    NONE = "NONE"
    """They stay, valued at the last price."""
    LAST_PRICE = "LAST_PRICE"
    """Live orders are canceled, and each position is closed at the last price by a market order, with fees."""


class LastEvents:
    """Remember the last event of each instrument that passes."""

    def __init__(self) -> None:
        self.by_instrument: dict[str, MarketEvent] = {}

    def watch(self, events: Iterable[MarketEvent]) -> Iterator[MarketEvent]:
        """Pass events on."""
        last = self.by_instrument
        for event in events:
            last[event.instrument_id] = event
            yield event


def close_out(loop: EngineLoop, venues: Mapping[str, Venue], deployments: Sequence[Deployment], last: LastEvents) -> None:
    """Close every position of every deployment, and wait for the answers that are on their way.

    Raises:
        InterlockError: what the loop raises.
    """
    engine = loop.engine
    for deployment in deployments:
        loop.process(CloseOutRequested(engine.now, deployment.strategy_id, "the replay's events ended"))
    for instrument_id, event in sorted(last.by_instrument.items()):
        venue, shown = venues.get(instrument_id.partition(":")[0]), _close_of(event, engine.now)
        if venue is not None and shown is not None:
            venue.observe(shown)
            loop.settle()


def _close_of(event: MarketEvent, now: int) -> MarketEvent | None:
    """Give a bar's close as a bar; what is no bar stands at the venue as it is."""
    match event:
        case Bar(close=close):
            return replace(event, ts_init=now, open=close, high=close, low=close)
        case QuoteBar(bid_close=bid, ask_close=ask):
            return replace(event, ts_init=now, bid_open=bid, bid_high=bid, bid_low=bid, ask_open=ask, ask_high=ask, ask_low=ask)
        case _:
            return None
