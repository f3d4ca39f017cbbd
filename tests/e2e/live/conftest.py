"""A live host in a temporary directory, made only of what the live host's own install has."""

import json
import os
import random
import shutil
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from importlib.resources import files
from pathlib import Path
from typing import Any

import httpx
import pytest

from live.core.inputs import Bar
from live.core.instruments import Instrument
from live.journal import write_segment
from live.service.address import read_address

HALF_HOUR = 1_800 * 1_000_000_000
FIRST_CLOSE = 1_554_076_800 * 1_000_000_000
INSTRUMENTS = {
    "ema_cross": Instrument(instrument_id="binance-spot:BTCUSDT", base="BTC", quote="USDT", price_scale=2, quantity_scale=6),
    "mean_reversion": Instrument(instrument_id="binance-spot:ETHUSDT", base="ETH", quote="USDT", price_scale=3, quantity_scale=5),
}
WAIT_SECONDS = 60.0


def generate_bars(count: int, *, seed: int) -> Iterator[Bar]:
    """Give bars of both instruments that wander, drift and revert, so that both strategies trade."""
    chance = random.Random(seed)
    prices = {instrument.instrument_id: 500_000 for instrument in INSTRUMENTS.values()}
    for index in range(count):
        close_time = FIRST_CLOSE + index * HALF_HOUR
        for instrument_id, price in prices.items():
            close = max(100_000, price + chance.randint(-2_500, 2_500))
            high, low = max(price, close) + chance.randint(0, 1_500), min(price, close) - chance.randint(0, 1_500)
            yield Bar(close_time, close_time, instrument_id, price, high, low, close, chance.randint(1, 10**7))
            prices[instrument_id] = close


class LiveHost:
    """Set up keys, bundles, tape, tokens and configuration, and run the command line and the service there."""

    def __init__(self, directory: Path) -> None:
        self.home = directory / "home"
        self.keys = directory / "keys"
        self.config = directory / "interlock.toml"
        self.request_log = self.home / "requests.log"
        self.tape = directory / "market.tape.gz"
        self.service: subprocess.Popen[bytes] | None = None
        self.bundles: dict[str, Path] = {}
        self.environment = {**os.environ, "INTERLOCK_HOME": str(self.home), "INTERLOCK_KEYS": str(self.keys)}
        self.environment["INTERLOCK_CONFIG"] = str(self.config)
        self.strategies = directory / "strategies"
        for strategy in INSTRUMENTS:
            shutil.copytree(
                Path(str(files("strategies"))) / strategy, self.strategies / strategy, ignore=shutil.ignore_patterns("__pycache__")
            )

    def prepare(self, *, bars: int, seed: int = 1, evidence_bars: int = 3_000) -> None:
        """Make market data, a gate key, a signed bundle of each strategy and a token with every scope."""
        write_segment(self.tape, generate_bars(bars, seed=seed), INSTRUMENTS.values(), "generated")
        evidence = self.tape.with_name("evidence.tape.gz")
        write_segment(evidence, generate_bars(evidence_bars, seed=seed + 1), INSTRUMENTS.values(), "generated")
        key = self.interlock("keys", "new", "gate", "--role", "gate")
        self.trusted_key = key["trusted_key"]
        for strategy in INSTRUMENTS:
            folder = str(self.strategies / strategy)
            made = self.interlock("strategy", "bundle", folder, "--tape", str(evidence), "--key", key["private"])
            self.bundles[strategy] = Path(made["bundle"])
        scopes = [argument for scope in ("read", "arm", "disarm", "kill", "release") for argument in ("--scope", scope)]
        self.token = self.interlock("token", "new", "test", *scopes)["token"]
        self.environment["INTERLOCK_TOKEN"] = self.token

    def write_config(self, *, speed: float, start_bars: int = 300, bundles: dict[str, Path] | None = None) -> None:
        """Write the configuration: the feed starts after `start_bars` bars of history."""
        start = time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime((FIRST_CLOSE + start_bars * HALF_HOUR) // 10**9))
        lines = ["schema = 1", "[service]", "port = 0", "[[trusted_keys]]"]
        lines += [f"{name} = {json.dumps(value)}" for name, value in self.trusted_key.items()]
        # Evidence of the command line alone: what a host has to accept by name.
        lines += ["[promotion.requirements]", "determinism = {}", "replay = {}", "limits = {}"]
        lines += ["[accounts.paper]", 'balances = { USDT = "20000.00" }', '[venues."binance-spot"]', f'request_log = "{self.request_log}"']
        lines += ["[feed]", f'tape = "{self.tape}"', f'start = "{start}"', f"speed = {speed}"]
        for strategy, bundle in (self.bundles if bundles is None else bundles).items():
            lines += ["[[deployment]]", f'strategy = "{strategy}"', f'bundle = "{bundle}"', 'account = "paper"', 'venue = "binance-spot"']
        self.config.write_text("\n".join(lines) + "\n")

    def run(self, *arguments: str) -> subprocess.CompletedProcess[str]:
        """Run `interlock` as a user does."""
        command = [sys.executable, "-c", "from live.cli.entry import main; main()", *arguments]
        return subprocess.run(command, env=self.environment, capture_output=True, text=True, check=False, stdin=subprocess.DEVNULL)

    def interlock(self, *arguments: str, expect: int = 0) -> dict[str, Any]:
        """Run `interlock … --json` and return its answer."""
        done = self.run(*arguments, "--json")
        assert done.returncode == expect, f"interlock {arguments} exited with {done.returncode}: {done.stdout}{done.stderr}"
        return json.loads(done.stdout)

    def start(self) -> None:
        """Start the service and wait until it listens."""
        (self.home / "service.json").unlink(missing_ok=True)
        command = [sys.executable, "-c", "from live.cli.entry import main; main()", "serve"]
        with (self.home / "service.log").open("ab") as log:
            self.service = service = subprocess.Popen(command, env=self.environment, stdout=log, stderr=log, stdin=subprocess.DEVNULL)

        def listens() -> bool:
            assert service.poll() is None, f"the service ended: {(self.home / 'service.log').read_text()[-2000:]}"
            return read_address(self.home) is not None

        self.wait_for(listens)

    def stop(self, *, kill: bool = False) -> int:
        """Stop the service, in an orderly way or with SIGKILL, and return its exit code."""
        assert self.service is not None, "the service was started"
        self.service.kill() if kill else self.service.terminate()
        code = self.service.wait(30)
        self.service = None
        return code

    def call(self, method: str, path: str, body: dict[str, Any] | None = None, *, expect: int = 200) -> Any:
        """Call the service's API."""
        address = read_address(self.home)
        assert address is not None, "the service says where it listens"
        headers = {"Authorization": f"Bearer {self.token}"}
        answer = httpx.request(method, f"{address.url}{path}", json=body, headers=headers, timeout=30, trust_env=False)
        assert answer.status_code == expect, f"{method} {path}: {answer.status_code} {answer.text}"
        return answer.json()

    def arm(self, strategy: str) -> None:
        """Arm a deployment in its two steps."""
        challenge = self.call("POST", "/v1/arm", {"strategy_id": strategy})
        self.call("POST", "/v1/arm/confirm", {"challenge_id": challenge["challenge_id"], "phrase": challenge["phrase"]})

    def wait_for(self, probe: Callable[[], Any]) -> Any:
        """Ask until `probe` gives something true."""
        deadline = time.monotonic() + WAIT_SECONDS
        while time.monotonic() < deadline:
            if found := probe():
                return found
            time.sleep(0.01)  # between two looks at another process, never to make an order of events come true
        raise AssertionError(f"waited {WAIT_SECONDS} s in vain: {(self.home / 'service.log').read_text()[-2000:]}")


@pytest.fixture(name="live_host")
def _live_host(tmp_path: Path) -> Iterator[LiveHost]:
    host = LiveHost(tmp_path)
    yield host
    if host.service is not None and host.service.poll() is None:
        host.service.kill()
        host.service.wait()
