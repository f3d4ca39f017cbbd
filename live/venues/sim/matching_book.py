"""Matching on an order book: orders walk it, and what they took is gone until the level changes.

A taking order fills level by level, best first, up to its limit. A level we took from offers the rest, until a snapshot or delta shows
another quantity there. A resting limit order fills at its own price when the opposite side reaches it, by what that side shows; its
place in the queue, where that is modelled, moves with trades. A stop triggers when the opposite side's best price reaches it. A book
that cannot be believed (a gap, crossed sides) offers nothing: orders wait.
"""

from live.core.book import BookState, OrderBook
from live.core.market_events import BookDelta, BookSnapshot
from live.core.vocabulary import Side
from live.venues.sim.matcher import Matcher
from live.venues.sim.queueing import look_again
from live.venues.sim.working import WorkingOrder


def on_book(matcher: Matcher, event: BookSnapshot | BookDelta) -> None:
    """Keep the book, and fill what it fills."""
    book = matcher.book
    if book is None:
        book = matcher.book = OrderBook()
    book.apply(event)
    matcher.book_time = event.ts_init
    if matcher.consumed:
        forget_changed(matcher, book)
    if not matcher.use_book or not matcher.orders:
        return
    matcher.event_number += 1
    if matcher.settings.queue.enabled:
        for ladder in (matcher.buy_limits, matcher.sell_limits):
            look_again(ladder, matcher.settings.queue, book, matcher.quote)
    now = event.ts_init
    for order in list(matcher.arrivals.values()):
        if order.is_stop or order.is_maker:
            matcher.rest(order)
        elif (book.best_ask if order.sign > 0 else book.best_bid) is not None:
            take_book(matcher, book, order, now)
    for best, limits, stops in (
        (book.best_ask, matcher.buy_limits, matcher.buy_stops),
        (book.best_bid, matcher.sell_limits, matcher.sell_stops),
    ):
        if best is None:
            continue
        if stops.is_touched(best[0]):
            for order in stops.reached(best[0], touch=True):
                offers = walk(matcher, book, order.sign, order.remaining, order.limit)
                _note(matcher, book, order.sign, matcher.trigger(order, offers, book.ts_event, now))
        if limits.is_touched(best[0]):
            for order in limits.reached(best[0], touch=True):
                _make(matcher, book, order, now)


def take_book(matcher: Matcher, book: OrderBook, order: WorkingOrder, now: int) -> None:
    """Let an order walk the book."""
    order.arrival = None
    offers = walk(matcher, book, order.sign, order.remaining, order.limit)
    if not offers and (best := book.best_ask if order.sign > 0 else book.best_bid) is not None:
        offers = [(best[0], 0)]  # the market is there, but nothing of it for this order
    _note(matcher, book, order.sign, matcher.take(order, offers, book.ts_event, now, touch=True))


def walk(matcher: Matcher, book: OrderBook, sign: int, quantity: int, limit: int | None) -> list[tuple[int, int]]:
    """Give the levels that `quantity` would take, each with what our earlier fills have left of it."""
    side, consumed = Side.BUY if sign > 0 else Side.SELL, matcher.consumed
    used = sum(taken for (its_sign, _), (_, taken) in consumed.items() if its_sign == sign) if consumed else 0
    levels = book.walk(side, quantity + used, limit)
    if not used:
        return levels
    opposite = Side.SELL if sign > 0 else Side.BUY
    offers: list[tuple[int, int]] = []
    for price, _ in levels:
        visible = book.quantity_at(opposite, price)
        assert visible is not None
        offers.append((price, matcher.available(sign, price, visible)))
    return offers


def forget_changed(matcher: Matcher, book: OrderBook) -> None:
    """Give back what we took from levels that have changed since."""
    if book.state is not BookState.SYNCHRONISED:
        return
    for (sign, price), (visible, _) in list(matcher.consumed.items()):
        if book.quantity_at(Side.SELL if sign > 0 else Side.BUY, price) != visible:
            del matcher.consumed[sign, price]


def _make(matcher: Matcher, book: OrderBook, order: WorkingOrder, now: int) -> None:
    """Fill a resting order at its price by what the opposite side shows there or better."""
    assert order.limit is not None
    for price, available in walk(matcher, book, order.sign, order.remaining, order.limit):
        if available <= 0:
            continue
        made = matcher.make(order, order.limit, available, book.ts_event, now)
        _note(matcher, book, order.sign, [(price, made)])
        if not order.remaining or order.order_id not in matcher.orders:
            return


def _note(matcher: Matcher, book: OrderBook, sign: int, taken: list[tuple[int, int]]) -> None:
    opposite = Side.SELL if sign > 0 else Side.BUY
    for price, quantity in taken:
        visible = book.quantity_at(opposite, price)
        if visible is not None and quantity:
            matcher.consume(sign, price, visible, quantity)
