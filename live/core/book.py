"""Order book: every price level of one instrument, kept from snapshots and deltas, and checked as it changes.

Sequence rules are those that Binance publishes for a local book ("How to manage a local order book correctly"): a delta
that ends at or before the snapshot is old, one that spans it applies, and each later one must begin no later than the number after
the last one seen. What cannot be trusted gives no prices: an empty book, one with a gap, and one whose sides touch or cross.
"""

from bisect import bisect_left, insort
from collections import deque
from enum import StrEnum
from itertools import islice

from live.core.decimals import LARGEST_INTEGER
from live.core.errors import InputError
from live.core.market_events import BookDelta, BookSnapshot, Levels
from live.core.vocabulary import Side

Level = tuple[int, int]
"""A price level as (price units, quantity units)."""

RECENT_DELTAS = 1_024
"""Deltas kept for a snapshot that is older than they are: it was asked for after the stream had begun, as it must be."""


class BookState(StrEnum):
    """Whether a book can be believed; only SYNCHRONISED gives prices."""

    EMPTY = "EMPTY"
    """No snapshot came yet."""
    SYNCHRONISED = "SYNCHRONISED"
    """Snapshot and deltas form an unbroken chain."""
    GAP = "GAP"
    """A delta is missing: nothing counts until a snapshot that joins the deltas."""
    LOCKED = "LOCKED"
    """The best bid equals the best ask."""
    CROSSED = "CROSSED"
    """The best bid is above the best ask."""


class OrderBook:
    """Hold the bids and asks of one instrument.

    Attributes:
        state: whether the book can be believed.
        sequence: the venue's number of the last update that the book holds, -1 before the first.
        ts_event: when that update happened at the venue, nanoseconds UTC.
    """

    __slots__ = ("_ask_prices", "_asks", "_bid_prices", "_bids", "_recent", "sequence", "state", "ts_event")

    def __init__(self) -> None:
        self.state = BookState.EMPTY
        self.sequence = -1
        self.ts_event = 0
        self._bids: dict[int, int] = {}
        self._asks: dict[int, int] = {}
        # Both lists ascend to the best price, so that changes near it move little memory: asks are held negated.
        self._bid_prices: list[int] = []
        self._ask_prices: list[int] = []
        self._recent: deque[BookDelta] = deque(maxlen=RECENT_DELTAS)

    def apply(self, event: BookSnapshot | BookDelta) -> BookState | None:
        """Take in a snapshot or a delta; give the state it brought about, None when the state stays as it was.

        A snapshot replaces the book, and the deltas that were received lately are spliced onto it by their numbers. A delta that only
        says what is known already changes nothing.

        Raises:
            InputError: the levels are not sorted from the best on, name a price twice, hold a price or quantity that cannot be, or
                the numbers run backwards. The book is as it was.
        """
        before = self.state
        if isinstance(event, BookDelta):
            _check(event, least=0)
            if self._recent and event.last_sequence < self._recent[-1].first_sequence:
                self._recent.clear()  # the venue repeats itself or began to count anew: what came before joins nothing that follows
            self._recent.append(event)
            if before is not BookState.EMPTY and before is not BookState.GAP:
                self._follow(event)
        else:
            _check(event, least=1)
            self._replace(event)
        return None if self.state is before else self.state

    @property
    def best_bid(self) -> Level | None:
        """Give the highest bid, None when there is none or the book cannot be believed."""
        if self.state is not BookState.SYNCHRONISED or not self._bid_prices:
            return None
        price = self._bid_prices[-1]
        return price, self._bids[price]

    @property
    def best_ask(self) -> Level | None:
        """Give the lowest ask, None when there is none or the book cannot be believed."""
        if self.state is not BookState.SYNCHRONISED or not self._ask_prices:
            return None
        price = -self._ask_prices[-1]
        return price, self._asks[price]

    def bids(self, count: int | None = None) -> Levels:
        """Give the best `count` bids from the highest on, all unless given; none while the book cannot be believed."""
        return self._levels(Side.BUY, count)

    def asks(self, count: int | None = None) -> Levels:
        """Give the best `count` asks from the lowest on, all unless given; none while the book cannot be believed."""
        return self._levels(Side.SELL, count)

    def quantity_at(self, side: Side, price: int) -> int | None:
        """Give what rests on a side at a price, in quantity units; None while the book cannot be believed."""
        if self.state is not BookState.SYNCHRONISED:
            return None
        return (self._bids if side is Side.BUY else self._asks).get(price, 0)

    def depth(self, side: Side, limit_price: int | None = None) -> int | None:
        """Give what rests on a side at `limit_price` or better for who takes it, in quantity units; everything unless a price is given.

        None while the book cannot be believed.
        """
        if self.state is not BookState.SYNCHRONISED:
            return None
        sign, prices, quantities = self._side(side)
        if limit_price is None:
            return sum(quantities.values())
        return sum(quantities[sign * key] for key in islice(prices, bisect_left(prices, sign * limit_price), None))

    def walk(self, side: Side, quantity: int, limit_price: int | None = None) -> list[Level]:
        """Give the fills of an order that takes liquidity, best price first; they sum to less than `quantity` when the book ends.

        The book itself does not change, and gives no fill while it cannot be believed.

        Args:
            side: of the order: a buy takes asks.
            quantity: of the order, in quantity units.
            limit_price: worst price the order pays, in price units; any unless given.
        """
        fills: list[Level] = []
        if self.state is not BookState.SYNCHRONISED:
            return fills
        sign, prices, quantities = self._side(Side.SELL if side is Side.BUY else Side.BUY)
        worst = None if limit_price is None else sign * limit_price
        for key in reversed(prices):
            if quantity <= 0 or (worst is not None and key < worst):
                break
            price = sign * key
            taken = min(quantity, quantities[price])
            fills.append((price, taken))
            quantity -= taken
        return fills

    def average_price(self, side: Side, quantity: int) -> int | None:
        """Give the expected average price of an order that takes `quantity` at once, in price units, rounded against who takes.

        None when the book holds less than `quantity`, or cannot be believed.
        """
        fills = self.walk(side, quantity)
        if quantity <= 0 or sum(taken for _, taken in fills) < quantity:
            return None
        value = sum(price * taken for price, taken in fills)
        return -(-value // quantity) if side is Side.BUY else value // quantity

    def _side(self, side: Side) -> tuple[int, list[int], dict[int, int]]:
        return (1, self._bid_prices, self._bids) if side is Side.BUY else (-1, self._ask_prices, self._asks)

    def _levels(self, side: Side, count: int | None) -> Levels:
        if self.state is not BookState.SYNCHRONISED:
            return ()
        sign, prices, quantities = self._side(side)
        return tuple((sign * key, quantities[sign * key]) for key in islice(reversed(prices), count))

    def _replace(self, snapshot: BookSnapshot) -> None:
        self.sequence = snapshot.sequence
        self.ts_event = snapshot.ts_event
        self._bids = dict(snapshot.bids)
        self._asks = dict(snapshot.asks)
        self._bid_prices = [price for price, _ in reversed(snapshot.bids)]
        self._ask_prices = [-price for price, _ in reversed(snapshot.asks)]
        self._judge()
        for delta in self._recent:
            self._follow(delta)
            if self.state is BookState.GAP:
                return

    def _follow(self, delta: BookDelta) -> None:
        if delta.last_sequence <= self.sequence:
            return
        if delta.first_sequence > self.sequence + 1:
            self.state = BookState.GAP
            return
        _change(self._bid_prices, self._bids, delta.bids, 1)
        _change(self._ask_prices, self._asks, delta.asks, -1)
        self.sequence = delta.last_sequence
        self.ts_event = delta.ts_event
        self._judge()

    def _judge(self) -> None:
        room = -self._ask_prices[-1] - self._bid_prices[-1] if self._bid_prices and self._ask_prices else 1
        self.state = BookState.SYNCHRONISED if room > 0 else BookState.CROSSED if room else BookState.LOCKED


def _change(prices: list[int], quantities: dict[int, int], levels: Levels, sign: int) -> None:
    for price, quantity in levels:
        if quantity:
            if price not in quantities:
                insort(prices, sign * price)
            quantities[price] = quantity
        elif price in quantities:  # venues also remove levels that lie beyond what the snapshot showed
            del quantities[price]
            del prices[bisect_left(prices, sign * price)]


def _check(event: BookSnapshot | BookDelta, least: int) -> None:
    """Refuse levels that no book can have; `least` is the smallest quantity that makes sense."""
    before = LARGEST_INTEGER + 1
    for price, quantity in event.bids:
        if not (0 < price < before and least <= quantity <= LARGEST_INTEGER):
            raise InputError(_fault(event, "bid", (price, quantity), before if before <= LARGEST_INTEGER else None))
        before = price
    before = 0
    for price, quantity in event.asks:
        if not (before < price <= LARGEST_INTEGER and least <= quantity <= LARGEST_INTEGER):
            raise InputError(_fault(event, "ask", (price, quantity), before or None))
        before = price
    if isinstance(event, BookDelta) and event.first_sequence > event.last_sequence:
        raise InputError(
            f"a book delta of {event.instrument_id} at {event.ts_event} runs from update {event.first_sequence} back to "
            f"{event.last_sequence}: mend or drop it at its source"
        )


def _fault(event: BookSnapshot | BookDelta, name: str, level: Level, before: int | None) -> str:
    told = "" if before is None else f" after {before}"
    return (
        f"a book of {event.instrument_id} at {event.ts_event} has a {name} that is not sorted from the best on, not positive, or beyond "
        f"{LARGEST_INTEGER}, received (price, quantity) = {level}{told}: mend or drop it at its source"
    )
