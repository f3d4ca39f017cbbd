"""The local exchange without the limits on requests that would end a load test, and a server that only answers, to know the load itself.

Both run in a process of their own, print where they listen, and tell on each line of standard input what CPU they used so far.
"""

import asyncio
import json
import os
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from aiohttp import WSMsgType, web

from live.venues.exchange.exchange import Exchange
from live.venues.exchange.flow import BackgroundFlow
from live.venues.exchange.playing import symbols_to_play
from live.venues.exchange.process import FUNDS, OPENING_PRICES
from live.venues.exchange.security import KeyRing
from live.venues.exchange.server import ExchangeServer, ServerSettings, wall_clock
from live.venues.exchange.weights import RequestLimits

KEY, SECRET = "bench-key", "bench-secret"
ENDLESS = 10**12
HISTORY = 10_000_000
"""Microseconds of background market before the exchange opens."""
ANSWER = {"symbol": "BTCUSDT", "orderId": 1, "clientOrderId": "x" * 22, "status": "NEW", "fills": [], "price": "60000.00000000"}
FRAME = json.dumps({"stream": "btcusdt@trade", "data": {"e": "trade", "E": 1, "s": "BTCUSDT", "t": 1, "p": "60000.0", "q": "0.01"}})


class Process:
    """Reach one of the two.

    Attributes:
        http: its address.
    """

    def __init__(self, process: "subprocess.Popen[str]", http: str) -> None:
        self.http = http
        self.web_socket = http.replace("http", "ws", 1)
        self._process = process

    def cpu_seconds(self) -> float:
        """Ask what CPU it used so far."""
        assert self._process.stdin is not None
        assert self._process.stdout is not None
        print(file=self._process.stdin, flush=True)
        return float(self._process.stdout.readline())


@contextmanager
def started(kind: str) -> Iterator[Process]:
    """Run the `exchange`, or what is `blank`, until the block ends."""
    root = Path(__file__).parents[2]
    command = [sys.executable, __file__, kind]
    process = subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True, cwd=root, env=os.environ)
    try:
        assert process.stdout is not None
        yield Process(process, process.stdout.readline().strip())
    finally:
        process.kill()
        process.communicate()


async def _serve_exchange() -> None:
    keys = KeyRing()
    keys.add_text(f"{KEY}:{SECRET}")
    exchange, now = Exchange(symbols_to_play(())), wall_clock()
    flow = BackgroundFlow(exchange, seed=1, prices=OPENING_PRICES, now=now - HISTORY)
    flow.run(now)
    for account in keys.accounts:
        exchange.add_account(account, FUNDS, now)
    exchange.drain()
    limits = RequestLimits(request_weight=ENDLESS, raw_requests=ENDLESS, orders_10s=ENDLESS, orders_1d=ENDLESS)
    server = ExchangeServer(exchange, keys, ServerSettings(port=0, limits=limits), movers=(flow,))
    await server.start()
    _tell(f"http://127.0.0.1:{server.port}")
    await server.serve(asyncio.Event())


async def _serve_blank() -> None:
    """Answer every request alike, and send as many frames on a socket as its address asks for."""

    async def answer(request: web.Request) -> web.StreamResponse:
        await request.read()
        return web.json_response(ANSWER)

    async def flood(request: web.Request) -> web.StreamResponse:
        socket = web.WebSocketResponse()
        await socket.prepare(request)
        for _ in range(int(request.query["frames"])):
            await socket.send_str(FRAME)
        async for message in socket:
            assert message.type is WSMsgType.TEXT, "nobody sends anything else"
        return socket

    application = web.Application()
    application.add_routes([web.get("/flood", flood), web.route("*", "/{path:.*}", answer)])
    runner = web.AppRunner(application, access_log=None)
    await runner.setup()
    await web.TCPSite(runner, "127.0.0.1", 0).start()
    _tell(f"http://127.0.0.1:{runner.addresses[0][1]}")
    await asyncio.Event().wait()


def _tell(address: str) -> None:
    print(address, flush=True)
    asyncio.get_running_loop().add_reader(sys.stdin, _tell_cpu)


def _tell_cpu() -> None:
    if sys.stdin.readline():
        print(time.process_time(), flush=True)
    else:
        sys.exit(0)


if __name__ == "__main__":
    asyncio.run(_serve_exchange() if sys.argv[1] == "exchange" else _serve_blank())
