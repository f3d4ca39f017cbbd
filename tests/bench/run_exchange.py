"""Measure how many orders and stream messages the local exchange bears, and beside it what the load generator itself can do.

Orders come over a few connections that are kept open, each waiting for one answer before it asks again: one that rests, its cancel, and one
that trades. Messages go to subscribers of trades, the best prices and the book while such orders come. What the generator can do is
measured with the same code against a server that only answers.
"""

import asyncio
import hashlib
import hmac
import itertools
import json
import sys
import time
from collections.abc import Awaitable, Iterable
from typing import Any
from urllib.parse import urlencode, urlsplit

import aiohttp
from loose_exchange import KEY, SECRET, Process, started

CONNECTIONS = 8
SUBSCRIBERS = 40
STREAMS = "btcusdt@trade/btcusdt@bookTicker/btcusdt@depth@100ms"
_numbers = itertools.count()


class Wire:
    """Speak HTTP on one connection, one request at a time, at a fraction of what a client library costs."""

    def __init__(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self._reader = reader
        self._writer = writer

    @classmethod
    async def open(cls, http: str) -> "Wire":
        """Connect."""
        parts = urlsplit(http)
        return cls(*await asyncio.open_connection(parts.hostname, parts.port))

    async def ask(self, method: str, path: str, **parameters: Any) -> bytes:
        """Make a signed request and give the body of its answer.

        Raises:
            RuntimeError: it was not answered 200.
        """
        query = urlencode({**parameters, "recvWindow": 60_000, "timestamp": time.time_ns() // 1_000_000})
        signature = hmac.new(SECRET.encode(), query.encode(), hashlib.sha256).hexdigest()
        target = f"/api/v3/{path}?{query}&signature={signature}"
        self._writer.write(f"{method} {target} HTTP/1.1\r\nHost: bench\r\nX-MBX-APIKEY: {KEY}\r\nContent-Length: 0\r\n\r\n".encode())
        head = (await self._reader.readuntil(b"\r\n\r\n")).decode().lower()
        length = next(int(line.partition(":")[2]) for line in head.splitlines() if line.startswith("content-length:"))
        body = await self._reader.readexactly(length)
        if " 200 " not in head.partition("\r\n")[0]:
            raise RuntimeError(f"{method} {path} {parameters} was answered {head.splitlines()[0]}: {body.decode()}")
        return body

    def close(self) -> None:
        """Hang up."""
        self._writer.close()


async def trade(wire: Wire, rounds: int, price: str) -> None:
    """Place an order that rests, cancel it, and trade, again and again: two orders and three requests a round."""
    for number in range(rounds):
        order_id = f"bench{next(_numbers)}"
        limit = {"type": "LIMIT", "timeInForce": "GTC", "quantity": "0.001", "price": price, "newClientOrderId": order_id}
        await wire.ask("POST", "order", symbol="BTCUSDT", side="BUY", **limit)
        await wire.ask("DELETE", "order", symbol="BTCUSDT", origClientOrderId=order_id)
        await wire.ask("POST", "order", symbol="BTCUSDT", side=("BUY", "SELL")[number % 2], type="MARKET", quantity="0.001")


async def place_orders(http: str, rounds: int, price: str) -> float:
    """Let every connection trade so many rounds; gives the seconds that took."""
    wires = [await Wire.open(http) for _ in range(CONNECTIONS)]
    before = time.perf_counter()
    await asyncio.gather(*(trade(wire, rounds, price) for wire in wires))
    seconds = time.perf_counter() - before
    for wire in wires:
        wire.close()
    return seconds


async def resting_price(http: str) -> str:
    """Give a price that rests, a twentieth below the best bid."""
    async with aiohttp.ClientSession() as session, session.get(f"{http}/api/v3/depth?symbol=BTCUSDT&limit=5") as answer:
        best = float((await answer.json())["bids"][0][0])
    return f"{best * 0.95:.2f}"


class Subscribers:
    """Receive on many sockets, and count."""

    def __init__(self, session: aiohttp.ClientSession, address: str) -> None:
        self.count = 0
        self._session = session
        self._address = address
        self._tasks: list[asyncio.Task[None]] = []

    async def open(self, most: float = float("inf")) -> None:
        """Connect every subscriber, each for so many messages."""
        sockets = [await self._session.ws_connect(self._address) for _ in range(SUBSCRIBERS)]
        self._tasks = [asyncio.create_task(self._receive(socket, most)) for socket in sockets]

    async def finished(self) -> None:
        """Wait until every one has received as many messages as it was to."""
        await asyncio.gather(*self._tasks)

    async def close(self) -> None:
        """Receive no more."""
        for task in self._tasks:
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)

    async def _receive(self, socket: aiohttp.ClientWebSocketResponse, most: float) -> None:
        received = 0
        async for _ in socket:
            self.count += 1
            received += 1
            if received >= most:
                return


async def measure(orders: int) -> dict[str, Any]:
    """Measure both servers."""
    rounds = max(1, orders // (2 * CONNECTIONS))
    with started("blank") as blank, started("exchange") as exchange:
        price = await resting_price(exchange.http)
        await place_orders(exchange.http, 5, price)  # whatever the first requests import and open is there now
        alone = await place_orders(blank.http, rounds, price)
        seconds, cpu = await _timed(exchange, place_orders(exchange.http, rounds, price))
        placed = 2 * CONNECTIONS * rounds
        messages = await _messages(exchange, max(1, rounds // 2), price)
        return {
            "events": placed,
            "orders_per_cpu_second": placed / cpu,
            "orders_per_second": placed / seconds,
            "requests_per_second": placed * 1.5 / seconds,
            "generator_requests_per_second": placed * 1.5 / alone,
            **messages,
            "receiver_messages_per_second": await _received_alone(blank, messages["messages"]),
        }


async def _messages(exchange: Process, rounds: int, price: str) -> dict[str, float]:
    """Count what subscribers receive while orders come."""
    async with aiohttp.ClientSession() as session:
        subscribers = Subscribers(session, f"{exchange.web_socket}/stream?streams={STREAMS}")
        await subscribers.open()
        before = subscribers.count
        seconds, cpu = await _timed(exchange, place_orders(exchange.http, rounds, price))
        count = subscribers.count - before
        await subscribers.close()
    return {"messages": count, "messages_per_cpu_second": count / cpu, "messages_per_second": count / seconds}


async def _received_alone(blank: Process, messages: int) -> float:
    """Give how many messages a second the subscribers receive when they cost next to nothing to send."""
    each = max(50, messages // SUBSCRIBERS)
    async with aiohttp.ClientSession() as session:
        subscribers = Subscribers(session, f"{blank.web_socket}/flood?frames={each}")
        before = time.perf_counter()
        await subscribers.open(each)
        await subscribers.finished()
        seconds = time.perf_counter() - before
        await subscribers.close()
    return each * SUBSCRIBERS / seconds


async def _timed(exchange: Process, load: Awaitable[float]) -> tuple[float, float]:
    """Give the seconds that a load took, and what CPU the exchange spent meanwhile."""
    before = exchange.cpu_seconds()
    seconds = await load
    return seconds, exchange.cpu_seconds() - before


def main(arguments: Iterable[str]) -> None:
    """Measure with so many orders, and print one line; nothing is written."""
    _, orders = arguments
    print(json.dumps({"engine": "interlock", "work": "exchange", **asyncio.run(measure(int(orders)))}))


if __name__ == "__main__":
    main(sys.argv[1:])
