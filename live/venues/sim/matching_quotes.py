"""Matching on quotes: orders cross the spread and fill no more than is quoted.

A buy takes the ask, a sell hits the bid, at most the quoted size; what we took of a quote is not there again until its price or size
changes. A resting limit order fills at its own price when the opposite quote reaches it: an ask at our bid would have traded with us.
A buy stop triggers when the ask reaches it, a sell stop when the bid does, and takes that quote, or as much at its own price where that is
declared.
"""

from live.core.market_events import Quote
from live.venues.sim.matcher import Matcher, Offer
from live.venues.sim.queueing import look_again
from live.venues.sim.settings import StopPrice


def on_quote(matcher: Matcher, quote: Quote) -> None:
    """Fill what a quote fills."""
    matcher.quote = quote
    if not matcher.use_quotes:
        return
    if matcher.consumed and matcher.book is None:
        best = ((1, quote.ask_price), (-1, quote.bid_price))
        matcher.consumed = {key: matcher.consumed[key] for key in best if key in matcher.consumed}
    if not matcher.orders:
        return
    matcher.event_number += 1
    if matcher.settings.queue.enabled:
        for ladder in (matcher.buy_limits, matcher.sell_limits):
            look_again(ladder, matcher.settings.queue, matcher.book, quote)
    ts_event, now = quote.ts_event, quote.ts_init
    for order in list(matcher.arrivals.values()):
        order.arrival = None
        if order.is_stop or order.is_maker:
            matcher.rest(order)
        else:
            take_quote(matcher, quote, order.order_id, now)
    for sign, price, limits, stops in (
        (1, quote.ask_price, matcher.buy_limits, matcher.buy_stops),
        (-1, quote.bid_price, matcher.sell_limits, matcher.sell_stops),
    ):
        if stops.is_touched(price):
            for order in stops.reached(price, touch=True):
                offers = offers_of(matcher, quote, sign)
                if matcher.settings.fill.stop_price is StopPrice.TRIGGER:
                    offers = [(order.rung, offers[0][1])]
                _note(matcher, quote, sign, matcher.trigger(order, offers, ts_event, now))
        if limits.is_touched(price):
            for order in limits.reached(price, touch=True):
                offered, left = offers_of(matcher, quote, sign)[0]
                assert order.limit is not None
                assert left is not None
                made = matcher.make(order, order.limit, left, ts_event, now)
                _note(matcher, quote, sign, [(offered, made)])


def offers_of(matcher: Matcher, quote: Quote, sign: int) -> list[Offer]:
    """Give what a quote offers a buy (+1) or a sell (-1), less what we already took of it."""
    price, visible = (quote.ask_price, quote.ask_quantity) if sign > 0 else (quote.bid_price, quote.bid_quantity)
    return [(price, matcher.available(sign, price, visible))]


def take_quote(matcher: Matcher, quote: Quote, order_id: str, now: int) -> None:
    """Let an order take a quote."""
    order = matcher.orders[order_id]
    taken = matcher.take(order, offers_of(matcher, quote, order.sign), quote.ts_event, now, touch=True)
    _note(matcher, quote, order.sign, taken)


def _note(matcher: Matcher, quote: Quote, sign: int, taken: list[tuple[int, int]]) -> None:
    visible = quote.ask_quantity if sign > 0 else quote.bid_quantity
    for price, quantity in taken:
        matcher.consume(sign, price, visible, quantity)
