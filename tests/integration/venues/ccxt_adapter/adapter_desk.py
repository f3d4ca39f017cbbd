"""What the adapter tests trade with: an exchange to reach, sinks that keep what they get, a gate, and a desk."""

import asyncio
import json
import subprocess
import time
import urllib.request
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from typing import Any

from live.core.effects import CancelOrder, QueryOrder, SubmitOrder
from live.core.inputs import EffectOutcome, MarketEvent
from live.core.instruments import Instrument
from live.core.vocabulary import OrderType, Outcome, Side, TimeInForce
from live.venues.ccxt_adapter import DIALECTS, CcxtMarketFeed, CcxtTradingVenue, Credentials, Endpoint, FeedSettings, TradingSettings
from live.venues.protocol import VenueAnswer

KEY, SECRET = "desk-key", "desk-secret"
BTC = "local:BTCUSDT"
INSTRUMENT = Instrument(instrument_id=BTC, base="BTC", quote="USDT", price_scale=2, quantity_scale=5)
PATIENCE = 15.0
"""Seconds that anything may take before a test gives up."""


class Sinks:
    """Keep what an adapter hands on, in order."""

    def __init__(self) -> None:
        self.events: list[MarketEvent] = []
        self.answers: list[VenueAnswer] = []
        self.feeds: list[tuple[str, bool, str]] = []
        self.refusals: list[str] = []
        self.news = asyncio.Event()

    def market(self, event: MarketEvent) -> None:
        """Keep a market event."""
        self.events.append(event)
        self.news.set()

    def answer(self, answer: VenueAnswer) -> None:
        """Keep an answer, which the adapter must not stamp."""
        assert answer.ts_init == 0
        self.answers.append(answer)
        self.news.set()

    def feed(self, instrument_id: str, healthy: bool, detail: str) -> None:
        """Keep what was said of a feed."""
        self.feeds.append((instrument_id, healthy, detail))
        self.news.set()

    def refused(self, detail: str) -> None:
        """Keep why the venue refuses the account."""
        self.refusals.append(detail)
        self.news.set()

    async def until(self, found: Callable[[], Any]) -> Any:
        """Wait until something is there, and give it."""
        async with asyncio.timeout(PATIENCE):
            while not (value := found()):
                self.news.clear()
                await self.news.wait()
            return value

    def of(self, kind: type, order_id: str) -> list[Any]:
        """Give the answers of a kind about an order."""
        return [one for one in self.answers if isinstance(one, kind) and getattr(one, "order_id", None) == order_id]

    async def first(self, kind: type, order_id: str) -> Any:
        """Wait for the first answer of a kind about an order."""
        return (await self.until(lambda: self.of(kind, order_id)))[0]

    async def outcome(self, order_id: str) -> EffectOutcome:
        """Wait for what became of a request beyond its having been sent."""
        return (await self.until(lambda: [one for one in self.of(EffectOutcome, order_id) if one.outcome is not Outcome.SENT]))[0]


@dataclass
class FakeGate:
    """Refuse with what is written here, and note who asked."""

    closed: str | None = None
    asked: list[str] = field(default_factory=list)

    def refusal(self, request: SubmitOrder | CancelOrder) -> str | None:
        """Say what is written here."""
        self.asked.append(request.order_id)
        return self.closed


@dataclass
class LocalExchange:
    """Reach a running exchange."""

    process: subprocess.Popen[str]
    http: str
    web_socket: str
    faults: str

    def endpoint(self, **changed: Any) -> Endpoint:
        """Say where the exchange is."""
        return Endpoint(venue_id="local", dialect=DIALECTS["binance"], http=self.http, web_socket=self.web_socket, **changed)

    def control(self, path: str, body: object = None, method: str | None = None) -> Any:
        """Ask the control plane; loopback, and answered at once."""
        data = None if body is None else json.dumps(body).encode()
        request = urllib.request.Request(self.faults + path, data, {"Content-Type": "application/json"}, method=method)
        with urllib.request.urlopen(request, timeout=PATIENCE) as answer:
            return json.load(answer)

    def depth(self, levels: int = 5) -> Any:
        """Ask for the book of BTCUSDT, as anybody may."""
        with urllib.request.urlopen(f"{self.http}/api/v3/depth?symbol=BTCUSDT&limit={levels}", timeout=PATIENCE) as answer:
            return json.load(answer)

    def fault(self, kind: str, operation: str | None = None, **more: Any) -> None:
        """Order a fault."""
        match = {**more.pop("match", {}), **({} if operation is None else {"operation": operation})}
        self.control("/faults", {"kind": kind, "match": match, **more})

    def log(self, operation: str) -> list[Any]:
        """Give the requests of an operation that arrived."""
        return self.control(f"/log?operation={operation}")


@dataclass
class Desk:
    """Trade at the exchange under ids that no other test uses."""

    venue: CcxtTradingVenue
    sinks: Sinks
    gate: FakeGate
    prefix: str
    count: int = 0

    def order(self, order_type: OrderType, quantity: int, price: int | None = None, **changed: Any) -> SubmitOrder:
        """Make an order with a new id."""
        self.count += 1
        default = TimeInForce.IMMEDIATE_OR_CANCEL if order_type is OrderType.MARKET else TimeInForce.GOOD_TILL_CANCELED
        values = {"order_id": f"{self.prefix}{self.count}", "side": Side.BUY, "time_in_force": default, **changed}
        return SubmitOrder(
            values["order_id"],
            "strategy",
            "account",
            BTC,
            values["side"],
            order_type,
            values["time_in_force"],
            quantity,
            price,
            values.get("trigger_price"),
        )

    def submit(self, order: SubmitOrder) -> str:
        """Send an order and give its id."""
        self.venue.submit(order, time.time_ns())
        return order.order_id

    def rest(self, price: int = 50_000_00, quantity: int = 100) -> str:
        """Send an order that rests."""
        return self.submit(self.order(OrderType.LIMIT, quantity, price))

    def cancel(self, order_id: str) -> None:
        """Ask for an order to be canceled."""
        self.venue.cancel(CancelOrder(order_id, "account", BTC), time.time_ns())

    def query(self, order_id: str, submitted_at: int | None = None) -> None:
        """Ask about an order."""
        now = time.time_ns()
        self.venue.query(QueryOrder(order_id, "account", BTC, now if submitted_at is None else submitted_at), now)


_PREFIXES = iter(range(10_000))


@asynccontextmanager
async def open_desk(
    exchange: LocalExchange,
    *,
    answer_timeout: int = 5_000,
    settings: TradingSettings | None = None,
    prefix: str = "IL",
    instrument: Instrument = INSTRUMENT,
    **changed: Any,
) -> AsyncIterator[Desk]:
    """Start the adapter, and stop it."""
    sinks, gate = Sinks(), FakeGate()
    venue = CcxtTradingVenue(
        exchange.endpoint(timeout=answer_timeout),
        Credentials("account", KEY, SECRET),
        gate,
        history_since=time.time_ns() - 1_000_000_000,
        settings=settings or TradingSettings(scan_interval=3_600.0),
        **changed,
    )
    await venue.start([instrument], sinks)
    try:
        yield Desk(venue, sinks, gate, f"{prefix}{next(_PREFIXES)}x")
    finally:
        await venue.stop()


@asynccontextmanager
async def open_feed(exchange: LocalExchange, kinds: Any, **settings: Any) -> AsyncIterator[tuple[CcxtMarketFeed, Sinks]]:
    """Start a feed, and stop it."""
    sinks = Sinks()
    feed = CcxtMarketFeed(exchange.endpoint(), settings=FeedSettings(**settings))
    await feed.start([INSTRUMENT], kinds, sinks)
    try:
        yield feed, sinks
    finally:
        await feed.stop()
