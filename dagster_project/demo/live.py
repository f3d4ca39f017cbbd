"""Act 8: the same engine trades LIVE at a venue process that loses an answer and is killed, and at the end nothing differs."""

import json
import os
import signal
from decimal import Decimal
from pathlib import Path
from typing import Any

from pyotp import TOTP, parse_uri

from dagster_project.demo.books import differences, read_ledger, read_venue
from dagster_project.demo.stage import Stage, scope_options
from dagster_project.demo.telling import show, title, working
from dagster_project.demo.venue import KEY, KIT_KEY, SECRET, SYMBOL, LocalExchange, open_exchange
from live.core.market_events import Trade
from live.core.orders import OrderState
from live.core.vocabulary import Side
from live.driver.recovery import session_journals
from live.journal import JournalReader, write_segment
from live.promotion.strategy_folder import load_strategy_folder

STRATEGY = "metronome"
VENUE = "local-exchange"
ACCOUNT, KIT_ACCOUNT = "demo", "kit"
OPERATOR = "demo"
APPROVER = "ann"
FILLS_TO_SEE = 6
HISTORY = 1000
"""Trades of the exchange's first minutes that the strategy is replayed on for its evidence."""
SILENCE_MS = 700
"""How long the venue lets questions wait while an order is UNKNOWN, so that a person could see it."""

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
reconcile_seconds = 1.0
fill_scan_seconds = 1.0

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


def trade_live(stage: Stage, strategies: Path) -> None:
    """Act 8: evidence, an approver and a code; orders over sockets; two disasters; and zero differences."""
    title(stage.console, 8, "The same engine trades LIVE, at a venue that loses an answer and is killed")
    with open_exchange(stage.home) as exchange:
        config = prepare_host(stage, exchange, strategies)
        code = start_host(stage, config)
        check_conformance(stage)
        arm_live(stage, exchange, code)
        lose_an_answer(stage, exchange)
        kill_the_venue(stage, exchange)
        reconcile(stage, exchange)
        prove_session(stage)


def prepare_host(stage: Stage, exchange: LocalExchange, strategies: Path) -> Path:
    """Start the exchange, bundle a strategy on its trades, have a person approve it, and write the configuration."""
    with working(stage.console, "starting a local exchange that speaks Binance Spot, its market moved from a seed"):
        exchange.start()
    stage.console.print(f"  the exchange listens on {exchange.http}, a process of its own with play money in it")
    keys = {role: stage.interlock("keys", "new", name, "--role", role) for role, name in _SIGNERS.items()}
    folder = strategies / STRATEGY
    with working(stage.console, f"replaying {STRATEGY} on {HISTORY:,} trades of the exchange"):
        tape = record_history(exchange, folder, stage.home / "history.tape.gz")
        made = stage.interlock("strategy", "bundle", str(folder), "--tape", str(tape), "--key", keys["gate"]["private"])
    bundle, config = Path(made["bundle"]), stage.home / "interlock.toml"
    text = CONFIGURATION.format(account=ACCOUNT, venue=VENUE, exchange=exchange, strategy=STRATEGY, bundle=bundle.resolve())
    config.write_text(text + "".join(_pin(key["trusted_key"]) for key in keys.values()), encoding="utf-8")
    stage.environment["INTERLOCK_CONFIG"] = str(config)
    approved = stage.interlock("promote", "approve", str(bundle), "--key", keys["approver"]["private"])
    gates = ", ".join(gate["gate"] for gate in made["gates"])
    stage.check(approved["approved_by"] == APPROVER, f"{made['version']} holds {gates}, and {APPROVER} approved it by signature", approved)
    for account, key in ((ACCOUNT, KEY), (KIT_ACCOUNT, KIT_KEY)):
        _write_key(stage.keys / "venues" / f"{account}.toml", key)
    return config


_SIGNERS = {"gate": "gate", "approver": APPROVER, "conformance": "kit"}
"""Who signs in which role."""


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


def start_host(stage: Stage, config: Path) -> TOTP:
    """Start the live service and show that LIVE is refused while nobody has shown that the adapter conforms."""
    stage.token = stage.interlock("token", "new", OPERATOR, *scope_options("read", "arm", "disarm", "kill", "release"))["token"]
    phone = parse_uri(stage.interlock("keys", "one-time-code", OPERATOR)["address"])
    with working(stage.console, "starting the live service, and comparing the account with the venue's"):
        stage.start_service(config)
        (deployed,) = stage.call("GET", "/v1/deployments")
        stage.check(deployed["status"] == "LOADED" and deployed["mode"] == "LIVE", f"{STRATEGY} is loaded for LIVE on {VENUE}", deployed)
        (block,) = stage.wait_for(lambda: _sole_block(stage), "nothing but evidence is missing")
    stage.check(block.startswith("conformance MISSING"), f"LIVE is refused: {block}", block)
    assert isinstance(phone, TOTP), "the service makes codes that change with time"
    return phone


def check_conformance(stage: Stage) -> None:
    """Run the conformance kit on an account of its own, beside the service that waits."""
    with working(stage.console, "running the conformance kit"):
        shown = stage.interlock("venue", "check", VENUE, "--account", KIT_ACCOUNT)
    stage.check(True, f"{shown}")


def arm_live(stage: Stage, exchange: LocalExchange, phone: TOTP) -> None:
    """Show that LIVE takes the evidence, a phrase and a one-time code, and then trades over the wire."""
    challenge = stage.call("POST", "/v1/arm", {"strategy_id": STRATEGY})
    seen = challenge["preflight"]
    stage.console.print(f"  seen before arming: {seen['conformance']}; clock {seen['clock']}; account {seen['reconciliation']}")
    answer = {"challenge_id": challenge["challenge_id"], "phrase": challenge["phrase"]}
    code = phone.now()
    wrong = f"{(int(code) + 500_000) % 1_000_000:06d}"
    stage.call("POST", "/v1/arm/confirm", {**answer, "code": wrong}, expect=409)
    stage.call("POST", "/v1/arm/confirm", {**answer, "code": code})
    stage.check(True, f"armed by typing “{challenge['phrase']}” and a one-time code; a wrong code was refused")
    with working(stage.console, "trading over sockets"):
        stage.wait_for(lambda: len(_fills(stage)) >= FILLS_TO_SEE and _resting(stage), "it traded, and an order rests")
    show(stage.console, "Last fills", _fills(stage)[:4], ("order_id", "side", "price", "quantity", "fee", "fee_asset", "trade_id"))
    refused = exchange.refusal_of_bad_signature()
    stage.check(refused["code"] == _BAD_SIGNATURE, f"the exchange refuses a signature of which one bit is wrong: {refused['msg']}", refused)
    placed = exchange.requests("order.place")
    stage.check(
        len(placed) > 0 and all(one["status"] == 200 for one in placed),
        f"{len(placed)} orders crossed the wire so far, and the exchange found every signature right",
        placed,
    )


_BAD_SIGNATURE = -1022


def lose_an_answer(stage: Stage, exchange: LocalExchange) -> None:
    """Lose the answer to an order that the venue took, and everything that its stream would say of it."""
    exchange.order_fault(kind="lose_event", match={"account": KEY}, count=None)
    for question in ("order.status", "myTrades"):
        exchange.order_fault(kind="delay", match={"operation": question, "account": KEY}, count=None, milliseconds=SILENCE_MS)
    exchange.order_fault(kind="reset", match={"operation": "order.place", "account": KEY}, when="after")
    with working(stage.console, "the venue takes an order, and breaks the connection instead of answering"):
        lost = stage.wait_for(lambda: _struck(exchange), "an answer is lost")
        stage.wait_for(lambda: OrderState.SUBMIT_UNKNOWN in _life(stage, lost), f"{lost} is UNKNOWN")
    at_venue = [one for one in exchange.orders() if one["clientOrderId"] == lost]
    stage.check(len(at_venue) == 1, f"{lost} is {OrderState.SUBMIT_UNKNOWN} here; at the venue it is {at_venue[0]['status']}", at_venue)
    with working(stage.console, "asking the venue what became of it"):
        stage.wait_for(lambda: OrderState.FILLED in _life(stage, lost), f"{lost} is found")
    exchange.take_faults_back()
    stage.check(True, f"found by asking, never sent again: {' → '.join(_life(stage, lost))}")
    sent = [one for one in exchange.requests("order.place") if one["parameters"]["newClientOrderId"] == lost]
    at_venue = [one for one in exchange.orders() if one["clientOrderId"] == lost]
    stage.check(len(sent) == len(at_venue) == 1, "one intent, one request, one order at the venue", (sent, at_venue))


def kill_the_venue(stage: Stage, exchange: LocalExchange) -> None:
    """Kill the venue's process while it is traded on, start it again on its state, and see trading go on."""
    (resting,) = stage.wait_for(lambda: _resting(stage), "an order rests")
    exchange.stop(signal.SIGKILL)
    with working(stage.console, "kill -9 of the exchange, and a new process on what it kept"):
        exchange.start()
        kept = {one["clientOrderId"] for one in exchange.open_orders()}
        before = len(_fills(stage))
        stage.wait_for(lambda: len(_fills(stage)) >= before + FILLS_TO_SEE, "trading goes on")
    stage.check(resting["order_id"] in kept, f"the exchange was killed and came back, with {resting['order_id']} on its book", kept)
    state = stage.call("GET", "/v1/state")
    stage.check(
        STRATEGY in state["leases"] and state["halted"] is None,
        f"the session went on under its lease: {len(_fills(stage)) - before} fills since",
        state,
    )


def reconcile(stage: Stage, exchange: LocalExchange) -> None:
    """Kill everything, and hold what this side recorded against what the venue says, number by number."""
    report = stage.call("POST", "/v1/kill", {"reason": "the demo is over"})
    left = exchange.open_orders()
    stage.check(
        report["proven"] and report["canceled"] and not report["open_orders"] and not left,
        f"KILLED, proven in {report['seconds'] * 1000:.1f} ms; the venue lists no open order",
        (report, left),
    )
    here, there = read_ledger(stage), read_venue(exchange)
    seen = differences(here, there)
    stage.check(
        here.executions == there.executions and here.executions.total() > 2 * FILLS_TO_SEE,
        f"{here.executions.total()} fills here are the {there.executions.total()} of the venue's history: id, order, price, quantity, fee",
        seen,
    )
    stage.check(here.orders == there.orders, f"{here.orders.total()} orders left here, {there.orders.total()} are there", seen)
    told = ", ".join(f"{amount} {asset}" for asset, amount in sorted(here.balances.items()) if asset in {"BTC", "USDT"})
    stage.check(here.balances == there.balances, f"every balance is the venue's to the last digit: {told}", seen)
    stage.check(not seen, "zero differences", seen)


def prove_session(stage: Stage) -> None:
    """Verify the LIVE session's journal, and run it again from what it recorded."""
    stage.stop_service()
    (journal,) = session_journals(stage.home)
    stage.interlock("journal", "verify", str(journal), "--anchors", str(stage.home / "journal" / "anchors.jsonl"))
    with working(stage.console, "replaying the LIVE session"):
        again = stage.interlock("session", "replay", str(journal))
    stage.check(
        again["identical"] and again["records"] > 0,
        f"{journal.name} is sealed and replays record for record: {again['records']:,} records, both disasters among them",
        again,
    )


def _pin(key: dict[str, str]) -> str:
    return "\n[[trusted_keys]]\n" + "".join(f"{name} = {json.dumps(value)}\n" for name, value in key.items())


def _write_key(path: Path, key: str) -> None:
    path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
    with os.fdopen(os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "w") as file:
        file.write(f'key = "{key}"\nsecret = "{SECRET}"\n')


def _sole_block(stage: Stage) -> list[str]:
    """Give what keeps LIVE from being armed once it is one thing."""
    blocks: list[str] = stage.call("POST", "/v1/arm", {"strategy_id": STRATEGY}, expect=409)["blocks"]
    return blocks if len(blocks) == 1 else []


def _fills(stage: Stage) -> list[dict[str, Any]]:
    return stage.call("GET", "/v1/fills?limit=10000")


def _resting(stage: Stage) -> list[dict[str, Any]]:
    """Give the orders that rest and stay: the others are immediate or cancel."""
    return [one for one in stage.call("GET", "/v1/orders?open_only=true") if one["time_in_force"] == "GTC" and one["state"] == "OPEN"]


def _struck(exchange: LocalExchange) -> str:
    """Name the order whose answer was lost, empty before there is one."""
    return next((one["parameters"]["newClientOrderId"] for one in exchange.requests("order.place") if "reset" in one["faults"]), "")


def _life(stage: Stage, order_id: str) -> list[str]:
    """Give the states that the journal says an order went through."""
    (journal,) = session_journals(stage.home)
    with JournalReader(journal) as reader:
        entries = [row.entry() for row in reader.rows(kinds=("OrderTransitioned",))]
    return [entry.state for entry in entries if getattr(entry, "order_id", None) == order_id]
