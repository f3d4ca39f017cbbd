"""Requests: what a strategy asks for besides targets: orders of its own, their ends and replacements, and timers."""

import msgspec

from live.core.decimals import LARGEST_INTEGER, Number, is_finite_number, round_to_step
from live.core.instruments import Instrument
from live.core.vocabulary import OrderType, Side, TimeInForce

NEEDS_LIMIT_PRICE = frozenset({OrderType.LIMIT, OrderType.LIMIT_MAKER, OrderType.STOP_LIMIT})
NEEDS_TRIGGER_PRICE = frozenset({OrderType.STOP, OrderType.STOP_LIMIT})


class OrderRequest(msgspec.Struct, frozen=True, gc=False):
    """Ask for one order.

    Attributes:
        label: the strategy's name of it, unique among its live orders.
        instrument_id: the instrument.
        side: which way.
        quantity: quantity units.
        order_type: how it is priced.
        time_in_force: how long it may rest.
        limit_price: quote per base, None for orders without one.
        trigger_price: quote per base, None for orders that are no stops.
        expires_at: venue time at which a GTD order expires, nanoseconds UTC.
        reduce_only: whether it may only bring the position nearer to zero.
        reason: why, in the strategy's words.
        replaces: id of the order that it replaces, empty when none.
    """

    label: str
    instrument_id: str
    side: Side
    quantity: int
    order_type: OrderType
    time_in_force: TimeInForce
    limit_price: Number | None
    trigger_price: Number | None
    expires_at: int | None
    reduce_only: bool
    reason: str
    replaces: str = ""

    @property
    def is_finite(self) -> bool:
        """Tell whether every price in the request is a finite number."""
        return (self.limit_price is None or is_finite_number(self.limit_price)) and (
            self.trigger_price is None or is_finite_number(self.trigger_price)
        )

    def in_range(self, instrument: Instrument) -> bool:
        """Tell whether every number in a finite request is one that can be meant and recorded."""
        bound = LARGEST_INTEGER // 10**instrument.price_scale
        return (
            0 < self.quantity <= LARGEST_INTEGER
            and (self.limit_price is None or 0 < self.limit_price < bound)
            and (self.trigger_price is None or 0 < self.trigger_price < bound)
        )

    def limit_price_units(self, instrument: Instrument) -> int | None:
        """Give the limit price in price units on the tick, rounded so that it is never worse than asked."""
        return _price_units(self.limit_price, instrument, up=self.side is Side.SELL)

    def trigger_price_units(self, instrument: Instrument) -> int | None:
        """Give the trigger price in price units on the tick, rounded away from the market, so that it never begins too early."""
        return _price_units(self.trigger_price, instrument, up=self.side is Side.BUY)


class CancelRequest(msgspec.Struct, frozen=True, gc=False):
    """Ask for the end of an order the strategy asked for."""

    label: str


class ReplaceRequest(msgspec.Struct, frozen=True, gc=False):
    """Ask for an order in place of one: that one is canceled, and once it ended what is left of the new quantity is sent.

    Attributes:
        label: of the order to replace, which the new one keeps.
        quantity: quantity units of the whole, what filled of the old order included; None keeps it.
        limit_price: quote per base; None keeps it.
        trigger_price: quote per base; None keeps it.
    """

    label: str
    quantity: int | None
    limit_price: Number | None
    trigger_price: Number | None


class TimerRequest(msgspec.Struct, frozen=True, gc=False):
    """Ask to be called at engine time `due`, nanoseconds UTC; None forgets the timer."""

    name: str
    due: int | None


Request = OrderRequest | CancelRequest | ReplaceRequest | TimerRequest


def _price_units(price: Number | None, instrument: Instrument, *, up: bool) -> int | None:
    return None if price is None else round_to_step(price, instrument.price_scale, instrument.tick_size, up=up)
