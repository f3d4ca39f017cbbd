"""Wiring: what takes the place of ccxt's limiter and clock, and what notes an answer beside the request it answers."""

from collections.abc import Callable, Mapping
from typing import Any

from live.venues.ccxt_adapter.calls import CURRENT_CALL
from live.venues.ccxt_adapter.dialects import Dialect
from live.venues.errors import VenueCallError
from live.venues.request_budget import SECOND, BudgetQueue

_FORBIDDEN, _TOO_MANY = 403, 429
"""HTTP statuses by which a firewall before the venue, or the venue, asks for fewer requests."""
_MILLISECOND = 1_000_000

OnMessage = Callable[[Any, Mapping[str, Any]], bool]
"""Takes a socket and what it received; tells whether ccxt should not see it."""


class VenueClock:
    """Tell a venue's time: ours plus the measured offset.

    Attributes:
        offset: venue time minus ours, nanoseconds.
    """

    __slots__ = ("_wall", "offset")

    def __init__(self, wall: Callable[[], int]) -> None:
        self._wall = wall
        self.offset = 0

    def wall(self) -> int:
        """Give our time, nanoseconds UTC."""
        return self._wall()

    def now(self) -> int:
        """Give the venue's time as we know it, nanoseconds UTC."""
        return self._wall() + self.offset


class Wiring:
    """Join ccxt's exchange to what replaces its parts."""

    __slots__ = ("_clock", "_dialect", "_queue", "on_message")

    def __init__(self, dialect: Dialect, queue: BudgetQueue, clock: VenueClock, on_message: OnMessage) -> None:
        self._dialect = dialect
        self._queue = queue
        self._clock = clock
        self.on_message = on_message

    async def take_turn(self, cost: float) -> None:
        """Wait for a request's turn."""
        call = CURRENT_CALL.get()
        if call is None:
            raise VenueCallError("a request left the adapter without a call of its own: make it through VenueClient.ask")
        weight = max(1, round(cost * self._dialect.weight_per_cost))
        await self._queue.admit(call.priority, weight, call.patience)
        call.weight += weight
        call.spent_at = self._clock.now()

    def stamp(self) -> int:
        """Give the venue's time for a signature, milliseconds, and remember it."""
        now = self._clock.now() // _MILLISECOND
        call = CURRENT_CALL.get()
        if call is not None:
            call.signed_at = now * _MILLISECOND
        return now

    def note_answer(self, status: int, headers: Mapping[str, str]) -> None:
        """Learn from an answer's status and headers."""
        call = CURRENT_CALL.get()
        if call is None:
            return
        dialect, queue = self._dialect, self._queue
        call.status, call.headers = status, {name.lower(): value for name, value in headers.items()}
        if status in (_FORBIDDEN, _TOO_MANY, dialect.banned_status):
            retry_after = _whole(call.headers.get(dialect.retry_after_header))
            queue.freeze(None if retry_after is None else retry_after * SECOND, banned=status == dialect.banned_status)
        counts = tuple(_whole(call.headers.get(name)) for name in dialect.order_count_headers)
        used = _whole(call.headers.get(dialect.used_weight_header))
        queue.settle(call.priority, call.weight, used_weight=used, order_counts=counts, spent_at=call.spent_at)
        call.weight = 0

    def note_error(self, response: object) -> None:
        """Keep the venue's code and words beside the request."""
        call = CURRENT_CALL.get()
        if call is not None and isinstance(response, dict):
            fields: dict[str, Any] = response  # pyright: ignore[reportUnknownVariableType]
            code = fields.get(self._dialect.error_code)
            call.code = code if type(code) is int else _whole(code) if isinstance(code, str) else None
            call.message = str(fields.get(self._dialect.error_message, ""))


def _whole(text: str | None) -> int | None:
    return int(text) if text is not None and text.lstrip("-").isdigit() else None
