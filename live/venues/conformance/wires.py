"""Wires: how requests and frames of a dialect look on their way, so that the kit can break one and count it; as data."""

import msgspec

from live.venues.conformance.relay import Answer, Passing


class Wire(msgspec.Struct, frozen=True, kw_only=True):
    """Describe a dialect on its way.

    Attributes:
        place: method and path of a new order.
        cancel: method and path of a cancel.
        open_orders: method and path of the question for open orders.
        balances: method and path of the question for balances.
        socket_requests: path of sockets that take requests, which may have an address of their own.
        execution: what every frame holds that tells of an execution.
        rate_limited: what is answered when there were too many requests, with a second to wait.
        banned: what is answered to who went on regardless, with a second to wait.
        failed: what a venue answers that does not know what became of a request.
    """

    place: tuple[str, str]
    cancel: tuple[str, str]
    open_orders: tuple[str, str]
    balances: tuple[str, str]
    socket_requests: str
    execution: str
    rate_limited: Answer
    banned: Answer
    failed: Answer


def is_placing(wire: Wire, order_id: str = "") -> "Matcher":
    """Match new orders: all of them, or that of an id."""
    return Matcher(*wire.place, order_id)


class Matcher(msgspec.Struct, frozen=True):
    """Match requests by method and path, and by what they hold."""

    method: str
    path: str
    holds: str = ""

    def __call__(self, passing: Passing) -> bool:
        """Tell whether a request is meant."""
        return passing.method == self.method and passing.path == self.path and self.holds in passing.text


_WAIT = {"Retry-After": "1"}

BINANCE = Wire(
    socket_requests="/ws-api/",
    place=("POST", "/api/v3/order"),
    cancel=("DELETE", "/api/v3/order"),
    open_orders=("GET", "/api/v3/openOrders"),
    balances=("GET", "/api/v3/account"),
    execution='"TRADE"',
    rate_limited=Answer(429, '{"code":-1003,"msg":"Too many requests."}', headers=_WAIT),
    banned=Answer(418, '{"code":-1003,"msg":"Way too many requests; IP banned."}', headers=_WAIT),
    failed=Answer(503, '{"code":-1006,"msg":"An unexpected response was received from the message bus. Execution status unknown."}'),
)
"""Source: binance-spot-api-docs, "LIMITS", "Error codes" and "User Data Streams for Binance"."""

WIRES: dict[str, Wire] = {"binance": BINANCE}
"""Every dialect that can be broken, by its name in the configuration."""
