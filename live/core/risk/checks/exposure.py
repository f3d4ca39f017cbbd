"""Does the worst case fit: order value, position over all open and unknown orders, balance, open orders."""

from live.core.decimals import PARTS_PER_MILLION, divide_up
from live.core.risk.candidate import FEE_RESERVE_PPM, Candidate, Denial, worst_price
from live.core.risk.codes import DenialCode
from live.core.vocabulary import Side


def check_notional(candidate: Candidate) -> Denial | None:
    """Deny an order worth less than the venue's minimum, or more than the limit or the lease allows, at its worst price."""
    intent, instrument = candidate.intent, candidate.instrument
    assert instrument is not None, "check_instrument runs first"
    price = intent.reference_price if intent.limit_price is None else intent.limit_price
    smallest = instrument.notional(price, intent.quantity)
    if smallest < instrument.minimum_notional:
        return Denial(DenialCode.NOTIONAL_BELOW_MINIMUM, f"{smallest} < {instrument.minimum_notional}")
    largest = instrument.notional(worst_price(intent, candidate.limits.price_collar_ppm), intent.quantity)
    if largest > candidate.limits.maximum_order_notional:
        return Denial(DenialCode.NOTIONAL_ABOVE_MAXIMUM, f"{largest} > {candidate.limits.maximum_order_notional}")
    ceiling = candidate.state.leases[intent.strategy_id].maximum_order_notional
    if largest > ceiling:
        return Denial(DenialCode.LEASE_NOTIONAL_EXCEEDED, f"{largest} > {ceiling}")
    return None


def check_position(candidate: Candidate) -> Denial | None:
    """Deny a worst-case position below zero (a cash account cannot be short) or worth more than the limit."""
    intent = candidate.intent
    if intent.side is Side.SELL:
        if candidate.worst_short < 0:
            return Denial(DenialCode.POSITION_BELOW_ZERO, f"position {candidate.position}, at worst {candidate.worst_short}")
        return None
    worst = 0
    for instrument_id in candidate.limits.maximum_order_quantity:
        value = _worst_value(candidate, instrument_id)
        if value is None:
            return Denial(DenialCode.PRICE_REFERENCE_MISSING, f"{instrument_id} is held but has no price")
        worst += value
    if worst > candidate.limits.maximum_position_notional:
        return Denial(DenialCode.POSITION_ABOVE_MAXIMUM, f"{worst} > {candidate.limits.maximum_position_notional}")
    return None


def _worst_value(candidate: Candidate, instrument_id: str) -> int | None:
    """Value the largest position the strategy can end up with in one instrument, None when it has no price."""
    intent, state = candidate.intent, candidate.state
    held = state.ledger.quantity(intent.strategy_id, instrument_id)
    collar = candidate.limits.price_collar_ppm
    orders = [order for order in state.live_orders_of(intent.strategy_id, instrument_id) if order.side is Side.BUY]
    if not held and not orders and instrument_id != intent.instrument_id:
        return 0
    instrument, mark = state.instruments.get(instrument_id), candidate.marks.get(instrument_id)
    if instrument is None or mark is None:
        return None
    value = instrument.notional(mark, abs(held))
    value += sum(instrument.notional(worst_price(order, collar), order.remaining) for order in orders)
    if instrument_id == intent.instrument_id:
        value += instrument.notional(worst_price(intent, collar), intent.quantity)
    return value


def check_balance(candidate: Candidate) -> Denial | None:
    """Deny a buy that the free balance does not cover at its worst price with fees, over all of the account's live buys."""
    intent, instrument, state = candidate.intent, candidate.instrument, candidate.state
    assert instrument is not None, "check_instrument runs first"
    if intent.side is Side.SELL:
        return None
    collar = candidate.limits.price_collar_ppm
    reserved = instrument.notional(worst_price(intent, collar), intent.quantity)
    for order in state.live_orders.values():
        other = state.instruments[order.instrument_id]
        if order.account_id == intent.account_id and order.side is Side.BUY and other.quote == instrument.quote:
            reserved += other.notional(worst_price(order, collar), order.remaining)
    reserved += divide_up(reserved * FEE_RESERVE_PPM, PARTS_PER_MILLION)
    balance = state.ledger.balance(intent.account_id, instrument.quote)
    if reserved > balance:
        return Denial(DenialCode.BALANCE_INSUFFICIENT, f"{instrument.quote} needed {reserved}, held {balance}")
    return None


def check_open_orders(candidate: Candidate) -> Denial | None:
    """Deny one more order when as many as allowed are alive, unknown ones included."""
    alive = len(candidate.state.live_orders_of(candidate.intent.strategy_id))
    if alive >= candidate.limits.maximum_open_orders:
        return Denial(DenialCode.OPEN_ORDERS_EXCEEDED, f"{alive} alive, allowed {candidate.limits.maximum_open_orders}")
    return None
