"""The checks in their order of evaluation: all on, none with a bypass, the first that denies decides."""

from collections.abc import Callable

from live.core.risk.candidate import Candidate, Denial
from live.core.risk.checks.conditions import check_clock, check_journal, check_reconciliation
from live.core.risk.checks.crossing import check_duplicate, check_self_trade
from live.core.risk.checks.exposure import (
    check_balance,
    check_exit,
    check_margin,
    check_notional,
    check_open_orders,
    check_position,
    check_reduce_only,
    check_scope_exposure,
)
from live.core.risk.checks.form import check_instrument, check_order_type, check_price, check_quantity
from live.core.risk.checks.market import check_data_age, check_price_collar, check_slippage, check_spread
from live.core.risk.checks.pace import check_daily_loss, check_drawdown, check_executions, check_order_rate, first_cancel_denial
from live.core.risk.checks.permission import check_latch, check_lease, check_trading_state

__all__ = ["CHECKS", "first_cancel_denial", "first_denial"]

CHECKS: tuple[Callable[[Candidate], Denial | None], ...] = (
    check_latch,
    check_trading_state,
    check_lease,
    check_journal,
    check_clock,
    check_reconciliation,
    check_instrument,
    check_order_type,
    check_quantity,
    check_price,
    check_data_age,
    check_price_collar,
    check_spread,
    check_slippage,
    check_notional,
    check_exit,
    check_reduce_only,
    check_duplicate,
    check_self_trade,
    check_position,
    check_scope_exposure,
    check_balance,
    check_margin,
    check_open_orders,
    check_order_rate,
    check_executions,
    check_daily_loss,
    check_drawdown,
)


def first_denial(candidate: Candidate) -> Denial | None:
    """Run every check in order and return the first denial, None when all pass."""
    # Written out, since a loop over `CHECKS` costs twice the calls; a test holds the two to one another.
    return (
        check_latch(candidate)
        or check_trading_state(candidate)
        or check_lease(candidate)
        or check_journal(candidate)
        or check_clock(candidate)
        or check_reconciliation(candidate)
        or check_instrument(candidate)
        or check_order_type(candidate)
        or check_quantity(candidate)
        or check_price(candidate)
        or check_data_age(candidate)
        or check_price_collar(candidate)
        or check_spread(candidate)
        or check_slippage(candidate)
        or check_notional(candidate)
        or check_exit(candidate)
        or check_reduce_only(candidate)
        or check_duplicate(candidate)
        or check_self_trade(candidate)
        or check_position(candidate)
        or check_scope_exposure(candidate)
        or check_balance(candidate)
        or check_margin(candidate)
        or check_open_orders(candidate)
        or check_order_rate(candidate)
        or check_executions(candidate)
        or check_daily_loss(candidate)
        or check_drawdown(candidate)
    )
