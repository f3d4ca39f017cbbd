"""What a simulated venue refuses, in the words that Binance Spot has for it.

Source of the words and of the filters: Binance Spot API documentation, "Filters" and "Error codes".
"""

from live.core.decimals import PARTS_PER_MILLION
from live.core.effects import SubmitOrder
from live.core.instruments import Instrument
from live.core.vocabulary import OrderType, Side, TimeInForce
from live.venues.sim.matcher import Matcher
from live.venues.sim.settings import TriggeredStop

_GTC, _IOC, _FOK, _GTD = (
    TimeInForce.GOOD_TILL_CANCELED,
    TimeInForce.IMMEDIATE_OR_CANCEL,
    TimeInForce.FILL_OR_KILL,
    TimeInForce.GOOD_TILL_DATE,
)

_AT_ONCE = frozenset({_IOC, _FOK})
_ANY = frozenset({_GTC, _IOC, _FOK, _GTD})
_COMBINATIONS: dict[OrderType, tuple[frozenset[TimeInForce], bool, bool]] = {
    OrderType.MARKET: (_AT_ONCE, False, False),
    OrderType.LIMIT: (_ANY, True, False),
    OrderType.LIMIT_MAKER: (frozenset({_GTC, _GTD}), True, False),
    OrderType.STOP: (_ANY, False, True),
    OrderType.STOP_LIMIT: (_ANY, True, True),
}
"""Each order type to its times in force, and whether it has a limit price and a trigger price."""

_MARKET, _LIMIT_MAKER, _BUY, _REJECT = OrderType.MARKET, OrderType.LIMIT_MAKER, Side.BUY, TriggeredStop.REJECT


def rejection(order: SubmitOrder, matcher: Matcher | None, now: int) -> str | None:
    """Say why the venue does not take an order that arrives at `now`, None when it does; `matcher` is None for an unknown instrument."""
    if matcher is None:
        return "Invalid symbol."
    if order.order_id in matcher.orders:
        return "Duplicate order sent."
    # A market order has no price and no end to check: what its combination is, is seen without the table.
    has_terms = order.limit_price is not None or order.trigger_price is not None or order.expires_at is not None
    if not (_is_combination(order) if has_terms else order.order_type is _MARKET and order.time_in_force in _AT_ONCE):
        return "Unsupported order combination."
    instrument, quantity = matcher.instrument, order.quantity
    if quantity < instrument.minimum_quantity or quantity % instrument.lot_size or quantity > instrument.maximum_quantity:
        return "Filter failure: LOT_SIZE"
    if has_terms:
        limit, trigger, tick = order.limit_price, order.trigger_price, instrument.tick_size
        if (limit is not None and (limit <= 0 or limit % tick)) or (trigger is not None and (trigger <= 0 or trigger % tick)):
            return "Filter failure: PRICE_FILTER"
        if order.expires_at is not None and order.expires_at <= now:
            return "Invalid expire time."
    failure = _filter_failure(order, matcher, instrument) if matcher.has_filters else None
    if failure is None and has_terms and (order.trigger_price is not None or order.order_type is _LIMIT_MAKER):
        failure = _trigger_failure(order, matcher)
    return failure


def _is_combination(order: SubmitOrder) -> bool:
    times_in_force, limited, stops = _COMBINATIONS[order.order_type]
    return (
        order.time_in_force in times_in_force
        and (order.limit_price is not None) is limited
        and (order.trigger_price is not None) is stops
        and (order.expires_at is not None) is (order.time_in_force is _GTD)
    )


def _filter_failure(order: SubmitOrder, matcher: Matcher, instrument: Instrument) -> str | None:
    """Check what depends on the market or on other orders."""
    filters = matcher.settings.filters
    price = order.limit_price
    if filters.minimum_notional and instrument.minimum_notional:
        worth = price or order.trigger_price or matcher.price(order.side.sign)
        if worth is not None and instrument.notional(worth, order.quantity) < instrument.minimum_notional:
            return "Filter failure: NOTIONAL"
    last = matcher.price(order.side.sign) if price is not None and (filters.price_up_ppm or filters.price_down_ppm) else None
    if price is not None and last is not None:
        above = filters.price_up_ppm and price * PARTS_PER_MILLION > last * (PARTS_PER_MILLION + filters.price_up_ppm)
        below = filters.price_down_ppm and price * PARTS_PER_MILLION < last * (PARTS_PER_MILLION - filters.price_down_ppm)
        if above or below:
            return "Filter failure: PERCENT_PRICE"
    bound = filters.maximum_orders
    if bound and len(matcher.orders) >= bound:
        held = sum(working.order.account_id == order.account_id for working in matcher.orders.values())
        if held >= bound:
            return "Filter failure: MAX_NUM_ORDERS"
    return None


def _trigger_failure(order: SubmitOrder, matcher: Matcher) -> str | None:
    """Check an order against what the market shows on arrival."""
    is_maker = order.order_type is _LIMIT_MAKER
    if not is_maker and (order.trigger_price is None or matcher.settings.filters.triggered_stops is not _REJECT):
        return None
    sign = 1 if order.side is _BUY else -1
    price = matcher.price(sign)
    if price is None:
        return None
    if is_maker:
        assert order.limit_price is not None
        better = sign * (order.limit_price - price)
        if better > 0 or (better == 0 and matcher.takes_touch()):
            return "Order would immediately match and take."
    elif order.trigger_price is not None and sign * (order.trigger_price - price) <= 0:
        return "Stop price would trigger immediately."
    return None
