"""Fill scan: the account's trade history, read on from where it was last read; streams are hints, this is the truth."""

import asyncio
from collections.abc import Callable

from live.venues.ccxt_adapter.reporting import execution, external, is_ours
from live.venues.ccxt_adapter.requests import AccountRequests
from live.venues.ccxt_adapter.witnesses import named
from live.venues.errors import VenueCallError
from live.venues.protocol import VenueSinks


class FillScan:
    """Report every execution of some instruments.

    The history is read again from where the scan before the last one ended: one that shows a trade late shows it then. What the scan
    before showed too is not told again: of an account that rests for days that would be an execution of an order long forgotten.
    """

    def __init__(
        self,
        requests: AccountRequests,
        account_id: str,
        instrument_ids: tuple[str, ...],
        since: int,
        sinks: VenueSinks,
        *,
        recognises: Callable[[str], bool] = is_ours,
        strangers_since: int = 0,
    ) -> None:
        """Prepare to scan.

        Args:
            requests: asks the venue.
            account_id: whose executions these are.
            instrument_ids: of what.
            since: venue time from which on executions are reported, nanoseconds UTC.
            sinks: where they are reported.
            recognises: tells by an order's id whether it is known here; any other is somebody else's.
            strangers_since: venue time from which on it is news that somebody else traded, nanoseconds UTC.
        """
        self._requests = requests
        self._account_id = account_id
        self._since = since
        self._sinks = sinks
        self._recognises = recognises
        self._strangers_since = strangers_since
        self._told: dict[str, set[tuple[str, str]]] = {}
        self._cursors: dict[str, tuple[str | None, str | None]] = dict.fromkeys(instrument_ids, (None, None))
        self._scanning = asyncio.Lock()

    async def scan(self) -> int:
        """Read on in every instrument; gives how many executions were reported.

        Raises:
            VenueCallError: a question got no usable answer, or an execution fills an order that the venue denies knowing yet; what could
                be reported was, and the next scan begins where this one did.
        """
        async with self._scanning:
            found = [await self._scan(instrument_id) for instrument_id in self._cursors]
        unexplained = [said for _, said in found if said]
        if unexplained:
            raise VenueCallError("; ".join(unexplained))
        return sum(count for count, _ in found)

    async def _scan(self, instrument_id: str) -> tuple[int, str]:
        """Read on in one instrument; gives how many executions were reported, and which were not."""
        before, last = self._cursors[instrument_id]
        if before is None:
            trades = await self._requests.trades(instrument_id, since=self._since)
        else:
            trades = await self._requests.trades(instrument_id, from_id=before)
        strangers: set[str] = set()
        unexplained: list[str] = []
        told_before, told = self._told.get(instrument_id, set()), set[tuple[str, str]]()
        found = 0
        for trade in trades:
            key = (trade.trade_id, trade.venue_order_id)
            if key in told_before:
                told.add(key)
                continue
            order_id = await self._requests.order_id_of(instrument_id, trade.venue_order_id)
            if order_id is None:
                unexplained.append(
                    f"trade {trade.trade_id} of {instrument_id} fills {trade.venue_order_id}, which the venue denies knowing"
                )
                continue
            if self._recognises(order_id):
                self._sinks.answer(execution(named(trade, order_id)))
                found += 1
            elif trade.ts_event >= self._strangers_since:
                strangers.add(trade.venue_order_id)
                found += 1
            told.add(key)
        for venue_order_id in sorted(strangers):
            await self._report_stranger(instrument_id, venue_order_id)
        self._told[instrument_id] = told
        if not unexplained:
            self._cursors[instrument_id] = (last, trades[-1].trade_id if trades else last)
        return found, "; ".join(unexplained)

    async def _report_stranger(self, instrument_id: str, venue_order_id: str) -> None:
        """Report an order that is not ours as it is now; its executions are not ours to book."""
        seen = await self._requests.order_of_venue(instrument_id, venue_order_id)
        if seen is not None:
            self._sinks.answer(external(self._account_id, seen))
