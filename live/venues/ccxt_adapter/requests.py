"""Requests: every question and order of one account, each as one call of ccxt's, its answer in our terms."""

import time
from collections import OrderedDict
from collections.abc import Iterable

from live.core.effects import SubmitOrder
from live.venues.ccxt_adapter.calls import Call, CallFailedError
from live.venues.ccxt_adapter.client import VenueClient, patient_call
from live.venues.ccxt_adapter.translation import (
    NANOSECONDS_PER_MILLISECOND,
    Catalogue,
    SeenOrder,
    UnreadableAnswerError,
    order_arguments,
    read_balances,
    read_order,
    read_trade,
)
from live.venues.ccxt_adapter.wiring import VenueClock
from live.venues.clock_offset import ClockSample, best_sample, midpoint_sample
from live.venues.protocol import AssetBalance, OwnTrade
from live.venues.request_budget import Priority
from live.venues.taxonomy import FailureClass

CLOCK_SAMPLES = 5
REMEMBERED_ORDERS = 100_000
"""Orders whose ids are kept, so that their executions need no further question."""


class AccountRequests:
    """Ask a venue for one account.

    Attributes:
        client: where requests leave.
        catalogue: the venue's instruments.
    """

    def __init__(self, client: VenueClient, catalogue: Catalogue, clock: VenueClock) -> None:
        self.client = client
        self.catalogue = catalogue
        self._clock = clock
        self._order_ids: OrderedDict[tuple[str, str], str] = OrderedDict()

    def remember(self, instrument_id: str, venue_order_id: str, order_id: str) -> None:
        """Remember under which id of its sender the venue knows an order."""
        self._order_ids[instrument_id, venue_order_id] = order_id
        if len(self._order_ids) > REMEMBERED_ORDERS:
            self._order_ids.popitem(last=False)

    async def place(self, order: SubmitOrder, call: Call) -> SeenOrder:
        """Place an order, once.

        Raises:
            CallFailedError: it failed, or never left.
            UnreadableAnswerError: the venue answered, but nobody knows what.
        """
        dialect = self.client.dialect
        arguments = order_arguments(order, self.catalogue.of(order.instrument_id), dialect.timed_types)
        answer = await self.client.ask(call, self.client.exchange.create_order, *arguments)
        seen = self._seen(answer)
        if (seen.order_id, seen.instrument_id) != (order.order_id, order.instrument_id):
            raise UnreadableAnswerError(f"the answer to {order.order_id} is about {seen.order_id!r} of {seen.instrument_id}")
        return seen

    async def cancel(self, instrument_id: str, order_id: str, call: Call) -> SeenOrder:
        """Take an order off the book.

        Raises:
            CallFailedError: it failed, or never left.
            UnreadableAnswerError: the venue answered, but nobody knows what.
        """
        symbol = self.catalogue.of(instrument_id).symbol
        answer = await self.client.ask(call, self.client.exchange.cancel_order, None, symbol, {"clientOrderId": order_id})
        return self._seen(answer, asked_id=order_id)

    async def cancel_all(self, instrument_id: str) -> None:
        """Take every order of an instrument off the book; nothing open is no error.

        Raises:
            CallFailedError: it failed.
        """
        symbol = self.catalogue.of(instrument_id).symbol
        try:
            await self.client.ask(patient_call(Priority.CANCEL), self.client.exchange.cancel_all_orders, symbol)
        except CallFailedError as error:
            if error.failure_class is not FailureClass.CANCEL_TOO_LATE:
                raise

    async def order(self, instrument_id: str, order_id: str) -> SeenOrder | None:
        """Ask for an order by our id of it; None when the venue denies knowing it.

        Raises:
            CallFailedError: it failed.
            UnreadableAnswerError: the answer cannot be read.
        """
        parameters = {self.client.dialect.query_by_client_id: order_id}
        return await self._order(instrument_id, None, parameters, asked_id=order_id)

    async def order_id_of(self, instrument_id: str, venue_order_id: str) -> str | None:
        """Give the client id of an order by the venue's, empty when its sender gave none; None when the venue denies knowing it.

        Raises:
            CallFailedError: it failed.
            UnreadableAnswerError: the answer cannot be read.
        """
        known = self._order_ids.get((instrument_id, venue_order_id))
        if known is not None:
            return known
        seen = await self.order_of_venue(instrument_id, venue_order_id)
        return None if seen is None else seen.order_id

    async def order_of_venue(self, instrument_id: str, venue_order_id: str) -> SeenOrder | None:
        """Ask for an order by the venue's id of it; None when the venue denies knowing it.

        Raises:
            CallFailedError: it failed.
            UnreadableAnswerError: the answer cannot be read.
        """
        return await self._order(instrument_id, venue_order_id, {}, asked_id=None)

    async def open_orders(self, instrument_id: str | None) -> tuple[SeenOrder, ...]:
        """List the open orders of an instrument, or of the whole account.

        Raises:
            CallFailedError: it failed.
            UnreadableAnswerError: the answer cannot be read.
        """
        symbol = None if instrument_id is None else self.catalogue.of(instrument_id).symbol
        answer = await self.client.ask(patient_call(Priority.RECONCILE), self.client.exchange.fetch_open_orders, symbol)
        return tuple(self._seen(order) for order in _listed(answer))

    async def trades(
        self, instrument_id: str, *, from_id: str | None = None, since: int | None = None, venue_order_id: str | None = None
    ) -> tuple[OwnTrade, ...]:
        """List executions, oldest first: all pages from a trade id on, since a venue time, or of one order.

        Raises:
            CallFailedError: it failed.
            UnreadableAnswerError: an answer cannot be read.
        """
        dialect, symbol = self.client.dialect, self.catalogue.of(instrument_id).symbol
        found: dict[tuple[str, str], OwnTrade] = {}
        start = None if since is None else since // NANOSECONDS_PER_MILLISECOND
        parameters: dict[str, str] = {}
        if from_id is not None:
            parameters[dialect.trades_from_id] = from_id
        if venue_order_id is not None:
            parameters[dialect.trades_of_order] = venue_order_id
        while True:
            call = patient_call(Priority.RECONCILE)
            page = _listed(
                await self.client.ask(call, self.client.exchange.fetch_my_trades, symbol, start, dialect.trades_page, dict(parameters))
            )
            trades = [read_trade(one, self.catalogue) for one in page]
            before = len(found)
            found.update({(trade.trade_id, trade.venue_order_id): trade for trade in trades})
            if len(trades) < dialect.trades_page or len(found) == before:
                return tuple(sorted(found.values(), key=_trade_sequence))
            start = None
            parameters[dialect.trades_from_id] = max(trades, key=_trade_sequence).trade_id

    async def balances(self) -> tuple[AssetBalance, ...]:
        """List what the account has.

        Raises:
            CallFailedError: it failed.
            UnreadableAnswerError: the answer cannot be read.
        """
        return read_balances(await self.client.ask(patient_call(Priority.RECONCILE), self.client.exchange.fetch_balance))

    async def venue_time(self) -> int:
        """Ask for the venue's time, nanoseconds UTC: whatever is asked after this answer is answered no earlier.

        Raises:
            CallFailedError: it failed.
            UnreadableAnswerError: the answer cannot be read.
        """
        return (await self._timed())[0]

    async def sample_clock(self) -> ClockSample:
        """Measure the venue's clock several times, and stamp by the best sample from then on.

        Raises:
            CallFailedError: it failed.
            UnreadableAnswerError: an answer cannot be read.
        """
        samples: list[ClockSample] = []
        for _ in range(CLOCK_SAMPLES):
            venue_time, sent_at, round_trip = await self._timed()
            samples.append(midpoint_sample(sent_at, round_trip, venue_time))
        best = best_sample(samples)
        self._clock.offset = best.offset
        return best

    async def _timed(self) -> tuple[int, int, int]:
        """Give the venue's time, ours when the question left, and how long the answer took."""
        left: list[tuple[int, int]] = []
        call = Call(Priority.RECONCILE, 30.0, lambda: left.append((self._clock.wall(), time.monotonic_ns())))
        answer = await self.client.ask(call, self.client.exchange.fetch_time)
        arrived = time.monotonic_ns()
        if type(answer) is not int or not left:
            raise UnreadableAnswerError(f"the venue's time was expected, received {answer!r}")
        sent_at, started = left[0]
        return answer * NANOSECONDS_PER_MILLISECOND, sent_at, arrived - started

    async def _order(
        self, instrument_id: str, venue_order_id: str | None, parameters: dict[str, str], *, asked_id: str | None
    ) -> SeenOrder | None:
        symbol, call = self.catalogue.of(instrument_id).symbol, patient_call(Priority.RECONCILE)
        try:
            answer = await self.client.ask(call, self.client.exchange.fetch_order, venue_order_id, symbol, parameters)
        except CallFailedError as error:
            if error.failure_class is FailureClass.NOT_FOUND:
                return None
            raise
        seen = self._seen(answer)
        if asked_id is not None and seen.order_id != asked_id:
            raise UnreadableAnswerError(f"{asked_id} was asked for, and {seen.order_id!r} was answered")
        return seen

    def _seen(self, answer: object, *, asked_id: str | None = None) -> SeenOrder:
        seen = read_order(answer, self.catalogue, asked_id=asked_id)
        if asked_id is not None:
            # The answer names another request's id, so whose it is shows by the venue's own id alone.
            known = self._order_ids.get((seen.instrument_id, seen.venue_order_id), asked_id)
            if known != asked_id:
                raise UnreadableAnswerError(f"the answer about {asked_id} is about {known!r}, the venue's {seen.venue_order_id}")
        self.remember(seen.instrument_id, seen.venue_order_id, seen.order_id)
        return seen


def _trade_sequence(trade: OwnTrade) -> tuple[int, int, str]:
    """Order executions by the venue's numbers where they are numbers, and by time where they are not."""
    return (int(trade.trade_id), 0, "") if trade.trade_id.isdigit() else (0, trade.ts_event, trade.trade_id)


def _listed(answer: object) -> Iterable[object]:
    if not isinstance(answer, list):
        raise UnreadableAnswerError(f"a list was expected, received {type(answer).__name__}")
    return answer  # pyright: ignore[reportUnknownVariableType]
