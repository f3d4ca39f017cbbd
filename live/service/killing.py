"""Killing: close, latch, cancel, prove, report; and the release that takes a kill back.

A kill waits for nothing on its way to stopping. The gate closes in memory at once; the latch file is written by a thread
of its own, so that a disk that hangs holds up no cancel; cancels go out through the engine, and past it when the journal
is slow or dead: they alone may precede the journal, for they can only reduce what is at risk. Only the answer waits, and
it says UNPROVEN rather than claim what nobody has shown. What is proven of a real venue is what it lists itself, asked once the engine
knows of nothing any more; where a scope is all of an account, each instrument's orders are also canceled in one request, whoever sent them.
"""

import asyncio
import time
from collections.abc import Coroutine
from contextlib import suppress
from pathlib import Path
from threading import Thread
from typing import Any

import msgspec
import structlog

from live.core import inputs
from live.core.effects import CancelOrder
from live.core.entities import Order
from live.core.errors import InterlockError
from live.core.inputs import RecordedInput
from live.core.orders import UNKNOWN
from live.core.vocabulary import OperatorAction, Scope, TradingState
from live.latch import LatchReading, clear, engage, latch_path, read_latch
from live.service.connections import TradingConnection
from live.service.errors import ConflictError, UnavailableError
from live.service.kill_proof import VenueProof
from live.service.metrics import ServiceMetrics
from live.service.scopes import ScopeKey, covers, scope_name, venue_of
from live.service.session import Session

PROOF_SECONDS = 5.0
"""How long a kill waits for its latch, and for proof that nothing is open, before it says UNPROVEN."""

JOURNAL_PATIENCE_SECONDS = 0.05
"""How long a kill's cancels wait for the journal before they go without it."""

POLL_SECONDS = 0.002

LONGEST_REASON = 200
"""Characters by which two reasons are told apart; as many as the control plane takes."""

log = structlog.get_logger()


class KillReport(msgspec.Struct, frozen=True):
    """Report a kill.

    Attributes:
        scope: what was killed.
        target: which one; empty for the global scope.
        state: trading state of the scope: KILLED by its latch, or by the engine when the latch could not be written.
        canceled: orders that were alive before, and are not any more.
        open_orders: orders that may still be open at a venue.
        proven: the venues were asked and nothing in the scope is open.
        latched: the latch is on disk, so the kill survives a restart.
        recorded: the kill is durable in the journal.
        failures: cancels that could not be handed over.
        seconds: how long all of it took.
    """

    scope: Scope
    target: str
    state: str
    canceled: tuple[str, ...]
    open_orders: tuple[str, ...]
    proven: bool
    latched: bool
    recorded: bool
    failures: tuple[str, ...]
    seconds: float


class Killing:
    """Kill scopes of one session, and release them."""

    def __init__(self, home: Path, session: Session, metrics: ServiceMetrics) -> None:
        self._home = home
        self._session = session
        self._metrics = metrics
        self._running: dict[ScopeKey, int] = {}
        self._told: dict[ScopeKey, tuple[object, ...]] = {}
        self._asking: set[asyncio.Task[None]] = set()
        for (scope, target), engaged in session.driver.engine.state.latches.items():
            if engaged:
                session.gate.close(scope, target, "the latch was engaged at the start")

    @property
    def busy(self) -> bool:
        """Tell whether a kill is still on its way to its report."""
        return any(self._running.values())

    async def kill(self, scope: Scope, target: str, reason: str, operator: str) -> KillReport:
        """Kill a scope and say what was proven; killing it again is the same as once.

        Raises:
            UnavailableError: the latch could not be written, so that a restart would forget the kill; all else was done.
        """
        started = time.monotonic()
        self._close(scope, target, reason)
        latch = LatchWrite(latch_path(self._home, scope, target), reason)
        now = self._session.driver.now()
        report = await self._stop(inputs.OperatorCommand(now, operator, OperatorAction.KILL, scope, target, reason), latch, started)
        self._tell("killed", report, reason, operator=operator)
        if not report.latched:
            raise UnavailableError(
                f"{scope_name(scope, target)} is killed in this process and cancels were sent, but the latch could not be written "
                f"({latch.failure or 'the disk does not answer'}): stop the process, a restart would forget the kill",
                report=msgspec.to_builtins(report),
            )
        return report

    async def notice(self, scope: Scope, target: str, reading: LatchReading) -> None:
        """Kill a scope whose latch somebody else engaged, removed or damaged."""
        started = time.monotonic()
        self._close(scope, target, reading.reason)
        observed = inputs.LatchObserved(self._session.driver.now(), scope, target, True, reading.reason)
        report = await self._stop(observed, None, started)
        self._tell("killed by its latch", report, reading.reason)

    async def release(self, scope: Scope, target: str, reason: str, operator: str) -> None:
        """Clear a kill, with a reason, into DISARMED.

        The latch is cleared before the journal says so: a crash between the two leaves the scope KILLED by the journal.

        Raises:
            ConflictError: the scope is not killed, or is being killed.
            UnavailableError: trading is halted, or the latch cannot be written.
        """
        driver, name = self._session.driver, scope_name(scope, target)
        if driver.failure is not None:
            raise UnavailableError(f"trading is halted ({driver.failure}), and {name} stays KILLED: restart, then release it")
        if self._running.get((scope, target)):
            raise ConflictError(f"{name} is being killed at this moment: wait for the kill's report, then release it")
        if driver.engine.state.trading_state(scope, target) is not TradingState.KILLED:
            raise ConflictError(f"{name} is not KILLED: there is nothing to release")
        path = latch_path(self._home, scope, target)
        try:
            clear(path, f"released by {operator}: {reason}")
        except OSError as error:
            raise UnavailableError(
                f"the latch {path} cannot be written ({error}), and {name} stays KILLED: mend it, then release it"
            ) from None
        reading = read_latch(path)
        driver.feed(inputs.LatchObserved(driver.now(), scope, target, reading.engaged, reading.reason))
        command = inputs.OperatorCommand(driver.now(), operator, OperatorAction.RELEASE, scope, target, reason)
        await driver.durable(driver.feed(command))
        if driver.engine.state.trading_state(scope, target) is TradingState.KILLED:
            raise ConflictError(f"{name} was killed again meanwhile ({reading.reason}): look at it, then release it")
        self._session.gate.reopen(scope, target)
        self._told.pop((scope, target), None)
        log.warning("released", scope=scope, target=target, reason=reason, operator=operator)

    def _close(self, scope: Scope, target: str, reason: str) -> None:
        gate, state = self._session.gate, self._session.driver.engine.state
        gate.close(scope, target, reason)
        gate.end_leases(strategy_id for strategy_id in state.deployments if (scope, target) in state.scopes_of(strategy_id))

    def _tell(self, event: str, report: KillReport, reason: str, **more: str) -> None:
        """Log a kill, once: `interlock kill` engages the latch and calls, and each of the two is carried out."""
        key = (report.scope, report.target)
        # A latch holds the reason on one line, and a call not more than so much of it.
        told = (" ".join(reason.split())[:LONGEST_REASON], report.state, report.proven, report.open_orders, report.failures)
        if self._told.get(key) != told:
            self._told[key] = told
            log.warning(event, **msgspec.to_builtins(report), reason=reason, **more)

    async def _stop(self, entry: inputs.OperatorCommand | inputs.LatchObserved, latch: "LatchWrite | None", started: float) -> KillReport:
        """Cancel what a scope covers, by the engine and past it, then look until nothing is open or time is up."""
        key = (entry.scope, entry.target)
        self._running[key] = self._running.get(key, 0) + 1
        deadline = started + PROOF_SECONDS
        proofs = [VenueProof(self._session, one, *key) for one in self._session.trading.values() if self._concerns(one, *key)]
        try:
            before = [order.order_id for order in self._orders_in(*key)]
            seq = self._feed(entry)
            failures: list[str] = []
            if not await self._is_durable(seq, JOURNAL_PATIENCE_SECONDS):
                failures = self._cancel_directly(*key)
            asking = [self._begin(proof.run(deadline)) for proof in proofs]
            while (self._open_in(*key) or not all(proof.settled for proof in proofs)) and time.monotonic() < deadline:
                await asyncio.sleep(POLL_SECONDS)
                if self._session.driver.failure is not None:
                    failures = self._cancel_directly(*key)
                    break
            # A halted engine follows nothing any more; what its venues list is still asked for, as long as there is time.
            await asyncio.gather(*asking, return_exceptions=True)
            failures += [failure for proof in proofs for failure in proof.failures]
            latched = latch is None or await latch.done(deadline)
            if latch is not None and latched:
                self._feed(inputs.LatchObserved(self._session.driver.now(), *key, True, entry.reason))
            recorded = await self._is_durable(seq, max(0.0, deadline - time.monotonic()))
        finally:
            self._running[key] -= 1
        seconds = round(time.monotonic() - started, 6)
        self._metrics.observe_kill(seconds)
        still = tuple(sorted({*self._open_in(*key), *(order_id for proof in proofs for order_id in proof.open)}))
        proven = not still and all(proof.settled for proof in proofs)
        state = TradingState.KILLED if latched else self._session.driver.engine.state.trading_state(*key)
        canceled = tuple(order_id for order_id in before if order_id not in still)
        return KillReport(*key, state.name, canceled, still, proven, latched, recorded, tuple(failures), seconds)

    def _feed(self, entry: RecordedInput) -> int | None:
        """Tell the engine, None when it has halted."""
        driver = self._session.driver
        with suppress(InterlockError):
            return driver.feed(entry)
        return None

    async def _is_durable(self, seq: int | None, patience: float) -> bool:
        if seq is None:
            return False
        with suppress(TimeoutError, InterlockError):
            await asyncio.wait_for(self._session.driver.durable(seq), patience)
        return self._session.driver.durable_seq >= seq

    def _orders_in(self, scope: Scope, target: str) -> list[Order]:
        return [order for order in self._session.driver.engine.state.live_orders.values() if covers(scope, target, order)]

    def _open_in(self, scope: Scope, target: str) -> tuple[str, ...]:
        """Name the orders of a scope that may still be open: by the venues' word, and by the engine's while it lives.

        A halted engine no longer follows its orders. What it last knew then counts only where it did not know itself.
        """
        halted = self._session.driver.failure is not None
        engine = {order.order_id for order in self._orders_in(scope, target) if not halted or order.state in UNKNOWN}
        return tuple(sorted(engine | {order_id for _, order_id in self._at_venues(scope, target)}))

    def _at_venues(self, scope: Scope, target: str) -> list[tuple[str, str]]:
        """List venue and id of each order on a venue's book that a scope covers; an order nobody knows is covered by any."""
        orders = self._session.driver.engine.state.orders
        found: list[tuple[str, str]] = []
        for venue_id, venue in self._session.venues.items():
            for order_id in venue.open_order_ids():
                order = orders.get(order_id)
                unknown_here = order is None and (scope is not Scope.VENUE or target == venue_id)
                if unknown_here or (order is not None and covers(scope, target, order)):
                    found.append((venue_id, order_id))
        return found

    def _cancel_directly(self, scope: Scope, target: str) -> list[str]:
        """Hand cancels to the venues without the journal: for what the engine counts as alive, and for what they hold."""
        session = self._session
        orders = session.driver.engine.state.orders
        there = [orders[order_id] for _, order_id in self._at_venues(scope, target) if order_id in orders]
        failed: list[str] = []
        for order in {one.order_id: one for one in (*self._orders_in(scope, target), *there)}.values():
            venue = session.trading.get(order.account_id) or session.venues.get(venue_of(order.instrument_id))
            if venue is not None:
                failed += session.driver.cancel_at_once(venue, [CancelOrder(order.order_id, order.account_id, order.instrument_id)])
        return failed

    def _concerns(self, connection: TradingConnection, scope: Scope, target: str) -> bool:
        """Tell whether a scope may cover orders of an account at a real venue."""
        if scope is Scope.STRATEGY:
            deployment = self._session.driver.engine.state.deployments.get(target)
            accounts = {order.account_id for order in self._orders_in(scope, target)}
            return connection.account_id in accounts or (deployment is not None and deployment.account_id == connection.account_id)
        return target == {Scope.VENUE: connection.venue_id, Scope.ACCOUNT: connection.account_id}.get(scope, target)

    def _begin(self, work: Coroutine[Any, Any, None]) -> asyncio.Task[None]:
        task = asyncio.create_task(work)
        self._asking.add(task)
        task.add_done_callback(self._asking.discard)
        return task


class LatchWrite:
    """Engage a latch on a thread of its own, which a disk that hangs may keep.

    Attributes:
        failure: why the latch could not be engaged, None while it is not known.
    """

    def __init__(self, path: Path, reason: str) -> None:
        self.failure: str | None = None
        self._path = path
        self._reason = reason
        self._loop = asyncio.get_running_loop()
        self._done = asyncio.Event()
        Thread(target=self._engage, name="latch", daemon=True).start()

    async def done(self, deadline: float) -> bool:
        """Wait until the latch is on disk, at most until `deadline` on the monotonic clock; tell whether it is."""
        with suppress(TimeoutError):
            await asyncio.wait_for(self._done.wait(), max(0.0, deadline - time.monotonic()))
        return self._done.is_set() and self.failure is None

    def _engage(self) -> None:
        try:
            engage(self._path, self._reason)
        except OSError as error:
            self.failure = str(error)
        with suppress(RuntimeError):  # the event loop ended first: nobody waits any more
            self._loop.call_soon_threadsafe(self._done.set)
