"""Slippage: what own orders that took liquidity lately paid beyond the price that they were judged by.

What a book shows is what it promises; what fills say is what it kept. Where the two differ, as where quotes are withdrawn as soon as an
order comes, only the second is worth anything. It is forgotten after an hour, so that a market that was bad once can be tried again.
"""

from collections import deque
from collections.abc import Iterable, Iterator

from live.core.decimals import PARTS_PER_MILLION
from live.core.entities import Order
from live.core.pace import HOUR
from live.core.records import FillRecorded
from live.core.vocabulary import OrderType, Side

TAKES = (OrderType.MARKET, OrderType.STOP)
"""Types that trade at whatever rests on the other side; the price of every other order is bounded by its limit."""
REMEMBERED = 20
"""Orders of an account in an instrument that the average is over, the newest."""
LEAST = 3
"""Fewer orders than that say nothing."""
WORST_PPM = 10**12
"""A million times the price: what is beyond counts as that, so that every sum can be written down."""

_BUY = Side.BUY  # a module's own name costs a fifth of an attribute of an enumeration

Paid = tuple[int, str, int, int]
"""When an order first filled, its id, what it paid on average beyond its reference in parts per million, and for which quantity."""


class _Account:
    """Hold the newest orders of an account in an instrument, and the sums that their average is made of."""

    __slots__ = ("beyond", "orders", "quantity")

    def __init__(self, orders: Iterable[Paid] = ()) -> None:
        self.orders: deque[Paid] = deque()
        self.beyond = self.quantity = 0
        for one in orders:
            self.add(*one)

    def add(self, ts: int, order_id: str, beyond: int, quantity: int) -> None:
        """Take in the newest order, and let go of the oldest where as many as are remembered are known."""
        orders = self.orders
        orders.append((ts, order_id, beyond, quantity))
        beyond *= quantity
        if len(orders) > REMEMBERED:
            _, _, before, gone = orders.popleft()
            beyond -= before * gone
            quantity -= gone
        self.beyond += beyond
        self.quantity += quantity

    def drop_oldest(self) -> None:
        """Let go of the oldest order."""
        _, _, beyond, quantity = self.orders.popleft()
        self.beyond -= beyond * quantity
        self.quantity -= quantity

    def extend(self, order_id: str, beyond: int, quantity: int) -> bool:
        """Take in a further execution of an order; tells whether it is one of those that are kept."""
        for index, (ts, known_id, before, filled) in enumerate(self.orders):
            if known_id == order_id:
                whole = filled + quantity
                average = (before * filled + beyond * quantity) // whole
                self.orders[index] = (ts, order_id, average, whole)
                self.beyond += average * whole - before * filled
                self.quantity += quantity
                return True
        return False


class Slippage:
    """Keep what the newest orders of each account paid in each instrument."""

    __slots__ = ("_paid",)

    def __init__(self) -> None:
        self._paid: dict[tuple[str, str], _Account] = {}

    def fill(self, order: Order, record: FillRecorded) -> None:
        """Take in an execution of an order, whose fill it is not counted in yet; a stop is held to its trigger."""
        if order.order_type not in TAKES:
            return
        reference, price = order.trigger_price or order.reference_price, record.price
        if reference <= 0:
            return
        worse = (price - reference if order.side is _BUY else reference - price) * PARTS_PER_MILLION // reference
        if abs(worse) > WORST_PPM:
            worse = WORST_PPM if worse > 0 else -WORST_PPM
        key = (order.account_id, order.instrument_id)
        paid = self._paid.get(key)
        if paid is None:
            paid = self._paid[key] = _Account()
        ts, orders = record.ts, paid.orders
        since = ts - HOUR
        while orders and orders[0][0] <= since:  # first, since a snapshot that was taken meanwhile has left it out
            paid.drop_oldest()
        if not (order.filled_quantity and paid.extend(order.order_id, worse, record.quantity)):
            paid.add(ts, order.order_id, worse, record.quantity)

    def lately(self, account_id: str, instrument_id: str, now: int) -> int | None:
        """Give what orders of the last hour paid on average beyond their references, parts per million; None when few say so."""
        paid = self._paid.get((account_id, instrument_id))
        if paid is None:
            return None
        orders, since = paid.orders, now - HOUR
        if len(orders) < LEAST or orders[-LEAST][0] <= since:
            return None
        if orders[0][0] > since:
            return paid.beyond // paid.quantity
        newest = _Account(_newer_than(orders, since))
        return newest.beyond // newest.quantity

    def known(self) -> Iterator[tuple[str, str]]:
        """Name the accounts and instruments of which something is kept."""
        return iter(self._paid)

    def write_down(self, now: int) -> list[tuple[str, str, list[Paid]]]:
        """List what still counts, in a canonical order."""
        newest = ((key, _newer_than(self._paid[key].orders, now - HOUR)) for key in sorted(self._paid))
        return [(*key, paid) for key, paid in newest if paid]

    def read_back(self, written: Iterable[tuple[str, str, list[Paid]]]) -> None:
        """Take up what was written down."""
        self._paid = {(account_id, instrument_id): _Account(paid) for account_id, instrument_id, paid in written}


def _newer_than(orders: Iterable[Paid], since: int) -> list[Paid]:
    return [one for one in orders if one[0] > since]
