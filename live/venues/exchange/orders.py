"""Orders and executions of the exchange, in the words of Binance's enumerations."""

from enum import StrEnum

from msgspec import Struct

from live.venues.exchange.fixed8 import Fixed8


class Side(StrEnum):
    """Which way an order trades."""

    BUY = "BUY"
    SELL = "SELL"


class OrderType(StrEnum):
    """Kinds of orders that the exchange takes."""

    LIMIT = "LIMIT"
    MARKET = "MARKET"
    STOP_LOSS = "STOP_LOSS"
    STOP_LOSS_LIMIT = "STOP_LOSS_LIMIT"
    TAKE_PROFIT = "TAKE_PROFIT"
    TAKE_PROFIT_LIMIT = "TAKE_PROFIT_LIMIT"
    LIMIT_MAKER = "LIMIT_MAKER"


class TimeInForce(StrEnum):
    """How long an order stays; orders that take none are printed as GTC."""

    GTC = "GTC"
    IOC = "IOC"
    FOK = "FOK"


class OrderStatus(StrEnum):
    """Where an order stands."""

    NEW = "NEW"
    PARTIALLY_FILLED = "PARTIALLY_FILLED"
    FILLED = "FILLED"
    CANCELED = "CANCELED"
    REJECTED = "REJECTED"
    EXPIRED = "EXPIRED"
    EXPIRED_IN_MATCH = "EXPIRED_IN_MATCH"


class SelfTradePrevention(StrEnum):
    """What happens when an account's order would meet its own; the taker's mode decides."""

    NONE = "NONE"
    EXPIRE_MAKER = "EXPIRE_MAKER"
    EXPIRE_TAKER = "EXPIRE_TAKER"
    EXPIRE_BOTH = "EXPIRE_BOTH"
    DECREMENT = "DECREMENT"


class ExecutionType(StrEnum):
    """What an execution report tells about its order."""

    NEW = "NEW"
    CANCELED = "CANCELED"
    REPLACED = "REPLACED"
    REJECTED = "REJECTED"
    TRADE = "TRADE"
    EXPIRED = "EXPIRED"
    TRADE_PREVENTION = "TRADE_PREVENTION"


class CancelRestrictions(StrEnum):
    """In which state alone an order may be canceled."""

    ONLY_NEW = "ONLY_NEW"
    ONLY_PARTIALLY_FILLED = "ONLY_PARTIALLY_FILLED"


class CancelReplaceMode(StrEnum):
    """Whether the new order is tried when the cancellation failed."""

    STOP_ON_FAILURE = "STOP_ON_FAILURE"
    ALLOW_FAILURE = "ALLOW_FAILURE"


class ExpiryReason(StrEnum):
    """Why an order expired, of those that can happen here."""

    REJECTED = "REJECTED"
    """A stop was woken that its account could not pay."""
    UNFILLED_IOC_QUANTITY_EXPIRED = "UNFILLED_IOC_QUANTITY_EXPIRED"
    UNFILLED_FOK_ORDER_EXPIRED = "UNFILLED_FOK_ORDER_EXPIRED"
    INSUFFICIENT_LIQUIDITY = "INSUFFICIENT_LIQUIDITY"
    """The book had not enough for an order without a limit."""


class OrderRequest(Struct, frozen=True, kw_only=True, array_like=True):
    """Ask for a new order; numbers are in 10**-8, what was not sent is None.

    Attributes:
        client_order_id: the caller's id; None lets the exchange make one up.
        iceberg_quantity, trailing_delta: refused as unsupported when given.
    """

    symbol: str
    side: Side
    type: OrderType
    time_in_force: TimeInForce | None = None
    quantity: Fixed8 | None = None
    quote_quantity: Fixed8 | None = None
    price: Fixed8 | None = None
    stop_price: Fixed8 | None = None
    client_order_id: str | None = None
    stp_mode: SelfTradePrevention | None = None
    iceberg_quantity: Fixed8 | None = None
    trailing_delta: int | None = None
    strategy_id: int | None = None
    strategy_type: int | None = None


class Execution(Struct, frozen=True, array_like=True):
    """One trade as one side of it sees it; numbers in 10**-8, time in microseconds UTC."""

    account: str
    symbol: str
    order_id: int
    trade_id: int
    price: Fixed8
    quantity: Fixed8
    quote_quantity: Fixed8
    commission: Fixed8
    commission_asset: str
    time: int
    is_buyer: bool
    is_maker: bool


class PreventedMatch(Struct, frozen=True, array_like=True):
    """A match that self-trade prevention kept from happening; numbers in 10**-8, time in microseconds UTC."""

    account: str
    symbol: str
    prevented_match_id: int
    taker_order_id: int
    maker_order_id: int
    trade_group_id: int
    stp_mode: SelfTradePrevention
    price: Fixed8
    taker_prevented_quantity: Fixed8
    maker_prevented_quantity: Fixed8
    time: int


class VenueOrder(Struct, kw_only=True, array_like=True):
    """An order as the exchange knows it; what callers get is a copy that changes no more.

    Attributes:
        client_order_id: the id under which the order is found now.
        quantity: the base quantity asked for; for a market order by quote quantity what it has executed.
        quote_quantity: `origQuoteOrderQty`, 0 when the order was given in base.
        price: the limit, 0 without one.
        stop_price: the trigger, 0 without one.
        executed, cumulative_quote: filled so far, in base and in quote.
        prevented: quantity taken off by self-trade prevention.
        locked: what the order holds of its account's balance: quote for a buy, base for a sell.
        time: when it was accepted, microseconds UTC.
        update_time: when it last changed.
        working_time: when it came onto the book or was matched first, -1 before (`workingTime`).
        is_working: on the book, or done with it; False for a stop that is not triggered (`isWorking`).
        triggered: a stop whose price has been met.
        expiry_reason: why it expired, None unless its status is EXPIRED (`expiryReason`, `eR`).
    """

    account: str
    symbol: str
    order_id: int
    client_order_id: str
    side: Side
    type: OrderType
    time_in_force: TimeInForce
    quantity: Fixed8
    quote_quantity: Fixed8
    price: Fixed8
    stop_price: Fixed8
    stp_mode: SelfTradePrevention
    time: int
    update_time: int
    status: OrderStatus = OrderStatus.NEW
    executed: Fixed8 = 0
    cumulative_quote: Fixed8 = 0
    prevented: Fixed8 = 0
    prevented_match_id: int | None = None
    locked: Fixed8 = 0
    working_time: int = -1
    is_working: bool = True
    triggered: bool = False
    strategy_id: int | None = None
    strategy_type: int | None = None
    order_list_id: int = -1
    expiry_reason: ExpiryReason | None = None

    @property
    def remaining(self) -> Fixed8:
        """Say how much of the order can still trade, in base."""
        return self.quantity - self.executed - self.prevented


OPEN_STATUSES = frozenset({OrderStatus.NEW, OrderStatus.PARTIALLY_FILLED})
"""Statuses of an order that can still trade."""
