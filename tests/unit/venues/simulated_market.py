"""A simulated venue with its answers, its own small scheduler, and shorthand for market events and orders."""

from heapq import heappop, heappush
from typing import Any

from live.core import inputs, market_events
from live.core.effects import CancelOrder, SubmitOrder
from live.core.instruments import Instrument
from live.core.vocabulary import OrderType, Side, TimeInForce
from live.venues.protocol import OpenGate
from live.venues.sim import SimulatedVenue, SimulationSettings

BTC = Instrument(instrument_id="sim:BTCUSDT", base="BTC", quote="USDT", price_scale=2, quantity_scale=3)
DEFAULT_TIMES = {OrderType.MARKET: TimeInForce.IMMEDIATE_OR_CANCEL}


class Market:
    """Feed a venue as the loop does: what is due before an event, the event, then what is due at its time."""

    def __init__(self, simulation: SimulationSettings | None = None, instrument: Instrument = BTC) -> None:
        self.simulation = simulation or SimulationSettings()
        self.instrument = instrument
        self.answers: list[Any] = []
        self.dues: list[int] = []
        self.now = 0
        self._waiting: list[tuple[int, int, Any]] = []
        self._inserted = 0
        self.venue = SimulatedVenue("sim", {instrument.instrument_id: instrument}, self.simulation, self._schedule, OpenGate())

    def _schedule(self, due: int, item: Any) -> None:
        self._inserted += 1
        heappush(self._waiting, (due, self._inserted, item))

    def run_due(self, now: int) -> None:
        """Do what is due, and keep the answers."""
        while self._waiting and self._waiting[0][0] <= now:
            due, _, item = heappop(self._waiting)
            if callable(item):
                item()
            else:
                self.answers.append(item)
                self.dues.append(due)

    def observe(self, event: Any) -> list[tuple[int, int]]:
        """Feed a market event; give the executions known by then as (price, quantity)."""
        begun = len(self.answers)
        self.run_due(event.ts_init - 1)
        self.venue.observe(event)
        self.now = event.ts_init
        self.run_due(self.now)
        return [(one.price, one.quantity) for one in self.answers[begun:] if isinstance(one, inputs.ExecutionReported)]

    def bar(self, open_: int, high: int, low: int, close: int, volume: int = 1_000, step: int = 60) -> list[tuple[int, int]]:
        """Feed the next bar."""
        now = self.now + step
        return self.observe(market_events.Bar(now, now, self.instrument.instrument_id, open_, high, low, close, volume))

    def quote_bar(self, bids: tuple[int, int, int, int], asks: tuple[int, int, int, int]) -> list[tuple[int, int]]:
        """Feed the next bar of quotes."""
        now = self.now + 60
        return self.observe(market_events.QuoteBar(now, now, self.instrument.instrument_id, *bids, *asks))

    def quote(self, bid: int, bid_quantity: int, ask: int, ask_quantity: int, step: int = 1) -> list[tuple[int, int]]:
        """Feed the next quote."""
        now = self.now + step
        return self.observe(market_events.Quote(now, now, self.instrument.instrument_id, bid, bid_quantity, ask, ask_quantity))

    def trade(self, price: int, quantity: int, aggressor: Side = Side.SELL, step: int = 1) -> list[tuple[int, int]]:
        """Feed the next trade."""
        now = self.now + step
        return self.observe(market_events.Trade(now, now, self.instrument.instrument_id, price, quantity, aggressor))

    def book(self, bids: market_events.Levels, asks: market_events.Levels) -> list[tuple[int, int]]:
        """Feed a snapshot of the book."""
        now = self.now + 1
        return self.observe(market_events.BookSnapshot(now, now, self.instrument.instrument_id, now, bids, asks))

    def submit(self, side: Side, quantity: int, order_id: str = "O1", account: str = "paper", **fields: Any) -> list[Any]:
        """Send an order; its type follows from its prices unless given. Gives the answers to it that are due at once."""
        limit, trigger = fields.get("limit"), fields.get("trigger")
        kinds = {(False, False): OrderType.MARKET, (True, False): OrderType.LIMIT, (False, True): OrderType.STOP}
        kind = fields.get("kind") or kinds.get((limit is not None, trigger is not None), OrderType.STOP_LIMIT)
        time_in_force = fields.get("time_in_force") or DEFAULT_TIMES.get(kind, TimeInForce.GOOD_TILL_CANCELED)
        expires_at, reduce_only = fields.get("expires_at"), fields.get("reduce_only", False)
        order = SubmitOrder(
            order_id, "alpha", account, self.instrument.instrument_id, side, kind, time_in_force, quantity, limit, trigger, expires_at,
            reduce_only,
        )  # fmt: skip
        begun = len(self.answers)
        self.venue.submit(order, self.now)
        self.run_due(self.now)
        return self.answers[begun:]

    def cancel(self, order_id: str) -> list[Any]:
        """Send a cancel; gives the answers that are due at once."""
        begun = len(self.answers)
        self.venue.cancel(CancelOrder(order_id, "paper", self.instrument.instrument_id), self.now)
        self.run_due(self.now)
        return self.answers[begun:]

    def ends(self) -> list[tuple[str, str, str]]:
        """Give how orders were refused or ended, as (kind, order id, reason)."""
        kinds = (inputs.OrderRejected, inputs.OrderExpired, inputs.OrderCanceled, inputs.CancelRejected)
        return [(type(one).__name__, one.order_id, one.reason) for one in self.answers if isinstance(one, kinds)]

    def executions(self) -> list[inputs.ExecutionReported]:
        """Give every execution so far."""
        return [one for one in self.answers if isinstance(one, inputs.ExecutionReported)]
