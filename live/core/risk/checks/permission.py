"""May anything be sent at all: kill latches, trading states, the lease."""

from live.core.risk.candidate import Candidate, Denial
from live.core.risk.codes import DenialCode
from live.core.vocabulary import TradingState

_ARMED = TradingState.ARMED  # a module's own name costs a fifth of an attribute of an enumeration


def check_latch(candidate: Candidate) -> Denial | None:
    """Deny while a kill latch that covers the order is engaged; a latch that was never read counts as engaged."""
    engaged = candidate.state.engaged_latch(candidate.intent.strategy_id)
    return None if engaged is None else Denial(DenialCode.LATCH_ENGAGED, f"{engaged[0]} {engaged[1]}".rstrip())


def check_trading_state(candidate: Candidate) -> Denial | None:
    """Deny what the strictest trading state over all scopes forbids."""
    state = candidate.state.strictest_state(candidate.intent.strategy_id)
    if state is _ARMED:
        return None
    if state is TradingState.KILLED:
        return Denial(DenialCode.STATE_KILLED, "release it with a reason, then arm")
    if state is TradingState.DISARMED:
        return Denial(DenialCode.STATE_DISARMED, "arm the deployment first")
    if state is TradingState.CANCEL_ONLY:
        return Denial(DenialCode.STATE_CANCEL_ONLY, "only cancels may be sent")
    return _reduce_only(candidate)


def _reduce_only(candidate: Candidate) -> Denial | None:
    if candidate.reduces:
        return None
    return Denial(DenialCode.STATE_REDUCE_ONLY, f"position {candidate.position}, at worst {candidate.worst}")


def check_lease(candidate: Candidate) -> Denial | None:
    """Deny an order of a strategy that holds no lease; the lease's end reaches the engine as an input."""
    if candidate.intent.strategy_id not in candidate.state.leases:
        return Denial(DenialCode.LEASE_MISSING, "the strategy was not armed in this session")
    return None
