"""A background market: a house account that quotes and trades at random from a seed, so that a book moves without anybody else.

Each symbol has a fair price that walks at random. Quotes lie around it at exponentially distributed distances, the oldest make room for
new ones, and now and then an order takes. A quote that the walk has left behind is traded through: so the last price follows.
"""

from collections import deque
from collections.abc import Mapping
from random import Random

from live.venues.exchange.exchange import Exchange
from live.venues.exchange.fixed8 import ONE, Fixed8
from live.venues.exchange.orders import OPEN_STATUSES, OrderRequest, OrderType, Side, TimeInForce
from live.venues.exchange.symbols import SymbolRules

HOUSE_ACCOUNT = "house"
"""Name of the account that is the market."""

FEWEST_QUOTES = 20
MOST_QUOTES = 60
TAKING_SHARE = 0.2
WALK = 2e-5
"""Standard deviation of the fair price's step from one order to the next, as a fraction of it."""
QUOTE_DISTANCE = 4e-5
"""Mean distance of a quote from the fair price, as a fraction of it."""
FAR = 10
"""How many times further the quotes of those who wait lie."""
FAR_SHARE = 0.15
MEAN_NOTIONAL = 4_000
"""Mean size of an order in units of the quote asset."""

CATCH_UP = 60_000_000
"""A market that has stood still for longer than this goes on as if the rest had not been; microseconds."""

_SECOND = 1_000_000


class _SymbolFlow:
    """The market's side of one symbol."""

    def __init__(self, exchange: Exchange, rules: SymbolRules, chance: Random, fair: float) -> None:
        self._exchange = exchange
        self._rules = rules
        self._chance = chance
        self._fair = fair
        self._quotes: dict[Side, deque[int]] = {side: deque() for side in Side}
        for order in exchange.open_orders(HOUSE_ACCOUNT, rules.symbol):
            self._quotes[order.side].append(order.order_id)

    def open(self, now: int) -> None:
        """Quote until both sides have enough quotes."""
        for side in Side:
            while self._standing(side) < FEWEST_QUOTES:
                self._quote(side, now)

    def step(self, now: int) -> None:
        """Let the fair price walk and send an order: into a side that has become thin, else one that quotes or takes."""
        chance = self._chance
        self._fair *= 1 + chance.gauss(0.0, WALK)
        thin = min(Side, key=self._standing)
        side = Side.BUY if chance.random() < 0.5 else Side.SELL
        if self._standing(thin) < FEWEST_QUOTES:
            self._quote(thin, now)
        elif chance.random() >= TAKING_SHARE:
            self._quote(side, now)
        else:
            request = OrderRequest(symbol=self._rules.symbol, side=side, type=OrderType.MARKET, quantity=self._size())
            self._exchange.place(HOUSE_ACCOUNT, request, now)

    def _standing(self, side: Side) -> int:
        """Count the market's own quotes, and forget those that traded: what others rest is theirs, and makes no side thick."""
        still = self._exchange.open_order_ids(HOUSE_ACCOUNT, self._rules.symbol)
        quotes = self._quotes[side] = deque(order_id for order_id in self._quotes[side] if order_id in still)
        return len(quotes)

    def _quote(self, side: Side, now: int) -> None:
        """Quote at some distance from the fair price, and take the oldest quotes off when the side has too many."""
        distance = self._chance.expovariate(1.0) * (FAR if self._chance.random() < FAR_SHARE else 1)
        offset = self._fair * QUOTE_DISTANCE * distance
        tick = self._rules.tick_size
        price = round((self._fair - offset if side is Side.BUY else self._fair + offset) * ONE) // tick * tick
        request = OrderRequest(
            symbol=self._rules.symbol,
            side=side,
            type=OrderType.LIMIT,
            time_in_force=TimeInForce.GTC,
            quantity=self._size(),
            price=max(price, tick, self._rules.min_price),
        )
        placed = self._exchange.place(HOUSE_ACCOUNT, request, now)
        if placed.order.status in OPEN_STATUSES:
            self._quotes[side].append(placed.order.order_id)
        while self._standing(side) > MOST_QUOTES:
            self._exchange.cancel(HOUSE_ACCOUNT, self._rules.symbol, self._quotes[side].popleft(), None, None, None, now)

    def _size(self) -> Fixed8:
        rules = self._rules
        lots = round(MEAN_NOTIONAL * self._chance.expovariate(1.0) / self._fair * ONE) // rules.step_size
        return max(min(lots * rules.step_size, rules.market_max_quantity), rules.min_quantity)


class BackgroundFlow:
    """Keep a moving two-sided book on every symbol that has a price, as the seed says."""

    def __init__(
        self, exchange: Exchange, *, seed: int, prices: Mapping[str, Fixed8], orders_per_second: float = 20.0, now: int = 0
    ) -> None:
        """Open the house account and quote around `prices`, by symbol; a symbol that has traded goes on from its last price.

        A start in the past, followed by `run`, gives the market a history.
        """
        chance = Random(seed)  # noqa: S311 - a market needs chance, not secrecy
        self._chance = chance
        self._mean_gap = _SECOND / orders_per_second
        self._due = float(now)
        self._running = False
        exchange.add_account(HOUSE_ACCOUNT, {}, now, house=True)
        self._symbols = [
            _SymbolFlow(exchange, exchange.symbols[symbol], chance, (exchange.last_price(symbol) or price) / ONE)
            for symbol, price in prices.items()
        ]
        for symbol in self._symbols:
            symbol.open(now)
        self._wait()

    def run(self, now: int) -> int:
        """Send every order that is due by `now`, microseconds UTC; give how many were sent."""
        if self._running:
            self._due = max(self._due, float(now - CATCH_UP))
        self._running = True
        sent = 0
        while self._due <= now:
            self._chance.choice(self._symbols).step(int(self._due))
            self._wait()
            sent += 1
        return sent

    @property
    def next_due(self) -> int:
        """Say when the next order is due, microseconds UTC."""
        return int(self._due)

    def _wait(self) -> None:
        self._due += self._chance.expovariate(1.0) * self._mean_gap
