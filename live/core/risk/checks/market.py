"""Is the market known well enough to trade on: fresh data, a price near two references, a spread and a depth that bear it."""

from live.core.book import BookState
from live.core.decimals import PARTS_PER_MILLION
from live.core.risk.candidate import Candidate, Denial
from live.core.risk.codes import DenialCode
from live.core.slippage import TAKES
from live.core.vocabulary import OrderType, Side

# A module's own name costs a fifth of an attribute of an enumeration.
_BUY, _SELL, _SYNCHRONISED = Side.BUY, Side.SELL, BookState.SYNCHRONISED

CLOCK_LEAD = 5 * 1_000_000_000
"""How far ahead of us a venue's clock may be; data from further in the future would never grow stale."""
_FURTHEST_AHEAD = -CLOCK_LEAD
TRIGGER_COLLARS = 10
"""A trigger may be so many collars away from the market: it trades only once the market is there, but must be meant."""


def check_data_age(candidate: Candidate) -> Denial | None:
    """Deny when there is no price, its feed is down or has a gap, or it is older by venue time than allowed or from the future."""
    market = candidate.market
    if market.last_price is None:
        return Denial(DenialCode.PRICE_REFERENCE_MISSING, candidate.intent.instrument_id)
    book = market.book
    if book is not None and book.state is not _SYNCHRONISED:
        return Denial(DenialCode.FEED_GAP, f"the book is {book.state}")
    if not market.feed_healthy:
        return Denial(DenialCode.DATA_STALE, "the feed is down")
    age = candidate.now - market.event_time
    if age > candidate.limits.maximum_data_age:
        return Denial(DenialCode.DATA_STALE, f"age {age} ns > {candidate.limits.maximum_data_age} ns")
    if age < _FURTHEST_AHEAD:
        return Denial(DenialCode.DATA_STALE, f"from {-age} ns in the future, allowed {CLOCK_LEAD} ns: a clock is wrong")
    return None


def check_price_collar(candidate: Candidate) -> Denial | None:
    """Deny a price too far from the last price or from the median of the last closes.

    A market order is judged at the last price, so it is denied when the two references disagree. A stop's trigger may be
    ten collars away, and the limit of a stop-limit one collar from its trigger.
    """
    intent, limits, last = candidate.intent, candidate.limits, candidate.last_price
    slow, slow_collar = candidate.market.slow_reference(), limits.reference_collar_ppm
    assert slow is not None, "the last price is one of those it is the median of"
    price, trigger = intent.limit_price, intent.trigger_price
    if price is None and trigger is None:
        price = last
    else:
        collar = limits.price_collar_ppm
        if trigger is not None:
            if price is not None and abs(price - trigger) * PARTS_PER_MILLION > collar * trigger:
                return _outside(price, "trigger", trigger, collar)
            price, collar, slow_collar = trigger, collar * TRIGGER_COLLARS, slow_collar * TRIGGER_COLLARS
        assert price is not None, "it has a limit or a trigger"
        if abs(price - last) * PARTS_PER_MILLION > collar * last:
            return _outside(price, "last price", last, collar)
    if abs(price - slow) * PARTS_PER_MILLION > slow_collar * slow:
        return _outside(price, "median of last closes", slow, slow_collar)
    return None


def check_spread(candidate: Candidate) -> Denial | None:
    """Deny an order that may begin a trade while bid and ask are too far apart, and any while a quote that must be there is not.

    A quote must be there once one was seen or a book is followed, or where the limits ask for it; where prices only ever came as
    trades or bars there is no spread to judge. An order that only makes liquidity narrows the spread, and one that reduces may end
    a trade in any.
    """
    market, limits = candidate.market, candidate.limits
    bid, ask = market.bid_price, market.ask_price
    if bid is None or ask is None:
        if limits.requires_quotes or market.book is not None:
            return Denial(DenialCode.QUOTE_MISSING, candidate.intent.instrument_id)
        return None
    age = candidate.now - market.quote_time
    if age > limits.maximum_data_age:
        return Denial(DenialCode.DATA_STALE, f"the quote's age {age} ns > {limits.maximum_data_age} ns")
    if (ask - bid) * 2 * PARTS_PER_MILLION <= limits.maximum_spread_ppm * (bid + ask):
        return None
    if candidate.intent.order_type is OrderType.LIMIT_MAKER or candidate.reduces:
        return None
    return Denial(DenialCode.SPREAD_TOO_WIDE, f"{bid} to {ask}, allowed {limits.maximum_spread_ppm} ppm")


def check_slippage(candidate: Candidate) -> Denial | None:
    """Deny a market or stop order that what is known to rest on the other side would fill too far from the best price, on average.

    So is one that may begin a trade while the account's own such orders lately paid too much in the instrument, whatever rests there.
    The order book is walked; without one, what the quote says rests at the best price is taken. What exceeds that counts at the
    collar's edge. Where nobody says how much rests there is no depth to judge.
    """
    intent = candidate.intent
    if intent.order_type not in TAKES:
        return None
    if not candidate.reduces:
        paid = candidate.state.slippage.lately(intent.account_id, intent.instrument_id, candidate.now)
        if paid is not None and paid > candidate.limits.maximum_slippage_ppm:
            said = f"{paid} ppm were paid on average by own orders of the last hour, allowed {candidate.limits.maximum_slippage_ppm}"
            return Denial(DenialCode.SLIPPAGE_EXCEEDED, said)
    market = candidate.market
    best = market.ask_price if candidate.buying else market.bid_price
    if best is None:
        return None
    quantity, limits = intent.quantity, candidate.limits
    size, side = (market.ask_quantity, _BUY) if candidate.buying else (market.bid_quantity, _SELL)
    if size <= 0 or size >= quantity:
        return None
    fills = [(best, size)] if market.book is None else market.book.walk(side, quantity)
    beyond = quantity
    worse = 0
    for price, taken in fills:
        beyond -= taken
        worse += abs(price - best) * taken * PARTS_PER_MILLION
    worse += beyond * best * limits.price_collar_ppm
    if worse > limits.maximum_slippage_ppm * best * quantity:
        expected = worse // (best * quantity)
        return Denial(
            DenialCode.SLIPPAGE_EXCEEDED, f"{expected} ppm expected, allowed {limits.maximum_slippage_ppm}, {beyond} beyond the depth"
        )
    return None


def _outside(price: int, name: str, reference: int, allowed: int) -> Denial:
    distance = abs(price - reference) * PARTS_PER_MILLION // reference
    return Denial(DenialCode.PRICE_OUTSIDE_COLLAR, f"{price} is {distance} ppm from the {name} {reference}, allowed {allowed}")
