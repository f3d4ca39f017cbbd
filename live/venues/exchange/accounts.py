"""Accounts: what each has, holds for its orders, and has done; numbers in 10**-8, times in microseconds UTC."""

from collections.abc import Mapping

from msgspec import Struct

from live.venues.exchange.commissions import CommissionRates
from live.venues.exchange.events import BalanceState
from live.venues.exchange.fixed8 import Fixed8
from live.venues.exchange.orders import OPEN_STATUSES, Execution, PreventedMatch, VenueOrder


class AccountView(Struct, frozen=True, kw_only=True):
    """An account as its owner may see it."""

    account: str
    uid: int
    rates: CommissionRates
    can_trade: bool
    update_time: int
    balances: tuple[BalanceState, ...]


class Balance(Struct, array_like=True):
    """What an account has of an asset: free to use, and locked by open orders."""

    free: Fixed8 = 0
    locked: Fixed8 = 0


class AccountState(Struct, kw_only=True):
    """An account as it is written down."""

    name: str
    uid: int
    house: bool
    rates: CommissionRates
    update_time: int
    balances: dict[str, Balance]
    orders: dict[str, list[VenueOrder]]
    executions: dict[str, list[Execution]]
    prevented: dict[str, list[PreventedMatch]]
    fill_credits: int


class Account:
    """One account.

    Attributes:
        house: the market's own account: it keeps no history, passes no filter and may go short.
        orders: everything the account ever ordered, by symbol and id; of a house account what is open.
        open: what can still trade, by symbol and id.
        newest: the newest order of a client order id, by symbol and id.
        fill_credits: what first fills take off the count of unfilled orders, until the count's keeper has taken them.
        touched: assets whose balance may have changed since the account's owner was told.
    """

    __slots__ = (
        "balances",
        "executions",
        "fill_credits",
        "house",
        "name",
        "newest",
        "open",
        "orders",
        "prevented",
        "rates",
        "touched",
        "uid",
        "update_time",
    )

    def __init__(self, name: str, uid: int, rates: CommissionRates, *, house: bool) -> None:
        self.name = name
        self.uid = uid
        self.rates = rates
        self.house = house
        self.update_time = 0
        self.balances: dict[str, Balance] = {}
        self.orders: dict[str, dict[int, VenueOrder]] = {}
        self.open: dict[str, dict[int, VenueOrder]] = {}
        self.newest: dict[tuple[str, str], VenueOrder] = {}
        self.executions: dict[str, list[Execution]] = {}
        self.prevented: dict[str, list[PreventedMatch]] = {}
        self.fill_credits = 0
        self.touched: dict[str, None] = {}

    def balance(self, asset: str) -> Balance:
        """Give the account's balance of an asset, which may be changed."""
        balance = self.balances.get(asset)
        if balance is None:
            balance = self.balances[asset] = Balance()
        return balance

    def free(self, asset: str) -> Fixed8:
        """Say what the account can use of an asset."""
        balance = self.balances.get(asset)
        return 0 if balance is None else balance.free

    def lock(self, asset: str, amount: Fixed8) -> None:
        """Set an amount aside; a negative one is given back."""
        balance = self.balance(asset)
        balance.free -= amount
        balance.locked += amount

    def enter(self, order: VenueOrder) -> None:
        """Write down a new order."""
        self.open.setdefault(order.symbol, {})[order.order_id] = order
        if not self.house:
            self.orders.setdefault(order.symbol, {})[order.order_id] = order
            self.newest[order.symbol, order.client_order_id] = order

    def close(self, order: VenueOrder) -> None:
        """Note that an order can trade no more."""
        del self.open[order.symbol][order.order_id]

    def view(self) -> AccountView:
        """Give the account as its owner may see it."""
        return AccountView(
            account=self.name,
            uid=self.uid,
            rates=self.rates,
            can_trade=True,
            update_time=self.update_time,
            balances=self.states(self.balances),
        )

    def states(self, assets: Mapping[str, object]) -> tuple[BalanceState, ...]:
        """Give the balances of some assets."""
        return tuple(BalanceState(asset, balance.free, balance.locked) for asset in assets if (balance := self.balance(asset)))

    def write(self) -> AccountState:
        """Give the account as it is written down."""
        orders = self.open if self.house else self.orders
        return AccountState(
            name=self.name,
            uid=self.uid,
            house=self.house,
            rates=self.rates,
            update_time=self.update_time,
            balances=self.balances,
            orders={symbol: list(known.values()) for symbol, known in orders.items() if known},
            executions=self.executions,
            prevented=self.prevented,
            fill_credits=self.fill_credits,
        )

    @classmethod
    def read(cls, state: AccountState) -> "Account":
        """Give the account that was written down."""
        account = cls(state.name, state.uid, state.rates, house=state.house)
        account.update_time = state.update_time
        account.balances = state.balances
        account.executions = state.executions
        account.prevented = state.prevented
        account.fill_credits = state.fill_credits
        for orders in state.orders.values():
            for order in orders:
                account.enter(order)
                if order.status not in OPEN_STATUSES:
                    account.close(order)
        return account
