"""What has to hold after every drill: one venue order an intent, a ledger equal to the venue's, and no end without evidence."""

from collections import Counter, defaultdict
from decimal import Decimal
from pathlib import Path
from typing import Any

from real_desk import BTC, Exchange, RealDesk

from live.core.decimals import MONEY_SCALE
from live.core.inputs import (
    EffectOutcome,
    ExecutionReported,
    OrderCanceled,
    OrderExpired,
    OrderObserved,
    OrderRejected,
    SessionStarted,
)
from live.core.orders import TERMINAL, OrderState
from live.core.reconciliation import WITNESSES
from live.core.records import IntentRecorded, OrderTransitioned
from live.core.vocabulary import EffectAction, Outcome
from live.driver.recovery import session_journals
from live.journal import JournalReader

_ENDED = {"FILLED": {OrderState.FILLED}, "CANCELED": {OrderState.CANCELED}, "EXPIRED": {OrderState.EXPIRED}}


async def settle_up(desk: RealDesk, exchange: Exchange, account: str) -> None:
    """Wait for a comparison that began after this and is clean, then hold every number against the venue's own."""
    since = desk.session.driver.now()
    await desk.until(lambda: (one := desk.answer(account)) and one.ts_init > since and one.clean, "a clean comparison")
    await desk.session.driver.durable(desk.session.driver.loop.last_seq)
    check_orders(desk, exchange, account)
    check_balances(desk, exchange, account)
    check_evidence(desk.service.configuration.home)


def check_orders(desk: RealDesk, exchange: Exchange, account: str) -> None:
    """One venue order an intent, and each as the venue has it."""
    there = [one for one in exchange.signed("GET", "allOrders", account, symbol="BTCUSDT") if one["clientOrderId"].startswith("IL")]
    ids = Counter(one["clientOrderId"] for one in there)
    assert all(count == 1 for count in ids.values()), ids
    here = {order.order_id: order for order in desk.state.orders.values() if order.account_id == account}
    assert set(ids) <= set(here)
    for one in there:
        order = here[one["clientOrderId"]]
        assert order.filled_quantity == int(Decimal(one["executedQty"]).scaleb(5)), (order, one)
        expected = _ENDED.get(one["status"], {OrderState.OPEN, OrderState.CANCEL_REQUESTED})
        assert order.state in expected, (order.state, one["status"])
    absent = [order for name, order in here.items() if name not in ids]
    assert all(order.state in {"DENIED", "NOT_SENT", "NOT_PLACED", "REJECTED"} for order in absent), absent
    sent = Counter(one["parameters"]["newClientOrderId"] for one in exchange.asked("order.place", account))
    assert all(count == 1 for count in sent.values()), sent


def check_balances(desk: RealDesk, exchange: Exchange, account: str) -> None:
    """Every asset to the last digit, and the position as the executions add up to it."""
    ledger = desk.state.ledger
    for one in exchange.signed("GET", "account", account)["balances"]:
        theirs = Decimal(one["free"]) + Decimal(one["locked"])
        ours = Decimal(ledger.balance(account, one["asset"])).scaleb(-MONEY_SCALE)
        assert ours == theirs, (one["asset"], ours, theirs)
    signs = {True: 1, False: -1}
    trades = exchange.signed("GET", "myTrades", account, symbol="BTCUSDT")
    bought = sum(signs[one["isBuyer"]] * Decimal(one["qty"]) for one in trades)
    fees = sum((Decimal(one["commission"]) for one in trades if one["commissionAsset"] == "BTC"), Decimal(0))
    opening = Decimal(ledger.deposits.get((account, "BTC"), 0)).scaleb(-MONEY_SCALE)
    assert Decimal(ledger.balance(account, "BTC")).scaleb(-MONEY_SCALE) == opening + bought - fees
    assert BTC in desk.state.instruments


def check_evidence(home: Path) -> None:
    """Every end in every journal of a home stands behind something that the venue, or the gate, was recorded to have said."""
    said: dict[str, list[Any]] = defaultdict(list)
    quantities: dict[str, int] = {}
    intents: set[int] = set()
    submitted: set[str] = set()
    fills: dict[str, dict[tuple[str, str], int]] = defaultdict(dict)
    for path in session_journals(home):
        with JournalReader(path) as reader:
            for row in reader.rows():
                entry = row.entry()
                if isinstance(entry, IntentRecorded):
                    assert entry.intent_id not in intents, f"a second order of intent {entry.intent_id}"
                    intents.add(entry.intent_id)
                    quantities[entry.order_id] = entry.quantity
                elif isinstance(entry, OrderTransitioned) and entry.state is OrderState.SUBMITTING:
                    submitted.add(entry.order_id)
                elif isinstance(entry, SessionStarted):
                    for order_id in quantities.keys() - submitted:
                        said[order_id].append(entry)
                elif isinstance(entry, OrderTransitioned) and entry.state in TERMINAL and entry.state is not OrderState.DENIED:
                    order_id = entry.order_id
                    assert _stands(entry.state, said[order_id], fills[order_id], quantities[order_id]), (entry, said[order_id])
                elif isinstance(entry, ExecutionReported):
                    fills[entry.order_id][entry.trade_id, entry.venue_order_id] = entry.quantity
                    said[entry.order_id].append(entry)
                elif getattr(entry, "order_id", "") and not row.is_output:
                    said[entry.order_id].append(entry)


def _stands(state: OrderState, said: list[Any], fills: dict[tuple[str, str], int], quantity: int) -> bool:
    """Tell whether an end stands behind what was recorded before it."""
    match state:
        case OrderState.FILLED:
            return sum(fills.values()) == quantity
        case OrderState.CANCELED:
            return any(isinstance(one, OrderCanceled) for one in said)
        case OrderState.EXPIRED:
            return any(isinstance(one, OrderExpired) for one in said)
        case OrderState.REJECTED:
            return any(isinstance(one, OrderRejected) for one in said)
        case OrderState.NOT_PLACED:
            return {one.endpoint for one in said if isinstance(one, OrderObserved) and not one.found and one.venue_time > one.fence} == set(
                WITNESSES
            )
        case OrderState.NOT_SENT:
            refused = any(
                isinstance(one, EffectOutcome) and (one.action, one.outcome) == (EffectAction.SUBMIT, Outcome.REFUSED) for one in said
            )
            never_submitted = any(isinstance(one, SessionStarted) for one in said)
            return refused or never_submitted
        case _:
            return False
