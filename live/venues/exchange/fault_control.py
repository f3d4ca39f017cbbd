"""The control plane: a server of its own, for this machine only, where tests and drills order faults and read what was asked."""

from collections.abc import Callable, Iterable
from typing import Any, Literal

import msgspec
from aiohttp import WSCloseCode, web

from live.venues.exchange.errors import VenueError
from live.venues.exchange.faults import AnyFault, FaultError, FaultPlane
from live.venues.exchange.request_log import RequestLog
from live.venues.exchange.socket_endpoints import WEB_SOCKET_API
from live.venues.exchange.sockets import Connection, Freeze

FOREVER = float("inf")

encode = msgspec.json.Encoder(enc_hook=str).encode


class FreezeOrder(msgspec.Struct, frozen=True, forbid_unknown_fields=True, tag_field="kind", tag="freeze"):
    """Freeze open sockets: nothing is published, with `answers` pings and requests are still answered."""

    sockets: Literal["market", "api", "all"] = "all"
    answers: bool = True
    milliseconds: int | None = None


class DisconnectOrder(msgspec.Struct, frozen=True, forbid_unknown_fields=True, tag_field="kind", tag="disconnect"):
    """End open sockets, abruptly or with a closing handshake."""

    sockets: Literal["market", "api", "all"] = "all"
    abrupt: bool = True


class FillOrder(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """Let the market take part of a resting order now; parts per million of what remains."""

    account: str
    symbol: str
    client_order_id: str
    parts_per_million: int = 1_000_000


Order = AnyFault | FreezeOrder | DisconnectOrder


class FaultControl:
    """Serve the control plane."""

    def __init__(
        self,
        faults: FaultPlane,
        log: RequestLog,
        *,
        connections: Callable[[], Iterable[Connection]],
        fill: Callable[[str, str, str, int], bool],
        elapsed: Callable[[], float],
    ) -> None:
        """Control a server's faults and read its log; `elapsed` is the clock that sockets are frozen by, in seconds."""
        self._faults = faults
        self._log = log
        self._connections = connections
        self._fill = fill
        self._elapsed = elapsed

    def application(self) -> web.Application:
        """Build the control plane's application."""
        application = web.Application(middlewares=[_only_for_programs])
        application.add_routes(
            [
                web.post("/faults", self._order),
                web.get("/faults", self._list),
                web.delete("/faults", self._take_all_back),
                web.delete("/faults/{number}", self._take_back),
                web.post("/fills", self._fill_now),
                web.get("/log", self._read_log),
                web.delete("/log", self._clear_log),
                web.get("/connections", self._list_connections),
            ]
        )
        return application

    async def _order(self, request: web.Request) -> web.Response:
        order = msgspec.json.decode(await request.read(), type=Order)
        if isinstance(order, FreezeOrder):
            return _answer({"sockets": self._freeze(order)})
        if isinstance(order, DisconnectOrder):
            return _answer({"sockets": self._disconnect(order)})
        return _answer({"number": self._faults.arm(order)})

    async def _list(self, _: web.Request) -> web.Response:
        return _answer([{"number": each.number, "struck": each.struck, "fault": each.fault} for each in self._faults.armed])

    async def _take_back(self, request: web.Request) -> web.Response:
        number = request.match_info["number"]
        if not number.isdigit():
            raise FaultError(f"faults are numbered, received {number!r}: see GET /faults")
        self._faults.disarm(int(number))
        return _answer({})

    async def _take_all_back(self, _: web.Request) -> web.Response:
        self._faults.disarm_all()
        for connection in self._connections():
            connection.freeze = None
        return _answer({})

    async def _fill_now(self, request: web.Request) -> web.Response:
        order = msgspec.json.decode(await request.read(), type=FillOrder)
        if not self._fill(order.account, order.symbol, order.client_order_id, order.parts_per_million):
            raise FaultError(
                f"order {order.client_order_id} of {order.symbol} does not rest on the book: only a resting order can be filled"
            )
        return _answer({})

    async def _read_log(self, request: web.Request) -> web.Response:
        since = request.query.get("since", "0")
        if not since.isdigit():
            raise FaultError(f"since is the number of a request, received {since!r}")
        return _answer(self._log.since(int(since), request.query.get("operation")))

    async def _clear_log(self, _: web.Request) -> web.Response:
        self._log.clear()
        return _answer({})

    async def _list_connections(self, _: web.Request) -> web.Response:
        return _answer(
            [{"path": each.path, "streams": sorted(each.streams), "frozen": each.freeze is not None} for each in self._connections()]
        )

    def _freeze(self, order: FreezeOrder) -> int:
        until = FOREVER if order.milliseconds is None else self._elapsed() + order.milliseconds / 1000
        chosen = self._chosen(order.sockets)
        for connection in chosen:
            connection.freeze = Freeze(until, order.answers)
        return len(chosen)

    def _disconnect(self, order: DisconnectOrder) -> int:
        chosen = self._chosen(order.sockets)
        for connection in chosen:
            if order.abrupt:
                connection.reset()
            else:
                connection.close(WSCloseCode.GOING_AWAY, "disconnected on demand")
        return len(chosen)

    def _chosen(self, sockets: str) -> list[Connection]:
        return [each for each in self._connections() if sockets == "all" or (sockets == "api") == (each.path == WEB_SOCKET_API)]


def _answer(document: Any, status: int = 200) -> web.Response:
    return web.Response(body=encode(document), status=status, content_type="application/json")


@web.middleware
async def _only_for_programs(request: web.Request, handler: Callable[[web.Request], Any]) -> web.StreamResponse:
    """Answer mistakes in words, and refuse what a web page could send unasked: a body that is not declared as JSON."""
    if request.can_read_body and request.content_type != "application/json":
        return _answer({"error": f"send application/json, received {request.content_type}"}, 415)
    try:
        return await handler(request)
    except (msgspec.MsgspecError, FaultError, VenueError) as error:
        return _answer({"error": str(error)}, 400)
