"""Close-out: at the end of a replay live orders are canceled and positions closed at the last price, by orders on the record.

It is a step of its own: recorded requests, the intents and orders that follow from them, and fills with fees and slippage. The
strategy is reduced to exits first, so that one that answers the fill of its exit with an entry gets a denial, not a position.
The venue is shown the last bar's close (or open) once more, as a bar without extent, so that an order that waits for a next bar has one.
"""

from collections.abc import Iterable, Iterator, Mapping, Sequence

from msgspec.structs import replace

from live.core.inputs import ClockTicked, CloseOutRequested, Deployment, MarketEvent, OperatorCommand
from live.core.market_events import Bar, QuoteBar
from live.core.vocabulary import OperatorAction, Scope
from live.driver.close_out import CloseOut
from live.driver.loop import EngineLoop
from live.venues.protocol import Venue

_ROUNDS = 3
"""An exit may be denied while an order that is being canceled could meet it; it is asked for again once that is gone."""
_SHOWINGS = 2
"""An order that travelled meets a bar that opened after it arrived: the first showing ends before it, the second is its bar."""
_LONGEST_JOURNEY = 10_000
"""Steps of time after which what still waits is no answer to the close-out."""


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


def close_out(loop: EngineLoop, venues: Mapping[str, Venue], deployments: Sequence[Deployment], last: LastEvents, how: CloseOut) -> None:
    """Close every position of every deployment, and wait for the answers that are on their way.

    Raises:
        InterlockError: what the loop raises.
    """
    engine, reason = loop.engine, "the replay's events ended"
    for deployment in deployments:
        reducing = OperatorCommand(engine.now, "replay", OperatorAction.REDUCE_ONLY, Scope.STRATEGY, deployment.strategy_id, reason)
        loop.process(reducing)
    for _ in range(_ROUNDS):
        for deployment in deployments:
            loop.process(CloseOutRequested(engine.now, deployment.strategy_id, reason))
        _let_travel(loop)
        for _ in range(_SHOWINGS):
            for instrument_id, event in sorted(last.by_instrument.items()):
                venue, shown = venues.get(instrument_id.partition(":")[0]), _shown(event, engine.now, how)
                if venue is not None and shown is not None and engine.state.live_orders:
                    venue.observe(shown)
                    loop.settle()
            _let_travel(loop)
        if not engine.state.live_orders and not any(position.quantity for position in engine.state.ledger.positions.values()):
            return


def _let_travel(loop: EngineLoop) -> None:
    """Let time pass until what is on its way between engine and venue has arrived."""
    for _ in range(_LONGEST_JOURNEY):
        waiting = loop.scheduler.waiting
        if not waiting or not loop.engine.state.live_orders:
            return
        loop.process(ClockTicked(max(loop.engine.now, waiting[0][0])))


def _shown(event: MarketEvent, now: int, how: CloseOut) -> MarketEvent | None:
    """Give one price of a bar as a bar; what is no bar stands at the venue as it is."""
    at_open = how is CloseOut.LAST_OPEN
    match event:
        case Bar():
            price = event.open if at_open else event.close
            return replace(event, ts_init=now, open=price, high=price, low=price, close=price)
        case QuoteBar():
            bid, ask = (event.bid_open, event.ask_open) if at_open else (event.bid_close, event.ask_close)
            sides = {"bid_open": bid, "bid_high": bid, "bid_low": bid, "bid_close": bid}
            return replace(event, ts_init=now, **sides, ask_open=ask, ask_high=ask, ask_low=ask, ask_close=ask)
        case _:
            return None
