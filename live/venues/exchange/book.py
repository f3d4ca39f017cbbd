"""The order book of one symbol: levels of resting orders in price-time priority, and which levels changed."""

from bisect import bisect_left, insort
from collections.abc import Iterator

from live.venues.exchange.fixed8 import Fixed8
from live.venues.exchange.orders import Side, VenueOrder


class Level:
    """Resting orders of one price, oldest first.

    Attributes:
        orders: by order id; a dictionary keeps the order of arrival and lets any order leave at once.
        quantity: what they have left together.
    """

    __slots__ = ("orders", "quantity")

    def __init__(self) -> None:
        self.orders: dict[int, VenueOrder] = {}
        self.quantity: Fixed8 = 0


class BookSide:
    """One side of a book.

    Attributes:
        levels: by price.
        touched: prices whose quantity changed since the changes were taken last.
    """

    __slots__ = ("_keys", "_sign", "levels", "touched")

    def __init__(self, side: Side) -> None:
        # Keys ascend to the best price, so that changes near it move little memory: a seller's are held negated.
        self._sign = 1 if side is Side.BUY else -1
        self._keys: list[int] = []
        self.levels: dict[Fixed8, Level] = {}
        self.touched: dict[Fixed8, None] = {}

    @property
    def best(self) -> Fixed8:
        """Give the best price, 0 when nobody is there."""
        return self._keys[-1] * self._sign if self._keys else 0

    def prices(self) -> Iterator[Fixed8]:
        """Give prices from the best on; the side must not change meanwhile."""
        sign = self._sign
        return (key * sign for key in reversed(self._keys))

    def add(self, order: VenueOrder) -> None:
        """Put an order behind those of its price."""
        price = order.price
        level = self.levels.get(price)
        if level is None:
            level = self.levels[price] = Level()
            insort(self._keys, price * self._sign)
        level.orders[order.order_id] = order
        level.quantity += order.remaining
        self.touched[price] = None

    def reduce(self, order: VenueOrder, quantity: Fixed8) -> None:
        """Take quantity off an order that stays."""
        self.levels[order.price].quantity -= quantity
        self.touched[order.price] = None

    def remove(self, order: VenueOrder, remaining: Fixed8) -> None:
        """Take an order off that had `remaining` left."""
        price = order.price
        level = self.levels[price]
        del level.orders[order.order_id]
        level.quantity -= remaining
        self.touched[price] = None
        if not level.orders:
            del self.levels[price]
            key = price * self._sign
            del self._keys[bisect_left(self._keys, key)]

    def depth(self, limit: int) -> tuple[tuple[Fixed8, Fixed8], ...]:
        """Give up to `limit` levels as (price, quantity), from the best on."""
        levels, sign = self.levels, self._sign
        return tuple((key * sign, levels[key * sign].quantity) for key in reversed(self._keys[-limit:]))

    def take_changes(self) -> tuple[tuple[Fixed8, Fixed8], ...]:
        """Give, once, the changed levels as (price, quantity now), 0 for one that is gone."""
        if not self.touched:
            return ()
        levels = self.levels
        changes = tuple((price, level.quantity if (level := levels.get(price)) else 0) for price in self.touched)
        self.touched.clear()
        return changes

    def orders(self) -> Iterator[VenueOrder]:
        """Give all orders in their priority."""
        for price in self.prices():
            yield from self.levels[price].orders.values()


class Book:
    """Both sides of a symbol's book."""

    __slots__ = ("asks", "bids")

    def __init__(self) -> None:
        self.bids = BookSide(Side.BUY)
        self.asks = BookSide(Side.SELL)

    def side(self, side: Side) -> BookSide:
        """Give the side on which orders of `side` rest."""
        return self.bids if side is Side.BUY else self.asks

    def opposite(self, side: Side) -> BookSide:
        """Give the side that orders of `side` take from."""
        return self.asks if side is Side.BUY else self.bids
