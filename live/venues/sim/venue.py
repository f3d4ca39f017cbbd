"""A venue in this process that fills orders against bars.

Rules, all pessimistic: a market order fills whole at the next bar's open, moved against us by the slippage (or at the
same bar's close where that is declared). A limit order that the next open already betters takes at that open, slipped
but never beyond its limit. Otherwise it rests, and fills whole at its own price only when a bar trades *through* it: a
low below a buy, a high above a sell; a touch is not a fill. A bar fills an order only if the order was there before the
bar began to be known.

The venue's memory is the journal's: after a restart its open orders are those whose acceptance was recorded.
"""

from collections.abc import Iterable, Mapping

from live.core.effects import CancelOrder, QueryOrder, SubmitOrder
from live.core.inputs import (
    Bar,
    CancelRejected,
    EffectOutcome,
    ExecutionReported,
    MarketEvent,
    OrderAccepted,
    OrderCanceled,
    OrderObserved,
    OrderRejected,
)
from live.core.instruments import Instrument
from live.core.reconciliation import WITNESSES
from live.core.state import Order
from live.core.vocabulary import EffectAction, Liquidity, OrderType, Outcome, Side, TimeInForce
from live.venues.protocol import AnswerSink, Gate
from live.venues.request_log import RequestLog
from live.venues.sim.costs import CostModel
from live.venues.sim.settings import FillPrice

_SUPPORTED = (  # type, time in force, and whether there is a limit price
    (OrderType.MARKET, TimeInForce.IMMEDIATE_OR_CANCEL, False),
    (OrderType.LIMIT, TimeInForce.GOOD_TILL_CANCELED, True),
)


class _Resting:
    __slots__ = ("order", "remaining", "rested")

    def __init__(self, order: SubmitOrder, remaining: int, *, rested: bool) -> None:
        self.order = order
        self.remaining = remaining
        self.rested = rested


class SimulatedVenue:
    """Fill orders against the bars it observes."""

    def __init__(
        self,
        venue_id: str,
        instruments: Mapping[str, Instrument],
        costs: CostModel,
        answer: AnswerSink,
        gate: Gate,
        *,
        fill_price: FillPrice = FillPrice.NEXT_OPEN,
        request_log: RequestLog | None = None,
    ) -> None:
        self.venue_id = venue_id
        self._instruments = instruments
        self._costs = costs
        self._answer = answer
        self._gate = gate
        self._fill_price = fill_price
        self._request_log = request_log
        self._resting: dict[str, dict[str, _Resting]] = {instrument_id: {} for instrument_id in instruments}
        self._last_bar: dict[str, Bar] = {}

    def restore(self, orders: Iterable[Order]) -> None:
        """Take back the orders whose acceptance was recorded before a restart."""
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
            self._resting[order.instrument_id][order.order_id] = _Resting(submitted, order.remaining, rested=True)

    def submit(self, order: SubmitOrder, now: int) -> None:
        """Take an order through the gate, accept or reject it, and let it wait for a bar."""
        if not self._pass_gate(order, EffectAction.SUBMIT, now):
            return
        reason = self._rejection(order)
        if reason is not None:
            self._answer(now, OrderRejected(now, now, order.order_id, reason))
            return
        self._answer(now, OrderAccepted(now, now, order.order_id, _venue_order_id(order.order_id)))
        resting = _Resting(order, order.quantity, rested=False)
        last = self._last_bar.get(order.instrument_id)
        if self._fill_price is FillPrice.SAME_CLOSE and last is not None and self._take(resting, last.close, last.ts_event, now):
            return
        self._resting[order.instrument_id][order.order_id] = resting

    def cancel(self, request: CancelOrder, now: int) -> None:
        """Take an order off the book, or say that it is not there."""
        if not self._pass_gate(request, EffectAction.CANCEL, now):
            return
        book = self._resting.get(request.instrument_id, {})
        if book.pop(request.order_id, None) is None:
            self._answer(now, CancelRejected(now, now, request.order_id, "Unknown order sent."))
        else:
            self._answer(now, OrderCanceled(now, now, request.order_id, "canceled on request"))

    def query(self, request: QueryOrder, now: int) -> None:
        """Answer from every witness whether the order works; nothing is ever in flight here, so the fence has always passed."""
        found = request.order_id in self._resting.get(request.instrument_id, {})
        for endpoint in WITNESSES:
            self._answer(now, OrderObserved(now, request.order_id, endpoint, found, now, now, now - 1))

    def observe(self, event: MarketEvent) -> None:
        """Fill what this bar fills, before the engine sees the bar."""
        if not isinstance(event, Bar):
            return
        instrument_id = event.instrument_id
        book = self._resting.get(instrument_id)
        if not book:
            self._last_bar[instrument_id] = event
            return
        previous = self._last_bar.get(instrument_id)
        self._last_bar[instrument_id] = event
        opened = event.ts_event if previous is None else previous.ts_event
        for order_id, resting in list(book.items()):
            if self._match(resting, event, opened):
                del book[order_id]
            else:
                resting.rested = True

    def open_order_ids(self) -> list[str]:
        """List the orders on the book, in order of arrival within an instrument."""
        return [order_id for book in self._resting.values() for order_id in book]

    def _match(self, resting: _Resting, bar: Bar, opened: int) -> bool:
        order, limit = resting.order, resting.order.limit_price
        if (limit is None or not resting.rested) and self._take(resting, bar.open, opened, bar.ts_init):
            return True
        if limit is None:
            return False
        through = bar.low < limit if order.side is Side.BUY else bar.high > limit
        if through:
            self._execute(resting, limit, Liquidity.MAKER, bar.ts_event, bar.ts_init)
        return through

    def _take(self, resting: _Resting, quoted: int, ts_event: int, now: int) -> bool:
        """Fill a market order, or a limit order that the quoted price satisfies, as a taker."""
        order = resting.order
        price = self._costs.slipped(quoted, order.side, self._instruments[order.instrument_id])
        limit = order.limit_price
        if order.order_type is OrderType.LIMIT and limit is not None:
            if quoted >= limit if order.side is Side.BUY else quoted <= limit:
                return False
            price = min(price, limit) if order.side is Side.BUY else max(price, limit)
        self._execute(resting, price, Liquidity.TAKER, ts_event, now)
        return True

    def _execute(self, resting: _Resting, price: int, liquidity: Liquidity, ts_event: int, now: int) -> None:
        order = resting.order
        instrument = self._instruments[order.instrument_id]
        fee = self._costs.fee(instrument.notional(price, resting.remaining), liquidity)
        self._answer(
            now,
            ExecutionReported(
                now,
                ts_event,
                order.order_id,
                _venue_order_id(order.order_id),
                f"T{order.order_id}",
                price,
                resting.remaining,
                fee,
                instrument.quote,
                liquidity,
            ),
        )

    def _pass_gate(self, request: SubmitOrder | CancelOrder, action: EffectAction, now: int) -> bool:
        refusal = self._gate.refusal(request)
        if refusal is not None:
            self._answer(now, EffectOutcome(now, request.order_id, action, Outcome.REFUSED, refusal))
            return False
        if self._request_log is not None:
            self._request_log.write(action, request.order_id, now)
        self._answer(now, EffectOutcome(now, request.order_id, action, Outcome.SENT, ""))
        return True

    def _rejection(self, order: SubmitOrder) -> str | None:
        """Say why the venue does not take an order, in the words that Binance Spot has for it."""
        instrument = self._instruments.get(order.instrument_id)
        if instrument is None:
            return "Invalid symbol."
        if order.order_id in self._resting[order.instrument_id]:
            return "Duplicate order sent."
        if (order.order_type, order.time_in_force, order.limit_price is not None) not in _SUPPORTED:
            return "Unsupported order combination."
        if (
            order.quantity < instrument.minimum_quantity
            or order.quantity % instrument.lot_size
            or order.quantity > instrument.maximum_quantity
        ):
            return "Filter failure: LOT_SIZE"
        if order.limit_price is not None and (order.limit_price <= 0 or order.limit_price % instrument.tick_size):
            return "Filter failure: PRICE_FILTER"
        return None


def _venue_order_id(order_id: str) -> str:
    return f"V{order_id}"
