"""What the driver may ask of a venue, and how a venue answers."""

from collections.abc import Callable, Collection
from enum import StrEnum
from typing import Protocol, runtime_checkable

import msgspec

from live.core.effects import CancelOrder, QueryOrder, SubmitOrder
from live.core.inputs import Bar, EffectOutcome, MarketEvent, VenueReport
from live.core.instruments import Instrument
from live.core.vocabulary import Liquidity, Side
from live.venues.capabilities import Capabilities
from live.venues.clock_offset import ClockSample

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


Observer = Callable[[MarketEvent], None]
"""Sees market data at a venue before the engine does."""


@runtime_checkable
class ObservingVenue(Protocol):
    """A venue that says once what it does with market data, so that nothing is looked up at each event."""

    def observer(self, kind: type[MarketEvent], instrument_id: str) -> Observer | None:
        """Give what `Venue.observe` does with a kind of event of an instrument, the same for good; None when that is nothing."""
        ...


class MarketKind(StrEnum):
    """What a feed can be asked for."""

    TRADES = "TRADES"
    QUOTES = "QUOTES"
    """The best bid and ask."""
    BOOK = "BOOK"
    """A snapshot of the order book and every change of it since, without a gap."""
    BARS = "BARS"
    """Finished bars of one minute."""


class OpenOrder(msgspec.Struct, frozen=True):
    """Hold an order that rests at a venue, as the venue shows it.

    Attributes:
        instrument_id: its instrument.
        order_id: the client order id; empty where its sender gave none.
        venue_order_id: the venue's id of it.
        side: which way it trades.
        quantity: quantity units of it in all.
        executed_quantity: quantity units of it that the venue executed.
        limit_price: price units, None for a market order that waits for its trigger.
        ts_event: venue time of its last change, nanoseconds UTC.
    """

    instrument_id: str
    order_id: str
    venue_order_id: str
    side: Side
    quantity: int
    executed_quantity: int
    limit_price: int | None
    ts_event: int


class OwnTrade(msgspec.Struct, frozen=True):
    """Hold one execution of an account, as the venue's trade history shows it.

    Attributes:
        instrument_id: its instrument.
        trade_id: the venue's id of it, unique within instrument and order.
        venue_order_id: the venue's id of the order.
        order_id: the client order id; empty where the history does not say and the order was given none.
        side: which way our order traded.
        price: price units.
        quantity: quantity units.
        fee: money units of `fee_asset`.
        fee_asset: what the fee was paid in.
        liquidity: whether it took or made.
        ts_event: venue time of it, nanoseconds UTC.
    """

    instrument_id: str
    trade_id: str
    venue_order_id: str
    order_id: str
    side: Side
    price: int
    quantity: int
    fee: int
    fee_asset: str
    liquidity: Liquidity
    ts_event: int


class AssetBalance(msgspec.Struct, frozen=True):
    """Hold what an account has of an asset, in money units: what is free and what open orders hold."""

    asset: str
    free: int
    locked: int

    @property
    def total(self) -> int:
        """Give what the account has in all."""
        return self.free + self.locked


class VenueSinks(Protocol):
    """Where an adapter's tasks put what they received; they do nothing else with it.

    Called from the event loop's thread only. `ts_init` is the loop's to stamp: an adapter hands in 0 there, and in no other field.
    """

    def market(self, event: MarketEvent) -> None:
        """Take a market event."""
        ...

    def answer(self, answer: VenueAnswer) -> None:
        """Take what became of a request, or what the venue said of an order."""
        ...

    def feed(self, instrument_id: str, healthy: bool, detail: str) -> None:
        """Learn that the market data of an instrument flows, or that it no longer does and why."""
        ...


class TradingSinks(VenueSinks, Protocol):
    """Where the adapter of an account puts what it received."""

    def refused(self, detail: str) -> None:
        """Learn that the venue refuses the account's key, or lets the account not trade: nothing may be opened until a person looked."""
        ...


class MarketFeed(Protocol):
    """Market data of one venue.

    A feed says that it is unhealthy when venue time in what it receives falls behind, however alive its socket is.
    """

    @property
    def venue_id(self) -> str:
        """Name the venue as in its instruments' ids."""
        ...

    async def start(self, instruments: Collection[Instrument], kinds: Collection[MarketKind], sinks: VenueSinks) -> None:
        """Subscribe, and let events flow until `stop`; reconnects by itself and says so through `feed`.

        Raises:
            VenueCallError: the venue does not know an instrument, or does not offer a kind.
        """
        ...

    async def stop(self) -> None:
        """End every task and close every socket."""
        ...

    async def history(self, instrument: Instrument, bars: int) -> list[Bar]:
        """Give the last finished one-minute bars, oldest first, flagged as warm-up and with `ts_init` 0.

        Raises:
            VenueCallError: the venue did not answer with them.
        """
        ...


class TradingVenue(Venue, Protocol):
    """One account's orders at a real venue.

    `submit`, `cancel` and `query` return at once, each runs as a task of its own, and what becomes of it comes through the
    sinks. Nothing is ever resent. The other calls are questions that raise when they get no answer: silence is not one.
    """

    @property
    def account_id(self) -> str:
        """Name the account whose orders these are."""
        ...

    @property
    def capabilities(self) -> Capabilities:
        """Say what the venue can do."""
        ...

    def under_way(self) -> Collection[str]:
        """Name the orders that were given to it and may still arrive at the venue."""
        ...

    async def start(self, instruments: Collection[Instrument], sinks: TradingSinks) -> None:
        """Connect, sample the clock, follow the account's order stream, and scan for executions after every reconnect.

        Raises:
            VenueCallError: the venue cannot be reached, refuses the key, or does not know an instrument.
        """
        ...

    async def stop(self) -> None:
        """End every task and close every socket; a request that is still under way is FAILED, never forgotten."""
        ...

    async def instruments(self) -> tuple[Instrument, ...]:
        """List what the venue trades, with its filters as they are now.

        Raises:
            VenueCallError: no usable answer.
        """
        ...

    async def open_orders(self) -> tuple[OpenOrder, ...]:
        """List every order of the account that rests at the venue, whoever sent it: proof for a kill and for reconciliation.

        Raises:
            VenueCallError: no usable answer.
        """
        ...

    async def balances(self) -> tuple[AssetBalance, ...]:
        """List what the account has.

        Raises:
            VenueCallError: no usable answer.
        """
        ...

    async def trades_since(self, instrument_id: str, *, trade_id: str | None = None, since: int | None = None) -> tuple[OwnTrade, ...]:
        """List the account's executions from a trade id on (without it), or since a venue time in nanoseconds, oldest first.

        Raises:
            VenueCallError: no usable answer.
        """
        ...

    async def cancel_all(self, instrument_id: str) -> None:
        """Take every order of the account in an instrument off the book in one request; nothing open is no error.

        Raises:
            VenueCallError: no usable answer, so that orders may still be open.
        """
        ...

    async def sample_clock(self) -> ClockSample:
        """Measure the venue's clock, and sign by it from then on.

        Raises:
            VenueCallError: no usable answer.
        """
        ...

    async def scan_fills(self) -> int:
        """Report every execution that the trade history has beyond the last one seen; gives how many were reported.

        Raises:
            VenueCallError: no usable answer.
        """
        ...
