"""Is the order well formed for its instrument: known, allowed, on lot and tick, within size."""

from live.core.risk.candidate import Candidate, Denial
from live.core.risk.codes import DenialCode


def check_instrument(candidate: Candidate) -> Denial | None:
    """Deny an instrument that has no definition or that the limits do not name."""
    instrument_id = candidate.intent.instrument_id
    if candidate.instrument is None:
        return Denial(DenialCode.INSTRUMENT_UNKNOWN, instrument_id)
    if instrument_id not in candidate.limits.maximum_order_quantity:
        return Denial(DenialCode.INSTRUMENT_NOT_ALLOWED, instrument_id)
    return None


def check_quantity(candidate: Candidate) -> Denial | None:
    """Deny a quantity off the lot, below the venue's minimum, or above the limit or the venue's maximum."""
    instrument, quantity = candidate.instrument, candidate.intent.quantity
    assert instrument is not None, "check_instrument runs first"
    if quantity % instrument.lot_size:
        return Denial(DenialCode.QUANTITY_NOT_ON_LOT, f"{quantity} is not a multiple of {instrument.lot_size}")
    if quantity < instrument.minimum_quantity:
        return Denial(DenialCode.QUANTITY_BELOW_MINIMUM, f"{quantity} < {instrument.minimum_quantity}")
    bound = min(candidate.limits.maximum_order_quantity[instrument.instrument_id], instrument.maximum_quantity)
    if quantity > bound:
        return Denial(DenialCode.QUANTITY_ABOVE_MAXIMUM, f"{quantity} > {bound}")
    return None


def check_price(candidate: Candidate) -> Denial | None:
    """Deny a limit price that is not positive or not on the tick."""
    instrument, price = candidate.instrument, candidate.intent.limit_price
    assert instrument is not None, "check_instrument runs first"
    if price is not None and (price <= 0 or price % instrument.tick_size):
        return Denial(DenialCode.PRICE_NOT_ON_TICK, f"{price} on tick {instrument.tick_size}")
    return None
