"""Inputs: every fact that a decision or a check reads, as a versioned, recorded message.

Times are integer nanoseconds UTC. `ts_init` is when we received the fact and never decreases; `ts_event` is when it
happened at the venue. Field order is part of the schema: fields are encoded as a positional array.
"""

from typing import final

import msgspec

from live.core.instruments import Instrument
from live.core.limits import Limits
from live.core.market_events import Bar, Input, MarketEvent
from live.core.scope_limits import ScopeLimits
from live.core.vocabulary import AccountType, EffectAction, Liquidity, OperatorAction, Outcome, Resolution, Scope, Side

__all__ = ["Bar", "Input", "MarketEvent"]


class Deployment(msgspec.Struct, frozen=True, gc=False, array_like=True):
    """Bind a strategy version to an account and a venue under its effective limits.

    Attributes:
        sizing_fee_ppm: when a fraction of equity is sized, room is left for a fee of so many parts per million of the notional.
    """

    strategy_id: str
    version: str
    account_id: str
    venue_id: str
    instrument_ids: tuple[str, ...]
    limits: Limits
    sizing_fee_ppm: int = 0


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


class AccountDefined(Input, frozen=True, gc=False, array_like=True, tag=True):
    """Define an account; one that was never defined is a cash account.

    Attributes:
        account_id: the account.
        account_type: what it may hold.
        maximum_leverage_ppm: gross value of positions over equity that it may reach, parts per million; 1,000,000 for cash.
    """

    account_id: str
    account_type: AccountType
    maximum_leverage_ppm: int


class BalanceTransferred(Input, frozen=True, gc=False, array_like=True, tag=True):
    """Report that an amount of an asset moved between two accounts, in money units."""

    from_account_id: str
    to_account_id: str
    asset: str
    amount: int
    reason: str


class FundingPaid(Input, frozen=True, gc=False, array_like=True, tag=True):
    """Report what an account received (positive) or paid (negative) as funding of a perpetual, in money units of the quote asset.

    Attributes:
        ts_event: venue time at which it fell due.
        account_id: the account.
        instrument_id: the perpetual.
        amount: money units of the quote asset.
        funding_id: the venue's name of this payment, unique within account and instrument.
    """

    ts_event: int
    account_id: str
    instrument_id: str
    amount: int
    funding_id: str


class ClockSampled(Input, frozen=True, gc=False, array_like=True, tag=True):
    """Report how far our clock is from a venue's.

    Attributes:
        venue_id: the venue.
        offset: venue time minus ours, nanoseconds.
        uncertainty: bound of the offset's error, nanoseconds.
        valid_until: engine time after which the sample says nothing any more.
        stop_above: distance above which nothing is sent to the venue, nanoseconds; 0 where only the strategies' limits say.
        disarm_above: distance above which the leases at the venue end, nanoseconds; 0 for each strategy's own limit.
    """

    venue_id: str
    offset: int
    uncertainty: int
    valid_until: int
    stop_above: int = 0
    disarm_above: int = 0

    @property
    def distance(self) -> int:
        """Give how far the clocks may be apart, nanoseconds."""
        return abs(self.offset) + self.uncertainty

    def allowed(self, limit: int) -> int:
        """Give the distance up to which a strategy of this limit may send, nanoseconds: the venue's bound can only be tighter."""
        return min(limit, self.stop_above) if self.stop_above else limit


class ReconciliationReported(Input, frozen=True, gc=False, array_like=True, tag=True):
    """Report whether an account's orders, fills and balances equal the venue's.

    Attributes:
        account_id: the account.
        clean: whether nothing differs.
        detail: what differs, empty when clean.
        valid_until: engine time after which the answer says nothing any more.
    """

    account_id: str
    clean: bool
    detail: str
    valid_until: int


class JournalHealthReported(Input, frozen=True, gc=False, array_like=True, tag=True):
    """Report whether records become durable in time."""

    healthy: bool
    detail: str


class LimitsSet(Input, frozen=True, gc=False, array_like=True, tag=True):
    """Bound what all strategies of an account or a venue may do together; within a session that only ever gets tighter.

    Attributes:
        scope: ACCOUNT or VENUE.
        target: the account or venue.
        limits: what is given; the rest is derived from the limits of the strategies deployed there.
    """

    scope: Scope
    target: str
    limits: ScopeLimits


@final
class TimerFired(Input, frozen=True, gc=False, array_like=True, tag=True):
    """Report that a timer a strategy set fell due."""

    strategy_id: str
    name: str
    due: int


class CloseOutRequested(Input, frozen=True, gc=False, array_like=True, tag=True):
    """Ask for a strategy's orders to be canceled and its positions to be closed at the market."""

    strategy_id: str
    reason: str


class ExternalOrderObserved(Input, frozen=True, gc=False, array_like=True, tag=True):
    """Report an order at the venue, in one of our accounts, that no session of ours sent.

    Attributes:
        ts_event: venue time of what is reported.
        account_id: the account.
        instrument_id: the instrument.
        venue_order_id: the venue's id of it.
        client_order_id: the id its sender gave it, empty when none.
        side: which way it trades.
        remaining: quantity units that may still fill; 0 once it ended.
        limit_price: price units, None for a market order.
    """

    ts_event: int
    account_id: str
    instrument_id: str
    venue_order_id: str
    client_order_id: str
    side: Side
    remaining: int
    limit_price: int | None


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
    """Report that the venue refused the order, in the venue's own words.

    A refusal because the id is in use says nothing about the order that uses it: an adapter reports that as FAILED.
    """

    ts_event: int
    order_id: str
    reason: str


class OrderCanceled(Input, frozen=True, gc=False, array_like=True, tag=True):
    """Report that the venue took the order off its book.

    Attributes:
        ts_event: venue time of it.
        order_id: the client order id.
        reason: why, in the venue's own words.
        executed_quantity: quantity units the venue executed of it in all, None where the venue does not say.
    """

    ts_event: int
    order_id: str
    reason: str
    executed_quantity: int | None = None


class OrderExpired(Input, frozen=True, gc=False, array_like=True, tag=True):
    """Report that the order's time in force ran out at the venue; attributes as of `OrderCanceled`."""

    ts_event: int
    order_id: str
    reason: str
    executed_quantity: int | None = None


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
        endpoint: which source answered, one of `reconciliation.WITNESSES` where its word is to count as evidence of absence.
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


OrderReport = OrderAccepted | OrderRejected | OrderCanceled | OrderExpired | CancelRejected | ExecutionReported | OrderObserved
"""What a venue may say about one of our orders."""

VenueReport = OrderReport | FundingPaid | ExternalOrderObserved

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
    | AccountDefined
    | BalanceTransferred
    | FundingPaid
    | ClockSampled
    | ReconciliationReported
    | JournalHealthReported
    | TimerFired
    | ExternalOrderObserved
    | CloseOutRequested
    | LimitsSet
)
"""Every input but market data: these go to the journal, market data to the tape."""
