"""Market view: the last prices of an instrument, which is all that risk and portfolio read of the market."""

from collections import deque

from live.core.book import BookState, OrderBook
from live.core.decimals import LARGEST_INTEGER
from live.core.errors import InputError
from live.core.market_events import Bar, BookDelta, BookSnapshot, FundingRate, Quote, QuoteBar, Trade

REFERENCE_WINDOW = 9
"""Prices in the slow reference: one wild price moves the last price but not the median of nine."""


class InstrumentMarket:
    """Hold an instrument's last prices, the venue time of them, and the prices of the slow reference.

    The last price is that of the last trade or the close of the last bar; where neither ever came, the middle of bid and
    ask, rounded down.

    Attributes:
        last_price: price units, None before the first.
        event_time: venue time of the newest event, nanoseconds UTC.
        bid_price: best bid in price units, None while unknown; with its quantity, 0 when unknown.
        ask_price: best ask, as the bid.
        quote_time: venue time of bid and ask, nanoseconds UTC; 0 before the first.
        mark_price: the price that funding was last computed at, price units.
        feed_healthy: whether market data flows without a gap.
        book: the order book, None until one is received.
        saw_bars: whether bars ever came.
    """

    __slots__ = (
        "_prices",
        "_quoted_to",
        "_seen_to",
        "_traded",
        "ask_price",
        "ask_quantity",
        "bid_price",
        "bid_quantity",
        "book",
        "event_time",
        "feed_healthy",
        "last_price",
        "mark_price",
        "quote_time",
        "saw_bars",
    )

    def __init__(self) -> None:
        self.last_price: int | None = None
        self.event_time = 0
        self.bid_price: int | None = None
        self.bid_quantity = 0
        self.ask_price: int | None = None
        self.ask_quantity = 0
        self.quote_time = 0
        self.mark_price: int | None = None
        self.feed_healthy = True
        self.book: OrderBook | None = None
        self.saw_bars = False
        self._traded = False
        self._seen_to = -1
        self._quoted_to = -1
        self._prices: deque[int] = deque(maxlen=REFERENCE_WINDOW)

    def observe(self, bar: Bar) -> None:
        """Take in a finished bar; a warm-up bar feeds only the slow reference, never the current price.

        Raises:
            InputError: the bar contradicts itself, or is not later than the one before.
        """
        low, high = bar.low, bar.high
        open_, close = bar.open, bar.close
        ts_event = bar.ts_event
        # Compared in pairs, as a chain would shift its operands about: this is done on every bar.
        if not (
            low > 0
            and low <= open_
            and low <= close
            and open_ <= high
            and close <= high
            and bar.volume >= 0
            and high <= LARGEST_INTEGER
            and ts_event > self._seen_to
        ):
            raise InputError(f"{_fault(bar, self._seen_to)}; received {bar!r}: mend or drop it at its source")
        self._seen_to = ts_event
        self._prices.append(close)
        if not bar.warm_up:
            self.last_price = close
            self.event_time = ts_event
            if not self.saw_bars:
                self.saw_bars = self._traded = True

    def observe_trade(self, trade: Trade) -> None:
        """Take in a trade; one of the warm-up feeds only the slow reference.

        Raises:
            InputError: its price or quantity is not positive or does not fit.
        """
        price, quantity = trade.price, trade.quantity
        if not (price > 0 and price <= LARGEST_INTEGER and quantity > 0 and quantity <= LARGEST_INTEGER):  # as for a bar
            raise InputError(f"a trade has a positive price and quantity; received {trade!r}: mend or drop it at its source")
        self._prices.append(price)
        if not trade.warm_up:
            self.last_price = price
            self._traded = True
            if trade.ts_event > self.event_time:  # noqa: PLR1730 - max() would cost a call on every trade
                self.event_time = trade.ts_event

    def observe_quote(self, quote: Quote) -> None:
        """Take in the best bid and ask; one of the warm-up says nothing about now.

        Raises:
            InputError: a price is not positive, a quantity is negative, or the bid lies above the ask.
        """
        bid, ask = quote.bid_price, quote.ask_price
        if not (0 < bid <= ask <= LARGEST_INTEGER and quote.bid_quantity >= 0 and quote.ask_quantity >= 0):
            raise InputError(f"a quote has a positive bid not above its ask; received {quote!r}: mend or drop it at its source")
        if not quote.warm_up:
            self._set_quote(bid, quote.bid_quantity, ask, quote.ask_quantity, quote.ts_event)

    def observe_quote_bar(self, bar: QuoteBar) -> None:
        """Take in a finished bar of bid and ask; one of the warm-up feeds only the slow reference.

        Raises:
            InputError: the bar contradicts itself, or is not later than the one before.
        """
        if not (
            0 < bar.bid_low <= bar.bid_open <= bar.bid_high
            and bar.bid_low <= bar.bid_close <= bar.bid_high
            and 0 < bar.ask_low <= bar.ask_open <= bar.ask_high <= LARGEST_INTEGER
            and bar.ask_low <= bar.ask_close <= bar.ask_high
            and bar.bid_close <= bar.ask_close
            and min(bar.bid_quantity, bar.ask_quantity) >= 0
            and bar.ts_event > self._quoted_to
        ):
            raise InputError(
                f"a bar of bid and ask lies between its lows and highs, its bid not above its ask, and after the one before at "
                f"{self._quoted_to}; received {bar!r}: mend or drop it at its source"
            )
        self._quoted_to = bar.ts_event
        if not self.saw_bars:
            self._prices.append((bar.bid_close + bar.ask_close) // 2)
        if not bar.warm_up:
            self._set_quote(bar.bid_close, bar.bid_quantity, bar.ask_close, bar.ask_quantity, bar.ts_event)

    def observe_book(self, event: BookSnapshot | BookDelta) -> str:
        """Take in a whole book or a change of it; says what is wrong with the book after it, empty when nothing is.

        A book with a gap or a crossed one gives no prices, and its feed counts as down until the next snapshot.

        Raises:
            InputError: a level is malformed.
        """
        book = self.book
        if book is None:
            book = self.book = OrderBook()
        became = book.apply(event)
        if event.warm_up:
            return ""
        bid, ask = book.best_bid, book.best_ask
        if bid is None or ask is None:
            self.bid_price = self.ask_price = None
            self.bid_quantity = self.ask_quantity = 0
        else:
            self._set_quote(bid[0], bid[1], ask[0], ask[1], event.ts_event)
        if became is None:
            return ""
        self.feed_healthy = became is BookState.SYNCHRONISED
        return "" if self.feed_healthy else str(became)

    def observe_funding(self, event: FundingRate) -> None:
        """Take in a funding rate.

        Raises:
            InputError: the mark price is not positive.
        """
        if not 0 < event.mark_price <= LARGEST_INTEGER:
            raise InputError(f"funding is computed at a positive mark price; received {event!r}: mend or drop it at its source")
        if not event.warm_up:
            self.mark_price = event.mark_price

    def slow_reference(self) -> int | None:
        """Give the median of the last prices, the lower one of two, in price units."""
        prices = sorted(self._prices)
        return prices[(len(prices) - 1) // 2] if prices else None

    def _set_quote(self, bid: int, bid_quantity: int, ask: int, ask_quantity: int, ts_event: int) -> None:
        self.bid_price, self.bid_quantity, self.ask_price, self.ask_quantity = bid, bid_quantity, ask, ask_quantity
        self.quote_time = ts_event
        self.event_time = max(self.event_time, ts_event)
        if not self._traded:
            self.last_price = (bid + ask) // 2
            self._prices.append(self.last_price)


def _fault(bar: Bar, seen_to: int) -> str:
    if bar.ts_event <= seen_to:
        return f"a bar of {bar.instrument_id} closes at {bar.ts_event}, not after the one before at {seen_to}"
    if min(bar.open, bar.high, bar.low, bar.close) <= 0:
        return f"a bar of {bar.instrument_id} has a price that is not positive"
    if bar.volume < 0:
        return f"a bar of {bar.instrument_id} has a negative volume"
    if bar.high > LARGEST_INTEGER:
        return f"a bar of {bar.instrument_id} has a price beyond {LARGEST_INTEGER} units"
    return f"a bar of {bar.instrument_id} has an open or close outside its low and high"
