"""Authority: what stops trading in a scope: kills, the ends of leases, and the cancels that go with them."""

from live.core import records
from live.core.engine.workspace import Workspace
from live.core.state import Order
from live.core.vocabulary import Scope, TradingState


def scopes_of_order(order: Order) -> tuple[tuple[Scope, str], ...]:
    """List the scopes that cover an order, widest first; its strategy need not be deployed any more."""
    venue_id = order.instrument_id.partition(":")[0]
    return ((Scope.GLOBAL, ""), (Scope.VENUE, venue_id), (Scope.ACCOUNT, order.account_id), (Scope.STRATEGY, order.strategy_id))


class Authority:
    """Stop what a scope covers."""

    __slots__ = ("_work",)

    def __init__(self, work: Workspace) -> None:
        self._work = work

    def is_stopped(self, order: Order) -> bool:
        """Tell whether trading is stopped in a scope that covers an order."""
        state = self._work.state
        return max(state.trading_state(scope, target) for scope, target in scopes_of_order(order)) >= TradingState.DISARMED

    def kill(self, scope: Scope, target: str, reason: str) -> None:
        """Latch a scope as KILLED, disarm its strategies and cancel its orders."""
        self._work.set_trading_state(scope, target, TradingState.KILLED, reason)
        self.stop_strategies(scope, target, reason)

    def stop_strategies(self, scope: Scope, target: str, reason: str) -> None:
        """Disarm every strategy that a scope covers and cancel its orders."""
        state = self._work.state
        for strategy_id in state.deployments:
            if (scope, target) in state.scopes_of(strategy_id):
                self._disarm(strategy_id, reason)
        self._cancel_all(scope, target, reason)

    def disarm(self, strategy_id: str, reason: str) -> None:
        """End a strategy's lease, disarm it and cancel its orders."""
        self._disarm(strategy_id, reason)
        self._cancel_all(Scope.STRATEGY, strategy_id, reason)

    def end_lease(self, strategy_id: str, reason: str) -> None:
        """Take a strategy's lease away, if it has one."""
        if strategy_id in self._work.state.leases:
            self._work.emit(records.LeaseChanged(self._work.now, strategy_id, "", 0, 0, reason))

    def _disarm(self, strategy_id: str, reason: str) -> None:
        self.end_lease(strategy_id, reason)
        if self._work.state.trading_state(Scope.STRATEGY, strategy_id) is not TradingState.KILLED:
            self._work.set_trading_state(Scope.STRATEGY, strategy_id, TradingState.DISARMED, reason)

    def _cancel_all(self, scope: Scope, target: str, reason: str) -> None:
        for order in list(self._work.state.live_orders.values()):
            if (scope, target) in scopes_of_order(order):
                self._work.request_cancel(order, reason)
