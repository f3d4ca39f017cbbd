"""Connections: one account's orders at a real venue, from the first moment of a session to its last.

A venue that cannot be reached keeps nothing else from running: it is tried again and again, and until it answers no order leaves for it
and nobody vouches for the account. One that refuses the account's key, or bans this address, disarms at once what it is about: waiting
until nobody vouches for the account any more would let orders go on into refusals, and begin again by themselves once those end.
"""

import asyncio
from collections.abc import Collection, Mapping

import structlog
from msgspec.structs import replace

from live.core.effects import CancelOrder, QueryOrder, SubmitOrder
from live.core.errors import InterlockError
from live.core.inputs import (
    CancelRejected,
    EffectOutcome,
    ExecutionReported,
    ExternalOrderObserved,
    InstrumentDefined,
    MarketEvent,
    OperatorCommand,
    OrderRejected,
    ReconciliationReported,
)
from live.core.instruments import FIXED_FIELDS, Instrument
from live.core.state import EngineState, fill_key, may_follow
from live.core.vocabulary import EffectAction, OperatorAction, Outcome, Scope
from live.driver.input_queue import InputQueue
from live.service.conditions import END_OF_TIME
from live.service.gate import LatchGate
from live.venues.errors import VenueCallError
from live.venues.protocol import TradingVenue, VenueAnswer
from live.venues.taxonomy import FailureClass

SHORTEST_WAIT = 0.5
LONGEST_WAIT = 30.0
"""Seconds between two attempts to reach a venue; the wait doubles."""
VENUE_OPERATOR = "venue"
"""In whose name an account that its venue refuses is disarmed."""
_NANOSECONDS = 1e9

FIRST_VERSION = 1
"""Version of an instrument that no venue was asked about yet."""
FILTERS = tuple(name for name in Instrument.__struct_fields__ if name not in {*FIXED_FIELDS, "version"})
"""What a venue may change of an instrument."""

log = structlog.get_logger()


class TradingConnection:
    """Be an account's venue from the first moment: refuse what cannot leave yet, and pass on everything once the venue answers.

    Attributes:
        venue: what trades.
        venue_id: its name, as in its instruments' ids.
        account_id: whose orders these are.
        detail: why the venue cannot be reached, None once it was.
        attempted: set once the venue was reached, or could not be for the first time.
        clock_doubted: set when the venue refused a request for its time.
    """

    def __init__(self, venue: TradingVenue, instruments: Collection[Instrument], known: Mapping[str, Instrument] | None = None) -> None:
        """Describe the connection; nothing is opened before `connect`.

        Args:
            venue: what trades.
            instruments: what is traded there, as the bundles or the journal define it.
            known: instruments by id as the session before left them.
        """
        self.venue = venue
        self.venue_id = venue.venue_id
        self.account_id = venue.account_id
        self.detail: str | None = "not connected yet"
        self.attempted = asyncio.Event()
        self.clock_doubted = asyncio.Event()
        self._instruments = instruments
        self._before = dict(known or {})
        self._queue: InputQueue | None = None
        self._state: EngineState | None = None
        self._gate: LatchGate | None = None
        self._listed: dict[str, Instrument] = {}

    @property
    def instrument_ids(self) -> tuple[str, ...]:
        """Name what the account trades."""
        return tuple(instrument.instrument_id for instrument in self._instruments)

    @property
    def connected(self) -> bool:
        """Tell whether the venue was reached."""
        return self.detail is None

    def attach(self, queue: InputQueue, state: EngineState, gate: LatchGate) -> None:
        """Say where answers go, and what keeps orders from leaving, before any effect is carried out."""
        self._queue, self._state, self._gate = queue, state, gate

    async def connect(self) -> None:
        """Reach the venue, however long it takes; learn its filters as they are now."""
        wait = SHORTEST_WAIT
        while True:
            try:
                await self.venue.start(self._instruments, self)
                await self._learn_filters()
            except InterlockError as error:
                await self.venue.stop()
                self.detail = str(error)
                self.attempted.set()
                log.warning("a venue cannot be reached", venue=self.venue_id, account=self.account_id, reason=self.detail)
                await asyncio.sleep(wait)
                wait = min(2 * wait, LONGEST_WAIT)
            else:
                self.detail = None
                self.attempted.set()
                log.info("connected", venue=self.venue_id, account=self.account_id)
                return

    async def stop(self) -> None:
        """End it; requests that are still under way are FAILED."""
        self.detail = "stopped"
        await self.venue.stop()

    def submit(self, order: SubmitOrder, now: int) -> None:
        """Send a new order through the gate, or say that it never left."""
        if self.connected:
            self.venue.submit(order, now)
        else:
            self._refuse(order, EffectAction.SUBMIT)

    def cancel(self, request: CancelOrder, now: int) -> None:
        """Ask for an order to be taken off the book, or say that nobody was asked: the engine asks again."""
        if self.connected:
            self.venue.cancel(request, now)
        else:
            self._refuse(request, EffectAction.CANCEL)

    def query(self, request: QueryOrder, now: int) -> None:
        """Ask every endpoint that may know an order; silence says nothing, and the engine asks again."""
        if self.connected:
            self.venue.query(request, now)

    def observe(self, event: MarketEvent) -> None:
        """See nothing: the market is the venue's own."""
        del event

    # What the venue's tasks call: the TradingSinks

    def market(self, event: MarketEvent) -> None:
        """Take a market event."""
        self._sinks.market(event)

    def answer(self, answer: VenueAnswer) -> None:
        """Take an answer; an execution that is booked already, which every scan of the history repeats, is not told again."""
        if type(answer) is ExecutionReported and self._is_booked(answer):
            return
        if type(answer) is ExternalOrderObserved:
            self._define(answer.instrument_id)
        if isinstance(answer, OrderRejected | CancelRejected) and answer.reason.startswith(FailureClass.REJECTED_CLOCK):
            self.clock_doubted.set()
        self._sinks.answer(answer)

    def feed(self, instrument_id: str, healthy: bool, detail: str) -> None:
        """Learn whether an instrument's market data flows."""
        self._sinks.feed(instrument_id, healthy, detail)

    def refused(self, detail: str) -> None:
        """Disarm the account: its venue refuses its key, or lets it not trade."""
        said = f"{self.venue_id} refuses the account: {detail}"
        self._stop_trading(Scope.ACCOUNT, self.account_id, said, (self.account_id,))

    def banned(self, real: Collection[str], lasts: int) -> None:
        """Disarm what trades at the venue, which bans this address: a person has to learn why.

        Args:
            real: the accounts that trade for real; those of them that are armed here are doubted, whoever hears of the ban first.
            lasts: for how long, nanoseconds.
        """
        self._stop_trading(Scope.VENUE, self.venue_id, f"{self.venue_id} bans this address for {lasts / _NANOSECONDS:g} s", real)

    def _stop_trading(self, scope: Scope, target: str, reason: str, real: Collection[str]) -> None:
        """Let no order out from this moment on, and tell the engine; nothing to do where nothing is armed."""
        assert self._state is not None, "attached before anything is started"
        assert self._gate is not None, "attached before anything is started"
        state, leases = self._state, self._gate.leases
        armed = [name for name in state.deployments if name in leases and (scope, target) in state.scopes_of(name)]
        if not armed:
            return
        self._gate.end_leases(armed)
        doubted = {state.deployments[name].account_id for name in armed}.intersection(real) or {self.account_id}
        log.warning("ALARM: a venue refuses to be traded at", scope=scope, target=target, strategies=", ".join(armed), reason=reason)
        # Once the refused request itself was answered: the engine need not cancel what it knows to be refused.
        asyncio.get_running_loop().call_soon(self._record_stop, scope, target, reason, sorted(doubted))

    def _record_stop(self, scope: Scope, target: str, reason: str, doubted: list[str]) -> None:
        """Have the engine raise its alarm and forbid arming until a comparison succeeds, and disarm the scope as a person would."""
        for account_id in doubted:
            self._sinks.put(ReconciliationReported(0, account_id, clean=False, detail=reason, valid_until=END_OF_TIME))
        self._sinks.put(OperatorCommand(0, VENUE_OPERATOR, OperatorAction.DISARM, scope, target, reason))

    @property
    def _sinks(self) -> InputQueue:
        assert self._queue is not None, "attached before anything is started"
        return self._queue

    def _is_booked(self, report: ExecutionReported) -> bool:
        assert self._state is not None, "attached before anything is started"
        order = self._state.orders.get(report.order_id)
        if order is None:
            return False
        return fill_key(order.account_id, order.instrument_id, report.trade_id, report.venue_order_id) in self._state.fill_keys

    def _refuse(self, request: SubmitOrder | CancelOrder, action: EffectAction) -> None:
        said = f"{self.venue_id} was not reached: {self.detail}"
        self._sinks.answer(EffectOutcome(0, request.order_id, action, Outcome.REFUSED, said))

    def _define(self, instrument_id: str) -> None:
        """Define what somebody else trades in the account: what their order may take counts against ours."""
        listed = self._listed.get(instrument_id)
        if self._state is not None and instrument_id not in self._state.instruments and listed is not None:
            self._sinks.put(InstrumentDefined(0, listed))

    def _tell_filters(self, known: Instrument, theirs: Instrument) -> None:
        """Warn of filters that the venue changed since it was asked before; at a first start a bundle's own words only give way to its."""
        last = known if known.version > FIRST_VERSION else self._before.get(known.instrument_id, known)
        changed = [name for name in FILTERS if getattr(last, name) != getattr(theirs, name)]
        if last.version == FIRST_VERSION:
            log.info("the venue's filters are used in place of the bundle's", instrument_id=known.instrument_id, different=changed)
        elif changed:
            log.warning("the venue's filters changed", instrument_id=known.instrument_id, changed=changed)

    async def _learn_filters(self) -> None:
        """Define instruments anew whose filters the venue changed since they were defined."""
        assert self._state is not None, "attached before anything is started"
        listed = self._listed = {instrument.instrument_id: instrument for instrument in await self.venue.instruments()}
        for ours in self._instruments:
            known = self._state.instruments.get(ours.instrument_id, ours)
            theirs = listed.get(ours.instrument_id)
            if theirs is None or replace(theirs, version=known.version) == known:
                continue
            if not may_follow(known, theirs):
                raise VenueCallError(f"{ours.instrument_id}: the venue's scales or assets are {theirs}, ours are {known}: promote it anew")
            self._tell_filters(known, theirs)
            self._sinks.put(InstrumentDefined(0, replace(theirs, version=known.version + 1)))
