"""What clients of the market streams ask: SUBSCRIBE, UNSUBSCRIBE, lists and properties (web-socket-streams.md)."""

import re
from typing import Any, cast

import msgspec
from aiohttp import WSCloseCode

from live.core.errors import InterlockError
from live.venues.exchange.market_streams import MarketStreams
from live.venues.exchange.sockets import Connection

METHODS = ("SUBSCRIBE", "UNSUBSCRIBE", "LIST_SUBSCRIPTIONS", "SET_PROPERTY", "GET_PROPERTY")

LONGEST_ID = 36

encode = msgspec.json.Encoder().encode


_METHOD = re.compile(r'"method"\s*:\s*"(?:[^"\\]|\\.)*"')
_STREAM = re.compile(r"[!\w.-]+(?:@[\w.:+-]+)*")
_OFFSET = re.compile(r"\(byte ([0-9]+)\)$")


class StreamRequestError(InterlockError):
    """A request that the streams refuse, with the venue's code; `ends` says whether the connection is closed after it."""

    def __init__(self, code: int, message: str, *, ends: bool = False) -> None:
        super().__init__(message)
        self.code = code
        self.message = message
        self.ends = ends


class StreamRequests:
    """Answer control messages of stream connections."""

    def __init__(self, streams: MarketStreams, most_streams: int) -> None:
        self._streams = streams
        self._most_streams = most_streams

    def answer(self, connection: Connection, text: str) -> None:
        """Do what a message asks and answer it."""
        number: object = None
        try:
            request = _decode(text)
            number = request.get("id")
            if "id" not in request or not _is_id(number):
                number = None
                raise StreamRequestError(2, "Invalid request: request ID must be an unsigned integer")
            connection.reply(encode({"result": self._result(connection, request, text), "id": number}))
        except StreamRequestError as error:
            document: dict[str, Any] = {"error": {"code": error.code, "msg": error.message}}
            connection.reply(encode(document if number is None else document | {"id": number}))
            if error.ends:
                connection.close(WSCloseCode.POLICY_VIOLATION, "Invalid request")

    def _result(self, connection: Connection, request: dict[str, Any], text: str) -> object:
        method, parameters = request.get("method"), request.get("params", [])
        if method is None:
            raise StreamRequestError(2, f"Invalid request: missing field `method` at {_place(text.rstrip())}")
        if method not in METHODS:
            expected = ", ".join(f"`{each}`" for each in METHODS)
            found = _METHOD.search(text)
            place = _place(text[: found.end()] if found is not None else text)
            raise StreamRequestError(2, f"Invalid request: unknown variant `{method}`, expected one of {expected} at {place}")
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
        # A name that says nothing is taken without a word; one that cannot be a name ends the connection, as was measured.
        if any(_STREAM.fullmatch(name) is None for name in names):
            raise StreamRequestError(2, "Invalid request: invalid stream", ends=True)
        if len(connection.streams.union(names)) > self._most_streams:
            raise StreamRequestError(4, "Too many subscriptions", ends=True)
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
    except msgspec.MsgspecError as error:
        found = _OFFSET.search(str(error))
        if found is None and not isinstance(error, msgspec.ValidationError):
            raise StreamRequestError(3, f"Invalid JSON: EOF while parsing a value at {_place(text)}") from None
        offset = int(found[1]) + 1 if found is not None else 1
        place = _place(text.encode()[:offset].decode(errors="replace"))
        raise StreamRequestError(3, f"Invalid JSON: expected value at {place}") from None


def _place(text: str) -> str:
    """Say where a text ends, as the venue's JSON reader counts: lines and columns from 1."""
    return f"line {text.count(chr(10)) + 1} column {len(text) - text.rfind(chr(10)) - 1}"


def _is_id(value: object) -> bool:
    if isinstance(value, str):
        return len(value) <= LONGEST_ID
    return value is None or (isinstance(value, int) and not isinstance(value, bool) and -(2**63) <= value < 2**63)
