"""A venue in this process: takes requests through the gate, matches them with the market it observes, and answers when answers are due.

How orders meet bars, quotes, trades and books is said in the modules named `matching_...`; what is refused in `filters`, what is
charged in `costs`, how late everything is in `latency`. A request arrives after its delay and is judged by the market at that time.
An order that travelled fills on the first market data from its arrival on: a quote, trade or book of that time, or the first bar that
opens then or later.

The venue's memory is the journal's: after a restart its open orders are those whose acceptance was recorded, with what is left of
them, and its positions are those of the ledger. A stop that triggered is known by its new venue order id. What the journal does not
hold begins anew, on the dearer side: an order's place in the queue, what our fills took from levels, the volume that fee tiers count,
and whether a limit order had met a bar's open: it counts as resting.
"""

from collections.abc import Callable, Iterable, Mapping, Sequence
from functools import partial
from types import MethodType
from typing import Any

from msgspec.structs import replace

from live.core.effects import CancelOrder, QueryOrder, SubmitOrder
from live.core.entities import Order
from live.core.inputs import (
    Bar,
    CancelRejected,
    EffectOutcome,
    ExecutionReported,
    FundingPaid,
    MarketEvent,
    OrderAccepted,
    OrderCanceled,
    OrderObserved,
    OrderRejected,
    VenueReport,
)
from live.core.instruments import Instrument
from live.core.market_events import BookDelta, BookSnapshot, FundingRate, Quote, QuoteBar, Trade
from live.core.reconciliation import TRADES, WITNESSES
from live.core.vocabulary import EffectAction, InstrumentKind, Liquidity, Outcome, TimeInForce
from live.venues.protocol import Gate, Observer, VenueSink
from live.venues.request_log import RequestLog
from live.venues.sim.fees import CostModelFees, FeeModel
from live.venues.sim.filters import rejection
from live.venues.sim.funding import funding_amount
from live.venues.sim.latency import Delay
from live.venues.sim.matcher import Matcher
from live.venues.sim.matching_bars import bar_observer, on_quote_bar
from live.venues.sim.matching_book import on_book
from live.venues.sim.matching_quotes import on_quote
from live.venues.sim.matching_trades import trade_observer
from live.venues.sim.settings import SimulationSettings
from live.venues.sim.standing import begins_triggered, meet_standing
from live.venues.sim.working import WorkingOrder

# Names of their own: on the way of every order, and an enumeration looks its members up by a descriptor.
_SUBMIT, _CANCEL = EffectAction.SUBMIT, EffectAction.CANCEL
_SENT, _REFUSED = Outcome.SENT, Outcome.REFUSED
_GTD = TimeInForce.GOOD_TILL_DATE

_OBSERVERS: dict[type[MarketEvent], Callable[[Matcher], Callable[[Any], None]]] = {
    Bar: bar_observer,
    Trade: trade_observer,
    # Bound methods, and no partials: Python calls them without a detour through C.
    QuoteBar: partial(MethodType, on_quote_bar),
    Quote: partial(MethodType, on_quote),
    BookSnapshot: partial(MethodType, on_book),
    BookDelta: partial(MethodType, on_book),
}
"""What makes the observer of a kind of event for an instrument."""


class SimulatedVenue:
    """Match orders with the market events it observes."""

    def __init__(
        self,
        venue_id: str,
        instruments: Mapping[str, Instrument],
        simulation: SimulationSettings,
        answer: VenueSink,
        gate: Gate,
        *,
        fees: FeeModel | None = None,
        request_log: RequestLog | None = None,
    ) -> None:
        """Open the venue.

        Args:
            venue_id: its name, as in its instruments' ids.
            instruments: what it trades; other venues' instruments among them do no harm.
            simulation: its rules.
            answer: takes answers and wake-ups with the engine time at which they are due.
            gate: asked before every order and cancel.
            fees: what executions cost; the cost model of the rules unless given.
            request_log: where requests that cross are written down.
        """
        self.venue_id = venue_id
        self._simulation = simulation
        self._latency = None if simulation.latency.is_zero else simulation.latency
        self._answer = answer
        self._gate = gate
        self._fees = CostModelFees(simulation.costs) if fees is None else fees
        self._request_log = request_log
        self._matchers = {instrument_id: Matcher(instrument, simulation, self) for instrument_id, instrument in instruments.items()}
        self._travelling: dict[str, int] = {}
        self._sequence = 0
        self._last_answer = 0

    def restore(self, orders: Iterable[Order], positions: Mapping[tuple[str, str], int] | None = None) -> None:
        """Take back the orders whose acceptance was recorded before a restart, and every account's net positions.

        A stop that had filled in part goes on as what it had become; one that had triggered and not filled is a stop again.

        Args:
            orders: orders that rest here, in the order in which they were sent.
            positions: signed quantity units by account and instrument; other venues' instruments among them do no harm.
        """
        for (account_id, instrument_id), position in (positions or {}).items():
            if instrument_id in self._matchers:
                self._matchers[instrument_id].positions[account_id] = position
        for order in orders:
            submitted = SubmitOrder(
                order.order_id,
                order.strategy_id,
                order.account_id,
                order.instrument_id,
                order.side,
                order.order_type,
                order.time_in_force,
                order.quantity,
                order.limit_price,
                order.trigger_price,
                order.expires_at,
                order.reduce_only,
            )
            self._sequence += 1
            matcher = self._matchers[order.instrument_id]
            working = matcher.take_on(submitted, order.remaining, self._sequence)
            if working.is_stop and order.filled_quantity:
                working.mark_triggered()
            if working.is_stop or (working.limit is not None and not working.at_once):
                matcher.rest(working)
            self._schedule_expiry(matcher, working)

    def submit(self, order: SubmitOrder, now: int) -> None:
        """Take an order through the gate and on its way."""
        if not self._pass_gate(order, _SUBMIT, now):
            return
        latency = self._latency
        if latency is None:
            self._arrive(order, now, None)
            return
        delay = self._delay(latency.submit, order.order_id, "submit") + self._lead(order.order_id)
        if delay:
            self._travelling[order.order_id] = now + delay
            self._answer(now + delay, partial(self._arrive, order, now + delay, now + delay))
        else:
            self._arrive(order, now, None)

    def cancel(self, request: CancelOrder, now: int) -> None:
        """Take a cancel through the gate and on its way."""
        if not self._pass_gate(request, _CANCEL, now):
            return
        latency = self._latency
        delay = 0 if latency is None else self._delay(latency.cancel, request.order_id, "cancel") + self._lead(request.order_id)
        if delay:
            self._answer(now + delay, partial(self._take_off, request, now + delay))
        else:
            self._take_off(request, now)

    def query(self, request: QueryOrder, now: int) -> None:
        """Answer from every witness whether the order works; one that is still on its way keeps the fence ahead of the venue's time.

        Where answers take time, the trade history is asked once the answers before it are there, else its word would count for nothing.
        """
        if self._latency is None:
            self._look_up(request, WITNESSES, now, now)
            return
        delay = self._delay(self._latency.cancel, request.order_id, f"query:{now}") + self._lead(request.order_id)
        self._answer(now + delay, partial(self._look_up_in_turn, request, now, now + delay))

    def observe(self, event: MarketEvent) -> None:
        """Fill what a market event fills, before the engine sees it."""
        observe = self.observer(type(event), event.instrument_id)
        if observe is not None:
            observe(event)

    def observer(self, kind: type[MarketEvent], instrument_id: str) -> Observer | None:
        """Give what a kind of event does to an instrument here; None when that is nothing."""
        matcher = self._matchers.get(instrument_id)
        if matcher is None:
            return None
        if kind is FundingRate:
            return partial(self._pay_funding, matcher)  # pyright: ignore[reportReturnType] - of that kind only
        make = _OBSERVERS.get(kind)
        return None if make is None else make(matcher)

    def open_order_ids(self) -> list[str]:
        """List the orders at the venue, in order of arrival within an instrument."""
        return [order_id for matcher in self._matchers.values() for order_id in matcher.orders]

    def remaining(self, order_id: str) -> int:
        """Give what is left of an order at the venue, in quantity units; 0 when it is not there."""
        for matcher in self._matchers.values():
            if order_id in matcher.orders:
                return matcher.orders[order_id].remaining
        return 0

    def position(self, account_id: str, instrument_id: str) -> int:
        """Give an account's net position by the executions here, in signed quantity units."""
        matcher = self._matchers.get(instrument_id)
        return 0 if matcher is None else matcher.positions.get(account_id, 0)

    def execute(
        self, order: WorkingOrder, instrument: Instrument, price: int, quantity: int, liquidity: Liquidity, ts_event: int, now: int
    ) -> None:
        """Report an execution, of an order whose remaining quantity still counts it."""
        asked = order.order
        before = asked.quantity - order.remaining
        fee, fee_asset = self._fees.charge(instrument, asked, price, quantity, liquidity, before, now)
        # What had filled with it, and not a counter, tells executions of one order apart: a restart knows it too.
        trade_id = f"T{order.order_id}" if quantity == asked.quantity else f"T{order.order_id}-{before + quantity}"
        due = now if self._latency is None else self._due(order.order_id, trade_id, now)
        self._answer(
            due,
            ExecutionReported(due, ts_event, order.order_id, order.venue_order_id, trade_id, price, quantity, fee, fee_asset, liquidity),
        )

    def tell(self, order: WorkingOrder, report: VenueReport, now: int) -> None:
        """Report anything else about an order."""
        self._tell(order.order_id, report, now)

    def _arrive(self, order: SubmitOrder, now: int, arrival: int | None) -> None:
        """Accept or reject an order, and let it meet what the market shows; `arrival` is `now` when it travelled, else None."""
        if arrival is not None:
            self._travelling.pop(order.order_id, None)
        matcher = self._matchers.get(order.instrument_id)
        reason = rejection(order, matcher, now)
        if reason is not None or matcher is None:
            self._tell(order.order_id, OrderRejected(now, now, order.order_id, reason or "Invalid symbol."), now)
            return
        self._sequence += 1
        working = matcher.take_on(order, order.quantity, self._sequence, arrival)
        if working.is_stop and begins_triggered(matcher, working):
            working.mark_triggered()
        accepted = OrderAccepted(now, now, order.order_id, working.venue_order_id)
        if self._latency is None:
            self._answer(now, accepted)
        else:
            self._tell(order.order_id, accepted, now)
        if order.expires_at is not None:
            self._schedule_expiry(matcher, working)
        # Asked before the call: between bars nothing stands.
        if matcher.trade is not None or matcher.quote is not None or matcher.book is not None or matcher.meets_close:
            meet_standing(matcher, working, now)

    def _take_off(self, request: CancelOrder, now: int) -> None:
        matcher = self._matchers.get(request.instrument_id)
        working = None if matcher is None else matcher.orders.get(request.order_id)
        if matcher is None or working is None:
            self._tell(request.order_id, CancelRejected(now, now, request.order_id, "Unknown order sent."), now)
        else:
            matcher.remove(working)
            self._tell(request.order_id, OrderCanceled(now, now, request.order_id, "canceled on request", working.filled), now)

    def _look_up(self, request: QueryOrder, endpoints: Sequence[str], asked_at: int, now: int) -> None:
        matcher = self._matchers.get(request.instrument_id)
        found = matcher is not None and request.order_id in matcher.orders
        fence = self._travelling.get(request.order_id, now - 1)
        for endpoint in endpoints:
            read_at = now + (endpoint == TRADES)  # the trade history is read last, and has to be known to be
            self._tell(request.order_id, OrderObserved(now, request.order_id, endpoint, found, asked_at, read_at, fence), now)

    def _look_up_in_turn(self, request: QueryOrder, asked_at: int, now: int) -> None:
        self._look_up(request, WITNESSES[:-1], asked_at, now)
        answered = self._last_answer
        self._answer(answered, partial(self._look_up, request, WITNESSES[-1:], answered, answered))

    def _schedule_expiry(self, matcher: Matcher, working: WorkingOrder) -> None:
        expires_at = working.order.expires_at
        if working.order.time_in_force is _GTD and expires_at is not None:
            self._answer(expires_at, partial(_expire, matcher, working, expires_at))

    def _pay_funding(self, matcher: Matcher, rate: FundingRate) -> None:
        instrument = matcher.instrument
        if instrument.kind is not InstrumentKind.PERPETUAL:
            return
        instrument_id = instrument.instrument_id
        for account_id, position in sorted(matcher.positions.items()):
            if position:
                amount = funding_amount(instrument, position, rate)
                paid = FundingPaid(rate.ts_init, rate.ts_event, account_id, instrument_id, amount, f"F{rate.ts_event}")
                self._tell(f"F{rate.ts_event}:{account_id}:{instrument_id}", paid, rate.ts_init)

    def _pass_gate(self, request: SubmitOrder | CancelOrder, action: EffectAction, now: int) -> bool:
        refusal = self._gate.refusal(request)
        if refusal is not None:
            self._answer(now, EffectOutcome(now, request.order_id, action, _REFUSED, refusal))
            return False
        if self._request_log is not None:
            self._request_log.write(action, request.order_id, now)
        self._answer(now, EffectOutcome(now, request.order_id, action, _SENT, ""))
        return True

    def _tell(self, subject: str, report: VenueReport, now: int) -> None:
        if self._latency is None:
            self._answer(now, report)
        else:
            due = self._due(subject, type(report).__name__, now)
            self._answer(due, replace(report, ts_init=due))

    def _due(self, subject: str, what: str, now: int) -> int:
        """Give when we learn what happened at the venue: answers come one after the other, as on one stream."""
        assert self._latency is not None
        delay = self._delay(self._latency.answer, subject, f"answer:{what}:{now}")
        self._last_answer = max(self._last_answer, now + max(0, delay - self._lead(subject)))
        return self._last_answer

    def _lead(self, subject: str) -> int:
        """Give how far the venue's market is ahead of the one we see, nanoseconds."""
        return 0 if self._latency is None else self._delay(self._latency.market_data, subject, "market_data")

    def _delay(self, delay: Delay, subject: str, leg: str) -> int:
        return delay.draw(self._simulation.seed, subject, leg)


def _expire(matcher: Matcher, working: WorkingOrder, now: int) -> None:
    """End an order at the time it named, unless it ended before."""
    if matcher.orders.get(working.order_id) is working:
        matcher.expire(working, "GTD", now, now)
