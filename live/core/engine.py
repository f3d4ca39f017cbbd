"""The engine: a deterministic state machine from inputs to records and effects.

`handle(input)` changes state and appends to `records` and `effects`; it performs nothing. The driver journals the
records and, once they are durable, carries out the effects. There is no mode here: replay, dry run, shadow and live
differ in the driver that feeds the engine and the venue that answers it.
"""

from collections.abc import Callable, Mapping, Sequence
from typing import Any

from live.core import inputs, records
from live.core.effects import CancelOrder, Effect, QueryOrder, SubmitOrder
from live.core.errors import InputError
from live.core.market import InstrumentMarket
from live.core.orders import TERMINAL, TRANSITIONS, UNKNOWN, OrderEvent, OrderState, next_state
from live.core.portfolio import LONGEST_RETRY_WAIT, Plan, Wish, is_exit, limit_price_units, plan, target_units
from live.core.reconciliation import Verdict, judge
from live.core.records import OutputRecord
from live.core.risk.candidate import Candidate
from live.core.risk.checks import first_denial
from live.core.risk.codes import DenialCode
from live.core.runner import StrategyRunner
from live.core.state import EngineState, Order, Target, fill_key
from live.core.strategy import Strategy
from live.core.vocabulary import EffectAction, OperatorAction, Outcome, Scope, TradingState

DAY = 86_400 * 1_000_000_000
MAXIMUM_ORDERS_PER_SESSION = 36**8 - 1
"""Client ids are `IL`, an 8-character nonce and at most 8 base-36 digits: 18 characters, never reused."""

_DIGITS = "0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZ"


class Engine:
    """Turn inputs into records and effects; the same inputs always give the same records.

    Attributes:
        state: what survives a restart; changed only by applying journal entries.
        records: output records since the driver last drained them.
        effects: effects since the driver last drained them.
    """

    def __init__(self, strategies: Mapping[str, tuple[Strategy, int]], state: EngineState | None = None) -> None:
        """Take strategies by id, each with its declared warm-up bars, and the state to go on from."""
        self.state = EngineState() if state is None else state
        self.records: list[OutputRecord] = []
        self.effects: list[Effect] = []
        self._strategies = strategies
        self._now = self.state.now
        self._runners: dict[str, StrategyRunner] = {}
        self._subscribers: dict[str, tuple[StrategyRunner, ...]] = {}
        self._markets: dict[str, InstrumentMarket] = {instrument_id: InstrumentMarket() for instrument_id in self.state.instruments}
        self._retries: dict[tuple[str, str], tuple[int, int]] = {}
        self._next_day = 0
        self._handlers: dict[type[Any], Callable[[Any], None]] = {
            inputs.Bar: self._on_bar,
            inputs.SessionStarted: self._on_session_started,
            inputs.SessionClosed: self._ignore,
            inputs.InstrumentDefined: self._on_instrument,
            inputs.BalanceChanged: self._on_balance,
            inputs.LeaseGranted: self._on_lease_granted,
            inputs.LeaseEnded: self._on_lease_ended,
            inputs.LatchObserved: self._on_latch,
            inputs.FeedChanged: self._on_feed,
            inputs.ClockTicked: self._ignore,
            inputs.EffectOutcome: self._on_effect_outcome,
            inputs.OrderAccepted: self._on_accepted,
            inputs.OrderRejected: self._on_rejected,
            inputs.OrderCanceled: self._on_canceled,
            inputs.OrderExpired: self._on_expired,
            inputs.CancelRejected: self._on_cancel_rejected,
            inputs.ExecutionReported: self._on_execution,
            inputs.OrderObserved: self._on_observed,
            inputs.OperatorCommand: self._on_operator,
            inputs.AccessDenied: self._ignore,
        }

    def handle(self, event: inputs.MarketEvent | inputs.RecordedInput) -> None:
        """Take in one input.

        Raises:
            InputError: time ran backwards, or market data names an instrument without a definition.
        """
        now = event.ts_init
        if now < self._now:
            raise InputError(f"ts_init ran backwards from {self._now} to {now} at {event!r}: stamp inputs at receipt, in order")
        self._now = now
        self._handlers[type(event)](event)

    @property
    def now(self) -> int:
        """Give the engine's time: `ts_init` of the last input."""
        return self._now

    def equity(self, account_id: str, quote: str) -> int | None:
        """Value an account in one quote asset: cash and all strategies' positions; None while a held instrument has no price."""
        total = self.state.ledger.balance(account_id, quote)
        for position in self.state.ledger.positions.values():
            instrument = self.state.instruments[position.instrument_id]
            if position.account_id == account_id and instrument.quote == quote and position.quantity:
                price = self._markets[position.instrument_id].last_price
                if price is None:
                    return None
                total += instrument.notional(price, position.quantity)
        return total

    def profit(self, strategy_id: str) -> int | None:
        """Value a strategy's profit since it first traded, realised and not, after fees; None while a held instrument has no price."""
        total = 0
        for position in self.state.ledger.positions.values():
            if position.strategy_id != strategy_id:
                continue
            price = self._markets[position.instrument_id].last_price
            if price is None:
                if position.quantity:
                    return None
                price = 0
            total += position.profit(self.state.instruments[position.instrument_id].notional(price, 1))
        return total

    def last_price(self, instrument_id: str) -> int | None:
        """Give an instrument's last price, in price units."""
        market = self._markets.get(instrument_id)
        return None if market is None else market.last_price

    def _emit(self, record: OutputRecord) -> None:
        self.state.apply(record)
        self.records.append(record)

    def _ignore(self, event: inputs.RecordedInput) -> None:
        self.state.apply(event)

    # Market data

    def _on_bar(self, bar: inputs.Bar) -> None:
        market = self._markets.get(bar.instrument_id)
        if market is None:
            raise InputError(f"market data for {bar.instrument_id} came before its definition: send InstrumentDefined first")
        market.observe(bar)
        if not bar.warm_up and self._now >= self._next_day:
            self._open_day()
        for runner in self._subscribers.get(bar.instrument_id, ()):
            runner.on_bar(bar)
            if runner.wishes:
                self._decide(runner)
        if self._retries and not bar.warm_up:
            self._retry_exits(bar.instrument_id)

    def _open_day(self) -> None:
        day = self._now // DAY
        missing = False
        for strategy_id in self._runners:
            known = self.state.day_profits.get(strategy_id)
            if known is not None and known[0] == day:
                continue
            profit = self.profit(strategy_id)
            if profit is None:
                missing = True
            else:
                self._emit(records.DayOpened(self._now, strategy_id, day, profit))
        if not missing:
            self._next_day = (day + 1) * DAY

    def _on_feed(self, event: inputs.FeedChanged) -> None:
        self.state.apply(event)
        market = self._markets.get(event.instrument_id)
        if market is not None:
            market.feed_healthy = event.healthy

    # Decisions and intents

    def _decide(self, runner: StrategyRunner) -> None:
        wishes = runner.wishes
        while wishes:
            wish = wishes.pop(0)
            strategy_id = runner.deployment.strategy_id
            target = self._record_decision(strategy_id, runner.deployment.account_id, wish)
            if target is not None:
                self._retries.pop((strategy_id, wish.instrument_id), None)
                self._pursue(strategy_id, wish.instrument_id)

    def _record_decision(self, strategy_id: str, account_id: str, wish: Wish) -> Target | None:
        """Record a wish as a decision; returns None when it is the standing one or cannot be followed."""
        state, instrument_id = self.state, wish.instrument_id
        instrument, price = state.instruments[instrument_id], self._markets[instrument_id].last_price
        standing = state.targets.get((strategy_id, instrument_id))
        held = state.ledger.quantity(strategy_id, instrument_id)
        equity = self.equity(account_id, instrument.quote)
        if not wish.is_finite or price is None or equity is None:
            code = DenialCode.PRICE_REFERENCE_MISSING if wish.is_finite else DenialCode.TARGET_NOT_A_NUMBER
            units = held if standing is None else standing.units
            decision_id = state.decision_sequence + 1
            self._emit(records.DecisionRecorded(self._now, decision_id, strategy_id, instrument_id, units, wish.requested, None, price or 0, wish.reason))
            self._emit(records.OrderDenied(self._now, "", code, f"decision {decision_id}: {wish.requested}, limit price {wish.limit_price!r}"))
            return None
        units = target_units(wish, equity, price, instrument)
        limit_price = limit_price_units(wish, buying=units > held, instrument=instrument)
        if standing is not None and standing.requested == wish.requested and standing.limit_price == limit_price:
            return None
        decision_id = state.decision_sequence + 1
        self._emit(records.DecisionRecorded(self._now, decision_id, strategy_id, instrument_id, units, wish.requested, limit_price, price, wish.reason))
        return state.targets[strategy_id, instrument_id]

    def _pursue(self, strategy_id: str, instrument_id: str) -> None:
        """Take the next step toward a strategy's standing target."""
        target = self.state.targets.get((strategy_id, instrument_id))
        if target is None or strategy_id not in self._runners:
            return
        step = plan(target, self.state.ledger.quantity(strategy_id, instrument_id), self.state.live_orders_of(strategy_id, instrument_id))
        for order in step.cancels:
            self._request_cancel(order, "the target changed")
        if step.quantity:
            self._send_intent(strategy_id, instrument_id, target, step)

    def _retry_exits(self, instrument_id: str) -> None:
        for key in [key for key in self._retries if key[1] == instrument_id]:
            wait, bars_left = self._retries[key]
            if bars_left > 1:
                self._retries[key] = (wait, bars_left - 1)
                continue
            self._retries[key] = (wait, wait)
            self._pursue(*key)

    def _schedule_retry(self, strategy_id: str, instrument_id: str) -> None:
        """Try an exit again after 1, 2, 4, … bars when its order came to nothing; an entry waits for the next decision."""
        key = (strategy_id, instrument_id)
        target = self.state.targets.get(key)
        if target is None or not is_exit(target.units, self.state.ledger.quantity(strategy_id, instrument_id)):
            self._retries.pop(key, None)
            return
        wait = min(self._retries[key][0] * 2, LONGEST_RETRY_WAIT) if key in self._retries else 1
        self._retries[key] = (wait, wait)

    def _send_intent(self, strategy_id: str, instrument_id: str, target: Target, step: Plan) -> None:
        state, now = self.state, self._now
        assert step.side is not None, "a plan with a quantity has a side"
        deployment = state.deployments[strategy_id]
        market = self._markets.get(instrument_id)
        intent = records.IntentRecorded(
            now,
            self._next_order_id(),
            state.intent_sequence + 1,
            target.decision_id,
            strategy_id,
            deployment.account_id,
            instrument_id,
            step.side,
            step.order_type,
            step.time_in_force,
            step.quantity,
            step.limit_price,
            0 if market is None or market.last_price is None else market.last_price,
            (records.Allocation(strategy_id, state.intent_sequence + 1, step.quantity),),
        )
        self._emit(intent)
        denial = first_denial(
            Candidate(
                intent,
                state=state,
                limits=deployment.limits,
                instrument=state.instruments.get(instrument_id),
                market=market,
                marks={key: value.last_price for key, value in self._markets.items() if value.last_price is not None},
                profit_today=self._profit_today(strategy_id),
                now=now,
            )
        )
        if denial is not None:
            self._emit(records.OrderDenied(now, intent.order_id, denial.code, denial.detail))
            self._schedule_retry(strategy_id, instrument_id)
            return
        self._transition(intent.order_id, OrderEvent.APPROVE)
        self._transition(intent.order_id, OrderEvent.SUBMIT)
        self.effects.append(
            SubmitOrder(
                intent.order_id,
                strategy_id,
                deployment.account_id,
                instrument_id,
                step.side,
                step.order_type,
                step.time_in_force,
                step.quantity,
                step.limit_price,
            )
        )

    def _profit_today(self, strategy_id: str) -> int | None:
        profit, opened = self.profit(strategy_id), self.state.day_profits.get(strategy_id)
        if profit is None or opened is None or opened[0] != self._now // DAY:
            return None
        return profit - opened[1]

    def _next_order_id(self) -> str:
        number = self.state.order_sequence + 1
        assert number <= MAXIMUM_ORDERS_PER_SESSION, "a session cannot have that many orders"
        digits = ""
        while number:
            number, digit = divmod(number, 36)
            digits = _DIGITS[digit] + digits
        return f"IL{self.state.nonce}{digits}"

    def _transition(self, order_id: str, event: OrderEvent, detail: str = "") -> None:
        from_state = self.state.orders[order_id].state
        self._emit(records.OrderTransitioned(self._now, order_id, event, next_state(from_state, event), detail))

    def _request_cancel(self, order: Order, reason: str) -> None:
        """Ask for a cancel: of an open order by its table, of one in flight or unknown without a claim about its state."""
        if order.state is OrderState.OPEN:
            self._transition(order.order_id, OrderEvent.REQUEST_CANCEL, reason)
        elif order.state is OrderState.CANCEL_REQUESTED:
            return
        self.effects.append(CancelOrder(order.order_id, order.account_id, order.instrument_id))

    # What became of requests

    def _on_effect_outcome(self, event: inputs.EffectOutcome) -> None:
        self.state.apply(event)
        order = self.state.orders.get(event.order_id)
        if order is None or event.outcome is Outcome.SENT:
            return
        if event.action is EffectAction.SUBMIT and order.state is OrderState.SUBMITTING:
            self._transition(order.order_id, OrderEvent.HOLD_BACK if event.outcome is Outcome.REFUSED else OrderEvent.LOSE, event.reason)
        elif event.action is EffectAction.CANCEL and order.state is OrderState.CANCEL_REQUESTED:
            self._transition(order.order_id, OrderEvent.REFUSE_CANCEL if event.outcome is Outcome.REFUSED else OrderEvent.LOSE, event.reason)
        self._after_change(order)

    def _order_of(self, report: inputs.VenueReport) -> Order | None:
        self.state.apply(report)
        order = self.state.orders.get(report.order_id)
        if order is None:
            self._alarm("UNKNOWN_ORDER", report.order_id, f"the venue reported {type(report).__name__} for an order this engine never recorded")
        return order

    def _on_accepted(self, report: inputs.OrderAccepted) -> None:
        order = self._order_of(report)
        if order is not None:
            self._accept(order)

    def _accept(self, order: Order) -> None:
        if (order.state, OrderEvent.ACCEPT) in TRANSITIONS:
            self._transition(order.order_id, OrderEvent.ACCEPT)
            if self._is_stopped(order):
                self._request_cancel(order, "accepted while trading is stopped")

    def _is_stopped(self, order: Order) -> bool:
        return max(self.state.trading_state(scope, target) for scope, target in self._scopes(order)) >= TradingState.DISARMED

    def _scopes(self, order: Order) -> tuple[tuple[Scope, str], ...]:
        venue_id = order.instrument_id.partition(":")[0]
        return ((Scope.GLOBAL, ""), (Scope.VENUE, venue_id), (Scope.ACCOUNT, order.account_id), (Scope.STRATEGY, order.strategy_id))

    def _on_rejected(self, report: inputs.OrderRejected) -> None:
        self._end(report, OrderEvent.REJECT, report.reason)

    def _on_canceled(self, report: inputs.OrderCanceled) -> None:
        self._end(report, OrderEvent.CANCEL, report.reason)

    def _on_expired(self, report: inputs.OrderExpired) -> None:
        self._end(report, OrderEvent.EXPIRE, report.reason)

    def _end(self, report: inputs.VenueReport, event: OrderEvent, reason: str) -> None:
        """End an order by the venue's word; a cancel or expiry proves that the venue had accepted it."""
        order = self._order_of(report)
        if order is None:
            return
        if event is not OrderEvent.REJECT and order.state in (OrderState.SUBMITTING, OrderState.SUBMIT_UNKNOWN):
            self._transition(order.order_id, OrderEvent.ACCEPT)
        if (order.state, event) in TRANSITIONS:
            self._transition(order.order_id, event, reason)
            self._after_change(order)
        elif order.state not in TERMINAL:
            self._alarm("UNEXPECTED_REPORT", order.order_id, f"{event} came while {order.state}: {reason}")

    def _on_cancel_rejected(self, report: inputs.CancelRejected) -> None:
        order = self._order_of(report)
        if order is not None and (order.state, OrderEvent.REFUSE_CANCEL) in TRANSITIONS:
            self._transition(order.order_id, OrderEvent.REFUSE_CANCEL, report.reason)
            self._query(order)

    def _query(self, order: Order) -> None:
        self.effects.append(QueryOrder(order.order_id, order.account_id, order.instrument_id, order.submitted_at))

    def _on_observed(self, report: inputs.OrderObserved) -> None:
        order = self._order_of(report)
        if order is None or order.state not in UNKNOWN:
            return
        verdict = judge(order, found=report.found)
        if verdict is Verdict.PRESENT:
            self._accept(order)
        elif verdict is Verdict.ABSENT:
            self._transition(order.order_id, OrderEvent.PROVE_ABSENT, f"absent at {', '.join(order.absent_at)}")
            self._after_change(order)

    def _after_change(self, order: Order) -> None:
        """Once an order ended, go on toward the target; an exit that came to nothing is tried again later."""
        if order.state not in TERMINAL:
            return
        if order.state in (OrderState.CANCELED, OrderState.FILLED):
            self._pursue(order.strategy_id, order.instrument_id)
        else:
            self._schedule_retry(order.strategy_id, order.instrument_id)

    # Executions

    def _on_execution(self, report: inputs.ExecutionReported) -> None:
        order = self._order_of(report)
        if order is None or order.state is OrderState.DENIED:
            account = next(iter(self.state.deployments.values())).account_id if order is None else order.account_id
            self._alarm("UNEXPECTED_FILL", report.order_id, f"trade {report.trade_id} fills an order that was never sent")
            self._set_state(Scope.ACCOUNT, account, TradingState.KILLED, f"a fill of an order that was never sent: {report.order_id}")
            return
        if fill_key(order.account_id, order.instrument_id, report.trade_id, report.venue_order_id) in self.state.fill_keys:
            return
        if order.state in (OrderState.SUBMITTING, OrderState.SUBMIT_UNKNOWN):
            self._transition(order.order_id, OrderEvent.ACCEPT)
        late = order.state in TERMINAL
        fill = records.FillRecorded(
            self._now,
            order.order_id,
            order.strategy_id,
            order.account_id,
            order.instrument_id,
            report.venue_order_id,
            report.trade_id,
            order.side,
            report.price,
            report.quantity,
            report.fee,
            report.fee_asset,
            report.liquidity,
            report.ts_event,
            late,
        )
        self._emit(fill)
        held = self.state.ledger.positions[order.strategy_id, order.instrument_id]
        self._emit(
            records.PositionChanged(
                self._now,
                order.strategy_id,
                order.account_id,
                order.instrument_id,
                held.quantity,
                held.cost,
                held.realised,
                held.fees,
                held.cash,
            )
        )
        if late or order.filled_quantity > order.quantity:
            code = "LATE_FILL" if late else "OVERFILL"
            self._alarm(code, order.order_id, f"trade {report.trade_id} of {report.quantity} in state {order.state}, filled {order.filled_quantity} of {order.quantity}")
            self._kill(Scope.STRATEGY, order.strategy_id, f"{code} of {order.order_id}")
        if not late and order.filled_quantity >= order.quantity:
            self._transition(order.order_id, OrderEvent.COMPLETE)
        runner = self._runners.get(order.strategy_id)
        if runner is not None:
            runner.on_fill(fill)
            if runner.wishes:
                self._decide(runner)
        self._after_change(order)

    # Sessions, accounts and operators

    def _on_session_started(self, event: inputs.SessionStarted) -> None:
        """Boot closed: every scope DISARMED unless KILLED, no lease, and every order in flight of unknown fate."""
        self.state.apply(event)
        if missing := sorted(set(self.state.deployments) ^ set(self._strategies)):
            raise InputError(f"deployments and loaded strategies differ in {missing}: load exactly the deployed strategies")
        self._runners = {
            strategy_id: StrategyRunner(strategy, self.state.deployments[strategy_id], warm_up_bars, self.state)
            for strategy_id, (strategy, warm_up_bars) in self._strategies.items()
        }
        self._subscribe()
        scopes = {scope: None for strategy_id in self.state.deployments for scope in self.state.scopes_of(strategy_id)}
        for scope, target in [(Scope.GLOBAL, ""), *(scope for scope in scopes if scope[0] is not Scope.GLOBAL)]:
            if self.state.trading_state(scope, target) is not TradingState.KILLED:
                self._set_state(scope, target, TradingState.DISARMED, "session started")
        for strategy_id in list(self.state.leases):
            self._end_lease(strategy_id, "session started")
        for order in list(self.state.live_orders.values()):
            if order.state in (OrderState.SUBMITTING, OrderState.CANCEL_REQUESTED):
                self._transition(order.order_id, OrderEvent.LOSE, "the session before ended")
            if order.state in UNKNOWN:
                self._query(order)
            elif order.state is OrderState.OPEN:
                self._request_cancel(order, "session started")
        for strategy_id, instrument_id in self.state.targets:
            if strategy_id in self._runners:
                self._schedule_retry(strategy_id, instrument_id)

    def _subscribe(self) -> None:
        wanted: dict[str, list[StrategyRunner]] = {}
        for runner in self._runners.values():
            for instrument_id in runner.deployment.instrument_ids:
                wanted.setdefault(instrument_id, []).append(runner)
        self._subscribers = {instrument_id: tuple(runners) for instrument_id, runners in wanted.items()}

    def _on_instrument(self, event: inputs.InstrumentDefined) -> None:
        self.state.apply(event)
        self._markets.setdefault(event.instrument.instrument_id, InstrumentMarket())

    def _on_balance(self, event: inputs.BalanceChanged) -> None:
        balance = self.state.ledger.balance(event.account_id, event.asset) + event.amount
        self._emit(records.BalancePosted(self._now, event.account_id, event.asset, event.amount, balance, event.reason))

    def _on_lease_granted(self, event: inputs.LeaseGranted) -> None:
        self.state.apply(event)
        if event.strategy_id not in self.state.deployments:
            self._alarm("ARM_REFUSED", "", f"{event.strategy_id} is not deployed")
            return
        scopes = self.state.scopes_of(event.strategy_id)
        if any(self.state.trading_state(*scope) is TradingState.KILLED or self.state.latches.get(scope, True) for scope in scopes):
            self._alarm("ARM_REFUSED", "", f"{event.strategy_id} is covered by a kill that was not released")
            return
        self._emit(
            records.LeaseChanged(self._now, event.strategy_id, event.lease_id, event.expires_at, event.maximum_order_notional, f"armed by {event.operator}")
        )
        for scope, target in scopes:
            if scope is Scope.STRATEGY or self.state.trading_state(scope, target) is TradingState.DISARMED:
                self._set_state(scope, target, TradingState.ARMED, f"armed by {event.operator}")

    def _on_lease_ended(self, event: inputs.LeaseEnded) -> None:
        self.state.apply(event)
        lease = self.state.leases.get(event.strategy_id)
        if lease is not None and lease.lease_id == event.lease_id:
            self._disarm(event.strategy_id, event.reason)

    def _end_lease(self, strategy_id: str, reason: str) -> None:
        if strategy_id in self.state.leases:
            self._emit(records.LeaseChanged(self._now, strategy_id, "", 0, 0, reason))

    def _disarm(self, strategy_id: str, reason: str) -> None:
        self._end_lease(strategy_id, reason)
        if self.state.trading_state(Scope.STRATEGY, strategy_id) is not TradingState.KILLED:
            self._set_state(Scope.STRATEGY, strategy_id, TradingState.DISARMED, reason)
        self._cancel_all(Scope.STRATEGY, strategy_id, reason)

    def _on_latch(self, event: inputs.LatchObserved) -> None:
        self.state.apply(event)
        if event.engaged and self.state.trading_state(event.scope, event.target) is not TradingState.KILLED:
            self._kill(event.scope, event.target, event.reason)

    def _on_operator(self, event: inputs.OperatorCommand) -> None:
        self.state.apply(event)
        reason = f"{event.reason} ({event.operator})"
        killed = self.state.trading_state(event.scope, event.target) is TradingState.KILLED
        if event.action is OperatorAction.KILL:
            self._kill(event.scope, event.target, reason)
        elif event.action is OperatorAction.RELEASE:
            if not killed or self.state.latches.get((event.scope, event.target), True):
                self._alarm("RELEASE_REFUSED", "", f"{event.scope} {event.target} is not killed, or its latch is still engaged")
            else:
                self._set_state(event.scope, event.target, TradingState.DISARMED, f"released: {reason}")
        elif event.action is OperatorAction.DISARM:
            self._stop_strategies(event.scope, event.target, reason)
            if not killed:
                self._set_state(event.scope, event.target, TradingState.DISARMED, reason)
        else:
            self._restrict(event, reason)

    def _restrict(self, event: inputs.OperatorCommand, reason: str) -> None:
        """Make a scope stricter; loosening goes through disarming and arming again."""
        wanted = TradingState.REDUCE_ONLY if event.action is OperatorAction.REDUCE_ONLY else TradingState.CANCEL_ONLY
        if wanted > self.state.trading_state(event.scope, event.target):
            self._set_state(event.scope, event.target, wanted, reason)

    def _kill(self, scope: Scope, target: str, reason: str) -> None:
        self._set_state(scope, target, TradingState.KILLED, reason)
        self._stop_strategies(scope, target, reason)

    def _stop_strategies(self, scope: Scope, target: str, reason: str) -> None:
        for strategy_id in self.state.deployments:
            if (scope, target) in self.state.scopes_of(strategy_id):
                self._end_lease(strategy_id, reason)
                if self.state.trading_state(Scope.STRATEGY, strategy_id) is not TradingState.KILLED:
                    self._set_state(Scope.STRATEGY, strategy_id, TradingState.DISARMED, reason)
        self._cancel_all(scope, target, reason)

    def _cancel_all(self, scope: Scope, target: str, reason: str) -> None:
        for order in list(self.state.live_orders.values()):
            if (scope, target) in self._scopes(order):
                self._request_cancel(order, reason)

    def _set_state(self, scope: Scope, target: str, state: TradingState, reason: str) -> None:
        if self.state.trading_states.get((scope, target)) is not state:
            self._emit(records.TradingStateChanged(self._now, scope, target, state, reason))

    def _alarm(self, code: str, order_id: str, detail: str) -> None:
        self._emit(records.AlarmRaised(self._now, code, order_id, detail))


def drain(engine: Engine) -> tuple[Sequence[OutputRecord], Sequence[Effect]]:
    """Take what the engine said since the last call."""
    said, asked = engine.records, engine.effects
    engine.records, engine.effects = [], []
    return said, asked
