"""Does the order repeat or meet another one of ours: duplicates, and trades with ourselves."""

from live.core.decimals import PARTS_PER_MILLION
from live.core.entities import Order
from live.core.records import IntentRecorded
from live.core.risk.candidate import Candidate, Denial, nominal_price
from live.core.risk.codes import DenialCode
from live.core.vocabulary import OrderType, Side


def check_duplicate(candidate: Candidate) -> Denial | None:
    """Deny an order that equals one of the strategy that is alive and was asked for only just now, but for the one it replaces."""
    if not candidate.alive_anywhere:
        return None
    intent = candidate.intent
    orders = candidate.state.live_by_strategy.get((intent.strategy_id, intent.instrument_id))
    if not orders:
        return None
    since = candidate.now - candidate.limits.duplicate_window
    for order in orders.values():
        if (
            order.created_at > since
            and order.quantity == intent.quantity
            and order.limit_price == intent.limit_price
            and order.side is intent.side
            and order.order_type is intent.order_type
            and order.trigger_price == intent.trigger_price
            and order.account_id == intent.account_id
            and order.reduce_only is intent.reduce_only
            and order.order_id != intent.replaces
        ):
            return Denial(DenialCode.DUPLICATE_ORDER, f"{order.order_id} was asked for {candidate.now - order.created_at} ns ago")
    return None


def check_self_trade(candidate: Candidate) -> Denial | None:
    """Deny an order that another live order of the same account, on the other side, may meet at the worst prices of both.

    A market order may reach as far as the collar. A stop that waits for its trigger meets only what rests between that and where
    it may reach: what rests before the trigger trades first. Two orders that both only take never meet.
    """
    if not candidate.alive_anywhere:
        return None
    intent = candidate.intent
    orders = candidate.state.live_by_account.get((intent.account_id, intent.instrument_id))
    if not orders:
        return None
    limit = intent.limit_price if intent.trigger_price is None else None
    for order in orders.values():
        if order.side is intent.side:
            continue
        if limit is not None and order.trigger_price is None and order.limit_price is not None:
            meets = order.limit_price <= limit if candidate.buying else order.limit_price >= limit
        else:
            meets = _may_meet(candidate, order)
        if meets:
            return Denial(DenialCode.SELF_TRADE, f"{nominal_price(intent)} meets {order.order_id}")
    return None


def _may_meet(candidate: Candidate, other: Order) -> bool:
    """Tell whether an order may meet another one, when at least one of them is no plain limit order."""
    collar, last, intent = candidate.limits.price_collar_ppm, candidate.last_price, candidate.intent
    mine, theirs = _resting_price(intent, last), _resting_price(other, last)
    if mine is not None and theirs is not None:
        return theirs <= mine if candidate.buying else theirs >= mine
    if mine is not None:
        return _sweeps(other, mine, last, collar)
    return theirs is not None and _sweeps(intent, theirs, last, collar)


def _resting_price(order: IntentRecorded | Order, last: int) -> int | None:
    """Give the price at which an order rests or may rest by now; a stop-limit whose trigger the market is past may."""
    if order.limit_price is None or (order.trigger_price is not None and not _has_begun(order, last)):
        return None
    return order.limit_price


def _has_begun(order: IntentRecorded | Order, last: int) -> bool:
    trigger = order.trigger_price
    if trigger is None:
        return True
    return last >= trigger if order.side is Side.BUY else last <= trigger


def _sweeps(order: IntentRecorded | Order, price: int, last: int, collar: int) -> bool:
    """Tell whether an order that takes may trade with what rests at `price`, between where it begins and where it may reach."""
    begins = order.reference_price if order.trigger_price is None else order.trigger_price
    begun = _has_begun(order, last)
    if begun and order.order_type is not OrderType.MARKET:
        begins = max(begins, last) if order.side is Side.BUY else min(begins, last)
    if order.side is Side.BUY:
        reach = order.limit_price if order.limit_price is not None else begins * (PARTS_PER_MILLION + collar) // PARTS_PER_MILLION
        return price <= reach and (begun or price >= begins)
    reach = order.limit_price if order.limit_price is not None else begins * (PARTS_PER_MILLION - collar) // PARTS_PER_MILLION
    return price >= reach and (begun or price <= begins)
