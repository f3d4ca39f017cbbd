"""Matching on bars, of trades or of the best bid and ask.

Rules, pessimistic wherever a bar leaves a choice. A market order fills at the next bar's open (or at the same bar's close, or at the
close, middle or average of the next bar once it is over, where that is declared), moved against us by the slippage; a limit order that
the open betters takes there too, never beyond its limit. Otherwise a limit order rests and fills at its own price when a bar trades
*through* it; a touch is a fill only where declared. A stop triggers when its price is reached: it fills there, or at the open when the
bar opens beyond it. Of a bar only open, high, low and close are known, so the order between is a rule: after the open all stops that the
bar reached, nearest first, then all limits; a stop limit that its trigger makes rest waits for the next bar. Other paths can be
declared, and then orders fill as the path comes to them. A bar of quotes is the path of the ask for buys and of the bid for sells. With
a cap on participation, orders share that part of the volume in the order they are reached; what is left of them stays. An order that
travelled fills in no bar that opened before it arrived.
"""

from collections.abc import Callable
from functools import partial

from live.core.decimals import PARTS_PER_MILLION
from live.core.inputs import Bar
from live.core.market_events import QuoteBar
from live.venues.sim.matcher import Matcher, Offer
from live.venues.sim.settings import LATE_PRICES, FillPrice, Improvement, IntrabarPath, StopPrice
from live.venues.sim.working import Ladder, WorkingOrder

Prices = tuple[int, int, int, int]
"""Open, high, low and close, in price units."""


def bar_observer(matcher: Matcher) -> Callable[[Bar], None]:
    """Give what fills what an instrument's bars of trades fill, before the engine sees them; the rules are looked up only once."""
    if not matcher.use_bars:
        return partial(setattr, matcher, "bar")
    orders, share = matcher.orders, matcher.settings.participation_ppm
    match = _match_late if matcher.settings.fill.price in LATE_PRICES else _match

    def on_bar(bar: Bar) -> None:
        previous, matcher.bar = matcher.bar, bar
        matcher.trade_is_newest = False
        if share:
            lot = matcher.instrument.lot_size
            matcher.budget = bar.volume * share // PARTS_PER_MILLION // lot * lot
        if orders:
            prices = (bar.open, bar.high, bar.low, bar.close)
            match(matcher, bar, previous, prices, prices)

    return on_bar


def on_quote_bar(matcher: Matcher, bar: QuoteBar) -> None:
    """Fill what a bar of quotes fills: buys at the ask, sells at the bid."""
    previous, matcher.quote_bar = matcher.quote_bar, bar
    if not matcher.use_quote_bars:
        return
    matcher.trade_is_newest = False
    if matcher.orders or matcher.settings.participation_ppm:
        matcher.budget = None  # a bar of quotes has no volume
        if matcher.orders:
            asks = (bar.ask_open, bar.ask_high, bar.ask_low, bar.ask_close)
            bids = (bar.bid_open, bar.bid_high, bar.bid_low, bar.bid_close)
            match = _match_late if matcher.settings.fill.price in LATE_PRICES else _match
            match(matcher, bar, previous, asks, bids)


def standing_close(matcher: Matcher, sign: int) -> tuple[list[Offer], int, int] | None:
    """Give what the last bar's close offers where orders fill at it, with the time of the market and of the engine."""
    if matcher.use_quote_bars and matcher.quote_bar is not None:
        bar = matcher.quote_bar
        return [(bar.ask_close if sign > 0 else bar.bid_close, None)], bar.ts_event, bar.ts_init
    if matcher.use_bars and matcher.bar is not None:
        return [(matcher.bar.close, matcher.budget)], matcher.bar.ts_event, matcher.bar.ts_init
    return None


def path_points(path: IntrabarPath, prices: Prices) -> Prices:
    """Give the four prices of a bar in the order in which a declared path comes to them."""
    open_, high, low, close = prices
    if path is IntrabarPath.OPEN_LOW_HIGH_CLOSE or (path is IntrabarPath.NEAREST_FIRST and high - open_ >= open_ - low):
        return (open_, low, high, close)
    return (open_, high, low, close)


def _match(matcher: Matcher, bar: Bar | QuoteBar, previous: Bar | QuoteBar | None, buying: Prices, selling: Prices) -> None:
    matcher.event_number += 1
    if matcher.bounds_slippage:
        matcher.extremes = {1: buying[1], -1: selling[2]}
    matcher.at_open = True
    opened_at = bar.ts_event if previous is None else previous.ts_event  # by the market's time: the close of the bar before it
    if matcher.arrivals:
        _meet_open(matcher, bar, previous, opened_at, buying[0], selling[0])
    if (
        matcher.orders
        and len(matcher.orders) > len(matcher.arrivals)
        and (  # something rests
            matcher.buy_limits.is_touched(buying[2])
            or matcher.sell_limits.is_touched(selling[1])
            or matcher.buy_stops.is_touched(buying[1])
            or matcher.sell_stops.is_touched(selling[2])
        )
    ):
        _walk(_Visit(matcher, opened_at, bar, buying, selling), bar.ts_event, buying, selling)
    matcher.at_open = False
    if matcher.extremes:
        matcher.extremes = {}


def _match_late(matcher: Matcher, bar: Bar | QuoteBar, previous: Bar | QuoteBar | None, buying: Prices, selling: Prices) -> None:
    """Let market orders meet a price that is known only once the bar is over, after everything that rests."""
    waiting = [order for order in matcher.arrivals.values() if order.limit is None and not order.is_stop]
    for order in waiting:
        del matcher.arrivals[order.order_id]
    _match(matcher, bar, previous, buying, selling)
    matcher.arrivals.update((order.order_id, order) for order in waiting)
    if matcher.bounds_slippage:
        matcher.extremes = {1: buying[1], -1: selling[2]}
    opened = _opening(matcher, bar, previous)
    fill = matcher.settings.fill
    step = fill.price_step or matcher.instrument.tick_size
    for order in waiting:
        if _came_before(order, opened):
            price = _late_price(fill.price, buying if order.sign > 0 else selling, step)
            matcher.take_at(order, price, bar.ts_event, bar.ts_init, touch=True)
    matcher.extremes = {}


def _late_price(rule: FillPrice, prices: Prices, step: int) -> int:
    """Give what market orders fill at: the close, or the nearest step to the middle or average, half of one up and one at least."""
    if rule is FillPrice.NEXT_CLOSE:
        return prices[3]
    chosen = prices[1:3] if rule is FillPrice.NEXT_MIDDLE else prices
    whole = len(chosen) * step
    return max(1, (2 * sum(chosen) + whole) // (2 * whole)) * step


def _opening(matcher: Matcher, bar: Bar | QuoteBar, previous: Bar | QuoteBar | None) -> int | None:
    """Give when a bar opened, None when that is not known."""
    interval = matcher.settings.fill.bar_interval
    return bar.ts_event - interval if interval else None if previous is None else previous.ts_init


def _came_before(order: WorkingOrder, opened: int | None) -> bool:
    """Tell whether an order was there when the bar opened; one that did not travel always was."""
    if order.arrival is not None:
        if opened is None or opened < order.arrival:
            return False
        order.arrival = None
    return True


def _walk(visit: "_Visit", closed_at: int, buying: Prices, selling: Prices) -> None:
    """Let a bar come to the orders that rest within its range, by the declared path."""
    visit.walk_to((buying[0], buying[0]), (selling[0], selling[0]), at_open=True)
    visit.ts_event = closed_at
    visit.matcher.at_open = False
    path = visit.matcher.settings.fill.path
    if path is IntrabarPath.ADVERSE_FIRST:
        visit.reach_stops(buying[0], buying[1], selling[0], selling[2])
        visit.reach_limits(buying[0], buying[2], selling[0], selling[1], only_earlier=True)
        return
    up, down = path_points(path, buying), path_points(path, selling)
    for leg in range(3):
        visit.walk_to(up[leg : leg + 2], down[leg : leg + 2])


def _meet_open(matcher: Matcher, bar: Bar | QuoteBar, previous: Bar | QuoteBar | None, opened_at: int, ask: int, bid: int) -> None:
    """Let the orders that have not met the market yet meet the open."""
    fill = matcher.settings.fill
    for order in list(matcher.arrivals.values()):
        if order.arrival is not None and not _came_before(order, _opening(matcher, bar, previous)):
            continue
        if order.is_stop or order.is_maker or (fill.limits_rest and order.limit is not None and not order.at_once):
            matcher.rest(order)
            order.rested_at = 0  # it was there before this bar
        else:
            matcher.take_at(order, ask if order.sign > 0 else bid, opened_at, bar.ts_init, touch=fill.touch)


class _Visit:
    """One bar's way past the orders."""

    def __init__(self, matcher: Matcher, opened_at: int, bar: Bar | QuoteBar, buying: Prices, selling: Prices) -> None:
        self.matcher = matcher
        self.ts_event = opened_at
        self._closed_at = bar.ts_event
        self._now = bar.ts_init
        self._buying, self._selling = buying, selling

    def walk_to(self, buying: tuple[int, ...], selling: tuple[int, ...], *, at_open: bool = False) -> None:
        """Fill what lies on the way between two prices, as the way comes to it."""
        (ask_from, ask_to), (bid_from, bid_to) = buying, selling
        matcher, touch = self.matcher, self.matcher.settings.fill.touch
        reached = [(abs(order.rung - ask_from), order) for order in matcher.buy_limits.reached(ask_to, touch=touch)]
        reached += [(abs(order.rung - bid_from), order) for order in matcher.sell_limits.reached(bid_to, touch=touch)]
        reached += [(abs(order.rung - ask_from), order) for order in matcher.buy_stops.reached(ask_to, touch=True)]
        reached += [(abs(order.rung - bid_from), order) for order in matcher.sell_stops.reached(bid_to, touch=True)]
        reached.sort(key=lambda one: (0 if at_open else one[0], one[1].sequence))
        for _, order in reached:
            if order.ladder is None:
                continue
            if order.is_stop:
                self._trigger(order, ask_from if order.sign > 0 else bid_from)
            else:
                self._make(order, ask_from if order.sign > 0 else bid_from, through=ask_to if order.sign > 0 else bid_to)

    def reach_stops(self, ask_open: int, ask_high: int, bid_open: int, bid_low: int) -> None:
        """Trigger the stops that a bar reached after its open, nearest first."""
        matcher = self.matcher
        for order in _by_distance(matcher.buy_stops, ask_high, ask_open, matcher.sell_stops, bid_low, bid_open, touch=True):
            self._trigger(order, ask_open if order.sign > 0 else bid_open)

    def reach_limits(self, ask_open: int, ask_low: int, bid_open: int, bid_high: int, *, only_earlier: bool) -> None:
        """Fill the limits that a bar traded through, nearest first."""
        matcher, touch = self.matcher, self.matcher.settings.fill.touch
        for order in _by_distance(matcher.buy_limits, ask_low, ask_open, matcher.sell_limits, bid_high, bid_open, touch=touch):
            came_now = order.rested_at == matcher.event_number and order.order.trigger_price is not None
            if order.ladder is not None and not (only_earlier and came_now):
                self._make(order, ask_open if order.sign > 0 else bid_open, through=ask_low if order.sign > 0 else bid_high)

    def _trigger(self, order: WorkingOrder, opened: int) -> None:
        matcher, price, rule = self.matcher, order.rung, self.matcher.settings.fill.stop_price
        if rule is StopPrice.TRIGGER_WITHIN_BAR:
            price = max(price, self._buying[2]) if order.sign > 0 else min(price, self._selling[1])
        elif rule is not StopPrice.TRIGGER:
            other = opened if rule is StopPrice.TRIGGER_OR_OPEN else (self._buying if order.sign > 0 else self._selling)[3]
            price = order.sign * max(order.sign * price, order.sign * other)
        matcher.spend(matcher.trigger(order, [(price, matcher.budget)], self.ts_event, self._now))

    def _make(self, order: WorkingOrder, opened: int, *, through: int) -> None:
        matcher, fill = self.matcher, self.matcher.settings.fill
        assert order.limit is not None
        price, ts_event = order.limit, self._closed_at
        if fill.improvement is not Improvement.NONE and order.sign * (price - opened) > 0:
            _, high, low, _ = self._buying if order.sign > 0 else self._selling
            better = opened if fill.improvement is Improvement.OPEN else high if order.sign > 0 else low
            if order.sign * (price - better) > 0:
                price, ts_event = better, self.ts_event
        capped = matcher.budget is not None and not (fill.through_fills_all and through != order.limit)
        quantity = matcher.budget if capped and matcher.budget is not None else order.remaining
        matcher.spend([(price, matcher.make(order, price, quantity, ts_event, self._now))])


def _by_distance(buys: Ladder, ask: int, ask_open: int, sells: Ladder, bid: int, bid_open: int, *, touch: bool) -> list[WorkingOrder]:
    reached = [(abs(order.rung - ask_open), order.sequence, order) for order in buys.reached(ask, touch=touch)]
    reached += [(abs(order.rung - bid_open), order.sequence, order) for order in sells.reached(bid, touch=touch)]
    reached.sort(key=lambda one: one[:2])
    return [order for _, _, order in reached]
