"""Is the market known well enough to trade on: fresh data, and a price near two references."""

from live.core.decimals import PARTS_PER_MILLION
from live.core.risk.candidate import Candidate, Denial
from live.core.risk.codes import DenialCode

CLOCK_LEAD = 5 * 1_000_000_000
"""How far ahead of us a venue's clock may be; data from further in the future would never grow stale."""


def check_data_age(candidate: Candidate) -> Denial | None:
    """Deny when there is no price, its feed is down, or it is older by venue time than allowed or from the future."""
    market = candidate.market
    if market is None or market.last_price is None:
        return Denial(DenialCode.PRICE_REFERENCE_MISSING, candidate.intent.instrument_id)
    if not market.feed_healthy:
        return Denial(DenialCode.DATA_STALE, "the feed is down")
    age = candidate.now - market.event_time
    if age > candidate.limits.maximum_data_age:
        return Denial(DenialCode.DATA_STALE, f"age {age} ns > {candidate.limits.maximum_data_age} ns")
    if age < -CLOCK_LEAD:
        return Denial(DenialCode.DATA_STALE, f"from {-age} ns in the future, allowed {CLOCK_LEAD} ns: a clock is wrong")
    return None


def check_price_collar(candidate: Candidate) -> Denial | None:
    """Deny a price too far from the last price or from the median of the last closes.

    A market order is judged at the last price, so it is denied when the two references disagree.
    """
    market = candidate.market
    assert market is not None, "check_data_age runs first"
    assert market.last_price is not None, "check_data_age runs first"
    slow = market.slow_reference()
    if slow is None:
        return Denial(DenialCode.PRICE_REFERENCE_MISSING, "no slow reference")
    price = market.last_price if candidate.intent.limit_price is None else candidate.intent.limit_price
    for name, reference in (("last price", market.last_price), ("median of last closes", slow)):
        distance = abs(price - reference) * PARTS_PER_MILLION
        if distance > candidate.limits.price_collar_ppm * reference:
            return Denial(
                DenialCode.PRICE_OUTSIDE_COLLAR,
                f"{price} is {distance // reference} ppm from the {name} {reference}, allowed {candidate.limits.price_collar_ppm}",
            )
    return None
