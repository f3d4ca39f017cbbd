"""A live host in a temporary directory, and a desk to drive its service in this process or in one of its own."""

import asyncio
import json
import os
import signal
import sqlite3
import subprocess
import sys
import time
from collections.abc import AsyncGenerator, Awaitable, Callable, Iterator
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from threading import Thread
from typing import Any
from urllib.parse import parse_qs, urlsplit

import httpx
import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from live.configuration import Configuration, load_configuration
from live.core.inputs import Bar
from live.core.instruments import Instrument
from live.core.state import EngineState
from live.driver.engine_digest import engine_digest
from live.journal import write_segment
from live.promotion import (
    Evidence,
    GateResult,
    SigningKey,
    StrategyFolder,
    TrustedKey,
    build_bundle,
    load_strategy_folder,
    sha256_hex,
    sign_bundle,
    write_bundle,
)
from live.promotion.bundle import open_envelope
from live.promotion.cache import StrategyState
from live.promotion.keys import Role
from live.promotion.registry import ModelRegistry
from live.promotion.synchronisation import Synchroniser
from live.service.address import read_address
from live.service.authority import ACCESS_SCOPES, AccessScope, create_token
from live.service.bootstrap import create_application
from live.service.logs import configure_logs
from live.service.runtime import TradingService

SECOND = 1_000_000_000
MINUTE = 60 * SECOND
DAY = 24 * 60 * MINUTE
MARKET = 1_600_000_000 * SECOND
"""Where the played market begins; the bars that a test feeds come after it."""
BTC = "binance-spot:BTCUSDT"
ETH = "binance-spot:ETHUSDT"

REST, BUY, FLAT, FAIL = 1, 2, 3, 9
"""What a bar's volume tells the probe to do."""

PROBE = '''"""Do what each bar's volume says, so that a test can order it about through the market alone."""

import msgspec

from live.core.strategy import BarView, Strategy, StrategyContext


class Parameters(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """Choose how much history to need."""

    warm_up: int


class Probe(Strategy):
    """Rest a bid, buy, sell or fail."""

    Parameters = Parameters

    def __init__(self, parameters: Parameters) -> None:
        self._heard = 0

    @classmethod
    def warm_up_bars(cls, parameters: Parameters) -> int:
        """Need what was asked for."""
        return parameters.warm_up

    def on_bar(self, bar: BarView, context: StrategyContext) -> None:
        """Obey the volume."""
        if bar.volume == 1:
            context.target_fraction(bar.instrument_id, 0.1, limit_price=bar.close * 0.97, reason="told to rest")
        elif bar.volume == 2:
            context.target_fraction(bar.instrument_id, 0.1, reason="told to buy")
        elif bar.volume == 3:
            context.target_units(bar.instrument_id, 0, reason="told to be flat")
        elif bar.volume == 9:
            raise RuntimeError("told to fail")
'''

STRATEGY_TOML = """schema = 1

[strategy]
id = "{strategy_id}"
entry_point = "strategy:Probe"

[parameters]
warm_up = {{ default = 0, minimum = 0, maximum = 100 }}

{instruments}
[data]
kind = "bars"
interval_seconds = 60
warm_up_bars = 100

[limits]
maximum_order_notional = "5000.00"
maximum_position_notional = "10000.00"
maximum_open_orders = {open_orders}
maximum_orders_per_minute = 100
maximum_daily_loss = "1000.00"
price_collar_ppm = 50000
maximum_data_age_seconds = 3600

[limits.maximum_order_quantity]
{quantities}
"""

INSTRUMENT_TOML = """[[instruments]]
instrument_id = "{instrument_id}"
base = "{base}"
quote = "USDT"
price_scale = 2
quantity_scale = 4

"""


def define(instrument_id: str) -> Instrument:
    """Define an instrument as the probe's strategy.toml does."""
    base = instrument_id.partition(":")[2].removesuffix("USDT")
    return Instrument(instrument_id=instrument_id, base=base, quote="USDT", price_scale=2, quantity_scale=4)


def make_bar(at: int, instrument_id: str = BTC, *, close: int = 10_000, told: int = 0, low: int | None = None) -> Bar:
    """Make a quiet bar at a time, its prices in cents, its volume what the probe is told."""
    return Bar(at, at, instrument_id, close, close, close if low is None else low, close, told * 10_000)


class Wall:
    """Tell the machine's time as a test sets it."""

    def __init__(self, now: int) -> None:
        self.now = now

    def __call__(self) -> int:
        """Give the time."""
        return self.now


class Host:
    """Hold a home, keys, bundles, a tape and a configuration."""

    BTC, ETH, MARKET, MINUTE, DAY, PROBE = BTC, ETH, MARKET, MINUTE, DAY, PROBE
    make_bar = staticmethod(make_bar)

    def __init__(self, directory: Path) -> None:
        self.directory = directory
        self.home = directory / "home"
        self.keys = directory / "keys"
        self.file = directory / "interlock.toml"
        self.tape = directory / "market.tape.gz"
        self.key = _derive_key("gate")
        self.created_at = time.time_ns() - MINUTE
        self.approver = _derive_key("ann", "approver")
        self.bundles: dict[str, Path] = {}
        self.aliases: dict[str, str] = {}
        self.registry_url = "http://127.0.0.1:1"
        self.revoked: list[str] = []
        self.requirements: tuple[str, ...] = ("determinism",)
        """Gates that the host asks for by name; none for what a host asks for that says nothing."""
        self.environment = {
            **{name: value for name, value in os.environ.items() if not name.startswith(("INTERLOCK_", "MLFLOW_"))},
            "INTERLOCK_HOME": str(self.home),
            "INTERLOCK_KEYS": str(self.keys),
            "INTERLOCK_CONFIG": str(self.file),
        }

    def bundle(
        self,
        strategy_id: str = "probe",
        instrument_ids: tuple[str, ...] = (BTC,),
        *,
        source: str = PROBE,
        warm_up: int = 0,
        days: int = 1,
        open_orders: int = 5,
        evidence_gate: bool = False,
    ) -> Path:
        """Sign a bundle of the probe, or of other sources."""
        strategies = self.directory / "strategies"
        folder = strategies / f"{strategy_id}-{len(list(strategies.glob('*')))}"
        folder.mkdir(parents=True)
        instruments = [define(instrument_id) for instrument_id in instrument_ids]
        text = STRATEGY_TOML.format(
            strategy_id=strategy_id,
            open_orders=open_orders,
            instruments="".join(INSTRUMENT_TOML.format(instrument_id=one.instrument_id, base=one.base) for one in instruments),
            quantities="".join(f'"{one.instrument_id}" = "100.0000"\n' for one in instruments),
        )
        (folder / "strategy.toml").write_text(text)
        (folder / "strategy.py").write_text(source)
        return self.sign(load_strategy_folder(folder, {"warm_up": warm_up}), days=days, evidence_gate=evidence_gate)

    def sign(self, folder: StrategyFolder, *, days: int = 1, evidence_gate: bool = False) -> Path:
        """Sign a bundle of a strategy folder, with an evidence gate that holds or with none."""
        evidence = _evidence(folder.version.digest, self.created_at, evidence_gate=evidence_gate)
        payload = build_bundle(folder, evidence, self.created_at, self.created_at + days * DAY)
        path = write_bundle(sign_bundle(payload, self.key), self.directory / "bundles")
        self.bundles[folder.version.strategy_id] = path
        return path

    def write_tape(self, *bars: Bar, instruments: tuple[Instrument, ...] = ()) -> None:
        """Write the tape that is played; left out, its market is so far off that only the bars of the test come."""
        far = (make_bar(MARKET), make_bar(MARKET + 30 * DAY))
        self.tape.unlink(missing_ok=True)
        write_segment(self.tape, bars or far, instruments or (define(BTC), define(ETH)), "made by a test")

    def configure(self, extra: str = "", *, speed: float = 1.0, start: str = "2020-09-13T12:26:40Z", feed: bool = True) -> None:
        """Write interlock.toml; `extra` goes to its end."""
        lines = ["schema = 1", "[service]", "port = 0"]
        for key in (self.key, self.approver):
            fields = ("name", "role", "keyid", "public")
            lines += ["[[trusted_keys]]", *(f"{name} = {json.dumps(getattr(key.public, name))}" for name in fields)]
        lines += ["[promotion]", f"revoked = {json.dumps(self.revoked)}", *self._required()]
        if self.aliases:
            lines += ["[registry]", f'url = "{self.registry_url}"', "poll_seconds = 0.1"]
        lines += ["[accounts.paper]", 'balances = { USDT = "10000.00" }', '[venues."binance-spot"]', 'request_log = "requests.log"']
        if feed:
            lines += ["[feed]", f'tape = "{self.tape}"', f'start = "{start}"', f"speed = {speed}"]
        followed = {strategy_id: f'alias = "{alias}"' for strategy_id, alias in self.aliases.items()}
        named = {strategy_id: f'bundle = "{path}"' for strategy_id, path in self.bundles.items()}
        for strategy_id, origin in (followed or named).items():
            lines += ["[[deployment]]", f'strategy = "{strategy_id}"', origin, 'account = "paper"', 'venue = "binance-spot"']
        self.file.write_text("\n".join([*lines, extra]) + "\n")

    def _required(self) -> list[str]:
        return ["[promotion.requirements]", *(f"{gate} = {{}}" for gate in self.requirements)] if self.requirements else []

    def synchronise(self, wall: Callable[[], int] = time.time_ns, strategy_id: str = "probe") -> StrategyState:
        """Make one pass of `interlock sync` for a strategy."""
        configuration = self.configuration()
        with ModelRegistry(self.registry_url, {}) as registry:
            return Synchroniser(registry, self.home, configuration.demands, wall).synchronise(strategy_id)

    def configuration(self) -> Configuration:
        """Load what was configured."""
        return load_configuration(self.file, self.environment)

    def token(self, *scopes: AccessScope) -> str:
        """Make a token with scopes, or with all."""
        name = "-".join(scopes) or "all"
        return create_token(self.keys, name, scopes or ACCESS_SCOPES)

    def requests(self) -> list[str]:
        """List what crossed to the venue, like `SUBMIT IL...`."""
        log = self.home / "requests.log"
        return [" ".join(line.split()[:2]) for line in log.read_text().splitlines()] if log.exists() else []


class Desk:
    """Drive a service that runs in this process: its market by hand, its control plane over HTTP."""

    REST, BUY, FLAT, FAIL = REST, BUY, FLAT, FAIL

    def __init__(self, service: TradingService, client: httpx.AsyncClient, token: str) -> None:
        self.service = service
        self.client = client
        self.token = token
        self._at = 0

    @property
    def state(self) -> EngineState:
        """Give the engine's state."""
        return self.service.session.driver.engine.state

    async def call(self, method: str, path: str, body: object = None, *, expect: int = 200, token: str | None = None) -> Any:
        """Call the control plane and give its JSON answer."""
        headers = {"Authorization": f"Bearer {self.token if token is None else token}"}
        answer = await self.client.request(method, path, json=body, headers=headers)
        assert answer.status_code == expect, f"{method} {path}: {answer.status_code} {answer.text}"
        return answer.json()

    async def arm(self, strategy_id: str = "probe", **confirmation: Any) -> dict[str, Any]:
        """Arm a strategy in both steps and give the lease."""
        challenge = await self.call("POST", "/v1/arm", {"strategy_id": strategy_id})
        body = {"challenge_id": challenge["challenge_id"], "phrase": challenge["phrase"], **confirmation}
        return await self.call("POST", "/v1/arm/confirm", body)

    async def bar(self, told: int = 0, instrument_id: str = BTC, **prices: int) -> None:
        """Feed the next bar, a minute after the one before, and wait until all that followed is done and durable."""
        driver = self.service.session.driver
        self._at = max(self._at + MINUTE, driver.now())
        driver.feed(make_bar(self._at, instrument_id, told=told, **prices))
        await driver.settled()
        await driver.durable(driver.loop.last_seq)

    async def rest_an_order(self, strategy_id: str = "probe") -> str:
        """Arm, let the probe rest an order, and give its id."""
        await self.arm(strategy_id)
        await self.bar()
        await self.bar(REST)
        (order,) = await self.call("GET", "/v1/orders?open_only=true")
        assert order["state"] == "OPEN"
        return order["order_id"]

    async def played(self, events: int) -> None:
        """Let the player have its turns until it has fed so many market events, and not one more."""
        player = self.service.session.player
        assert player is not None, "a feed is configured"
        while player.played < events:  # noqa: ASYNC110 - it yields exactly one turn at a time
            await asyncio.sleep(0)

    def hold_journal(self) -> "HeldJournal":
        """Make the journal's writer wait until it is let go."""
        return HeldJournal(self.service.session.journal_path)

    def break_journal(self) -> None:
        """Take a table away from under the journal's writer, as a damaged disk does: the next commit fails."""
        connection = sqlite3.connect(self.service.session.journal_path, isolation_level=None)
        connection.execute("DROP TABLE commits")
        connection.close()

    def at_venue(self) -> list[str]:
        """List what rests on the venue's book."""
        return self.service.session.venues["binance-spot"].open_order_ids()

    async def until(self, probe: Callable[[], Any], what: str, seconds: float = 20.0) -> Any:
        """Look again until the probe gives something true."""
        deadline = time.monotonic() + seconds
        while True:
            found = probe()
            if isinstance(found, Awaitable):
                found = await found
            if found:
                return found
            assert time.monotonic() < deadline, f"waited {seconds:.0f} s in vain: {what}"
            await asyncio.sleep(0.005)  # a look at what other threads do, never to make an order of events come true


class HeldJournal:
    """Hold a session's journal as another process could, so that its writer has to wait as for a disk that hangs."""

    def __init__(self, path: Path) -> None:
        self._connection = sqlite3.connect(path, isolation_level=None)
        self._connection.execute("BEGIN IMMEDIATE")

    def let_go(self) -> None:
        """Let the writer go on."""
        self._connection.execute("ROLLBACK")
        self._connection.close()


RunDesk = Callable[..., AbstractAsyncContextManager[Desk]]


@pytest.fixture
def anyio_backend() -> str:
    """Run async tests on asyncio, which is what the service runs on."""
    return "asyncio"


@pytest.fixture(name="host")
def _host(tmp_path: Path) -> Host:
    host = Host(tmp_path)
    host.bundle()
    host.write_tape()
    host.configure()
    return host


@pytest.fixture(name="wall")
def _wall(host: Host) -> Wall:
    return Wall(host.created_at + MINUTE)


@pytest.fixture(name="run_desk")
def _run_desk(host: Host, wall: Wall) -> RunDesk:
    """Give a context manager that runs the host's service in this process, from its start to its orderly end."""
    tokens: list[str] = []
    configure_logs()

    @asynccontextmanager
    async def run() -> AsyncGenerator[Desk]:
        tokens[:] = tokens or [host.token()]
        app = create_application(host.configuration(), wall)
        transport = httpx.ASGITransport(app, raise_app_exceptions=False)
        async with app.router.lifespan_context(app), httpx.AsyncClient(transport=transport, base_url="http://interlock") as client:
            yield Desk(app.state.service, client, tokens[0])

    return run


class ServiceProcess:
    """Run the host's service in a process of its own, as a person does."""

    def __init__(self, host: Host) -> None:
        self.host = host
        self.token = host.token()
        self.process: subprocess.Popen[bytes] | None = None
        self.log = host.directory / "service.log"

    def start(self, *, log: Path | None = None) -> None:
        """Start it and wait until it listens."""
        self.host.home.mkdir(exist_ok=True)
        (self.host.home / "service.json").unlink(missing_ok=True)
        with (log or self.log).open("ab") as stream:
            command = [sys.executable, "-c", "from live.cli.entry import main; main()", "serve"]
            self.process = process = subprocess.Popen(
                command, env=self.host.environment, stdout=stream, stderr=stream, stdin=subprocess.DEVNULL
            )

        def listens() -> bool:
            assert process.poll() is None, f"the service ended with {process.returncode}: {self.said()}"
            return read_address(self.host.home) is not None

        self.until(listens, "the service listens")

    def call(self, method: str, path: str, body: object = None, *, expect: int = 200) -> Any:
        """Call its control plane and give the JSON answer."""
        address = read_address(self.host.home)
        assert address is not None, "a service that listens says where"
        headers = {"Authorization": f"Bearer {self.token}"}
        answer = httpx.request(method, f"{address.url}{path}", json=body, headers=headers, timeout=30, trust_env=False)
        assert answer.status_code == expect, f"{method} {path}: {answer.status_code} {answer.text}"
        return answer.json()

    def arm(self, strategy_id: str = "probe") -> None:
        """Arm a strategy in both steps."""
        challenge = self.call("POST", "/v1/arm", {"strategy_id": strategy_id})
        self.call("POST", "/v1/arm/confirm", {"challenge_id": challenge["challenge_id"], "phrase": challenge["phrase"]})

    def signal(self, number: int = signal.SIGTERM) -> int:
        """Send a signal and give the exit code."""
        assert self.process is not None
        self.process.send_signal(number)
        return self.process.wait(30)

    def interlock(self, *arguments: str, **environment: str) -> subprocess.CompletedProcess[str]:
        """Run the command line against it."""
        command = [sys.executable, "-c", "from live.cli.entry import main; main()", *arguments]
        surroundings = {**self.host.environment, "INTERLOCK_TOKEN": self.token, **environment}
        return subprocess.run(command, env=surroundings, capture_output=True, text=True, check=False, stdin=subprocess.DEVNULL, timeout=60)

    def said(self) -> str:
        """Give its log."""
        return self.log.read_text() if self.log.exists() else ""

    def until(self, probe: Callable[[], Any], what: str, seconds: float = 40.0) -> Any:
        """Look again until the probe gives something true."""
        deadline = time.monotonic() + seconds
        while not (found := probe()):
            assert time.monotonic() < deadline, f"waited {seconds:.0f} s in vain: {what}; {self.said()[-2000:]}"
            time.sleep(0.01)  # between two looks at another process
        return found


@pytest.fixture(name="service")
def _service(host: Host) -> Iterator[ServiceProcess]:
    service = ServiceProcess(host)
    yield service
    if service.process is not None and service.process.poll() is None:
        service.process.kill()
        service.process.wait()


class RegistryServer:
    """Answer the few calls of MLflow's REST interface over real HTTP, in the shapes that its server 3.17 answered with.

    Attributes:
        versions: tags by strategy id and version number; the run of version 3 is `run-3`.
        aliases: version numbers by strategy id and alias.
        artifacts: files by run and path.
        calls: method and path of what was asked, with `sent` beside it: the headers of the newest call.
        answer: an answer given to everything, when it is set: status, content type and body.
    """

    def __init__(self) -> None:
        self.versions: dict[str, dict[int, dict[str, str]]] = {}
        self.aliases: dict[str, dict[str, int]] = {}
        self.artifacts: dict[tuple[str, str], bytes] = {}
        self.calls: list[str] = []
        self.sent: dict[str, str] = {}
        self.answer: tuple[int, str, bytes] | None = None
        self.read_only = False
        self._server: ThreadingHTTPServer | None = None
        self.port = 0
        self.start()

    @property
    def url(self) -> str:
        """Give the address."""
        return f"http://127.0.0.1:{self.port}"

    def start(self) -> None:
        """Answer, at the port of the last time."""
        registry = self

        class Handler(BaseHTTPRequestHandler):
            def log_message(self, *_: object) -> None:
                """Say nothing."""

            def _answer(self) -> None:
                body = self.rfile.read(int(self.headers.get("Content-Length", 0)))
                registry.sent = dict(self.headers)
                status, kind, content = registry.respond(self.command, self.path, body)
                self.send_response(status)
                self.send_header("Content-Type", kind)
                self.send_header("Content-Length", str(len(content)))
                self.end_headers()
                self.wfile.write(content)

            do_GET = do_POST = do_PUT = do_DELETE = _answer  # noqa: N815 - the names that http.server calls

        self._server = ThreadingHTTPServer(("127.0.0.1", self.port), Handler)
        self.port = self._server.server_port
        Thread(target=self._server.serve_forever, args=(0.005,), daemon=True).start()

    def stop(self) -> None:
        """Answer no more."""
        if self._server is not None:
            self._server.shutdown()
            self._server.server_close()
            self._server = None

    def register(self, bundle: Path, *, strategy_id: str = "probe", **tags: str) -> int:
        """Register a bundle as the next version of a strategy, as the pipeline does."""
        content = bundle.read_bytes()
        versions = self.versions.setdefault(strategy_id, {})
        number = max(versions, default=0) + 1
        path = f"bundle/{bundle.name}"
        self.artifacts[f"run-{number}", path] = content
        digest = sha256_hex(open_envelope(content).payload)
        versions[number] = {"interlock.bundle": digest, "interlock.bundle_artifact": path, "interlock.strategy_version": "a label", **tags}
        return number

    def point(self, alias: str, number: int | None, strategy_id: str = "probe") -> None:
        """Move an alias, or remove it."""
        aliases = self.aliases.setdefault(strategy_id, {})
        aliases.pop(alias, None)
        if number is not None:
            aliases[alias] = number

    def respond(self, method: str, target: str, body: bytes) -> tuple[int, str, bytes]:
        """Answer one request."""
        parts = urlsplit(target)
        call = f"{method} {parts.path.removeprefix('/api/2.0/mlflow/')}"
        self.calls.append(call)
        if self.answer is not None:
            return self.answer
        asked = {name: values[0] for name, values in parse_qs(parts.query).items()}
        asked |= json.loads(body) if body and method != "PUT" else {}
        if call == "GET /get-artifact":
            content = self.artifacts.get((asked["run_uuid"], asked["path"]))
            return self._missing("No such artifact") if content is None else (200, "text/plain", content)
        if method != "GET" and self.read_only:
            return self._json(403, {"error_code": "PERMISSION_DENIED", "message": "Permission denied"})
        if method == "PUT":
            place = parts.path.removeprefix("/api/2.0/mlflow-artifacts/artifacts/1/")
            run_id, _, path = place.partition("/artifacts/")
            self.artifacts[run_id, path] = body
            return 200, "", b""
        if call == "GET artifacts/list":
            return self._json(200, {"root_uri": f"mlflow-artifacts:/1/{asked['run_id']}/artifacts"})
        return self._registry(call, asked)

    def _registry(self, call: str, asked: dict[str, str]) -> tuple[int, str, bytes]:
        filtered = asked.get("filter", "").removeprefix("name='").removesuffix("'")
        name = asked.get("name", filtered)
        versions, aliases = self.versions.get(name), self.aliases.setdefault(name, {})
        if call == "GET model-versions/search":
            found = [self._version(name, number) for number in sorted(versions or {}, reverse=True)]
            return self._json(200, {"model_versions": found} if found else {})
        if versions is None:
            return self._missing(f"Registered Model with name={name} not found")
        if call == "GET registered-models/get":
            listed = [{"alias": alias, "version": str(number)} for alias, number in aliases.items()]
            return self._json(200, {"registered_model": {"name": name, **({"aliases": listed} if listed else {})}})
        if call == "DELETE registered-models/alias":
            aliases.pop(asked["alias"], None)
            return self._json(200, {})
        number = int(asked["version"])
        if number not in versions:
            return self._missing(f"Model Version (name={name}, version={number}) not found")
        if call == "GET model-versions/get":
            return self._json(200, {"model_version": self._version(name, number)})
        if call == "POST model-versions/set-tag":
            versions[number][asked["key"]] = asked["value"]
        elif call == "POST registered-models/alias":
            aliases[asked["alias"]] = number
        return self._json(200, {})

    def _version(self, name: str, number: int) -> dict[str, Any]:
        tags = [{"key": key, "value": value} for key, value in self.versions[name][number].items()]
        return {"name": name, "version": str(number), "run_id": f"run-{number}", "status": "READY", "tags": tags, "current_stage": "None"}

    def _missing(self, message: str) -> tuple[int, str, bytes]:
        return self._json(404, {"error_code": "RESOURCE_DOES_NOT_EXIST", "message": message})

    def _json(self, status: int, document: dict[str, Any]) -> tuple[int, str, bytes]:
        return status, "application/json", json.dumps(document).encode()


@pytest.fixture(name="registry")
def _registry(host: Host) -> Iterator[RegistryServer]:
    """Run a registry, and let the host's probe follow its candidate instead of naming a file."""
    server = RegistryServer()
    host.registry_url = server.url
    host.aliases = {"probe": "candidate"}
    host.configure()
    yield server
    server.stop()


def _derive_key(name: str, role: Role = "gate") -> SigningKey:
    private = Ed25519PrivateKey.from_private_bytes(bytes.fromhex(sha256_hex(name.encode())))
    raw = private.public_key().public_bytes_raw()
    return SigningKey(TrustedKey(name=name, role=role, keyid=sha256_hex(raw), public=raw.hex()), private)


def _evidence(strategy_version_digest: str, created_at: int, *, evidence_gate: bool) -> Evidence:
    held = GateResult(gate="determinism", passed=True, kind="integrity", measured={"differing": 0}, threshold={"maximum_differing": 0})
    sharpe = GateResult(gate="deflated_sharpe", passed=True, kind="evidence", measured={"probability": 0.97}, threshold={})
    return Evidence(
        schema=1,
        strategy_version_digest=strategy_version_digest,
        dataset_digest="d" * 64,
        policy_digest="b" * 64,
        engine_digest=engine_digest(),
        results=(held, sharpe) if evidence_gate else (held,),
        created_at=created_at - 1,
    )
