"""The REST side of the exchange: Binance's /api/v3 over aiohttp.

A request is weighed, its key and signature are checked, its parameters read, and only then, if it is still in time, it reaches the
engine. Source: Binance Spot API documentation, "General Information on Endpoints".
"""

from collections.abc import Awaitable, Callable
from typing import Protocol

import msgspec
from aiohttp import web

from live.venues.exchange import errors
from live.venues.exchange.endpoints import ENDPOINTS, Endpoint
from live.venues.exchange.errors import VenueError
from live.venues.exchange.operations import Desk
from live.venues.exchange.parameters import Parameters
from live.venues.exchange.payloads import MILLISECOND, error_payload
from live.venues.exchange.security import API_KEY_HEADER, KeyRing, Security, Validity, authenticate, signed_text
from live.venues.exchange.weights import RequestWeights, order_count_headers, weight_headers

PREFIX = "/api/v3/"
TIME_UNIT_HEADER = "X-MBX-TIME-UNIT"

_LISTEN_KEYS = "userDataStream"
"""Where listen keys were until 2026-02-20 (CHANGELOG.md, 2026-01-21); the documentation says no more of the answer than 410."""

_CONTENT_TYPE = "application/json;charset=UTF-8"
_UNITS = {"MILLISECOND": MILLISECOND, "MICROSECOND": 1}

encode = msgspec.json.Encoder().encode


class Call(msgspec.Struct, frozen=True):
    """A request that is about to be applied, as those see it who may interfere.

    Attributes:
        request: the HTTP request.
        operation: its name, as in the WebSocket API.
        account: whose it is, "" for nobody's.
        parameters: what was sent.
    """

    request: web.Request
    operation: str
    account: str
    parameters: Parameters


class Interference(Protocol):
    """What may come between a request and its answer: delays, lost answers, broken bodies."""

    async def before(self, call: Call) -> web.StreamResponse | None:
        """Do what shall happen before a request is applied; an answer given here takes the place of applying it."""
        ...

    async def after(self, call: Call, response: web.Response) -> web.StreamResponse:
        """Give the answer that the client gets instead of `response`, after the request was applied."""
        ...


class RestApi:
    """Answer /api/v3.

    `clock` gives microseconds UTC. `changed` is called after every request that may have changed the exchange, before its answer
    leaves, and drains the events.
    """

    def __init__(
        self,
        desk: Desk,
        keys: KeyRing,
        weights: RequestWeights,
        *,
        clock: Callable[[], int],
        changed: Callable[[], None],
        interference: Interference | None = None,
    ) -> None:
        self._desk = desk
        self._keys = keys
        self._weights = weights
        self._clock = clock
        self._changed = changed
        self._interference = interference

    def routes(self) -> list[web.RouteDef]:
        """Give the routes of every endpoint, and one that answers for paths that there are none of."""
        routes = [web.route(endpoint.method, PREFIX + endpoint.path, self._handler(endpoint)) for endpoint in ENDPOINTS]
        gone = [web.route(method, PREFIX + _LISTEN_KEYS, self._gone) for method in ("POST", "PUT", "DELETE")]
        return [*routes, *gone, web.route("*", "/api/{path:.*}", self._not_found)]

    def _handler(self, endpoint: Endpoint) -> Callable[[web.Request], Awaitable[web.StreamResponse]]:
        async def handle(request: web.Request) -> web.StreamResponse:
            return await self._answer(endpoint, request)

        return handle

    async def _answer(self, endpoint: Endpoint, request: web.Request) -> web.StreamResponse:
        address = request.remote or ""
        query = request.raw_path.partition("?")[2]
        body, malformed = "", None
        try:
            body = "" if endpoint.method == "GET" else await _read_body(request)
            parameters = Parameters.from_form(query, body)
        except VenueError as error:
            parameters, malformed = Parameters({}), error
        now = self._clock()
        headers: dict[str, str] = {}
        try:
            headers = weight_headers(self._weights.charge(address, endpoint.weigh(parameters), now))
            if malformed is not None:
                raise malformed
            return await self._apply(endpoint, request, parameters, signed_text(query, body), headers, now)
        except VenueError as error:
            if not headers:
                headers = weight_headers(self._weights.usage(address, now))
            return _json(error_payload(error), headers | dict(error.headers), error.http_status)

    async def _apply(
        self, endpoint: Endpoint, request: web.Request, parameters: Parameters, text: str, headers: dict[str, str], now: int
    ) -> web.StreamResponse:
        unit = _read_unit(request)
        account, validity = self._authenticate(endpoint, request, parameters, text, now)
        run = endpoint.prepare(self._desk, parameters, unit)
        parameters.finish()
        call = Call(request, endpoint.operation, account, parameters)
        if self._interference is not None:
            instead = await self._interference.before(call)
            if instead is not None:
                return instead
            now = self._clock()
        if endpoint.engine and validity is not None:
            validity.check_before_engine(now)
        response = self._run(endpoint, run, account, now, headers)
        return response if self._interference is None else await self._interference.after(call, response)

    def _run(self, endpoint: Endpoint, run: Callable[[str, int], object], account: str, now: int, headers: dict[str, str]) -> web.Response:
        try:
            answer = run(account, now)
        except VenueError as error:
            return _json(error_payload(error), headers | dict(error.headers), error.http_status)
        finally:
            if endpoint.engine:
                self._changed()
        if endpoint.places:
            headers |= order_count_headers(self._desk.orders.usage(account, now))
        return _json(answer, headers)

    def _authenticate(
        self, endpoint: Endpoint, request: web.Request, parameters: Parameters, text: str, now: int
    ) -> tuple[str, Validity | None]:
        if endpoint.security is Security.NONE:
            return "", None
        key, validity = authenticate(self._keys, endpoint.security, request.headers.get(API_KEY_HEADER), text, parameters, now)
        if not text.isascii():
            raise errors.invalid_signature()  # what is signed must have been percent-encoded first
        return key.account, validity

    async def _gone(self, request: web.Request) -> web.Response:
        return web.Response(status=410, text="<html><body><h2>410 Gone</h2></body></html>", content_type="text/html")

    async def _not_found(self, request: web.Request) -> web.Response:
        return web.Response(status=404, text="<html><body><h2>404 Not found</h2></body></html>", content_type="text/html")


async def _read_body(request: web.Request) -> str:
    try:
        return (await request.read()).decode()
    except UnicodeDecodeError:
        raise VenueError(errors.ILLEGAL_CHARS, "Illegal characters found in a parameter.") from None


def _read_unit(request: web.Request) -> int:
    text = request.headers.get(TIME_UNIT_HEADER)
    if text is None:
        return MILLISECOND
    unit = _UNITS.get(text.upper())
    if unit is None:
        message = "Invalid value for time unit; expected either MICROSECOND or MILLISECOND."
        raise VenueError(errors.INVALID_TIME_UNIT, message)
    return unit


def _json(payload: object, headers: dict[str, str], status: int = 200) -> web.Response:
    return web.Response(status=status, body=encode(payload), headers={**headers, "Content-Type": _CONTENT_TYPE})
