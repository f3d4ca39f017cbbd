"""Inputs: every fact that a decision or a check reads, as a versioned, recorded message.

Times are integer nanoseconds UTC. `ts_init` is when we received the fact and never decreases; `ts_event` is when it
happened at the venue. Field order is part of the schema: fields are encoded as a positional array.
"""

import msgspec

from live.core.instruments import Instrument
from live.core.limits import Limits
from live.core.vocabulary import EffectAction, Liquidity, OperatorAction, Outcome, Resolution, Scope


class Input(msgspec.Struct, frozen=True, gc=False, array_like=True, tag=True):
    """Carry one fact into the engine."""

    ts_init: int


class Bar(Input, frozen=True, gc=False, array_like=True, tag=True):
    """Report one finished bar: prices in price units, volume in quantity units, `ts_event` the bar's close."""

    ts_event: int
    instrument_id: str
    open: int
    high: int
    low: int
    close: int
    volume: int
    warm_up: bool = False


class Deployment(msgspec.Struct, frozen=True, gc=False, array_like=True):
    """Bind a strategy version to an account and a venue under its effective limits."""

    strategy_id: str
    version: str
    account_id: str
    venue_id: str
    instrument_ids: tuple[str, ...]
    limits: Limits


class SessionStarted(Input, frozen=True, gc=False, array_like=True, tag=True):
    """Open a session: everything that must be equal for it to replay to the same records."""

    session_id: str
    nonce: str
    seed: int
    engine_digest: str
    python_version: str
    configuration_digest: str
    predecessor_head: str
    deployments: tuple[Deployment, ...]


class SessionClosed(Input, frozen=True, gc=False, array_like=True, tag=True):
    """Close a session in an orderly way."""

    reason: str


class InstrumentDefined(Input, frozen=True, gc=False, array_like=True, tag=True):
    """Define an instrument or a new version of its filters."""

    instrument: Instrument


class BalanceChanged(Input, frozen=True, gc=False, array_like=True, tag=True):
    """Report a deposit (positive) or withdrawal (negative), in money units of the asset."""

    account_id: str
    asset: str
    amount: int
    reason: str


class LeaseGranted(Input, frozen=True, gc=False, array_like=True, tag=True):
    """Grant a strategy the right to trade until `expires_at`, with a ceiling on the notional of one order."""

    strategy_id: str
    lease_id: str
    operator: str
    expires_at: int
    maximum_order_notional: int


class LeaseEnded(Input, frozen=True, gc=False, array_like=True, tag=True):
    """End a lease: it expired, was given back, or something it was bound to changed."""

    strategy_id: str
    lease_id: str
    reason: str


class LatchObserved(Input, frozen=True, gc=False, array_like=True, tag=True):
    """Report what the kill latch file of a scope says; missing or unreadable counts as engaged."""

    scope: Scope
    target: str
    engaged: bool
    reason: str


class FeedChanged(Input, frozen=True, gc=False, array_like=True, tag=True):
    """Report whether the market data stream of an instrument is flowing."""

    instrument_id: str
    healthy: bool
    detail: str


class ClockTicked(Input, frozen=True, gc=False, array_like=True, tag=True):
    """Say that time passed while nothing else happened."""


class EffectOutcome(Input, frozen=True, gc=False, array_like=True, tag=True):
    """Report what became of a request on its way to the venue."""

    order_id: str
    action: EffectAction
    outcome: Outcome
    reason: str


class OrderAccepted(Input, frozen=True, gc=False, array_like=True, tag=True):
    """Report that the venue has the order."""

    ts_event: int
    order_id: str
    venue_order_id: str


class OrderRejected(Input, frozen=True, gc=False, array_like=True, tag=True):
    """Report that the venue refused the order, in the venue's own words."""

    ts_event: int
    order_id: str
    reason: str


class OrderCanceled(Input, frozen=True, gc=False, array_like=True, tag=True):
    """Report that the venue took the order off its book."""

    ts_event: int
    order_id: str
    reason: str


class OrderExpired(Input, frozen=True, gc=False, array_like=True, tag=True):
    """Report that the order's time in force ran out at the venue."""

    ts_event: int
    order_id: str
    reason: str


class CancelRejected(Input, frozen=True, gc=False, array_like=True, tag=True):
    """Report that the venue refused to cancel; the order may still be live."""

    ts_event: int
    order_id: str
    reason: str


class ExecutionReported(Input, frozen=True, gc=False, array_like=True, tag=True):
    """Report one execution: price in price units, quantity in quantity units, fee in money units of `fee_asset`."""

    ts_event: int
    order_id: str
    venue_order_id: str
    trade_id: str
    price: int
    quantity: int
    fee: int
    fee_asset: str
    liquidity: Liquidity


class OrderObserved(Input, frozen=True, gc=False, array_like=True, tag=True):
    """Report what one venue endpoint said when asked about an order.

    Attributes:
        order_id: the client order id that was asked for.
        endpoint: which source answered, such as `order` or `open_orders`.
        found: whether that source shows the order working; one that it shows as ended comes as its own report.
        requested_at: `ts_init` clock time at which the question left.
        venue_time: the venue's own time in its answer.
        fence: the venue time after which the request can no longer be newly accepted.
    """

    order_id: str
    endpoint: str
    found: bool
    requested_at: int
    venue_time: int
    fence: int


class OperatorCommand(Input, frozen=True, gc=False, array_like=True, tag=True):
    """Carry a person's command for a scope; `target` is empty for the global scope."""

    operator: str
    action: OperatorAction
    scope: Scope
    target: str
    reason: str


class OrderResolved(Input, frozen=True, gc=False, array_like=True, tag=True):
    """Carry a person's finding about an order that no answer of the venue settles."""

    operator: str
    order_id: str
    resolution: Resolution
    reason: str


class AccessDenied(Input, frozen=True, gc=False, array_like=True, tag=True):
    """Record a call to the control plane that lacked the scope it needs."""

    principal: str
    method: str
    route: str
    required_scope: str


MarketEvent = Bar

VenueReport = OrderAccepted | OrderRejected | OrderCanceled | OrderExpired | CancelRejected | ExecutionReported | OrderObserved

RecordedInput = (
    SessionStarted
    | SessionClosed
    | InstrumentDefined
    | BalanceChanged
    | LeaseGranted
    | LeaseEnded
    | LatchObserved
    | FeedChanged
    | ClockTicked
    | EffectOutcome
    | OrderAccepted
    | OrderRejected
    | OrderCanceled
    | OrderExpired
    | CancelRejected
    | ExecutionReported
    | OrderObserved
    | OperatorCommand
    | OrderResolved
    | AccessDenied
)
"""Every input but market data: these go to the journal, market data to the tape."""
