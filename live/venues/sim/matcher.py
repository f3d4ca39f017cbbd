"""The orders of one instrument at a simulated venue, what its market last showed, and what happens when the two meet.

Which price an order meets is the business of `matching_bars`, `matching_quotes`, `matching_trades` and `matching_book`. How an
order takes, rests, triggers and ends is the same for all of them, and is here.
"""

from collections.abc import Iterable
from typing import Protocol

from live.core.book import OrderBook
from live.core.decimals import PARTS_PER_MILLION
from live.core.effects import SubmitOrder
from live.core.inputs import OrderExpired, VenueReport
from live.core.instruments import Instrument
from live.core.market_events import Bar, Quote, QuoteBar, Trade
from live.core.vocabulary import Liquidity, OrderType, Side, TimeInForce
from live.venues.sim.queueing import join_queue
from live.venues.sim.settings import Excess, FillPrice, SimulationSettings, Source
from live.venues.sim.working import Ladder, WorkingOrder

_BUY, _LIMIT_MAKER, _FOK = Side.BUY, OrderType.LIMIT_MAKER, TimeInForce.FILL_OR_KILL
_MAKER, _TAKER = Liquidity.MAKER, Liquidity.TAKER

Offer = tuple[int, int | None]
"""A price and how much may be taken at it, in quantity units; None is as much as one likes."""


class Desk(Protocol):
    """What the matching of one instrument needs of its venue."""

    def execute(
        self, order: WorkingOrder, instrument: Instrument, price: int, quantity: int, liquidity: Liquidity, ts_event: int, now: int
    ) -> None:
        """Report an execution, of an order whose remaining quantity still counts it."""
        ...

    def tell(self, order: WorkingOrder, report: VenueReport, now: int) -> None:
        """Report anything else about an order."""
        ...


class Matcher:
    """Hold the orders of one instrument and meet them with its market.

    Attributes:
        instrument: what is traded.
        settings: rules of the venue.
        positions: accounts' net positions by the executions here, in signed quantity units.
        orders: every order at the venue, by client order id, in order of arrival.
        arrivals: those of them that have not met the market yet, and market orders that wait for more of it.
        buy_limits: resting buys, highest price first.
        sell_limits: resting sells, lowest price first.
        buy_stops: stops above the market, lowest trigger first.
        sell_stops: stops below the market, highest trigger first.
        bar: last bar, None before the first.
        quote_bar: last bar of quotes.
        quote: last quote.
        trade: last trade.
        trade_is_newest: whether no bar that fills orders came after the last trade: its close would be news that the trade is not.
        taken_by: price of the last trade that a buyer (1) or a seller (-1) began, moved along when the other side's trade passes it.
        book: the order book, None before the first snapshot or delta.
        book_time: when the book last changed, engine time.
        bounds_slippage: whether slippage ends at the highest and lowest price of a bar.
        has_filters: whether the venue refuses orders for what the market or other orders are.
        meets_close: whether orders may fill at the close of the bar that is over.
        event_number: how many market events met orders here.
        budget: quantity units of the current event's volume that our orders may still take; None without a cap.
        at_open: whether orders meet the open of a bar now.
        extremes: highest price a buy and lowest price a sell may slip to now, by side sign; empty where nothing bounds slippage.
        consumed: what we took from a level, by (side sign, price), with what was visible then; it comes back when the level changes.
    """

    __slots__ = (
        "_always_slips",
        "_desk",
        "_price_moves",
        "_slipping",
        "_tick",
        "arrivals",
        "at_open",
        "bar",
        "book",
        "book_time",
        "bounds_slippage",
        "budget",
        "buy_limits",
        "buy_stops",
        "consumed",
        "event_number",
        "extremes",
        "has_filters",
        "instrument",
        "meets_close",
        "orders",
        "positions",
        "quote",
        "quote_bar",
        "sell_limits",
        "sell_stops",
        "settings",
        "taken_by",
        "trade",
        "trade_is_newest",
        "use_bars",
        "use_book",
        "use_quote_bars",
        "use_quotes",
        "use_trades",
    )

    def __init__(self, instrument: Instrument, settings: SimulationSettings, desk: Desk) -> None:
        self._desk = desk
        self._slipping = settings.costs
        self._always_slips = settings.costs.slippage_probability_ppm == PARTS_PER_MILLION
        self.bounds_slippage = settings.costs.slippage_within_bar
        self._tick = instrument.tick_size
        self._price_moves = settings.costs.has_slippage
        self.instrument = instrument
        self.settings = settings
        self.orders: dict[str, WorkingOrder] = {}
        self.arrivals: dict[str, WorkingOrder] = {}
        self.positions: dict[str, int] = {}
        self.buy_limits, self.sell_limits = Ladder(rising=False), Ladder(rising=True)
        self.buy_stops, self.sell_stops = Ladder(rising=True), Ladder(rising=False)
        self.bar: Bar | None = None
        self.quote_bar: QuoteBar | None = None
        self.quote: Quote | None = None
        self.trade: Trade | None = None
        self.trade_is_newest = False
        self.taken_by: dict[int, int] = {}
        self.book: OrderBook | None = None
        self.book_time = 0
        self.event_number = 0
        self.budget: int | None = None
        self.at_open = False
        self.extremes: dict[int, int] = {}
        self.consumed: dict[tuple[int, int], tuple[int, int]] = {}
        filters = settings.filters
        has_minimum = filters.minimum_notional and instrument.minimum_notional
        self.has_filters = bool(has_minimum or filters.price_up_ppm or filters.price_down_ppm or filters.maximum_orders)
        self.meets_close = settings.fill.price is FillPrice.SAME_CLOSE
        sources = settings.fill.sources
        self.use_bars = Source.BARS in sources
        self.use_quote_bars = Source.QUOTE_BARS in sources
        self.use_quotes = Source.QUOTES in sources
        self.use_trades = Source.TRADES in sources
        self.use_book = Source.BOOK in sources

    # What the market shows

    def price(self, sign: int) -> int | None:
        """Give what a buy (+1) would pay or a sell (-1) would get now, from the nearest source there is; None when nothing is known."""
        book = self.book
        best = None if book is None else book.best_ask if sign > 0 else book.best_bid
        if best is not None:
            return best[0]
        if self.quote is not None:
            return self.quote.ask_price if sign > 0 else self.quote.bid_price
        if self.trade is not None and self.trade_is_newest:
            return self.taken_by.get(sign, self.trade.price)
        if self.quote_bar is not None:
            return self.quote_bar.ask_close if sign > 0 else self.quote_bar.bid_close
        return None if self.bar is None else self.bar.close

    def takes_touch(self) -> bool:
        """Tell whether an order at exactly the price that `price` gives takes it."""
        shown = self.quote is not None or self.book is not None
        return shown or self.settings.fill.touch

    def available(self, sign: int, price: int, visible: int) -> int:
        """Give how much of a visible level our own earlier fills have left."""
        before, used = self.consumed.get((sign, price), (visible, 0))
        return visible - used if before == visible else visible

    def consume(self, sign: int, price: int, visible: int, quantity: int) -> None:
        """Note that we took from a level."""
        before, used = self.consumed.get((sign, price), (visible, 0))
        self.consumed[sign, price] = (visible, quantity + (used if before == visible else 0))

    # What orders do

    def take_on(self, order: SubmitOrder, remaining: int, sequence: int, arrival: int | None = None) -> WorkingOrder:
        """Take an order to the venue, of which `remaining` quantity units may still fill; there it waits to meet the market."""
        order_id = order.order_id
        self.orders[order_id] = self.arrivals[order_id] = working = WorkingOrder(
            order,
            order_id,
            1 if order.side is _BUY else -1,
            order.limit_price,
            remaining,
            sequence,
            arrival,
            order.trigger_price is not None,
            order.order_type is _LIMIT_MAKER,
            f"V{order_id}",
        )
        return working

    def remove(self, order: WorkingOrder) -> None:
        """Take an order off the venue."""
        del self.orders[order.order_id]
        if order.ladder is None:
            del self.arrivals[order.order_id]
        else:
            order.ladder.remove(order)

    def rest(self, order: WorkingOrder) -> None:
        """Put an order that waited to where the market will find it."""
        self.arrivals.pop(order.order_id, None)
        order.rested_at = self.event_number
        if order.is_stop:
            assert order.order.trigger_price is not None
            (self.buy_stops if order.sign > 0 else self.sell_stops).add(order.order.trigger_price, order)
        else:
            assert order.limit is not None
            (self.buy_limits if order.sign > 0 else self.sell_limits).add(order.limit, order)
            if self.settings.queue.enabled:
                join_queue(order, self.settings.queue, self.book, self.quote)

    def expire(self, order: WorkingOrder, reason: str, ts_event: int, now: int) -> None:
        """End an order whose time in force ran out."""
        self.remove(order)
        self._desk.tell(order, OrderExpired(now, ts_event, order.order_id, reason, order.filled), now)

    def take_at(self, order: WorkingOrder, price: int, ts_event: int, now: int, *, touch: bool) -> None:
        """Let an order that meets the market take, at one price, what our orders may still take of the event's volume."""
        if self.budget is not None or order.limit is not None or order.order.reduce_only:
            self.spend(self.take(order, [(price, self.budget)], ts_event, now, touch=touch))
        # A market order takes as much as it likes; an offer below one tick is moved to it, slippage or not.
        elif self._price_moves or price < self._tick:
            self._fill_taking(order, price, order.remaining, ts_event, now)
        else:
            self._fill(order, price, order.remaining, _TAKER, ts_event, now)

    def spend(self, taken: list[tuple[int, int]]) -> None:
        """Take fills off what our orders may still take of the volume."""
        if self.budget is not None:
            self.budget = max(0, self.budget - sum(quantity for _, quantity in taken))

    def take(self, order: WorkingOrder, offers: Iterable[Offer], ts_event: int, now: int, *, touch: bool) -> list[tuple[int, int]]:
        """Let an order that meets the market take what is offered, best first; then rest, wait or end what is left of it.

        Args:
            order: the order.
            offers: prices and quantities on offer.
            ts_event: when the market offered it, nanoseconds UTC.
            now: engine time.
            touch: whether an offer at exactly the limit price is good enough.

        Returns:
            What was taken, as (price on offer, quantity units).
        """
        limit, sign, asked = order.limit, order.sign, order.order
        chosen: list[tuple[int, int]] = []
        wanted = self._reducible(order, ts_event, now) if asked.reduce_only else order.remaining
        if not wanted:
            return chosen
        last: int | None = None
        for price, quantity in offers:
            if limit is not None and (sign * (limit - price) < 0 or (limit == price and not touch)):
                break
            last = price
            part = wanted if quantity is None else min(wanted, quantity)
            if part > 0:
                chosen.append((price, part))
                wanted -= part
            if not wanted:
                break
        if asked.time_in_force is _FOK and sum(part for _, part in chosen) < order.remaining:
            self.expire(order, "FOK", ts_event, now)
            return []
        for price, part in chosen:
            self._fill_taking(order, price, part, ts_event, now)
        if order.remaining:
            self._settle(order, last, ts_event, now)
        return chosen

    def make(self, order: WorkingOrder, price: int, quantity: int, ts_event: int, now: int) -> int:
        """Fill a resting order as a maker by at most `quantity`, and give by how much."""
        part = min(self._reducible(order, ts_event, now), quantity)
        if part > 0:
            self._fill(order, price, part, _MAKER, ts_event, now)
            if order.remaining:
                self._end_if_reduced(order, ts_event, now)
        return max(0, part)

    def trigger(self, order: WorkingOrder, offers: Iterable[Offer], ts_event: int, now: int) -> list[tuple[int, int]]:
        """Begin what a stop was waiting to be, and let it take what is offered; gives what it took."""
        assert order.ladder is not None
        order.ladder.remove(order)
        self.arrivals[order.order_id] = order
        order.mark_triggered()
        return self.take(order, offers, ts_event, now, touch=True)

    def _settle(self, order: WorkingOrder, last_price: int | None, ts_event: int, now: int) -> None:
        """Decide what becomes of what is left of an order that met the market."""
        if self._end_if_reduced(order, ts_event, now):
            return
        if order.at_once:
            self.expire(order, "IOC", ts_event, now)
        elif order.limit is not None:
            if order.ladder is None:
                self.rest(order)
        elif last_price is not None and self.settings.fill.excess is Excess.NEXT_TICK:
            worse = max(self.instrument.tick_size, last_price + order.sign * self.instrument.tick_size)
            self._fill_taking(order, worse, self._reducible(order, ts_event, now), ts_event, now)
        elif last_price is not None and self.settings.fill.excess is Excess.EXPIRE:
            self.expire(order, "IOC", ts_event, now)

    def _reducible(self, order: WorkingOrder, ts_event: int, now: int) -> int:
        """Give how much of an order may fill; a reduce-only order that has nothing to reduce expires."""
        if not order.order.reduce_only:
            return order.remaining
        held = -order.sign * self.positions.get(order.order.account_id, 0)
        if held <= 0:
            self.expire(order, "REDUCE_ONLY", ts_event, now)
            return 0
        return min(order.remaining, held)

    def _end_if_reduced(self, order: WorkingOrder, ts_event: int, now: int) -> bool:
        if not order.order.reduce_only or self.positions.get(order.order.account_id, 0) * order.sign < 0:
            return False
        self.expire(order, "REDUCE_ONLY", ts_event, now)
        return True

    def _fill_taking(self, order: WorkingOrder, offered: int, quantity: int, ts_event: int, now: int) -> None:
        costs = self._slipping
        if costs.slippage_on_opening_only:
            held = -order.sign * self.positions.get(order.order.account_id, 0)
            closing = min(max(0, held), quantity)
            if closing:
                self._fill(order, offered, closing, _TAKER, ts_event, now)
                quantity -= closing
            if not quantity:
                return
        price = offered
        if (costs.slippage_at_open or not self.at_open) and (
            self._always_slips or costs.slips(self.settings.seed, order.order_id, order.filled)
        ):
            price = costs.slipped(offered, order.order.side, self.instrument)
            if self.extremes:
                price = order.sign * max(order.sign * offered, min(order.sign * price, order.sign * self.extremes[order.sign]))
            if order.limit is not None:
                price = min(price, order.limit) if order.sign > 0 else max(price, order.limit)
        self._fill(order, price, quantity, _TAKER, ts_event, now)

    def _fill(self, order: WorkingOrder, price: int, quantity: int, liquidity: Liquidity, ts_event: int, now: int) -> None:
        self._desk.execute(order, self.instrument, price, quantity, liquidity, ts_event, now)
        account_id, positions = order.order.account_id, self.positions
        positions[account_id] = positions.get(account_id, 0) + order.sign * quantity
        order.remaining -= quantity
        if not order.remaining:
            self.remove(order)
