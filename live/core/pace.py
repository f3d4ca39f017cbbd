"""Pace: when orders were sent and canceled and how often strategies traded lately, for the checks that bound how fast it goes."""

from collections import deque
from collections.abc import Sequence
from typing import TYPE_CHECKING

from live.core.vocabulary import Scope

if TYPE_CHECKING:
    from live.core.entities import Order

MINUTE = 60 * 1_000_000_000
HOUR = 60 * MINUTE

ScopeTimes = dict[tuple[Scope, str], deque[int]]
"""Times by scope, oldest first; those older than their window go when the next one comes."""
_Times = tuple[deque[int], deque[int], deque[int]]
_Found = dict[tuple[str, str, str], _Times]
"""The times of a strategy, of an account and of a venue, by strategy, account and instrument."""


class Pace:
    """Keep the times that count.

    Attributes:
        strategies: when orders were sent in the last minute, by strategy.
        orders: the same by account and venue.
        cancels: when cancels of open orders were asked for in the last minute, by strategy, account and venue.
        executions: when a strategy's orders first traded in the last hour, since its lease was granted.
    """

    __slots__ = ("_canceled", "_sent", "cancels", "executions", "orders", "strategies")

    def __init__(self) -> None:
        self.strategies: dict[str, deque[int]] = {}
        self.orders: ScopeTimes = {}
        self.cancels: ScopeTimes = {}
        self.executions: dict[str, deque[int]] = {}
        self._sent: _Found = {}
        self._canceled: _Found = {}

    def submit(self, order: "Order", ts: int) -> None:
        """Count an order that is being sent."""
        since = ts - MINUTE
        for times in self._sent.get((order.strategy_id, order.account_id, order.instrument_id)) or self._find_sent(order):
            times.append(ts)
            while times[0] <= since:
                times.popleft()

    def cancel(self, order: "Order", ts: int) -> None:
        """Count a cancel that is being asked for."""
        since = ts - MINUTE
        for times in self._canceled.get((order.strategy_id, order.account_id, order.instrument_id)) or self._find_canceled(order):
            times.append(ts)
            while times[0] <= since:
                times.popleft()

    def execute(self, strategy_id: str, ts: int) -> None:
        """Count an order that traded for the first time."""
        times = self.executions.get(strategy_id)
        if times is None:
            times = self.executions[strategy_id] = deque()
        times.append(ts)
        since = ts - HOUR
        while times[0] <= since:
            times.popleft()

    def read_back(self, strategies: dict[str, deque[int]], cancels: ScopeTimes) -> None:
        """Take up when strategies sent orders, and when cancels were asked for, as it was written down."""
        self.strategies, self.cancels = strategies, cancels
        self._sent.clear()
        self._canceled.clear()

    def _find_sent(self, order: "Order") -> _Times:
        """Find where an order's sending counts, once for a strategy, an account and an instrument."""
        strategy_id, account_id, instrument_id = order.strategy_id, order.account_id, order.instrument_id
        _, account, venue = _scopes(strategy_id, account_id, instrument_id)
        mine = self.strategies.setdefault(strategy_id, deque())
        found = mine, self.orders.setdefault(account, deque()), self.orders.setdefault(venue, deque())
        self._sent[strategy_id, account_id, instrument_id] = found
        return found

    def _find_canceled(self, order: "Order") -> _Times:
        """Find where an order's cancel counts likewise."""
        strategy_id, account_id, instrument_id = order.strategy_id, order.account_id, order.instrument_id
        mine, account, venue = _scopes(strategy_id, account_id, instrument_id)
        cancels = self.cancels
        found = cancels.setdefault(mine, deque()), cancels.setdefault(account, deque()), cancels.setdefault(venue, deque())
        self._canceled[strategy_id, account_id, instrument_id] = found
        return found


def count_since(times: Sequence[int], since: int) -> int:
    """Count the times after `since`."""
    count = len(times)
    for time in times:
        if time > since:
            break
        count -= 1
    return count


def newer_than(times: deque[int], since: int) -> list[int]:
    """List the times after `since`, to be written down: what has run out says nothing any more."""
    return [time for time in times if time > since]


def _scopes(strategy_id: str, account_id: str, instrument_id: str) -> tuple[tuple[Scope, str], tuple[Scope, str], tuple[Scope, str]]:
    return ((Scope.STRATEGY, strategy_id), (Scope.ACCOUNT, account_id), (Scope.VENUE, instrument_id.partition(":")[0]))
