"""Arming: a preflight and a challenge, a typed phrase, and a lease that dies with what it binds."""

import secrets
from collections.abc import Callable

import msgspec
import structlog

from live.configuration import Configuration
from live.core import inputs
from live.core.decimals import MONEY_SCALE, format_scaled
from live.core.limits import describe_limits
from live.core.orders import UNKNOWN
from live.core.state import EngineState
from live.core.vocabulary import TradingState
from live.latch import latch_path, read_latch
from live.service.challenges import NANOSECONDS, Challenge, Challenges, Preflight
from live.service.deployments import DeploymentStatus
from live.service.errors import ConflictError, NotFoundError, ServiceError
from live.service.gate import ActiveLease
from live.service.scopes import scope_name
from live.service.session import Session

log = structlog.get_logger()


class Arming:
    """Arm the deployments of one session; what was asked of an earlier session is void."""

    def __init__(self, configuration: Configuration, session: Session, wall: Callable[[], int]) -> None:
        self._configuration = configuration
        self._session = session
        self._wall = wall
        self._challenges = Challenges(wall, configuration.arming.challenge_seconds)

    def preflight(self, strategy_id: str, maximum_order_notional: int | None = None) -> Preflight:
        """Collect what blocks arming a deployment, what a lease would bind, and what a person should see.

        Raises:
            NotFoundError: it is not configured.
        """
        status, state = self._find(strategy_id), self._session.driver.engine.state
        if status.bundle is None or status.limits is None:
            why = f"the bundle was refused: {status.refused}" if status.waiting is None else f"nothing is loaded: {status.waiting}"
            return Preflight(strategy_id, status.settings.venue, (why,), {}, 0, "", {})
        limits, version = status.limits, status.bundle.version
        highest = limits.maximum_order_notional
        ceiling = highest if maximum_order_notional is None else min(maximum_order_notional, highest)
        bound = {
            "bundle": status.bundle.digest,
            "configuration": self._configuration.digest,
            "limits": msgspec.json.encode(limits).decode(),
            "account": status.settings.account,
            "session": self._session.session_id,
        }
        unknown = _unknown_orders(state)
        profit = self._session.driver.engine.profit(strategy_id)
        shown = {
            "version": version.label,
            "mode": status.settings.mode,
            "limits": describe_limits(limits, state.instruments),
            "engine_matches_evidence": status.bundle.engine_matches,
            "profit": None if profit is None else format_scaled(profit, MONEY_SCALE),
            "unknown_orders": unknown,
        }
        if (pending := self._session.promotions.of(strategy_id).pending) is not None:
            shown["pending"] = f"{pending.version} (registry version {pending.registry_version}) is accepted and not loaded"
        blocks = (*self._blocks_of_host(), *self._blocks_of_scopes(strategy_id), *self._blocks_of_strategy(strategy_id, status, unknown))
        return Preflight(strategy_id, status.settings.venue, blocks, bound, ceiling, version.instruments[0].quote, shown)

    def request(self, strategy_id: str, maximum_order_notional: int | None) -> tuple[Preflight, Challenge]:
        """Take the first step: look, and get a challenge.

        Raises:
            ServiceError: the ceiling is not positive.
            NotFoundError: the strategy is not deployed.
            ConflictError: something blocks arming.
        """
        if maximum_order_notional is not None and maximum_order_notional <= 0:
            asked = format_scaled(maximum_order_notional, MONEY_SCALE)
            raise ServiceError(f"maximum_order_notional must be positive, received {asked}: leave it out for the limit of the bundle")
        preflight = self.preflight(strategy_id, maximum_order_notional)
        return preflight, self._challenges.issue(preflight)

    async def confirm(self, challenge_id: str, phrase: str, operator: str, lease_seconds: int | None) -> ActiveLease:
        """Take the second step: check the phrase and everything bound, then grant the lease.

        Raises:
            ServiceError: the lease would be too long; the challenge stays open.
            ConflictError: wrong phrase, unknown, used, expired or stale challenge, or something blocks arming now.
        """
        longest = self._configuration.arming.maximum_lease_seconds
        seconds = longest if lease_seconds is None else lease_seconds
        if not 0 < seconds <= longest:
            raise ServiceError(f"lease_seconds must lie within 1..{longest}, received {seconds}")
        challenge = self._challenges.find(challenge_id)
        preflight = self.preflight(challenge.strategy_id, challenge.maximum_order_notional)
        self._challenges.use(challenge, phrase, preflight)
        bundle = self._find(challenge.strategy_id).bundle
        assert bundle is not None, "a preflight without blocks has a bundle"
        lease = ActiveLease(
            secrets.token_hex(8),
            operator,
            min(self._wall() + seconds * NANOSECONDS, bundle.expires_at),
            challenge.maximum_order_notional,
            challenge.binding,
        )
        await self._grant(challenge.strategy_id, lease)
        log.info("armed", strategy=challenge.strategy_id, operator=operator, lease_id=lease.lease_id)
        return lease

    async def _grant(self, strategy_id: str, lease: ActiveLease) -> None:
        """Tell the engine of a lease, open the gate, and wait until it is durable and still holds.

        An order that rests on the lease leaves only once its own records are durable, and so the lease's before them: the
        gate may open at once, and must, or the first order would find it closed.
        """
        driver, leases = self._session.driver, self._session.gate.leases
        granted = inputs.LeaseGranted(
            driver.now(), strategy_id, lease.lease_id, lease.operator, lease.expires_at, lease.maximum_order_notional
        )
        seq = driver.feed(granted)
        if self._holds(strategy_id, lease):
            leases[strategy_id] = lease
        await driver.durable(seq)
        if not self._holds(strategy_id, lease) or leases.get(strategy_id) is not lease:
            raise ConflictError(f"the engine refused to arm {strategy_id}: it was killed or disarmed meanwhile, look at its state")

    def _holds(self, strategy_id: str, lease: ActiveLease) -> bool:
        held = self._session.driver.engine.state.leases.get(strategy_id)
        return held is not None and held.lease_id == lease.lease_id

    def _find(self, strategy_id: str) -> DeploymentStatus:
        status = self._session.deployments.get(strategy_id)
        if status is None:
            known = ", ".join(self._session.deployments) or "none"
            raise NotFoundError(f"strategy {strategy_id!r} is not deployed: deployed are {known}")
        return status

    def _blocks_of_host(self) -> list[str]:
        session = self._session
        blocks: list[str] = []
        if session.driver.failure is not None:
            blocks.append(f"trading is halted: {session.driver.failure}")
        if session.player is not None and session.player.ended is not None:
            blocks.append(f"no market data will come: {session.player.ended}")
        return blocks

    def _blocks_of_scopes(self, strategy_id: str) -> list[str]:
        state = self._session.driver.engine.state
        blocks: list[str] = []
        for scope, target in state.scopes_of(strategy_id):
            reading = read_latch(latch_path(self._configuration.home, scope, target))
            if reading.engaged or state.latches.get((scope, target), True):
                blocks.append(f"the kill latch of {scope_name(scope, target)} is engaged ({reading.reason}): release it with a reason")
            elif state.trading_state(scope, target) is TradingState.KILLED:
                blocks.append(f"{scope_name(scope, target)} is KILLED: release it with a reason")
        return blocks

    def _blocks_of_strategy(self, strategy_id: str, status: DeploymentStatus, unknown: list[str]) -> list[str]:
        blocks: list[str] = []
        assert status.bundle is not None, "a refused bundle has one block, and no more are looked for"
        if (withdrawn := self._session.promotions.of(strategy_id).withdrawn) is not None:
            blocks.append(f"{withdrawn.code}: {withdrawn.reason}")
        elif (stale := self._session.promotions.stale(strategy_id)) is not None:
            blocks.append(f"{stale.code}: {stale.reason}")
        if self._wall() >= status.bundle.expires_at:
            blocks.append("the bundle expired: promote it again")
        if unknown:
            blocks.append(f"orders of unknown fate: {', '.join(unknown)}; wait for reconciliation or resolve them")
        if strategy_id in self._session.driver.engine.state.leases:
            blocks.append("it is armed already: disarm it first")
        return blocks


def _unknown_orders(state: EngineState) -> list[str]:
    return [order.order_id for order in state.live_orders.values() if order.state in UNKNOWN]
