"""Account comparison: what the venue says of an account beside what the journal says of it; pure, the asking is the service's.

A comparison means something only while nothing of the account is on its way: `is_settled` and `standing` tell whether that held from the
question to the answer.
"""

from collections.abc import Iterable, Sequence

import msgspec

from live.core.decimals import MONEY_SCALE, format_scaled
from live.core.engine.reports import OUR_ORDER_IDS
from live.core.entities import ExternalOrder, Order
from live.core.inputs import ExternalOrderObserved
from live.core.orders import OrderState
from live.core.state import EngineState
from live.core.vocabulary import InstrumentKind
from live.venues.protocol import AssetBalance, OpenOrder


class AccountReading(msgspec.Struct, frozen=True):
    """Hold what a venue said of an account: every open order, and every balance."""

    orders: tuple[OpenOrder, ...]
    balances: tuple[AssetBalance, ...]


class Comparison(msgspec.Struct, frozen=True):
    """Hold what differs.

    Attributes:
        differences: one sentence each; empty when the account equals the venue's.
        missing: orders that are open here and not at the venue: their end, or their fills, did not reach us.
        sightings: orders at the venue that no session of this journal sent, and those that are gone, where that is news.
        opening: what the account holds, when nothing was ever posted to it.
    """

    differences: tuple[str, ...]
    missing: tuple[Order, ...]
    sightings: tuple[ExternalOrderObserved, ...]
    opening: tuple[AssetBalance, ...]


def is_settled(state: EngineState, account_id: str) -> bool:
    """Tell whether every live order of an account rests, so that nothing about it is on its way."""
    return all(
        order.state is OrderState.OPEN and order.announced is None for order in state.live_orders.values() if order.account_id == account_id
    )


def standing(state: EngineState, account_id: str) -> object:
    """Give what a reading is compared with, to see whether it changed meanwhile."""
    orders = [
        (order.order_id, order.state, order.filled_quantity) for order in state.live_orders.values() if order.account_id == account_id
    ]
    return orders, {asset: amount for (account, asset), amount in state.ledger.balances.items() if account == account_id}


def compare_account(state: EngineState, account_id: str, reading: AccountReading) -> Comparison:
    """Compare an account's orders, balances and positions with a venue's answer."""
    opening = () if _was_opened(state, account_id) else tuple(one for one in reading.balances if one.total)
    missing = tuple(_missing(state, account_id, reading.orders))
    said = [f"the venue does not have {order.order_id}, which is open here" for order in missing]
    for order in reading.orders:
        said += _differences_of(state, order)
    if not opening:
        said += _balance_differences(state, account_id, reading.balances)
    return Comparison(tuple(said), missing, tuple(_sightings(state, account_id, reading.orders)), opening)


def describe_balances(asset: str, there: int, here: int) -> str:
    """Say how a balance differs, both in money units: the words that a person is shown, and vouches for."""
    return f"the venue has {_money(there)} {asset}, here it is {_money(here)}"


def _was_opened(state: EngineState, account_id: str) -> bool:
    return any(account == account_id for account, _ in state.ledger.deposits)


def _missing(state: EngineState, account_id: str, orders: Sequence[OpenOrder]) -> Iterable[Order]:
    there = {order.order_id for order in orders}
    for order in state.live_orders.values():
        if order.account_id == account_id and order.state is OrderState.OPEN and order.order_id not in there:
            yield order


def _differences_of(state: EngineState, seen: OpenOrder) -> Iterable[str]:
    ours = state.orders.get(seen.order_id)
    if ours is None:
        if seen.order_id.startswith(OUR_ORDER_IDS):
            yield f"the venue has {seen.order_id} ({seen.venue_order_id}), which another session sent"
        return
    if ours.order_id not in state.live_orders:
        yield f"the venue has {seen.order_id}, which is {ours.state} here"
        return
    for what, there, here in (
        ("side", seen.side, ours.side),
        ("quantity", seen.quantity, ours.quantity),
        ("executed quantity", seen.executed_quantity, ours.filled_quantity),
        ("limit price", seen.limit_price, ours.limit_price),
    ):
        if there != here:
            yield f"the venue says {what} {there} of {seen.order_id}, here it is {here}"


def _sightings(state: EngineState, account_id: str, orders: Sequence[OpenOrder]) -> Iterable[ExternalOrderObserved]:
    known = {key: one for key, one in state.external_orders.items() if key[0] == account_id}
    for seen in orders:
        external = known.pop((account_id, seen.instrument_id, seen.venue_order_id), None)
        left = seen.quantity - seen.executed_quantity
        if seen.order_id in state.live_orders or (external is not None and external.remaining == left):
            continue
        yield ExternalOrderObserved(
            0, seen.ts_event, account_id, seen.instrument_id, seen.venue_order_id, seen.order_id, seen.side, left, seen.limit_price
        )
    for gone in known.values():
        yield _ended(gone, state.now)


def _ended(order: ExternalOrder, now: int) -> ExternalOrderObserved:
    return ExternalOrderObserved(
        0, now, order.account_id, order.instrument_id, order.venue_order_id, order.client_order_id, order.side, 0, order.limit_price
    )


def _balance_differences(state: EngineState, account_id: str, balances: Sequence[AssetBalance]) -> Iterable[str]:
    ledger = state.ledger
    there = {balance.asset: balance.total for balance in balances}
    here = {asset: amount for (account, asset), amount in ledger.balances.items() if account == account_id}
    for asset in sorted(there.keys() | here.keys()):
        if there.get(asset, 0) != here.get(asset, 0):
            yield describe_balances(asset, there.get(asset, 0), here.get(asset, 0))
    held: dict[str, int] = {}
    for position in ledger.held.get(account_id, {}).values():
        instrument = state.instruments[position.instrument_id]
        if instrument.kind is InstrumentKind.SPOT:
            held[instrument.base] = held.get(instrument.base, 0) + instrument.base_amount(position.quantity)
    for asset, amount in sorted(held.items()):
        if amount > there.get(asset, 0):
            yield f"strategies hold {_money(amount)} {asset}, the venue has {_money(there.get(asset, 0))}"


def _money(amount: int) -> str:
    return format_scaled(amount, MONEY_SCALE)
