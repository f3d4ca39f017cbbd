"""Does the worst case fit: order value, position over all open and unknown orders, balance, open orders."""

from live.core.decimals import PARTS_PER_MILLION, divide_up
from live.core.instruments import Instrument
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


def check_exit(candidate: Candidate) -> Denial | None:
    """Deny a buy after which the whole position, at a price lower by the collar, would be too small for the venue to take back."""
    intent, instrument = candidate.intent, candidate.instrument
    assert instrument is not None, "check_instrument runs first"
    if intent.side is Side.SELL:
        return None
    price = intent.reference_price if intent.limit_price is None else intent.limit_price
    lowest = price * (PARTS_PER_MILLION - candidate.limits.price_collar_ppm) // PARTS_PER_MILLION
    left = instrument.notional(lowest, max(0, candidate.position) + intent.quantity)
    if left < instrument.minimum_notional:
        return Denial(DenialCode.EXIT_BELOW_MINIMUM, f"{left} < {instrument.minimum_notional}")
    return None


def check_position(candidate: Candidate) -> Denial | None:
    """Deny a worst-case position below zero (a cash account cannot be short), or positions worth more than the limit in all."""
    intent, instrument = candidate.intent, candidate.instrument
    assert instrument is not None, "check_instrument runs first"
    if intent.side is Side.SELL:
        if candidate.worst_short < 0:
            return Denial(DenialCode.POSITION_BELOW_ZERO, f"position {candidate.position}, at worst {candidate.worst_short}")
        return None
    held = _value_held(candidate, instrument)
    if isinstance(held, Denial):
        return held
    worst = held + _value_of_live_buys(candidate)
    if worst > candidate.limits.maximum_position_notional:
        return Denial(DenialCode.POSITION_ABOVE_MAXIMUM, f"{worst} > {candidate.limits.maximum_position_notional}")
    return None


def _value_held(candidate: Candidate, instrument: Instrument) -> int | Denial:
    """Value everything the strategy holds, in whatever instrument, in the quote asset of the one it wants to buy."""
    intent, state = candidate.intent, candidate.state
    total = 0
    unvalued: list[str] = []
    for position in state.ledger.positions.values():
        if not position.quantity or position.strategy_id != intent.strategy_id or position.account_id != intent.account_id:
            continue
        other, market = state.instruments[position.instrument_id], candidate.markets[position.instrument_id]
        if market.last_price is None or other.quote != instrument.quote:
            unvalued.append(position.instrument_id)
        else:
            total += other.notional(market.last_price, abs(position.quantity))
    if unvalued:
        return Denial(DenialCode.PRICE_REFERENCE_MISSING, f"{min(unvalued)} is held but has no price in {instrument.quote}")
    return total


def _value_of_live_buys(candidate: Candidate) -> int:
    """Value what the strategy's live buys and this one may still cost at worst; a deployment has one quote asset."""
    intent, state, collar = candidate.intent, candidate.state, candidate.limits.price_collar_ppm
    total = state.instruments[intent.instrument_id].notional(worst_price(intent, collar), intent.quantity)
    for order in state.live_orders_of(intent.strategy_id):
        if order.side is Side.BUY:
            total += state.instruments[order.instrument_id].notional(worst_price(order, collar), order.remaining)
    return total


def check_balance(candidate: Candidate) -> Denial | None:
    """Deny what the free balance does not cover, over all of the account's live orders: a buy at its worst price with fees, a sell."""
    if candidate.intent.side is Side.SELL:
        return _check_base_balance(candidate)
    intent, instrument, state = candidate.intent, candidate.instrument, candidate.state
    assert instrument is not None, "check_instrument runs first"
    collar = candidate.limits.price_collar_ppm
    reserved = instrument.notional(worst_price(intent, collar), intent.quantity)
    for order in state.live_orders.values():
        if order.side is Side.BUY and order.account_id == intent.account_id:
            other = state.instruments[order.instrument_id]
            if other.quote == instrument.quote:
                reserved += other.notional(worst_price(order, collar), order.remaining)
    reserved += divide_up(reserved * FEE_RESERVE_PPM, PARTS_PER_MILLION)
    balance = state.ledger.balance(intent.account_id, instrument.quote)
    if reserved > balance:
        return Denial(DenialCode.BALANCE_INSUFFICIENT, f"{instrument.quote} needed {reserved}, held {balance}")
    return None


def _check_base_balance(candidate: Candidate) -> Denial | None:
    intent, instrument, state = candidate.intent, candidate.instrument, candidate.state
    assert instrument is not None, "check_instrument runs first"
    reserved = instrument.base_amount(intent.quantity)
    for order in state.live_orders.values():
        if order.side is Side.SELL and order.account_id == intent.account_id:
            other = state.instruments[order.instrument_id]
            if other.base == instrument.base:
                reserved += other.base_amount(order.remaining)
    balance = state.ledger.balance(intent.account_id, instrument.base)
    if reserved > balance:
        return Denial(DenialCode.BALANCE_INSUFFICIENT, f"{instrument.base} needed {reserved}, held {balance}")
    return None


def check_self_trade(candidate: Candidate) -> Denial | None:
    """Deny an order that a resting order of the same account, on the other side, would meet."""
    intent, state = candidate.intent, candidate.state
    price = intent.reference_price if intent.limit_price is None else intent.limit_price
    for order in state.live_orders.values():
        if order.instrument_id != intent.instrument_id or order.account_id != intent.account_id or order.side is intent.side:
            continue
        resting = order.limit_price
        if resting is not None and (resting <= price if intent.side is Side.BUY else resting >= price):
            return Denial(DenialCode.SELF_TRADE, f"{price} meets {order.order_id} at {resting}")
    return None


def check_open_orders(candidate: Candidate) -> Denial | None:
    """Deny one more order when as many as allowed are alive, unknown ones included."""
    alive = len(candidate.state.live_orders_of(candidate.intent.strategy_id))
    if alive >= candidate.limits.maximum_open_orders:
        return Denial(DenialCode.OPEN_ORDERS_EXCEEDED, f"{alive} alive, allowed {candidate.limits.maximum_open_orders}")
    return None
