"""Bench: what the cases of the kit trade with: adapters behind a relay, sinks that keep what was said, and a gate that notes who asked."""

import asyncio
import time
from collections.abc import AsyncGenerator, Callable, Iterator
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass, field
from itertools import count
from typing import Any, Protocol, TypeVar

from live.core.effects import CancelOrder, QueryOrder, SubmitOrder
from live.core.errors import InterlockError
from live.core.inputs import EffectOutcome, ExecutionReported, MarketEvent, OrderAccepted
from live.core.instruments import Instrument
from live.core.vocabulary import EffectAction, OrderType, Outcome, Side, TimeInForce
from live.venues.conformance.relay import Breakdown, Relay
from live.venues.conformance.verdict import CaseFailedError, CaseSkippedError, expect
from live.venues.conformance.wires import Matcher, Wire, is_placing
from live.venues.protocol import Gate, MarketFeed, MarketKind, OwnTrade, TradingVenue, VenueAnswer

PATIENCE = 20.0
"""Seconds that a case waits for anything before it fails."""
FAR_BELOW_PPM = 850_000
"""Orders that are to rest buy at this part of the last price, parts per million: venues refuse prices that lie much farther away."""

_Found = TypeVar("_Found")
_Answer = TypeVar("_Answer")
_ANY_TIME = {OrderType.MARKET: TimeInForce.IMMEDIATE_OR_CANCEL}


class AdapterMaker(Protocol):
    """Make adapters of the kind that is looked at, for one account, at whatever address they are told."""

    def trading(
        self, http: str, web_socket: str, gate: Gate, *, wall: Callable[[], int] = time.time_ns, spoil_secret: bool = False
    ) -> TradingVenue:
        """Make a trading venue; with `spoil_secret` one that signs with another secret than the account's."""
        ...

    def feed(self, http: str, web_socket: str) -> MarketFeed:
        """Make a market feed."""
        ...


class KeptSinks:
    """Keep what an adapter hands on, in order."""

    def __init__(self) -> None:
        self.events: list[MarketEvent] = []
        self.answers: list[VenueAnswer] = []
        self.feeds: list[tuple[str, bool, str]] = []
        self.stamped: list[str] = []
        self._news = asyncio.Event()

    def market(self, event: MarketEvent) -> None:
        """Keep a market event."""
        self.events.append(event)
        self._note(event)

    def answer(self, answer: VenueAnswer) -> None:
        """Keep an answer."""
        self.answers.append(answer)
        self._note(answer)

    def feed(self, instrument_id: str, healthy: bool, detail: str) -> None:
        """Keep what was said of a feed."""
        self.feeds.append((instrument_id, healthy, detail))
        self._news.set()

    def refused(self, detail: str) -> None:
        """Leave it to the answers, which say the same."""
        del detail

    def _note(self, said: MarketEvent | VenueAnswer) -> None:
        if said.ts_init:
            self.stamped.append(type(said).__name__)
        self._news.set()

    async def until(self, found: Callable[[], _Found | None], what: str) -> _Found:
        """Wait until something is there, and give it.

        Raises:
            CaseFailedError: it did not come.
        """
        deadline = time.monotonic() + PATIENCE
        while not (value := found()):
            self._news.clear()
            try:
                await asyncio.wait_for(self._news.wait(), max(0.0, deadline - time.monotonic()))
            except TimeoutError:
                raise CaseFailedError(f"within {PATIENCE:g} s {what} was expected, received {self._lately()}") from None
        return value

    def of(self, kind: type[_Answer], order_id: str) -> list[_Answer]:
        """Give the answers of a kind about an order."""
        return [one for one in self.answers if isinstance(one, kind) and getattr(one, "order_id", "") == order_id]

    async def first(self, kind: type[_Answer], order_id: str) -> _Answer:
        """Wait for the first answer of a kind about an order."""
        return (await self.until(lambda: self.of(kind, order_id), f"{kind.__name__} of {order_id}"))[0]

    async def ended(self, order_id: str, action: EffectAction = EffectAction.SUBMIT) -> EffectOutcome:
        """Wait for what became of a request that failed."""

        def found() -> list[EffectOutcome]:
            return [one for one in self.of(EffectOutcome, order_id) if one.action is action and one.outcome is not Outcome.SENT]

        return (await self.until(found, f"what became of the {action} of {order_id}"))[0]

    def executions(self, order_id: str) -> dict[tuple[str, str], ExecutionReported]:
        """Give an order's executions by their key, each once, however often it was told.

        Raises:
            CaseFailedError: one was told in two ways.
        """
        found: dict[tuple[str, str], ExecutionReported] = {}
        for one in self.of(ExecutionReported, order_id):
            known = found.setdefault((one.trade_id, one.venue_order_id), one)
            same = (one.price, one.quantity, one.fee, one.fee_asset) == (known.price, known.quantity, known.fee, known.fee_asset)
            expect(same, f"trade {one.trade_id} was told as {known!r} and as {one!r}")
        return found

    def _lately(self) -> str:
        return "; ".join(repr(one) for one in self.answers[-3:]) or "nothing"


@dataclass
class NotingGate:
    """Refuse with what is written here, and note who asked."""

    closed: str | None = None
    asked: list[str] = field(default_factory=list[str])

    def refusal(self, request: SubmitOrder | CancelOrder) -> str | None:
        """Say what is written here."""
        self.asked.append(request.order_id)
        return self.closed


class Desk:
    """Trade through one adapter that is started.

    Attributes:
        venue: the adapter.
        sinks: what it said.
        gate: what it asked.
        relay: what stands between it and the venue.
        wire: how its requests look.
    """

    def __init__(self, bench: "Bench", venue: TradingVenue, gate: NotingGate) -> None:
        self.venue = venue
        self.sinks = KeptSinks()
        self.gate = gate
        self.relay = bench.relay
        self.wire = bench.wire
        self.instrument = bench.instrument
        self._bench = bench

    @property
    def account_id(self) -> str:
        """Name the account."""
        return self.venue.account_id

    def order(
        self,
        order_type: OrderType = OrderType.LIMIT,
        *,
        quantity: int | None = None,
        price: int | None = None,
        side: Side = Side.BUY,
        time_in_force: TimeInForce | None = None,
        order_id: str | None = None,
    ) -> SubmitOrder:
        """Make an order under a new id: one that rests unless told otherwise."""
        bench = self._bench
        if price is None and order_type is not OrderType.MARKET:
            price = bench.resting_price
        chosen = time_in_force or _ANY_TIME.get(order_type, TimeInForce.GOOD_TILL_CANCELED)
        refusal = self.venue.capabilities.refusal(order_type, chosen, "IL")
        if refusal is not None:
            raise CaseSkippedError(refusal)
        return SubmitOrder(
            order_id or bench.new_id(),
            "conformance",
            self.account_id,
            self.instrument.instrument_id,
            side,
            order_type,
            chosen,
            bench.quantity if quantity is None else quantity,
            price,
        )

    def submit(self, order: SubmitOrder) -> str:
        """Send an order and give its id."""
        self.venue.submit(order, time.time_ns())
        return order.order_id

    def cancel(self, order_id: str) -> None:
        """Ask for an order to be taken off the book."""
        self.venue.cancel(CancelOrder(order_id, self.account_id, self.instrument.instrument_id), time.time_ns())

    def query(self, order_id: str) -> None:
        """Ask what the venue knows of an order."""
        now = time.time_ns()
        self.venue.query(QueryOrder(order_id, self.account_id, self.instrument.instrument_id, now), now)

    async def rest(self) -> str:
        """Place an order that rests, and wait until the venue has it."""
        order_id = self.submit(self.order())
        await self.sinks.first(OrderAccepted, order_id)
        return order_id

    async def trade(self, side: Side = Side.BUY, quantity: int | None = None) -> str:
        """Trade at the market, and wait until all of it is told."""
        order = self.order(OrderType.MARKET, side=side, quantity=quantity)
        self.submit(order)
        await self.sinks.until(
            lambda: sum(one.quantity for one in self.sinks.executions(order.order_id).values()) >= order.quantity,
            f"executions of all {order.quantity} units of {order.order_id}",
        )
        return order.order_id

    async def open_ids(self) -> list[str]:
        """List the ids of the account's open orders at the venue."""
        return [one.order_id for one in await self.venue.open_orders()]

    async def found(self, order_id: str) -> bool:
        """Ask whether an order rests at the venue."""
        return order_id in await self.open_ids()

    async def history(self, order_id: str) -> list[OwnTrade]:
        """List an order's executions as the trade history has them."""
        trades = await self.venue.trades_since(self.instrument.instrument_id, since=self._bench.began_at)
        return [one for one in trades if one.order_id == order_id]

    def placings(self, order_id: str) -> int:
        """Count how often an order's request was on its way."""
        return self.relay.count(is_placing(self.wire, order_id))


@dataclass
class Bench:
    """Hold what the cases share.

    Attributes:
        maker: makes the adapters.
        relay: stands between them and the venue.
        wire: how the dialect looks on its way.
        instrument: what is traded.
        quantity: quantity units of an order: the least that the venue takes at the resting price, and a little more.
        resting_price: price units at which a buy rests.
        last_price: price units of the last trade when the kit began.
        began_at: venue time before the first order, nanoseconds UTC.
        nonce: what the ids of this run's orders have in common.
        numbers: tells them apart.
        shared: the adapter that cases share, None before the first needs it.
    """

    maker: AdapterMaker
    relay: Relay
    wire: Wire
    instrument: Instrument
    quantity: int
    resting_price: int
    last_price: int
    began_at: int
    nonce: str
    numbers: Iterator[int] = field(default_factory=lambda: count(1))
    shared: Desk | None = None

    @property
    def prefix(self) -> str:
        """Give how the ids of this run's orders begin."""
        return f"IL{self.nonce}"

    def new_id(self) -> str:
        """Give an id that no other order has."""
        return f"{self.prefix}{next(self.numbers):06d}"

    @asynccontextmanager
    async def desk(self) -> AsyncGenerator[Desk]:
        """Lend the adapter that all cases share, and take what a case left off the book; starting one costs weight at the venue.

        Raises:
            VenueCallError: it cannot be started.
        """
        if self.shared is None:
            desk = self._make_desk(time.time_ns, spoil_secret=False)
            await desk.venue.start([self.instrument], desk.sinks)
            self.shared = desk
        async with self._cleaned(self.shared):
            yield self.shared

    @asynccontextmanager
    async def new_desk(self, *, wall: Callable[[], int] = time.time_ns, spoil_secret: bool = False) -> AsyncGenerator[Desk]:
        """Start an adapter for one case alone, which what the case does to it would else burden others with.

        Raises:
            VenueCallError: it cannot be started.
        """
        desk = self._make_desk(wall, spoil_secret=spoil_secret)
        await desk.venue.start([self.instrument], desk.sinks)
        try:
            async with self._cleaned(desk):
                yield desk
        finally:
            await desk.venue.stop()

    def _make_desk(self, wall: Callable[[], int], *, spoil_secret: bool) -> Desk:
        gate = NotingGate()
        return Desk(self, self.maker.trading(self.relay.http, self.relay.web_socket, gate, wall=wall, spoil_secret=spoil_secret), gate)

    @asynccontextmanager
    async def _cleaned(self, desk: Desk) -> AsyncGenerator[None]:
        """Mend what a case broke, take what it left off the book, and look at how the adapter stamped what it handed on."""
        instrument_id = self.instrument.instrument_id
        try:
            yield
        except BaseException:
            self._mend(desk)
            with suppress(InterlockError):  # the case has failed already; the proof at the end says so if this did not help
                await desk.venue.cancel_all(instrument_id)
            raise
        self._mend(desk)
        await desk.venue.cancel_all(instrument_id)
        expect(not desk.sinks.stamped, f"ts_init is the loop's to stamp, received it in {', '.join(desk.sinks.stamped[:3])}")

    def _mend(self, desk: Desk) -> None:
        self.relay.mend()
        desk.gate.closed = None

    @asynccontextmanager
    async def feed(self, *kinds: MarketKind) -> AsyncGenerator[tuple[MarketFeed, KeptSinks]]:
        """Start a feed of some kinds, let a case look, and stop it.

        Raises:
            VenueCallError: it cannot be started.
        """
        sinks = KeptSinks()
        feed = self.maker.feed(self.relay.http, self.relay.web_socket)
        await feed.start([self.instrument], kinds, sinks)
        try:
            yield feed, sinks
        finally:
            self.relay.mend()
            await feed.stop()

    def befall(self, matcher: Matcher, **how: Any) -> None:
        """Break the next request that matches."""
        self.relay.breakdowns.append(Breakdown(matcher, **how))


def size_of(instrument: Instrument, price: int) -> int:
    """Give the least quantity, in units, that the venue takes at a price and far below it, a fifth more of it so that it still does."""
    worth = instrument.minimum_notional * 6 // 5
    wanted = max(instrument.minimum_quantity, instrument.quantity_worth(worth, price) + 1 if worth else 0)
    return -(-wanted // instrument.lot_size) * instrument.lot_size


def resting_price_of(instrument: Instrument, last: int) -> int:
    """Give a price far below the last one, on a tick."""
    return last * FAR_BELOW_PPM // 1_000_000 // instrument.tick_size * instrument.tick_size


class BenchError(InterlockError):
    """The kit cannot begin here."""
