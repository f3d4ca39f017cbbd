"""Reconciling: hold an account against its venue, again and again, and tell the engine only what was seen twice.

Until the first clean answer, and whenever none came for two rounds, the engine denies the account's orders. What differs at first is
usually an answer on its way, so the fills are read on and the orders that are missing asked for before the second look. A difference
that stays ends the account's leases, until somebody has explained it.
"""

import asyncio

import structlog

from live.configuration import VenueSettings
from live.core import inputs
from live.core.decimals import MONEY_SCALE, format_scaled
from live.core.effects import QueryOrder
from live.core.state import EngineState
from live.driver.account_comparison import AccountReading, Comparison, compare_account, is_settled, standing
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
        self._reading: AccountReading | None = None

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
        strangers = set(state.external_orders)
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
        self._reading = reading
        if comparison.opening:
            self._open(comparison)
            return False
        return await self._conclude(comparison)

    def explain(self, asset: str, reason: str, operator: str) -> int:
        """Post the difference between the venue's last word of a balance and ours, as a deposit or withdrawal that a person vouches for.

        Gives the sequence number that must be durable for it to count.

        Raises:
            ConflictError: nothing was read yet, or nothing differs.
            DriverHaltedError: the driver halted.
        """
        ours = self._state.ledger.balance(self.account_id, asset)
        if self._reading is None:
            raise ConflictError(f"account {self.account_id} was not compared with its venue yet: wait for the first answer")
        theirs = next((one.total for one in self._reading.balances if one.asset == asset), 0)
        if ours == theirs:
            raise ConflictError(f"account {self.account_id}: the venue has {format_scaled(theirs, MONEY_SCALE)} {asset}, as it is here")
        said = f"{reason} ({operator})"
        return self._driver.feed(inputs.BalanceChanged(self._driver.now(), self.account_id, asset, theirs - ours, said))

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
        known = self._state.reconciliations.get(self.account_id)
        if detail and known is not None and known.detail == detail:
            return
        now = self._driver.now()
        self._driver.feed(
            inputs.ReconciliationReported(now, self.account_id, clean=not detail, detail=detail, valid_until=now + self._validity)
        )
