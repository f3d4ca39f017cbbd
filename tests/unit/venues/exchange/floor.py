"""A small exchange for tests: two accounts, a market maker, and orders in whole units."""

from collections.abc import Mapping
from fractions import Fraction

from live.venues.exchange.commissions import CommissionRates
from live.venues.exchange.events import AccountEvent, DepthEvent, Event, OrderEvent, TradeEvent
from live.venues.exchange.exchange import Canceled, Exchange, Placed
from live.venues.exchange.fixed8 import ONE
from live.venues.exchange.orders import OrderRequest, OrderType, SelfTradePrevention, Side, TimeInForce
from live.venues.exchange.symbols import BTCUSDT, ETHUSDT, ExchangeRules, SymbolRules

BUY, SELL = Side.BUY, Side.SELL
GTC, IOC, FOK = TimeInForce.GTC, TimeInForce.IOC, TimeInForce.FOK
NO_FEES = CommissionRates(maker=0, taker=0)

Amount = int | str | None


def units(amount: Amount) -> int:
    """Give a number of whole units, or its decimal text, in 10**-8."""
    assert amount is not None
    value = Fraction(amount) * ONE
    assert value.denominator == 1
    return int(value)


def maybe(amount: Amount) -> int | None:
    """Give a number in 10**-8, None for None."""
    return None if amount is None else units(amount)


def request(
    side: Side,
    kind: OrderType,
    quantity: Amount = None,
    price: Amount = None,
    *,
    stop: Amount = None,
    quote: Amount = None,
    force: TimeInForce | None = None,
    client_id: str | None = None,
    mode: SelfTradePrevention | None = None,
    symbol: str = "BTCUSDT",
) -> OrderRequest:
    """Ask for an order; a limit order is good till canceled unless told otherwise."""
    if force is None and kind in {OrderType.LIMIT, OrderType.STOP_LOSS_LIMIT, OrderType.TAKE_PROFIT_LIMIT}:
        force = GTC
    return OrderRequest(
        symbol=symbol,
        side=side,
        type=kind,
        time_in_force=force,
        quantity=maybe(quantity),
        quote_quantity=maybe(quote),
        price=maybe(price),
        stop_price=maybe(stop),
        client_order_id=client_id,
        stp_mode=mode,
    )


class Floor:
    """An exchange with the accounts alice and bob, and a maker who is the house; each request takes a millisecond."""

    def __init__(
        self,
        *,
        symbols: tuple[SymbolRules, ...] = (BTCUSDT, ETHUSDT),
        rules: ExchangeRules | None = None,
        rates: CommissionRates = NO_FEES,
        balances: Mapping[str, Amount] | None = None,
        exchange: Exchange | None = None,
    ) -> None:
        self.exchange = exchange or Exchange(symbols, rules)
        self.now = 1_700_000_000_000_000
        funds = {asset: units(amount) for asset, amount in (balances or {"BTC": 100, "ETH": 100, "USDT": 1_000_000}).items()}
        for name in ("alice", "bob"):
            self.exchange.add_account(name, funds, self.now, rates=rates)
        self.exchange.add_account("maker", {}, self.now, house=True)

    def tick(self, microseconds: int = 1_000) -> int:
        """Let time pass."""
        self.now += microseconds
        return self.now

    def place(self, account: str, order: OrderRequest) -> Placed:
        """Send an order."""
        return self.exchange.place(account, order, self.tick())

    def limit(self, account: str, side: Side, quantity: Amount, price: Amount, *, client_id: str | None = None) -> Placed:
        """Send a limit order."""
        return self.place(account, request(side, OrderType.LIMIT, quantity, price, client_id=client_id))

    def market(self, account: str, side: Side, quantity: Amount) -> Placed:
        """Send a market order."""
        return self.place(account, request(side, OrderType.MARKET, quantity))

    def cancel(self, account: str, order_id: int, client_id: str | None = None) -> Canceled:
        """Cancel an order."""
        return self.exchange.cancel(account, "BTCUSDT", order_id, None, client_id, None, self.tick())

    def trade_at(self, price: Amount, quantity: Amount = "0.001") -> None:
        """Let the house trade with itself at a price that lies inside the book."""
        self.limit("maker", SELL, quantity, price)
        self.limit("maker", BUY, quantity, price)

    def balance(self, account: str, asset: str) -> tuple[Fraction, Fraction]:
        """Give what an account has of an asset, free and locked, in whole units."""
        for state in self.exchange.account(account).balances:
            if state.asset == asset:
                return Fraction(state.free, ONE), Fraction(state.locked, ONE)
        return Fraction(0), Fraction(0)

    def drain(self, *kinds: type[Event]) -> list[Event]:
        """Give what happened, of some kinds alone where any are named."""
        return [event for event in self.exchange.drain() if not kinds or isinstance(event, kinds)]

    def order_events(self) -> list[OrderEvent]:
        """Give what happened to orders."""
        return [event for event in self.exchange.drain() if isinstance(event, OrderEvent)]

    def trade_events(self) -> list[TradeEvent]:
        """Give the trades that happened."""
        return [event for event in self.exchange.drain() if isinstance(event, TradeEvent)]

    def account_events(self) -> list[AccountEvent]:
        """Give what accounts were told of their balances."""
        return [event for event in self.exchange.drain() if isinstance(event, AccountEvent)]

    def depth_events(self) -> list[DepthEvent]:
        """Give the changes to the book."""
        return [event for event in self.exchange.drain() if isinstance(event, DepthEvent)]
