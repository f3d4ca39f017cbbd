"""What clients asked, when, and what became of it: for tests and drills, which must know what really arrived."""

from collections import deque
from collections.abc import Mapping

import msgspec

from live.venues.exchange.faults import RequestSeen

MOST_ENTRIES = 100_000
SECRET_PARAMETERS = frozenset({"signature"})


class Logged(msgspec.Struct):
    """One request.

    Attributes:
        number: counts up from 1.
        time: when it arrived, microseconds UTC by the exchange's clock.
        channel: `rest` or `web_socket`.
        operation: what it asked for, by its WebSocket API name.
        account: the API key, empty when there was none.
        parameters: what was sent, without the signature.
        status: what was answered, None when nothing was (yet).
        faults: the kinds of faults that struck it.
        milliseconds: how long the answer took, None when there was none (yet).
    """

    number: int
    time: int
    channel: str
    operation: str
    account: str
    parameters: Mapping[str, str]
    status: int | None = None
    faults: tuple[str, ...] = ()
    milliseconds: float | None = None


class RequestLog:
    """Keep the newest requests."""

    def __init__(self) -> None:
        self._entries: deque[Logged] = deque(maxlen=MOST_ENTRIES)
        self._count = 0

    def open(self, seen: RequestSeen, now: int) -> Logged:
        """Note a request that arrived."""
        self._count += 1
        parameters = {name: value for name, value in seen.parameters.items() if name not in SECRET_PARAMETERS}
        entry = Logged(self._count, now, seen.channel, seen.operation, seen.account, parameters)
        self._entries.append(entry)
        return entry

    def since(self, number: int, operation: str | None = None) -> list[Logged]:
        """Give the requests after a number, of one operation if named."""
        return [entry for entry in self._entries if entry.number > number and operation in {None, entry.operation}]

    def clear(self) -> None:
        """Forget everything; numbers go on."""
        self._entries.clear()
