"""Request budget: who may ask a venue next, within the limits that it counts by address.

A venue counts requests by weight within windows of its own clock, and orders within others, and says in every answer how much it has
counted. What is under way and not counted yet comes on top; what others spend behind the same address is in the venue's count. Each kind
of request may use a share of the limit: cancels all of it, placing a little less, and so on, so that no flood of questions is ever
between an order and its cancel. Told that it was too much, nothing but cancels leaves until the venue's time is up; banned, nothing at all.
"""

import asyncio
from collections import deque
from collections.abc import Callable
from enum import IntEnum

import msgspec

from live.venues.errors import VenueCallError

SECOND = 1_000_000_000
MINUTE = 60 * SECOND

_LOOK_AGAIN = SECOND // 20
"""How long a queue waits at most before it looks again: another queue may have given back what it waits for."""


class Priority(IntEnum):
    """What goes first; a smaller value goes before a larger one."""

    CANCEL = 0
    PLACE = 1
    RECONCILE = 2
    POLL = 3


class OrderLimit(msgspec.Struct, frozen=True):
    """Bound how many orders may be placed within a window of nanoseconds, counted from multiples of it."""

    count: int
    window: int


class BudgetLimits(msgspec.Struct, frozen=True, kw_only=True):
    """Say what a venue allows.

    Attributes:
        weight: request weight within one window.
        window: its length, nanoseconds; it begins at multiples of it.
        shares: how much of the weight each priority may use, percent, from cancels to polls.
        in_flight: how many requests of each priority may be under way at once, from cancels to polls.
        orders: limits of placing orders.
        penalty: how long to wait after a refusal that names no time, nanoseconds.
    """

    weight: int = 6_000
    window: int = MINUTE
    shares: tuple[int, int, int, int] = (100, 90, 75, 50)
    in_flight: tuple[int, int, int, int] = (64, 64, 8, 4)
    orders: tuple[OrderLimit, ...] = (OrderLimit(100, 10 * SECOND), OrderLimit(200_000, 1_440 * MINUTE))
    penalty: int = 10 * SECOND


class BudgetExceededError(VenueCallError):
    """A request had to wait longer for its turn than it may: it never left."""


class _Window:
    """Count within one window: what the venue said, and what is under way."""

    __slots__ = ("counted", "index", "length", "limit", "under_way")

    def __init__(self, limit: int, length: int) -> None:
        self.limit = limit
        self.length = length
        self.index = -1
        self.counted = 0
        self.under_way = 0

    def roll(self, now: int) -> None:
        index = now // self.length
        if index > self.index:
            self.index = index
            self.counted = 0

    def used(self, now: int) -> int:
        self.roll(now)
        return self.counted + self.under_way

    def settle(self, amount: int, counted: int | None, now: int, spent_at: int) -> None:
        """Count what was under way; `counted` is the venue's own count, None when it gave none.

        That of a request which left in an earlier window may be that window's: it says nothing about this one.
        """
        self.roll(now)
        if spent_at // self.length < self.index:
            counted = None
        self.under_way -= amount
        self.counted = self.counted + amount if counted is None else max(self.counted, counted)

    def until_next(self, now: int) -> int:
        return self.length - now % self.length


class RequestBudget:
    """Say how long a request has to wait; pure, times are the venue's in nanoseconds and handed in.

    Attributes:
        limits: what the venue allows.
    """

    def __init__(self, limits: BudgetLimits) -> None:
        self.limits = limits
        self._weight = _Window(limits.weight, limits.window)
        self._orders = tuple(_Window(one.count, one.window) for one in limits.orders)
        self._in_flight = [0, 0, 0, 0]
        self._frozen_until = 0
        self._banned_until = 0
        self._told_of_bans: list[Callable[[int], None]] = []

    def when_banned(self, tell: Callable[[int], None]) -> None:
        """Tell somebody of every ban, whoever met it, and how long it lasts, nanoseconds: nothing can be sent meanwhile."""
        self._told_of_bans.append(tell)

    def used_weight(self, now: int) -> int:
        """Give the weight used in this window, with what is under way."""
        return self._weight.used(now)

    def wait(self, priority: Priority, weight: int, now: int) -> int | None:
        """Give how long a request has to wait from `now`, nanoseconds; 0 when it may leave, None until another one is answered."""
        held_until = self._banned_until if priority is Priority.CANCEL else max(self._banned_until, self._frozen_until)
        if now < held_until:
            return held_until - now
        share = self.limits.weight * self.limits.shares[priority] // 100
        used = self._weight.used(now)
        if used and used + weight > share:  # a request that alone is over its share would else wait for ever
            return self._weight.until_next(now)
        if priority is Priority.PLACE:
            waits = [one.until_next(now) for one in self._orders if one.used(now) >= one.limit]
            if waits:
                return max(waits)
        return None if self._in_flight[priority] >= self.limits.in_flight[priority] else 0

    def spend(self, priority: Priority, weight: int, now: int) -> None:
        """Note that a request leaves."""
        self._weight.roll(now)
        self._weight.under_way += weight
        self._in_flight[priority] += 1
        if priority is Priority.PLACE:
            for window in self._orders:
                window.under_way += 1

    def settle(
        self,
        priority: Priority,
        weight: int,
        now: int,
        *,
        used_weight: int | None = None,
        order_counts: tuple[int | None, ...] = (),
        spent_at: int | None = None,
    ) -> None:
        """Note that a request was answered or given up, and what the venue said it has counted.

        Args:
            priority: as it was spent with.
            weight: as it was spent with.
            now: the venue's time.
            used_weight: weight that the venue counted in its window.
            order_counts: orders that the venue counted in each window of the limits, in their order; fills take some off again.
            spent_at: the venue's time when it was spent; now unless given.
        """
        spent_at = now if spent_at is None else spent_at
        self._weight.settle(weight, used_weight, now, spent_at)
        self._in_flight[priority] -= 1
        for index, window in enumerate(self._orders):
            placed = int(priority is Priority.PLACE)
            counted = order_counts[index] if index < len(order_counts) else None
            window.settle(placed, counted, now, spent_at)
            if counted is not None and spent_at // window.length >= window.index:
                window.counted = counted

    def freeze(self, retry_after: int | None, now: int, *, banned: bool) -> None:
        """Let nothing but cancels leave for `retry_after` nanoseconds, or nothing at all when banned."""
        lasts = self.limits.penalty if retry_after is None else retry_after
        self._frozen_until = max(self._frozen_until, now + lasts)
        if banned:
            self._banned_until = max(self._banned_until, now + lasts)
            for tell in self._told_of_bans:
                tell(lasts)


class BudgetQueue:
    """Let requests wait for their turn on an event loop, cancels before everything else."""

    def __init__(self, budget: RequestBudget, clock: Callable[[], int]) -> None:
        """Open the queue.

        Args:
            budget: what may leave.
            clock: gives the venue's time, nanoseconds UTC.
        """
        self.budget = budget
        self._clock = clock
        self._waiting: tuple[deque[tuple[int, asyncio.Future[None]]], ...] = tuple(deque() for _ in Priority)
        self._timer: asyncio.TimerHandle | None = None

    async def admit(self, priority: Priority, weight: int, patience: float) -> None:
        """Wait until a request may leave, and spend its weight; `settle` has to follow.

        Raises:
            BudgetExceededError: its turn did not come within `patience` seconds.
        """
        now = self._clock()
        if not self._waiting[priority] and self.budget.wait(priority, weight, now) == 0:
            self.budget.spend(priority, weight, now)
            return
        turn = asyncio.get_running_loop().create_future()
        self._waiting[priority].append((weight, turn))
        self._pump()
        try:
            async with asyncio.timeout(patience):
                await turn
        except TimeoutError:
            if turn.done() and not turn.cancelled():
                return
            raise BudgetExceededError(
                f"a {priority.name} request of weight {weight} had no turn within {patience} s: the venue's request limit is used up"
            ) from None
        except asyncio.CancelledError:
            if turn.done() and not turn.cancelled():
                self.settle(priority, weight)
            raise

    def settle(
        self,
        priority: Priority,
        weight: int,
        *,
        used_weight: int | None = None,
        order_counts: tuple[int | None, ...] = (),
        spent_at: int | None = None,
    ) -> None:
        """Note that a request was answered or given up, and let others go."""
        now = self._clock()
        self.budget.settle(priority, weight, now, used_weight=used_weight, order_counts=order_counts, spent_at=spent_at)
        self._pump()

    def freeze(self, retry_after: int | None, *, banned: bool) -> None:
        """Hold requests back for as long as the venue says, nanoseconds."""
        self.budget.freeze(retry_after, self._clock(), banned=banned)

    def close(self) -> None:
        """Let nobody wait any more."""
        if self._timer is not None:
            self._timer.cancel()
        for queue in self._waiting:
            while queue:
                queue.popleft()[1].cancel()

    def _pump(self) -> None:
        """Let go whoever may, in order of priority, and wake again when the next one may."""
        if not any(self._waiting):
            return
        now = self._clock()
        soonest: int | None = None
        for priority, queue in zip(Priority, self._waiting, strict=True):
            while queue:
                weight, turn = queue[0]
                if turn.done():
                    queue.popleft()
                    continue
                wait = self.budget.wait(priority, weight, now)
                if wait != 0:
                    soonest = min(_LOOK_AGAIN if wait is None else wait, _LOOK_AGAIN if soonest is None else soonest)
                    break
                queue.popleft()
                self.budget.spend(priority, weight, now)
                turn.set_result(None)
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None
        if soonest is not None:
            self._timer = asyncio.get_running_loop().call_later(soonest / SECOND + 0.001, self._pump)
