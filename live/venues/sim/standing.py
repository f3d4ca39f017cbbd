"""What an order meets when it arrives: the market as it stands, or only what comes next.

A quote, a trade and a book stand until the next one, a bar's close only where orders fill at the same close. An order that arrives at once
meets them. One that travelled does so only when they are no older than the declared age before its arrival; else it waits.
"""

from live.venues.sim.matcher import Matcher
from live.venues.sim.matching_bars import standing_close
from live.venues.sim.matching_book import take_book
from live.venues.sim.matching_quotes import take_quote
from live.venues.sim.matching_trades import traded_price
from live.venues.sim.settings import TriggeredStop
from live.venues.sim.working import WorkingOrder

_TRIGGER = TriggeredStop.TRIGGER


def begins_triggered(matcher: Matcher, order: WorkingOrder) -> bool:
    """Tell whether an order is a stop that triggers on arrival, since the market is beyond its price already."""
    if not order.is_stop or matcher.settings.filters.triggered_stops is not _TRIGGER:
        return False
    trigger, price = order.order.trigger_price, matcher.price(order.sign)
    return trigger is not None and price is not None and order.sign * (trigger - price) <= 0


def meet_standing(matcher: Matcher, order: WorkingOrder, now: int) -> None:
    """Let an order that has just arrived meet what stands."""
    fill = matcher.settings.fill
    if order.is_stop or order.is_maker or not fill.standing:
        return
    oldest = None if order.arrival is None else order.arrival - fill.maximum_data_age
    book, quote, trade = matcher.book, matcher.quote, matcher.trade
    if book is not None and matcher.use_book:
        best = book.best_ask if order.sign > 0 else book.best_bid
        if best is not None and (oldest is None or matcher.book_time >= oldest):
            take_book(matcher, book, order, now)
        return
    if quote is not None and matcher.use_quotes:
        if oldest is None or quote.ts_init >= oldest:
            order.arrival = None
            take_quote(matcher, quote, order.order_id, now)
        return
    if trade is not None and matcher.use_trades and matcher.trade_is_newest:
        if oldest is None or trade.ts_init >= oldest:
            order.arrival = None
            matcher.take_at(order, traded_price(matcher, trade, order.sign), trade.ts_event, now, touch=fill.touch)
        return
    if matcher.meets_close and (not fill.limits_rest or order.limit is None or order.at_once):
        standing = standing_close(matcher, order.sign)
        if standing is not None and (oldest is None or standing[2] >= oldest):
            offers, ts_event, _ = standing
            order.arrival = None
            matcher.spend(matcher.take(order, offers, ts_event, now, touch=fill.touch))
