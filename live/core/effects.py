"""Effects: what the engine asks the driver to do once the records before it are durable."""

import msgspec

from live.core.vocabulary import OrderType, Side, TimeInForce


class SubmitOrder(msgspec.Struct, frozen=True, gc=False):
    """Send a new order to a venue, once and only once."""

    order_id: str
    strategy_id: str
    account_id: str
    instrument_id: str
    side: Side
    order_type: OrderType
    time_in_force: TimeInForce
    quantity: int
    limit_price: int | None


class CancelOrder(msgspec.Struct, frozen=True, gc=False):
    """Ask a venue to take an order off its book."""

    order_id: str
    account_id: str
    instrument_id: str


class QueryOrder(msgspec.Struct, frozen=True, gc=False):
    """Ask a venue's endpoints what they know of an order whose fate is unknown."""

    order_id: str
    account_id: str
    instrument_id: str
    submitted_at: int


Effect = SubmitOrder | CancelOrder | QueryOrder
