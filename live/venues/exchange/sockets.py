"""One client's WebSocket: an outbox with a writer of its own, pings, limits, and what a fault may do to it."""

import asyncio
import contextlib
import socket as sockets
import struct
from collections import deque

import msgspec
from aiohttp import ClientConnectionResetError, WSCloseCode, WSMsgType, web

from live.venues.exchange.weights import DEFAULT_CONNECTS

LAST_WORDS_SECONDS = 1
"""How long an orderly end may take before it becomes an abrupt one."""


class SocketLimits(msgspec.Struct, frozen=True, kw_only=True):
    """Say what the venue allows a socket; the defaults are Binance's (web-socket-streams.md, "WebSocket Limits").

    Attributes:
        ping_seconds: how often the venue sends a ping.
        pong_seconds: how long it waits for a pong before it closes.
        lifetime_seconds: how long a connection is valid.
        messages_per_second: control messages, pings and pongs a client may send to a stream socket in one second.
        most_streams: streams one connection may listen to.
        connects: connections one address may open within `connects_seconds`.
        connects_seconds: the window of that count.
        outbox: messages that may wait for a client that reads slowly before it is cut off.
    """

    ping_seconds: float = 20
    pong_seconds: float = 60
    lifetime_seconds: float = 24 * 3600
    messages_per_second: int = 5
    most_streams: int = 1024
    connects: int = DEFAULT_CONNECTS
    connects_seconds: float = 300
    outbox: int = 20_000


class Freeze(msgspec.Struct, frozen=True):
    """Say how a socket is frozen: it stays open and publishes nothing, and answers pings or not."""

    until: float
    answers: bool


class Connection:
    """Carry messages to one client, in order, without ever making the sender wait."""

    def __init__(self, request: web.Request, socket: web.WebSocketResponse, limits: SocketLimits, *, counted: bool) -> None:
        """Take over an upgraded request; `counted` says whether the limit on inbound messages holds."""
        self.path = request.path
        self.remote = request.remote or ""
        self.microseconds = request.query.get("timeUnit", "").upper() == "MICROSECOND"
        self.combined = False
        self.streams: set[str] = set()
        self.accounts: set[str] = set()
        self.opened = asyncio.get_running_loop().time()
        self.freeze: Freeze | None = None
        self._request = request
        self._socket = socket
        self._limits = limits
        self._counted = counted
        self._outbox: deque[tuple[bytes, WSMsgType]] = deque()
        self._waiting = asyncio.Event()
        self._pinged = self._ponged = self.opened
        self._received: deque[float] = deque()
        self._closing: asyncio.Task[None] | None = None

    def publish(self, frame: bytes) -> None:
        """Queue data for the client; a frozen socket loses it."""
        if self.freeze is None or self._thawed():
            self._queue(frame)

    def reply(self, frame: bytes) -> None:
        """Queue an answer to what the client sent; only a socket that is frozen whole loses it."""
        if self.freeze is None or self.freeze.answers or self._thawed():
            self._queue(frame)

    async def write(self) -> None:
        """Send what is queued until the socket closes."""
        with contextlib.suppress(ClientConnectionResetError):
            while not self._socket.closed:
                while self._outbox:
                    await self._socket.send_frame(*self._outbox.popleft())
                self._waiting.clear()
                await self._waiting.wait()

    async def receive(self) -> str | None:
        """Give the client's next text message, or None when the socket is done; pings are answered on the way."""
        while True:
            message = await self._socket.receive()
            if message.type not in {WSMsgType.TEXT, WSMsgType.PING, WSMsgType.PONG}:
                return None
            if self._counted and self._sends_too_much():
                self.close(WSCloseCode.POLICY_VIOLATION, "Too many requests")
                await self.closed()
                return None
            if message.type is WSMsgType.PONG:
                self._ponged = asyncio.get_running_loop().time()
            elif self.freeze is not None and not self.freeze.answers and not self._thawed():
                continue
            elif message.type is WSMsgType.PING:
                with contextlib.suppress(ClientConnectionResetError):
                    await self._socket.pong(message.data)
            else:
                return message.data

    def keep_alive(self, now: float) -> None:
        """Ping when it is time, and close a socket that is too old or has not answered; `now` in the event loop's seconds."""
        if self._closing is not None or (self.freeze is not None and not self.freeze.answers and not self._thawed()):
            return
        if now - self.opened >= self._limits.lifetime_seconds:
            self.close(WSCloseCode.GOING_AWAY, "connection is only valid for 24 hours")
        elif self._pinged > self._ponged and now - self._ponged >= self._limits.pong_seconds:
            self.close(WSCloseCode.POLICY_VIOLATION, "Pong timeout")
        elif now - self._pinged >= self._limits.ping_seconds:
            self._pinged = now
            self._queue(str(int(now * 1000)).encode(), WSMsgType.PING)

    def close(self, code: WSCloseCode, reason: str) -> None:
        """Start an orderly end, after what is already queued."""
        if self._closing is None:
            self._closing = asyncio.create_task(self._finish(code, reason.encode()))

    async def closed(self) -> None:
        """Wait for an orderly end that was started."""
        if self._closing is not None:
            await self._closing

    def reset(self) -> None:
        """Break the connection as a lost peer does: no closing handshake, a TCP reset."""
        reset_transport(self._request)

    async def _finish(self, code: WSCloseCode, reason: bytes) -> None:
        try:
            async with asyncio.timeout(LAST_WORDS_SECONDS):
                while self._outbox:
                    await self._socket.send_frame(*self._outbox.popleft())
                await self._socket.close(code=code, message=reason)
        except (ClientConnectionResetError, TimeoutError):
            self.reset()
        self._waiting.set()

    def _queue(self, frame: bytes, kind: WSMsgType = WSMsgType.TEXT) -> None:
        if len(self._outbox) >= self._limits.outbox:
            self.reset()  # who reads too slowly is cut off, as nobody else may wait for it
            return
        self._outbox.append((frame, kind))
        self._waiting.set()

    def _thawed(self) -> bool:
        if self.freeze is not None and asyncio.get_running_loop().time() >= self.freeze.until:
            self.freeze = None
        return self.freeze is None

    def _sends_too_much(self) -> bool:
        now = asyncio.get_running_loop().time()
        received = self._received
        received.append(now)
        while received[0] <= now - 1:
            received.popleft()
        return len(received) > self._limits.messages_per_second


class ConnectLimit:
    """Count how often each address connects."""

    def __init__(self, limits: SocketLimits) -> None:
        self._limits = limits
        self._attempts: dict[str, deque[float]] = {}

    def refuses(self, address: str, now: float) -> bool:
        """Count an attempt and say whether it is one too many."""
        attempts = self._attempts.setdefault(address, deque())
        attempts.append(now)
        while attempts[0] <= now - self._limits.connects_seconds:
            attempts.popleft()
        return len(attempts) > self._limits.connects


def reset_transport(request: web.BaseRequest) -> None:
    """End a connection with a TCP reset, so the peer reads an error where an answer should be."""
    if (transport := request.transport) is None:
        return
    connection = transport.get_extra_info("socket")
    if connection is not None:
        connection.setsockopt(sockets.SOL_SOCKET, sockets.SO_LINGER, struct.pack("ii", 1, 0))
    transport.abort()
