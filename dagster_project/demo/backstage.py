"""Backstage: what act 8 needs and nobody need watch, made while other acts are told: the exchange, a bundle, keys, and evidence."""

import json
import os
from decimal import Decimal
from pathlib import Path
from typing import Any, NamedTuple

from dagster_project.demo.stage import Stage, scope_options
from dagster_project.demo.venue import KEY, KIT_KEY, SECRET, SYMBOL, LocalExchange
from live.core.market_events import Trade
from live.core.vocabulary import Side
from live.journal import write_segment
from live.promotion.strategy_folder import load_strategy_folder

STRATEGY = "metronome"
VENUE = "local-exchange"
ACCOUNT, KIT_ACCOUNT = "demo", "kit"
OPERATOR = "demo"
APPROVER = "ann"
SIGNERS = {"gate": "gate", "approver": APPROVER, "conformance": "kit"}
"""Who signs in which role."""
HISTORY = 1000
"""Trades of the exchange's first minutes that the strategy is replayed on for its evidence."""

CONFIGURATION = """\
# The live host of the demo's last act: LIVE at the local exchange, which has no real money behind it.
schema = 1

[service]
port = 0

[live]
enabled = true

# No balances: the venue says what is on it.
[accounts.{account}]

[venues.{venue}]
kind = "ccxt"
dialect = "binance"
simulated = true
http = "{exchange.http}"
web_socket = "{exchange.web_socket}"
reconcile_seconds = 3
fill_scan_seconds = 2

# The gates that need nothing but trades of the exchange.
[promotion.requirements]
determinism = {{}}
replay = {{}}
limits = {{}}

[[deployment]]
strategy = "{strategy}"
bundle = "{bundle}"
account = "{account}"
venue = "{venue}"
mode = "LIVE"
"""


class Prepared(NamedTuple):
    """Hold what was made.

    Attributes:
        config: the live host's configuration.
        bundle: what `interlock strategy bundle` said.
        approval: what `interlock promote approve` said.
        conformance: what `interlock venue check` said.
        token: an operator's token.
        one_time_codes: the address that the operator's authenticator read.
    """

    config: Path
    bundle: dict[str, Any]
    approval: dict[str, Any]
    conformance: dict[str, Any]
    token: str
    one_time_codes: str


def prepare_host(stage: Stage, exchange: LocalExchange, strategies: Path) -> Prepared:
    """Start the exchange, bundle a strategy on its trades and have it approved, run the conformance kit, and equip an operator.

    The kit runs in a home of its own, as on another host.

    Raises:
        ClaimFailed: a command fails; one of them is the kit, when a case does.
    """
    exchange.start()
    keys = {role: stage.interlock("keys", "new", name, "--role", role) for role, name in SIGNERS.items()}
    folder = strategies / STRATEGY
    tape = record_history(exchange, folder, stage.home / "history.tape.gz")
    made = stage.interlock("strategy", "bundle", str(folder), "--tape", str(tape), "--key", keys["gate"]["private"])
    bundle, config = Path(made["bundle"]).resolve(), stage.home / "interlock.toml"
    text = CONFIGURATION.format(account=ACCOUNT, venue=VENUE, exchange=exchange, strategy=STRATEGY, bundle=bundle)
    config.write_text(text + "".join(_pin(key["trusted_key"]) for key in keys.values()), encoding="utf-8")
    stage.environment["INTERLOCK_CONFIG"] = str(config)
    approval = stage.interlock("promote", "approve", str(bundle), "--key", keys["approver"]["private"])
    for account, key in ((ACCOUNT, KEY), (KIT_ACCOUNT, KIT_KEY)):
        _write_key(stage.keys / "venues" / f"{account}.toml", key)
    elsewhere = str(stage.home / "kit")
    conformance = stage.interlock("venue", "check", VENUE, "--account", KIT_ACCOUNT, INTERLOCK_HOME=elsewhere)
    # A new process has not seen the kit's requests, which count against the limit of this machine's address for a minute.
    exchange.stop()
    exchange.start()
    token = stage.interlock("token", "new", OPERATOR, *scope_options("read", "arm", "disarm", "kill", "release"))["token"]
    codes = stage.interlock("keys", "one-time-code", OPERATOR)["address"]
    return Prepared(config, made, approval, conformance, token, codes)


def record_history(exchange: LocalExchange, folder: Path, tape: Path) -> Path:
    """Write the exchange's first trades as a tape; by its seed they are the same ones in every demo."""
    (instrument,) = load_strategy_folder(folder).version.instruments
    price, quantity = 10**instrument.price_scale, 10**instrument.quantity_scale
    trades = [
        Trade(
            one["time"] * 1_000_000,
            one["time"] * 1_000_000,
            instrument.instrument_id,
            int(Decimal(one["price"]) * price),
            int(Decimal(one["qty"]) * quantity),
            Side.SELL if one["isBuyerMaker"] else Side.BUY,
            str(one["id"]),
        )
        for one in exchange.public("historicalTrades", symbol=SYMBOL, fromId=0, limit=HISTORY)
    ]
    return write_segment(tape, trades, [instrument], "history").path


def _pin(key: dict[str, str]) -> str:
    return "\n[[trusted_keys]]\n" + "".join(f"{name} = {json.dumps(value)}\n" for name, value in key.items())


def _write_key(path: Path, key: str) -> None:
    path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
    with os.fdopen(os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "w") as file:
        file.write(f'key = "{key}"\nsecret = "{SECRET}"\n')
