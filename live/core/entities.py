"""Entities: what the state holds and follows over time: orders, leases, targets, and orders of others in our accounts."""

import msgspec

from live.core.orders import OrderEvent, OrderState
from live.core.vocabulary import OrderType, Side, TimeInForce


class Order(msgspec.Struct, gc=False, omit_defaults=True):
    """Hold one order's life so far; what its intent said is as in `IntentRecorded`.

    Attributes:
        state: where it is in its life.
        filled_quantity: quantity units booked.
        submitted_at: engine time at which it was given out to be sent, 0 before.
        venue_order_id: the venue's first id for it, empty until known.
        detail: what was said at its last move.
        absent_at: endpoints that denied knowing it, as evidence of its absence.
        ended_at: engine time of its end, 0 before.
        not_open_at: venue time at which the open orders denied it as evidence, 0 before.
        announced: how the venue said it ended, while fills that the venue counts in it have not come.
        announced_quantity: how much the venue had executed of it by then, quantity units.
        worst_price: price at which it reserves, price units; 0 while it does not.
        lost_at: engine time at which its fate became unknown, 0 before: until then it may have waited for the disk.
    """

    order_id: str
    intent_id: int
    decision_id: int
    strategy_id: str
    account_id: str
    instrument_id: str
    side: Side
    order_type: OrderType
    time_in_force: TimeInForce
    quantity: int
    limit_price: int | None
    reference_price: int
    created_at: int
    state: OrderState = OrderState.INTENT_RECORDED
    filled_quantity: int = 0
    submitted_at: int = 0
    venue_order_id: str = ""
    detail: str = ""
    absent_at: tuple[str, ...] = ()
    trigger_price: int | None = None
    expires_at: int | None = None
    reduce_only: bool = False
    label: str = ""
    replaces: str = ""
    ended_at: int = 0
    not_open_at: int = 0
    announced: OrderEvent | None = None
    announced_quantity: int = 0
    worst_price: int = 0
    lost_at: int = 0

    @property
    def left_by(self) -> int:
        """Give the engine time by which its request had left for the venue, if it ever did."""
        return max(self.submitted_at, self.lost_at)

    @property
    def remaining(self) -> int:
        """Give the quantity that may still fill, in quantity units."""
        left = self.quantity - self.filled_quantity
        return left if left > 0 else 0


class Lease(msgspec.Struct, frozen=True, gc=False):
    """Hold the right of a strategy to trade."""

    lease_id: str
    expires_at: int
    maximum_order_notional: int


class ExternalOrder(msgspec.Struct, frozen=True, gc=False):
    """Hold an order in one of our accounts that no session of ours sent, as the venue last reported it."""

    account_id: str
    instrument_id: str
    venue_order_id: str
    client_order_id: str
    side: Side
    remaining: int
    limit_price: int | None


class Target(msgspec.Struct, gc=False):
    """Hold what a strategy last decided about an instrument; `tried` once an intent served it."""

    decision_id: int
    requested: str
    units: int
    limit_price: int | None
    tried: bool = False
