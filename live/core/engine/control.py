"""Control: definitions, balances, latches, leases and operators."""

from live.core import inputs, records
from live.core.engine.authority import Authority
from live.core.engine.deciding import Deciding
from live.core.engine.workspace import Workspace
from live.core.errors import InputError
from live.core.market import InstrumentMarket
from live.core.state import may_follow
from live.core.vocabulary import OperatorAction, Scope, TradingState


class Control:
    """Arm by leases, and stop by latches and commands."""

    __slots__ = ("_authority", "_deciding", "_work")

    def __init__(self, work: Workspace, authority: Authority, deciding: Deciding) -> None:
        self._work = work
        self._authority = authority
        self._deciding = deciding

    def on_instrument(self, event: inputs.InstrumentDefined) -> None:
        """Learn an instrument or a new version of its filters.

        Raises:
            InputError: a scale or an asset differs from the one before.
        """
        work, new = self._work, event.instrument
        known = work.state.instruments.get(new.instrument_id)
        if not may_follow(known, new):
            raise InputError(
                f"{new.instrument_id}: scales and assets are fixed for a journal's life, received {new} after {known}: "
                "start a new journal directory to change them"
            )
        work.state.apply_input(event)
        work.markets.setdefault(new.instrument_id, InstrumentMarket())

    def on_lease_granted(self, event: inputs.LeaseGranted) -> None:
        """Arm a strategy, unless a kill covers it; what is restricted stays restricted."""
        work = self._work
        state = work.state
        state.apply_input(event)
        if reason := self._why_not_arm(event):
            work.alarm("ARM_REFUSED", "", f"{event.strategy_id} {reason}")
            return
        reason = f"armed by {event.operator}"
        work.emit(records.LeaseChanged(work.now, event.strategy_id, event.lease_id, event.expires_at, event.maximum_order_notional, reason))
        for scope, target in state.scopes_of(event.strategy_id):
            if state.trading_state(scope, target) is TradingState.DISARMED:
                work.set_trading_state(scope, target, TradingState.ARMED, reason)
        self._deciding.begin_lease(event.strategy_id)

    def on_lease_ended(self, event: inputs.LeaseEnded) -> None:
        """Disarm a strategy whose lease ended; the end of a lease it no longer holds says nothing."""
        self._work.state.apply_input(event)
        lease = self._work.state.leases.get(event.strategy_id)
        if lease is not None and lease.lease_id == event.lease_id:
            self._authority.stop(Scope.STRATEGY, event.strategy_id, event.reason)

    def on_latch(self, event: inputs.LatchObserved) -> None:
        """Kill a scope whose latch is engaged; a clear latch alone releases nothing."""
        self._work.state.apply_input(event)
        target = _target(event.scope, event.target)
        if event.engaged and self._work.state.trading_state(event.scope, target) is not TradingState.KILLED:
            self._authority.kill(event.scope, target, event.reason)

    def on_operator(self, event: inputs.OperatorCommand) -> None:
        """Do what a person asks for a scope; nothing here arms."""
        work, state = self._work, self._work.state
        state.apply_input(event)
        scope, target = event.scope, _target(event.scope, event.target)
        if not self._authority.covers_something(scope, target):
            work.alarm("COMMAND_COVERS_NOTHING", "", f"{event.action} of {scope} {target!r}: nothing deployed and no order is in it")
        reason = f"{event.reason} ({event.operator})"
        killed = state.trading_state(scope, target) is TradingState.KILLED
        if event.action is OperatorAction.KILL:
            self._authority.kill(scope, target, reason)
        elif event.action is OperatorAction.RELEASE:
            if not killed or state.latches.get((scope, target), True):
                work.alarm("RELEASE_REFUSED", "", f"{scope} {target} is not killed, or its latch is still engaged")
            else:
                work.set_trading_state(scope, target, TradingState.DISARMED, f"released: {reason}")
        elif event.action is OperatorAction.DISARM:
            self._authority.stop(scope, target, reason)
            if not killed:
                work.set_trading_state(scope, target, TradingState.DISARMED, reason)
        else:
            wanted = TradingState.REDUCE_ONLY if event.action is OperatorAction.REDUCE_ONLY else TradingState.CANCEL_ONLY
            self._authority.restrict(scope, target, wanted, reason)

    def _why_not_arm(self, event: inputs.LeaseGranted) -> str:
        state = self._work.state
        if event.strategy_id not in state.deployments:
            return "is not deployed"
        if not event.lease_id:
            return "was granted a lease without an id"
        for scope, target in state.scopes_of(event.strategy_id):
            if state.trading_state(scope, target) is TradingState.KILLED or state.latches.get((scope, target), True):
                return "is covered by a kill that was not released"
        return ""


def _target(scope: Scope, target: str) -> str:
    """Name what a command is for: the global scope is one, so whatever is said to be in it means all of it."""
    return "" if scope is Scope.GLOBAL else target
