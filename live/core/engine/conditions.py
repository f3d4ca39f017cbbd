"""Conditions: what the house reports of itself, and the limits of accounts and venues.

A fault ends leases: of the clock those of the strategies that allow less, or of all at its venue where the venue has a bound for
that; of a reconciliation those of its account. Silence ends none, but nothing is sent while an answer is missing or has run out.
"""

from live.core import inputs
from live.core.engine.authority import Authority
from live.core.engine.workspace import Workspace
from live.core.entities import Order
from live.core.errors import InputError, LimitError
from live.core.pace import HOUR, count_since
from live.core.scope_limits import check_scope_limits
from live.core.vocabulary import Scope


class Conditions:
    """Take in what checks rest on besides the market."""

    __slots__ = ("_authority", "_work")

    def __init__(self, work: Workspace, authority: Authority) -> None:
        self._work = work
        self._authority = authority

    def on_limits(self, event: inputs.LimitsSet) -> None:
        """Tighten the limits of an account or a venue; what would loosen them stays without effect until the next session.

        Raises:
            InputError: the scope is neither, or the limits are absurdly loose or contradict each other.
        """
        if event.scope not in (Scope.ACCOUNT, Scope.VENUE):
            raise InputError(f"limits are set for an ACCOUNT or a VENUE, received {event.scope}: those of a strategy come with its bundle")
        try:
            check_scope_limits(event.limits)
        except LimitError as error:
            raise InputError(f"{event.scope} {event.target}: {error}") from None
        self._work.state.apply_input(event)

    def on_clock(self, event: inputs.ClockSampled) -> None:
        """Learn how far our clock is from a venue's, and end the leases that this is too far for."""
        state = self._work.state
        state.apply_input(event)
        for strategy_id, deployment in state.deployments.items():
            allowed = event.disarm_above or state.bounds[strategy_id].limits.maximum_clock_offset
            if deployment.venue_id == event.venue_id and strategy_id in state.leases and event.distance > allowed:
                said = f"our clock is {event.offset} ns from {event.venue_id}'s, uncertain by {event.uncertainty} ns, allowed {allowed} ns"
                self._work.alarm("CLOCK_FAULT", "", f"{strategy_id}: {said}")
                self._authority.stop(Scope.STRATEGY, strategy_id, said)

    def on_reconciliation(self, event: inputs.ReconciliationReported) -> None:
        """Learn whether an account equals the venue's, and end its leases when it does not."""
        state = self._work.state
        was_clean = event.account_id not in state.reconciliations or state.reconciliations[event.account_id].clean
        state.apply_input(event)
        if not event.clean and was_clean:
            self._work.alarm("RECONCILIATION_BREAK", "", f"{event.account_id}: {event.detail}")
            self._authority.stop(Scope.ACCOUNT, event.account_id, f"reconciliation: {event.detail}")

    def on_journal_health(self, event: inputs.JournalHealthReported) -> None:
        """Learn whether the journal keeps up."""
        was_healthy = self._work.state.journal_healthy
        self._work.state.apply_input(event)
        if was_healthy and not event.healthy:
            self._work.alarm("JOURNAL_UNHEALTHY", "", event.detail)

    def after_fill(self, order: Order) -> None:
        """Disarm a strategy whose orders traded as often within an hour as one lease allows (RTS 6, article 15(3))."""
        state, strategy_id = self._work.state, order.strategy_id
        bounds, times = state.bounds.get(strategy_id), state.pace.executions.get(strategy_id)
        if bounds is None or times is None:
            return
        allowed = bounds.limits.maximum_executions_per_hour
        if len(times) < allowed or strategy_id not in state.leases:
            return
        traded = count_since(times, self._work.now - HOUR)
        if traded >= allowed:
            said = f"{traded} of its orders traded within an hour, allowed {allowed}: a person must arm it again"
            self._work.alarm("REPEATED_EXECUTIONS", order.order_id, f"{strategy_id}: {said}")
            self._authority.stop(Scope.STRATEGY, strategy_id, said)
