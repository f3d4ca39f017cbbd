"""What clients of the market streams ask: SUBSCRIBE, UNSUBSCRIBE, lists and properties (web-socket-streams.md)."""

from typing import Any, cast

import msgspec

from live.core.errors import InterlockError
from live.venues.exchange.market_streams import MarketStreams
from live.venues.exchange.sockets import Connection

METHODS = ("SUBSCRIBE", "UNSUBSCRIBE", "LIST_SUBSCRIPTIONS", "SET_PROPERTY", "GET_PROPERTY")

LONGEST_ID = 36

encode = msgspec.json.Encoder().encode


class StreamRequestError(InterlockError):
    """A request that the streams refuse, with the venue's code."""

    def __init__(self, code: int, message: str) -> None:
        super().__init__(message)
        self.code = code
        self.message = message


class StreamRequests:
    """Answer control messages of stream connections."""

    def __init__(self, streams: MarketStreams, most_streams: int) -> None:
        self._streams = streams
        self._most_streams = most_streams

    def answer(self, connection: Connection, text: str) -> bytes:
        """Do what a message asks and give the answer."""
        number: object = None
        try:
            request = _decode(text)
            number = request.get("id")
            if "id" not in request or not _is_id(number):
                number = None
                raise StreamRequestError(2, "Invalid request: request ID must be an unsigned integer")
            return encode({"result": self._result(connection, request), "id": number})
        except StreamRequestError as error:
            document: dict[str, Any] = {"error": {"code": error.code, "msg": error.message}}
            return encode(document if number is None else document | {"id": number})

    def _result(self, connection: Connection, request: dict[str, Any]) -> object:
        method, parameters = request.get("method"), request.get("params", [])
        if method is None:
            raise StreamRequestError(2, "Invalid request: missing field `method` at line 1 column 1")
        if method not in METHODS:
            expected = ", ".join(f"`{each}`" for each in METHODS)
            raise StreamRequestError(2, f"Invalid request: unknown variant `{method}`, expected one of {expected} at line 1 column 1")
        if not isinstance(parameters, list):
            raise StreamRequestError(2, "Invalid request: params must be an array")
        values = cast(list[Any], parameters)
        match method:
            case "LIST_SUBSCRIPTIONS":
                return sorted(connection.streams)
            case "SET_PROPERTY" | "GET_PROPERTY":
                return _property(connection, method, values)
            case _:
                return self._subscription(connection, method, values)

    def _subscription(self, connection: Connection, method: str, names: list[Any]) -> None:
        if not all(isinstance(name, str) for name in names):
            raise StreamRequestError(2, "Invalid request: stream names must be strings")
        if method == "UNSUBSCRIBE":
            self._streams.unsubscribe(connection, names)
            return
        if len(connection.streams.union(names)) > self._most_streams:
            raise StreamRequestError(2, f"Invalid request: a connection can listen to at most {self._most_streams} streams")
        self._streams.subscribe(connection, names)


def _property(connection: Connection, method: str, values: list[Any]) -> bool | None:
    expected = 2 if method == "SET_PROPERTY" else 1
    if not values or not isinstance(values[0], str):
        raise StreamRequestError(2, "Invalid request: property name must be a string")
    if len(values) > expected:
        raise StreamRequestError(2, "Invalid request: too many parameters")
    if values[0] != "combined":
        raise StreamRequestError(0, "Unknown property")
    if method == "GET_PROPERTY":
        return connection.combined
    if len(values) < expected or not isinstance(values[1], bool):
        raise StreamRequestError(1, "Invalid value type: expected Boolean")
    connection.combined = values[1]
    return None


def _decode(text: str) -> dict[str, Any]:
    try:
        return msgspec.json.decode(text, type=dict[str, Any])
    except msgspec.MsgspecError:
        raise StreamRequestError(3, "Invalid JSON: expected value at line 1 column 1") from None


def _is_id(value: object) -> bool:
    if isinstance(value, str):
        return len(value) <= LONGEST_ID
    return value is None or (isinstance(value, int) and not isinstance(value, bool) and -(2**63) <= value < 2**63)
