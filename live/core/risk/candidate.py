"""The order under judgement, with everything a check may read about it."""

from collections.abc import Mapping, Sequence
from typing import NamedTuple, Protocol

from live.core.decimals import PARTS_PER_MILLION, divide_up
from live.core.exposures import Book, Worst, worst_price
from live.core.instruments import Instrument
from live.core.limits import Limits
from live.core.market import InstrumentMarket
from live.core.records import IntentRecorded
from live.core.risk.codes import DenialCode
from live.core.state import EngineState, Lease, Target
from live.core.vocabulary import AccountType, Side

FEE_RESERVE_PPM = 2_000
"""Fee set aside on every buy: 0.2 %, twice Binance Spot's base rate of 0.1 %."""


_NO_BOOKS: dict[str, Book] = {}
_NOTHING = Worst(0, 0, 0)


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
    """Hold an intent and the state it is judged against; what several checks read is computed once, when the first asks.

    Attributes:
        intent: the order under judgement.
        state: the engine's state; the intent itself is not among its live orders yet.
        limits: the strategy's limits, complete.
        instrument: definition of the instrument, None when unknown.
        markets: last prices by instrument.
        market: last prices of the intent's instrument, None when none were ever seen.
        now: engine time, nanoseconds UTC.
        buying: whether it is a buy.
        books: the strategy's books in this account, by instrument.
        position: the strategy's signed position, in quantity units.
        worst_long: the position if every live buy and this order, when a buy, fill and no other sell than reduce-only ones does.
        worst_short: the position if every live sell and this order, when a sell, fill and no buy does.
    """

    __slots__ = (
        "_account_worst",
        "_added",
        "_equity",
        "_own_worst",
        "_profit",
        "_strategy_worst",
        "_worst_price",
        "_worth",
        "book",
        "books",
        "buying",
        "instrument",
        "intent",
        "limits",
        "market",
        "markets",
        "now",
        "position",
        "state",
        "worst_long",
        "worst_short",
    )

    def __init__(
        self, intent: IntentRecorded, *, state: EngineState, markets: Mapping[str, InstrumentMarket], worth: Worth, now: int
    ) -> None:
        instrument_id = intent.instrument_id
        self.intent = intent
        self.state = state
        self.limits: Limits = state.limits[intent.strategy_id]
        self.instrument: Instrument | None = state.instruments.get(instrument_id)
        self.markets = markets
        self.market: InstrumentMarket | None = markets.get(instrument_id)
        self.now = now
        self.buying = buying = intent.side is Side.BUY
        self.books: dict[str, Book] = state.exposures.strategies.get((intent.account_id, intent.strategy_id)) or {}
        self._worth = worth
        self._strategy_worst: Worst | str | None = None
        self._own_worst: Worst | str | None = None
        self._account_worst: Worst | str | None = None
        self._worst_price = 0
        self._added: Book | None = None
        self._equity: tuple[int | None] | None = None
        self._profit: tuple[int | None] | None = None
        quantity = intent.quantity
        book = self.books.get(instrument_id)
        if book is None:
            self.book = book = Book(instrument_id)
        else:
            self.book = book
        self.position = position = book.held
        buys, sells, reducing_buys, reducing_sells = book.buys, book.sells, book.reducing_buys, book.reducing_sells
        if buying:
            if intent.reduce_only:
                reducing_buys += quantity
            else:
                buys += quantity
        elif intent.reduce_only:
            reducing_sells += quantity
        else:
            sells += quantity
        # What only reduces ends at nothing; a venue clips it there. See Book.
        self.worst_long = (position if position >= 0 else min(0, position + reducing_buys)) + buys
        self.worst_short = (position if position <= 0 else max(0, position - reducing_sells)) - sells

    @property
    def reduces(self) -> bool:
        """Tell whether the worst case of this order only brings the position nearer to zero."""
        if self.buying:
            return self.position < 0 and self.worst_long <= 0
        return self.position > 0 and self.worst_short >= 0

    @property
    def on_margin(self) -> bool:
        """Tell whether the account may be short and borrow."""
        account = self.state.accounts.get(self.intent.account_id)
        return account is not None and account.account_type is AccountType.MARGIN

    @property
    def alive(self) -> int:
        """Count the strategy's live orders in this account."""
        total = 0
        for book in self.books.values():
            total += book.orders
        return total

    @property
    def nominal_price(self) -> int:
        """Give the price it is meant to trade at: its limit, else its trigger, else the last price."""
        intent = self.intent
        if intent.limit_price is not None:
            return intent.limit_price
        return intent.reference_price if intent.trigger_price is None else intent.trigger_price

    @property
    def worst_price(self) -> int:
        """Give the highest price it may fill at, see `exposures.worst_price`."""
        if not self._worst_price:
            self._worst_price = worst_price(self.intent, self.limits.price_collar_ppm)
        return self._worst_price

    @property
    def added(self) -> Book:
        """Give what the order would add to a book."""
        added = self._added
        if added is None:
            intent, instrument = self.intent, self.instrument
            assert instrument is not None, "check_instrument runs first"
            added = self._added = Book(intent.instrument_id)
            quantity, notional = intent.quantity, instrument.notional(self.worst_price, intent.quantity)
            if self.buying:
                if intent.reduce_only:
                    added.reducing_buys, added.reducing_buy_notional = quantity, notional
                else:
                    added.buys, added.buy_notional = quantity, notional
            elif intent.reduce_only:
                added.reducing_sells, added.reducing_sell_notional = quantity, notional
            else:
                added.sells, added.sell_notional = quantity, notional
        return added

    @property
    def notional(self) -> int:
        """Value the order at its worst price, money units of the quote asset."""
        added = self.added
        return added.buy_notional + added.sell_notional + added.reducing_buy_notional + added.reducing_sell_notional

    @property
    def equity(self) -> int | None:
        """Give what the account is worth in the quote asset; None while that cannot be computed."""
        if self._equity is None:
            assert self.instrument is not None, "check_instrument runs first"
            self._equity = (self._worth.equity(self.intent.account_id, self.instrument.quote),)
        return self._equity[0]

    @property
    def profit(self) -> int | None:
        """Give the strategy's profit since it first traded; None while that cannot be computed."""
        if self._profit is None:
            self._profit = (self._worth.profit(self.intent.strategy_id),)
        return self._profit[0]

    def account_profit(self, account_id: str) -> int | None:
        """Give an account's profit in the quote asset: its equity less what was paid in; None while that cannot be computed."""
        assert self.instrument is not None, "check_instrument runs first"
        quote = self.instrument.quote
        equity = self.equity if account_id == self.intent.account_id else self._worth.equity(account_id, quote)
        return None if equity is None else equity - self.state.ledger.deposits.get((account_id, quote), 0)

    @property
    def strategy_worst(self) -> Worst | str:
        """Sum the worst cases of the strategy's books in the order's quote asset; or name an instrument held without a price."""
        if self._strategy_worst is None:
            self._strategy_worst = self._sum(self.books, own=True)
        return self._strategy_worst

    @property
    def account_worst(self) -> Worst | str:
        """Sum the worst cases of the account's books likewise, over all its venues."""
        if self._account_worst is None:
            account_id, venue_id = self.intent.account_id, self.intent.instrument_id.partition(":")[0]
            exposures = self.state.exposures
            own = exposures.accounts.get((account_id, venue_id), _NO_BOOKS)
            self._own_worst = self._sum(own, own=True)
            self._account_worst = self._sum_tables(own, exposures.of_account.get(account_id, ()))
        return self._account_worst

    @property
    def venue_worst(self) -> Worst | str:
        """Sum the worst cases of the venue's books likewise, over all its accounts."""
        if self._account_worst is None:
            _ = self.account_worst
        account_id, venue_id = self.intent.account_id, self.intent.instrument_id.partition(":")[0]
        exposures = self.state.exposures
        own = exposures.accounts.get((account_id, venue_id), _NO_BOOKS)
        return self._sum_tables(own, exposures.of_venue.get(venue_id, ()))

    def _sum_tables(self, own: dict[str, Book], tables: Sequence[dict[str, Book]]) -> Worst | str:
        """Add to the worst case of the table that the order is in those of the others."""
        total = self._own_worst
        assert total is not None, "account_worst computes it first"
        if isinstance(total, str) or not tables or (len(tables) == 1 and tables[0] is own):
            return total
        for table in tables:
            if table is not own:
                worst = self._sum(table, own=False)
                if isinstance(worst, str):
                    return worst
                total = Worst(total.gross + worst.gross, total.bought + worst.bought, total.sold + worst.sold)
        return total

    def _sum(self, books: dict[str, Book], *, own: bool) -> Worst | str:
        instrument, market, instrument_id = self.instrument, self.market, self.intent.instrument_id
        assert instrument is not None, "check_instrument runs first"
        assert market is not None, "check_data_age runs first"
        assert market.last_price is not None, "check_data_age runs first"
        if not own:
            total = _NOTHING
        else:
            book = books.get(instrument_id, self.book)
            total = book.worst(instrument, market.last_price, self.added)
            if len(books) <= 1 and (not books or instrument_id in books):
                return total
        gross, bought, sold = total
        for other_id, book in books.items():
            other = self.state.instruments[other_id]
            if (own and other_id == instrument_id) or other.quote != instrument.quote:
                continue
            price = self.markets[other_id].last_price
            if price is None and book.held:
                return other_id
            worst = book.worst(other, price or 0)
            gross += worst.gross
            bought += worst.bought
            sold += worst.sold
        return Worst(gross, bought, sold)


def largest_exit(
    target: Target, limits: Limits, lease: Lease | None, instrument: Instrument, last_price: int | None, *, buying: bool = False
) -> int:
    """Give the largest quantity, on the lot, that one order toward an exit may have under every bound on one order.

    A position may be worth more than one order may be, because its price rose, a limit was tightened or a fill came
    late; its exit must not be denied for that. An exit that buys counts at its worst price. Never below one lot: the checks,
    not this, refuse what is too small.
    """
    largest = min(limits.maximum_order_quantity.get(instrument.instrument_id, 0), instrument.maximum_quantity)
    price = target.limit_price
    if price is None and last_price is not None:
        price = divide_up(last_price * (PARTS_PER_MILLION + limits.price_collar_ppm), PARTS_PER_MILLION) if buying else last_price
    elif price is not None and last_price is not None and not buying:
        price = max(price, last_price)
    if price is not None and price > 0:
        notional = limits.maximum_order_notional
        if lease is not None:
            notional = min(notional, lease.maximum_order_notional)
        largest = min(largest, instrument.quantity_worth(notional, price))
    return max(instrument.lot_size, largest - largest % instrument.lot_size)
