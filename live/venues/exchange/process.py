"""The exchange's process: from what the command line says to a server that runs until it is told to stop."""

import asyncio
import signal
from collections.abc import Callable, Iterable, Sequence
from pathlib import Path

import msgspec

from live.core.inputs import MarketEvent
from live.core.instruments import Instrument
from live.venues.exchange.exchange import Exchange
from live.venues.exchange.fixed8 import ONE, Fixed8
from live.venues.exchange.flow import BackgroundFlow
from live.venues.exchange.persistence import open_exchange
from live.venues.exchange.playing import Player, symbols_to_play
from live.venues.exchange.security import KeyRing
from live.venues.exchange.server import ExchangeServer, Mover, ServerSettings, wall_clock
from live.venues.exchange.symbols import SymbolRules

DEFAULT_ACCOUNT = "local-key:local-secret"
"""The account there is when none is named; its secret keeps nothing but play money."""

FUNDS: dict[str, Fixed8] = {"USDT": 1_000_000 * ONE, "BTC": 20 * ONE, "ETH": 400 * ONE, "BNB": 100 * ONE}
OTHER_FUNDS = 1_000_000 * ONE
"""What an account starts with of an asset that only a recording trades."""

OPENING_PRICES: dict[str, Fixed8] = {"BTCUSDT": 60_000 * ONE, "ETHUSDT": 3_000 * ONE}

HISTORY = 600_000_000
"""Microseconds of background market before a new exchange opens, so that there are trades and bars to ask for."""


class ExchangePlan(msgspec.Struct, frozen=True, kw_only=True):
    """Say what exchange to run.

    Attributes:
        accounts: keys, each as KEY:SECRET or KEY:path-to-public-key.pem; the default one when there are none.
        state: directory that keeps the state, None to forget it.
        speed: how many times faster than it was recorded a recording is played.
        instruments: what the recording is of, empty without one.
    """

    port: int = 18080
    accounts: tuple[str, ...] = ()
    faults_port: int | None = None
    state: Path | None = None
    seed: int = 1
    read_lag_milliseconds: int = 0
    speed: float = 1.0
    instruments: Sequence[Instrument] = ()


def run_exchange(plan: ExchangePlan, events: Iterable[MarketEvent] | None, announce: Callable[[dict[str, str]], None]) -> None:
    """Run an exchange until SIGINT or SIGTERM; `announce` is told where it listens.

    Raises:
        InterlockError: an account, a recording, the state or a port cannot be used.
    """
    asyncio.run(_run(plan, events, announce))


async def _run(plan: ExchangePlan, events: Iterable[MarketEvent] | None, announce: Callable[[dict[str, str]], None]) -> None:
    stopped = asyncio.Event()
    for number in (signal.SIGINT, signal.SIGTERM):
        asyncio.get_running_loop().add_signal_handler(number, stopped.set)
    keys = KeyRing()
    for text in plan.accounts or (DEFAULT_ACCOUNT,):
        keys.add_text(text)
    symbols = symbols_to_play(plan.instruments)
    exchange = Exchange(symbols) if plan.state is None else open_exchange(plan.state, symbols)
    now = wall_clock()
    mover = _mover(plan, exchange, events, now)
    for account in keys.accounts:
        exchange.add_account(account, _funds(symbols), now)
    exchange.drain()
    settings = ServerSettings(port=plan.port, faults_port=plan.faults_port, read_lag=plan.read_lag_milliseconds * 1_000)
    server = ExchangeServer(exchange, keys, settings, movers=(mover,))
    try:
        await server.start()
        announce(_addresses(server, keys))
        await server.serve(stopped)
    finally:
        await server.stop()


def _mover(plan: ExchangePlan, exchange: Exchange, events: Iterable[MarketEvent] | None, now: int) -> Mover:
    """Give what moves the market: the recording, or chance, which a new exchange has had some minutes of when it opens."""
    if events is not None:
        player = Player(exchange, plan.instruments, events, speed=plan.speed, now=now)
        player.run(now)
        return player
    opened = now if any(exchange.last_price(symbol) for symbol in OPENING_PRICES) else now - HISTORY
    flow = BackgroundFlow(exchange, seed=plan.seed, prices=OPENING_PRICES, now=opened)
    flow.run(now)
    return flow


def _funds(symbols: Iterable[SymbolRules]) -> dict[str, Fixed8]:
    assets = {asset for rules in symbols for asset in (rules.base_asset, rules.quote_asset)}
    return FUNDS | dict.fromkeys(assets - FUNDS.keys(), OTHER_FUNDS)


def _addresses(server: ExchangeServer, keys: KeyRing) -> dict[str, str]:
    addresses = {
        "http": f"http://127.0.0.1:{server.port}",
        "web_socket": f"ws://127.0.0.1:{server.port}",
        "accounts": ", ".join(keys.accounts),
    }
    return addresses if server.faults_port is None else addresses | {"faults": f"http://127.0.0.1:{server.faults_port}"}
