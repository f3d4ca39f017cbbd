"""Fill scan: the account's trade history, read on from where it was last read; streams are hints, this is the truth."""

import asyncio

from live.venues.ccxt_adapter.reporting import execution, external, is_ours
from live.venues.ccxt_adapter.requests import AccountRequests
from live.venues.ccxt_adapter.translation import SeenOrder, SeenStatus
from live.venues.ccxt_adapter.witnesses import named
from live.venues.errors import VenueCallError
from live.venues.protocol import OwnTrade, VenueSinks


class FillScan:
    """Report every execution of some instruments.

    The history is read again from where the scan before the last one ended: one that shows a trade late shows it then. What is
    reported twice is one execution, by its key.
    """

    def __init__(self, requests: AccountRequests, account_id: str, instrument_ids: tuple[str, ...], since: int, sinks: VenueSinks) -> None:
        """Prepare to scan.

        Args:
            requests: asks the venue.
            account_id: whose executions these are.
            instrument_ids: of what.
            since: venue time from which on executions are reported, nanoseconds UTC.
            sinks: where they are reported.
        """
        self._requests = requests
        self._account_id = account_id
        self._since = since
        self._sinks = sinks
        self._cursors: dict[str, tuple[str | None, str | None]] = dict.fromkeys(instrument_ids, (None, None))
        self._scanning = asyncio.Lock()

    async def scan(self) -> int:
        """Read on in every instrument; gives how many executions were reported.

        Raises:
            VenueCallError: a question got no usable answer; the next scan begins where this one did.
        """
        async with self._scanning:
            return sum([await self._scan(instrument_id) for instrument_id in self._cursors])

    async def _scan(self, instrument_id: str) -> int:
        before, last = self._cursors[instrument_id]
        if before is None:
            trades = await self._requests.trades(instrument_id, since=self._since)
        else:
            trades = await self._requests.trades(instrument_id, from_id=before)
        for trade in trades:
            await self._report(trade)
        self._cursors[instrument_id] = (last, trades[-1].trade_id if trades else last)
        return len(trades)

    async def _report(self, trade: OwnTrade) -> None:
        """Report an execution; that of an order that is not ours as that order's being there, for it is not ours to book."""
        order_id = await self._requests.order_id_of(trade.instrument_id, trade.venue_order_id)
        if order_id is None:
            raise VenueCallError(
                f"trade {trade.trade_id} of {trade.instrument_id} fills order {trade.venue_order_id}, which the venue denies knowing yet"
            )
        if is_ours(order_id):
            self._sinks.answer(execution(named(trade, order_id)))
            return
        stranger = SeenOrder(
            trade.instrument_id, order_id, trade.venue_order_id, trade.side, SeenStatus.FILLED, 0, 0, None, trade.ts_event, "", ()
        )
        self._sinks.answer(external(self._account_id, stranger))
