"""The local exchange as a process of its own, and a bare client that signs for itself."""

import asyncio
import hashlib
import hmac
import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Awaitable, Callable, Iterator
from contextlib import ExitStack, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import aiohttp
import pytest

from live.core.instruments import Instrument
from live.core.market_events import BookSnapshot
from live.journal import write_segment

sys.path.insert(0, str(Path(__file__).parent))  # tests of this directory import what stands beside them

BTC = Instrument(instrument_id="binance-spot:BTCUSDT", base="BTC", quote="USDT", price_scale=2, quantity_scale=5)
KEY, SECRET = "desk-key", "desk-secret"
PATIENCE = 20.0
"""Seconds that anything may take before the test gives up."""


@dataclass
class RunningExchange:
    """A process that serves the exchange.

    Attributes:
        http, web_socket, faults: where it listens.
    """

    process: subprocess.Popen[str]
    http: str
    web_socket: str
    faults: str

    def kill(self) -> None:
        """End the process as a crash does."""
        self.process.send_signal(signal.SIGKILL)
        self.process.wait(PATIENCE)

    def terminate(self) -> int:
        """Ask the process to stop and give its exit code."""
        self.process.send_signal(signal.SIGTERM)
        return self.process.wait(PATIENCE)


StartExchange = Callable[..., RunningExchange]


@pytest.fixture(scope="module")
def start_exchange() -> Iterator[StartExchange]:
    """Start exchanges that end with the module's tests."""
    with ExitStack() as ends:

        def start(*options: str, port: int = 0) -> RunningExchange:
            command = [
                sys.executable,
                "-c",
                "from live.cli.entry import main; main()",
                "exchange",
                "--json",
                "--port",
                str(port),
                "--faults-port",
                "0",
            ]
            if "--account" not in options:
                command += ["--account", f"{KEY}:{SECRET}"]
            process = subprocess.Popen([*command, *options], stdout=subprocess.PIPE, text=True, env={**os.environ, "PYTHONUNBUFFERED": "1"})

            def end() -> None:
                if process.poll() is None:
                    process.kill()
                process.communicate()

            ends.callback(end)
            assert process.stdout is not None
            lines: list[str] = []
            while not lines or lines[-1] != "}\n":
                line = process.stdout.readline()
                assert line, f"the exchange ended before it listened: {lines}"
                lines.append(line)
            listening = json.loads("".join(lines))
            return RunningExchange(process, listening["http"], listening["web_socket"], listening["faults"])

        yield start


@pytest.fixture(scope="module")
def exchange(start_exchange: StartExchange) -> RunningExchange:
    """One exchange with a moving market that the module's tests share."""
    return start_exchange()


@pytest.fixture(scope="module")
def quiet(start_exchange: StartExchange, tmp_path_factory: pytest.TempPathFactory) -> RunningExchange:
    """One exchange whose BTCUSDT book stands still, five levels a side around 60,000, that the module's tests share."""
    tape = tmp_path_factory.mktemp("market") / "still.tape.gz"
    sides = ((price * 100, 100_000) for price in range(59_990, 59_985, -1)), ((price * 100, 100_000) for price in range(60_010, 60_015))
    write_segment(tape, [BookSnapshot(1, 1, BTC.instrument_id, 1, *(tuple(side) for side in sides))], [BTC], "made by a test")
    return start_exchange("--play", str(tape))


class Client:
    """Speak to an exchange by hand: what a test sends is what it says it sends."""

    def __init__(self, running: RunningExchange, session: aiohttp.ClientSession, key: str = KEY, secret: str = SECRET) -> None:
        self.running = running
        self.session = session
        self.key = key
        self.secret = secret

    async def public(self, path: str, **parameters: Any) -> Any:
        """Ask what anybody may."""
        async with self.session.get(f"{self.running.http}/api/v3/{path}", params=parameters) as response:
            return await response.json()

    async def signed(self, method: str, path: str, **parameters: Any) -> Any:
        """Ask as the account's owner and give the answer, whatever its status."""
        async with self.send(method, path, **parameters) as response:
            return await response.json()

    def send(self, method: str, path: str, **parameters: Any) -> Any:
        """Open a signed request."""
        query = "&".join(f"{name}={value}" for name, value in (parameters | {"timestamp": milliseconds()}).items())
        url = f"{self.running.http}/api/v3/{path}?{query}&signature={self.sign(query)}"
        return self.session.request(method, url, headers={"X-MBX-APIKEY": self.key})

    def sign(self, text: str) -> str:
        """Sign a text by HMAC."""
        return hmac.new(self.secret.encode(), text.encode(), hashlib.sha256).hexdigest()

    def parameters(self, **parameters: Any) -> dict[str, Any]:
        """Give signed parameters of a WebSocket API request."""
        signed = {"apiKey": self.key, "timestamp": milliseconds(), **parameters}
        return signed | {"signature": self.sign("&".join(f"{name}={value}" for name, value in sorted(signed.items())))}

    async def order(self, **changes: Any) -> Any:
        """Place an order that rests far below the market unless changed."""
        return await self.signed("POST", "order", **await self.resting(**changes))

    async def resting(self, **changes: Any) -> dict[str, Any]:
        """Give the parameters of an order that rests at the best bid's half."""
        bids = (await self.public("depth", symbol="BTCUSDT", limit=5))["bids"]
        price = f"{float(bids[0][0]) // 2:.2f}"
        return {"symbol": "BTCUSDT", "side": "BUY", "type": "LIMIT", "timeInForce": "GTC", "quantity": "0.01", "price": price} | changes

    async def fault(self, **order: Any) -> Any:
        """Order a fault."""
        async with self.session.post(f"{self.running.faults}/faults", json=order) as response:
            assert response.status == 200, await response.text()
            return await response.json()

    async def log(self, operation: str) -> list[dict[str, Any]]:
        """Read which requests of an operation arrived."""
        async with self.session.get(f"{self.running.faults}/log", params={"operation": operation}) as response:
            return await response.json()

    async def socket(self, path: str) -> "Socket":
        """Open a socket."""
        return Socket(await self.session.ws_connect(self.running.web_socket + path, autoping=False))

    async def user_stream(self) -> "Socket":
        """Open a socket that is told the account's events."""
        socket = await self.socket("/ws-api/v3")
        reply = await socket.call("userDataStream.subscribe.signature", self.parameters())
        assert reply["status"] == 200, reply
        return socket


class Socket:
    """One open socket; frames that a call passes over wait for whoever asks next."""

    def __init__(self, socket: aiohttp.ClientWebSocketResponse) -> None:
        self.socket = socket
        self.waiting: list[Any] = []
        self.calls = 0

    async def call(self, method: str, params: Any = None) -> Any:
        """Send a request and give its answer."""
        self.calls += 1
        await self.socket.send_json({"id": self.calls, "method": method, **({} if params is None else {"params": params})})
        return await self.until(lambda frame: "id" in frame and frame["id"] == self.calls)

    async def until(self, wanted: Callable[[Any], bool]) -> Any:
        """Give the first frame that is wanted; others wait."""
        for index, frame in enumerate(self.waiting):
            if wanted(frame):
                return self.waiting.pop(index)
        async with asyncio.timeout(PATIENCE):
            while True:
                message = await self.socket.receive()
                if message.type is aiohttp.WSMsgType.PING:
                    await self.socket.pong(message.data)
                    continue
                assert message.type is aiohttp.WSMsgType.TEXT, message
                frame = json.loads(message.data)
                if wanted(frame):
                    return frame
                self.waiting.append(frame)

    async def event(self, **fields: Any) -> Any:
        """Give the next user event with these fields."""
        return (await self.until(lambda frame: "event" in frame and fields.items() <= frame["event"].items()))["event"]

    async def ended(self) -> aiohttp.WSMessage:
        """Give the message that ends the socket."""
        async with asyncio.timeout(PATIENCE):
            while True:
                message = await self.socket.receive()
                if message.type not in {aiohttp.WSMsgType.TEXT, aiohttp.WSMsgType.PING}:
                    return message


Scenario = Callable[[Client], Awaitable[None]]


@pytest.fixture
def play() -> Callable[[RunningExchange, Scenario], None]:
    """Run a scenario as one client of an exchange, and take its faults back."""

    def run(running: RunningExchange, scenario: Scenario) -> None:
        async def main() -> None:
            async with aiohttp.ClientSession() as session:
                await scenario(Client(running, session))
                with suppress(aiohttp.ClientConnectionError):  # some scenarios end the exchange
                    await session.delete(f"{running.faults}/faults")

        asyncio.run(main())

    return run


def milliseconds() -> int:
    """Give the time as requests are stamped."""
    return time.time_ns() // 1_000_000
