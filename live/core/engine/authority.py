"""Authority: what stops trading in a scope: kills, ends of leases, restrictions, and the cancels that go with them."""

from live.core import records
from live.core.engine.workspace import Workspace
from live.core.entities import Order
from live.core.vocabulary import Scope, Side, TradingState

# A module's own name costs a fifth of an attribute of an enumeration, and every order that comes to rest is asked about.
_ARMED = TradingState.ARMED


def scopes_of_order(order: Order) -> tuple[tuple[Scope, str], ...]:
    """List the scopes that cover an order, widest first; its strategy need not be deployed any more."""
    venue_id = order.instrument_id.partition(":")[0]
    return ((Scope.GLOBAL, ""), (Scope.VENUE, venue_id), (Scope.ACCOUNT, order.account_id), (Scope.STRATEGY, order.strategy_id))


class Authority:
    """Stop or restrict what a scope covers."""

    __slots__ = ("_work",)

    def __init__(self, work: Workspace) -> None:
        self._work = work

    def forbids(self, order: Order) -> bool:
        """Tell whether a live order may not stay: trading is stopped, or only reducing is allowed and it may not reduce."""
        state = self._work.state
        key = (order.strategy_id, order.account_id, order.instrument_id)
        strictest = state.strictest_over.get(key)
        if strictest is None:
            strictest = state.strictest_over[key] = state.strictest_of(scopes_of_order(order))
        if strictest is _ARMED:
            return False
        return strictest >= TradingState.DISARMED or not self._reduces(order)

    def covers_something(self, scope: Scope, target: str) -> bool:
        """Tell whether a scope is the global one or covers a deployed strategy or a live order."""
        state = self._work.state
        covered = (scope, target)
        return (
            scope is Scope.GLOBAL
            or any(covered in state.scopes_of(strategy_id) for strategy_id in state.deployments)
            or any(covered in scopes_of_order(order) for order in state.live_orders.values())
        )

    def kill(self, scope: Scope, target: str, reason: str) -> None:
        """Latch a scope as KILLED, disarm its strategies and cancel its orders."""
        self._work.set_trading_state(scope, target, TradingState.KILLED, reason)
        self.stop(scope, target, reason)

    def stop(self, scope: Scope, target: str, reason: str) -> None:
        """Disarm every strategy that a scope covers, end its lease, and cancel the scope's orders."""
        state = self._work.state
        for strategy_id in state.deployments:
            if (scope, target) in state.scopes_of(strategy_id):
                self.end_lease(strategy_id, reason)
                if state.trading_state(Scope.STRATEGY, strategy_id) is not TradingState.KILLED:
                    self._work.set_trading_state(Scope.STRATEGY, strategy_id, TradingState.DISARMED, reason)
        for order in list(state.live_orders.values()):
            if (scope, target) in scopes_of_order(order):
                self._work.request_cancel(order, reason)

    def restrict(self, scope: Scope, target: str, wanted: TradingState, reason: str) -> None:
        """Make a scope stricter and cancel what may not stay; loosening goes through disarming and arming again."""
        state = self._work.state
        if wanted <= state.trading_state(scope, target):
            return
        self._work.set_trading_state(scope, target, wanted, reason)
        for order in list(state.live_orders.values()):
            if (scope, target) in scopes_of_order(order) and self.forbids(order):
                self._work.request_cancel(order, reason)

    def end_lease(self, strategy_id: str, reason: str) -> None:
        """Take a strategy's lease away, if it has one."""
        if strategy_id in self._work.state.leases:
            self._work.emit(records.LeaseChanged(self._work.now, strategy_id, "", 0, 0, reason))

    def _reduces(self, order: Order) -> bool:
        """Tell whether a live order, with all others of its side, can only bring the position nearer to zero."""
        state = self._work.state
        held = state.ledger.quantity(order.account_id, order.strategy_id, order.instrument_id)
        working = sum(
            other.remaining
            for other in state.live_orders_of(order.strategy_id, order.instrument_id)
            if other.side is order.side and other.account_id == order.account_id
        )
        return held >= working if order.side is Side.SELL else -held >= working
