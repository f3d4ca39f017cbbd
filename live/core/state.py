"""Engine state: everything that must survive a restart, changed only by applying journal entries.

The engine changes its state by emitting a record and applying it here; a restart folds the same entries through the
same `apply`. So the fold equals the engine's state by construction, and a test holds it to that at every snapshot.
"""

from collections.abc import Callable, Iterable
from typing import Any

from live.core import inputs, records
from live.core.bounds import Bounds, account_target, derive_bounds
from live.core.decimals import PARTS_PER_MILLION
from live.core.entities import ExternalOrder, Lease, Order, Target
from live.core.errors import InputError, LedgerError
from live.core.exposures import Exposures, worst_price
from live.core.inputs import Deployment
from live.core.instruments import FIXED_FIELDS, Instrument
from live.core.ledger import Account, Ledger, Position
from live.core.limits import CEILING_PRICE_COLLAR_PPM
from live.core.orders import MAY_REST_AT_VENUE, TERMINAL, TRANSITIONS, OrderEvent, OrderState, next_state
from live.core.pace import Pace
from live.core.reconciliation import OPEN_ORDERS, counts
from live.core.records import JournalEntry
from live.core.retention import DAY, RETAINED_ORDERS, EndedOrders
from live.core.scope_limits import ScopeLimits, tighten
from live.core.slippage import Slippage
from live.core.vocabulary import AccountType, Scope, TradingState

# A module's own name costs a fifth of an attribute of an enumeration, and these are read with every move of an order.
_INTENT_RECORDED, _SUBMITTING, _SUBMIT_UNKNOWN = OrderState.INTENT_RECORDED, OrderState.SUBMITTING, OrderState.SUBMIT_UNKNOWN
_OPEN, _CANCEL_REQUESTED, _REVIVE = OrderState.OPEN, OrderState.CANCEL_REQUESTED, OrderEvent.REVIVE

FUNDING_RETENTION = 31 * DAY
"""Funding payments are known so long, so that one that is reported again is not booked twice."""


class EngineState:
    """Fold journal entries into orders, ledger, trading states, leases and targets.

    Attributes:
        strictest_over: the strictest trading state over all scopes that cover an order, by its strategy, account and instrument,
            as far as it was asked for since one changed; derived.
    """

    __slots__ = (
        "_appliers",
        "_engaged",
        "_scopes",
        "_strictest",
        "account_days",
        "bounds",
        "clocks",
        "day_profits",
        "decision_sequence",
        "deployments",
        "ended",
        "exposures",
        "external_orders",
        "fill_keys",
        "funding_keys",
        "given_limits",
        "instruments",
        "intent_sequence",
        "journal_healthy",
        "latches",
        "leases",
        "ledger",
        "live_by_account",
        "live_by_strategy",
        "live_orders",
        "nonce",
        "now",
        "order_sequence",
        "orders",
        "pace",
        "peaks",
        "reconciliations",
        "session_id",
        "slippage",
        "strictest_over",
        "targets",
        "trading_states",
    )

    def __init__(self) -> None:
        self.now = 0
        self.session_id = ""
        self.nonce = ""
        self.order_sequence = 0
        self.intent_sequence = 0
        self.decision_sequence = 0
        self.deployments: dict[str, Deployment] = {}
        self.instruments: dict[str, Instrument] = {}
        self.orders: dict[str, Order] = {}
        self.live_orders: dict[str, Order] = {}
        self.live_by_strategy: dict[tuple[str, str], dict[str, Order]] = {}
        self.live_by_account: dict[tuple[str, str], dict[str, Order]] = {}
        self.ledger = Ledger()
        self.trading_states: dict[tuple[Scope, str], TradingState] = {}
        self.latches: dict[tuple[Scope, str], bool] = {}
        self.leases: dict[str, Lease] = {}
        self.targets: dict[tuple[str, str], Target] = {}
        self.day_profits: dict[str, tuple[int, int]] = {}
        self.account_days: dict[str, tuple[int, int]] = {}
        self.peaks: dict[tuple[Scope, str], int] = {}
        self.funding_keys: dict[str, int] = {}
        self.fill_keys: dict[str, str] = {}
        self.external_orders: dict[tuple[str, str, str], ExternalOrder] = {}
        self.ended = EndedOrders()
        self.exposures = Exposures()
        self.pace = Pace()
        self.slippage = Slippage()
        self.bounds: dict[str, Bounds] = {}
        self.given_limits: dict[tuple[Scope, str], ScopeLimits] = {}
        self.clocks: dict[str, inputs.ClockSampled] = {}
        self.reconciliations: dict[str, inputs.ReconciliationReported] = {}
        self.journal_healthy = False
        self._scopes: dict[str, tuple[tuple[Scope, str], ...]] = {}
        self._strictest: dict[str, TradingState] = {}
        self.strictest_over: dict[tuple[str, str, str], TradingState] = {}
        self._engaged: dict[str, tuple[Scope, str] | None] = {}
        self._appliers: dict[type[Any], Callable[[Any], object]] = {
            inputs.SessionStarted: self._apply_session,
            inputs.InstrumentDefined: self._apply_instrument,
            inputs.LatchObserved: self._apply_latch,
            inputs.OrderAccepted: self.apply_acceptance,
            inputs.OrderCanceled: self._apply_end,
            inputs.OrderExpired: self._apply_end,
            inputs.ExternalOrderObserved: self._apply_external_order,
            inputs.OrderObserved: self._apply_observation,
            records.DecisionRecorded: self.apply_decision,
            records.IntentRecorded: self.apply_intent,
            records.OrderDenied: self._apply_denial,
            records.OrderTransitioned: self._apply_transition,
            records.FillRecorded: self._apply_fill,
            records.PositionChanged: self._apply_position,
            records.BalancePosted: self._apply_balance,
            records.TradingStateChanged: self._apply_trading_state,
            records.LeaseChanged: self._apply_lease,
            records.DayOpened: self._apply_day,
            inputs.AccountDefined: self._apply_account,
            records.TransferPosted: self._apply_transfer,
            records.FundingRecorded: self._apply_funding,
            records.AccountDayOpened: self._apply_account_day,
            records.PeakRaised: self._apply_peak,
            inputs.LimitsSet: self._apply_limits,
            inputs.ClockSampled: self._apply_clock,
            inputs.ReconciliationReported: self._apply_reconciliation,
            inputs.JournalHealthReported: self._apply_journal_health,
        }

    def apply(self, entry: JournalEntry) -> None:
        """Change the state by one journal entry; entries that carry no state only move the time."""
        if isinstance(entry, records.Record):
            self.apply_record(entry)
        else:
            self.apply_input(entry)

    def apply_record(self, record: records.OutputRecord) -> None:
        """Change the state by one output record."""
        applier = self._appliers.get(type(record))
        if applier is not None:
            applier(record)
        self.now = record.ts

    def apply_input(self, entry: inputs.RecordedInput) -> None:
        """Change the state by one recorded input."""
        applier = self._appliers.get(type(entry))
        if applier is not None:
            applier(entry)
        self.now = entry.ts_init

    @property
    def accounts(self) -> dict[str, Account]:
        """Give what each defined account may hold."""
        return self.ledger.accounts

    def accounts_in_use(self) -> list[tuple[str, str]]:
        """List the accounts that strategies are deployed on, with the quote assets of their instruments."""
        used = {
            (deployment.account_id, self.instruments[instrument_id].quote)
            for deployment in self.deployments.values()
            for instrument_id in deployment.instrument_ids
        }
        return sorted(used)

    def may_define(self, entry: inputs.AccountDefined) -> bool:
        """Tell whether a definition is sound, and is an account's first, keeps its type, or finds it empty and without live orders."""
        lowest = PARTS_PER_MILLION
        sound = entry.maximum_leverage_ppm == lowest or (entry.account_type is AccountType.MARGIN and entry.maximum_leverage_ppm > lowest)
        known = self.accounts.get(entry.account_id)
        if not entry.account_id or not sound:
            return False
        if known is None or known.account_type is entry.account_type:
            return True
        busy = any(order.account_id == entry.account_id for order in self.live_orders.values())
        return not busy and not self.ledger.holds_anything(entry.account_id)

    def trading_state(self, scope: Scope, target: str) -> TradingState:
        """Give the trading state of one scope; what was never set is DISARMED."""
        return self.trading_states.get((scope, target), TradingState.DISARMED)

    def scopes_of(self, strategy_id: str) -> tuple[tuple[Scope, str], ...]:
        """List the scopes that cover a strategy's orders, widest first."""
        scopes = self._scopes.get(strategy_id)
        if scopes is None:
            deployment = self.deployments[strategy_id]
            scopes = self._scopes[strategy_id] = (
                (Scope.GLOBAL, ""),
                (Scope.VENUE, deployment.venue_id),
                (Scope.ACCOUNT, deployment.account_id),
                (Scope.STRATEGY, strategy_id),
            )
        return scopes

    def strictest_state(self, strategy_id: str) -> TradingState:
        """Give the strictest trading state over all scopes that cover a strategy."""
        strictest = self._strictest.get(strategy_id)
        if strictest is None:
            strictest = self._strictest[strategy_id] = self.strictest_of(self.scopes_of(strategy_id))
        return strictest

    def strictest_of(self, scopes: Iterable[tuple[Scope, str]]) -> TradingState:
        """Give the strictest trading state over some scopes."""
        return max(self.trading_state(scope, target) for scope, target in scopes)

    def engaged_latch(self, strategy_id: str) -> tuple[Scope, str] | None:
        """Give the widest scope that covers a strategy and whose kill latch is engaged or was never read; None when all are clear."""
        if strategy_id not in self._engaged:
            self._engaged[strategy_id] = self._find_engaged(strategy_id)
        return self._engaged[strategy_id]

    def _find_engaged(self, strategy_id: str) -> tuple[Scope, str] | None:
        return next((scope for scope in self.scopes_of(strategy_id) if self.latches.get(scope, True)), None)

    def live_orders_of(self, strategy_id: str, instrument_id: str | None = None) -> list[Order]:
        """List a strategy's orders that may still fill, oldest first."""
        if not self.live_orders:
            return []
        if instrument_id is not None:
            found = self.live_by_strategy.get((strategy_id, instrument_id))
            return list(found.values()) if found else []
        return [order for order in self.live_orders.values() if order.strategy_id == strategy_id]

    def live_orders_in(self, account_id: str, instrument_id: str) -> list[Order]:
        """List the orders of all strategies in one account and instrument that may still fill, oldest first."""
        found = self.live_by_account.get((account_id, instrument_id))
        return list(found.values()) if found else []

    def index_live_order(self, order: Order) -> None:
        """Take an order that may fill into the indexes that risk and portfolio look it up by."""
        order_id, instrument_id = order.order_id, order.instrument_id
        self.live_orders[order_id] = order
        key = (order.strategy_id, instrument_id)
        alive = self.live_by_strategy.get(key)
        if alive is None:
            alive = self.live_by_strategy[key] = {}
        alive[order_id] = order
        key = (order.account_id, instrument_id)
        alive = self.live_by_account.get(key)
        if alive is None:
            alive = self.live_by_account[key] = {}
        alive[order_id] = order
        if not order.worst_price:
            bounds = self.bounds.get(order.strategy_id)
            order.worst_price = worst_price(order, CEILING_PRICE_COLLAR_PPM if bounds is None else bounds.limits.price_collar_ppm)
        self.exposures.add(order, self.instruments[instrument_id])

    def derive_limits(self) -> None:
        """Look up again what every strategy's orders are judged by, out of what is deployed, defined and given."""
        self.bounds = derive_bounds(self.deployments.values(), self.given_limits, self.instruments)

    def _apply_session(self, entry: inputs.SessionStarted) -> None:
        """Begin a session; a standing target or day lasts only while its strategy stays deployed on the same account."""
        self.session_id, self.nonce = entry.session_id, entry.nonce
        self.order_sequence = 0
        self._scopes.clear()
        self._strictest.clear()
        self.strictest_over.clear()
        self._engaged.clear()
        self.given_limits = {}
        self.clocks = {}
        self.reconciliations = {}
        self.journal_healthy = False
        old = self.deployments
        self.deployments = {deployment.strategy_id: deployment for deployment in entry.deployments}
        stays = {name for name, one in self.deployments.items() if name in old and old[name].account_id == one.account_id}
        self.targets = {key: target for key, target in self.targets.items() if key[0] in stays}
        self.day_profits = {name: opened for name, opened in self.day_profits.items() if name in stays}
        self.peaks = {key: peak for key, peak in self.peaks.items() if key[0] is not Scope.STRATEGY or key[1] in stays}
        self.derive_limits()

    def _apply_instrument(self, entry: inputs.InstrumentDefined) -> None:
        """Take a definition that may follow the one before; the engine refuses any other, so a fold passes over it."""
        new = entry.instrument
        if may_follow(self.instruments.get(new.instrument_id), new):
            self.instruments[new.instrument_id] = new

    def _apply_limits(self, entry: inputs.LimitsSet) -> None:
        """Take limits of an account or a venue; within a session they only ever get tighter."""
        key = (entry.scope, entry.target)
        self.given_limits[key] = tighten(self.given_limits.get(key, entry.limits), entry.limits)
        self.derive_limits()

    def _apply_clock(self, entry: inputs.ClockSampled) -> None:
        self.clocks[entry.venue_id] = entry

    def _apply_reconciliation(self, entry: inputs.ReconciliationReported) -> None:
        self.reconciliations[entry.account_id] = entry

    def _apply_journal_health(self, entry: inputs.JournalHealthReported) -> None:
        self.journal_healthy = entry.healthy

    def _apply_latch(self, entry: inputs.LatchObserved) -> None:
        self.latches[entry.scope, entry.target] = entry.engaged
        self._engaged.clear()

    # What comes with every order is applied by its name, without a look for the type, and gives back what it was about.

    def apply_acceptance(self, entry: inputs.OrderAccepted) -> Order | None:
        """Learn the venue's id of an order, and give that order."""
        self.now = entry.ts_init
        order = self.orders.get(entry.order_id)
        if order is not None and not order.venue_order_id:
            order.venue_order_id = entry.venue_order_id
        return order

    def _apply_end(self, entry: inputs.OrderCanceled | inputs.OrderExpired) -> None:
        """Note an end that counts more executed than was booked: it waits for those fills."""
        order = self.orders.get(entry.order_id)
        if order is None or order.state not in MAY_REST_AT_VENUE or (entry.executed_quantity or 0) <= order.filled_quantity:
            return
        order.announced = OrderEvent.CANCEL if isinstance(entry, inputs.OrderCanceled) else OrderEvent.EXPIRE
        order.announced_quantity = entry.executed_quantity or 0

    def _apply_external_order(self, entry: inputs.ExternalOrderObserved) -> None:
        key = (entry.account_id, entry.instrument_id, entry.venue_order_id)
        if entry.client_order_id in self.orders or not entry.remaining:
            self.external_orders.pop(key, None)
            return
        self.external_orders[key] = ExternalOrder(*key, entry.client_order_id, entry.side, entry.remaining, entry.limit_price)

    def _apply_observation(self, entry: inputs.OrderObserved) -> None:
        order = self.orders.get(entry.order_id)
        if order is None or order.state is not OrderState.SUBMIT_UNKNOWN:
            return
        if entry.found:
            order.absent_at, order.not_open_at = (), 0
        elif entry.endpoint not in order.absent_at and counts(order, entry):
            order.absent_at = (*order.absent_at, entry.endpoint)
            if entry.endpoint == OPEN_ORDERS:
                order.not_open_at = entry.venue_time

    def apply_decision(self, record: records.DecisionRecorded) -> Target:
        """Take what a strategy wants as its target from now on, and give that target."""
        self.now = record.ts
        self.decision_sequence = decision_id = record.decision_id
        target = Target(decision_id, record.requested, record.target, record.limit_price)
        self.targets[record.strategy_id, record.instrument_id] = target
        return target

    def apply_intent(self, record: records.IntentRecorded) -> Order:
        """Begin an order's life, and give the order; a target that it serves has been tried."""
        self.now = ts = record.ts
        self.order_sequence += 1
        self.intent_sequence = intent_id = record.intent_id
        order_id = record.order_id
        order = self.orders[order_id] = Order(
            order_id,
            intent_id,
            record.decision_id,
            record.strategy_id,
            record.account_id,
            record.instrument_id,
            record.side,
            record.order_type,
            record.time_in_force,
            record.quantity,
            record.limit_price,
            record.reference_price,
            ts,
            _INTENT_RECORDED,
            0,
            0,
            "",
            "",
            (),
            record.trigger_price,
            record.expires_at,
            record.reduce_only,
            record.label,
            record.replaces,
        )
        if record.decision_id:
            self.targets[record.strategy_id, record.instrument_id].tried = True
        if not intent_id % RETAINED_ORDERS:
            self._forget_old_orders(record)
        return order

    def _forget_old_orders(self, record: records.IntentRecorded) -> None:
        forgotten = self.ended.forget(self.fill_keys, record.intent_id - RETAINED_ORDERS + 1, record.ts)
        for order_id in forgotten:
            del self.orders[order_id]
        if forgotten:
            gone = set(forgotten)
            self.fill_keys = {key: order_id for key, order_id in self.fill_keys.items() if order_id not in gone}

    def _apply_denial(self, record: records.OrderDenied) -> None:
        if record.order_id:
            order = self.orders[record.order_id]
            order.state = next_state(order.state, OrderEvent.DENY)
            order.ended_at = record.ts
            self.ended.add(order)
            order.detail = f"{record.code}: {record.detail}"

    def _apply_transition(self, record: records.OrderTransitioned) -> None:
        order = self.orders[record.order_id]
        state = TRANSITIONS.get((order.state, record.event))
        if state is None or state is not record.state:
            raise InputError(f"order {record.order_id}: the record says {record.state}, the transition table says {state}")
        self.move_order(order, record)

    def move_order(self, order: Order, record: records.OrderTransitioned) -> None:
        """Apply a move that the transition table has to its order: what a journal says is looked up in it first."""
        self.now = ts = record.ts
        state = order.state = record.state
        if record.detail:
            order.detail = record.detail
        if state is _OPEN:
            if record.event is _REVIVE:  # every other order that opens was alive
                self._revive(order)
        elif state in TERMINAL:
            order.ended_at = ts
            self.ended.add(order)
            if order.announced is not None:
                order.announced = None
            order_id = order.order_id
            if self.live_orders.pop(order_id, None) is not None:
                instrument_id = order.instrument_id
                del self.live_by_strategy[order.strategy_id, instrument_id][order_id]
                del self.live_by_account[order.account_id, instrument_id][order_id]
                self.exposures.remove(order, self.instruments[instrument_id])
                order.worst_price = 0
        elif state is _CANCEL_REQUESTED:
            self.pace.cancel(order, ts)
        elif state is _SUBMITTING:
            self.give_out(order, record)
        elif state is _SUBMIT_UNKNOWN:
            order.lost_at = ts

    def give_out(self, order: Order, record: records.OrderTransitioned, worst: int = 0) -> None:
        """Apply the move by which an approved order is sent: it counts among those that were sent and those that may fill.

        `worst` is its `worst_price` where that is known already.
        """
        ts = record.ts
        order.worst_price = worst
        order.state = record.state
        order.submitted_at = ts
        self.pace.submit(order, ts)
        self.index_live_order(order)

    def _revive(self, order: Order) -> None:
        """Take an order that was thought to have ended back among those that may fill."""
        order.ended_at, order.absent_at, order.not_open_at = 0, (), 0
        self.ended.discard(order.order_id)
        self.index_live_order(order)

    def _apply_fill(self, record: records.FillRecorded) -> None:
        key = fill_key(record.account_id, record.instrument_id, record.trade_id, record.venue_order_id)
        self.book_fill(record, key, self.orders[record.order_id], self.instruments[record.instrument_id])

    def book_fill(self, record: records.FillRecorded, key: str, order: Order, instrument: Instrument) -> Position:
        """Apply a fill, known from now on by its key, to its order and the position, and give that position."""
        self.now = ts = record.ts
        filled, order_id = order.filled_quantity, record.order_id
        before = order.quantity - filled
        if not filled:
            self.pace.execute(order.strategy_id, ts)
        self.slippage.fill(order, record)
        order.filled_quantity = filled + record.quantity
        if not order.venue_order_id:
            order.venue_order_id = record.venue_order_id
        self.fill_keys[key] = order_id
        position = self.ledger.apply_fill(record, instrument)
        if order_id in self.live_orders:
            self.exposures.fill(order, instrument, before if before > 0 else 0, position.quantity)
        else:
            self.exposures.hold(record.account_id, record.strategy_id, record.instrument_id, position.quantity)
        return position

    def _apply_position(self, record: records.PositionChanged) -> None:
        held = self.ledger.positions[record.account_id, record.strategy_id, record.instrument_id]
        said = (record.quantity, record.cost, record.realised, record.fees, record.cash)
        if said != (held.quantity, held.cost, held.realised, held.fees, held.cash):
            raise LedgerError(f"position of {record.strategy_id} in {record.instrument_id}: the record says {said}, the fills say {held}")

    def _apply_balance(self, record: records.BalancePosted) -> None:
        balance = self.ledger.deposit(record.account_id, record.asset, record.amount)
        if balance != record.balance:
            raise LedgerError(
                f"balance of {record.asset} in {record.account_id}: the record says {record.balance}, the ledger says {balance}"
            )

    def _apply_trading_state(self, record: records.TradingStateChanged) -> None:
        self.trading_states[record.scope, record.target] = record.state
        self._strictest.clear()
        self.strictest_over.clear()

    def _apply_lease(self, record: records.LeaseChanged) -> None:
        if record.lease_id:
            self.leases[record.strategy_id] = Lease(record.lease_id, record.expires_at, record.maximum_order_notional)
            self._try_again(record.strategy_id)
            self.pace.executions.pop(record.strategy_id, None)
        else:
            self.leases.pop(record.strategy_id, None)

    def _apply_day(self, record: records.DayOpened) -> None:
        self.day_profits[record.strategy_id] = (record.day, record.profit)

    def _apply_account_day(self, record: records.AccountDayOpened) -> None:
        self.account_days[account_target(record.account_id, record.quote)] = (record.day, record.profit)

    def _apply_peak(self, record: records.PeakRaised) -> None:
        self.peaks[record.scope, record.target] = record.profit

    def _apply_account(self, entry: inputs.AccountDefined) -> None:
        """Take a definition that may be; the engine refuses any other, so a fold passes over it."""
        if self.may_define(entry):
            self.accounts[entry.account_id] = Account(entry.account_type, entry.maximum_leverage_ppm)

    def _apply_transfer(self, record: records.TransferPosted) -> None:
        left, arrived = self.ledger.transfer(record.from_account_id, record.to_account_id, record.asset, record.amount)
        if (left, arrived) != (record.from_balance, record.to_balance):
            raise LedgerError(
                f"transfer of {record.asset} from {record.from_account_id} to {record.to_account_id}: the record says balances of "
                f"{record.from_balance} and {record.to_balance}, the ledger says {left} and {arrived}"
            )

    def _apply_funding(self, record: records.FundingRecorded) -> None:
        """Book a part of a funding payment, and remember the payment for as long as it could be reported again."""
        self.ledger.apply_funding(record, self.instruments[record.instrument_id])
        known = self.funding_keys
        known[funding_key(record.account_id, record.instrument_id, record.funding_id)] = record.ts
        while (oldest := next(iter(known))) and known[oldest] <= record.ts - FUNDING_RETENTION:
            del known[oldest]

    def _try_again(self, strategy_id: str) -> None:
        """Let a newly armed strategy's standing targets be tried, which were not while nothing could be sent."""
        for key, target in self.targets.items():
            if key[0] == strategy_id:
                target.tried = False


def may_follow(old: Instrument | None, new: Instrument) -> bool:
    """Tell whether a definition may follow another: what turns its numbers into money is fixed for a journal's life."""
    if old is None:
        return True
    return all(getattr(old, name) == getattr(new, name) for name in FIXED_FIELDS)


def funding_key(account_id: str, instrument_id: str, funding_id: str) -> str:
    """Name a funding payment uniquely."""
    return f"{account_id}|{instrument_id}|{funding_id}"


def fill_key(account_id: str, instrument_id: str, trade_id: str, venue_order_id: str) -> str:
    """Name an execution uniquely: the instrument id holds venue and symbol."""
    return f"{account_id}|{instrument_id}|{trade_id}|{venue_order_id}"


def fold(entries: Iterable[JournalEntry], state: EngineState | None = None) -> EngineState:
    """Fold journal entries, in sequence, into a state; never runs strategy code."""
    state = EngineState() if state is None else state
    for entry in entries:
        state.apply(entry)
    return state
