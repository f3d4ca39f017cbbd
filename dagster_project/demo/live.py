"""Act 8: the same engine trades LIVE at a venue process that loses an answer and is killed, and at the end nothing differs."""

import base64
import json
import shutil
import signal
from collections.abc import Callable
from pathlib import Path
from typing import Any

from pyotp import parse_uri
from pyotp.totp import TOTP

from dagster_project.demo.backstage import APPROVER, STRATEGY, VENUE, Prepared
from dagster_project.demo.books import differences, read_ledger, read_venue
from dagster_project.demo.stage import Stage
from dagster_project.demo.telling import show, title, working
from dagster_project.demo.venue import KEY, LocalExchange
from live.core.orders import OrderState
from live.core.records import OrderTransitioned
from live.driver.recovery import session_journals
from live.journal import JournalReader
from live.promotion.conformance import conformance_path

FILLS_TO_SEE = 6
SILENCE_MS = 700
"""How long the venue lets questions wait while an order is UNKNOWN, so that a person could see it."""
BAD_SIGNATURE = -1022
ENDS = frozenset({OrderState.FILLED, OrderState.CANCELED, OrderState.EXPIRED})
"""Where an order that the venue took can end."""


def trade_live(stage: Stage, exchange: LocalExchange, prepared: Callable[[], Prepared]) -> None:
    """Act 8: evidence, an approver and a code; orders over sockets; two disasters; and zero differences.

    Raises:
        ClaimFailed: a claim does not hold, or preparing failed, which `prepared` waits for.
    """
    title(stage.console, 8, "The same engine trades LIVE, at a venue that loses an answer and is killed")
    with working(stage.console, "waiting for the conformance kit, which began with act 1"):
        made = prepared()
    phone = show_what_live_needs(stage, exchange, made)
    arm_live(stage, exchange, phone)
    lose_an_answer(stage, exchange)
    kill_the_venue(stage, exchange)
    reconcile(stage, exchange)
    prove_session(stage)


def show_what_live_needs(stage: Stage, exchange: LocalExchange, made: Prepared) -> TOTP:
    """Show that LIVE takes a person's signature on the strategy, and signed evidence that the adapter conforms."""
    stage.console.print(f"  a local exchange that speaks Binance Spot listens on {exchange.http}: a process of its own, with play money")
    gates = ", ".join(gate["gate"] for gate in made.bundle["gates"])
    stage.check(
        made.approval["approved_by"] == APPROVER,
        f"{made.bundle['version']} holds {gates} on the exchange's own trades, and {APPROVER} approved it by signature",
        made.approval,
    )
    shown, cases = made.conformance, {one["case"]: one["shows"] for one in made.conformance["cases"]}
    stage.check(
        shown["passed"] == len(cases) > 0 and not shown["left"],
        f"the conformance kit passed all {len(cases)} cases, signed by {shown['signed_by']}; AC-27: {cases['AC-27']}",
        shown,
    )
    stage.token = made.token
    phone = parse_uri(made.one_time_codes)
    assert isinstance(phone, TOTP), "the service makes codes that change with time"
    with working(stage.console, "starting the live service, and comparing the account with the venue's"):
        stage.start_service(made.config)
        (block,) = stage.wait_for(lambda: _sole_block(stage), "nothing but evidence is missing")
    (deployed,) = stage.call("GET", "/v1/deployments")
    stage.check(deployed["status"] == "LOADED" and deployed["mode"] == "LIVE", f"{STRATEGY} is loaded for LIVE on {VENUE}", deployed)
    stage.check(block.startswith("conformance MISSING"), f"it cannot be armed: {block}", block)
    evidence, placed = Path(shown["evidence"]), conformance_path(stage.home, VENUE)
    placed.parent.mkdir()
    placed.write_bytes(with_one_bit_changed(evidence.read_bytes()))
    blocks = stage.call("POST", "/v1/arm", {"strategy_id": STRATEGY}, expect=409)["blocks"]
    stage.check(
        len(blocks) == 1 and blocks[0].startswith("conformance BAD_SIGNATURE"), f"nor with one bit of it changed: {blocks[0]}", blocks
    )
    shutil.copyfile(evidence, placed)
    return phone


def with_one_bit_changed(envelope: bytes) -> bytes:
    """Change one bit of what an envelope says, and nothing else of it."""
    payload: str = json.loads(envelope)["payload"]
    said = bytearray(base64.b64decode(payload))
    said[len(said) // 2] ^= 1
    return envelope.replace(payload.encode(), base64.b64encode(said))


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
    stage.check(refused["code"] == BAD_SIGNATURE, f"the exchange refuses a signature of which one bit is wrong: {refused['msg']}", refused)
    placed = exchange.requests("order.place")
    stage.check(
        len(placed) > 0 and all(one["status"] == 200 for one in placed),
        f"{len(placed)} orders crossed the wire so far, and the exchange found every signature right",
        placed,
    )


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
        stage.wait_for(lambda: ENDS.intersection(_life(stage, lost)), f"{lost} is found")
    exchange.take_faults_back()
    life = _life(stage, lost)
    stage.check(life[-1] == at_venue[0]["status"], f"found by asking, never sent again: {' → '.join(life)}", (life, at_venue))
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
    return [entry.state for entry in entries if isinstance(entry, OrderTransitioned) and entry.order_id == order_id]
