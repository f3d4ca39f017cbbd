"""Reconciling: hold an account against its venue, again and again, and tell the engine only what was seen twice.

Until the first clean answer, and whenever none came for two rounds, the engine denies the account's orders. What differs at first is
usually an answer on its way, so the fills are read on and the orders that are missing asked for before the second look. A difference
that stays ends the account's leases, until somebody has explained it.
"""

import asyncio
from typing import NamedTuple

import structlog

from live.configuration import VenueSettings
from live.core import inputs
from live.core.decimals import MONEY_SCALE, format_scaled
from live.core.effects import QueryOrder
from live.core.state import EngineState
from live.driver.account_comparison import AccountReading, Comparison, compare_account, describe_balances, is_settled, standing
from live.driver.input_queue import InputQueue
from live.driver.live import LiveDriver
from live.service.connections import TradingConnection
from live.service.errors import ConflictError
from live.venues.errors import VenueCallError
from live.venues.taxonomy import FailureClass

SECOND_LOOK = 0.25
"""Seconds until an answer that stands alone is looked at again."""
QUICK_LOOKS = 4
"""Looks in quick succession while orders are on their way, before the next round is waited for."""
_NANOSECONDS = 1_000_000_000

log = structlog.get_logger()


class _Held(NamedTuple):
    """Keep a reading beside what it was compared with, and the engine's time at which it was asked for, nanoseconds."""

    reading: AccountReading
    standing: object
    asked_at: int


class Reconciling:
    """Compare one account with its venue.

    Attributes:
        unanswered: why the last question got no answer, None when it did.
        last: what the last reading differed in, None before the first.
    """

    def __init__(self, driver: LiveDriver, queue: InputQueue, connection: TradingConnection, settings: VenueSettings) -> None:
        self.unanswered: str | None = None
        self.last: tuple[str, ...] | None = None
        self._driver = driver
        self._queue = queue
        self._connection = connection
        self._interval = settings.reconcile_seconds
        self._validity = int((2 * settings.reconcile_seconds + settings.timeout_ms / 1_000) * _NANOSECONDS)
        self._quick = 0
        self._held: _Held | None = None

    @property
    def account_id(self) -> str:
        """Name the account."""
        return self._connection.account_id

    async def run(self) -> None:
        """Look until canceled.

        Raises:
            DriverHaltedError: the driver halted.
        """
        while True:
            if await self.look():
                self._quick = 0
                await asyncio.sleep(self._interval)
            else:
                self._quick += 1
                await asyncio.sleep(SECOND_LOOK if self._quick % QUICK_LOOKS else self._interval)

    async def look(self) -> bool:
        """Compare once; tells whether that was conclusive.

        Raises:
            DriverHaltedError: the driver halted.
        """
        state, account_id = self._state, self.account_id
        await self._queue.drained()
        settled, before = is_settled(state, account_id), standing(state, account_id)
        if not settled and self._quick % QUICK_LOOKS:
            return False  # it could not conclude anything, and a venue's list of all orders is dear
        strangers, asked_at = set(state.external_orders), self._driver.now()
        try:
            orders, balances = await asyncio.gather(self._connection.venue.open_orders(), self._connection.venue.balances())
        except VenueCallError as error:
            if self.unanswered is None:
                log.warning("an account cannot be compared with its venue", account=account_id, reason=str(error))
            self.unanswered, self.last = str(error), None
            if self.unanswered.startswith(FailureClass.REJECTED_CLOCK):
                self._connection.clock_doubted.set()
            return False
        self.unanswered = None
        await self._queue.drained()
        reading = AccountReading(orders, balances)
        comparison = compare_account(state, account_id, reading)
        settled = settled and is_settled(state, account_id) and standing(state, account_id) == before
        # An id that no session recorded is a stranger's whatever is on its way: ours are recorded before they leave.
        for sighting in comparison.sightings:
            # One that was heard of only after the question may be missing in its answer.
            appeared = not sighting.remaining and (account_id, sighting.instrument_id, sighting.venue_order_id) not in strangers
            if not appeared and (settled or sighting.client_order_id not in state.orders):
                self._connection.answer(sighting)
        if not settled:
            return False
        self._held = _Held(reading, before, asked_at)
        if comparison.opening:
            self._open(comparison)
            return False
        return await self._conclude(comparison)

    def explain(self, asset: str, reason: str, operator: str, difference: int | None = None) -> int:
        """Post the difference between the venue's last word of a balance and ours, as a deposit or withdrawal that a person vouches for.

        What is posted is what the person was shown: the difference that was last reported, by a reading that is fresh, and that nothing
        of the account moved since. Gives the sequence number that must be durable for it to count.

        Args:
            asset: whose balance differs.
            reason: what the difference is.
            operator: who says so.
            difference: what the person means to post, money units; whatever was shown last unless given.

        Raises:
            ConflictError: the venue was not read lately, the account moved since, nothing differs, or not by what was shown or meant.
            DriverHaltedError: the driver halted.
        """
        state, account, held, now = self._state, f"account {self.account_id}", self._held, self._driver.now()
        if held is None:
            raise ConflictError(f"{account} was not compared with its venue yet: wait for the first answer")
        if now - held.asked_at > self._validity:
            raise ConflictError(
                f"{account} was last compared with its venue {(now - held.asked_at) // _NANOSECONDS} s ago, at most "
                f"{self._validity // _NANOSECONDS} s are allowed: wait until the venue answers, and look at the difference again"
            )
        if not is_settled(state, self.account_id) or standing(state, self.account_id) != held.standing:
            raise ConflictError(
                f"an order or a balance of {account} moved since the venue was read: wait for the next comparison, and look at the "
                "difference again"
            )
        ours = state.ledger.balance(self.account_id, asset)
        theirs = next((one.total for one in held.reading.balances if one.asset == asset), 0)
        if ours == theirs:
            raise ConflictError(f"{account}: the venue has {format_scaled(theirs, MONEY_SCALE)} {asset}, as it is here")
        shown, found = state.reconciliations.get(self.account_id), describe_balances(asset, theirs, ours)
        if shown is None or found not in shown.detail.split("; "):
            raise ConflictError(
                f"{account}: {found} by now, which was not shown yet: wait until `interlock status` shows it, and look again"
            )
        if difference is not None and difference != theirs - ours:
            differs, meant = format_scaled(theirs - ours, MONEY_SCALE), format_scaled(difference, MONEY_SCALE)
            raise ConflictError(
                f"{account}: {found}, a difference of {differs}, and {meant} was to be posted: look at `interlock status` again"
            )
        said = f"{reason} ({operator})"
        posted = self._driver.feed(inputs.BalanceChanged(now, self.account_id, asset, theirs - ours, said))
        self._held = held._replace(standing=standing(state, self.account_id))  # that much of it moved by this hand
        return posted

    @property
    def _state(self) -> EngineState:
        return self._driver.engine.state

    def _open(self, comparison: Comparison) -> None:
        """Take over what is on an account that this journal sees for the first time."""
        for balance in comparison.opening:
            self._queue.put(inputs.BalanceChanged(0, self.account_id, balance.asset, balance.total, "opening balance at the venue"))

    async def _conclude(self, comparison: Comparison) -> bool:
        """Report what two readings agree on; look closer at what only one says."""
        agreed, self.last = self.last == comparison.differences, comparison.differences
        if comparison.differences and not agreed:
            now = self._driver.now()
            for order in comparison.missing:
                self._connection.query(QueryOrder(order.order_id, order.account_id, order.instrument_id, order.left_by), now)
            try:
                await self._connection.venue.scan_fills()
            except VenueCallError as error:
                self.unanswered = str(error)
        if agreed:
            self._report("; ".join(comparison.differences))
        return agreed

    def _report(self, detail: str) -> None:
        """Tell the engine, each time anew: what was said before says nothing any more once it is too old, a difference neither."""
        now = self._driver.now()
        self._driver.feed(
            inputs.ReconciliationReported(now, self.account_id, clean=not detail, detail=detail, valid_until=now + self._validity)
        )
