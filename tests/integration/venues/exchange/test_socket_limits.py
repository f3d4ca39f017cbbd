"""What a socket may not do, at limits short enough to be waited for."""

import asyncio
from collections.abc import Awaitable, Callable

import aiohttp
import pytest

from live.venues.exchange.exchange import Exchange
from live.venues.exchange.security import KeyRing
from live.venues.exchange.server import ExchangeServer, ServerSettings
from live.venues.exchange.sockets import SocketLimits

PATIENCE = 10
KEY = "dGhlIHNhbXBsZSBub25jZQ=="


def _serve(limits: SocketLimits, scenario: Callable[[aiohttp.ClientSession, str], Awaitable[None]]) -> None:
    async def main() -> None:
        server = ExchangeServer(Exchange(), KeyRing(), ServerSettings(port=0, sockets=limits))
        await server.start()
        try:
            async with aiohttp.ClientSession() as session, asyncio.timeout(PATIENCE):
                await scenario(session, f"ws://127.0.0.1:{server.port}")
        finally:
            await server.stop()

    asyncio.run(main())


def test_a_client_is_pinged_and_stays_as_long_as_it_answers() -> None:
    """Pings come at their pace, with a payload, and each answered one keeps the connection."""

    async def scenario(session: aiohttp.ClientSession, address: str) -> None:
        socket = await session.ws_connect(f"{address}/ws", autoping=False)
        for _ in range(5):
            message = await socket.receive()
            assert message.type is aiohttp.WSMsgType.PING
            assert message.data
            await socket.pong(message.data)
        assert not socket.closed

    _serve(SocketLimits(ping_seconds=0.25, pong_seconds=0.5), scenario)


@pytest.mark.parametrize("path", ["/ws", "/ws-api/v3"])
def test_a_client_that_does_not_answer_pings_is_cut_off(path: str) -> None:
    """Silence after a ping closes the connection."""

    async def scenario(session: aiohttp.ClientSession, address: str) -> None:
        socket = await session.ws_connect(address + path, autoping=False)
        while (message := await socket.receive()).type is aiohttp.WSMsgType.PING:
            pass
        assert (message.type, message.data) == (aiohttp.WSMsgType.CLOSE, 1008)

    _serve(SocketLimits(ping_seconds=0.05, pong_seconds=0.2), scenario)


def test_a_connection_ends_when_its_lifetime_does() -> None:
    """What is 24 hours at the venue is a moment here: the connection is closed however lively it is."""

    async def scenario(session: aiohttp.ClientSession, address: str) -> None:
        socket = await session.ws_connect(f"{address}/ws-api/v3")
        message = await socket.receive()
        assert (message.type, message.data) == (aiohttp.WSMsgType.CLOSE, 1001)

    _serve(SocketLimits(lifetime_seconds=0.1), scenario)


def test_an_address_that_connects_too_often_is_refused() -> None:
    """The fourth attempt within the window gets 429 and a time to come back at."""

    async def scenario(session: aiohttp.ClientSession, address: str) -> None:
        for _ in range(3):
            await session.ws_connect(f"{address}/ws")
        with pytest.raises(aiohttp.WSServerHandshakeError) as refused:
            await session.ws_connect(f"{address}/stream")
        assert refused.value.status == 429
        assert refused.value.headers is not None
        assert refused.value.headers["Retry-After"] == "300"

    _serve(SocketLimits(connects=3), scenario)


def test_a_client_that_reads_too_slowly_is_cut_off_and_others_are_served_on() -> None:
    """Messages wait for a slow reader up to a bound; nobody else waits with them."""

    async def scenario(session: aiohttp.ClientSession, address: str) -> None:
        slow = await session.ws_connect(f"{address}/ws/!ticker@arr", autoping=False)
        host, port = address.removeprefix("ws://").split(":")
        reader, writer = await asyncio.open_connection(host, int(port))
        headers = ("Host: x", "Upgrade: websocket", "Connection: Upgrade", "Sec-WebSocket-Version: 13", f"Sec-WebSocket-Key: {KEY}")
        request = "\r\n".join(("GET /ws HTTP/1.1", *headers, "", ""))
        writer.write(request.encode())
        await reader.readuntil(b"\r\n\r\n")
        writer.transport.pause_reading()  # pyright: ignore[reportAttributeAccessIssue]
        names = ",".join(f'"x{number}usdt@trade"' for number in range(900))
        frame = f'{{"id":1,"method":"SUBSCRIBE","params":[{names}]}}'.encode()
        writer.write(_masked(frame))
        listing = _masked(b'{"id":2,"method":"LIST_SUBSCRIPTIONS"}')
        for _ in range(2_000):
            writer.write(listing)
        await writer.drain()
        assert (await slow.receive()).type is aiohttp.WSMsgType.TEXT
        writer.transport.resume_reading()  # pyright: ignore[reportAttributeAccessIssue]
        with pytest.raises((ConnectionError, asyncio.IncompleteReadError)):
            await reader.readexactly(2_000 * len(frame))
        writer.close()

    _serve(SocketLimits(messages_per_second=10_000, outbox=20), scenario)


def _masked(payload: bytes) -> bytes:
    """Give a client's text frame, masked with zeros."""
    length = bytes([0x80 | len(payload)]) if len(payload) < 126 else bytes([0xFE]) + len(payload).to_bytes(2)
    return b"\x81" + length + bytes(4) + payload
