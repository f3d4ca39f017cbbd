"""Relay: stands on this machine between an adapter and its venue, passes on what it is given, and breaks what it is told to break.

So the same breakdowns can be had at every venue: an answer that is lost after the order was placed, a page of HTML where JSON should be,
an execution that is told never or three times, a socket that answers pings and says nothing. A request is passed on byte for byte, since
its signature covers its path, its parameters and its body. Nothing is kept of what passes but its method, path and parameters, in memory.
"""

import asyncio
import contextlib
import socket
import struct
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from types import TracebackType
from typing import Any, Self

import aiohttp
from aiohttp import hdrs, web
from yarl import URL

_HOP_BY_HOP = frozenset({"connection", "content-encoding", "content-length", "host", "keep-alive", "transfer-encoding", "accept-encoding"})
_LONGEST_BODY = 64 * 1024 * 1024


@dataclass(frozen=True)
class Passing:
    """Hold one request on its way.

    Attributes:
        method: its HTTP method.
        path: its path, without parameters.
        text: its path, parameters and body.
        at: when it came, by `time.monotonic`.
    """

    method: str
    path: str
    text: str
    at: float


@dataclass(frozen=True)
class Answer:
    """Hold an answer in the venue's place."""

    status: int
    body: str = ""
    content_type: str = "application/json"
    headers: dict[str, str] = field(default_factory=dict[str, str])


@dataclass
class Breakdown:
    """Say what befalls requests.

    Attributes:
        matches: which ones.
        reaches: whether the venue gets them.
        delay: how long they are held back before, seconds.
        answer: what is answered in the venue's place; None to break the connection.
        keeps_answer: whether the venue's own answer is passed on.
        count: how many it befalls; None for all.
    """

    matches: Callable[[Passing], bool]
    reaches: bool = True
    delay: float = 0.0
    answer: Answer | None = None
    keeps_answer: bool = False
    count: int | None = 1


class Relay:
    """Pass requests and frames on to a venue, as an asynchronous context.

    Attributes:
        passed: the requests that came, oldest first.
        breakdowns: what befalls requests; each is taken away when it befell as many as it was to.
        copies: how often a frame of the venue is passed on, by its text: once unless told otherwise.
        frozen: sockets still answer pings, and what the venue says on them is lost.
        down: every connection breaks, as if nothing were there.
    """

    def __init__(self, http: str, web_socket: str, elsewhere: Mapping[str, str] | None = None) -> None:
        """Stand before the venue at these addresses; `elsewhere` has those of sockets whose path begins in a certain way."""
        self.passed: list[Passing] = []
        self.breakdowns: list[Breakdown] = []
        self.copies: Callable[[str], int] = _once
        self.frozen = self.down = False
        self._http, self._web_socket, self._elsewhere = http, web_socket, dict(elsewhere or {})
        self._sockets: dict[web.WebSocketResponse, web.Request] = {}
        self._session: aiohttp.ClientSession | None = None
        self._runner: web.AppRunner | None = None
        self._port = 0

    async def __aenter__(self) -> Self:
        """Listen on a free port of this machine."""
        self._session = aiohttp.ClientSession(trust_env=False, cookie_jar=aiohttp.DummyCookieJar())
        application = web.Application(client_max_size=_LONGEST_BODY)
        application.router.add_route("*", "/{path:.*}", self._take)
        self._runner = web.AppRunner(application, access_log=None, shutdown_timeout=0.5)
        await self._runner.setup()
        site = web.TCPSite(self._runner, "127.0.0.1", 0)
        await site.start()
        self._port = int(self._runner.addresses[0][1])
        return self

    async def __aexit__(self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None) -> None:
        """Close every connection."""
        self.disconnect()
        if self._runner is not None:
            await self._runner.cleanup()
        if self._session is not None:
            await self._session.close()

    @property
    def http(self) -> str:
        """Give its address for requests."""
        return f"http://127.0.0.1:{self._port}"

    @property
    def web_socket(self) -> str:
        """Give its address for sockets."""
        return f"ws://127.0.0.1:{self._port}"

    def mend(self) -> None:
        """Break nothing any more, and forget what passed."""
        self.passed.clear()
        self.breakdowns.clear()
        self.copies, self.frozen, self.down = _once, False, False

    def disconnect(self) -> None:
        """Break every socket that is open."""
        for request in list(self._sockets.values()):
            _reset(request)

    def count(self, matches: Callable[[Passing], bool]) -> int:
        """Count the requests that came."""
        return sum(map(matches, self.passed))

    async def _take(self, request: web.Request) -> web.StreamResponse:
        if self.down:
            _reset(request)
            return web.Response(status=502)  # reaches nobody: the connection is gone
        if request.headers.get(hdrs.UPGRADE, "").lower() == "websocket":
            return await self._take_socket(request)
        body = await request.read()
        passing = Passing(request.method, request.path, f"{request.raw_path} {body.decode(errors='replace')}", time.monotonic())
        self.passed.append(passing)
        breakdown = self._befalling(passing)
        if breakdown is None:
            return await self._ask(request, body)
        if breakdown.delay:
            await asyncio.sleep(breakdown.delay)
        own = await self._ask(request, body) if breakdown.reaches else None
        if breakdown.keeps_answer and own is not None:
            return own
        if breakdown.answer is None:
            _reset(request)
            return web.Response(status=502)  # reaches nobody: the connection is gone
        said = breakdown.answer
        return web.Response(status=said.status, body=said.body.encode(), headers={**said.headers, hdrs.CONTENT_TYPE: said.content_type})

    async def _ask(self, request: web.Request, body: bytes) -> web.Response:
        """Ask the venue, and give what it answers."""
        assert self._session is not None, "the relay is entered first"
        headers = {name: value for name, value in request.headers.items() if name.lower() not in _HOP_BY_HOP}
        address = URL(self._http + request.raw_path, encoded=True)
        try:
            async with self._session.request(request.method, address, data=body or None, headers=headers, allow_redirects=False) as answer:
                kept = [(name, value) for name, value in answer.headers.items() if name.lower() not in _HOP_BY_HOP]
                content = await answer.read()
        except aiohttp.ClientError:
            _reset(request)
            return web.Response(status=502)  # as above
        response = web.Response(status=answer.status, body=content)
        response.headers.clear()
        response.headers.extend(kept)
        return response

    def _address_of(self, path: str) -> str:
        return next((address for begin, address in self._elsewhere.items() if path.startswith(begin)), self._web_socket)

    async def _take_socket(self, request: web.Request) -> web.WebSocketResponse:
        """Open a socket to the venue for one that was opened here, and pass frames on until either ends."""
        assert self._session is not None, "the relay is entered first"
        here = web.WebSocketResponse(max_msg_size=_LONGEST_BODY)
        await here.prepare(request)
        self._sockets[here] = request
        try:
            async with self._session.ws_connect(
                URL(self._address_of(request.raw_path) + request.raw_path, encoded=True), max_msg_size=_LONGEST_BODY
            ) as there:
                tasks = [asyncio.create_task(_pass_on(here, there)), asyncio.create_task(self._pass_back(there, here))]
                try:
                    await asyncio.wait(tasks, return_when=asyncio.FIRST_COMPLETED)
                finally:
                    for task in tasks:
                        task.cancel()
                    await asyncio.gather(*tasks, return_exceptions=True)
        except aiohttp.ClientError:
            _reset(request)
        finally:
            del self._sockets[here]
            with contextlib.suppress(ConnectionError):
                await here.close()
        return here

    async def _pass_back(self, there: aiohttp.ClientWebSocketResponse, here: web.WebSocketResponse) -> None:
        async for message in there:
            if message.type is aiohttp.WSMsgType.TEXT and not self.frozen:
                for _ in range(self.copies(message.data)):
                    await here.send_str(message.data)

    def _befalling(self, passing: Passing) -> Breakdown | None:
        found = next((one for one in self.breakdowns if one.matches(passing)), None)
        if found is not None and found.count is not None:
            found.count -= 1
            if found.count == 0:
                self.breakdowns.remove(found)
        return found


async def _pass_on(here: web.WebSocketResponse, there: aiohttp.ClientWebSocketResponse) -> None:
    async for message in here:
        if message.type is aiohttp.WSMsgType.TEXT:
            await there.send_str(message.data)


def _once(frame: str) -> int:
    del frame
    return 1


def _reset(request: web.BaseRequest) -> None:
    """End a connection with a TCP reset, so that an error is read where an answer should be."""
    transport: Any = request.transport
    if transport is None:
        return
    connection = transport.get_extra_info("socket")
    if connection is not None:
        connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
    transport.abort()
