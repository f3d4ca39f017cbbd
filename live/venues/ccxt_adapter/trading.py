"""Trading: one account's orders at a venue.

Each request is a task of its own. An order is sent once; what becomes of a failed one is decided by the taxonomy from what is known of it,
and never by sending it again. The account's stream is followed by a task that only hands on what it receives; whenever it had
to be opened anew, and every few seconds, the trade history is read on, since streams are hints.
"""

import asyncio
import time
from collections import deque
from collections.abc import Awaitable, Callable, Collection, Coroutine, Mapping
from typing import Any, TypeVar

import msgspec
import structlog

from live.core.effects import CancelOrder, QueryOrder, SubmitOrder
from live.core.errors import InterlockError
from live.core.inputs import CancelRejected, EffectOutcome, MarketEvent, OrderRejected
from live.core.instruments import Instrument
from live.core.vocabulary import EffectAction, Outcome
from live.venues.capabilities import Capabilities
from live.venues.ccxt_adapter.calls import Call, CallFailedError, GateClosedError
from live.venues.ccxt_adapter.client import Credentials, Endpoint, VenueClient, patient_call
from live.venues.ccxt_adapter.fill_scan import FillScan
from live.venues.ccxt_adapter.frames import EndOfStream, OrderFrame
from live.venues.ccxt_adapter.reporting import end_of, is_ours, placed, streamed
from live.venues.ccxt_adapter.requests import AccountRequests
from live.venues.ccxt_adapter.translation import Catalogue
from live.venues.ccxt_adapter.wiring import VenueClock
from live.venues.ccxt_adapter.witnesses import Witnesses, named
from live.venues.clock_offset import ClockSample
from live.venues.errors import VenueCallError
from live.venues.protocol import AssetBalance, Gate, OpenOrder, OwnTrade, TradingSinks
from live.venues.request_budget import BudgetQueue, Priority, RequestBudget
from live.venues.request_log import RequestLog
from live.venues.taxonomy import MEANINGS, Becomes, FailureClass, Remedy

REMEMBERED_FAILURES = 100

log = structlog.get_logger()

_Answer = TypeVar("_Answer")
_NEVER = 2**62
_SECOND = 1_000_000_000
_MILLISECOND = 1_000_000


class TradingSettings(msgspec.Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """Bound how long things may take.

    Attributes:
        order_patience: how long an order may wait for its turn before it is given up unsent, seconds.
        cancel_patience: the same for a cancel.
        scan_interval: time between two readings of the trade history, seconds.
        reconnect_wait: shortest time between two attempts to open the account's stream, seconds; doubles up to 30.
        engine_timeout: how long the venue may work on a request that it took, nanoseconds.
        read_lag: how far its answers may lag behind its orders, nanoseconds.
        future_allowance: how far ahead of its clock the venue takes a stamp, nanoseconds.
    """

    order_patience: float = 1.0
    cancel_patience: float = 10.0
    scan_interval: float = 10.0
    reconnect_wait: float = 0.2
    engine_timeout: int = 10 * _SECOND
    read_lag: int = 1 * _SECOND
    future_allowance: int = 1 * _SECOND


class CcxtTradingVenue:
    """Trade for one account through ccxt.

    Attributes:
        venue_id: the venue's name, as in its instruments' ids.
        account_id: the account whose orders these are.
        capabilities: what the venue can do.
        unanswered: questions of its own that lately got no usable answer and why, the newest last.
    """

    def __init__(  # noqa: PLR0913 - what it may not know itself is told
        self,
        endpoint: Endpoint,
        credentials: Credentials,
        gate: Gate,
        *,
        history_since: int,
        request_log: RequestLog | None = None,
        settings: TradingSettings | None = None,
        budget: RequestBudget | None = None,
        wall: Callable[[], int] = time.time_ns,
        recognises: Callable[[str], bool] = is_ours,
        strangers_since: int = 0,
    ) -> None:
        """Describe the venue; nothing is opened before `start`.

        Args:
            endpoint: where it is.
            credentials: the account and its key.
            gate: asked when a connection stands and a request's first byte is about to be written.
            history_since: venue time from which on executions are reported, nanoseconds UTC: not before the oldest order that is kept.
            request_log: where requests that cross are written down, in the same moment.
            settings: how long things may take.
            budget: what all who ask this venue from here share; one of its own unless given.
            wall: our clock, nanoseconds UTC.
            recognises: tells by its id whether an order is one that this program's journal knows; any other is somebody else's.
            strangers_since: venue time from which on it is news that somebody else traded, nanoseconds UTC.
        """
        self.venue_id = endpoint.venue_id
        self.account_id = credentials.account_id
        self._endpoint = endpoint
        self._dialect = endpoint.dialect
        self._credentials = credentials
        self._gate = gate
        self._history_since = history_since
        self._request_log = request_log
        self._settings = settings or TradingSettings()
        self._recognises = recognises
        self._strangers_since = strangers_since
        self._clock = VenueClock(wall)
        self._queue = BudgetQueue(budget or RequestBudget(endpoint.dialect.limits), self._clock.now)
        self._tasks: set[asyncio.Task[None]] = set()
        self._signed_at: dict[str, int] = {}  # orders that may still leave, and those of unknown fate: by when they were signed
        self._sample: ClockSample | None = None
        self.unanswered: deque[str] = deque(maxlen=REMEMBERED_FAILURES)
        self._running: _Running | None = None
        self._unread: dict[str, str] = {}

    @property
    def capabilities(self) -> Capabilities:
        """Say what the venue can do."""
        return self._dialect.capabilities

    async def start(self, instruments: Collection[Instrument], sinks: TradingSinks) -> None:
        """Connect, measure the clock, open the account's stream, and read the trade history.

        Raises:
            VenueCallError: the venue cannot be reached, refuses the key, or does not list an instrument.
        """
        client = _AccountClient(self._endpoint, self._credentials, self._queue, self._clock, self._on_message)
        client.sinks = sinks
        try:
            markets = await client.ask(patient_call(Priority.RECONCILE), client.exchange.load_markets)
            catalogue = Catalogue(self.venue_id, markets.values(), instruments)
            self._say_what_is_left_out(catalogue.unread)
            requests = AccountRequests(client, catalogue, self._clock)
            ids = tuple(instrument.instrument_id for instrument in instruments)
            scan = FillScan(
                requests,
                self.account_id,
                ids,
                self._history_since,
                sinks,
                recognises=self._recognises,
                strangers_since=self._strangers_since,
            )
            self._running = _Running(client, requests, catalogue, sinks, Witnesses(requests, sinks), scan, tuple(instruments))
            await self.sample_clock()
            await requests.balances()  # a refused key is explained here; what a stream says of it gets lost in ccxt
            await self._open_stream()
            await scan.scan()
        except BaseException:
            self._running = None
            await client.close()
            raise
        self._spawn(self._follow_stream())
        self._spawn(self._scan_regularly())

    async def stop(self) -> None:
        """End every task and close every socket; what became of a request that is still under way, its task says on its way out."""
        running = self._running
        tasks = list(self._tasks)
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
        self._queue.close()
        self._running = None
        if running is not None:
            await running.client.close()

    def submit(self, order: SubmitOrder, now: int) -> None:
        """Send a new order through the gate."""
        self._spawn(self._submit(self._started(), order, now))

    def cancel(self, request: CancelOrder, now: int) -> None:
        """Ask for an order to be taken off the book."""
        self._spawn(self._cancel(self._started(), request, now))

    def query(self, request: QueryOrder, now: int) -> None:
        """Ask every endpoint that may know an order."""
        self._spawn(self._query(self._started(), request, now))

    def under_way(self) -> Collection[str]:
        """Name the orders that may still leave, or whose answer never came and whose stamp the venue may still accept."""
        now, lasts = self._clock.now(), self._acceptance()
        return [order_id for order_id, signed_at in self._signed_at.items() if now <= signed_at + lasts]

    def observe(self, event: MarketEvent) -> None:
        """See nothing: the market is the venue's own."""
        del event

    async def instruments(self) -> tuple[Instrument, ...]:
        """List what the venue trades, with its filters as they are now.

        Raises:
            VenueCallError: no usable answer.
        """
        running = self._started()
        markets = await running.client.ask(patient_call(Priority.RECONCILE), running.client.exchange.load_markets, True)
        listings = Catalogue(self.venue_id, markets.values(), running.instruments).listings
        return tuple(listing.instrument for listing in listings.values())

    async def open_orders(self) -> tuple[OpenOrder, ...]:
        """List every order of the account that rests at the venue, whoever sent it.

        Raises:
            VenueCallError: no usable answer.
        """
        return tuple(
            OpenOrder(
                one.instrument_id,
                one.order_id,
                one.venue_order_id,
                one.side,
                one.quantity,
                one.executed_quantity,
                one.limit_price,
                one.ts_event,
            )
            for one in await self._started().requests.open_orders(None)
        )

    async def balances(self) -> tuple[AssetBalance, ...]:
        """List what the account has.

        Raises:
            VenueCallError: no usable answer.
        """
        return await self._started().requests.balances()

    async def trades_since(self, instrument_id: str, *, trade_id: str | None = None, since: int | None = None) -> tuple[OwnTrade, ...]:
        """List the account's executions beyond a trade id, or since a venue time in nanoseconds, oldest first.

        Raises:
            VenueCallError: no usable answer, or one about an order that the venue denies knowing yet.
        """
        requests = self._started().requests
        found: list[OwnTrade] = []
        for trade in await requests.trades(instrument_id, from_id=trade_id, since=since):
            if trade.trade_id == trade_id:
                continue
            order_id = await requests.order_id_of(instrument_id, trade.venue_order_id)
            if order_id is None:
                raise VenueCallError(f"trade {trade.trade_id} fills order {trade.venue_order_id}, which the venue denies knowing yet")
            found.append(named(trade, order_id))
        return tuple(found)

    async def cancel_all(self, instrument_id: str) -> None:
        """Take every order of the account in an instrument off the book in one request; nothing open is no error.

        Raises:
            VenueCallError: no usable answer, so that orders may still be open.
        """
        await self._started().requests.cancel_all(instrument_id)

    async def sample_clock(self) -> ClockSample:
        """Measure the venue's clock, and sign by it from then on.

        Raises:
            VenueCallError: no usable answer.
        """
        self._sample = await self._started().requests.sample_clock()
        return self._sample

    async def scan_fills(self) -> int:
        """Report every execution that the trade history has beyond what was read before; gives how many were reported.

        Raises:
            VenueCallError: no usable answer.
        """
        return await self._started().scan.scan()

    async def _submit(self, running: "_Running", order: SubmitOrder, now: int) -> None:
        action = EffectAction.SUBMIT
        refusal = self.capabilities.refusal(order.order_type, order.time_in_force, order.order_id)
        if refusal is not None:
            running.sinks.answer(EffectOutcome(0, order.order_id, action, Outcome.REFUSED, f"{FailureClass.NOT_SENT}: {refusal}"))
            return
        self._signed_at[order.order_id] = _NEVER
        call = Call(Priority.PLACE, self._settings.order_patience, lambda: self._leave(order, action, now))
        try:
            seen = await running.requests.place(order, call)
        except (Exception, asyncio.CancelledError) as error:  # whatever it was, somebody has to learn what became of the order
            if self._fail(order.order_id, action, call, error) is Becomes.UNKNOWN:
                self._signed_at[order.order_id] = call.signed_at
            else:
                del self._signed_at[order.order_id]
            if isinstance(error, asyncio.CancelledError):
                raise
            return
        del self._signed_at[order.order_id]
        for report in placed(seen):
            running.sinks.answer(report)

    async def _cancel(self, running: "_Running", request: CancelOrder, now: int) -> None:
        action = EffectAction.CANCEL
        call = Call(Priority.CANCEL, self._settings.cancel_patience, lambda: self._leave(request, action, now))
        try:
            seen = await running.requests.cancel(request.instrument_id, request.order_id, call)
        except (Exception, asyncio.CancelledError) as error:  # as above
            self._fail(request.order_id, action, call, error)
            if isinstance(error, asyncio.CancelledError):
                raise
            return
        end = end_of(seen)
        if end is None:
            running.sinks.answer(
                EffectOutcome(0, request.order_id, action, Outcome.FAILED, f"{FailureClass.UNKNOWN}: the venue calls it {seen.words}")
            )
        else:
            running.sinks.answer(end)

    async def _query(self, running: "_Running", request: QueryOrder, now: int) -> None:
        try:
            await running.witnesses.ask(request, now, self._fence(request))
        except Exception as error:  # noqa: BLE001 - silence is no answer, nor is what cannot be read: the engine asks again
            said = str(error) if isinstance(error, VenueCallError) else f"{type(error).__name__}: {error}"
            self.unanswered.append(f"what became of {request.order_id}: {said}")

    def _leave(self, request: SubmitOrder | CancelOrder, action: EffectAction, now: int) -> None:
        """Look at the gate, write the request down, and say that it leaves; what follows this are its bytes.

        Raises:
            GateClosedError: the gate refuses, or an order cannot be written down.
        """
        refusal = self._gate.refusal(request)
        if refusal is not None:
            raise GateClosedError(refusal)
        if self._request_log is not None:
            try:
                self._request_log.write(action, request.order_id, now)
            except OSError as error:
                raise GateClosedError(f"the request log took no line: {error}") from error
        self._started().sinks.answer(EffectOutcome(0, request.order_id, action, Outcome.SENT, ""))

    def _fail(self, order_id: str, action: EffectAction, call: Call, error: BaseException) -> Becomes:
        """Say what became of a request that failed."""
        sinks = self._started().sinks
        if isinstance(error, CallFailedError):
            failure_class, said = error.failure_class, _gate_words(error) or str(error)
        else:
            failure_class = FailureClass.UNKNOWN if call.sent else FailureClass.NOT_SENT
            said = f"{failure_class}: {str(error) or type(error).__name__}"
        meaning = MEANINGS[failure_class]
        becomes = meaning.order if action is EffectAction.SUBMIT else meaning.cancel
        match becomes:
            case Becomes.NOT_SENT:
                sinks.answer(EffectOutcome(0, order_id, action, Outcome.REFUSED, said))
            case Becomes.UNKNOWN:
                sinks.answer(EffectOutcome(0, order_id, action, Outcome.FAILED, said))
            case Becomes.REJECTED if action is EffectAction.SUBMIT:
                sinks.answer(OrderRejected(0, self._clock.now(), order_id, said))
            case Becomes.REJECTED:
                sinks.answer(CancelRejected(0, self._clock.now(), order_id, said))
        if meaning.remedy is Remedy.RESYNC_CLOCK:
            self._spawn(self._resample())
        return becomes

    def _say_what_is_left_out(self, unread: dict[str, str]) -> None:
        """Log, once, which markets cannot be read: nothing here trades them."""
        for market_id in sorted(unread.keys() - self._unread.keys()):
            log.warning("a market is left out", venue=self.venue_id, account=self.account_id, market=market_id, reason=unread[market_id])
        self._unread.update(unread)

    def _fence(self, request: QueryOrder) -> int:
        """Give the venue time after which an order can no longer be newly accepted; never, while it may still leave or without expiry."""
        if not self.capabilities.signed_expiry:
            return _NEVER
        signed_at, sample = self._signed_at.get(request.order_id, 0), self._sample
        uncertainty = 0 if sample is None else sample.uncertainty
        left_by = max(signed_at, request.submitted_at + self._clock.offset + uncertainty)
        return min(_NEVER, left_by + self._acceptance())

    def _acceptance(self) -> int:
        """Give how long after its stamp an order may be accepted, and that be seen, nanoseconds."""
        settings, window = self._settings, self._endpoint.receive_window * _MILLISECOND
        return settings.future_allowance + window + settings.engine_timeout + settings.read_lag

    def _on_message(self, socket: Any, message: Mapping[str, Any]) -> bool:
        """Hand on what the account's stream says; ccxt sees the rest."""
        running = self._started()
        mine = False
        for frame in self._dialect.read_frame(message):
            if isinstance(frame, OrderFrame):
                mine = True
                listing = running.catalogue.of_market(frame.symbol)
                running.requests.remember(listing.instrument.instrument_id, frame.venue_order_id, frame.order_id)
                for report in streamed(self.account_id, frame, listing.instrument, self._recognises):
                    running.sinks.answer(report)
            elif isinstance(frame, EndOfStream):
                socket.on_error(ConnectionError(frame.detail))
                mine = True
        return mine

    async def _open_stream(self) -> None:
        client = self._started().client
        await client.ask(patient_call(Priority.RECONCILE), client.exchange.authenticate, {"type": self._dialect.user_stream_type})

    async def _follow_stream(self) -> None:
        """Keep the account's stream open; its orders never reach ccxt, so watching them ends only when the stream does."""
        running, wait = self._started(), self._settings.reconnect_wait
        while True:
            try:
                await running.client.ask(patient_call(Priority.POLL), running.client.exchange.watch_orders)
            except Exception as error:  # noqa: BLE001 - whatever ended it, it has to be opened again
                self.unanswered.append(f"the account's stream ended: {error}")
                await asyncio.sleep(wait)
                wait = min(2 * wait, 30.0)
            try:
                await self._open_stream()
                await running.scan.scan()
            except Exception as error:  # noqa: BLE001 - as above
                self.unanswered.append(f"opening the account's stream: {error}")
                continue
            wait = self._settings.reconnect_wait

    async def _scan_regularly(self) -> None:
        running = self._started()
        while True:
            await asyncio.sleep(self._settings.scan_interval)
            try:
                await running.scan.scan()
            except Exception as error:  # noqa: BLE001 - whatever it was, the next scan begins where this one did
                self.unanswered.append(f"reading the trade history: {error}")

    async def _resample(self) -> None:
        try:
            await self.sample_clock()
        except VenueCallError as error:  # without a sample the last one grows old, and the engine denies by its age
            self.unanswered.append(f"the venue's clock: {error}")

    def _spawn(self, work: Coroutine[Any, Any, None]) -> None:
        task = asyncio.get_running_loop().create_task(work)
        self._tasks.add(task)
        task.add_done_callback(self._note_end)

    def _note_end(self, task: asyncio.Task[None]) -> None:
        """Let no task die in silence; an order whose task did is asked about when its answer does not come."""
        self._tasks.discard(task)
        error = None if task.cancelled() else task.exception()
        if error is not None:
            self.unanswered.append(f"a task failed: {type(error).__name__}: {error}")
            task.get_loop().call_exception_handler({"message": "a task of a trading venue failed", "exception": error, "task": task})

    def _started(self) -> "_Running":
        if self._running is None:
            raise VenueNotStartedError(f"{self.venue_id} is not started: await start() first")
        return self._running


class _AccountClient(VenueClient):
    """Ask for an account, and say when the venue refuses it: whichever request it was, no order of it can succeed."""

    sinks: TradingSinks

    async def ask(self, call: Call, method: Callable[..., Awaitable[_Answer]], *arguments: object) -> _Answer:
        try:
            return await super().ask(call, method, *arguments)
        except CallFailedError as failed:
            if MEANINGS[failed.failure_class].remedy is Remedy.STOP_TRADING:
                self.sinks.refused(str(failed))
            raise


class VenueNotStartedError(InterlockError):
    """A venue was asked before it was started, or after it was stopped."""


class _Running(msgspec.Struct, frozen=True):
    """Hold what exists while a venue is started."""

    client: VenueClient
    requests: AccountRequests
    catalogue: Catalogue
    sinks: TradingSinks
    witnesses: Witnesses
    scan: FillScan
    instruments: tuple[Instrument, ...]


def _gate_words(error: CallFailedError) -> str | None:
    """Give the gate's own words where it was the gate that kept the request here."""
    return str(error.__cause__) if isinstance(error.__cause__, GateClosedError) and not error.failure.sent else None
