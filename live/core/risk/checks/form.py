"""Is the order well formed for its instrument: known, allowed, of a type that is taken, on lot and tick, within size."""

from live.core.risk.candidate import Candidate, Denial
from live.core.risk.codes import DenialCode
from live.core.vocabulary import AccountType, InstrumentKind, OrderType, TimeInForce

_GTC, _IOC = TimeInForce.GOOD_TILL_CANCELED, TimeInForce.IMMEDIATE_OR_CANCEL
_PERPETUAL = InstrumentKind.PERPETUAL
_FOK, _GTD = TimeInForce.FILL_OR_KILL, TimeInForce.GOOD_TILL_DATE
TIMES_IN_FORCE: dict[OrderType, tuple[TimeInForce, ...]] = {
    OrderType.MARKET: (_IOC,),
    OrderType.LIMIT: (_GTC, _IOC, _FOK, _GTD),
    OrderType.LIMIT_MAKER: (_GTC, _GTD),
    OrderType.STOP: (_GTC, _GTD, _IOC),
    OrderType.STOP_LIMIT: (_GTC, _IOC, _FOK, _GTD),
}
"""What each type can mean: what trades at once cannot rest, what only makes cannot take, and a stop waits for its trigger."""
LIMIT_PRICED = frozenset({OrderType.LIMIT, OrderType.LIMIT_MAKER, OrderType.STOP_LIMIT})
TRIGGERED = frozenset({OrderType.STOP, OrderType.STOP_LIMIT})
_FORMS = frozenset(
    (order_type, time_in_force, order_type not in LIMIT_PRICED, order_type not in TRIGGERED, time_in_force is not _GTD)
    for order_type, times in TIMES_IN_FORCE.items()
    for time_in_force in times
)
"""The same at one look: a type, a time in force it can have, and whether then limit price, trigger price and expiry are None."""


def check_instrument(candidate: Candidate) -> Denial | None:
    """Deny an instrument that has no definition or that the limits do not name, and a perpetual in a cash account."""
    instrument_id = candidate.intent.instrument_id
    if instrument_id not in candidate.state.instruments:
        return Denial(DenialCode.INSTRUMENT_UNKNOWN, instrument_id)
    if instrument_id not in candidate.limits.maximum_order_quantity:
        return Denial(DenialCode.INSTRUMENT_NOT_ALLOWED, instrument_id)
    if candidate.instrument.kind is _PERPETUAL and not candidate.on_margin:
        return Denial(DenialCode.ACCOUNT_TYPE_UNSUPPORTED, f"{candidate.intent.account_id} is a {AccountType.CASH} account")
    return None


def check_order_type(candidate: Candidate) -> Denial | None:
    """Deny a type or time in force that account or venue does not take, and a type without what it needs or with what it has no use for."""
    intent = candidate.intent
    order_type, time_in_force = intent.order_type, intent.time_in_force
    if not candidate.bounds.takes_all:
        bounds = candidate.bounds
        for scope, limits in ((bounds.venue, bounds.venue_limits), (bounds.account, bounds.account_limits)):
            if limits.order_types is not None and order_type not in limits.order_types:
                return Denial(DenialCode.ORDER_TYPE_UNSUPPORTED, f"{order_type} in {scope[0]} {scope[1]}")
            if limits.times_in_force is not None and time_in_force not in limits.times_in_force:
                return Denial(DenialCode.TIME_IN_FORCE_UNSUPPORTED, f"{time_in_force} in {scope[0]} {scope[1]}")
    limit, trigger, expires_at = intent.limit_price, intent.trigger_price, intent.expires_at
    if (order_type, time_in_force, limit is None, trigger is None, expires_at is None) not in _FORMS:
        if time_in_force not in TIMES_IN_FORCE[order_type]:
            return Denial(DenialCode.TIME_IN_FORCE_UNSUPPORTED, f"{order_type} as {time_in_force}")
        if (limit is None) is (order_type in LIMIT_PRICED):
            return Denial(DenialCode.ORDER_MALFORMED, f"{order_type} with limit price {limit}")
        if (trigger is None) is (order_type in TRIGGERED):
            return Denial(DenialCode.ORDER_MALFORMED, f"{order_type} with trigger price {trigger}")
        return Denial(DenialCode.ORDER_MALFORMED, f"{time_in_force} with expiry {expires_at}")
    if expires_at is not None and expires_at <= candidate.now:
        return Denial(DenialCode.EXPIRY_IN_PAST, f"{expires_at} <= {candidate.now}")
    return None


def check_quantity(candidate: Candidate) -> Denial | None:
    """Deny a quantity off the lot, below the venue's minimum, or above the limit or the venue's maximum."""
    instrument, quantity = candidate.instrument, candidate.intent.quantity
    if quantity % instrument.lot_size:
        return Denial(DenialCode.QUANTITY_NOT_ON_LOT, f"{quantity} is not a multiple of {instrument.lot_size}")
    if quantity < instrument.minimum_quantity:
        return Denial(DenialCode.QUANTITY_BELOW_MINIMUM, f"{quantity} < {instrument.minimum_quantity}")
    limit = candidate.limits.maximum_order_quantity[instrument.instrument_id]
    if quantity > limit or quantity > instrument.maximum_quantity:
        bound = min(limit, instrument.maximum_quantity)
        return Denial(DenialCode.QUANTITY_ABOVE_MAXIMUM, f"{quantity} > {bound}")
    return None


def check_price(candidate: Candidate) -> Denial | None:
    """Deny a limit or trigger price that is not positive or not on the tick."""
    price, trigger = candidate.intent.limit_price, candidate.intent.trigger_price
    if price is None and trigger is None:
        return None
    tick = candidate.instrument.tick_size
    if price is not None and (price <= 0 or price % tick):
        return Denial(DenialCode.PRICE_NOT_ON_TICK, f"{price} on tick {tick}")
    if trigger is not None and (trigger <= 0 or trigger % tick):
        return Denial(DenialCode.PRICE_NOT_ON_TICK, f"trigger {trigger} on tick {tick}")
    return None
