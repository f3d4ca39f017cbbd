"""Pace: when orders were sent and canceled and how often strategies traded lately, for the checks that bound how fast it goes."""

from collections import deque
from collections.abc import Sequence
from functools import lru_cache
from typing import TYPE_CHECKING, TypeVar

from live.core.vocabulary import Scope

if TYPE_CHECKING:
    from live.core.entities import Order

_Key = TypeVar("_Key", str, tuple[Scope, str])

MINUTE = 60 * 1_000_000_000
HOUR = 60 * MINUTE

ScopeTimes = dict[tuple[Scope, str], deque[int]]
"""Times by scope, oldest first; those older than their window go when the next one comes."""


class Pace:
    """Keep the times that count.

    Attributes:
        strategies: when orders were sent in the last minute, by strategy.
        orders: the same by account and venue.
        cancels: when cancels of open orders were asked for in the last minute, by strategy, account and venue.
        executions: when a strategy's orders first traded in the last hour, since its lease was granted.
    """

    __slots__ = ("_sent", "cancels", "executions", "orders", "strategies")

    def __init__(self) -> None:
        self.strategies: dict[str, deque[int]] = {}
        self.orders: ScopeTimes = {}
        self.cancels: ScopeTimes = {}
        self.executions: dict[str, deque[int]] = {}
        self._sent: dict[tuple[str, str, str], tuple[deque[int], deque[int], deque[int]]] = {}
        """The times of orders by strategy, account and instrument: those of the strategy, of the account and of the venue."""

    def submit(self, order: "Order", ts: int) -> None:
        """Count an order that is being sent."""
        since = ts - MINUTE
        for times in self._sent.get((order.strategy_id, order.account_id, order.instrument_id)) or self._find(order):
            times.append(ts)
            while times[0] <= since:
                times.popleft()

    def read_back(self, strategies: dict[str, deque[int]]) -> None:
        """Take up when strategies sent orders, as it was written down."""
        self.strategies = strategies
        self._sent.clear()

    def cancel(self, order: "Order", ts: int) -> None:
        """Count a cancel that is being asked for."""
        for scope in _scopes(order.strategy_id, order.account_id, order.instrument_id):
            append_within(self.cancels, scope, ts, MINUTE)

    def execute(self, strategy_id: str, ts: int) -> None:
        """Count an order that traded for the first time."""
        append_within(self.executions, strategy_id, ts, HOUR)

    def _find(self, order: "Order") -> tuple[deque[int], deque[int], deque[int]]:
        """Find where an order's sending counts, once for a strategy, an account and an instrument."""
        strategy_id, account_id, instrument_id = order.strategy_id, order.account_id, order.instrument_id
        _, account, venue = _scopes(strategy_id, account_id, instrument_id)
        mine = self.strategies.setdefault(strategy_id, deque())
        found = mine, self.orders.setdefault(account, deque()), self.orders.setdefault(venue, deque())
        self._sent[strategy_id, account_id, instrument_id] = found
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


def append_within(table: dict[_Key, deque[int]], key: _Key, ts: int, window: int) -> None:
    """Take a key's newest time in, and let go of those that lie `window` or more before it."""
    times = table.get(key)
    if times is None:
        times = table[key] = deque()
    times.append(ts)
    since = ts - window
    while times[0] <= since:
        times.popleft()


@lru_cache(maxsize=1_024)  # the same few triples with every order
def _scopes(strategy_id: str, account_id: str, instrument_id: str) -> tuple[tuple[Scope, str], tuple[Scope, str], tuple[Scope, str]]:
    return ((Scope.STRATEGY, strategy_id), (Scope.ACCOUNT, account_id), (Scope.VENUE, instrument_id.partition(":")[0]))
