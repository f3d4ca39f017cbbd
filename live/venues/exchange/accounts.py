"""Accounts: what each has, holds for its orders, and has done; numbers in 10**-8."""

from msgspec import Struct

from live.venues.exchange.commissions import CommissionRates
from live.venues.exchange.events import BalanceState


class AccountView(Struct, frozen=True, kw_only=True):
    """An account as its owner may see it; time in microseconds UTC."""

    account: str
    uid: int
    rates: CommissionRates
    can_trade: bool
    update_time: int
    balances: tuple[BalanceState, ...]
