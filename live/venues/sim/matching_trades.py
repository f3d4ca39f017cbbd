"""Matching on trades: at the last price, through a price, and by the place in the queue.

A taking order fills at the price of the last trade, moved by the slippage; where a quote or a book is known it takes that instead. A
resting limit order fills at its own price when a trade goes through it, or at the trade's where orders get the open of a bar: a bar's
open may be played as a trade. A trade at exactly its price fills it only where a touch is
declared to fill, or by its place in the queue: what takers sold (bought) there first goes to those before us. A stop triggers when a
trade reaches it, and fills at that trade's price, or at its own where that is declared. With a cap on participation, our orders share
that part of the trade's quantity.
"""

from collections.abc import Callable
from functools import partial

from live.core.decimals import PARTS_PER_MILLION
from live.core.market_events import Trade
from live.core.vocabulary import Side
from live.venues.sim.matcher import Matcher
from live.venues.sim.queueing import pass_trade
from live.venues.sim.settings import Improvement, StopPrice
from live.venues.sim.working import Ladder


def trade_observer(matcher: Matcher) -> Callable[[Trade], None]:
    """Give what fills what an instrument's trades fill; the rules of the venue are looked up only once."""
    if not matcher.use_trades:
        return partial(setattr, matcher, "trade")
    sided, share, orders = matcher.settings.fill.trades_have_sides, matcher.settings.participation_ppm, matcher.orders

    def on_trade(trade: Trade) -> None:
        matcher.trade = trade
        matcher.trade_is_newest = True
        if sided:
            _note_side(matcher.taken_by, trade)
        if share:
            lot = matcher.instrument.lot_size
            matcher.budget = trade.quantity * share // PARTS_PER_MILLION // lot * lot
        if orders:
            _match(matcher, trade)

    return on_trade


def _match(matcher: Matcher, trade: Trade) -> None:
    matcher.event_number += 1
    if matcher.arrivals:
        _meet(matcher, trade)
    if len(matcher.orders) == len(matcher.arrivals):  # nothing rests
        return
    price = trade.price
    for stops in (matcher.buy_stops, matcher.sell_stops):
        if stops.is_touched(price):
            at_trigger = matcher.settings.fill.stop_price is StopPrice.TRIGGER
            for order in stops.reached(price, touch=True):
                offer = order.rung if at_trigger else price
                matcher.spend(matcher.trigger(order, [(offer, matcher.budget)], trade.ts_event, trade.ts_init))
    for limits, aggressor in ((matcher.buy_limits, Side.SELL), (matcher.sell_limits, Side.BUY)):
        if limits.is_touched(price):
            _reach(matcher, trade, limits, at_price=trade.aggressor is aggressor)


def shows_more(matcher: Matcher) -> bool:
    """Tell whether quotes or a book say what a taking order gets, so that trades need not."""
    return (matcher.use_quotes and matcher.quote is not None) or (matcher.use_book and matcher.book is not None)


def traded_price(matcher: Matcher, trade: Trade, sign: int) -> int:
    """Give the price that a trade offers a buy (+1) or a sell (-1)."""
    return matcher.taken_by.get(sign, trade.price)


def _note_side(taken_by: dict[int, int], trade: Trade) -> None:
    sign = 1 if trade.aggressor is Side.BUY else -1
    taken_by[sign] = trade.price
    other = taken_by.get(-sign)
    if other is not None and sign * (trade.price - other) < 0:
        taken_by[-sign] = trade.price  # a bid above the ask cannot stand


def _meet(matcher: Matcher, trade: Trade) -> None:
    leave = shows_more(matcher)
    for order in list(matcher.arrivals.values()):
        if order.is_stop or order.is_maker:
            order.arrival = None
            matcher.rest(order)
        elif not leave:
            order.arrival = None
            price = traded_price(matcher, trade, order.sign)
            matcher.take_at(order, price, trade.ts_event, trade.ts_init, touch=matcher.settings.fill.touch)


def _reach(matcher: Matcher, trade: Trade, limits: Ladder, *, at_price: bool) -> None:
    """Fill the limit orders that a trade went through, and at its price as far as the trade comes to them."""
    fill, queue = matcher.settings.fill, matcher.settings.queue
    for order in limits.reached(trade.price, touch=False):
        assert order.limit is not None
        capped = matcher.budget is not None and not fill.through_fills_all
        quantity = matcher.budget if capped and matcher.budget is not None else order.remaining
        price = trade.price if fill.improvement is Improvement.OPEN else order.limit
        made = matcher.make(order, price, quantity, trade.ts_event, trade.ts_init)
        matcher.spend([(price, made)])
    if not at_price or not (queue.enabled or fill.touch):
        return
    touched = [order for order in limits.reached(trade.price, touch=True) if order.limit == trade.price]
    left = trade.quantity
    for order, part in pass_trade(touched, trade.quantity) if queue.enabled else [(order, left) for order in touched]:
        quantity = min(part, left) if matcher.budget is None else min(part, left, matcher.budget)
        made = matcher.make(order, trade.price, quantity, trade.ts_event, trade.ts_init)
        left -= made
        matcher.spend([(trade.price, made)])
