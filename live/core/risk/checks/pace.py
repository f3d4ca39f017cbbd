"""Is it going too fast or too wrong: orders and cancels a minute, executions an hour, loss a day, drawdown."""

from live.core.bounds import Purse
from live.core.entities import Order
from live.core.pace import HOUR, MINUTE, Pace, count_since
from live.core.retention import DAY
from live.core.risk.candidate import Candidate, Denial
from live.core.risk.codes import DenialCode
from live.core.scope_limits import ScopeLimits
from live.core.state import EngineState
from live.core.vocabulary import Scope


def check_order_rate(candidate: Candidate) -> Denial | None:
    """Deny one more order when as many as allowed were sent in the last 60 s, by the strategy, in the account or to the venue.

    And deny one that would leave too few of the minute's requests to cancel it and every order that is alive there.
    """
    pace, bounds = candidate.state.pace, candidate.bounds
    mine = pace.strategies.get(candidate.intent.strategy_id, ())
    account, venue = pace.orders.get(bounds.account, ()), pace.orders.get(bounds.venue, ())
    calm = bounds.fewest_requests - candidate.alive_anywhere
    if pace.cancels:
        calm -= max(len(pace.cancels.get(bounds.account, ())), len(pace.cancels.get(bounds.venue, ())))
    if len(mine) < calm and len(account) < calm and len(venue) < calm:
        return None  # nearly always: with everything that is alive and was canceled counted in every scope, no bound is near
    since, allowed = candidate.now - MINUTE, candidate.limits.maximum_orders_per_minute
    if len(mine) >= allowed and (recent := count_since(mine, since)) >= allowed:
        return Denial(DenialCode.ORDER_RATE_EXCEEDED, f"{recent} in 60 s, allowed {allowed}")
    return _judge_scope(pace, bounds.account, bounds.account_limits, candidate.alive_in_account(), since) or _judge_scope(
        pace, bounds.venue, bounds.venue_limits, candidate.alive_at_venue(), since
    )


def _judge_scope(pace: Pace, scope: tuple[Scope, str], limits: ScopeLimits, alive: int, since: int) -> Denial | None:
    orders, cancels = pace.orders.get(scope, ()), pace.cancels.get(scope, ()) if pace.cancels else ()
    sent, allowed = len(orders), limits.maximum_orders_per_minute
    if sent >= allowed and (recent := count_since(orders, since)) >= allowed:
        return Denial(DenialCode.ACCOUNT_ORDER_RATE_EXCEEDED, f"{recent} in 60 s in {scope[0]} {scope[1]}, allowed {allowed}")
    room = limits.maximum_requests_per_minute - 2 - alive
    if sent + len(cancels) > room and (recent := count_since(orders, since) + count_since(cancels, since)) > room:
        said = f"{recent} requests in 60 s in {scope[0]} {scope[1]}, room for {room} of {limits.maximum_requests_per_minute}"
        return Denial(DenialCode.CANCEL_RESERVE_EXCEEDED, said)
    return None


def check_executions(candidate: Candidate) -> Denial | None:
    """Deny one more order when with those alive more could trade in an hour of this lease than allowed (RTS 6, article 15(3))."""
    times = candidate.state.pace.executions.get(candidate.intent.strategy_id, ())
    allowed = candidate.limits.maximum_executions_per_hour
    if candidate.alive_anywhere + len(times) < allowed:
        return None  # as nearly always
    alive = candidate.alive()
    if alive + len(times) < allowed:
        return None
    traded = count_since(times, candidate.now - HOUR)
    if traded + alive < allowed:
        return None
    return Denial(DenialCode.REPEATED_EXECUTIONS, f"{traded} traded in an hour and {alive} are alive, allowed {allowed}")


def check_daily_loss(candidate: Candidate) -> Denial | None:
    """Deny an order that does not reduce once the day's loss, realised or not, of strategy, account or venue reached its limit."""
    if candidate.reduces:
        return None
    state, bounds, today = candidate.state, candidate.bounds, candidate.now // DAY
    made, account_made = candidate.profits()
    opened = state.day_profits.get(candidate.intent.strategy_id)
    if made is None or opened is None or opened[0] != today:
        return Denial(DenialCode.DAILY_LOSS_UNKNOWN, "a price or the day's opening profit is missing")
    loss, allowed = opened[1] - made, candidate.limits.maximum_daily_loss
    if loss >= allowed:
        return Denial(DenialCode.DAILY_LOSS_EXCEEDED, f"loss {loss}, allowed {allowed}")
    opened = state.account_days.get(bounds.purse.target)
    if account_made is None or opened is None or opened[0] != today:
        return Denial(DenialCode.DAILY_LOSS_UNKNOWN, f"a price or the day's opening profit is missing in {bounds.purse.target}")
    loss = opened[1] - account_made
    if loss >= bounds.account_limits.maximum_daily_loss:
        said = f"loss {loss} in {bounds.purse.target}, allowed {bounds.account_limits.maximum_daily_loss}"
        return Denial(DenialCode.ACCOUNT_DAILY_LOSS_EXCEEDED, said)
    for purse in bounds.others:
        other = _loss_today(candidate, purse, today)
        if other is None:
            return Denial(DenialCode.DAILY_LOSS_UNKNOWN, f"a price or the day's opening profit is missing in {purse.target}")
        loss += other
    if loss >= bounds.venue_limits.maximum_daily_loss:
        said = f"loss {loss} on {bounds.venue[1]}, allowed {bounds.venue_limits.maximum_daily_loss}"
        return Denial(DenialCode.ACCOUNT_DAILY_LOSS_EXCEEDED, said)
    return None


def check_drawdown(candidate: Candidate) -> Denial | None:
    """Deny an order that does not reduce once the loss from the highest profit of strategy, account or venue reached its limit."""
    if candidate.reduces:
        return None
    state, bounds = candidate.state, candidate.bounds
    made, account_made = candidate.profits()
    peak = state.peaks.get(bounds.peak)
    if made is None or peak is None:
        return Denial(DenialCode.DRAWDOWN_UNKNOWN, "a price or the highest profit is missing")
    allowed = candidate.limits.maximum_drawdown
    if peak - made >= allowed:
        return Denial(DenialCode.DRAWDOWN_EXCEEDED, f"{peak - made} below the highest profit {peak}, allowed {allowed}")
    peak = state.peaks.get(bounds.purse.peak)
    if account_made is None or peak is None:
        return Denial(DenialCode.DRAWDOWN_UNKNOWN, f"a price or the highest profit is missing in {bounds.purse.target}")
    lost = peak - account_made if account_made < peak else 0
    if lost >= bounds.account_limits.maximum_drawdown:
        said = f"{lost} below the highest profit of {bounds.purse.target}, allowed {bounds.account_limits.maximum_drawdown}"
        return Denial(DenialCode.ACCOUNT_DRAWDOWN_EXCEEDED, said)
    for purse in bounds.others:
        other = _drawdown(candidate, purse)
        if other is None:
            return Denial(DenialCode.DRAWDOWN_UNKNOWN, f"a price or the highest profit is missing in {purse.target}")
        lost += other
    if lost >= bounds.venue_limits.maximum_drawdown:
        said = f"{lost} below the highest profits on {bounds.venue[1]}, allowed {bounds.venue_limits.maximum_drawdown}"
        return Denial(DenialCode.ACCOUNT_DRAWDOWN_EXCEEDED, said)
    return None


def first_cancel_denial(state: EngineState, order: Order, now: int) -> Denial | None:
    """Give why a strategy may not ask for this cancel now, None when it may.

    Only what a strategy asks for is judged. The engine's own cancels, an operator's and a kill's take risk away and always
    go: the budget of requests keeps room for them, see `check_order_rate`.
    """
    bounds = state.bounds.get(order.strategy_id)
    times = state.pace.cancels.get((Scope.STRATEGY, order.strategy_id))
    if bounds is None or not times or len(times) < bounds.limits.maximum_cancels_per_minute:
        return None
    recent, allowed = count_since(times, now - MINUTE), bounds.limits.maximum_cancels_per_minute
    if recent < allowed:
        return None
    return Denial(DenialCode.CANCEL_RATE_EXCEEDED, f"{recent} in 60 s, allowed {allowed}")


def _loss_today(candidate: Candidate, purse: Purse, today: int) -> int | None:
    """Give another account's loss since 00:00 UTC; None when it is not known."""
    opened = candidate.state.account_days.get(purse.target)
    made = candidate.account_profit(purse.account_id)
    return None if made is None or opened is None or opened[0] != today else opened[1] - made


def _drawdown(candidate: Candidate, purse: Purse) -> int | None:
    """Give another account's loss from its highest profit; None when it is not known."""
    peak, made = candidate.state.peaks.get(purse.peak), candidate.account_profit(purse.account_id)
    return None if made is None or peak is None else max(0, peak - made)
