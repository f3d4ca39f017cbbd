"""Snapshots: an engine's state written down in a canonical order, and read back."""

from collections import deque
from typing import TypeVar

import msgspec

from live.core.entities import ExternalOrder, Lease, Order, Target
from live.core.errors import InputError
from live.core.inputs import ClockSampled, Deployment, ReconciliationReported
from live.core.instruments import Instrument
from live.core.ledger import Account, Position
from live.core.orders import MAY_REST_AT_VENUE, TERMINAL
from live.core.pace import HOUR, MINUTE, newer_than
from live.core.scope_limits import ScopeLimits
from live.core.slippage import Paid
from live.core.state import EngineState
from live.core.vocabulary import Scope, TradingState

_Key = TypeVar("_Key", str, tuple[Scope, str])


class Snapshot(msgspec.Struct, frozen=True):
    """Write down an engine state in a canonical order; equal states give equal bytes."""

    schema: int
    now: int
    session_id: str
    nonce: str
    order_sequence: int
    intent_sequence: int
    decision_sequence: int
    deployments: list[Deployment]
    instruments: list[Instrument]
    orders: list[Order]
    balances: list[tuple[str, str, int]]
    deposits: list[tuple[str, str, int]]
    other_fees: list[tuple[str, str, int]]
    positions: list[Position]
    trading_states: list[tuple[Scope, str, TradingState]]
    latches: list[tuple[Scope, str, bool]]
    leases: list[tuple[str, Lease]]
    targets: list[tuple[str, str, Target]]
    day_profits: list[tuple[str, int, int]]
    fill_keys: list[tuple[str, str]]
    recent_orders: list[tuple[str, list[int]]]
    external_orders: list[ExternalOrder] = []
    accounts: list[tuple[str, Account]] = []
    strategy_fees: list[tuple[str, str, str, int]] = []
    account_days: list[tuple[str, int, int]] = []
    peaks: list[tuple[Scope, str, int]] = []
    funding_keys: list[tuple[str, int]] = []
    recent_cancels: list[tuple[Scope, str, list[int]]] = []
    executions: list[tuple[str, list[int]]] = []
    given_limits: list[tuple[Scope, str, ScopeLimits]] = []
    clocks: list[ClockSampled] = []
    reconciliations: list[ReconciliationReported] = []
    journal_healthy: bool = False
    slippage: list[tuple[str, str, list[Paid]]] = []


SNAPSHOT_SCHEMA = 3
"""The newest schema; older ones are read as well, since every field they lack has a default that is true of them."""
_encoder = msgspec.msgpack.Encoder(order="deterministic")
_decoder = msgspec.msgpack.Decoder(Snapshot)


def take_snapshot(state: EngineState) -> bytes:
    """Encode a state canonically: equal states give equal bytes."""
    ledger = state.ledger
    return _encoder.encode(
        Snapshot(
            schema=SNAPSHOT_SCHEMA,
            now=state.now,
            session_id=state.session_id,
            nonce=state.nonce,
            order_sequence=state.order_sequence,
            intent_sequence=state.intent_sequence,
            decision_sequence=state.decision_sequence,
            deployments=[state.deployments[key] for key in sorted(state.deployments)],
            instruments=[state.instruments[key] for key in sorted(state.instruments)],
            orders=list(state.orders.values()),
            balances=[(*key, ledger.balances[key]) for key in sorted(ledger.balances)],
            deposits=[(*key, ledger.deposits[key]) for key in sorted(ledger.deposits)],
            other_fees=[(*key, ledger.other_fees[key]) for key in sorted(ledger.other_fees)],
            positions=[ledger.positions[key] for key in sorted(ledger.positions)],
            trading_states=[(*key, state.trading_states[key]) for key in sorted(state.trading_states)],
            latches=[(*key, state.latches[key]) for key in sorted(state.latches)],
            leases=[(key, state.leases[key]) for key in sorted(state.leases)],
            targets=[(*key, state.targets[key]) for key in sorted(state.targets)],
            day_profits=[(key, *state.day_profits[key]) for key in sorted(state.day_profits)],
            fill_keys=list(state.fill_keys.items()),
            recent_orders=[(key, list(state.pace.strategies[key])) for key in sorted(state.pace.strategies)],
            external_orders=[state.external_orders[key] for key in sorted(state.external_orders)],
            accounts=[(key, ledger.accounts[key]) for key in sorted(ledger.accounts)],
            strategy_fees=[(*key, ledger.strategy_fees[key]) for key in sorted(ledger.strategy_fees)],
            account_days=[(key, *state.account_days[key]) for key in sorted(state.account_days)],
            peaks=[(*key, state.peaks[key]) for key in sorted(state.peaks)],
            funding_keys=list(state.funding_keys.items()),
            recent_cancels=[(*key, times) for key, times in _newest(state.pace.cancels, state.now - MINUTE)],
            executions=_newest(state.pace.executions, state.now - HOUR),
            given_limits=[(*key, state.given_limits[key]) for key in sorted(state.given_limits)],
            clocks=[state.clocks[key] for key in sorted(state.clocks)],
            reconciliations=[state.reconciliations[key] for key in sorted(state.reconciliations)],
            journal_healthy=state.journal_healthy,
            slippage=state.slippage.write_down(state.now),
        )
    )


def restore_state(body: bytes) -> EngineState:
    """Rebuild a state from its snapshot.

    Raises:
        InputError: the snapshot is malformed or of another schema.
    """
    try:
        snapshot = _decoder.decode(body)
    except msgspec.MsgspecError as error:
        raise InputError(f"the snapshot cannot be read: {error}; restore the journal from a copy") from None
    if not 1 <= snapshot.schema <= SNAPSHOT_SCHEMA:
        raise InputError(
            f"the snapshot has schema {snapshot.schema}, this program reads up to {SNAPSHOT_SCHEMA}: use the version that wrote it"
        )
    state = EngineState()
    state.now = snapshot.now
    state.session_id, state.nonce = snapshot.session_id, snapshot.nonce
    state.order_sequence = snapshot.order_sequence
    state.intent_sequence = snapshot.intent_sequence
    state.decision_sequence = snapshot.decision_sequence
    state.deployments = {deployment.strategy_id: deployment for deployment in snapshot.deployments}
    state.instruments = {instrument.instrument_id: instrument for instrument in snapshot.instruments}
    state.given_limits = {(scope, target): limits for scope, target, limits in snapshot.given_limits}
    state.derive_limits()
    state.orders = {order.order_id: order for order in snapshot.orders}
    for order in sorted(snapshot.orders, key=_by_submission):
        if order.submitted_at:
            state.pace.submit(order, order.submitted_at)
    for order in snapshot.orders:
        if order.state in MAY_REST_AT_VENUE:
            state.index_live_order(order)
        elif order.state in TERMINAL and not order.ended_at:
            order.ended_at = snapshot.now
    for order in sorted(snapshot.orders, key=_by_end):
        if order.ended_at:
            state.ended.add(order)
    state.ledger.balances = {(account, asset): amount for account, asset, amount in snapshot.balances}
    state.ledger.deposits = {(account, asset): amount for account, asset, amount in snapshot.deposits}
    state.ledger.other_fees = {(account, asset): amount for account, asset, amount in snapshot.other_fees}
    state.ledger.positions = {
        (position.account_id, position.strategy_id, position.instrument_id): position for position in snapshot.positions
    }
    state.ledger.accounts = dict(snapshot.accounts)
    state.ledger.strategy_fees = {(account, strategy, asset): fee for account, strategy, asset, fee in snapshot.strategy_fees}
    state.ledger.derive(state.instruments)
    for position in snapshot.positions:
        state.exposures.move(position.account_id, position.strategy_id, position.instrument_id, position.quantity)
    state.account_days = {target: (day, profit) for target, day, profit in snapshot.account_days}
    state.peaks = {(scope, target): profit for scope, target, profit in snapshot.peaks}
    state.funding_keys = dict(snapshot.funding_keys)
    state.trading_states = {(scope, target): value for scope, target, value in snapshot.trading_states}
    state.latches = {(scope, target): engaged for scope, target, engaged in snapshot.latches}
    state.leases = dict(snapshot.leases)
    state.targets = {(strategy, instrument): target for strategy, instrument, target in snapshot.targets}
    state.day_profits = {strategy: (day, profit) for strategy, day, profit in snapshot.day_profits}
    state.fill_keys = dict(snapshot.fill_keys)
    state.external_orders = {(one.account_id, one.instrument_id, one.venue_order_id): one for one in snapshot.external_orders}
    state.pace.read_back(
        {strategy: deque(times) for strategy, times in snapshot.recent_orders},
        {(scope, target): deque(times) for scope, target, times in snapshot.recent_cancels},
    )
    state.pace.executions = {strategy: deque(times) for strategy, times in snapshot.executions}
    state.clocks = {one.venue_id: one for one in snapshot.clocks}
    state.reconciliations = {one.account_id: one for one in snapshot.reconciliations}
    state.journal_healthy = snapshot.journal_healthy
    state.slippage.read_back(snapshot.slippage)
    return state


def _newest(times: dict[_Key, deque[int]], since: int) -> list[tuple[_Key, list[int]]]:
    """List what still counts of each key's times, in a canonical order."""
    return [(key, newest) for key in sorted(times) if (newest := newer_than(times[key], since))]


def _by_submission(order: Order) -> int:
    return order.submitted_at


def _by_end(order: Order) -> tuple[int, int]:
    return order.ended_at, order.intent_id
