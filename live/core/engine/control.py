"""Control: sessions, definitions, balances, latches, leases and operators."""

from collections.abc import Mapping

from live.core import inputs, records
from live.core.engine.authority import Authority
from live.core.engine.deciding import Deciding
from live.core.engine.workspace import Workspace
from live.core.errors import InputError
from live.core.market import InstrumentMarket
from live.core.orders import UNKNOWN, OrderEvent, OrderState
from live.core.runner import StrategyRunner
from live.core.strategy import Strategy
from live.core.vocabulary import OperatorAction, Scope, TradingState


class Control:
    """Open sessions closed, arm by leases, and stop by latches and commands."""

    __slots__ = ("_authority", "_deciding", "_strategies", "_work")

    def __init__(self, work: Workspace, strategies: Mapping[str, tuple[Strategy, int]], authority: Authority, deciding: Deciding) -> None:
        self._work = work
        self._strategies = strategies
        self._authority = authority
        self._deciding = deciding

    def on_session_started(self, event: inputs.SessionStarted) -> None:
        """Boot closed: every scope DISARMED unless KILLED, no lease, and every order in flight of unknown fate."""
        work = self._work
        state = work.state
        state.apply(event)
        if missing := sorted(set(state.deployments) ^ set(self._strategies)):
            raise InputError(f"deployments and loaded strategies differ in {missing}: load exactly the deployed strategies")
        work.runners = {
            strategy_id: StrategyRunner(strategy, state.deployments[strategy_id], warm_up_bars, state)
            for strategy_id, (strategy, warm_up_bars) in self._strategies.items()
        }
        scopes = {scope: None for strategy_id in state.deployments for scope in state.scopes_of(strategy_id)}
        for scope, target in [(Scope.GLOBAL, ""), *(scope for scope in scopes if scope[0] is not Scope.GLOBAL)]:
            if state.trading_state(scope, target) is not TradingState.KILLED:
                work.set_trading_state(scope, target, TradingState.DISARMED, "session started")
        for strategy_id in list(state.leases):
            self._authority.end_lease(strategy_id, "session started")
        for order in list(state.live_orders.values()):
            if order.state in (OrderState.SUBMITTING, OrderState.CANCEL_REQUESTED):
                work.transition(order, OrderEvent.LOSE, "the session before ended")
            if order.state in UNKNOWN:
                work.query(order)
            elif order.state is OrderState.OPEN:
                work.request_cancel(order, "session started")
        self._deciding.begin_session()

    def on_instrument(self, event: inputs.InstrumentDefined) -> None:
        """Learn an instrument or a new version of its filters."""
        self._work.state.apply(event)
        self._work.markets.setdefault(event.instrument.instrument_id, InstrumentMarket())

    def on_balance(self, event: inputs.BalanceChanged) -> None:
        """Post a deposit or withdrawal."""
        work = self._work
        balance = work.state.ledger.balance(event.account_id, event.asset) + event.amount
        work.emit(records.BalancePosted(work.now, event.account_id, event.asset, event.amount, balance, event.reason))

    def on_feed(self, event: inputs.FeedChanged) -> None:
        """Learn whether an instrument's market data flows."""
        self._work.state.apply(event)
        market = self._work.markets.get(event.instrument_id)
        if market is not None:
            market.feed_healthy = event.healthy

    def on_lease_granted(self, event: inputs.LeaseGranted) -> None:
        """Arm a strategy, unless a kill covers it."""
        work = self._work
        state = work.state
        state.apply(event)
        if event.strategy_id not in state.deployments:
            work.alarm("ARM_REFUSED", "", f"{event.strategy_id} is not deployed")
            return
        scopes = state.scopes_of(event.strategy_id)
        if any(state.trading_state(*scope) is TradingState.KILLED or state.latches.get(scope, True) for scope in scopes):
            work.alarm("ARM_REFUSED", "", f"{event.strategy_id} is covered by a kill that was not released")
            return
        reason = f"armed by {event.operator}"
        work.emit(records.LeaseChanged(work.now, event.strategy_id, event.lease_id, event.expires_at, event.maximum_order_notional, reason))
        for scope, target in scopes:
            if scope is Scope.STRATEGY or state.trading_state(scope, target) is TradingState.DISARMED:
                work.set_trading_state(scope, target, TradingState.ARMED, reason)

    def on_lease_ended(self, event: inputs.LeaseEnded) -> None:
        """Disarm a strategy whose lease ended; the end of a lease it no longer holds says nothing."""
        self._work.state.apply(event)
        lease = self._work.state.leases.get(event.strategy_id)
        if lease is not None and lease.lease_id == event.lease_id:
            self._authority.disarm(event.strategy_id, event.reason)

    def on_latch(self, event: inputs.LatchObserved) -> None:
        """Kill a scope whose latch is engaged; a clear latch alone releases nothing."""
        self._work.state.apply(event)
        if event.engaged and self._work.state.trading_state(event.scope, event.target) is not TradingState.KILLED:
            self._authority.kill(event.scope, event.target, event.reason)

    def on_operator(self, event: inputs.OperatorCommand) -> None:
        """Do what a person asks for a scope; nothing here arms."""
        work, state = self._work, self._work.state
        state.apply(event)
        reason = f"{event.reason} ({event.operator})"
        killed = state.trading_state(event.scope, event.target) is TradingState.KILLED
        if event.action is OperatorAction.KILL:
            self._authority.kill(event.scope, event.target, reason)
        elif event.action is OperatorAction.RELEASE:
            if not killed or state.latches.get((event.scope, event.target), True):
                work.alarm("RELEASE_REFUSED", "", f"{event.scope} {event.target} is not killed, or its latch is still engaged")
            else:
                work.set_trading_state(event.scope, event.target, TradingState.DISARMED, f"released: {reason}")
        elif event.action is OperatorAction.DISARM:
            self._authority.stop_strategies(event.scope, event.target, reason)
            if not killed:
                work.set_trading_state(event.scope, event.target, TradingState.DISARMED, reason)
        else:
            self._restrict(event, reason)

    def _restrict(self, event: inputs.OperatorCommand, reason: str) -> None:
        """Make a scope stricter; loosening goes through disarming and arming again."""
        wanted = TradingState.REDUCE_ONLY if event.action is OperatorAction.REDUCE_ONLY else TradingState.CANCEL_ONLY
        if wanted > self._work.state.trading_state(event.scope, event.target):
            self._work.set_trading_state(event.scope, event.target, wanted, reason)
