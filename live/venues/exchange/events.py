"""What the exchange says, in the order in which it happened, to whoever drains it; times in microseconds UTC, numbers in 10**-8."""

from msgspec import Struct

from live.venues.exchange.fixed8 import Fixed8
from live.venues.exchange.orders import Execution, ExecutionType, ExpiryReason, PreventedMatch, VenueOrder


class OrderEvent(Struct, frozen=True):
    """An account's order changed: what becomes an `executionReport`. House accounts have none.

    Attributes:
        order: the order as it is after the change.
        execution_type: what happened.
        execution: the trade, for TRADE.
        execution_id: a number of its own for every event (`I`).
        client_order_id: `c`: the order's id, or the cancel request's for CANCELED and REPLACED.
        original_client_order_id: `C`: the order's id where a cancel request was given one of its own, else "".
        reject_reason: `r`, "NONE" without one.
        expiry_reason: why the order expired (`eR`), None unless it did.
        prevented: the match that was prevented, for TRADE_PREVENTION and for what it expired.
    """

    account: str
    time: int
    order: VenueOrder
    execution_type: ExecutionType
    execution: Execution | None
    execution_id: int
    client_order_id: str
    original_client_order_id: str
    reject_reason: str = "NONE"
    expiry_reason: ExpiryReason | None = None
    prevented: PreventedMatch | None = None


class BalanceState(Struct, frozen=True):
    """What an account has of an asset."""

    asset: str
    free: Fixed8
    locked: Fixed8


class AccountEvent(Struct, frozen=True):
    """An account's balances changed by trading: what becomes an `outboundAccountPosition`. House accounts have none."""

    account: str
    time: int
    balances: tuple[BalanceState, ...]


class BalanceEvent(Struct, frozen=True):
    """A deposit or a withdrawal: what becomes a `balanceUpdate`."""

    account: str
    time: int
    asset: str
    delta: Fixed8


class TradeEvent(Struct, frozen=True):
    """Two orders traded."""

    symbol: str
    trade_id: int
    price: Fixed8
    quantity: Fixed8
    buyer_order_id: int
    seller_order_id: int
    time: int
    buyer_is_maker: bool


class AggregateTradeEvent(Struct, frozen=True):
    """What one taking order traded at one price."""

    symbol: str
    aggregate_id: int
    price: Fixed8
    quantity: Fixed8
    first_trade_id: int
    last_trade_id: int
    time: int
    buyer_is_maker: bool


class DepthEvent(Struct, frozen=True):
    """Price levels that one request changed, each with its new quantity, 0 when it is gone; ids have no gaps within a symbol."""

    symbol: str
    first_update_id: int
    last_update_id: int
    time: int
    bids: tuple[tuple[Fixed8, Fixed8], ...]
    asks: tuple[tuple[Fixed8, Fixed8], ...]


Event = OrderEvent | AccountEvent | BalanceEvent | TradeEvent | AggregateTradeEvent | DepthEvent
