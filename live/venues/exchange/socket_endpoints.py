"""Where sockets come in: market streams and the WebSocket API, from the handshake to the last frame."""

import asyncio
import contextlib
from collections.abc import AsyncGenerator, Callable

from aiohttp import WSCloseCode, web

from live.venues.exchange.errors import VenueError, too_much_weight
from live.venues.exchange.faults import RequestSeen
from live.venues.exchange.market_streams import MarketStreams
from live.venues.exchange.sockets import Connection, ConnectLimit, SocketLimits
from live.venues.exchange.stream_names import parse_stream_name
from live.venues.exchange.stream_requests import StreamRequests
from live.venues.exchange.striking import ENTRY, RestFaults, Striker
from live.venues.exchange.user_data import UserData
from live.venues.exchange.web_socket_api import SESSION_WEIGHT, Session, WebSocketApi
from live.venues.exchange.weights import RequestWeights

WEB_SOCKET_API = "/ws-api/v3"


class SocketEndpoints:
    """Serve every socket of the exchange."""

    def __init__(
        self,
        streams: MarketStreams,
        api: WebSocketApi,
        user_data: UserData,
        weights: RequestWeights,
        striker: Striker,
        rest_faults: RestFaults,
        *,
        limits: SocketLimits,
        clock: Callable[[], int],
    ) -> None:
        self._streams = streams
        self._stream_requests = StreamRequests(streams, limits.most_streams)
        self._api = api
        self._user_data = user_data
        self._weights = weights
        self._striker = striker
        self._rest_faults = rest_faults
        self._limits = limits
        self._clock = clock
        self._connects = ConnectLimit(limits)
        self._connections: set[Connection] = set()

    @property
    def connections(self) -> tuple[Connection, ...]:
        """Give the sockets that are open."""
        return tuple(self._connections)

    def routes(self) -> list[web.RouteDef]:
        """Give the paths of sockets; those under /stream-spot are for clients that tell markets apart by the path."""
        paths = [prefix + path for prefix in ("", "/stream-spot") for path in ("/ws", "/ws/{streams:.*}", "/stream")]
        return [*(web.get(path, self.serve_streams) for path in paths), web.get(WEB_SOCKET_API, self.serve_api)]

    def keep_alive(self) -> None:
        """Ping and close whatever is due."""
        now = asyncio.get_running_loop().time()
        for connection in self.connections:
            connection.keep_alive(now)

    async def close_all(self) -> None:
        """Tell every socket that the server goes, and close it."""
        now, connections = self._clock(), self.connections
        self._streams.announce_shutdown((each for each in connections if each.path != WEB_SOCKET_API), now)
        self._api.announce_shutdown((each for each in connections if each.path == WEB_SOCKET_API), now)
        for connection in connections:
            connection.close(WSCloseCode.GOING_AWAY, "server shutdown")
        await asyncio.gather(*(connection.closed() for connection in connections))

    async def serve_streams(self, request: web.Request) -> web.StreamResponse:
        """Serve one market stream socket until it ends."""
        if (refusal := await self._refuse_connect(request)) is not None:
            return refusal
        combined = request.path.endswith("/stream")
        # A plus sign in a time zone comes as a space when the client did not encode it, and no name has spaces.
        named = (request.query if combined else request.match_info).get("streams", "").replace(" ", "+").split("/")
        socket = web.WebSocketResponse(autoping=False, compress=False, timeout=1)
        await socket.prepare(request)
        connection = Connection(request, socket, self._limits, counted=True)
        connection.combined = combined
        self._streams.subscribe(connection, [name for name in named if parse_stream_name(name) is not None])
        async with self._connected(connection):
            while (text := await connection.receive()) is not None:
                self._stream_requests.answer(connection, text)
        return socket

    async def serve_api(self, request: web.Request) -> web.StreamResponse:
        """Serve one WebSocket API socket until it ends."""
        if (refusal := await self._refuse_connect(request)) is not None:
            return refusal
        now = self._clock()
        try:
            self._weights.charge(request.remote or "", SESSION_WEIGHT, now)
        except VenueError as error:
            return web.Response(status=error.http_status, headers=error.headers)
        socket = web.WebSocketResponse(autoping=False, compress=False, timeout=1)
        await socket.prepare(request)
        connection = Connection(request, socket, self._limits, counted=False)
        session = Session(connection, now, shows_limits=request.query.get("returnRateLimits", "true") != "false")
        async with self._connected(connection), asyncio.TaskGroup() as requests:
            while (text := await connection.receive()) is not None:
                requests.create_task(self._api.handle(session, text))
        return socket

    async def _refuse_connect(self, request: web.Request) -> web.StreamResponse | None:
        """Refuse a socket that one address opens too often, or that a fault befalls."""
        address = request.remote or ""
        if self._connects.refuses(address, asyncio.get_running_loop().time()):
            error = too_much_weight(self._limits.connects, "5 MINUTE", int(self._limits.connects_seconds))
            return web.Response(status=error.http_status, headers=error.headers)
        seen = RequestSeen("web_socket", "connect", "", {"path": request.path})
        strike = self._striker.strike(seen, request[ENTRY])
        outcome = None if strike is None else await strike.before(seen, address)
        return None if outcome is None else await self._rest_faults.answer(request, outcome)

    @contextlib.asynccontextmanager
    async def _connected(self, connection: Connection) -> AsyncGenerator[None]:
        """Serve a socket for as long as it lasts."""
        self._connections.add(connection)
        writing = asyncio.create_task(connection.write())
        try:
            yield
        finally:
            self._connections.discard(connection)
            self._streams.forget(connection)
            self._user_data.forget(connection)
            writing.cancel()
            await asyncio.gather(writing, return_exceptions=True)
