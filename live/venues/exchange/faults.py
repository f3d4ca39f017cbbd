"""Faults to order: what goes wrong next, which requests, events and sockets it befalls, and how often.

Each fault stands for an incident that real clients have met: an answer lost after the order was placed, a page of HTML where
JSON should be, a fill that is told three times or never, a feed that still answers pings.
"""

from collections.abc import Mapping
from typing import Literal

import msgspec

from live.core.errors import InterlockError

When = Literal["before", "after"]
"""Whether a fault strikes before the request is applied, or after: then the exchange did it and the client does not learn so."""

ORDER_NAMES = ("newClientOrderId", "origClientOrderId", "cancelOrigClientOrderId")
"""Parameters that carry the client's id of an order."""


class FaultError(InterlockError):
    """A fault was asked for that there is none of."""


class RequestSeen(msgspec.Struct, frozen=True):
    """What a request is matched by.

    Attributes:
        channel: `rest` or `web_socket`.
        operation: what it asks for, by its WebSocket API name, such as `order.place`.
        account: the API key, empty when there is none.
        parameters: what was sent, by name.
    """

    channel: str
    operation: str
    account: str
    parameters: Mapping[str, str]


class EventSeen(msgspec.Struct, frozen=True):
    """What a user event is matched by: `executionReport` and its kind, order and account."""

    event: str
    account: str
    execution: str = ""
    symbol: str = ""
    client_order_id: str = ""


class Match(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """Say what a fault befalls; what is left out is not looked at.

    Attributes:
        operation: a WebSocket API name such as `order.place`; `order.*` is every name that begins so.
        channel: `rest` or `web_socket`.
        account: an API key.
        symbol: a symbol.
        client_order_id: the client's id of an order, in whichever parameter it is sent.
        event: the kind of a user event.
        execution: the execution type of an `executionReport`.
        stream: a market stream's name, or how it begins when it ends with `*`.
    """

    operation: str | None = None
    channel: Literal["rest", "web_socket"] | None = None
    account: str | None = None
    symbol: str | None = None
    client_order_id: str | None = None
    event: str | None = None
    execution: str | None = None
    stream: str | None = None

    def takes_request(self, seen: RequestSeen) -> bool:
        """Say whether a request is meant."""
        sent = seen.parameters
        return (
            (self.operation is None or _fits(self.operation, seen.operation))
            and (self.channel is None or self.channel == seen.channel)
            and (self.account is None or self.account == seen.account)
            and (self.symbol is None or self.symbol == sent.get("symbol"))
            and (self.client_order_id is None or any(sent.get(name) == self.client_order_id for name in ORDER_NAMES))
        )

    def takes_event(self, seen: EventSeen) -> bool:
        """Say whether a user event is meant."""
        return (
            (self.event is None or self.event == seen.event)
            and (self.execution is None or self.execution == seen.execution)
            and (self.account is None or self.account == seen.account)
            and (self.symbol is None or self.symbol == seen.symbol)
            and (self.client_order_id is None or self.client_order_id == seen.client_order_id)
        )


class Fault(msgspec.Struct, frozen=True, kw_only=True, tag_field="kind", forbid_unknown_fields=True):
    """Carry what every fault has.

    Attributes:
        match: what it befalls.
        count: how often it strikes, None until it is taken back.
        skip: how many that it could befall it lets pass first.
    """

    match: Match = Match()
    count: int | None = 1
    skip: int = 0


class Delay(Fault, frozen=True, kw_only=True, tag="delay"):
    """Hold a request back before it is applied, or its answer after."""

    milliseconds: int
    when: When = "before"


class Drop(Fault, frozen=True, kw_only=True, tag="drop"):
    """Never answer, with the connection left open."""

    when: When = "after"


class Reset(Fault, frozen=True, kw_only=True, tag="reset"):
    """Break the connection where the answer should be."""

    when: When = "after"


class Answer(Fault, frozen=True, kw_only=True, tag="answer"):
    """Answer with this status and body, before or after applying; HTML, JSON or nothing."""

    status: int
    body: str = "<html><head><title>502 Bad Gateway</title></head><body><center><h1>502 Bad Gateway</h1></center></body></html>"
    content_type: str = "text/html"
    headers: dict[str, str] = {}
    when: When = "after"


class BadBody(Fault, frozen=True, kw_only=True, tag="bad_body"):
    """Apply the request and answer 200 with a body that is cut off, HTML or empty."""

    form: Literal["truncated", "html", "empty"] = "truncated"


class Refuse(Fault, frozen=True, kw_only=True, tag="refuse"):
    """Refuse a request with a venue's code, and do not apply it."""

    code: int
    message: str
    status: int = 400


class Ban(Fault, frozen=True, kw_only=True, tag="ban"):
    """Answer 418, or 429, with Retry-After, and do not apply."""

    status: Literal[418, 429] = 418
    retry_after_seconds: int = 120


class FillFirst(Fault, frozen=True, kw_only=True, tag="fill_first"):
    """Let the market take part of an order just before a cancellation of it arrives; parts per million of what remains."""

    parts_per_million: int = 500_000


class LoseEvent(Fault, frozen=True, kw_only=True, tag="lose_event"):
    """Never tell a user event."""


class RepeatEvent(Fault, frozen=True, kw_only=True, tag="repeat_event"):
    """Tell a user event so many times in all."""

    times: int = 2


class HoldEvent(Fault, frozen=True, kw_only=True, tag="hold_event"):
    """Tell a user event only after the account's next one."""


class LoseStream(Fault, frozen=True, kw_only=True, tag="lose_stream"):
    """Lose messages of a market stream, which leaves a gap in a book's update ids."""


class Skew(Fault, frozen=True, kw_only=True, tag="clock_skew"):
    """Set the exchange's clock ahead, or with a negative number back, until it is taken back."""

    milliseconds: int


AnyFault = Delay | Drop | Reset | Answer | BadBody | Refuse | Ban | FillFirst | LoseEvent | RepeatEvent | HoldEvent | LoseStream | Skew
RequestFault = Delay | Drop | Reset | Answer | BadBody | Refuse | Ban | FillFirst
EventFault = LoseEvent | RepeatEvent | HoldEvent


class ArmedFault(msgspec.Struct):
    """A fault that is waiting, and how often it has struck."""

    number: int
    fault: AnyFault
    passed: int = 0
    struck: int = 0

    @property
    def spent(self) -> bool:
        """Say whether it will strike no more."""
        return self.fault.count is not None and self.struck >= self.fault.count

    def strikes(self) -> bool:
        """Count one that it befalls and say whether it strikes."""
        if self.passed < self.fault.skip:
            self.passed += 1
            return False
        self.struck += 1
        return True


class FaultPlane:
    """Keep the faults that were ordered, and hand each to what it befalls."""

    def __init__(self) -> None:
        self._armed: dict[int, ArmedFault] = {}
        self._numbers = 0

    @property
    def armed(self) -> tuple[ArmedFault, ...]:
        """Give the faults that wait, oldest first."""
        return tuple(self._armed.values())

    @property
    def skew(self) -> int:
        """Say by how much the clock is off, in microseconds."""
        return sum(waiting.fault.milliseconds for waiting in self._armed.values() if isinstance(waiting.fault, Skew)) * 1_000

    def arm(self, fault: AnyFault) -> int:
        """Order a fault and give its number.

        Raises:
            FaultError: it could never strike.
        """
        if fault.count is not None and fault.count < 1:
            raise FaultError(f"a fault that strikes {fault.count} times does nothing: give count a positive number, or null for always")
        self._numbers += 1
        self._armed[self._numbers] = ArmedFault(self._numbers, fault)
        return self._numbers

    def disarm(self, number: int) -> None:
        """Take a fault back.

        Raises:
            FaultError: there is none of that number.
        """
        if self._armed.pop(number, None) is None:
            raise FaultError(f"there is no fault {number}: it has struck as often as was asked, or was taken back")

    def disarm_all(self) -> None:
        """Take every fault back."""
        self._armed.clear()

    def befalling(self, seen: RequestSeen) -> tuple[RequestFault, ...]:
        """Give the faults that strike this request."""
        if not self._armed:
            return ()
        return tuple(
            waiting.fault
            for waiting in self.armed
            if isinstance(waiting.fault, RequestFault) and waiting.fault.match.takes_request(seen) and self._strikes(waiting)
        )

    def befalling_event(self, seen: EventSeen) -> EventFault | None:
        """Give the first fault that strikes this user event."""
        if not self._armed:
            return None
        for waiting in self.armed:
            if isinstance(waiting.fault, EventFault) and waiting.fault.match.takes_event(seen) and self._strikes(waiting):
                return waiting.fault
        return None

    def loses(self, stream: str) -> bool:
        """Say whether a market stream's next message goes missing."""
        if not self._armed:
            return False
        return any(
            isinstance(waiting.fault, LoseStream)
            and (waiting.fault.match.stream is None or _fits(waiting.fault.match.stream, stream))
            and self._strikes(waiting)
            for waiting in self.armed
        )

    def _strikes(self, waiting: ArmedFault) -> bool:
        struck = waiting.strikes()
        if waiting.spent:
            del self._armed[waiting.number]
        return struck


def _fits(pattern: str, name: str) -> bool:
    return name.startswith(pattern[:-1]) if pattern.endswith("*") else name == pattern
