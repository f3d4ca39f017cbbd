"""Venue by account: one venue's name, and behind it a venue of its own for each account that trades there for real.

The core knows venues and accounts, and no mode. Which of an order's possible ends is the real one is decided here, by its account alone.
"""

from collections.abc import Mapping
from typing import Protocol

from live.core.effects import CancelOrder, QueryOrder, SubmitOrder
from live.core.inputs import MarketEvent
from live.venues.protocol import Observer, ObservingVenue, Venue


class SimulatedSide(Venue, ObservingVenue, Protocol):
    """A venue that fills by the market data it sees."""


class VenueByAccount:
    """Hand each request to its account's venue, and market data to the one that is simulated.

    Attributes:
        venue_id: the venue's name, as in its instruments' ids.
    """

    def __init__(self, venue_id: str, accounts: Mapping[str, Venue], simulated: SimulatedSide) -> None:
        """Take the venues of the accounts that trade for real; every other account's orders are simulated."""
        self.venue_id = venue_id
        self._accounts = accounts
        self._simulated = simulated

    def submit(self, order: SubmitOrder, now: int) -> None:
        """Send a new order to its account's venue."""
        self._venue(order.account_id).submit(order, now)

    def cancel(self, request: CancelOrder, now: int) -> None:
        """Ask an order's venue to take it off the book."""
        self._venue(request.account_id).cancel(request, now)

    def query(self, request: QueryOrder, now: int) -> None:
        """Ask an order's venue what it knows of it."""
        self._venue(request.account_id).query(request, now)

    def observe(self, event: MarketEvent) -> None:
        """Show a market event to the simulated venue."""
        self._simulated.observe(event)

    def observer(self, kind: type[MarketEvent], instrument_id: str) -> Observer | None:
        """Give what the simulated venue does with a kind of event."""
        return self._simulated.observer(kind, instrument_id)

    def _venue(self, account_id: str) -> Venue:
        return self._accounts.get(account_id, self._simulated)
