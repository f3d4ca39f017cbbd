"""Orders that a simulated venue holds, and ladders that find those which the market reached without looking at all."""

from bisect import bisect_left, insort
from collections.abc import Iterator

import msgspec

from live.core.effects import SubmitOrder
from live.core.vocabulary import TimeInForce

_AT_ONCE = (TimeInForce.IMMEDIATE_OR_CANCEL, TimeInForce.FILL_OR_KILL)


class Ladder:
    """Keep resting orders sorted by the price at which the market reaches them, the nearest first, then by arrival.

    A rising ladder is reached by a market that goes up (sell limits, buy stops), the other by one that goes down.

    Attributes:
        entries: (key, arrival number, order); the key is the price, negated where the market comes from above.
    """

    __slots__ = ("_sign", "entries")

    def __init__(self, *, rising: bool) -> None:
        self._sign = 1 if rising else -1
        self.entries: list[tuple[int, int, WorkingOrder]] = []

    def __len__(self) -> int:
        return len(self.entries)

    def __iter__(self) -> Iterator["WorkingOrder"]:
        return (entry[2] for entry in self.entries)

    def add(self, price: int, order: "WorkingOrder") -> None:
        """Put an order at its price."""
        insort(self.entries, (self._sign * price, order.sequence, order))
        order.ladder, order.rung = self, price

    def remove(self, order: "WorkingOrder") -> None:
        """Take an order off."""
        del self.entries[bisect_left(self.entries, (self._sign * order.rung, order.sequence))]
        order.ladder = None

    def is_touched(self, price: int) -> bool:
        """Tell whether a market at `price` touched any order."""
        entries = self.entries
        return bool(entries) and entries[0][0] <= self._sign * price

    def reached(self, price: int, *, touch: bool) -> "list[WorkingOrder]":
        """List the orders that a market at `price` went through, or also touched; nearest first."""
        bound = self._sign * price + touch
        if not self.entries or self.entries[0][0] >= bound:
            return []
        return [entry[2] for entry in self.entries[: bisect_left(self.entries, (bound,))]]


class WorkingOrder(msgspec.Struct, eq=False):
    """Hold one order at the venue.

    Attributes:
        order: what was asked for.
        order_id: its client order id.
        sign: +1 for a buy, -1 for a sell.
        limit: limit price, None for an order without one.
        remaining: quantity units that may still fill.
        sequence: number of its arrival at this venue.
        arrival: venue time at which it arrived, when it travelled; None for one that arrived at once.
        is_stop: whether it waits for its trigger.
        is_maker: whether it may never take liquidity.
        venue_order_id: the venue's id of it.
        ladder: where it rests, None while it waits to meet the market.
        rung: the price it rests at.
        rested_at: number of the market event in which it came to rest there.
        ahead: quantity units before it in the queue at its price.
        visible: quantity units that rested at its price when last looked at, None when unknown.
        traded: quantity units that traded at its price since.
    """

    order: SubmitOrder
    order_id: str
    sign: int
    limit: int | None
    remaining: int
    sequence: int
    arrival: int | None
    is_stop: bool
    is_maker: bool
    venue_order_id: str
    ladder: Ladder | None = None
    rung: int = 0
    rested_at: int = 0
    ahead: int = 0
    visible: int | None = None
    traded: int = 0

    @property
    def at_once(self) -> bool:
        """Tell whether what does not fill when it meets the market expires."""
        return self.limit is not None and self.order.time_in_force in _AT_ONCE

    @property
    def filled(self) -> int:
        """Give the quantity that filled so far, in quantity units."""
        return self.order.quantity - self.remaining

    def mark_triggered(self) -> None:
        """Make a triggered stop the market or limit order that it begins; it keeps the venue's id, as at Binance Spot."""
        self.is_stop = False
