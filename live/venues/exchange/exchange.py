"""The exchange: accounts, books and market data behind one object without a clock, a socket or a file.

Every call that changes something takes `now`, microseconds UTC. Time never goes back here: a time before the latest seen counts as the
latest seen, and after a clock was set back `advance` lets time go on at half its pace until the clock has caught up. What happened is
drained as events.
"""

from bisect import bisect_left
from collections.abc import Collection, Mapping, Sequence
from copy import copy

from msgspec import Struct

from live.venues.exchange import errors
from live.venues.exchange.accounts import Account, AccountState, AccountView
from live.venues.exchange.bars import LENGTHS, MONTH
from live.venues.exchange.commissions import CommissionRates
from live.venues.exchange.errors import VenueError
from live.venues.exchange.events import BalanceEvent, Event
from live.venues.exchange.filters import check_filters, check_parameters
from live.venues.exchange.fixed8 import Fixed8
from live.venues.exchange.market import AggregateTrade, BookTicker, Depth, Kline, PublicTrade, Ticker
from live.venues.exchange.orders import (
    OPEN_STATUSES,
    CancelReplaceMode,
    CancelRestrictions,
    Execution,
    OrderRequest,
    OrderStatus,
    PreventedMatch,
    VenueOrder,
)
from live.venues.exchange.symbol_engine import SymbolEngine, SymbolState
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


class ExchangeState(Struct, kw_only=True):
    """An exchange as it is written down."""

    now: int
    fees: dict[str, Fixed8]
    accounts: list[AccountState]
    symbols: dict[str, SymbolState]


class Exchange:
    """Run books, accounts and market data of a few symbols."""

    def __init__(self, symbols: Sequence[SymbolRules] = DEFAULT_SYMBOLS, rules: ExchangeRules | None = None) -> None:
        self._now = 0
        self._clock = 0
        self._rules = rules or ExchangeRules()
        self._symbols = {symbol.symbol: symbol for symbol in symbols}
        self._accounts: dict[str, Account] = {}
        self._events: list[Event] = []
        self._fees: dict[str, Fixed8] = {}
        self._engines = {
            symbol.symbol: SymbolEngine(symbol, self._accounts, self._events, self._fees, self._discount_price) for symbol in symbols
        }

    @property
    def now(self) -> int:
        """Give the latest time seen, microseconds UTC."""
        return self._now

    @property
    def symbols(self) -> Mapping[str, SymbolRules]:
        """Give the traded symbols by name."""
        return self._symbols

    @property
    def rules(self) -> ExchangeRules:
        """Give the rules over all symbols."""
        return self._rules

    @property
    def accounts(self) -> tuple[str, ...]:
        """Name the accounts, house accounts included."""
        return tuple(self._accounts)

    @property
    def fees(self) -> Mapping[str, Fixed8]:
        """Give the commissions taken so far by asset."""
        return self._fees

    def add_account(
        self, account: str, balances: Mapping[str, Fixed8], now: int, *, rates: CommissionRates | None = None, house: bool = False
    ) -> None:
        """Open an account under a key; an account that exists is left as it is.

        A house account keeps no history and gets no events, passes no filter, pays no commission and may go short: it is the market.
        """
        now = self._pass(now)
        if account in self._accounts:
            return
        opened = Account(account, len(self._accounts) + 1, rates or CommissionRates(), house=house)
        opened.update_time = now
        for asset in sorted({asset for symbol in self._symbols.values() for asset in (symbol.base_asset, symbol.quote_asset)}):
            opened.balance(asset)
        for asset, free in balances.items():
            opened.balance(asset).free = free
        self._accounts[account] = opened

    def deposit(self, account: str, asset: str, delta: Fixed8, now: int) -> None:
        """Add to, or with a negative amount take from, what an account has free.

        Raises:
            VenueError: -2010 when the account has not that much.
        """
        now = self._pass(now)
        known = self._account(account)
        balance = known.balance(asset)
        if balance.free + delta < 0 and not known.house:
            raise errors.insufficient_balance()
        balance.free += delta
        known.update_time = now
        if not known.house:
            self._events.append(BalanceEvent(account, now, asset, delta))

    def place(self, account: str, request: OrderRequest, now: int) -> Placed:
        """Take a new order and match it.

        Raises:
            VenueError: the order is refused; nothing changed.
        """
        now = self._pass(now)
        known = self._account(account)
        engine = self._engine(request.symbol)
        if not known.house:
            self._check(known, engine, request)
        return self._place(known, engine, request, now)

    def test(self, account: str, request: OrderRequest, now: int) -> None:
        """Check an order as far as it is checked before it reaches the engine: parameters and filters, not funds.

        Raises:
            VenueError: the order would be refused.
        """
        self._pass(now)
        self._check(self._account(account), self._engine(request.symbol), request)

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
        now = self._pass(now)
        known, engine = self._account(account), self._engine(symbol)
        order = self._to_cancel(known, symbol, order_id, original_client_order_id, restrictions)
        return self._cancel(known, engine, order, new_client_order_id, now)

    def cancel_all(self, account: str, symbol: str, now: int) -> tuple[Canceled, ...]:
        """Take all open orders of a symbol off.

        Raises:
            VenueError: -2011 when there are none.
        """
        now = self._pass(now)
        known, engine = self._account(account), self._engine(symbol)
        orders = list(known.open.get(symbol, {}).values())
        if not orders:
            raise errors.unknown_order_sent()
        # The documentation's example has one id of the request on every order that it canceled.
        request_id = "" if known.house else engine.cancel_client_id()
        return tuple(self._cancel(known, engine, order, request_id, now) for order in orders)

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
        """Cancel an order and place another in its stead; gives both outcomes, also when one or both failed.

        Raises:
            VenueError: the new order's parameters or filters, which are looked at before anything is canceled.
        """
        now = self._pass(now)
        known, engine = self._account(account), self._engine(request.symbol)
        if not known.house:
            self._check(known, engine, request)
        canceled: Canceled | VenueError
        try:
            order = self._to_cancel(known, request.symbol, cancel_order_id, cancel_original_client_order_id, restrictions)
            canceled = self._cancel(known, engine, order, cancel_new_client_order_id, now)
        except VenueError as error:
            if mode is CancelReplaceMode.STOP_ON_FAILURE:
                return CancelReplaced(error, None)
            canceled = error
        try:
            return CancelReplaced(canceled, self._place(known, engine, request, now))
        except VenueError as error:
            if isinstance(canceled, Canceled):
                engine.reject(known, request, error, now)
            return CancelReplaced(canceled, error)

    def order(self, account: str, symbol: str, order_id: int | None = None, original_client_order_id: str | None = None) -> VenueOrder:
        """Give an order; of several with the same client id the newest.

        Raises:
            VenueError: -2013.
        """
        known = self._account(account)
        self._engine(symbol)
        orders = known.open if known.house else known.orders
        order = orders.get(symbol, {}).get(order_id) if order_id is not None else known.newest.get((symbol, original_client_order_id or ""))
        if order is None or (original_client_order_id is not None and order.client_order_id != original_client_order_id):
            raise errors.no_such_order()
        return copy(order)

    def open_orders(self, account: str, symbol: str | None = None) -> tuple[VenueOrder, ...]:
        """Give the open orders, by symbol and oldest first."""
        known = self._account(account)
        if symbol is not None:
            self._engine(symbol)
            return tuple(map(copy, known.open.get(symbol, {}).values()))
        return tuple(copy(order) for name in sorted(known.open) for order in known.open[name].values())

    def open_order_ids(self, account: str, symbol: str) -> Collection[int]:
        """Give the ids of an account's open orders, as a view that changes with them."""
        return self._account(account).open.get(symbol, {}).keys()

    def all_orders(
        self, account: str, symbol: str, *, order_id: int | None = None, start: int | None = None, end: int | None = None, limit: int = 500
    ) -> tuple[VenueOrder, ...]:
        """Give orders from an id on, or within times, oldest first; the newest ones without either."""
        known = self._account(account)
        self._engine(symbol)
        orders = list(known.orders.get(symbol, {}).values())
        if order_id is not None:
            orders = orders[bisect_left(orders, order_id, key=lambda order: order.order_id) :][:limit]
        else:
            if end is not None:
                orders = orders[: bisect_left(orders, end + 1, key=lambda order: order.time)]
            if start is not None:
                orders = orders[bisect_left(orders, start, key=lambda order: order.time) :][:limit]
        return tuple(map(copy, orders[-limit:]))

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
        known = self._account(account)
        self._engine(symbol)
        trades = known.executions.get(symbol, [])
        if order_id is not None:
            trades = [trade for trade in trades if trade.order_id == order_id]
        if end is not None:
            trades = trades[: bisect_left(trades, end + 1, key=lambda trade: trade.time)]
        if from_id is not None:
            trades = trades[bisect_left(trades, from_id, key=lambda trade: trade.trade_id) :][:limit]
        if start is not None:
            trades = trades[bisect_left(trades, start, key=lambda trade: trade.time) :][:limit]
        return tuple(trades[-limit:])

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
        known = self._account(account)
        self._engine(symbol)
        return tuple(
            match
            for match in known.prevented.get(symbol, [])
            if (prevented_match_id is None or match.prevented_match_id == prevented_match_id)
            and (order_id is None or order_id in {match.taker_order_id, match.maker_order_id})
            and (from_id is None or match.prevented_match_id >= from_id)
        )[:limit]

    def account(self, account: str) -> AccountView:
        """Give balances, rates and permissions of an account."""
        return self._account(account).view()

    def take_fill_credits(self, account: str) -> int:
        """Give, once, by how much first fills have lowered the account's count of unfilled orders since this was asked last.

        The caller counts the orders it accepted, and takes these off without going below zero (`order_count_decrement` FAQ).
        """
        known = self._account(account)
        credits_, known.fill_credits = known.fill_credits, 0
        return credits_

    def recent_trades(self, symbol: str, limit: int = 500, from_id: int | None = None) -> tuple[PublicTrade, ...]:
        """Give the newest trades, or those from an id on, oldest first."""
        return self._engine(symbol).market.recent_trades(limit, from_id)

    def aggregate_trades(
        self, symbol: str, *, from_id: int | None = None, start: int | None = None, end: int | None = None, limit: int = 500
    ) -> tuple[AggregateTrade, ...]:
        """Give aggregate trades from an id on or within times, oldest first; the newest ones without either."""
        return self._engine(symbol).market.aggregate_trades(from_id, start, end, limit)

    def depth(self, symbol: str, limit: int = 100) -> Depth:
        """Give the best levels of both sides."""
        engine = self._engine(symbol)
        return Depth(engine.update_id, engine.book.bids.depth(limit), engine.book.asks.depth(limit))

    def book_ticker(self, symbol: str) -> BookTicker:
        """Give the top of the book."""
        engine = self._engine(symbol)
        bids, asks = engine.book.bids, engine.book.asks
        bid, ask = bids.best, asks.best
        return BookTicker(engine.update_id, bid, bids.levels[bid].quantity if bid else 0, ask, asks.levels[ask].quantity if ask else 0)

    def klines(
        self, symbol: str, interval: str, now: int, *, start: int | None = None, end: int | None = None, limit: int = 500, zone: int = 0
    ) -> tuple[Kline, ...]:
        """Give bars oldest first, the current one last; the newest ones without `start`.

        They open on local time, which is ahead of UTC by `zone` microseconds; `start` and `end` are UTC all the same.

        Raises:
            VenueError: -1120 for an interval that is not one of `INTERVALS`.
        """
        engine = self._engine(symbol)
        if interval not in LENGTHS and interval != MONTH:
            raise errors.invalid_interval()
        return engine.market.bars.klines(interval, max(now, self._now), start, end, limit, zone)

    def ticker(self, symbol: str, now: int) -> Ticker:
        """Give the statistics of the 24 hours before `now`."""
        return self._engine(symbol).market.ticker(max(now, self._now))

    def last_price(self, symbol: str) -> Fixed8:
        """Give the price of the last trade, 0 before the first."""
        return self._engine(symbol).market.last_price

    def average_price(self, symbol: str, now: int) -> Fixed8:
        """Give the volume-weighted price of the last five minutes, the last price when nothing traded in them, 0 before the first."""
        return self._engine(symbol).market.average_price(max(now, self._now))

    def advance(self, now: int) -> None:
        """Let time pass without a request; `now` is what the clock says, also where it was set back, as no request's need be.

        A clock that is behind carries time along at half its pace, so that nothing stands still and the clock catches up.
        """
        if now < self._now and self._clock:
            self._now += max(0, now - self._clock) // 2
        self._clock = now
        self._pass(now)

    def drain(self) -> list[Event]:
        """Give what happened since this was asked last, in order."""
        events = self._events.copy()
        self._events.clear()
        return events

    def write(self) -> ExchangeState:
        """Give the exchange as it is written down; events that nobody drained are not part of it."""
        return ExchangeState(
            now=self._now,
            fees=self._fees,
            accounts=[account.write() for account in self._accounts.values()],
            symbols={name: engine.write() for name, engine in self._engines.items()},
        )

    def read(self, state: ExchangeState) -> None:
        """Become, freshly made, the exchange that was written down."""
        self._now = state.now
        self._fees.update(state.fees)
        for account in state.accounts:
            self._accounts[account.name] = Account.read(account)
        for name, engine in self._engines.items():
            if name in state.symbols:
                engine.read(state.symbols[name])

    def _pass(self, now: int) -> int:
        self._now = max(now, self._now)
        return self._now

    def _account(self, account: str) -> Account:
        known = self._accounts.get(account)
        if known is None:
            raise errors.rejected_api_key()
        return known

    def _engine(self, symbol: str) -> SymbolEngine:
        engine = self._engines.get(symbol)
        if engine is None:
            raise errors.invalid_symbol()
        return engine

    def _check(self, account: Account, engine: SymbolEngine, request: OrderRequest) -> None:
        check_parameters(request, engine.rules)
        check_filters(request, engine.rules, self._rules, account, lambda: engine.market.average_price(self._now))

    @staticmethod
    def _place(account: Account, engine: SymbolEngine, request: OrderRequest, now: int) -> Placed:
        order, outcome = engine.place(account, request, now)
        return Placed(order, tuple(outcome.executions), tuple(outcome.prevented), now)

    @staticmethod
    def _to_cancel(
        account: Account, symbol: str, order_id: int | None, client_order_id: str | None, restrictions: CancelRestrictions | None
    ) -> VenueOrder:
        if order_id is not None:
            order = account.open.get(symbol, {}).get(order_id)
        elif client_order_id is not None:
            order = account.newest.get((symbol, client_order_id))
        else:
            raise errors.cancel_without_id()
        if order is None or order.status not in OPEN_STATUSES or (client_order_id is not None and order.client_order_id != client_order_id):
            raise errors.unknown_order_sent()
        if (restrictions is CancelRestrictions.ONLY_NEW and order.status is not OrderStatus.NEW) or (
            restrictions is CancelRestrictions.ONLY_PARTIALLY_FILLED and order.status is not OrderStatus.PARTIALLY_FILLED
        ):
            raise errors.cancel_restricted()
        return order

    @staticmethod
    def _cancel(account: Account, engine: SymbolEngine, order: VenueOrder, client_order_id: str | None, now: int) -> Canceled:
        request_id = client_order_id or ("" if account.house else engine.cancel_client_id())
        canceled = engine.cancel(account, order, request_id, now)
        return Canceled(canceled, request_id, order.client_order_id, now)

    def _discount_price(self, quote_asset: str) -> Fixed8:
        """Say what the discount asset costs: its last trade here, else what the rules say, 0 when nobody knows."""
        engine = self._engines.get("BNB" + quote_asset)
        traded = engine.market.last_price if engine is not None else 0
        return traded or self._rules.discount_prices.get(quote_asset, 0)
