"""The exchange as a server: REST, market streams, the WebSocket API and the control plane, on this machine's loopback."""

import asyncio
import contextlib
import time
from collections.abc import Callable
from typing import Protocol

import msgspec
from aiohttp import web
from aiohttp.typedefs import Handler

from live.core.errors import InterlockError
from live.venues.exchange.endpoints import ENDPOINTS
from live.venues.exchange.errors import VenueError
from live.venues.exchange.exchange import Exchange
from live.venues.exchange.fault_control import FaultControl
from live.venues.exchange.faults import FaultPlane, RequestSeen
from live.venues.exchange.filling import fill_resting
from live.venues.exchange.market_streams import MarketStreams
from live.venues.exchange.operations import Desk
from live.venues.exchange.parameters import Parameters
from live.venues.exchange.request_log import RequestLog
from live.venues.exchange.rest import PREFIX, RestApi
from live.venues.exchange.security import API_KEY_HEADER, KeyRing
from live.venues.exchange.socket_endpoints import SocketEndpoints
from live.venues.exchange.sockets import SocketLimits
from live.venues.exchange.striking import ENTRY, LOST, RestFaults, Striker
from live.venues.exchange.user_data import UserData
from live.venues.exchange.web_socket_api import WebSocketApi
from live.venues.exchange.weights import RequestLimits, RequestWeights

BEAT_SECONDS = 0.02
"""How often time passes for the exchange, its background market and its streams."""

_OPERATIONS = {(each.method, PREFIX + each.path): each.operation for each in ENDPOINTS}


class ServerError(InterlockError):
    """The server cannot start."""


class Mover(Protocol):
    """What moves the market besides clients."""

    def run(self, now: int) -> int:
        """Do what is due by `now`, microseconds UTC."""
        ...


class ServerSettings(msgspec.Struct, frozen=True, kw_only=True):
    """Say where and how the exchange is served.

    Attributes:
        port: where clients connect; 0 takes a free one.
        faults_port: where the control plane listens, None for nowhere; 0 takes a free one.
        read_lag: microseconds until queries find what was just placed.
        limits: what requests may weigh.
        sockets: what sockets may do.
    """

    host: str = "127.0.0.1"
    port: int = 18080
    faults_port: int | None = None
    read_lag: int = 0
    limits: RequestLimits = RequestLimits()
    sockets: SocketLimits = SocketLimits()


def wall_clock() -> int:
    """Give the time, microseconds UTC."""
    return time.time_ns() // 1_000


class ExchangeServer:
    """Serve one exchange until it is stopped."""

    def __init__(
        self,
        exchange: Exchange,
        keys: KeyRing,
        settings: ServerSettings | None = None,
        *,
        movers: tuple[Mover, ...] = (),
        clock: Callable[[], int] = wall_clock,
    ) -> None:
        self._exchange = exchange
        self._keys = keys
        self._settings = settings or ServerSettings()
        self._movers = movers
        self._wall_clock = clock
        self._faults = FaultPlane()
        self._log = RequestLog()
        self._weights = RequestWeights(self._settings.limits)
        self._desk = Desk(exchange, self._settings.limits, read_lag=self._settings.read_lag, connects=self._settings.sockets.connects)
        self._stopping = asyncio.Event()
        self._striker = Striker(self._faults, self._log, self)
        self._rest_faults = RestFaults(self._striker, self._stopping)
        self._streams = MarketStreams(exchange, self._faults.loses)
        self._user_data = UserData(self._faults)
        self._sockets = SocketEndpoints(
            self._streams,
            WebSocketApi(self._desk, keys, self._weights, self._user_data, self._striker, clock=self.clock, publish=self.publish),
            self._user_data,
            self._weights,
            self._striker,
            self._rest_faults,
            limits=self._settings.sockets,
            clock=self.clock,
        )
        self._runners: list[web.AppRunner] = []
        self._sites: list[web.TCPSite] = []
        self._beating: asyncio.Task[None] | None = None

    def clock(self) -> int:
        """Give the exchange's time, microseconds UTC, as far off as was ordered."""
        return self._wall_clock() + self._faults.skew

    @property
    def port(self) -> int:
        """Say where clients connect, once started."""
        return self._bound(0)

    @property
    def faults_port(self) -> int | None:
        """Say where the control plane listens, once started."""
        return None if self._settings.faults_port is None else self._bound(1)

    async def start(self) -> None:
        """Listen, and let time pass.

        Raises:
            ServerError: a port is taken.
        """
        await self._listen(self._application(), self._settings.port)
        if self._settings.faults_port is not None:
            control = FaultControl(
                self._faults,
                self._log,
                connections=lambda: self._sockets.connections,
                fill=self.fill,
                elapsed=asyncio.get_running_loop().time,
            )
            await self._listen(control.application(), self._settings.faults_port)
        self._beating = asyncio.create_task(self._beat())

    async def serve(self, stopped: asyncio.Event) -> None:
        """Serve until an event is set, or until letting time pass fails.

        Raises:
            InterlockError: what made it fail.
        """
        assert self._beating is not None, "started first"
        waiting = asyncio.create_task(stopped.wait())
        await asyncio.wait((waiting, self._beating), return_when=asyncio.FIRST_COMPLETED)
        waiting.cancel()
        if self._beating.done():
            self._beating.result()

    async def stop(self) -> None:
        """Tell every socket that the server goes, close them all, and stop listening; nothing goes on being served."""
        self._stopping.set()
        for site in self._sites:
            await site.stop()
        if self._beating is not None:
            self._beating.cancel()
            await asyncio.gather(self._beating, return_exceptions=True)
        await self._sockets.close_all()
        for runner in self._runners:
            await runner.cleanup()

    def publish(self) -> None:
        """Tell what happened to whoever listens."""
        events = self._exchange.drain()
        if events:
            self._user_data.publish(events)
            self._streams.publish(events)

    def ban(self, address: str, seconds: int) -> VenueError:
        """Ban an address and give what it is told."""
        return self._weights.ban(address, self.clock(), seconds * 1_000_000)

    def fill_first(self, seen: RequestSeen, parts_per_million: int) -> None:
        """Let the market take part of the order that a request is about, if it rests on the book."""
        parameters = Parameters(seen.parameters)
        with contextlib.suppress(VenueError):  # a request about no order has none to fill; what it is told is not our matter
            self._fill(
                seen.account,
                parameters.required_symbol(),
                parameters.integer("orderId"),
                parameters.client_order_id("origClientOrderId") or parameters.client_order_id("cancelOrigClientOrderId"),
                parts_per_million,
            )

    def fill(self, account: str, symbol: str, client_order_id: str, parts_per_million: int) -> bool:
        """Let the market take part of a resting order; says whether it could.

        Raises:
            VenueError: -2013 for an order that there is none of.
        """
        return self._fill(account, symbol, None, client_order_id, parts_per_million)

    def _fill(self, account: str, symbol: str, order_id: int | None, client_order_id: str | None, parts_per_million: int) -> bool:
        order = self._exchange.order(account, symbol, order_id, client_order_id)
        filled = fill_resting(self._exchange, order, parts_per_million, self.clock())
        self.publish()
        return filled

    def _application(self) -> web.Application:
        rest = RestApi(self._desk, self._keys, self._weights, clock=self.clock, changed=self.publish, interference=self._rest_faults)
        application = web.Application(middlewares=[self._note])
        application.add_routes([*self._sockets.routes(), *rest.routes()])
        return application

    @web.middleware
    async def _note(self, request: web.Request, handler: Handler) -> web.StreamResponse:
        """Note every request that comes, and what it is answered."""
        if request.path.startswith(PREFIX):
            channel, operation = "rest", _OPERATIONS.get((request.method, request.path), f"{request.method} {request.path}")
            parameters = dict(request.query) | _form((await request.read()).decode(errors="replace"))
        else:
            channel, operation, parameters = "web_socket", "connect", {"path": request.path}
        seen = RequestSeen(channel, operation, request.headers.get(API_KEY_HEADER, ""), parameters)
        entry = request[ENTRY] = self._striker.arrive(seen, self.clock())
        response = await handler(request)
        if LOST not in request:
            entry.status, entry.milliseconds = response.status, (self.clock() - entry.time) / 1_000
        return response

    async def _beat(self) -> None:
        """Let time pass for the exchange, the background market, the streams and the sockets."""
        while True:
            now = self.clock()
            self._exchange.advance(now)
            for mover in self._movers:
                mover.run(self._exchange.now)  # where the clock was set back the market is ahead of it, and goes on from there
            self.publish()
            self._streams.beat(now)
            self._sockets.keep_alive()
            await asyncio.sleep(BEAT_SECONDS)

    async def _listen(self, application: web.Application, port: int) -> None:
        runner = web.AppRunner(application, access_log=None, handle_signals=False, shutdown_timeout=1)
        await runner.setup()
        site = web.TCPSite(runner, self._settings.host, port)
        try:
            await site.start()
        except OSError as error:
            await runner.cleanup()
            raise ServerError(f"the exchange cannot listen on {self._settings.host}:{port}: {error.strerror}; give another port") from error
        self._runners.append(runner)
        self._sites.append(site)

    def _bound(self, index: int) -> int:
        return int(self._runners[index].addresses[0][1])


def _form(body: str) -> dict[str, str]:
    """Give the parameters of a form body, for the log."""
    try:
        return dict(Parameters.from_form(body).values) if body else {}
    except VenueError:
        return {}
