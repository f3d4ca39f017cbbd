"""The running service: one session after another on one home, and what the control plane asks of them."""

import asyncio
import time
from collections.abc import AsyncGenerator, Callable
from contextlib import asynccontextmanager

import structlog

from live.configuration import Configuration
from live.core import inputs
from live.core.orders import OrderState
from live.core.vocabulary import OperatorAction, Resolution, Scope
from live.latch import engage, latch_path
from live.promotion.cache import Accepted
from live.service.arming import Arming, Confirmation
from live.service.challenges import Challenge, Preflight
from live.service.errors import ConflictError, NotFoundError, UnavailableError
from live.service.killing import Killing, KillReport
from live.service.metrics import ServiceMetrics
from live.service.readiness import reasons_not_ready
from live.service.reconciling import Reconciling
from live.service.rotation import refuse_unloadable, refuse_while_trading
from live.service.running import RunningSession, run_session
from live.service.scopes import configured_scopes, scope_name
from live.service.session import Session, lock_home

log = structlog.get_logger()

_SETTLED_BY = {
    Resolution.NEVER_PLACED: "NEVER_PLACED settles one whose submission nobody can vouch for, SUBMIT_UNKNOWN",
    Resolution.ENDED: "ENDED settles one that may still rest at the venue",
}


class TradingService:
    """Run sessions, one at a time: arm, disarm, kill, release, load, and watch.

    Attributes:
        configuration: what it runs.
        metrics: what is counted, from before the first session opens.
        halted: what halted trading, kept after the session is closed.
    """

    def __init__(self, configuration: Configuration, wall: Callable[[], int] = time.time_ns) -> None:
        self.configuration = configuration
        self.metrics = ServiceMetrics()
        self.halted: str | None = None
        self._wall = wall
        self._running: RunningSession | None = None
        self._rotation = asyncio.Lock()

    @property
    def session(self) -> Session:
        """Give the running session.

        Raises:
            UnavailableError: the service is not running one.
        """
        return self._run.session

    @asynccontextmanager
    async def running(self) -> AsyncGenerator[None]:
        """Hold the home, open a session, watch while the body runs, close the session that runs then.

        Raises:
            StartError: another process holds the home.
            InterlockError: the session cannot be opened, or not be closed in an orderly way.
        """
        with lock_home(self.configuration.home):
            await self._open()
            try:
                yield
            finally:
                async with self._rotation:
                    await self._close("the service stopped")

    # What the control plane asks

    def preflight(self, strategy_id: str, maximum_order_notional: int | None = None) -> Preflight:
        """Collect what blocks arming a deployment, see `Arming.preflight`."""
        return self._armer.preflight(strategy_id, maximum_order_notional)

    def request_arming(self, strategy_id: str, maximum_order_notional: int | None, operator: str = "") -> tuple[Preflight, Challenge]:
        """Take the first step of arming, see `Arming.request`."""
        return self._armer.request(strategy_id, maximum_order_notional, operator)

    def find_arming(self, challenge_id: str) -> tuple[Preflight, Challenge]:
        """Show an open challenge, see `Arming.find`."""
        return self._armer.find(challenge_id)

    async def confirm_arming(
        self, challenge_id: str, phrase: str, operator: str, lease_seconds: int | None, code: str = ""
    ) -> Confirmation:
        """Take the second step of arming, see `Arming.confirm`, after one more look at what was withdrawn."""
        await asyncio.to_thread(self.session.promotions.look)
        return await self._armer.confirm(challenge_id, phrase, operator, lease_seconds, code)

    async def load(self, operator: str) -> dict[str, Accepted]:
        """Load what is pending by closing the session and opening the next one; nothing happens when nothing is pending.

        A caller who goes away does not stop it half-way. Gives what was loaded, by strategy id.

        Raises:
            ConflictError: something is armed, an order is alive, or what is pending does not load; nothing was changed.
            UnavailableError: trading is halted, or the next session could not be opened: nothing trades until a restart.
        """
        return await asyncio.shield(asyncio.create_task(self._rotate(operator)))

    async def kill(self, scope: Scope, target: str, reason: str, operator: str) -> KillReport:
        """Kill a scope, see `Killing.kill`; the latch is engaged even while no session runs.

        Raises:
            UnavailableError: no session runs that could cancel, or the latch could not be written.
        """
        if self._running is None:
            try:
                engage(latch_path(self.configuration.home, scope, target), reason)
            except OSError as error:
                raise UnavailableError(f"no session runs, and the latch could not be engaged ({error}): stop the process") from None
            raise UnavailableError("the latch is engaged, but no session runs that could cancel orders: look at the venue")
        return await self._running.killing.kill(scope, target, reason, operator)

    async def release(self, scope: Scope, target: str, reason: str, operator: str) -> None:
        """Clear a kill, see `Killing.release`."""
        await self._killer.release(scope, target, reason, operator)

    async def disarm(self, scope: Scope, target: str, reason: str, operator: str) -> None:
        """End leases and cancel orders in a scope."""
        state = self.session.driver.engine.state
        self.session.gate.end_leases(name for name in state.deployments if (scope, target) in state.scopes_of(name))
        await self.command(OperatorAction.DISARM, scope, target, reason, operator)

    async def command(self, action: OperatorAction, scope: Scope, target: str, reason: str, operator: str) -> None:
        """Record an operator's command and wait until it is durable."""
        driver = self.session.driver
        await driver.durable(driver.feed(inputs.OperatorCommand(driver.now(), operator, action, scope, target, reason)))

    def reconciling(self, account_id: str) -> Reconciling:
        """Give who holds a LIVE account against its venue.

        Raises:
            NotFoundError: the account does not trade at a real venue.
        """
        found = self._run.connecting.reconciling.get(account_id)
        if found is None:
            raise NotFoundError(f"account {account_id!r} does not trade at a real venue: there is nothing to compare it with")
        return found

    async def explain_balance(self, account_id: str, asset: str, reason: str, operator: str, difference: int | None = None) -> int:
        """Post what a balance at a LIVE account's venue differs by, see `Reconciling.explain`; gives the balance after it, money units.

        Raises:
            NotFoundError: the account does not trade at a real venue.
            ConflictError: the venue was not read lately, the account moved since, nothing differs, or not by what was shown or meant.
        """
        driver = self.session.driver
        await driver.durable(self.reconciling(account_id).explain(asset, reason, operator, difference))
        return driver.engine.state.ledger.balance(account_id, asset)

    async def resolve_order(self, order_id: str, resolution: Resolution, reason: str, operator: str) -> OrderState:
        """Settle an order that no answer of its venue settles by a person's finding; gives the state that it has then.

        Raises:
            NotFoundError: there is no such order.
            ConflictError: its request left in this session and may still arrive, and nothing was recorded; or the order's state
                leaves nothing to settle, and the finding is recorded all the same.
        """
        driver = self.session.driver
        order = driver.engine.state.orders.get(order_id)
        if order is None:
            raise NotFoundError(
                f"there is no order {order_id!r} here: GET /v1/orders lists them, as `interlock status` does those that are open"
            )
        trading = self.session.trading.get(order.account_id)
        doubtful = resolution is Resolution.NEVER_PLACED and order.state is OrderState.SUBMIT_UNKNOWN
        if doubtful and trading is not None and order_id in trading.venue.under_way():
            raise ConflictError(
                f"order {order_id} may still arrive at {trading.venue_id}: its request was not answered, and is accepted for some seconds "
                "after it was signed; nothing was recorded, ask the venue again and say it in a minute"
            )
        before = order.state
        seq = driver.feed(inputs.OrderResolved(driver.now(), operator, order_id, resolution, reason))
        after = order.state  # while the disk is waited for, the venue may say something else
        await driver.durable(seq)
        if after is before:
            raise ConflictError(f"order {order_id} stays {before}: {_SETTLED_BY[resolution]}")
        return after

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
        if self._running is None:
            return reasons_not_ready(None)
        return [*reasons_not_ready(self._running.session), *self._running.arming.reasons_not_ready()]

    # What it is made of

    @property
    def _run(self) -> RunningSession:
        if self._running is None:
            raise UnavailableError("the service is not running a session: wait until it has started")
        return self._running

    @property
    def _armer(self) -> Arming:
        return self._run.arming

    @property
    def _killer(self) -> Killing:
        return self._run.killing

    async def _rotate(self, operator: str) -> dict[str, Accepted]:
        async with self._rotation:
            running = self._run
            session = running.session
            refuse_while_trading(running)
            await asyncio.to_thread(session.promotions.look)
            pending = session.promotions.pending
            if not pending:
                return {}
            await asyncio.to_thread(refuse_unloadable, self.configuration, session, pending, self._wall())
            refuse_while_trading(running)  # and from here to the closing nobody else gets a turn
            try:
                await self._close(f"{operator} loads {', '.join(pending)}")
                if self.halted is None:
                    await self._open()
            except Exception as error:
                self._on_halt(f"the next session could not be opened: {error}")
                raise UnavailableError(f"{self.halted}; nothing is armed and nothing trades: look at the log, then restart") from error
            if self.halted is not None:
                raise UnavailableError(f"trading halted while the session closed: {self.halted}; look at the journal, then restart")
            loaded = self._run.session.deployments
            return {name: accepted for name in pending if (accepted := loaded[name].accepted) is not None}

    async def _open(self) -> None:
        running = await run_session(self.configuration, self._wall, self.metrics, self._on_halt)
        try:
            await running.begin()
        except BaseException:
            await running.finish("the session could not begin")
            raise
        self._running = running

    async def _close(self, reason: str) -> None:
        running, self._running = self._running, None
        if running is not None:
            await running.finish(reason)

    def _on_halt(self, reason: str) -> None:
        self.halted = reason
        log.critical("trading halted", reason=reason)
