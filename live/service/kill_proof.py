"""Kill proof: ask a real venue to cancel, and what is open there, until it lists nothing that a kill covers or time is up."""

import asyncio
import time
from collections.abc import Iterable

from live.core.effects import CancelOrder
from live.core.engine.reports import OUR_ORDER_IDS
from live.core.errors import InterlockError
from live.core.orders import OrderState
from live.core.vocabulary import Scope
from live.service.connections import TradingConnection
from live.service.scopes import covers
from live.service.session import Session
from live.venues.protocol import OpenOrder

SHORTEST_PAUSE = 0.05
LONGEST_PAUSE = 1.0
"""Seconds between two questions; the pause doubles, since listing all orders is dear."""

_MAY_ARRIVE = frozenset({OrderState.SUBMITTING, OrderState.SUBMIT_UNKNOWN})


class VenueProof:
    """Prove for one account that nothing is open that a scope covers.

    Attributes:
        settled: the venue was asked after the engine knew of nothing any more, and listed nothing that the scope covers.
        open: what it listed last that the scope covers, by client id, else by its own, and what may still arrive there.
        failures: what it was asked in vain, one sentence each.
    """

    def __init__(self, session: Session, connection: TradingConnection, scope: Scope, target: str) -> None:
        self.settled = False
        self.open: tuple[str, ...] = ()
        self.failures: list[str] = []
        self._session = session
        self._connection = connection
        self._scope = scope
        self._target = target
        self._late: set[str] = set()

    async def run(self, deadline: float) -> None:
        """Cancel and ask until proven, at most until `deadline` on the monotonic clock."""
        unanswered = "it was not asked in time"
        try:
            async with asyncio.timeout(max(0.0, deadline - time.monotonic())):
                if self._scope is not Scope.STRATEGY:
                    await self._cancel_everything()
                pause = SHORTEST_PAUSE
                while not self.settled:
                    quiet, late = not self._known_here(), self._under_way()
                    try:
                        listed = await self._connection.venue.open_orders()
                    except InterlockError as error:
                        unanswered = str(error)
                    else:
                        covered = [one for one in listed if self._covers(one)]
                        self._cancel_latecomers(covered)
                        self.open = tuple(dict.fromkeys([*(one.order_id or one.venue_order_id for one in covered), *late]))
                        self.settled = quiet and not self.open
                        unanswered = ""
                    if not self.settled:
                        await asyncio.sleep(pause)
                        pause = min(2 * pause, LONGEST_PAUSE)
        except TimeoutError:
            if unanswered:
                where = f"account {self._connection.account_id} at {self._connection.venue_id}"
                self.failures.append(f"{where} does not say what is open: {unanswered}")

    async def _cancel_everything(self) -> None:
        """Cancel all orders of every instrument, whoever sent them, in one request each and all at once."""
        venue, instruments = self._connection.venue, self._connection.instrument_ids
        answers = await asyncio.gather(*(venue.cancel_all(name) for name in instruments), return_exceptions=True)
        for instrument_id, answer in zip(instruments, answers, strict=True):
            if isinstance(answer, InterlockError):
                self.failures.append(f"all orders of {instrument_id} in {self._connection.account_id}: {answer}")
            elif isinstance(answer, BaseException):
                raise answer

    def _known_here(self) -> bool:
        """Tell whether the engine, while it lives, knows of an order here that the scope covers and that may be open."""
        driver = self._session.driver
        if driver.failure is not None:
            return False
        mine = (order for order in driver.engine.state.live_orders.values() if order.account_id == self._connection.account_id)
        return any(covers(self._scope, self._target, order) for order in mine)

    def _under_way(self) -> list[str]:
        """Name orders that left before the engine halted and may still arrive: nobody follows them but the adapter."""
        driver = self._session.driver
        if driver.failure is None:
            return []
        there = set(self._connection.venue.under_way())
        live = [one for one in driver.engine.state.live_orders.values() if one.state in _MAY_ARRIVE and one.order_id in there]
        found = [one.order_id for one in live if covers(self._scope, self._target, one)]
        self._late.update(found)
        return found

    def _cancel_latecomers(self, listed: Iterable[OpenOrder]) -> None:
        """Cancel what arrived only after a halted engine's cancels had gone out, once each."""
        now = self._session.driver.now()
        for one in listed:
            if one.order_id in self._late:
                self._late.discard(one.order_id)
                self._connection.cancel(CancelOrder(one.order_id, self._connection.account_id, one.instrument_id), now)

    def _covers(self, seen: OpenOrder) -> bool:
        """Tell whether a scope covers a listed order: a stranger's is nobody's strategy, unless it looks like one of ours."""
        order = self._session.driver.engine.state.orders.get(seen.order_id)
        if order is not None:
            return covers(self._scope, self._target, order)
        return self._scope is not Scope.STRATEGY or seen.order_id.startswith(OUR_ORDER_IDS)
