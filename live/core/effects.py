"""Effects: what the engine asks the driver to do once the records before it are durable."""

from typing import final

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
    trigger_price: int | None = None
    expires_at: int | None = None
    reduce_only: bool = False


class CancelOrder(msgspec.Struct, frozen=True, gc=False):
    """Ask a venue to take an order off its book."""

    order_id: str
    account_id: str
    instrument_id: str


class QueryOrder(msgspec.Struct, frozen=True, gc=False):
    """Ask a venue's endpoints what they know of an order whose fate is unknown.

    Attributes:
        order_id: the client order id.
        account_id: the account it was for.
        instrument_id: its instrument.
        submitted_at: engine time by which the request had left, if it ever did; the fence is counted from here.
    """

    order_id: str
    account_id: str
    instrument_id: str
    submitted_at: int


@final
class SetTimer(msgspec.Struct, frozen=True, gc=False):
    """Feed a `TimerFired` back once engine time reaches `due`; setting a timer of the same name again moves it."""

    strategy_id: str
    name: str
    due: int


@final
class CancelTimer(msgspec.Struct, frozen=True, gc=False):
    """Forget a timer; one that is not set is no error."""

    strategy_id: str
    name: str


VenueRequest = SubmitOrder | CancelOrder | QueryOrder

Effect = VenueRequest | SetTimer | CancelTimer
