"""Client: ccxt's exchange class with what it lacks put in, and the place where every request leaves.

Its limiter is replaced by the request budget, its clock by the measured one, and its rounding by none: a number leaves as it was
decided. A request is looked at by the gate when a connection stands and its first byte is about to be written, so what failed before is
known never to have left. What an answer said is kept beside the request it answers, not on the client that all requests share. An answer
of 200 that is no JSON raises, where ccxt would give an order without an id.
"""

from collections.abc import Awaitable, Callable
from typing import Any, TypeVar

import aiohttp
import msgspec

from live.venues.ccxt_adapter.calls import CURRENT_CALL, Call, CallFailedError
from live.venues.ccxt_adapter.dialects import Dialect
from live.venues.ccxt_adapter.wiring import OnMessage, VenueClock, Wiring
from live.venues.errors import VenueCallError
from live.venues.request_budget import BudgetQueue, Priority
from live.venues.taxonomy import LONGEST_DESCRIPTION, Failure, FailureClass, classify, describe

_Answer = TypeVar("_Answer")


class Endpoint(msgspec.Struct, frozen=True, kw_only=True):
    """Say where a venue is.

    Attributes:
        venue_id: its name, as in its instruments' ids.
        dialect: how it is spoken to.
        http: its REST address, without a path.
        web_socket: its address for streams, without a path.
        web_socket_api: its address for requests over sockets, without a path; the one for streams when it is left out.
        receive_window: how long after its stamp a request may be accepted, milliseconds.
        timeout: how long an answer may take, milliseconds.
        keep_alive: how often a socket is pinged, milliseconds; one that misses two answers is closed.
    """

    venue_id: str
    dialect: Dialect
    http: str
    web_socket: str
    web_socket_api: str = ""
    receive_window: int = 2_000
    timeout: int = 5_000
    keep_alive: int = 3_000


class Credentials(msgspec.Struct, frozen=True):
    """Hold an account's key; `secret` is shared, or a private key as PEM, and `place` says to people where both are written."""

    account_id: str
    key: str
    secret: str
    place: str = ""

    def __repr__(self) -> str:
        return f"Credentials({self.account_id!r}, ...)"


class VenueClient:
    """Ask a venue through ccxt.

    Attributes:
        exchange: ccxt's exchange; only calls wrapped in `ask` may use it for requests.
        dialect: how the venue is spoken to.
    """

    def __init__(
        self,
        endpoint: Endpoint,
        credentials: Credentials | None,
        queue: BudgetQueue,
        clock: VenueClock,
        on_message: OnMessage,
    ) -> None:
        """Open the client; needs a running event loop, and has to be closed.

        Args:
            endpoint: where the venue is.
            credentials: whose requests these are; None for public data only.
            queue: whose turn it is.
            clock: the venue's time.
            on_message: sees what sockets receive, before ccxt does.
        """
        dialect = self.dialect = endpoint.dialect
        self._queue = queue
        self._credentials = credentials
        trace = aiohttp.TraceConfig()
        trace.on_request_headers_sent.append(_leave)
        trace.on_request_redirect.append(_refuse_to_follow)
        # No proxy of the environment, no cookies: a request goes where the configuration says and carries what the dialect says.
        self._session = aiohttp.ClientSession(
            # Without a limit of its own: the budget bounds what is under way, and a cancel waits for no connection of an order's.
            connector=aiohttp.TCPConnector(limit=0, keepalive_timeout=60),
            trace_configs=[trace],
            trust_env=False,
            cookie_jar=aiohttp.DummyCookieJar(),
        )
        from live.venues.ccxt_adapter.ccxt_exchange import exchange_class, use_addresses  # ccxt takes a second to import

        self.exchange: Any = exchange_class(dialect.exchange)(_configuration(endpoint, credentials, self._session))
        use_addresses(self.exchange, endpoint.http, endpoint.web_socket, endpoint.web_socket_api or endpoint.web_socket, dialect)
        self.exchange.streaming["keepAlive"] = endpoint.keep_alive
        self.exchange.wiring = Wiring(dialect, queue, clock, on_message)

    async def ask(self, call: Call, method: Callable[..., Awaitable[_Answer]], *arguments: object) -> _Answer:
        """Make one request.

        Raises:
            CallFailedError: it failed; says how, and what that means.
        """
        token = CURRENT_CALL.set(call)
        try:
            return await method(*arguments)
        except Exception as error:  # whatever ccxt raises, what became of the request is told by the call, not by the class alone
            failure = call.failure(error)
            failure_class = classify(failure, self.dialect.rules)
            raise CallFailedError(self._describe(failure, failure_class), failure, failure_class) from error
        finally:
            CURRENT_CALL.reset(token)
            if call.weight:
                self._queue.settle(call.priority, call.weight)
                call.weight = 0

    def _describe(self, failure: Failure, failure_class: FailureClass) -> str:
        """Say what happened, and of a key that is refused where to look."""
        said, held = describe(failure, failure_class), self._credentials
        advice = self.dialect.key_advice.get(failure.code or 0)
        if advice is None or held is None or failure_class is not FailureClass.REJECTED_AUTH:
            return said
        place = held.place or f"the key of account {held.account_id}"
        return f"{said.rstrip('.')}: {advice.format(place=place)}"[:LONGEST_DESCRIPTION]

    async def close(self) -> None:
        """Close every socket and connection."""
        self.exchange.timeout_on_exit = 0
        await self.exchange.close()
        await self._session.close()


async def _leave(session: aiohttp.ClientSession, context: object, parameters: aiohttp.TraceRequestHeadersSentParams) -> None:
    """Let the request of this task leave; aiohttp asks when the connection stands and before it writes."""
    del session, context, parameters
    call = CURRENT_CALL.get()
    if call is not None:
        call.leave()


async def _refuse_to_follow(session: aiohttp.ClientSession, context: object, parameters: aiohttp.TraceRequestRedirectParams) -> None:
    """Follow no redirection: a request carries a key and perhaps an order, and goes where the configuration says or nowhere."""
    del session, context
    raise VenueCallError(f"HTTP {parameters.response.status}: the venue wants the request elsewhere, which is not followed")


def _configuration(endpoint: Endpoint, credentials: Credentials | None, session: aiohttp.ClientSession) -> dict[str, Any]:
    keys = {} if credentials is None else {"apiKey": credentials.key, "secret": credentials.secret}
    return {
        **keys,
        "session": session,
        "enableRateLimit": True,
        "timeout": endpoint.timeout,
        "newUpdates": True,
        "number": str,
        "options": {**endpoint.dialect.options, "recvWindow": endpoint.receive_window},
    }


def patient_call(priority: Priority, patience: float = 30.0) -> Call:
    """Begin a question that may wait for its turn."""
    return Call(priority, patience)
