"""What the driver may ask of a venue, and how a venue answers."""

from collections.abc import Callable
from typing import Protocol

from live.core.effects import CancelOrder, QueryOrder, SubmitOrder
from live.core.inputs import EffectOutcome, MarketEvent, VenueReport

VenueAnswer = VenueReport | EffectOutcome

AnswerSink = Callable[[int, VenueAnswer], None]
"""Takes when an answer is due (engine time, nanoseconds) and the answer."""


Wake = Callable[[], None]
"""What a simulated venue does when a moment it asked for has come."""

VenueSink = Callable[[int, VenueAnswer | Wake], None]
"""Takes when something is due (engine time, nanoseconds): an answer, or what a simulated venue does at that moment."""


class Gate(Protocol):
    """The last look before the transport."""

    def refusal(self, request: SubmitOrder | CancelOrder) -> str | None:
        """Say why a request must not leave now, or None when it may."""
        ...


class OpenGate:
    """Let everything through: the gate of a replay, where nothing real is behind it."""

    def refusal(self, request: SubmitOrder | CancelOrder) -> str | None:
        """Refuse nothing."""
        del request


class Venue(Protocol):
    """A place that takes orders.

    Every call hands over a request and returns at once; what becomes of it arrives later through the answer sink, as
    an `EffectOutcome` about the sending and as reports about the order. A venue never resends.
    """

    @property
    def venue_id(self) -> str:
        """Name the venue as in its instruments' ids."""
        ...

    def submit(self, order: SubmitOrder, now: int) -> None:
        """Send a new order through the gate."""
        ...

    def cancel(self, request: CancelOrder, now: int) -> None:
        """Ask for an order to be taken off the book."""
        ...

    def query(self, request: QueryOrder, now: int) -> None:
        """Ask every endpoint that may know an order."""
        ...

    def observe(self, event: MarketEvent) -> None:
        """See market data before the engine does; only a simulated venue acts on it."""
        ...
