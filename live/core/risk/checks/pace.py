"""Is the strategy going too fast or too wrong: orders a minute, loss a day."""

from live.core.risk.candidate import Candidate, Denial
from live.core.risk.codes import DenialCode
from live.core.state import MINUTE


def check_order_rate(candidate: Candidate) -> Denial | None:
    """Deny one more order when as many as allowed were sent in the last 60 s; cancels are never counted or denied."""
    times = candidate.state.recent_orders.get(candidate.intent.strategy_id, ())
    since = candidate.now - MINUTE
    recent = len(times)
    for time in times:
        if time > since:
            break
        recent -= 1
    if recent >= candidate.limits.maximum_orders_per_minute:
        return Denial(DenialCode.ORDER_RATE_EXCEEDED, f"{recent} in 60 s, allowed {candidate.limits.maximum_orders_per_minute}")
    return None


def check_daily_loss(candidate: Candidate) -> Denial | None:
    """Deny an order that does not reduce once the day's realised and unrealised loss reached its limit."""
    if candidate.reduces:
        return None
    if candidate.profit_today is None:
        return Denial(DenialCode.DAILY_LOSS_UNKNOWN, "a price or the day's opening profit is missing")
    if -candidate.profit_today >= candidate.limits.maximum_daily_loss:
        return Denial(DenialCode.DAILY_LOSS_EXCEEDED, f"loss {-candidate.profit_today}, allowed {candidate.limits.maximum_daily_loss}")
    return None
