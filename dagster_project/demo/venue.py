"""The venue of the demo: the local exchange as a process of its own, asked with signatures made here, apart from the adapter's."""

import hashlib
import hmac
import json
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any
from urllib.parse import urlencode

import httpx

from dagster_project.demo.stage import ClaimFailed

HOST = "127.0.0.1"
SEED = 7
KEY, SECRET = "demo-key", "demo-secret"
KIT_KEY = "kit-key"
"""Of two accounts of play money that end with the demo: what trades has one, and the conformance kit another."""
SYMBOL = "BTCUSDT"
START_SECONDS = 30.0
PAGE = 1000


class LocalExchange:
    """Run the local exchange, restart it on its state, order faults, and read an account without any code of the live host.

    Attributes:
        http: its REST address.
        web_socket: its address for sockets.
        faults: the address of its control plane.
    """

    def __init__(self, directory: Path) -> None:
        self._state = directory / "exchange"
        self._log = directory / "exchange.log"
        self._port, self._faults_port = _free_ports(2)
        self._process: subprocess.Popen[bytes] | None = None
        self.http = f"http://{HOST}:{self._port}"
        self.web_socket = f"ws://{HOST}:{self._port}"
        self.faults = f"http://{HOST}:{self._faults_port}"

    def start(self) -> None:
        """Start it, or start it again on what it kept, and wait until it answers.

        Raises:
            ClaimFailed: it ends or does not answer in time.
        """
        arguments = [
            "--port",
            str(self._port),
            "--faults-port",
            str(self._faults_port),
            "--account",
            f"{KEY}:{SECRET}",
            "--account",
            f"{KIT_KEY}:{SECRET}",
        ]
        command = [sys.executable, "-c", "from live.cli.entry import main; main()", "exchange", *arguments]
        with self._log.open("ab") as log:
            process = self._process = subprocess.Popen(
                [*command, "--seed", str(SEED), "--state", str(self._state)], stdout=log, stderr=log, stdin=subprocess.DEVNULL
            )
        deadline = time.monotonic() + START_SECONDS
        while not self._answers():
            if process.poll() is not None or time.monotonic() > deadline:
                tail = self._log.read_text(errors="replace")[-500:]
                raise ClaimFailed(f"the exchange ended or did not answer within {START_SECONDS:.0f} s: {tail}")
            time.sleep(0.02)

    def stop(self, number: signal.Signals = signal.SIGTERM) -> None:
        """End its process by a signal; nothing to do when none runs."""
        process, self._process = self._process, None
        if process is not None:
            process.send_signal(number)
            process.wait()

    def public(self, path: str, **parameters: Any) -> Any:
        """Ask what anybody may ask."""
        return _answer(httpx.get(f"{self.http}/api/v3/{path}", params=parameters, timeout=10, trust_env=False))

    def signed(self, path: str, **parameters: Any) -> Any:
        """Ask what the account alone may ask, signed as the venue's documentation says (HMAC-SHA256 of the query)."""
        query = urlencode({**parameters, "timestamp": time.time_ns() // 1_000_000})
        signature = hmac.new(SECRET.encode(), query.encode(), hashlib.sha256).hexdigest()
        address = f"{self.http}/api/v3/{path}?{query}&signature={signature}"
        return _answer(httpx.get(address, headers={"X-MBX-APIKEY": KEY}, timeout=10, trust_env=False))

    def refusal_of_bad_signature(self) -> dict[str, Any]:
        """Ask for the account with a signature of which one bit is wrong, and give the refusal.

        Raises:
            ClaimFailed: it was answered all the same.
        """
        query = urlencode({"timestamp": time.time_ns() // 1_000_000})
        signature = bytearray(hmac.digest(SECRET.encode(), query.encode(), "sha256"))
        signature[0] ^= 1
        address = f"{self.http}/api/v3/account?{query}&signature={signature.hex()}"
        answer = httpx.get(address, headers={"X-MBX-APIKEY": KEY}, timeout=10, trust_env=False)
        if answer.is_success:
            raise ClaimFailed(f"the exchange accepted a wrong signature: {answer.text}")
        return answer.json()

    def orders(self) -> list[dict[str, Any]]:
        """Give every order of the account, oldest first."""
        return self._all("allOrders", "orderId", "orderId")

    def trades(self) -> list[dict[str, Any]]:
        """Give every execution of the account, oldest first."""
        return self._all("myTrades", "fromId", "id")

    def open_orders(self) -> list[dict[str, Any]]:
        """Give the account's orders on the book."""
        return self.signed("openOrders", symbol=SYMBOL)

    def order_fault(self, **fault: Any) -> None:
        """Let something go wrong."""
        _answer(httpx.post(f"{self.faults}/faults", json=fault, timeout=10, trust_env=False))

    def take_faults_back(self) -> None:
        """Let nothing go wrong any more."""
        _answer(httpx.delete(f"{self.faults}/faults", timeout=10, trust_env=False))

    def requests(self, operation: str) -> list[dict[str, Any]]:
        """Give what the exchange noted of the account's requests of one kind since it was started."""
        noted = _answer(httpx.get(f"{self.faults}/log", params={"operation": operation}, timeout=10, trust_env=False))
        return [one for one in noted if one["account"] == KEY]

    def _all(self, path: str, parameter: str, field: str) -> list[dict[str, Any]]:
        """Page through a list by its ids."""
        found: list[dict[str, Any]] = []
        while True:
            page = self.signed(path, symbol=SYMBOL, limit=PAGE, **{parameter: found[-1][field] + 1 if found else 0})
            found += page
            if len(page) < PAGE:
                return found

    def _answers(self) -> bool:
        try:
            return httpx.get(f"{self.http}/api/v3/ping", timeout=5, trust_env=False).is_success
        except httpx.TransportError:
            return False


@contextmanager
def open_exchange(directory: Path) -> Iterator[LocalExchange]:
    """Give an exchange that was not started yet, and leave no process of it behind."""
    exchange = LocalExchange(directory)
    try:
        yield exchange
    finally:
        exchange.stop(signal.SIGKILL)


def _answer(answer: httpx.Response) -> Any:
    if not answer.is_success:
        raise ClaimFailed(
            f"the exchange answered {answer.request.method} {answer.request.url.path} with {answer.status_code}: {answer.text}"
        )
    return json.loads(answer.content)


def _free_ports(count: int) -> list[int]:
    """Give ports that nothing listens on now, each another one."""
    probes = [socket.socket() for _ in range(count)]
    try:
        for probe in probes:
            probe.bind((HOST, 0))
        return [probe.getsockname()[1] for probe in probes]
    finally:
        for probe in probes:
            probe.close()
