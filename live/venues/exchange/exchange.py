"""The exchange: accounts, books and market data behind one object without a clock, a socket or a file.

Every call that changes something takes `now`, microseconds UTC, which must not run backwards. What happened is drained as events.
"""

from collections.abc import Mapping, Sequence

from msgspec import Struct

from live.venues.exchange.accounts import AccountView
from live.venues.exchange.commissions import CommissionRates
from live.venues.exchange.errors import VenueError
from live.venues.exchange.events import Event
from live.venues.exchange.fixed8 import Fixed8
from live.venues.exchange.market import AggregateTrade, BookTicker, Depth, Kline, PublicTrade, Ticker
from live.venues.exchange.orders import (
    CancelReplaceMode,
    CancelRestrictions,
    Execution,
    OrderRequest,
    PreventedMatch,
    VenueOrder,
)
from live.venues.exchange.symbols import DEFAULT_SYMBOLS, ExchangeRules, SymbolRules


class Placed(Struct, frozen=True):
    """A new order as it is after matching, what it traded, and what self-trade prevention took off it; time in microseconds UTC."""

    order: VenueOrder
    executions: tuple[Execution, ...]
    prevented: tuple[PreventedMatch, ...]
    time: int


class Canceled(Struct, frozen=True):
    """An order that was canceled.

    Attributes:
        client_order_id: the cancel request's id: its own or one that the exchange made up.
        original_client_order_id: the order's id.
    """

    order: VenueOrder
    client_order_id: str
    original_client_order_id: str
    time: int


class CancelReplaced(Struct, frozen=True):
    """Both halves of a cancel-replace; a half that was not attempted is None."""

    cancel: Canceled | VenueError | None
    new_order: Placed | VenueError | None


class Exchange:
    """Run books, accounts and market data of a few symbols."""

    def __init__(self, symbols: Sequence[SymbolRules] = DEFAULT_SYMBOLS, rules: ExchangeRules | None = None) -> None:
        raise NotImplementedError

    @property
    def symbols(self) -> Mapping[str, SymbolRules]:
        """Give the traded symbols by name."""
        raise NotImplementedError

    @property
    def rules(self) -> ExchangeRules:
        """Give the rules over all symbols."""
        raise NotImplementedError

    @property
    def accounts(self) -> tuple[str, ...]:
        """Name the accounts, house accounts included."""
        raise NotImplementedError

    def add_account(
        self, account: str, balances: Mapping[str, Fixed8], now: int, *, rates: CommissionRates | None = None, house: bool = False
    ) -> None:
        """Open an account under a key; an account that exists is left as it is.

        A house account keeps no history and gets no events, passes no filter, pays no commission and may go short: it is the market.
        """
        raise NotImplementedError

    def deposit(self, account: str, asset: str, delta: Fixed8, now: int) -> None:
        """Add to, or with a negative amount take from, what an account has free."""
        raise NotImplementedError

    def place(self, account: str, request: OrderRequest, now: int) -> Placed:
        """Take a new order and match it.

        Raises:
            VenueError: the order is refused; nothing changed.
        """
        raise NotImplementedError

    def test(self, account: str, request: OrderRequest, now: int) -> None:
        """Check an order as far as the engine would, without placing it.

        Raises:
            VenueError: the order would be refused.
        """
        raise NotImplementedError

    def cancel(
        self,
        account: str,
        symbol: str,
        order_id: int | None,
        original_client_order_id: str | None,
        new_client_order_id: str | None,
        restrictions: CancelRestrictions | None,
        now: int,
    ) -> Canceled:
        """Take an open order off.

        Raises:
            VenueError: -2011.
        """
        raise NotImplementedError

    def cancel_all(self, account: str, symbol: str, now: int) -> tuple[Canceled, ...]:
        """Take all open orders of a symbol off.

        Raises:
            VenueError: -2011 when there are none.
        """
        raise NotImplementedError

    def cancel_replace(
        self,
        account: str,
        request: OrderRequest,
        mode: CancelReplaceMode,
        now: int,
        *,
        cancel_order_id: int | None = None,
        cancel_original_client_order_id: str | None = None,
        cancel_new_client_order_id: str | None = None,
        restrictions: CancelRestrictions | None = None,
    ) -> CancelReplaced:
        """Cancel an order and place another in its stead; gives both outcomes, also when one or both failed."""
        raise NotImplementedError

    def order(self, account: str, symbol: str, order_id: int | None = None, original_client_order_id: str | None = None) -> VenueOrder:
        """Give an order; of several with the same client id the newest.

        Raises:
            VenueError: -2013.
        """
        raise NotImplementedError

    def open_orders(self, account: str, symbol: str | None = None) -> tuple[VenueOrder, ...]:
        """Give the open orders, oldest first."""
        raise NotImplementedError

    def all_orders(
        self, account: str, symbol: str, *, order_id: int | None = None, start: int | None = None, end: int | None = None, limit: int = 500
    ) -> tuple[VenueOrder, ...]:
        """Give orders from an id on, or within times, oldest first; the newest ones without either."""
        raise NotImplementedError

    def my_trades(
        self,
        account: str,
        symbol: str,
        *,
        order_id: int | None = None,
        from_id: int | None = None,
        start: int | None = None,
        end: int | None = None,
        limit: int = 500,
    ) -> tuple[Execution, ...]:
        """Give executions from a trade id on, of an order, or within times, oldest first; the newest ones without any."""
        raise NotImplementedError

    def prevented_matches(
        self,
        account: str,
        symbol: str,
        *,
        prevented_match_id: int | None = None,
        order_id: int | None = None,
        from_id: int | None = None,
        limit: int = 500,
    ) -> tuple[PreventedMatch, ...]:
        """Give prevented matches by id, of an order, or from an id on."""
        raise NotImplementedError

    def account(self, account: str) -> AccountView:
        """Give balances, rates and permissions of an account."""
        raise NotImplementedError

    def take_fill_credits(self, account: str) -> int:
        """Give, once, how many of the account's counted orders have had their first fill since this was asked last.

        The caller counts orders that it accepted and takes these off (`order_count_decrement` FAQ).
        """
        raise NotImplementedError

    def recent_trades(self, symbol: str, limit: int = 500, from_id: int | None = None) -> tuple[PublicTrade, ...]:
        """Give the newest trades, or those from an id on, oldest first."""
        raise NotImplementedError

    def aggregate_trades(
        self, symbol: str, *, from_id: int | None = None, start: int | None = None, end: int | None = None, limit: int = 500
    ) -> tuple[AggregateTrade, ...]:
        """Give aggregate trades from an id on or within times, oldest first; the newest ones without either."""
        raise NotImplementedError

    def depth(self, symbol: str, limit: int = 100) -> Depth:
        """Give the best levels of both sides."""
        raise NotImplementedError

    def book_ticker(self, symbol: str) -> BookTicker:
        """Give the top of the book."""
        raise NotImplementedError

    def klines(
        self, symbol: str, interval: str, now: int, *, start: int | None = None, end: int | None = None, limit: int = 500
    ) -> tuple[Kline, ...]:
        """Give bars oldest first, the current one last; the newest ones without `start`.

        Raises:
            VenueError: -1120 for an interval that is not one of `INTERVALS`.
        """
        raise NotImplementedError

    def ticker(self, symbol: str, now: int) -> Ticker:
        """Give the statistics of the 24 hours before `now`."""
        raise NotImplementedError

    def last_price(self, symbol: str) -> Fixed8:
        """Give the price of the last trade, 0 before the first."""
        raise NotImplementedError

    def average_price(self, symbol: str, now: int) -> Fixed8:
        """Give the volume-weighted price of the last five minutes, the last price when nothing traded in them, 0 before the first."""
        raise NotImplementedError

    def advance(self, now: int) -> None:
        """Let time pass without a request."""
        raise NotImplementedError

    def drain(self) -> list[Event]:
        """Give what happened since this was asked last, in order."""
        raise NotImplementedError
