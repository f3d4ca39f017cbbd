"""Records: everything the engine says, as versioned messages; the parity digest covers these in sequence.

Field order is part of the schema. A change of fields needs a new number in `SCHEMA_VERSIONS`; a test compares the
fields with the ones written down for that number.
"""

import msgspec

from live.core import inputs
from live.core.market_events import MARKET_TYPES
from live.core.orders import OrderEvent, OrderState
from live.core.risk.codes import DenialCode
from live.core.vocabulary import Liquidity, OrderType, Scope, Side, TimeInForce, TradingState


class Record(msgspec.Struct, frozen=True, gc=False, array_like=True, tag=True):
    """State one thing the engine did at engine time `ts`."""

    ts: int


class Allocation(msgspec.Struct, frozen=True, gc=False, array_like=True):
    """Say which strategy's intent a part of an order serves, in quantity units."""

    strategy_id: str
    intent_id: int
    quantity: int


class DecisionRecorded(Record, frozen=True, gc=False, array_like=True, tag=True):
    """State what a strategy wants and why; `target` is in signed quantity units."""

    decision_id: int
    strategy_id: str
    instrument_id: str
    target: int
    requested: str
    limit_price: int | None
    reference_price: int
    reason: str


class IntentRecorded(Record, frozen=True, gc=False, array_like=True, tag=True):
    """State one concrete order; it begins the order's life.

    Attributes:
        order_id: our client order id, never used twice.
        intent_id: number of the intent.
        decision_id: the decision whose target it serves, 0 when the strategy asked for this very order.
        strategy_id: whose intent it is.
        account_id: the account it is for.
        instrument_id: the instrument.
        side: which way it trades.
        order_type: how it is priced.
        time_in_force: how long it may rest.
        quantity: quantity units.
        limit_price: price units, None for orders without one.
        reference_price: last price it was judged by, price units; 0 when there was none.
        allocations: whose intents its fills serve; one strategy an order.
        trigger_price: price units at which a stop begins, None for other orders.
        expires_at: venue time at which a GTD order expires, None for other orders.
        reduce_only: whether it may only bring the position nearer to zero.
        label: the strategy's own name of an order it asked for, empty when it serves a target.
        replaces: id of the order that was canceled for it, empty when none was.
        reason: why the strategy asked for it, empty when it serves a target.
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
    allocations: tuple[Allocation, ...]
    trigger_price: int | None = None
    expires_at: int | None = None
    reduce_only: bool = False
    label: str = ""
    replaces: str = ""
    reason: str = ""


class OrderDenied(Record, frozen=True, gc=False, array_like=True, tag=True):
    """State that a risk check refused an intent, with its code, what was measured and the bound."""

    order_id: str
    code: DenialCode
    detail: str
    strategy_id: str = ""


class OrderTransitioned(Record, frozen=True, gc=False, array_like=True, tag=True):
    """State a move of an order through its transition table."""

    order_id: str
    event: OrderEvent
    state: OrderState
    detail: str


class FillRecorded(Record, frozen=True, gc=False, array_like=True, tag=True):
    """State one execution, attributed to a strategy; `late` when the order had already ended."""

    order_id: str
    strategy_id: str
    account_id: str
    instrument_id: str
    venue_order_id: str
    trade_id: str
    side: Side
    price: int
    quantity: int
    fee: int
    fee_asset: str
    liquidity: Liquidity
    ts_event: int
    late: bool


class PositionChanged(Record, frozen=True, gc=False, array_like=True, tag=True):
    """State a strategy's position after a fill: quantity units and money units of the quote asset."""

    strategy_id: str
    account_id: str
    instrument_id: str
    quantity: int
    cost: int
    realised: int
    fees: int
    cash: int


class BalancePosted(Record, frozen=True, gc=False, array_like=True, tag=True):
    """State an account's balance of an asset after a deposit or withdrawal, in money units."""

    account_id: str
    asset: str
    amount: int
    balance: int
    reason: str


class TransferPosted(Record, frozen=True, gc=False, array_like=True, tag=True):
    """State that an amount moved between two accounts, with both balances after it, in money units."""

    from_account_id: str
    to_account_id: str
    asset: str
    amount: int
    from_balance: int
    to_balance: int
    reason: str


class FundingRecorded(Record, frozen=True, gc=False, array_like=True, tag=True):
    """State a strategy's part of a funding payment: positive when received, money units of the quote asset."""

    account_id: str
    strategy_id: str
    instrument_id: str
    funding_id: str
    amount: int


class TradingStateChanged(Record, frozen=True, gc=False, array_like=True, tag=True):
    """State that what may be sent changed at a scope."""

    scope: Scope
    target: str
    state: TradingState
    reason: str


class LeaseChanged(Record, frozen=True, gc=False, array_like=True, tag=True):
    """State the lease a strategy now holds; an empty `lease_id` means none."""

    strategy_id: str
    lease_id: str
    expires_at: int
    maximum_order_notional: int
    reason: str


class DayOpened(Record, frozen=True, gc=False, array_like=True, tag=True):
    """State a strategy's profit at the first event of a UTC day, the base of its daily loss; money units."""

    strategy_id: str
    day: int
    profit: int


class AccountDayOpened(Record, frozen=True, gc=False, array_like=True, tag=True):
    """State an account's profit in a quote asset at the first event of a UTC day, the base of its daily loss; money units."""

    account_id: str
    quote: str
    day: int
    profit: int


class PeakRaised(Record, frozen=True, gc=False, array_like=True, tag=True):
    """State that profit at the opening of a day or after a fill is the highest yet, from which drawdown is measured; money units.

    Attributes:
        scope: STRATEGY or ACCOUNT.
        target: the strategy's id, or the account and quote asset as `paper/USDT`.
        profit: the highest profit.
    """

    scope: Scope
    target: str
    profit: int


class AlarmRaised(Record, frozen=True, gc=False, array_like=True, tag=True):
    """State that something happened which a person must look at."""

    code: str
    order_id: str
    detail: str


OutputRecord = (
    DecisionRecorded
    | IntentRecorded
    | OrderDenied
    | OrderTransitioned
    | FillRecorded
    | PositionChanged
    | BalancePosted
    | TradingStateChanged
    | LeaseChanged
    | DayOpened
    | AlarmRaised
    | TransferPosted
    | FundingRecorded
    | AccountDayOpened
    | PeakRaised
)

JournalEntry = inputs.RecordedInput | OutputRecord
"""Everything a journal may hold."""

OUTPUT_TYPES: tuple[type[Record], ...] = (
    DecisionRecorded,
    IntentRecorded,
    OrderDenied,
    OrderTransitioned,
    FillRecorded,
    PositionChanged,
    BalancePosted,
    TradingStateChanged,
    LeaseChanged,
    DayOpened,
    AlarmRaised,
    TransferPosted,
    FundingRecorded,
    AccountDayOpened,
    PeakRaised,
)
INPUT_TYPES: tuple[type[inputs.Input], ...] = (
    inputs.SessionStarted,
    inputs.SessionClosed,
    inputs.InstrumentDefined,
    inputs.BalanceChanged,
    inputs.LeaseGranted,
    inputs.LeaseEnded,
    inputs.LatchObserved,
    inputs.FeedChanged,
    inputs.ClockTicked,
    inputs.EffectOutcome,
    inputs.OrderAccepted,
    inputs.OrderRejected,
    inputs.OrderCanceled,
    inputs.OrderExpired,
    inputs.CancelRejected,
    inputs.ExecutionReported,
    inputs.OrderObserved,
    inputs.OperatorCommand,
    inputs.OrderResolved,
    inputs.AccessDenied,
    inputs.AccountDefined,
    inputs.BalanceTransferred,
    inputs.FundingPaid,
    inputs.ClockSampled,
    inputs.ReconciliationReported,
    inputs.JournalHealthReported,
    inputs.TimerFired,
    inputs.ExternalOrderObserved,
    inputs.CloseOutRequested,
    inputs.LimitsSet,
)

SCHEMA_VERSIONS: dict[str, int] = {
    **{kind.__name__: 1 for kind in (*MARKET_TYPES, *INPUT_TYPES, *OUTPUT_TYPES)},
    "InstrumentDefined": 2,
    "SessionStarted": 2,
    "IntentRecorded": 2,
    "OrderDenied": 2,
    "OrderCanceled": 2,
    "OrderExpired": 2,
    "ClockSampled": 2,
}
"""The version of each message's schema, written beside every record in a journal and tape."""
