"""Is it going too fast or too wrong: orders and cancels a minute, executions an hour, loss a day, drawdown."""

from live.core.pace import HOUR, MINUTE, count_since
from live.core.risk.candidate import Candidate, Denial
from live.core.risk.codes import DenialCode
from live.core.state import DAY, EngineState, Order, account_target
from live.core.vocabulary import Scope


def check_order_rate(candidate: Candidate) -> Denial | None:
    """Deny one more order when as many as allowed were sent in the last 60 s, by the strategy, in the account or to the venue.

    And deny one that would leave too few of the minute's requests to cancel it and every order that is alive there.
    """
    state, strategy_id = candidate.state, candidate.intent.strategy_id
    since, allowed = candidate.now - MINUTE, candidate.limits.maximum_orders_per_minute
    times = state.recent_orders.get(strategy_id)
    if times and len(times) >= allowed and (recent := count_since(times, since)) >= allowed:
        return Denial(DenialCode.ORDER_RATE_EXCEEDED, f"{recent} in 60 s, allowed {allowed}")
    scopes, pace = state.scopes_of(strategy_id), state.pace
    for scope in (scopes[1], scopes[2]):
        limits = state.scope_limits[scope]
        orders, cancels = pace.orders.get(scope, ()), pace.cancels.get(scope, ())
        allowed = limits.maximum_orders_per_minute
        if len(orders) >= allowed and (recent := count_since(orders, since)) >= allowed:
            return Denial(DenialCode.ACCOUNT_ORDER_RATE_EXCEEDED, f"{recent} in 60 s in {scope[0]} {scope[1]}, allowed {allowed}")
        room = limits.maximum_requests_per_minute - 2 - state.exposures.alive.get(scope, 0)
        if len(orders) + len(cancels) > room:
            recent = count_since(orders, since) + count_since(cancels, since)
            if recent > room:
                allowed = limits.maximum_requests_per_minute
                return Denial(
                    DenialCode.CANCEL_RESERVE_EXCEEDED, f"{recent} requests in 60 s in {scope[0]} {scope[1]}, room for {room} of {allowed}"
                )
    return None


def check_executions(candidate: Candidate) -> Denial | None:
    """Deny one more order when with those alive more could trade in an hour of this lease than allowed (RTS 6, article 15(3))."""
    times = candidate.state.pace.executions.get(candidate.intent.strategy_id)
    alive = candidate.alive
    allowed = candidate.limits.maximum_executions_per_hour
    if alive + (0 if times is None else len(times)) < allowed:
        return None
    traded = count_since(times or (), candidate.now - HOUR)
    if traded + alive < allowed:
        return None
    return Denial(DenialCode.REPEATED_EXECUTIONS, f"{traded} traded in an hour and {alive} are alive, allowed {allowed}")


def check_daily_loss(candidate: Candidate) -> Denial | None:
    """Deny an order that does not reduce once the day's loss, realised or not, of strategy, account or venue reached its limit."""
    if candidate.reduces:
        return None
    state, strategy_id, today = candidate.state, candidate.intent.strategy_id, candidate.now // DAY
    made, opened = candidate.profit, state.day_profits.get(strategy_id)
    if made is None or opened is None or opened[0] != today:
        return Denial(DenialCode.DAILY_LOSS_UNKNOWN, "a price or the day's opening profit is missing")
    loss, allowed = opened[1] - made, candidate.limits.maximum_daily_loss
    if loss >= allowed:
        return Denial(DenialCode.DAILY_LOSS_EXCEEDED, f"loss {loss}, allowed {allowed}")
    scopes = state.scopes_of(strategy_id)
    for scope in (scopes[2], scopes[1]):
        loss = _loss_today(candidate, scope, today)
        if loss is None:
            return Denial(DenialCode.DAILY_LOSS_UNKNOWN, f"a price or the day's opening profit is missing in {scope[0]} {scope[1]}")
        allowed = state.scope_limits[scope].maximum_daily_loss
        if loss >= allowed:
            return Denial(DenialCode.ACCOUNT_DAILY_LOSS_EXCEEDED, f"loss {loss} in {scope[0]} {scope[1]}, allowed {allowed}")
    return None


def check_drawdown(candidate: Candidate) -> Denial | None:
    """Deny an order that does not reduce once the loss from the highest profit of strategy, account or venue reached its limit."""
    if candidate.reduces:
        return None
    state, strategy_id = candidate.state, candidate.intent.strategy_id
    made, peak = candidate.profit, state.peaks.get((Scope.STRATEGY, strategy_id))
    if made is None or peak is None:
        return Denial(DenialCode.DRAWDOWN_UNKNOWN, "a price or the highest profit is missing")
    allowed = candidate.limits.maximum_drawdown
    if peak - made >= allowed:
        return Denial(DenialCode.DRAWDOWN_EXCEEDED, f"{peak - made} below the highest profit {peak}, allowed {allowed}")
    scopes = state.scopes_of(strategy_id)
    for scope in (scopes[2], scopes[1]):
        lost = _drawdown(candidate, scope)
        if lost is None:
            return Denial(DenialCode.DRAWDOWN_UNKNOWN, f"a price or the highest profit is missing in {scope[0]} {scope[1]}")
        allowed = state.scope_limits[scope].maximum_drawdown
        if lost >= allowed:
            return Denial(
                DenialCode.ACCOUNT_DRAWDOWN_EXCEEDED, f"{lost} below the highest profit in {scope[0]} {scope[1]}, allowed {allowed}"
            )
    return None


def first_cancel_denial(state: EngineState, order: Order, now: int) -> Denial | None:
    """Give why a strategy may not ask for this cancel now, None when it may.

    Only what a strategy asks for is judged. The engine's own cancels, an operator's and a kill's take risk away and always
    go: the budget of requests keeps room for them, see `check_order_rate`.
    """
    limits = state.limits.get(order.strategy_id)
    times = state.pace.cancels.get((Scope.STRATEGY, order.strategy_id))
    if limits is None or not times or len(times) < limits.maximum_cancels_per_minute:
        return None
    recent, allowed = count_since(times, now - MINUTE), limits.maximum_cancels_per_minute
    if recent < allowed:
        return None
    return Denial(DenialCode.CANCEL_RATE_EXCEEDED, f"{recent} in 60 s, allowed {allowed}")


def _loss_today(candidate: Candidate, scope: tuple[Scope, str], today: int) -> int | None:
    """Sum the losses since 00:00 UTC of the accounts in a scope; None when one of them is not known."""
    total = 0
    assert candidate.instrument is not None, "check_instrument runs first"
    for account_id in candidate.state.accounts_in(scope, candidate.instrument.quote):
        made = candidate.account_profit(account_id)
        opened = candidate.state.account_days.get(account_target(account_id, candidate.instrument.quote))
        if made is None or opened is None or opened[0] != today:
            return None
        total += opened[1] - made
    return total


def _drawdown(candidate: Candidate, scope: tuple[Scope, str]) -> int | None:
    """Sum the losses from their highest profits of the accounts in a scope; None when one of them is not known."""
    total = 0
    assert candidate.instrument is not None, "check_instrument runs first"
    for account_id in candidate.state.accounts_in(scope, candidate.instrument.quote):
        made = candidate.account_profit(account_id)
        peak = candidate.state.peaks.get((Scope.ACCOUNT, account_target(account_id, candidate.instrument.quote)))
        if made is None or peak is None:
            return None
        total += max(0, peak - made)
    return total
