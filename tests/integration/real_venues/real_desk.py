"""A host that trades at the local exchange in a process of its own, and somebody else who uses the same account there."""

import asyncio
import atexit
import hashlib
import hmac
import json
import os
import signal
import subprocess
import sys
import tempfile
import time
import urllib.error
import urllib.request
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import asynccontextmanager, contextmanager, suppress
from functools import cache
from pathlib import Path
from typing import Any
from urllib.parse import urlencode

from live.core.engine.engine import Engine
from live.core.entities import Order
from live.core.inputs import Bar, ClockSampled, LeaseGranted
from live.core.records import OrderDenied
from live.core.state import EngineState
from live.journal.reader import JournalReader
from live.promotion import load_strategy_folder, sign_bundle
from live.service.gate import ActiveLease
from live.service.runtime import TradingService
from live.service.session import Session

VENUE = "local"
BTC = f"{VENUE}:BTCUSDT"
ACCOUNTS = tuple(f"account{number}" for number in range(12))
PATIENCE = 12.0
"""Seconds that anything may take before a test gives up."""
END_OF_TIME = 2**63 - 1
REST, BUY, FLAT, MANY = 1, 2, 3, 4
"""What a bar's volume tells the strategy to do."""

SOURCE = '''"""Do what each bar's volume says."""

import msgspec

from live.core.strategy import BarView, Strategy, StrategyContext


class Parameters(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """Choose how much history to need."""

    warm_up: int


class Told(Strategy):
    """Rest a bid, rest many, buy, or sell everything."""

    Parameters = Parameters

    def __init__(self, parameters: Parameters) -> None:
        """Take nothing."""

    @classmethod
    def warm_up_bars(cls, parameters: Parameters) -> int:
        """Need what was asked for."""
        return parameters.warm_up

    def on_bar(self, bar: BarView, context: StrategyContext) -> None:
        """Obey the volume."""
        if bar.volume == 1:
            context.target_units(bar.instrument_id, 2_000, limit_price=round(bar.close * 0.97, 2))
        elif bar.volume == 2:
            context.target_units(bar.instrument_id, 2_000)
        elif bar.volume == 3:
            context.target_units(bar.instrument_id, 0)
        elif bar.volume == 4:
            for number in range(40):
                context.submit_order(bar.instrument_id, "BUY", 100, order_type="LIMIT", limit_price=round(bar.close * 0.96 - number, 2))
'''

STRATEGY = """schema = 1

[strategy]
id = "{strategy_id}"
entry_point = "strategy:Told"

[parameters]
warm_up = {{ default = 0, minimum = 0, maximum = 100 }}

[[instruments]]
instrument_id = "local:BTCUSDT"
base = "BTC"
quote = "USDT"
price_scale = 2
quantity_scale = 5

[data]
kind = "bars"
interval_seconds = 60
warm_up_bars = 100

[limits]
maximum_order_notional = "5000.00"
maximum_position_notional = "10000.00"
maximum_open_orders = 50
maximum_orders_per_minute = 100
maximum_daily_loss = "1000.00"
price_collar_ppm = 50000
maximum_data_age_seconds = 3600

[limits.maximum_order_quantity]
"local:BTCUSDT" = "1.00000"
"""


class Exchange:
    """Reach a running exchange, as anybody and as the holder of a key."""

    def __init__(self, process_id: int, listening: dict[str, str]) -> None:
        self.process_id = process_id
        self.http, self.web_socket, self.faults = listening["http"], listening["web_socket"], listening["faults"]

    def control(self, path: str, body: object = None, method: str | None = None) -> Any:
        """Ask the control plane of faults."""
        data = None if body is None else json.dumps(body).encode()
        request = urllib.request.Request(self.faults + path, data, {"Content-Type": "application/json"}, method=method)
        with urllib.request.urlopen(request, timeout=PATIENCE) as answer:
            return json.load(answer)

    def fault(self, kind: str, operation: str | None = None, **more: Any) -> None:
        """Order a fault."""
        match = {**more.pop("match", {}), **({} if operation is None else {"operation": operation})}
        self.control("/faults", {"kind": kind, "match": match, **more})

    def asked(self, operation: str, account: str) -> list[Any]:
        """Give the requests of an operation that arrived under an account's key."""
        return [one for one in self.control(f"/log?operation={operation}") if one["account"] == account]

    def signed(self, method: str, path: str, account: str, **parameters: Any) -> Any:
        """Make a signed request by hand, as a person does at the venue's own site."""
        query = urlencode({**parameters, "timestamp": time.time_ns() // 1_000_000})
        signature = hmac.new(account.encode(), query.encode(), hashlib.sha256).hexdigest()
        address = f"{self.http}/api/v3/{path}?{query}&signature={signature}"
        request = urllib.request.Request(address, headers={"X-MBX-APIKEY": account}, method=method)
        try:
            with urllib.request.urlopen(request, timeout=PATIENCE) as answer:
                return json.load(answer)
        except urllib.error.HTTPError as error:
            raise AssertionError(f"{method} {path}: {error.code} {error.read().decode()}") from None

    def open_orders(self, account: str) -> list[str]:
        """List the client ids of what is open in an account."""
        return [order["clientOrderId"] for order in self.signed("GET", "openOrders", account)]

    def balances(self, account: str) -> dict[str, float]:
        """Give what an account has, free and locked, where it has anything."""
        answer = self.signed("GET", "account", account)
        return {one["asset"]: float(one["free"]) + float(one["locked"]) for one in answer["balances"]}


@cache
def _forks() -> "subprocess.Popen[str]":
    """Start the process that exchanges are forked from, once for all tests that this process runs."""
    command = [sys.executable, str(Path(__file__).with_name("exchange_forks.py"))]
    environment = {**os.environ, "PYTHONUNBUFFERED": "1"}
    process = subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True, env=environment)
    atexit.register(process.communicate)
    return process


def _fork_exchange(arguments: list[str], pipe: Path) -> int:
    """Start an exchange whose standard output goes to a pipe; gives its process id."""
    forks = _forks()
    assert forks.stdin is not None
    assert forks.stdout is not None
    print(json.dumps([arguments, dict(os.environ), str(pipe)]), file=forks.stdin, flush=True)
    return int(forks.stdout.readline())


def kill(process_id: int) -> None:
    """Kill an exchange, unless that was done, and see it gone."""
    with suppress(ProcessLookupError):
        os.kill(process_id, signal.SIGKILL)
        while True:
            os.kill(process_id, 0)
            time.sleep(0.002)  # between two looks at another process


@contextmanager
def run_exchange(*more: str) -> Iterator[Exchange]:
    """Run the exchange in a process of its own; key and secret of an account are its name."""
    arguments = ["exchange", "--json", "--port", "0", "--faults-port", "0"]
    for account in ACCOUNTS:
        arguments += ["--account", f"{account}:{account}"]
    with tempfile.TemporaryDirectory() as directory:
        pipe = Path(directory) / "listening"
        os.mkfifo(pipe)
        process_id = _fork_exchange([*arguments, *more], pipe)
        try:
            with pipe.open(encoding="utf-8") as said:
                yield Exchange(process_id, json.loads("".join(iter(said.readline, "}\n")) + "}"))
        finally:
            kill(process_id)


class RealHost:
    """Configure a host for the exchange; each deployment is (strategy, account, mode)."""

    def __init__(self, host: Any, exchange: Exchange) -> None:
        self.host = host
        self.exchange = exchange

    def configure(self, *deployments: tuple[str, str, str], warm_up: int = 0, venue: str = "") -> None:
        """Sign a bundle for each deployment, and write interlock.toml; accounts that are not LIVE get 10,000 USDT."""
        lines = ["schema = 1", "[service]", "port = 0", "[live]", "enabled = true"]
        for key in (self.host.key, self.host.approver):
            lines += [
                "[[trusted_keys]]",
                *(f"{name} = {json.dumps(getattr(key.public, name))}" for name in ("name", "role", "keyid", "public")),
            ]
        lines += ["[promotion.requirements]", "determinism = {}"]
        for _, account, mode in deployments:
            lines += [f"[accounts.{account}]", *([] if mode == "LIVE" else ['balances = { USDT = "10000.00" }'])]
        lines += [f"[venues.{VENUE}]", 'kind = "ccxt"', 'dialect = "binance"', "simulated = true"]
        lines += [f"reconcile_seconds = {1.5 * max(1, sum(mode == 'LIVE' for _, _, mode in deployments))}"]
        lines += [f'http = "{self.exchange.http}"', f'web_socket = "{self.exchange.web_socket}"', venue]
        for strategy_id, account, mode in deployments:
            lines += ["[[deployment]]", f'strategy = "{strategy_id}"', f'bundle = "{self.bundle(strategy_id, warm_up)}"']
            lines += [f'account = "{account}"', f'venue = "{VENUE}"', f'mode = "{mode}"']
        self.host.file.write_text("\n".join(lines) + "\n")

    def bundle(self, strategy_id: str, warm_up: int) -> Path:
        """Sign a bundle by gate and approver."""
        folder = self.host.directory / "real" / f"{strategy_id}-{warm_up}"
        folder.mkdir(parents=True, exist_ok=True)
        (folder / "strategy.toml").write_text(STRATEGY.format(strategy_id=strategy_id))
        (folder / "strategy.py").write_text(SOURCE)
        path = self.host.sign(load_strategy_folder(folder, {"warm_up": warm_up}))
        path.write_bytes(sign_bundle(path.read_bytes(), self.host.approver))
        return path

    @asynccontextmanager
    async def run(self) -> AsyncIterator["RealDesk"]:
        """Run the service in this process, from its start to its orderly end."""
        service = TradingService(self.host.configuration())
        async with service.running():
            yield RealDesk(service)


class RealDesk:
    """Drive a service that runs in this process."""

    def __init__(self, service: TradingService) -> None:
        self.service = service

    @property
    def session(self) -> Session:
        """Give the session."""
        return self.service.session

    @property
    def engine(self) -> Engine:
        """Give the engine."""
        return self.session.driver.engine

    @property
    def state(self) -> EngineState:
        """Give the engine's state."""
        return self.engine.state

    async def until(self, probe: Callable[[], Any], what: str) -> Any:
        """Look again until the probe gives something true."""
        deadline = time.monotonic() + PATIENCE
        while not (found := probe()):
            assert self.session.driver.failure is None, self.session.driver.failure
            assert time.monotonic() < deadline, f"waited in vain: {what}; unready: {self.service.unready()}; {self.denials()}"
            await asyncio.sleep(0.01)  # a look at what another process does
        return found

    def denials(self) -> list[Any]:
        """List the orders that were denied, and why."""
        with JournalReader(self.session.journal_path) as journal:
            return [row.entry() for row in journal.rows(kinds={OrderDenied.__name__})]

    async def ready(self) -> None:
        """Wait until every feed flows with a price, and every account is known to equal its venue's."""
        await self.until(self.is_whole, "feeds flow and accounts are known")
        await self.until(lambda: self.engine.last_price(BTC), "a price comes")

    def is_whole(self) -> bool:
        """Tell whether every feed flows, and every real account was found equal to its venue's of late."""
        now = self.session.driver.now()
        answers = [self.answer(account) for account in self.session.trading]
        known = all(answer is not None and answer.clean and now <= answer.valid_until for answer in answers)
        return known and not any(feed.faults() for feed in self.session.feeds.values())

    async def lease(self, strategy_id: str) -> None:
        """Grant a lease as arming does at its end."""
        driver, now = self.session.driver, self.session.driver.now()
        if VENUE not in self.state.clocks:
            driver.feed(ClockSampled(now, VENUE, 0, 0, END_OF_TIME))
        driver.feed(LeaseGranted(now, strategy_id, f"lease-{strategy_id}", "ann", now + 10**15, 10**15))
        self.session.gate.leases[strategy_id] = ActiveLease(f"lease-{strategy_id}", "ann", now + 10**15, 10**15, "")

    def tell(self, told: int) -> None:
        """Let a bar come at the market's price, its volume what the strategies are told; it waits behind all that came before it."""
        price = self.engine.last_price(BTC)
        assert price is not None
        now = self.session.driver.now()
        self.session.queue.market(Bar(now, now, BTC, price, price, price, price, told * 100_000))

    def orders(self, strategy_id: str, *states: str) -> list[Order]:
        """Give a strategy's orders, in some states when named."""
        mine = [order for order in self.state.orders.values() if order.strategy_id == strategy_id]
        return [order for order in mine if not states or order.state in states]

    async def order(self, strategy_id: str, *states: str) -> Order:
        """Wait for a strategy's newest order to come to a state."""
        await self.until(lambda: self.orders(strategy_id, *states), f"an order of {strategy_id} comes to {', '.join(states)}")
        return self.orders(strategy_id, *states)[-1]

    def answer(self, account: str) -> Any:
        """Give the last word of reconciliation on an account."""
        return self.state.reconciliations.get(account)
