"""Arming: a preflight and a challenge, a typed phrase, and a lease that dies with what it binds.

Arming LIVE also takes a one-time code of the person who confirms, and of a second one where the configuration asks for two.
"""

import asyncio
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
from live.promotion.conformance import ConformanceRefused
from live.service.challenges import NANOSECONDS, Challenge, Challenges, Preflight
from live.service.deployments import DeploymentStatus
from live.service.errors import ConflictError, NotFoundError, ServiceError
from live.service.gate import ActiveLease
from live.service.live_standing import LiveStandings
from live.service.one_time_codes import OneTimeCodes, enrolled, read_secret
from live.service.scopes import scope_name
from live.service.session import Session

log = structlog.get_logger()


class Confirmation(msgspec.Struct, frozen=True):
    """Say what a confirmation led to: a lease, or that another person must confirm too."""

    challenge: Challenge
    lease: ActiveLease | None


class Arming:
    """Arm the deployments of one session; what was asked of an earlier session is void."""

    def __init__(self, configuration: Configuration, session: Session, wall: Callable[[], int]) -> None:
        self._configuration = configuration
        self._session = session
        self._wall = wall
        self._challenges = Challenges(wall, configuration.arming.challenge_seconds)
        self._codes = OneTimeCodes(configuration.keys, configuration.home, wall)
        self._standings = LiveStandings(configuration, session, wall)
        self._evidence: dict[str, tuple[str, str]] = {}

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
        live = self._standings.look(status) if status.settings.mode == "LIVE" else None
        unknown = _unknown_orders(state)
        profit = self._session.driver.engine.profit(strategy_id)
        shown = {
            "version": version.label,
            "mode": status.settings.mode,
            "limits": describe_limits(limits, state.instruments),
            "engine_matches_evidence": status.bundle.engine_matches,
            "profit": None if profit is None else format_scaled(profit, MONEY_SCALE),
            "positions": self._positions(strategy_id),
            "unknown_orders": unknown,
        }
        if (pending := self._session.promotions.of(strategy_id).pending) is not None:
            shown["pending"] = f"{pending.version} (registry version {pending.registry_version}) is accepted and not loaded"
        blocks = (*self._blocks_of_host(), *self._blocks_of_scopes(strategy_id), *self._blocks_of_strategy(strategy_id, status, unknown))
        quote = version.instruments[0].quote
        if live is None:
            return Preflight(strategy_id, status.settings.venue, blocks, bound, ceiling, quote, shown)
        return Preflight(
            strategy_id,
            status.settings.venue,
            (*blocks, *live.blocks),
            {**bound, **live.bound},
            ceiling,
            quote,
            {**shown, **live.shown},
            live=True,
            persons=2 if self._configuration.live.second_person else 1,
        )

    def request(self, strategy_id: str, maximum_order_notional: int | None, operator: str = "") -> tuple[Preflight, Challenge]:
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
        if preflight.live and not preflight.blocks:
            self._refuse_without_codes(operator, preflight.persons)
        return preflight, self._challenges.issue(preflight)

    def find(self, challenge_id: str) -> tuple[Preflight, Challenge]:
        """Show an open challenge, and everything as it stands now, to a person who is to confirm it too.

        Raises:
            ConflictError: it is not known, was used, or expired.
        """
        challenge = self._challenges.find(challenge_id)
        return self.preflight(challenge.strategy_id, challenge.maximum_order_notional), challenge

    async def confirm(self, challenge_id: str, phrase: str, operator: str, lease_seconds: int | None, code: str = "") -> Confirmation:
        """Take the second step: check the phrase, the code and everything bound, then grant the lease or wait for another person.

        Of two who confirm, the shorter lease holds.

        Raises:
            ServiceError: the lease would be too long, or a code is missing; the challenge stays open.
            ConflictError: wrong phrase or code, unknown, used, expired or stale challenge, or something blocks arming now.
        """
        longest = self._configuration.arming.maximum_lease_seconds
        seconds = longest if lease_seconds is None else lease_seconds
        if not 0 < seconds <= longest:
            raise ServiceError(f"lease_seconds must lie within 1..{longest}, received {seconds}")
        challenge = self._checked(challenge_id, phrase, operator)
        if challenge.live:
            await asyncio.to_thread(self._codes.spend, operator, code)
            # Meanwhile anything may have changed, and somebody else may have confirmed.
            challenge = self._checked(challenge_id, phrase, operator)
        challenge = self._challenges.confirm(challenge, operator, seconds)
        if challenge.waits_for > 0:
            log.info("arming waits for another person", strategy=challenge.strategy_id, operator=operator)
            return Confirmation(challenge, None)
        lease = self._lease(challenge)
        await self._grant(challenge.strategy_id, lease, challenge.bound.get("conformance"))
        log.info("armed", strategy=challenge.strategy_id, operator=lease.operator, lease_id=lease.lease_id)
        return Confirmation(challenge, lease)

    def reasons_not_ready(self) -> list[str]:
        """List the LIVE deployments whose adapter has no conformance evidence that counts now."""
        reasons: list[str] = []
        for name, status in self._session.deployments.items():
            if status.settings.mode == "LIVE":
                try:
                    self._standings.conformance(status.settings.venue)
                except ConformanceRefused as refused:
                    reasons.append(f"deployment {name} cannot be armed, conformance {refused.code}: {refused}")
        return reasons

    def end_drifted(self) -> None:
        """End the leases whose conformance evidence was replaced, removed, or stopped counting: they rest on it."""
        leases, driver = self._session.gate.leases, self._session.driver
        for strategy_id, (lease_id, digest) in list(self._evidence.items()):
            lease = leases.get(strategy_id)
            if lease is None or lease.lease_id != lease_id:
                del self._evidence[strategy_id]
                continue
            try:
                found = self._standings.conformance(self._find(strategy_id).settings.venue).digest
                reason = "" if found == digest else "its conformance evidence was replaced: arm it again by the new one"
            except ConformanceRefused as refused:
                reason = f"conformance {refused.code}: {refused}"
            if reason:
                del leases[strategy_id], self._evidence[strategy_id]
                log.warning("lease ended", strategy=strategy_id, reason=reason)
                driver.feed(inputs.LeaseEnded(driver.now(), strategy_id, lease_id, reason))

    def _checked(self, challenge_id: str, phrase: str, operator: str) -> Challenge:
        """Find a challenge that this person may confirm with this phrase as everything stands now."""
        challenge = self._challenges.find(challenge_id)
        if operator in challenge.confirmed:
            raise ConflictError(f"{operator} confirmed already: another person must, with a token and a code of their own")
        self._challenges.check(challenge, phrase, self.preflight(challenge.strategy_id, challenge.maximum_order_notional))
        return challenge

    def _lease(self, challenge: Challenge) -> ActiveLease:
        """Make the lease of a challenge that all confirmed; it ends before anything that it rests on does."""
        status = self._find(challenge.strategy_id)
        assert status.bundle is not None, "a preflight without blocks has a bundle"
        ends = [self._wall() + min(challenge.confirmed.values()) * NANOSECONDS, status.bundle.expires_at]
        if challenge.live:
            ends.append(self._standings.conformance(status.settings.venue).expires_at)
        return ActiveLease(
            secrets.token_hex(8), " and ".join(challenge.confirmed), min(ends), challenge.maximum_order_notional, challenge.binding
        )

    def _refuse_without_codes(self, operator: str, persons: int) -> None:
        """Refuse early what nobody here could confirm."""
        make = "make one with `interlock keys one-time-code NAME`, NAME being that of the token"
        if read_secret(self._configuration.keys, operator) is None:
            raise ConflictError(f"{operator} has no one-time codes, and LIVE needs one: {make}")
        if len(known := enrolled(self._configuration.keys)) < persons:
            raise ConflictError(f"LIVE needs {persons} persons with one-time codes here, and only {', '.join(known)} has them: {make}")

    def _positions(self, strategy_id: str) -> dict[str, str]:
        state = self._session.driver.engine.state
        return {
            position.instrument_id: format_scaled(position.quantity, state.instruments[position.instrument_id].quantity_scale)
            for _, position in sorted(state.ledger.positions.items())
            if position.strategy_id == strategy_id and position.quantity
        }

    async def _grant(self, strategy_id: str, lease: ActiveLease, evidence: str | None) -> None:
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
            if evidence is not None:
                self._evidence[strategy_id] = (lease.lease_id, evidence)
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
