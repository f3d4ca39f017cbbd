"""The WebSocket API: requests as JSON frames, sessions that log in by Ed25519, and user data subscriptions (web-socket-api.md)."""

import re
from collections.abc import Callable, Mapping
from typing import Any, Protocol

import msgspec

from live.venues.exchange import errors
from live.venues.exchange.errors import VenueError
from live.venues.exchange.faults import RequestSeen
from live.venues.exchange.information import rate_limit_usage
from live.venues.exchange.operations import Desk, Prepare
from live.venues.exchange.parameters import Parameters
from live.venues.exchange.payloads import error_payload
from live.venues.exchange.security import ApiKey, KeyRing, Security, Validity, authenticate, read_validity, signed_web_socket_text
from live.venues.exchange.sockets import Connection
from live.venues.exchange.stream_payloads import MILLISECOND
from live.venues.exchange.striking import Lost, Reply, Striker
from live.venues.exchange.user_data import Subscription, UserData
from live.venues.exchange.weights import RequestWeights, Usage

SESSION_WEIGHT = 2
"""What connecting, logging in and subscribing weigh."""

ORDER_METHODS = frozenset({"order.place", "order.cancelReplace"})
"""Methods whose answers show the counts of unfilled orders too."""

_VERSION = re.compile(r"v[0-9]+/")

encode = msgspec.json.Encoder().encode


class Operation(Protocol):
    """One operation of the exchange, whichever way it is asked for."""

    @property
    def security(self) -> Security:
        """Say what a caller must show."""
        ...

    @property
    def prepare(self) -> Prepare:
        """Give the function that reads its parameters."""
        ...

    def weight(self, parameters: Parameters) -> int:
        """Say what a request weighs."""
        ...


class Frame(msgspec.Struct):
    """A request as it was sent."""

    method: str
    id: int | str | None = None
    params: dict[str, Any] = {}


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
        operations: Mapping[str, Operation],
        keys: KeyRing,
        weights: RequestWeights,
        user_data: UserData,
        striker: Striker,
        *,
        clock: Callable[[], int],
        publish: Callable[[], None],
    ) -> None:
        self._desk = desk
        self._operations = operations
        self._keys = keys
        self._weights = weights
        self._user_data = user_data
        self._striker = striker
        self._clock = clock
        self._publish = publish
        self._own: dict[str, Callable[[Session, Parameters], object]] = {
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
        try:
            frame = msgspec.json.decode(text, type=Frame)
        except msgspec.MsgspecError:
            error = VenueError(errors.INVALID_JSON, "Invalid JSON Request")
            session.connection.reply(encode({"id": None, "status": 400, "error": error_payload(error)}))
            return
        method = _VERSION.sub("", frame.method, count=1)
        parameters = Parameters.from_json(frame.params)
        ended: list[Subscription] = []
        api_key = parameters.peek("apiKey") or (session.api_key.key if session.api_key else "")
        seen = RequestSeen("web_socket", method, api_key, parameters.values)

        async def apply() -> Reply:
            return self._apply(session, frame, method, parameters, ended)

        outcome = await self._striker.run(seen, session.connection.remote, apply)
        if isinstance(outcome, Lost):
            if outcome.broken:
                session.connection.reset()
        else:
            session.connection.reply(_framed(frame, outcome))
        self._user_data.terminate(ended, self._clock())

    def _apply(self, session: Session, frame: Frame, method: str, parameters: Parameters, ended: list[Subscription]) -> Reply:
        now = self._clock()
        shows_limits, usages = session.shows_limits, list[Usage]()
        document: dict[str, Any] = {"id": frame.id, "status": 200}
        try:
            shows_limits = parameters.boolean("returnRateLimits", default=session.shows_limits)
            parameters.ignore("apiKey", "signature")
            own, operation = self._own.get(method), self._operations.get(method)
            usages.append(
                self._weights.charge(session.connection.remote, operation.weight(parameters) if operation else SESSION_WEIGHT, now)
            )
            if own is not None:
                result = own(session, parameters)
                if isinstance(result, Ended):
                    ended.extend(result.subscriptions)
                    result = result.result
            elif operation is not None:
                account, result = self._operate(session, operation, parameters, now)
                if method in ORDER_METHODS:
                    usages = [*self._desk.orders.usage(account, now), *usages]
            else:
                raise VenueError(errors.UNKNOWN, f"Unknown method '{method}'.")
            document["result"] = result
        except VenueError as error:
            document["status"] = error.http_status
            document["error"] = error_payload(error)
        self._publish()
        if shows_limits:
            document["rateLimits"] = [rate_limit_usage(usage) for usage in usages or [self._weights.usage(session.connection.remote, now)]]
        return Reply(document["status"], encode(document))

    def _operate(self, session: Session, operation: Operation, parameters: Parameters, now: int) -> tuple[str, object]:
        account, validity = "", None
        if operation.security is not Security.NONE:
            api_key, validity = self._authenticate(session, operation.security, parameters, now)
            account = api_key.account
        run = operation.prepare(self._desk, parameters, session.unit)
        parameters.finish()
        now = self._clock()
        if validity is not None:
            validity.check_before_engine(now)
        return account, run(account, now)

    def _authenticate(self, session: Session, security: Security, parameters: Parameters, now: int) -> tuple[ApiKey, Validity]:
        """Give the key behind a request: the one it is signed with, or else the session's."""
        if session.api_key is None or parameters.peek("apiKey") is not None:
            text = signed_web_socket_text(parameters.values)
            return authenticate(self._keys, security, parameters.peek("apiKey"), text, parameters, now)
        validity = read_validity(parameters)
        validity.check(now)
        if security not in session.api_key.permissions:
            raise errors.rejected_api_key()
        return session.api_key, validity

    def _log_on(self, session: Session, parameters: Parameters) -> object:
        now = self._clock()
        text = signed_web_socket_text(parameters.values)
        api_key, _ = authenticate(self._keys, Security.USER_DATA, parameters.peek("apiKey"), text, parameters, now)
        parameters.finish()
        if api_key.public_key is None:
            raise errors.rejected_api_key()  # only Ed25519 keys may log in
        session.api_key, session.authorized_since = api_key, now
        return self._session_state(session)

    def _status(self, session: Session, parameters: Parameters) -> object:
        parameters.finish()
        return self._session_state(session)

    def _log_out(self, session: Session, parameters: Parameters) -> object:
        parameters.finish()
        session.api_key = session.authorized_since = None
        ended = self._user_data.log_out(session.connection)
        return Ended(self._session_state(session), ended)

    def _subscriptions(self, session: Session, parameters: Parameters) -> object:
        parameters.finish()
        return [{"subscriptionId": number} for number in self._user_data.subscriptions(session.connection)]

    def _subscribe(self, session: Session, parameters: Parameters) -> object:
        parameters.finish()
        if session.api_key is None:
            raise errors.unauthorized()
        return {"subscriptionId": self._user_data.subscribe(session.connection, session.api_key.account, by_session=True)}

    def _subscribe_by_signature(self, session: Session, parameters: Parameters) -> object:
        text = signed_web_socket_text(parameters.values)
        api_key, _ = authenticate(self._keys, Security.USER_STREAM, parameters.peek("apiKey"), text, parameters, self._clock())
        parameters.finish()
        return {"subscriptionId": self._user_data.subscribe(session.connection, api_key.account, by_session=False)}

    def _unsubscribe(self, session: Session, parameters: Parameters) -> object:
        number = parameters.integer("subscriptionId")
        parameters.finish()
        return Ended({}, self._user_data.unsubscribe(session.connection, number))

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


class Ended(msgspec.Struct, frozen=True):
    """What is answered, and the subscriptions that ended with it: their listeners are told after the answer."""

    result: object
    subscriptions: tuple[Subscription, ...]


def _framed(frame: Frame, reply: Reply) -> bytes:
    """Give a reply as a frame; what a fault made of it may be no JSON, or lack the envelope that every frame has."""
    if reply.content_type == "application/json" and reply.status != 200 and not reply.body.startswith(b'{"id":'):
        return encode({"id": frame.id, "status": reply.status, "error": msgspec.Raw(reply.body)})
    return reply.body
