"""Witnesses: what the venue knows of an order whose fate is in doubt, asked endpoint by endpoint, each in its turn.

The order by our id, then the open orders, then the trade history: the last counts only when it was read after the open orders had
denied the order. The venue stamps none of these answers, so its time is asked for before each of them: an answer is no older
than that. An order that is found is followed to its executions; one that ended is reported as its end.
"""

from live.core.effects import QueryOrder
from live.core.inputs import OrderAccepted, OrderObserved
from live.core.reconciliation import BY_ID, OPEN_ORDERS, TRADES
from live.venues.ccxt_adapter.reporting import end_of, execution
from live.venues.ccxt_adapter.requests import AccountRequests
from live.venues.ccxt_adapter.translation import SeenOrder, SeenStatus
from live.venues.protocol import OwnTrade, VenueSinks

HISTORY_MARGIN = 60_000_000_000
"""The trade history is read from this long before the order left, nanoseconds: clocks differ."""


class Witnesses:
    """Ask about one order at a time, at most one round of questions under way for each."""

    def __init__(self, requests: AccountRequests, sinks: VenueSinks) -> None:
        self._requests = requests
        self._sinks = sinks
        self._asking: set[str] = set()

    async def ask(self, query: QueryOrder, asked_at: int, fence: int) -> None:
        """Ask every witness until one knows the order; what cannot be asked or read says nothing.

        Args:
            query: the order.
            asked_at: engine time of the question.
            fence: venue time after which the order can no longer be newly accepted, nanoseconds UTC.

        Raises:
            VenueCallError: a question got no usable answer; those before it were reported.
        """
        if query.order_id in self._asking:
            return
        self._asking.add(query.order_id)
        try:
            await self._ask(query, asked_at, fence)
        finally:
            self._asking.discard(query.order_id)

    async def _ask(self, query: QueryOrder, asked_at: int, fence: int) -> None:
        requests, order_id, instrument_id = self._requests, query.order_id, query.instrument_id
        read_at = await requests.venue_time()
        found = await requests.order(instrument_id, order_id)
        if found is not None:
            await self._report(found, BY_ID, asked_at, read_at, fence)
            return
        self._deny(order_id, BY_ID, asked_at, read_at, fence)
        read_at = await requests.venue_time()
        found = next((one for one in await requests.open_orders(instrument_id) if one.order_id == order_id), None)
        if found is not None:
            await self._report(found, OPEN_ORDERS, asked_at, read_at, fence)
            return
        self._deny(order_id, OPEN_ORDERS, asked_at, read_at, fence)
        read_at = await requests.venue_time()
        trades = await self._trades_of(query)
        if trades is None:
            return
        for trade in trades:
            self._sinks.answer(execution(trade))
        if not trades:
            self._deny(order_id, TRADES, asked_at, read_at, fence)

    async def _trades_of(self, query: QueryOrder) -> tuple[OwnTrade, ...] | None:
        """List the executions of an order that only the history may know; None when one of them could be its without anybody knowing.

        The history names orders by the venue's ids, so each of those that is not known yet is asked for.
        """
        since = max(0, query.submitted_at - HISTORY_MARGIN)
        history = await self._requests.trades(query.instrument_id, since=since)
        names = {
            venue_order_id: await self._requests.order_id_of(query.instrument_id, venue_order_id)
            for venue_order_id in dict.fromkeys(trade.venue_order_id for trade in history)
        }
        if None in names.values():
            return None
        return tuple(named(trade, query.order_id) for trade in history if names[trade.venue_order_id] == query.order_id)

    async def _report(self, order: SeenOrder, endpoint: str, asked_at: int, read_at: int, fence: int) -> None:
        """Report an order that is there: its executions first, so that its end does not have to wait for them."""
        answer = self._sinks.answer
        if order.executed_quantity:
            trades = await self._requests.trades(order.instrument_id, venue_order_id=order.venue_order_id)
            for trade in trades:
                answer(execution(named(trade, order.order_id)))
        if order.status is SeenStatus.WORKING:
            answer(OrderObserved(0, order.order_id, endpoint, True, asked_at, read_at, fence))
            answer(OrderAccepted(0, order.ts_event, order.order_id, order.venue_order_id))
            return
        end = end_of(order)
        if end is not None:
            answer(end)

    def _deny(self, order_id: str, endpoint: str, asked_at: int, read_at: int, fence: int) -> None:
        self._sinks.answer(OrderObserved(0, order_id, endpoint, False, asked_at, read_at, fence))


def named(trade: OwnTrade, order_id: str) -> OwnTrade:
    """Give an execution the client id of its order, which the history leaves out."""
    return OwnTrade(
        trade.instrument_id,
        trade.trade_id,
        trade.venue_order_id,
        order_id,
        trade.side,
        trade.price,
        trade.quantity,
        trade.fee,
        trade.fee_asset,
        trade.liquidity,
        trade.ts_event,
    )
