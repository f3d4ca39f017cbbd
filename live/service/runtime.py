"""The running service: one session from start to stop, and what the control plane asks of it."""

import asyncio
import time
from collections.abc import AsyncGenerator, Callable
from contextlib import asynccontextmanager, suppress

import structlog

from live.configuration import Configuration
from live.core import inputs
from live.core.errors import InterlockError
from live.core.vocabulary import OperatorAction, Scope
from live.journal import TAPE_TRUNCATED
from live.latch import engage, latch_path
from live.service.arming import Arming
from live.service.challenges import Challenge, Preflight
from live.service.errors import NotFoundError, UnavailableError
from live.service.gate import ActiveLease
from live.service.killing import Killing, KillReport
from live.service.metrics import ServiceMetrics
from live.service.readiness import reasons_not_ready
from live.service.scopes import configured_scopes, scope_name
from live.service.session import Notices, Session, close_session, end_session, open_session
from live.service.watching import Watching

SETTLE_SECONDS = 1.0
"""How long a stop waits for answers that are due."""

log = structlog.get_logger()


class TradingService:
    """Run one session: arm, disarm, kill, release, and watch.

    Attributes:
        configuration: what it runs.
        metrics: what is counted, from before the session opens.
        halted: what halted trading, kept after the session is closed.
    """

    def __init__(self, configuration: Configuration, wall: Callable[[], int] = time.time_ns) -> None:
        self.configuration = configuration
        self.metrics = ServiceMetrics()
        self.halted: str | None = None
        self._wall = wall
        self._session: Session | None = None
        self._arming: Arming | None = None
        self._killing: Killing | None = None

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
    async def running(self) -> AsyncGenerator[None]:
        """Open the session, watch while the body runs, close the session.

        Raises:
            InterlockError: the session cannot be opened, or not be closed in an orderly way.
        """
        loop = asyncio.get_running_loop()

        def on_durable(seq: int) -> None:
            with suppress(RuntimeError):  # the event loop ended first: nobody waits any more
                loop.call_soon_threadsafe(self._advance, seq)

        def on_failure(error: BaseException) -> None:
            with suppress(RuntimeError):
                loop.call_soon_threadsafe(self._journal_failed, error)

        notices = Notices(on_durable, on_failure, self._on_halt, self.metrics.observe)
        self._session = session = open_session(self.configuration, self._wall, notices)
        try:
            self.metrics.watch(session)
            self._killing = Killing(self.configuration.home, session, self.metrics)
            self._arming = Arming(self.configuration, session, self._wall)
            watching = Watching(self.configuration, session, self._killing, self._wall)
            _log_opening(session)
            await session.driver.durable(session.driver.loop.last_seq)
            watching.start()
            try:
                yield
            finally:
                await watching.stop()
        finally:
            await self._close(session)

    # What the control plane asks

    def preflight(self, strategy_id: str, maximum_order_notional: int | None = None) -> Preflight:
        """Collect what blocks arming a deployment, see `Arming.preflight`."""
        return self._armer.preflight(strategy_id, maximum_order_notional)

    def request_arming(self, strategy_id: str, maximum_order_notional: int | None) -> tuple[Preflight, Challenge]:
        """Take the first step of arming, see `Arming.request`."""
        return self._armer.request(strategy_id, maximum_order_notional)

    async def confirm_arming(self, challenge_id: str, phrase: str, operator: str, lease_seconds: int | None) -> ActiveLease:
        """Take the second step of arming, see `Arming.confirm`."""
        return await self._armer.confirm(challenge_id, phrase, operator, lease_seconds)

    async def kill(self, scope: Scope, target: str, reason: str, operator: str) -> KillReport:
        """Kill a scope, see `Killing.kill`; the latch is engaged even while no session runs.

        Raises:
            UnavailableError: no session runs that could cancel, or the latch could not be written.
        """
        if self._killing is None:
            try:
                engage(latch_path(self.configuration.home, scope, target), reason)
            except OSError as error:
                raise UnavailableError(f"no session runs, and the latch could not be engaged ({error}): stop the process") from None
            raise UnavailableError("the latch is engaged, but no session runs that could cancel orders: look at the venue")
        return await self._killing.kill(scope, target, reason, operator)

    async def release(self, scope: Scope, target: str, reason: str, operator: str) -> None:
        """Clear a kill, see `Killing.release`."""
        if self._killing is None:
            raise UnavailableError("the service is not running a session: wait until it has started")
        await self._killing.release(scope, target, reason, operator)

    async def disarm(self, scope: Scope, target: str, reason: str, operator: str) -> None:
        """End leases and cancel orders in a scope."""
        state = self.session.driver.engine.state
        self.session.gate.end_leases(name for name in state.deployments if (scope, target) in state.scopes_of(name))
        await self.command(OperatorAction.DISARM, scope, target, reason, operator)

    async def command(self, action: OperatorAction, scope: Scope, target: str, reason: str, operator: str) -> None:
        """Record an operator's command and wait until it is durable."""
        driver = self.session.driver
        await driver.durable(driver.feed(inputs.OperatorCommand(driver.now(), operator, action, scope, target, reason)))

    def check_scope(self, scope: Scope, target: str) -> None:
        """Refuse a scope that this configuration does not have.

        Raises:
            NotFoundError: naming what there is.
        """
        known = configured_scopes(self.configuration)
        if (scope, target) not in known:
            names = ", ".join(scope_name(*key) for key in known)
            raise NotFoundError(f"there is no {scope_name(scope, target)!r} here: there are {names}", scopes=names)

    def unready(self) -> list[str]:
        """List why the service is not ready to trade; empty when it is."""
        return reasons_not_ready(self._session)

    # What it is told

    @property
    def _armer(self) -> Arming:
        if self._arming is None:
            raise UnavailableError("the service is not running a session: wait until it has started")
        return self._arming

    def _advance(self, seq: int) -> None:
        self.metrics.observe_durable(seq)
        if self._session is not None:
            self._session.driver.advance_durable(seq)

    def _journal_failed(self, error: BaseException) -> None:
        if self._session is not None:
            self._session.driver.halt(f"the journal failed: {error}")

    def _on_halt(self, reason: str) -> None:
        self.halted = reason
        log.critical("trading halted", reason=reason)

    async def _close(self, session: Session) -> None:
        with suppress(TimeoutError, InterlockError):
            await asyncio.wait_for(session.driver.settled(), SETTLE_SECONDS)
        with suppress(InterlockError):  # it halts the driver, which closing then knows
            end_session(session, "the service stopped")
        self._session = self._arming = self._killing = None
        await asyncio.to_thread(close_session, session, self._wall())
        log.info("session closed", session_id=session.session_id, halted=self.halted)


def _log_opening(session: Session) -> None:
    for name, status in session.deployments.items():
        log.info("deployment", strategy=name, loaded=status.refused is None, reason=status.refused)
    log.info("session opened", session_id=session.session_id)
    recovered = session.recovered
    if recovered.truncated_bytes or not recovered.tape_complete:
        log.warning(TAPE_TRUNCATED, truncated_bytes=recovered.truncated_bytes, tape_complete=recovered.tape_complete)
