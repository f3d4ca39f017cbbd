"""Exposures: what positions and live orders may come to at worst, kept as running sums.

Reserve, then send: an order counts from the moment it is SUBMITTING at the worst price it may fill at, and until evidence
ends it. Every sum changes only where a journal entry is applied, so a restart finds the same ones; they are not written
down, since positions and live orders give them again (`EngineState.index_live_order`), and a test compares the two.
"""

from collections.abc import Iterable
from copy import copy
from typing import TYPE_CHECKING

from live.core.decimals import PARTS_PER_MILLION, divide_up
from live.core.instruments import Instrument
from live.core.vocabulary import InstrumentKind, Scope, Side

if TYPE_CHECKING:
    from live.core.entities import Order
    from live.core.records import IntentRecorded

# A module's own name costs a fifth of an attribute of an enumeration, and these are read with each of an order's moves.
_BUY, _SPOT = Side.BUY, InstrumentKind.SPOT


Worst = tuple[int, int, int]
"""A worst case in money units: the largest value either way, and the signed values if all buys and if all sells fill.

A plain tuple, since one with named fields costs as much to make as to compute, and several are made for every order.
"""


class Book:
    """Hold what is held and what may still fill in one instrument, of one strategy or of a whole account.

    A reduce-only order is counted apart: the venue clips it, so it opens nothing, but it may close what another one would.

    Attributes:
        instrument_id: the instrument.
        held: signed position, quantity units.
        buys: quantity that live buys may still fill, and `buy_notional` what it costs at worst, money units.
        sells: quantity that live sells may still fill, and `sell_notional` what it is worth at worst, money units.
        reducing_buys: quantity that live reduce-only buys may still fill, and `reducing_buy_notional` likewise.
        reducing_sells: quantity that live reduce-only sells may still fill, and `reducing_sell_notional` likewise.
        orders: how many orders are alive.
    """

    __slots__ = (
        "buy_notional",
        "buys",
        "held",
        "instrument_id",
        "orders",
        "reducing_buy_notional",
        "reducing_buys",
        "reducing_sell_notional",
        "reducing_sells",
        "sell_notional",
        "sells",
    )

    def __init__(self, instrument_id: str) -> None:
        self.instrument_id = instrument_id
        self.held = 0
        self.buys = 0
        self.buy_notional = 0
        self.sells = 0
        self.sell_notional = 0
        self.reducing_buys = 0
        self.reducing_buy_notional = 0
        self.reducing_sells = 0
        self.reducing_sell_notional = 0
        self.orders = 0

    @property
    def sums(self) -> tuple[int, ...]:
        """Give every sum, to compare."""
        bought = (self.buys, self.buy_notional, self.reducing_buys, self.reducing_buy_notional)
        sold = (self.sells, self.sell_notional, self.reducing_sells, self.reducing_sell_notional)
        return (self.held, *bought, *sold, self.orders)

    def worst(
        self, instrument: Instrument, price: int, quantity: int = 0, notional: int = 0, buying: bool = False, reduce_only: bool = False
    ) -> Worst:
        """Value the position at worst, over what may fill and one more order, with what is held at `price`; money units."""
        held = self.held
        if not held and not self.orders and not reduce_only:  # the one order is all there is, as for most entries
            return (notional, notional, 0) if buying else (notional, 0, -notional)
        buys, buy_notional, sells, sell_notional = self.buys, self.buy_notional, self.sells, self.sell_notional
        reducing_buys, reducing_sells = self.reducing_buys, self.reducing_sells
        bought, sold = self.reducing_buy_notional, self.reducing_sell_notional
        if quantity:
            if reduce_only:
                if buying:
                    reducing_buys += quantity
                    bought += notional
                else:
                    reducing_sells += quantity
                    sold += notional
            elif buying:
                buys += quantity
                buy_notional += notional
            else:
                sells += quantity
                sell_notional += notional
        value = instrument.notional(price, held) if held else 0
        if held >= 0:
            long, short = value + buy_notional, 0
            if sells and (opened := sells - (held - reducing_sells if held > reducing_sells else 0)) > 0:
                short = divide_up(sell_notional * opened, sells)
        else:
            short, long = sell_notional - value, 0
            if buys and (opened := buys - (-held - reducing_buys if -held > reducing_buys else 0)) > 0:
                long = divide_up(buy_notional * opened, buys)
        return long if long > short else short, value + buy_notional + bought, value - sell_notional - sold


class Reserve:
    """Sum what live spot orders may take from one account's balance of one asset at worst, fees apart, in money units."""

    __slots__ = ("amount",)

    def __init__(self) -> None:
        self.amount = 0


class Place:
    """Hold where orders of one strategy in one instrument count.

    Attributes:
        strategy: the strategy's book.
        books: that one alone while no other strategy of the account has a book there, since it is the account's as well; else both.
        quote_reserve: what buys in the account reserve of the quote asset, None before the first spot order.
        base_reserve: what sells reserve of the base asset, likewise.
    """

    __slots__ = ("base_reserve", "books", "quote_reserve", "strategy")

    def __init__(self, strategy: Book, account: Book) -> None:
        self.strategy = strategy
        self.books: tuple[Book, ...] = (strategy,) if account is strategy else (strategy, account)
        self.quote_reserve: Reserve | None = None
        self.base_reserve: Reserve | None = None


class Exposures:
    """Keep the books of strategies and accounts, what accounts have reserved, and how many orders are alive.

    Attributes:
        strategies: books by account and strategy, then by instrument.
        accounts: books by account and venue, then by instrument; the strategy's own where only one has a book there.
        of_account: the same by account alone, a table for each venue.
        of_venue: the same by venue alone, a table for each account.
        sharing: how many strategies have books in an account.
        reserves: what live spot orders may take from an account's balance, by account and asset.
    """

    __slots__ = ("_places", "accounts", "of_account", "of_venue", "reserves", "sharing", "strategies")

    def __init__(self) -> None:
        self.strategies: dict[tuple[str, str], dict[str, Book]] = {}
        self.accounts: dict[tuple[str, str], dict[str, Book]] = {}
        self.of_account: dict[str, list[dict[str, Book]]] = {}
        self.of_venue: dict[str, list[dict[str, Book]]] = {}
        self.sharing: dict[str, int] = {}
        self.reserves: dict[tuple[str, str], Reserve] = {}
        self._places: dict[tuple[str, str, str], Place] = {}

    @property
    def alive(self) -> dict[tuple[Scope, str], int]:
        """Give how many orders are alive by scope, to compare."""
        alive = {(Scope.ACCOUNT, account_id): self.alive_in_account(account_id) for account_id in self.of_account}
        return alive | {(Scope.VENUE, venue_id): self.alive_at_venue(venue_id) for venue_id in self.of_venue}

    @property
    def reserved(self) -> dict[tuple[str, str], int]:
        """Give what is reserved of each account's assets, to compare."""
        return {key: reserve.amount for key, reserve in self.reserves.items()}

    def alive_in_account(self, account_id: str) -> int:
        """Count the orders alive in an account, of all strategies and at all venues."""
        return _count_alive(self.of_account.get(account_id, ()))

    def alive_at_venue(self, venue_id: str) -> int:
        """Count the orders alive at a venue, of all accounts."""
        return _count_alive(self.of_venue.get(venue_id, ()))

    def add(self, order: "Order", instrument: Instrument) -> None:
        """Reserve for an order that may fill from now on."""
        key = (order.account_id, order.strategy_id, order.instrument_id)
        place = self._places.get(key) or self._find(*key)
        for book in place.books:
            book.orders += 1
        left = order.quantity - order.filled_quantity
        if left > 0:
            self._reserve(place, order, instrument, 0, left)

    def remove(self, order: "Order", instrument: Instrument) -> None:
        """Free what an order that ended had reserved."""
        place = self._places[order.account_id, order.strategy_id, order.instrument_id]
        for book in place.books:
            book.orders -= 1
        left = order.quantity - order.filled_quantity
        if left > 0:
            self._reserve(place, order, instrument, left, 0)

    def fill(self, order: "Order", instrument: Instrument, before: int, held: int | None = None) -> None:
        """Free what a live order that had `before` quantity units left reserves no longer, now that it filled, and hold `held`."""
        place = self._places[order.account_id, order.strategy_id, order.instrument_id]
        if before:
            left = order.quantity - order.filled_quantity
            self._reserve(place, order, instrument, before, left if left > 0 else 0)
        if held is not None:
            change = held - place.strategy.held
            for book in place.books:
                book.held += change

    def move(self, account_id: str, strategy_id: str, instrument_id: str, quantity: int) -> None:
        """Change a position by a signed quantity."""
        key = (account_id, strategy_id, instrument_id)
        for book in (self._places.get(key) or self._find(*key)).books:
            book.held += quantity

    def hold(self, account_id: str, strategy_id: str, instrument_id: str, quantity: int) -> None:
        """Change a position to a signed quantity."""
        key = (account_id, strategy_id, instrument_id)
        place = self._places.get(key) or self._find(*key)
        change = quantity - place.strategy.held
        for book in place.books:
            book.held += change

    def _find(self, account_id: str, strategy_id: str, instrument_id: str) -> Place:
        """Find where orders of a strategy in an instrument count, once: four tables for each of an order's moves cost too much."""
        known = self._places.get((account_id, strategy_id, instrument_id))
        if known is not None:
            return known
        mine = self.strategies.get((account_id, strategy_id))
        if mine is None:
            mine = self.strategies[account_id, strategy_id] = {}
            self.sharing[account_id] = self.sharing.get(account_id, 0) + 1
        venue_id = instrument_id.partition(":")[0]
        theirs = self.accounts.get((account_id, venue_id))
        if theirs is None:
            theirs = self.accounts[account_id, venue_id] = {}
            self.of_account.setdefault(account_id, []).append(theirs)
            self.of_venue.setdefault(venue_id, []).append(theirs)
        own = mine[instrument_id] = Book(instrument_id)
        whole = theirs.get(instrument_id)
        if whole is None:
            whole = theirs[instrument_id] = own
        else:
            whole = theirs[instrument_id] = self._whole(whole)
        place = self._places[account_id, strategy_id, instrument_id] = Place(own, whole)
        return place

    def _whole(self, book: Book) -> Book:
        """Give the account's book in an instrument that another strategy comes to: one of its own from the second strategy on."""
        for place in self._places.values():
            if place.strategy is book:
                whole = copy(book)
                place.books = (book, whole)
                return whole
        return book

    def _reserve(  # noqa: PLR0912 - four sums and two reserves, each in its place: a call for each would cost more than the sum
        self, place: Place, order: "Order", instrument: Instrument, before: int, after: int
    ) -> None:
        """Let an order reserve for `after` quantity units what it reserved for `before`."""
        quantity, worst = after - before, order.worst_price
        notional = instrument.notional(worst, after) if after else 0
        if before:
            notional -= instrument.notional(worst, before)
        if order.side is _BUY:
            if order.reduce_only:
                for book in place.books:
                    book.reducing_buys += quantity
                    book.reducing_buy_notional += notional
            else:
                for book in place.books:
                    book.buys += quantity
                    book.buy_notional += notional
            reserve = place.quote_reserve
            if reserve is None and instrument.kind is _SPOT:
                reserve = place.quote_reserve = self._reserve_of(order.account_id, instrument.quote)
            if reserve is not None:
                reserve.amount += notional
        else:
            if order.reduce_only:
                for book in place.books:
                    book.reducing_sells += quantity
                    book.reducing_sell_notional += notional
            else:
                for book in place.books:
                    book.sells += quantity
                    book.sell_notional += notional
            reserve = place.base_reserve
            if reserve is None and instrument.kind is _SPOT:
                reserve = place.base_reserve = self._reserve_of(order.account_id, instrument.base)
            if reserve is not None:
                reserve.amount += (instrument.base_amount(after) if after else 0) - (instrument.base_amount(before) if before else 0)

    def _reserve_of(self, account_id: str, asset: str) -> Reserve:
        """Find what is reserved of an account's asset; which assets an instrument trades never changes."""
        return self.reserves.setdefault((account_id, asset), Reserve())


def _count_alive(tables: Iterable[dict[str, Book]]) -> int:
    alive = 0
    for table in tables:
        for book in table.values():
            alive += book.orders
    return alive


def worst_price(order: "IntentRecorded | Order", collar_ppm: int) -> int:
    """Give the price at which an order may fill at worst for exposure: the highest, in price units.

    A limit bounds a buy; a sell may fill above its limit, at the market. A market order may fill as far above its reference
    as the collar allows, a stop as far above its trigger; a sell without a limit is worth at most what it begins at, since a
    lower price makes the short position smaller.
    """
    limit, reference, trigger = order.limit_price, order.reference_price, order.trigger_price
    if order.side is _BUY:
        if limit is not None:
            return limit
        begins = reference if trigger is None or trigger < reference else trigger
        return -(-begins * (PARTS_PER_MILLION + collar_ppm) // PARTS_PER_MILLION)  # rounded up
    worst = reference
    if limit is not None and limit > worst:
        worst = limit
    if trigger is not None and trigger > worst:
        worst = trigger
    return worst
