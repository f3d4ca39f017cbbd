"""The order under judgement, with everything a check may read about it."""

from collections.abc import Mapping, Sequence
from typing import NamedTuple, Protocol

from live.core.decimals import PARTS_PER_MILLION, divide_up
from live.core.entities import Lease, Target
from live.core.exposures import Book, Worst, worst_price
from live.core.instruments import Instrument
from live.core.ledger import CASH_ACCOUNT
from live.core.limits import Limits
from live.core.market import InstrumentMarket
from live.core.records import IntentRecorded
from live.core.risk.codes import DenialCode
from live.core.state import EngineState
from live.core.vocabulary import AccountType, Side

_BUY, _MARGIN = Side.BUY, AccountType.MARGIN  # a module's own names cost a fifth of an enumeration's

FEE_RESERVE_PPM = 2_000
"""Fee set aside on every buy: 0.2 %, twice Binance Spot's base rate of 0.1 %."""


_NO_BOOKS: dict[str, Book] = {}
_NO_MARKET = InstrumentMarket()


class Denial(NamedTuple):
    """Say why an order is refused: the code, and what was measured against which bound."""

    code: DenialCode
    detail: str


class Worth(Protocol):
    """Value strategies and accounts at the last prices; None while something that is held has no price."""

    def profit(self, strategy_id: str) -> int | None:
        """Give a strategy's profit since it first traded in its account, money units."""
        ...

    def equity(self, account_id: str, quote: str) -> int | None:
        """Give what an account is worth in one quote asset, money units."""
        ...


class Candidate:
    """Hold an intent and the state it is judged against; what several checks read is computed once.

    Attributes:
        intent: the order under judgement.
        state: the engine's state; the intent itself is not among its live orders yet.
        bounds: what bounds the strategy, its account and its venue.
        limits: the strategy's limits, complete.
        instrument: definition of the instrument; not set when unknown, which `check_instrument` denies before anything reads it.
        markets: last prices by instrument.
        market: last prices of the intent's instrument, one without any when nothing is known of it.
        last_price: the last of them, price units; not set while there is none, which `check_data_age` denies before anything reads it.
        now: engine time, nanoseconds UTC.
        buying: whether it is a buy.
        on_margin: whether the account may be short and borrow.
        books: the strategy's books in this account, by instrument.
        book: the one of the intent's instrument.
        alive_anywhere: how many orders are alive at all; no scope has more of them.
        position: the strategy's signed position, in quantity units.
        worst: the position if this order and every live one of its side fill, and none of the other side does.
        reduces: whether the worst case of this order only brings the position nearer to zero.
        worst_price: see `exposures.worst_price`, price units; not set without an instrument.
        notional: its value at that price, money units of the quote asset; 0 without an instrument.
        nominal_price: the price it is meant to trade at; set only where the instrument has a smallest notional, which is judged at it.
    """

    __slots__ = (
        "_account_worst",
        "_equity",
        "_own_worst",
        "_profits",
        "_strategy_worst",
        "_worth",
        "alive_anywhere",
        "book",
        "books",
        "bounds",
        "buying",
        "instrument",
        "intent",
        "last_price",
        "limits",
        "market",
        "markets",
        "nominal_price",
        "notional",
        "now",
        "on_margin",
        "position",
        "reduces",
        "state",
        "worst",
        "worst_price",
    )

    _strategy_worst: Worst | str | None
    _account_worst: Worst | str | None
    _own_worst: Worst | str | None
    _equity: int | None
    _profits: tuple[int | None, int | None] | None

    def __init__(self, intent: IntentRecorded, state: EngineState, markets: Mapping[str, InstrumentMarket], worth: Worth, now: int) -> None:
        instrument_id, account_id, quantity = intent.instrument_id, intent.account_id, intent.quantity
        self.intent = intent
        self.state = state
        self.markets = markets
        self.now = now
        self.alive_anywhere = len(state.live_orders)
        self._worth = worth
        self._strategy_worst = self._account_worst = self._equity = self._profits = None
        self.bounds = bounds = state.bounds[intent.strategy_id]
        self.limits = limits = bounds.limits
        instrument = state.instruments.get(instrument_id)
        if instrument is None:
            self.notional = 0
        else:
            self.instrument = instrument
            self.worst_price = worst = worst_price(intent, limits.price_collar_ppm)
            self.notional = instrument.notional(worst, quantity)
            if instrument.minimum_notional:
                self.nominal_price = nominal_price(intent)
        self.market = market = markets.get(instrument_id, _NO_MARKET)
        price = market.last_price
        if price is not None:
            self.last_price = price
        self.on_margin = state.ledger.accounts.get(account_id, CASH_ACCOUNT).account_type is _MARGIN
        self.books = books = state.exposures.strategies.get((account_id, intent.strategy_id), _NO_BOOKS)
        self.book = book = books.get(instrument_id) or Book(instrument_id)
        self.position = position = book.held
        # What only reduces ends at nothing; a venue clips it there. See Book.
        if intent.side is _BUY:
            self.buying = True
            buys, reducing = book.buys + quantity, book.reducing_buys
            if intent.reduce_only:
                buys, reducing = buys - quantity, reducing + quantity
            if position >= 0:
                self.worst = position + buys
                self.reduces = False
            else:
                covered = position + reducing
                self.worst = worst = (covered if covered < 0 else 0) + buys
                self.reduces = worst <= 0 and quantity <= -position
        else:
            self.buying = False
            sells, reducing = book.sells + quantity, book.reducing_sells
            if intent.reduce_only:
                sells, reducing = sells - quantity, reducing + quantity
            if position <= 0:
                self.worst = position - sells
                self.reduces = False
            else:
                left = position - reducing
                self.worst = worst = (left if left > 0 else 0) - sells
                self.reduces = worst >= 0 and quantity <= position

    # Methods and no properties from here on: CPython 3.11 calls a method without leaving its loop, and a property not.

    def alive(self) -> int:
        """Count the strategy's orders that are alive in this account."""
        alive = 0
        for book in self.books.values():
            alive += book.orders
        return alive

    def alive_in_account(self) -> int:
        """Count the orders that are alive in the account, of all strategies and at all venues."""
        return self.state.exposures.alive_in_account(self.bounds.account[1])

    def alive_at_venue(self) -> int:
        """Count the orders that are alive at the venue, of all accounts."""
        return self.state.exposures.alive_at_venue(self.bounds.venue[1])

    def equity(self) -> int | None:
        """Give what the account is worth in the quote asset; None while that cannot be computed."""
        equity = self._equity
        if equity is None:
            equity = self._equity = self._worth.equity(self.intent.account_id, self.instrument.quote)
        return equity

    def profits(self) -> tuple[int | None, int | None]:
        """Give the profit of the strategy since it first traded, and that of its account; None while one cannot be computed."""
        profits = self._profits
        if profits is None:
            made = self._worth.profit(self.intent.strategy_id)
            profits = self._profits = made, self.account_profit(self.bounds.purse.account_id)
        return profits

    def account_profit(self, account_id: str) -> int | None:
        """Give an account's profit in the quote asset: its equity less what was paid in; None while that cannot be computed."""
        quote = self.instrument.quote
        equity = self.equity() if account_id == self.intent.account_id else self._worth.equity(account_id, quote)
        return None if equity is None else equity - self.state.ledger.deposits.get((account_id, quote), 0)

    def worst_in(self, book: Book) -> Worst:
        """Value a book of the order's instrument at worst, with the order in it."""
        intent = self.intent
        return book.worst(self.instrument, self.last_price, intent.quantity, self.notional, self.buying, intent.reduce_only)

    def strategy_worst(self) -> Worst | str:
        """Sum the worst cases of the strategy's books in the order's quote asset; or name an instrument held without a price."""
        worst = self._strategy_worst
        if worst is None:
            worst = self._strategy_worst = self._sum_own(self.books, self.book)
        return worst

    def account_worst(self) -> Worst | str:
        """Sum the worst cases of the account's books likewise, over all its venues."""
        worst = self._account_worst
        if worst is None:
            exposures, account_id = self.state.exposures, self.bounds.account[1]
            tables = exposures.of_account.get(account_id, ())
            own = exposures.accounts.get((account_id, self.bounds.venue[1]), _NO_BOOKS)
            if len(tables) == 1 and tables[0] is own and exposures.sharing[account_id] == 1 and self.books:
                # The strategy's books are all that the account has.
                worst = self._own_worst = self._account_worst = self._strategy_worst or self.strategy_worst()
            else:
                self._own_worst = self._sum_own(own, own.get(self.intent.instrument_id) or Book(""))
                worst = self._account_worst = self._sum_tables(own, tables)
        return worst

    def venue_worst(self) -> Worst | str:
        """Sum the worst cases of the venue's books likewise, over all its accounts."""
        worst, exposures = self._account_worst or self.account_worst(), self.state.exposures
        tables, accounts = exposures.of_venue.get(self.bounds.venue[1], ()), exposures.of_account.get(self.bounds.account[1], ())
        if len(tables) == 1 and len(accounts) == 1 and tables[0] is accounts[0]:
            return worst  # the account's books are all that the venue has
        return self._sum_tables(exposures.accounts.get((self.bounds.account[1], self.bounds.venue[1]), _NO_BOOKS), tables)

    def _sum_tables(self, own: dict[str, Book], tables: Sequence[dict[str, Book]]) -> Worst | str:
        """Add to the worst case of the table that the order is in those of the others."""
        total = self._own_worst
        assert total is not None, "account_worst computes it first"
        if isinstance(total, str) or not tables or (len(tables) == 1 and tables[0] is own):
            return total
        for table in tables:
            if table is not own:
                total = self._add(total, table, "")
                if isinstance(total, str):
                    return total
        return total

    def _sum_own(self, books: dict[str, Book], book: Book) -> Worst | str:
        """Sum the worst cases of the table that the order is in, with the order in its book, an empty one where the table has none."""
        total = self.worst_in(book)
        if len(books) > 1 or (books and book.instrument_id not in books):
            return self._add(total, books, self.intent.instrument_id)
        return total

    def _add(self, total: Worst, books: dict[str, Book], but: str) -> Worst | str:
        """Add the worst cases of a table's books in the order's quote asset, but for one that is in the total already."""
        gross, bought, sold = total
        quote = self.instrument.quote
        for instrument_id, book in books.items():
            instrument = self.state.instruments[instrument_id]
            if instrument_id == but or instrument.quote != quote:
                continue
            price = self.markets[instrument_id].last_price
            if price is None and book.held:
                return instrument_id
            more_gross, more_bought, more_sold = book.worst(instrument, price or 0)
            gross += more_gross
            bought += more_bought
            sold += more_sold
        return gross, bought, sold


def nominal_price(intent: IntentRecorded) -> int:
    """Give the price that an order is meant to trade at, price units: its limit, else its trigger, else the last price."""
    if intent.limit_price is not None:
        return intent.limit_price
    return intent.reference_price if intent.trigger_price is None else intent.trigger_price


def largest_exit(
    target: Target, limits: Limits, lease: Lease | None, instrument: Instrument, last_price: int | None, *, buying: bool = False
) -> int:
    """Give the largest quantity, on the lot, that one order toward an exit may have under every bound on one order.

    A position may be worth more than one order may be, because its price rose, a limit was tightened or a fill came
    late; its exit must not be denied for that. An exit that buys counts at its worst price. Never below one lot: the checks,
    not this, refuse what is too small.
    """
    # Conditions in place of `min` and `max`, of which four cost a fifth of a microsecond.
    largest, allowed = instrument.maximum_quantity, limits.maximum_order_quantity.get(instrument.instrument_id, 0)
    largest = allowed if allowed < largest else largest
    price = target.limit_price
    if price is None and last_price is not None:
        price = divide_up(last_price * (PARTS_PER_MILLION + limits.price_collar_ppm), PARTS_PER_MILLION) if buying else last_price
    elif price is not None and last_price is not None and not buying:
        price = max(price, last_price)
    if price is not None and price > 0:
        notional = limits.maximum_order_notional
        if lease is not None and lease.maximum_order_notional < notional:
            notional = lease.maximum_order_notional
        affordable = instrument.quantity_worth(notional, price)
        largest = affordable if affordable < largest else largest
    lot = instrument.lot_size
    return largest - largest % lot if largest > lot else lot
