"""The WebSocket API: requests as JSON frames, sessions that log in by Ed25519, and user data subscriptions (web-socket-api.md)."""

import re
from collections.abc import Callable, Iterable
from http import HTTPStatus
from typing import Any, cast

import msgspec
from aiohttp import WSCloseCode

from live.venues.exchange import errors
from live.venues.exchange.endpoints import BY_OPERATION, Endpoint
from live.venues.exchange.errors import VenueError
from live.venues.exchange.faults import RequestSeen
from live.venues.exchange.information import rate_limit_usage
from live.venues.exchange.operations import Desk, Run
from live.venues.exchange.parameters import Parameters
from live.venues.exchange.payloads import error_payload
from live.venues.exchange.request_log import Logged
from live.venues.exchange.security import ApiKey, KeyRing, Security, Validity, authenticate, read_validity, signed_web_socket_text
from live.venues.exchange.sockets import Connection
from live.venues.exchange.stream_payloads import MILLISECOND
from live.venues.exchange.striking import Lost, Outcome, Reply, Striker
from live.venues.exchange.user_data import Subscription, UserData
from live.venues.exchange.weights import RequestWeights, Usage

SESSION_WEIGHT = 2
"""What connecting, logging in and subscribing weigh."""

_VERSION = re.compile(r"v[0-9]+/")
_ID = re.compile(r"[a-zA-Z0-9_-]{1,36}", re.ASCII)
_BAD_ID = "Invalid 'id' in JSON request; expected an integer, a string matching '^[a-zA-Z0-9-_]{1,36}$', or null."
_BAD_PARAMS = "Invalid 'params' in JSON request; expected an object."

encode = msgspec.json.Encoder().encode


class Frame(msgspec.Struct):
    """A request as it was sent."""

    method: str
    id: int | str | None = None
    params: dict[str, Any] = {}


class Malformed(msgspec.Struct):
    """What is no request: the id that was read for all that, and why."""

    message: str
    id: int | str | None = None


class Session:
    """One client's connection, and who it is logged in as."""

    def __init__(self, connection: Connection, now: int, *, shows_limits: bool) -> None:
        self.connection = connection
        self.connected_since = now
        self.shows_limits = shows_limits
        self.api_key: ApiKey | None = None
        self.authorized_since: int | None = None

    @property
    def unit(self) -> int:
        """Say what microseconds are divided by."""
        return 1 if self.connection.microseconds else MILLISECOND


class WebSocketApi:
    """Answer requests of sessions."""

    def __init__(
        self,
        desk: Desk,
        keys: KeyRing,
        weights: RequestWeights,
        user_data: UserData,
        striker: Striker,
        *,
        clock: Callable[[], int],
        publish: Callable[[], None],
    ) -> None:
        self._desk = desk
        self._keys = keys
        self._weights = weights
        self._user_data = user_data
        self._striker = striker
        self._clock = clock
        self._publish = publish
        self._own: dict[str, Callable[[_Request], Run]] = {
            "session.logon": self._log_on,
            "session.status": self._status,
            "session.logout": self._log_out,
            "session.subscriptions": self._subscriptions,
            "userDataStream.subscribe": self._subscribe,
            "userDataStream.subscribe.signature": self._subscribe_by_signature,
            "userDataStream.unsubscribe": self._unsubscribe,
        }

    async def handle(self, session: Session, text: str) -> None:
        """Answer one frame."""
        frame = _read_frame(text)
        if isinstance(frame, Malformed):
            error = VenueError(errors.INVALID_JSON, frame.message)
            session.connection.reply(encode({"id": frame.id, "status": 400, "error": error_payload(error)}))
            return
        request = _Request(session, frame, self._clock())
        entry = self._striker.arrive(request.seen(request.parameters.peek("apiKey") or ""), request.time)
        outcome = await self._answer(request, entry)
        if isinstance(outcome, Lost):
            if outcome.broken:
                session.connection.reset()
            return
        entry.status, entry.milliseconds = outcome.status, (self._clock() - entry.time) / 1_000
        session.connection.reply(request.framed(outcome))
        if outcome.status == HTTPStatus.IM_A_TEAPOT:
            session.connection.close(WSCloseCode.POLICY_VIOLATION, "IP banned")
        self._user_data.terminate(request.ended, self._clock())

    def announce_shutdown(self, connections: Iterable[Connection], now: int) -> None:
        """Tell connections that the server is about to go."""
        for connection in connections:
            unit = 1 if connection.microseconds else MILLISECOND
            connection.reply(encode({"event": {"e": "serverShutdown", "E": now // unit}}))

    async def _answer(self, request: "_Request", entry: Logged) -> Outcome:
        """Weigh, check and read a request, let faults strike, and apply it if it is still in time."""
        try:
            self._prepare(request)
        except VenueError as error:
            return self._reply(request, error)
        seen = request.seen(request.account)
        strike = self._striker.strike(seen, entry)
        if strike is not None and (outcome := await strike.before(seen, request.session.connection.remote)) is not None:
            return outcome
        reply = self._reply(request, self._apply(request))
        return reply if strike is None else await strike.after(reply)

    def _prepare(self, request: "_Request") -> None:
        """Read a request down to what is left to do.

        Raises:
            VenueError: it weighs too much, is not allowed, or is malformed.
        """
        session, parameters = request.session, request.parameters
        parameters.ignore("apiKey", "signature")
        endpoint, own = BY_OPERATION.get(request.method), self._own.get(request.method)
        request.usages = (
            self._weights.charge(session.connection.remote, endpoint.weigh(parameters) if endpoint else SESSION_WEIGHT, request.time),
        )
        request.shows_limits = parameters.boolean("returnRateLimits", default=session.shows_limits)
        if own is not None:
            request.run = own(request)
        elif endpoint is None:
            raise VenueError(errors.UNKNOWN, f"Unknown method '{request.method}'.")
        else:
            request.endpoint = endpoint
            if endpoint.security is not Security.NONE:
                api_key, request.validity = self._authenticate(session, endpoint.security, parameters, request.time)
                request.account = api_key.account
            request.run = (endpoint.prepare_by_socket or endpoint.prepare)(self._desk, parameters, session.unit)
        parameters.finish()

    def _apply(self, request: "_Request") -> object:
        now, endpoint = self._clock(), request.endpoint
        try:
            if endpoint is not None and endpoint.engine and request.validity is not None:
                request.validity.check_before_engine(now)
            result = request.run(request.account, now)
        except VenueError as error:
            return error
        finally:
            if endpoint is not None and endpoint.engine:
                self._publish()
        if endpoint is not None and endpoint.places:
            request.usages = (*self._desk.orders.usage(request.account, now), *request.usages)
        return result

    def _reply(self, request: "_Request", result: object) -> Reply:
        document: dict[str, Any] = {"id": request.frame.id, "status": 200}
        if isinstance(result, VenueError):
            document["status"] = result.http_status
            payload = error_payload(result)
            if result.retry_at is not None:
                unit = request.session.unit
                payload["data"] = {"serverTime": request.time // unit, "retryAfter": result.retry_at // unit}
            document["error"] = payload
        else:
            document["result"] = result
        if request.shows_limits:
            usages = request.usages or (self._weights.usage(request.session.connection.remote, request.time),)
            document["rateLimits"] = [rate_limit_usage(usage) for usage in usages]
        return Reply(document["status"], encode(document))

    def _authenticate(self, session: Session, security: Security, parameters: Parameters, now: int) -> tuple[ApiKey, Validity]:
        """Give the key behind a request: the one it is signed with, or else the session's."""
        if session.api_key is None or parameters.peek("apiKey") is not None:
            return self._authenticate_by_signature(security, parameters, now)
        validity = read_validity(parameters)
        validity.check(now)
        if security not in session.api_key.permissions:
            raise errors.rejected_api_key()
        return session.api_key, validity

    def _authenticate_by_signature(self, security: Security, parameters: Parameters, now: int) -> tuple[ApiKey, Validity]:
        # Here the key is a parameter like any other: without it a request is malformed, where REST finds a bad key.
        key = parameters.required_text("apiKey")
        return authenticate(self._keys, security, key, signed_web_socket_text(parameters.values), parameters, now)

    def _log_on(self, request: "_Request") -> Run:
        session = request.session
        api_key, _ = self._authenticate_by_signature(Security.USER_DATA, request.parameters, request.time)
        if api_key.public_key is None:
            raise errors.rejected_api_key()  # only Ed25519 keys may log in

        def run(_: str, now: int) -> object:
            session.api_key, session.authorized_since = api_key, now
            return self._session_state(session)

        return run

    def _status(self, request: "_Request") -> Run:
        return lambda account, now: self._session_state(request.session)

    def _log_out(self, request: "_Request") -> Run:
        def run(account: str, now: int) -> object:
            request.session.api_key = request.session.authorized_since = None
            request.ended = self._user_data.log_out(request.session.connection)
            return self._session_state(request.session)

        return run

    def _subscriptions(self, request: "_Request") -> Run:
        return lambda account, now: [{"subscriptionId": number} for number in self._user_data.subscriptions(request.session.connection)]

    def _subscribe(self, request: "_Request") -> Run:
        if request.session.api_key is None:
            raise errors.session_not_authenticated()
        request.account = request.session.api_key.account
        return lambda account, now: self._subscribed(request, by_session=True)

    def _subscribe_by_signature(self, request: "_Request") -> Run:
        api_key, _ = self._authenticate_by_signature(Security.USER_STREAM, request.parameters, request.time)
        request.account = api_key.account
        return lambda account, now: self._subscribed(request, by_session=False)

    def _subscribed(self, request: "_Request", *, by_session: bool) -> object:
        return {"subscriptionId": self._user_data.subscribe(request.session.connection, request.account, by_session=by_session)}

    def _unsubscribe(self, request: "_Request") -> Run:
        number = request.parameters.integer("subscriptionId")

        def run(account: str, now: int) -> object:
            request.ended = self._user_data.unsubscribe(request.session.connection, number)
            return {}

        return run

    def _session_state(self, session: Session) -> dict[str, Any]:
        unit, since = session.unit, session.authorized_since
        return {
            "apiKey": session.api_key.key if session.api_key else None,
            "authorizedSince": None if since is None else since // unit,
            "connectedSince": session.connected_since // unit,
            "returnRateLimits": session.shows_limits,
            "serverTime": self._clock() // unit,
            "userDataStream": bool(self._user_data.subscriptions(session.connection)),
        }


class _Request:
    """One frame on its way: what is known of it so far."""

    def __init__(self, session: Session, frame: Frame, now: int) -> None:
        self.session = session
        self.frame = frame
        self.time = now
        self.method = _VERSION.sub("", frame.method, count=1)
        self.parameters = Parameters.from_json(frame.params)
        self.account = ""
        self.endpoint: Endpoint | None = None
        self.validity: Validity | None = None
        self.usages: tuple[Usage, ...] = ()
        self.shows_limits = session.shows_limits
        self.ended: tuple[Subscription, ...] = ()
        self.run: Run = _nothing

    def seen(self, account: str) -> RequestSeen:
        """Give what faults match it by."""
        return RequestSeen("web_socket", self.method, account, self.parameters.values)

    def framed(self, reply: Reply) -> bytes:
        """Give a reply as a frame; an error that a fault made has no envelope yet, and what is no JSON gets none."""
        if reply.content_type == "application/json" and reply.status != HTTPStatus.OK and not reply.body.startswith(b'{"id":'):
            return encode({"id": self.frame.id, "status": reply.status, "error": msgspec.Raw(reply.body)})
        return reply.body


def _read_frame(text: str) -> Frame | Malformed:
    try:
        frame = msgspec.json.decode(text, type=Frame)
    except msgspec.ValidationError:
        return _malformed(msgspec.json.decode(text))
    except msgspec.MsgspecError:
        return Malformed("Invalid JSON Request")
    return frame if _is_id(frame.id) else Malformed(_BAD_ID)


def _malformed(values: object) -> Malformed:
    """Say what is wrong with JSON that is no request."""
    if not isinstance(values, dict):
        return Malformed("Invalid JSON Request")
    fields = cast(dict[str, Any], values)
    number = fields.get("id")
    if not _is_id(number):
        return Malformed(_BAD_ID)
    return Malformed(_BAD_PARAMS if isinstance(fields.get("method"), str) else "Invalid JSON Request", number)


def _is_id(value: object) -> bool:
    if isinstance(value, str):
        return _ID.fullmatch(value) is not None
    return value is None or (isinstance(value, int) and not isinstance(value, bool))


def _nothing(account: str, now: int) -> object:
    raise AssertionError(f"a request of {account!r} was run at {now} before it was read")
