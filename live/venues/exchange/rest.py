"""The REST side of the exchange: Binance's /api/v3 over aiohttp.

A request is weighed, its key and signature are checked, its parameters read, and only then, if it is still in time, it reaches the
engine. Source: Binance Spot API documentation, "General Information on Endpoints".
"""

from collections.abc import Awaitable, Callable, Mapping

import msgspec
from aiohttp import web

from live.venues.exchange import errors
from live.venues.exchange.endpoints import ENDPOINTS, Endpoint
from live.venues.exchange.errors import VenueError
from live.venues.exchange.operations import Desk, Run
from live.venues.exchange.parameters import Parameters
from live.venues.exchange.payloads import MILLISECOND, error_payload
from live.venues.exchange.security import API_KEY_HEADER, KeyRing, Security, Validity, authenticate, signed_text
from live.venues.exchange.weights import RequestWeights, order_count_headers, weight_headers

PREFIX = "/api/v3/"
TIME_UNIT_HEADER = "X-MBX-TIME-UNIT"

_CONTENT_TYPE = "application/json;charset=UTF-8"
_UNITS = {"MILLISECOND": MILLISECOND, "MICROSECOND": 1}

encode = msgspec.json.Encoder().encode


class Call(msgspec.Struct, frozen=True):
    """A request as those see it who may come between it and its answer.

    Attributes:
        request: the HTTP request; its body has been read.
        operation: its name, as in the WebSocket API.
        api_key: the key that it names, "" without one; nothing is known yet of its signature.
        parameters: what was sent, by name; nothing when that cannot be read.
    """

    request: web.Request
    operation: str
    api_key: str
    parameters: Mapping[str, str]


Apply = Callable[[], Awaitable[web.Response]]
"""Do what was asked and give the answer, refusals included."""

Around = Callable[[Call, Apply], Awaitable[web.StreamResponse]]
"""Let a request be applied, late or not at all, and give its client that answer or another."""


class RestApi:
    """Answer /api/v3.

    `clock` gives microseconds UTC. `changed` is called after every request that may have changed the exchange, before its answer
    leaves, and drains the events. `around` may come between any request and its answer.
    """

    def __init__(
        self,
        desk: Desk,
        keys: KeyRing,
        weights: RequestWeights,
        *,
        clock: Callable[[], int],
        changed: Callable[[], None],
        around: Around | None = None,
    ) -> None:
        self._desk = desk
        self._keys = keys
        self._weights = weights
        self._clock = clock
        self._changed = changed
        self._around = around

    def routes(self) -> list[web.RouteDef]:
        """Give the routes of every endpoint, and one that answers for paths that there are none of."""
        routes = [web.route(endpoint.method, PREFIX + endpoint.path, self._handler(endpoint)) for endpoint in ENDPOINTS]
        return [*routes, web.route("*", "/api/{path:.*}", self._not_found)]

    def _handler(self, endpoint: Endpoint) -> Callable[[web.Request], Awaitable[web.StreamResponse]]:
        async def handle(request: web.Request) -> web.StreamResponse:
            return await self._answer(endpoint, request)

        return handle

    async def _answer(self, endpoint: Endpoint, request: web.Request) -> web.StreamResponse:
        query, body, malformed = request.raw_path.partition("?")[2], "", None
        parameters = Parameters({})
        try:
            body = "" if endpoint.method == "GET" else await _read_body(request)
            parameters = Parameters.from_form(query, body)
        except VenueError as error:
            malformed = error

        async def apply() -> web.Response:
            return self._apply(endpoint, request, parameters, signed_text(query, body), malformed)

        if self._around is None:
            return await apply()
        call = Call(request, endpoint.operation, request.headers.get(API_KEY_HEADER, ""), parameters.values)
        return await self._around(call, apply)

    def _apply(
        self, endpoint: Endpoint, request: web.Request, parameters: Parameters, text: str, malformed: VenueError | None
    ) -> web.Response:
        address, now = request.remote or "", self._clock()
        headers: dict[str, str] = {}
        try:
            headers = weight_headers(self._weights.charge(address, endpoint.weight(parameters), now))
            if malformed is not None:
                raise malformed
            unit = _read_unit(request)
            account, validity = self._authenticate(endpoint, request, parameters, text, now)
            run = endpoint.prepare(self._desk, parameters, unit)
            parameters.finish()
            now = self._clock()
            if endpoint.engine and validity is not None:
                validity.check_before_engine(now)
            answer = self._run(endpoint, run, account, now)
            if endpoint.places:
                headers |= order_count_headers(self._desk.orders.usage(account, now))
            return _json(answer, headers)
        except VenueError as error:
            headers = headers or weight_headers(self._weights.usage(address, now))
            return _json(error_payload(error), headers | dict(error.headers), error.http_status)

    def _run(self, endpoint: Endpoint, run: Run, account: str, now: int) -> object:
        try:
            return run(account, now)
        finally:
            if endpoint.engine:
                self._changed()

    def _authenticate(
        self, endpoint: Endpoint, request: web.Request, parameters: Parameters, text: str, now: int
    ) -> tuple[str, Validity | None]:
        if endpoint.security is Security.NONE:
            return "", None
        key, validity = authenticate(self._keys, endpoint.security, request.headers.get(API_KEY_HEADER), text, parameters, now)
        return key.account, validity

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
