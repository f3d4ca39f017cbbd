"""Play recorded market data: house accounts quote and trade so that the books do what the recording says.

A recording's own book is followed level by level. Trades, quotes and bars have none, so a ladder is quoted around their price.
Clients' orders meet what is played as they would meet the market: whatever crosses them fills them.
"""

from collections.abc import Iterable, Sequence

from live.core.errors import InterlockError
from live.core.inputs import MarketEvent
from live.core.instruments import Instrument
from live.venues.exchange.errors import VenueError
from live.venues.exchange.exchange import Exchange
from live.venues.exchange.fixed8 import ONE, PLACES, Fixed8
from live.venues.exchange.orders import OPEN_STATUSES, OrderRequest, OrderType, SelfTradePrevention, Side, TimeInForce
from live.venues.exchange.recordings import Step, steps_of, symbol_of
from live.venues.exchange.symbols import DEFAULT_SYMBOLS, SymbolRules

MAKER = "house-player-maker"
TAKER = "house-player-taker"

LADDER_LEVELS = 10
"""Price levels that are quoted on each side of a price that came without a book."""

LADDER_NOTIONAL = 1_000 * ONE
"""What the best of them is worth, in the quote asset; each further one is that much larger."""

MOST_REQUESTS = 300
"""Requests to the exchange in one go, so that clients are served between them."""


class PlayingError(InterlockError):
    """Recorded market data cannot be played."""


def symbols_to_play(instruments: Sequence[Instrument], known: Sequence[SymbolRules] = DEFAULT_SYMBOLS) -> tuple[SymbolRules, ...]:
    """Give the known symbols and those that a recording adds, with the steps its instruments say.

    Raises:
        PlayingError: an instrument has more decimals than the exchange keeps.
    """
    by_name = {rules.symbol: rules for rules in known}
    for instrument in instruments:
        name = symbol_of(instrument.instrument_id)
        if max(instrument.price_scale, instrument.quantity_scale) > PLACES:
            raise PlayingError(
                f"{instrument.instrument_id} has more than {PLACES} decimals, which the exchange does not keep: play another"
            )
        if name not in by_name:
            price_unit, quantity_unit = 10 ** (PLACES - instrument.price_scale), 10 ** (PLACES - instrument.quantity_scale)
            by_name[name] = SymbolRules(
                symbol=name,
                base_asset=instrument.base,
                quote_asset=instrument.quote,
                min_price=instrument.tick_size * price_unit,
                max_price=10_000_000 * ONE,
                tick_size=instrument.tick_size * price_unit,
                min_quantity=instrument.minimum_quantity * quantity_unit,
                max_quantity=min(instrument.maximum_quantity * quantity_unit, 10_000_000 * ONE),
                step_size=instrument.lot_size * quantity_unit,
                market_max_quantity=min(instrument.maximum_quantity * quantity_unit, 10_000_000 * ONE),
                min_notional=5 * ONE,
                max_notional=9_000_000 * ONE,
            )
    return tuple(by_name.values())


class Player:
    """Play a recording into an exchange, at its own pace or faster."""

    def __init__(
        self, exchange: Exchange, instruments: Sequence[Instrument], events: Iterable[MarketEvent], *, speed: float, now: int
    ) -> None:
        """Open the house accounts and start the recording at `now`, microseconds UTC.

        Raises:
            PlayingError: the speed is no positive number.
        """
        if not speed > 0:
            raise PlayingError(f"a recording is played at a positive speed, received {speed}: give 1 for real time, 10 for ten times that")
        self._exchange = exchange
        self._steps = steps_of(instruments, events)
        self._speed = speed
        self._started = now
        self._origin: int | None = None
        self._next: tuple[int, Step] | None = None
        self._books = {symbol: _PlayedBook(exchange, symbol) for symbol in exchange.symbols}
        exchange.add_account(MAKER, {}, now, house=True)
        exchange.add_account(TAKER, {}, now, house=True)
        self._pull()

    @property
    def ended(self) -> bool:
        """Say whether all was played; the book then stands as it was left."""
        return self._next is None

    def run(self, now: int) -> int:
        """Play what is due by `now`, microseconds UTC, and give how many steps that were."""
        played = requests = 0
        while self._next is not None and self._due() <= now and requests < MOST_REQUESTS:
            requests += self._books[self._next[1].symbol].play(self._next[1], now)
            self._pull()
            played += 1
        return played

    def _due(self) -> int:
        assert self._next is not None, "only asked while there is a next step"
        if self._origin is None:
            self._origin = self._next[0]
        return self._started + int((self._next[0] - self._origin) / (1_000 * self._speed))

    def _pull(self) -> None:
        self._next = next(self._steps, None)


class _PlayedBook:
    """Keep the house orders of one symbol as the recording has them."""

    def __init__(self, exchange: Exchange, symbol: str) -> None:
        self._exchange = exchange
        self._rules = exchange.symbols[symbol]
        self._symbol = symbol
        self._sides: dict[Side, dict[Fixed8, list[int]]] = {Side.BUY: {}, Side.SELL: {}}
        self._follows_book = False
        self._requests = 0

    def play(self, step: Step, now: int) -> int:
        """Make one move and give how many requests it took."""
        before = self._requests
        self._follows_book |= bool(step.bids or step.asks or step.whole)
        if self._follows_book:
            self._set_levels(step, now)
        elif step.price:
            self._quote_around(step, now)
        if step.price and step.quantity:
            self._trade(step, now)
        return self._requests - before

    def _set_levels(self, step: Step, now: int) -> None:
        changes = ((Side.BUY, dict(step.bids)), (Side.SELL, dict(step.asks)))
        for side, levels in changes:
            if step.whole:
                levels.update(dict.fromkeys(self._sides[side].keys() - levels.keys(), 0))
            for price in [price for price, quantity in levels.items() if not quantity]:
                self._set(side, price, 0, now)
        for side, levels in changes:
            for price, quantity in levels.items():
                if quantity:
                    self._set(side, price, quantity, now)

    def _quote_around(self, step: Step, now: int) -> None:
        """Quote a ladder whose best level, on the side that is taken from, is the step's price and has as much as it takes."""
        lot, tick, taken_is_ask = self._rules.step_size, self._rules.tick_size, step.side is Side.BUY
        unit = max(lot, LADDER_NOTIONAL * ONE // step.price // lot * lot)
        best_ask = step.price if taken_is_ask else step.price + tick
        best_bid = best_ask - tick
        sizes = [unit * (level + 1) for level in range(LADDER_LEVELS)]
        taken = [max(unit, step.quantity), *sizes[1:]]
        bids = [(best_bid - level * tick, size) for level, size in enumerate(sizes if taken_is_ask else taken) if best_bid > level * tick]
        asks = [(best_ask + level * tick, size) for level, size in enumerate(taken if taken_is_ask else sizes)]
        self._set_levels(Step(self._symbol, tuple(bids), tuple(asks), whole=True), now)

    def _trade(self, step: Step, now: int) -> None:
        """Let the taker take at a price, with as much resting there as it takes."""
        maker = Side.SELL if step.side is Side.BUY else Side.BUY
        if self._resting(maker, step.price) < step.quantity:
            self._set(maker, step.price, step.quantity, now)
        self._requests += 1
        self._exchange.place(
            TAKER,
            OrderRequest(
                symbol=self._symbol,
                side=step.side,
                type=OrderType.LIMIT,
                time_in_force=TimeInForce.IOC,
                quantity=step.quantity,
                price=step.price,
                stp_mode=SelfTradePrevention.NONE,
            ),
            now,
        )

    def _set(self, side: Side, price: Fixed8, quantity: Fixed8, now: int) -> None:
        """Make the house's quantity at a price what it should be; what is added queues behind, what goes was the last to come."""
        resting = self._resting(side, price)
        orders = self._sides[side].setdefault(price, [])
        while orders and resting > quantity:
            resting -= self._cancel(orders.pop(), now)
        if quantity > resting:
            orders.append(self._place(side, price, quantity - resting, now))
        if not orders:
            self._sides[side].pop(price, None)

    def _resting(self, side: Side, price: Fixed8) -> Fixed8:
        """Give what the house still has at a price, forgetting orders that were filled."""
        orders = self._sides[side].get(price, [])
        remaining = {number: self._remaining(number) for number in orders}
        orders[:] = [number for number in orders if remaining[number]]
        return sum(remaining.values())

    def _remaining(self, number: int) -> Fixed8:
        try:
            order = self._exchange.order(MAKER, self._symbol, number)
        except VenueError:  # the exchange keeps no history of house accounts: an order it does not know has been filled
            return 0
        return order.remaining if order.status in OPEN_STATUSES else 0

    def _cancel(self, number: int, now: int) -> Fixed8:
        self._requests += 1
        return self._exchange.cancel(MAKER, self._symbol, number, None, None, None, now).order.remaining

    def _place(self, side: Side, price: Fixed8, quantity: Fixed8, now: int) -> int:
        request = OrderRequest(
            symbol=self._symbol,
            side=side,
            type=OrderType.LIMIT,
            time_in_force=TimeInForce.GTC,
            quantity=quantity,
            price=price,
            stp_mode=SelfTradePrevention.EXPIRE_MAKER,
        )
        self._requests += 1
        return self._exchange.place(MAKER, request, now).order.order_id
