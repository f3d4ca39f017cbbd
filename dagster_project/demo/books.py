"""Books: what the live host recorded of an account beside what the venue says of it, number by number."""

from collections import Counter
from decimal import Decimal
from typing import NamedTuple

from dagster_project.demo.stage import Stage
from dagster_project.demo.venue import LocalExchange
from live.core.orders import OrderState

_NEVER_THERE = frozenset({OrderState.DENIED, OrderState.NOT_SENT, OrderState.REJECTED, OrderState.NOT_PLACED})
"""Ends of orders that the venue never had: they did not leave, it refused them, or it proved that it does not know them."""


class Execution(NamedTuple):
    """Hold one execution, with every number as both sides tell it."""

    trade_id: str
    order_id: str
    side: str
    price: Decimal
    quantity: Decimal
    fee: Decimal
    fee_asset: str


class Book(NamedTuple):
    """Hold an account: every execution, every balance that is not zero, and every order that the venue took.

    All of them are counted, so that what is there twice is no more equal than what is missing.
    """

    executions: Counter[Execution]
    balances: dict[str, Decimal]
    orders: Counter[str]


def read_ledger(stage: Stage) -> Book:
    """Give what the live host recorded."""
    executions = Counter(
        Execution(
            fill["trade_id"],
            fill["order_id"],
            fill["side"],
            Decimal(fill["price"]),
            Decimal(fill["quantity"]),
            Decimal(fill["fee"]),
            fill["fee_asset"],
        )
        for fill in stage.call("GET", "/v1/fills?limit=10000")
    )
    balances = {one["asset"]: Decimal(one["amount"]) for one in stage.call("GET", "/v1/state")["balances"]}
    orders = Counter(one["order_id"] for one in stage.call("GET", "/v1/orders?limit=10000") if one["state"] not in _NEVER_THERE)
    return Book(executions, _not_zero(balances), orders)


def read_venue(exchange: LocalExchange) -> Book:
    """Give what the venue says, asked with signatures of our own."""
    orders = exchange.orders()
    names = {one["orderId"]: one["clientOrderId"] for one in orders}
    executions = Counter(
        Execution(
            str(one["id"]),
            names[one["orderId"]],
            "BUY" if one["isBuyer"] else "SELL",
            Decimal(one["price"]),
            Decimal(one["qty"]),
            Decimal(one["commission"]),
            one["commissionAsset"],
        )
        for one in exchange.trades()
    )
    balances = {one["asset"]: Decimal(one["free"]) + Decimal(one["locked"]) for one in exchange.signed("account")["balances"]}
    return Book(executions, _not_zero(balances), Counter(names.values()))


def differences(here: Book, there: Book) -> list[str]:
    """Say what only one side has, a sentence each; empty when the two are equal."""
    said = [f"only here: {execution}" for execution in (here.executions - there.executions)]
    said += [f"only at the venue: {execution}" for execution in (there.executions - here.executions)]
    said += [
        f"{asset}: {here.balances.get(asset, 0)} here, {there.balances.get(asset, 0)} at the venue"
        for asset in sorted(here.balances.keys() | there.balances.keys())
        if here.balances.get(asset) != there.balances.get(asset)
    ]
    said += [
        f"order {name}: {here.orders[name]} here, {there.orders[name]} at the venue"
        for name in sorted(here.orders.keys() | there.orders.keys())
        if here.orders[name] != there.orders[name]
    ]
    return said


def _not_zero(balances: dict[str, Decimal]) -> dict[str, Decimal]:
    return {asset: amount for asset, amount in balances.items() if amount}
