"""Conditions: what the checks rest on besides the market, told to the engine at a session's start and when it changes.

A simulated venue has our clock, so its sample holds for good; a real one's is sampled while it trades. A simulated venue's book is
compared with the engine's orders, and the journal is watched for falling behind.
"""

import time
from collections.abc import Callable, Mapping

from live.configuration import Configuration
from live.core import inputs
from live.core.inputs import RecordedInput
from live.core.orders import OrderState
from live.core.scope_limits import parse_scope_limits
from live.core.state import EngineState
from live.core.vocabulary import Scope
from live.driver.live import LiveDriver
from live.venues.sim import SimulatedVenue

END_OF_TIME = 2**63 - 1
COMMIT_BOUND = 1.0
"""Seconds within which a record must be durable; a journal that takes longer is unhealthy. A commit takes milliseconds."""


def opening_conditions(
    configuration: Configuration, state: EngineState, venues: Mapping[str, SimulatedVenue], now: int
) -> list[RecordedInput]:
    """List the limits of accounts and venues, and how journal, clocks and accounts stand as the session opens.

    Raises:
        LimitError: configured limits are malformed or absurd.
    """
    found = differences(configuration, state, venues)
    real = set(configuration.live_accounts.values())
    tables = [(Scope.ACCOUNT, name, account.total_limits) for name, account in configuration.accounts.items()]
    tables += [(Scope.VENUE, name, venue.total_limits) for name, venue in configuration.venues.items()]
    return [
        *(inputs.LimitsSet(now, scope, target, parse_scope_limits(table)) for scope, target, table in tables if table),
        inputs.JournalHealthReported(now, healthy=True, detail=""),
        *(inputs.ClockSampled(now, venue_id, 0, 0, END_OF_TIME) for venue_id in configuration.venues if venue_id not in real),
        *(_reconciliation(now, account_id, detail) for account_id, detail in found.items()),
    ]


def differences(configuration: Configuration, state: EngineState, venues: Mapping[str, SimulatedVenue]) -> dict[str, str]:
    """Say for every account how its orders differ from the venues', empty where they do not.

    An order that only the venue has belongs to no account we know, so it counts against all of them. Accounts that trade for real
    are compared with their venue by `Reconciling`.
    """
    at_venues = {order_id for venue in venues.values() for order_id in venue.open_order_ids()}
    unknown = sorted(at_venues - state.live_orders.keys())
    said = [f"the venue has {', '.join(unknown)}, which is not alive here"] if unknown else []
    found: dict[str, str] = {}
    for account_id in configuration.accounts:
        if account_id in configuration.live_accounts:
            continue
        missing = [
            order.order_id
            for order in state.live_orders.values()
            if order.account_id == account_id and order.state is OrderState.OPEN and order.order_id not in at_venues
        ]
        lost = [f"the venue does not have {', '.join(missing)}, which is open here"] if missing else []
        found[account_id] = "; ".join(said + lost)
    return found


class ConditionWatch:
    """Look again and again, and tell the engine what changed since; `clock` gives seconds from any beginning and never goes back."""

    def __init__(
        self,
        configuration: Configuration,
        driver: LiveDriver,
        venues: Mapping[str, SimulatedVenue],
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._configuration = configuration
        self._driver = driver
        self._venues = venues
        self._clock = clock
        self._suspected: dict[str, str] = {}
        self._awaited = 0
        self._since = 0.0

    async def look_at_accounts(self) -> None:
        """Report an account that differs in the same way twice in a row, with no answer on its way, and one that no longer does."""
        driver = self._driver
        if not driver.loop.idle or any(isinstance(item, inputs.VenueReport) for _, _, item in driver.loop.scheduler.waiting):
            return
        state = driver.engine.state
        found = differences(self._configuration, state, self._venues)
        for account_id, detail in found.items():
            known = state.reconciliations.get(account_id)
            if known is not None and known.detail != detail and self._suspected.get(account_id) == detail:
                driver.feed(_reconciliation(driver.now(), account_id, detail))
        self._suspected = found

    async def look_at_journal(self) -> None:
        """Report a journal that leaves a record undurable for longer than the bound, and one that caught up."""
        driver, now = self._driver, self._clock()
        if driver.durable_seq >= self._awaited:
            if not driver.engine.state.journal_healthy:
                driver.feed(inputs.JournalHealthReported(driver.now(), healthy=True, detail=""))
            self._awaited, self._since = driver.loop.last_seq, now
        elif now - self._since > COMMIT_BOUND and driver.engine.state.journal_healthy:
            detail = f"record {self._awaited} is not durable after {now - self._since:.1f} s, allowed {COMMIT_BOUND:.1f} s"
            driver.feed(inputs.JournalHealthReported(driver.now(), healthy=False, detail=detail))


def _reconciliation(now: int, account_id: str, detail: str) -> inputs.ReconciliationReported:
    return inputs.ReconciliationReported(now, account_id, clean=not detail, detail=detail, valid_until=END_OF_TIME)
