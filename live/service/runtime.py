"""The running service: what the control plane asks of it, and what it watches by itself."""

import asyncio
import secrets
import time
from collections.abc import Awaitable, Callable
from contextlib import asynccontextmanager, suppress
from typing import Any

import msgspec
import structlog

from live.configuration import Configuration
from live.core import inputs
from live.core.decimals import MONEY_SCALE, format_scaled
from live.core.errors import InterlockError
from live.core.inputs import RecordedInput
from live.core.limits import describe_limits
from live.core.orders import UNKNOWN
from live.core.state import Order
from live.core.vocabulary import OperatorAction, Scope, TradingState
from live.latch import LatchReading, clear, engage, latch_path, read_latch
from live.service.arming import NANOSECONDS, Arming, Challenge, Preflight
from live.service.deployments import DeploymentStatus
from live.service.errors import ConflictError, NotFoundError, UnavailableError
from live.service.gate import ActiveLease
from live.service.metrics import ServiceMetrics
from live.service.session import Session, close_session, open_session, scopes

LATCH_POLL_SECONDS = 0.05
LEASE_POLL_SECONDS = 0.2
TAPE_SYNC_SECONDS = 1.0
ANCHOR_SECONDS = 60.0
KILL_PROOF_SECONDS = 5.0
"""How long a kill waits for proof that nothing is open before it says UNPROVEN."""

log = structlog.get_logger()


class KillReport(msgspec.Struct, frozen=True):
    """Report a kill: `proven` only when neither engine nor venue has an open order in the scope."""

    scope: Scope
    target: str
    state: str
    canceled: tuple[str, ...]
    open_orders: tuple[str, ...]
    proven: bool
    seconds: float


class TradingService:
    """Run one session: arm, disarm, kill, release, and watch latches, leases, tape and anchors."""

    def __init__(self, configuration: Configuration, wall: Callable[[], int] = time.time_ns) -> None:
        self.configuration = configuration
        self.metrics = ServiceMetrics()
        self.stopping = False
        self._wall = wall
        self._arming = Arming(wall, configuration.arming.challenge_seconds)
        self._session: Session | None = None
        self._latches: dict[tuple[Scope, str], LatchReading] = {}
        self._anchored_commit = 0

    @property
    def session(self) -> Session:
        """Give the running session.

        Raises:
            UnavailableError: the service is not running.
        """
        if self._session is None:
            raise UnavailableError("the service is not running a session: wait until it has started")
        return self._session

    @asynccontextmanager
    async def running(self):  # noqa: ANN201 - an async context manager of nothing
        """Open the session, watch while the body runs, close the session."""
        loop = asyncio.get_running_loop()

        def on_durable(seq: int) -> None:
            with suppress(RuntimeError):  # the event loop ended first: nobody waits any more
                loop.call_soon_threadsafe(self._advance, seq)

        def on_failure(error: BaseException) -> None:
            with suppress(RuntimeError):
                loop.call_soon_threadsafe(self._journal_failed, error)

        self._session = session = open_session(self.configuration, self._wall, on_durable, on_failure, self._halted)
        self.metrics.watch(session)
        for name, status in session.deployments.items():
            log.info("deployment", strategy=name, loaded=status.refused is None, reason=status.refused)
        log.info("session opened", session_id=session.session_id, truncated_bytes=session.recovered.truncated_bytes)
        await session.driver.durable(session.driver.loop.last_seq)
        tasks = [
            asyncio.create_task(self._every(LATCH_POLL_SECONDS, self._watch_latches)),
            asyncio.create_task(self._every(LEASE_POLL_SECONDS, self._watch_leases)),
            asyncio.create_task(self._every(TAPE_SYNC_SECONDS, self._sync_tape)),
            asyncio.create_task(self._every(ANCHOR_SECONDS, self._anchor)),
        ]
        if session.player is not None:
            tasks.append(asyncio.create_task(self._play(session)))
        try:
            yield
        finally:
            self.stopping = True
            for task in tasks:
                task.cancel()
            await asyncio.gather(*tasks, return_exceptions=True)
            await self._close(session)

    # What the control plane asks

    def status(self, strategy_id: str) -> DeploymentStatus:
        """Find a deployment.

        Raises:
            NotFoundError: it is not configured.
        """
        status = self.session.deployments.get(strategy_id)
        if status is None:
            known = ", ".join(self.session.deployments) or "none"
            raise NotFoundError(f"strategy {strategy_id!r} is not deployed: deployed are {known}")
        return status

    def preflight(self, strategy_id: str, maximum_order_notional: int | None = None) -> Preflight:
        """Collect what blocks arming a deployment, what a lease would bind, and what a person should see.

        Raises:
            NotFoundError: it is not configured.
        """
        status, session = self.status(strategy_id), self.session
        state, engine = session.driver.engine.state, session.driver.engine
        blocks: list[str] = []
        if status.refused is not None or status.bundle is None or status.limits is None:
            blocks.append(f"the bundle was refused: {status.refused}")
            return Preflight(strategy_id, status.settings.venue, tuple(blocks), {}, 0, "", {})
        limits, version = status.limits, status.bundle.version
        ceiling = limits.maximum_order_notional if maximum_order_notional is None else min(maximum_order_notional, limits.maximum_order_notional)
        if ceiling <= 0:
            blocks.append(f"maximum_order_notional must be positive, received {ceiling}")
        if session.driver.failure is not None:
            blocks.append(f"trading is halted: {session.driver.failure}")
        if self._wall() >= status.bundle.expires_at:
            blocks.append("the bundle expired: promote it again")
        for scope, target in state.scopes_of(strategy_id):
            reading = read_latch(latch_path(self.configuration.home, scope, target))
            if reading.engaged or state.latches.get((scope, target), True):
                blocks.append(f"the {scope} kill latch is engaged ({reading.reason}): release it with a reason")
            elif state.trading_state(scope, target) is TradingState.KILLED:
                blocks.append(f"{scope} {target} is KILLED: release it with a reason".replace("  ", " "))
        unknown = [order.order_id for order in state.live_orders.values() if order.state in UNKNOWN]
        if unknown:
            blocks.append(f"orders of unknown fate: {', '.join(unknown)}; wait for reconciliation or resolve them")
        if session.player is not None and session.player.ended:
            blocks.append("the feed ended: no market data will come")
        if strategy_id in state.leases:
            blocks.append("it is armed already: disarm it first")
        bound = {
            "bundle": status.bundle.digest,
            "configuration": self.configuration.digest,
            "limits": msgspec.json.encode(limits).decode(),
            "account": status.settings.account,
            "session": session.session_id,
        }
        profit = engine.profit(strategy_id)
        shown = {
            "version": version.label,
            "mode": status.settings.mode,
            "limits": describe_limits(limits, state.instruments),
            "engine_matches_evidence": status.bundle.engine_matches,
            "profit": None if profit is None else format_scaled(profit, MONEY_SCALE),
            "unknown_orders": unknown,
        }
        return Preflight(strategy_id, status.settings.venue, tuple(blocks), bound, ceiling, version.instruments[0].quote, shown)

    def request_arming(self, strategy_id: str, maximum_order_notional: int | None) -> tuple[Preflight, Challenge]:
        """Take the first step of arming.

        Raises:
            NotFoundError: the strategy is not deployed.
            ConflictError: something blocks arming.
        """
        preflight = self.preflight(strategy_id, maximum_order_notional)
        return preflight, self._arming.issue(preflight)

    async def confirm_arming(self, challenge_id: str, phrase: str, operator: str, lease_seconds: int | None) -> ActiveLease:
        """Take the second step of arming: check the phrase and everything bound, then grant the lease.

        Raises:
            ConflictError: wrong phrase, unknown, used, expired or stale challenge, or something blocks arming now.
        """
        challenge = self._arming.find(challenge_id)
        preflight = self.preflight(challenge.strategy_id, challenge.maximum_order_notional)
        self._arming.use(challenge, phrase, preflight)
        longest = self.configuration.arming.maximum_lease_seconds
        seconds = longest if lease_seconds is None else lease_seconds
        if not 0 < seconds <= longest:
            raise ConflictError(f"a lease lives 1..{longest} seconds, received {seconds}")
        bundle = self.status(challenge.strategy_id).bundle
        assert bundle is not None, "a preflight without blocks has a bundle"
        expires_at = min(self._wall() + seconds * NANOSECONDS, bundle.expires_at)
        lease = ActiveLease(secrets.token_hex(8), operator, expires_at, challenge.maximum_order_notional, challenge.binding)
        granted = inputs.LeaseGranted(
            self.session.driver.now(), challenge.strategy_id, lease.lease_id, operator, expires_at, lease.maximum_order_notional
        )
        await self.record(granted)
        held = self.session.driver.engine.state.leases.get(challenge.strategy_id)
        if held is None or held.lease_id != lease.lease_id:
            raise ConflictError(f"the engine refused to arm {challenge.strategy_id}: it is covered by a kill that was not released")
        self.session.gate.leases[challenge.strategy_id] = lease
        log.info("armed", strategy=challenge.strategy_id, operator=operator, lease_id=lease.lease_id)
        return lease

    async def disarm(self, scope: Scope, target: str, reason: str, operator: str) -> None:
        """End leases and cancel orders in a scope."""
        for strategy_id in list(self.session.gate.leases):
            if (scope, target) in self.session.driver.engine.state.scopes_of(strategy_id):
                del self.session.gate.leases[strategy_id]
        await self.command(OperatorAction.DISARM, scope, target, reason, operator)

    async def kill(self, scope: Scope, target: str, reason: str, operator: str) -> KillReport:
        """Engage the latch first, then the gate closes by it, then cancel everything, then prove it or say UNPROVEN.

        Raises:
            UnavailableError: the latch could not be written; everything else is still tried.
        """
        started = time.monotonic()
        session, driver = self.session, self.session.driver
        latch_error: OSError | None = None
        try:
            engage(latch_path(self.configuration.home, scope, target), reason)
        except OSError as error:
            latch_error = error
            session.gate.halted = session.gate.halted or f"a kill could not write its latch: {error}"
        before = [order.order_id for order in self._orders_in(scope, target)]
        if driver.failure is None:
            self._observe_latch(scope, target)
            driver.feed(inputs.OperatorCommand(driver.now(), operator, OperatorAction.KILL, scope, target, reason))
            with suppress(TimeoutError, InterlockError):
                await asyncio.wait_for(self._until_flat(scope, target), KILL_PROOF_SECONDS)
        if driver.failure is not None:
            self._cancel_directly(scope, target)
        report = self._report_kill(scope, target, before, time.monotonic() - started)
        log.warning("killed", scope=scope, target=target, reason=reason, operator=operator, proven=report.proven)
        if latch_error is not None:
            raise UnavailableError(f"the gate is closed and cancels were sent, but the latch could not be written ({latch_error}): stop the process")
        return report

    async def release(self, scope: Scope, target: str, reason: str, operator: str) -> None:
        """Clear a kill, with a reason, into DISARMED.

        Raises:
            ConflictError: the scope is not killed.
        """
        driver = self.session.driver
        if driver.engine.state.trading_state(scope, target) is not TradingState.KILLED:
            raise ConflictError(f"{scope} {target} is not KILLED: there is nothing to release".replace("  ", " "))
        clear(latch_path(self.configuration.home, scope, target), f"released by {operator}: {reason}")
        self._observe_latch(scope, target)
        await self.command(OperatorAction.RELEASE, scope, target, reason, operator)

    async def command(self, action: OperatorAction, scope: Scope, target: str, reason: str, operator: str) -> None:
        """Record an operator's command and wait until it is durable."""
        await self.record(inputs.OperatorCommand(self.session.driver.now(), operator, action, scope, target, reason))

    async def record(self, entry: RecordedInput) -> None:
        """Feed an input and wait until it is durable."""
        driver = self.session.driver
        await driver.durable(driver.feed(entry))

    def check_scope(self, scope: Scope, target: str) -> None:
        """Refuse a scope that this configuration does not have.

        Raises:
            NotFoundError: naming what there is.
        """
        if (scope, target) not in scopes(self.configuration):
            known = ", ".join(f"{name} {what}".strip() for name, what in scopes(self.configuration))
            raise NotFoundError(f"{scope} {target!r} is not configured: there are {known}")

    def unready(self) -> list[str]:
        """List why the service is not ready to trade; empty when it is."""
        session = self._session
        if session is None:
            return ["the session is not open yet"]
        reasons = [f"deployment {name} was refused: {status.refused}" for name, status in session.deployments.items() if status.refused]
        if not session.deployments:
            reasons.append("nothing is deployed: add a [[deployment]] to interlock.toml")
        if session.driver.failure is not None:
            reasons.append(f"trading is halted: {session.driver.failure}")
        if session.player is None:
            reasons.append("no feed is configured: add a [feed] to interlock.toml")
        elif session.player.ended:
            reasons.append("the feed ended")
        unknown = sum(order.state in UNKNOWN for order in session.driver.engine.state.live_orders.values())
        if unknown:
            reasons.append(f"{unknown} orders are of unknown fate")
        return reasons

    # What the service watches

    def _advance(self, seq: int) -> None:
        if self._session is not None:
            self._session.driver.advance_durable(seq)

    def _journal_failed(self, error: BaseException) -> None:
        if self._session is not None:
            self._session.driver.halt(f"the journal failed: {error}")

    def _halted(self, reason: str) -> None:
        if self._session is not None:
            self._session.gate.halted = reason
        log.critical("trading halted", reason=reason)

    async def _every(self, seconds: float, watch: Callable[[], Awaitable[None] | None]) -> None:
        while True:
            await asyncio.sleep(seconds)
            if self.session.driver.failure is not None:
                continue
            try:
                result = watch()
                if result is not None:
                    await result
            except InterlockError as error:
                self.session.driver.halt(str(error))

    def _observe_latch(self, scope: Scope, target: str) -> None:
        reading = read_latch(latch_path(self.configuration.home, scope, target))
        self._latches[scope, target] = reading
        driver = self.session.driver
        if driver.engine.state.latches.get((scope, target), True) != reading.engaged:
            driver.feed(inputs.LatchObserved(driver.now(), scope, target, reading.engaged, reading.reason))
        if reading.engaged:
            self._drop_leases(scope, target)

    def _drop_leases(self, scope: Scope, target: str) -> None:
        for strategy_id in list(self.session.gate.leases):
            if (scope, target) in self.session.driver.engine.state.scopes_of(strategy_id):
                del self.session.gate.leases[strategy_id]

    def _watch_latches(self) -> None:
        for scope, target in scopes(self.configuration):
            reading = read_latch(latch_path(self.configuration.home, scope, target))
            if reading.engaged and not self.session.driver.engine.state.latches.get((scope, target), True):
                log.warning("latch engaged from outside", scope=scope, target=target, reason=reading.reason)
                self._observe_latch(scope, target)

    def _watch_leases(self) -> None:
        session, now = self.session, self._wall()
        for strategy_id, lease in list(session.gate.leases.items()):
            if now >= lease.expires_at:
                del session.gate.leases[strategy_id]
                session.driver.feed(inputs.LeaseEnded(session.driver.now(), strategy_id, lease.lease_id, "the lease expired"))
                log.warning("lease expired", strategy=strategy_id)

    def _sync_tape(self) -> None:
        self.session.driver.sync_tape()

    def _anchor(self) -> None:
        tip = self.session.journal.tip
        if tip.commit > self._anchored_commit:
            self.session.anchors.anchor(
                session_id=self.session.session_id, commit=tip.commit, seq=tip.seq, head=tip.head, at=self._wall()
            )
            self._anchored_commit = tip.commit

    async def _play(self, session: Session) -> None:
        assert session.player is not None, "only a configured feed is played"
        try:
            await session.player.play(session.driver)
            log.info("the feed ended", played=session.player.played)
        except InterlockError as error:
            session.player.ended = True
            log.exception("the feed failed", error=str(error))
            if session.driver.failure is None:
                for instrument in session.player.instruments:
                    session.driver.feed(inputs.FeedChanged(session.driver.now(), instrument.instrument_id, healthy=False, detail=str(error)))
        except Exception as error:  # noqa: BLE001 - a feed that dies of anything else must not leave the engine trading
            session.driver.halt(f"the feed failed: {type(error).__name__}: {error}")

    async def _until_flat(self, scope: Scope, target: str) -> None:
        driver = self.session.driver
        await driver.durable(driver.loop.last_seq)
        while self._orders_in(scope, target):
            await driver.settled()
            await driver.durable(driver.loop.last_seq)
            await asyncio.sleep(0.001)

    def _cancel_directly(self, scope: Scope, target: str) -> None:
        """Cancel at the venue without the journal: only a kill may, and only when the driver has halted."""
        from live.core.effects import CancelOrder

        for order in self._orders_in(scope, target):
            venue = self.session.venues.get(order.instrument_id.partition(":")[0])
            if venue is not None:
                venue.cancel(CancelOrder(order.order_id, order.account_id, order.instrument_id), self.session.driver.now())

    def _orders_in(self, scope: Scope, target: str) -> list[Order]:
        def covered(order: Order) -> bool:
            names = {Scope.VENUE: order.instrument_id.partition(":")[0], Scope.ACCOUNT: order.account_id, Scope.STRATEGY: order.strategy_id}
            return scope is Scope.GLOBAL or names[scope] == target

        return [order for order in self.session.driver.engine.state.live_orders.values() if covered(order)]

    def _report_kill(self, scope: Scope, target: str, before: list[str], seconds: float) -> KillReport:
        at_venues = {order_id for venue in self.session.venues.values() for order_id in venue.open_order_ids()}
        halted = self.session.driver.failure is not None
        orders = self.session.driver.engine.state.orders
        names = [order.order_id for order in self._orders_in(scope, target)]
        still = tuple(order_id for order_id in names if order_id in at_venues or not halted)
        state = self.session.driver.engine.state.trading_state(scope, target)
        canceled = tuple(order_id for order_id in before if order_id not in still and order_id in orders)
        return KillReport(scope, target, state.name, canceled, still, not still, round(seconds, 6))

    async def _close(self, session: Session) -> None:
        if session.driver.failure is None:
            with suppress(TimeoutError):
                await asyncio.wait_for(session.driver.settled(), KILL_PROOF_SECONDS)
        self._session = None
        await asyncio.to_thread(close_session, session, "the service stopped", self._wall())
        log.info("session closed", session_id=session.session_id)
