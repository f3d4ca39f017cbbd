"""A small exchange with a book, two accounts, and shorthand to ask its endpoints without a socket."""

from typing import Any

import msgspec

from live.venues.exchange.endpoints import BY_OPERATION
from live.venues.exchange.exchange import Exchange
from live.venues.exchange.fixed8 import ONE
from live.venues.exchange.operations import Desk
from live.venues.exchange.orders import OrderRequest, OrderType, Side, TimeInForce
from live.venues.exchange.parameters import Parameters
from live.venues.exchange.payloads import MILLISECOND
from live.venues.exchange.symbols import DEFAULT_SYMBOLS, ExchangeRules
from live.venues.exchange.weights import RequestLimits

START = 1_795_416_000_000_000
"""Microseconds UTC: 2026-11-23 06:40."""

MIDS = {"BTCUSDT": 60_000, "ETHUSDT": 3_000}


def open_exchange(now: int = START) -> Exchange:
    """Open an exchange whose house quotes 20 levels a side, a unit of quote apart, half a unit of base each, and traded once."""
    exchange = Exchange(DEFAULT_SYMBOLS, ExchangeRules(max_assets={"BTC": 5_000 * ONE}))
    for account in ("alice", "bob"):
        exchange.add_account(account, {"BTC": 10 * ONE, "ETH": 100 * ONE, "USDT": 1_000_000 * ONE, "BNB": 0}, now)
    exchange.add_account("house", {}, now, house=True)
    for symbol, mid in MIDS.items():
        for level in range(1, 21):
            for side, sign in ((Side.BUY, -1), (Side.SELL, 1)):
                quote(exchange, symbol, side, mid + sign * level, ONE // 2, now)
        exchange.place("house", OrderRequest(symbol=symbol, side=Side.BUY, type=OrderType.MARKET, quantity=ONE // 10), now)
    exchange.drain()
    return exchange


def quote(exchange: Exchange, symbol: str, side: Side, price: int, quantity: int, now: int) -> None:
    """Let the house rest an order; the price is in whole units."""
    exchange.place(
        "house",
        OrderRequest(symbol=symbol, side=side, type=OrderType.LIMIT, time_in_force=TimeInForce.GTC, quantity=quantity, price=price * ONE),
        now,
    )


class Asker:
    """Ask a desk's endpoints as one account, at a time that passes a second a request."""

    def __init__(self, *, read_lag: int = 0, limits: RequestLimits | None = None) -> None:
        self.exchange = open_exchange()
        self.desk = Desk(self.exchange, limits, read_lag=read_lag)
        self.now = START

    def __call__(self, operation: str, account: str = "alice", *, unit: int = MILLISECOND, pause: int = 1_000_000, **sent: str) -> Any:
        """Give the JSON answer as a client would read it."""
        self.now += pause
        parameters = Parameters(sent)
        run = BY_OPERATION[operation].prepare(self.desk, parameters, unit)
        parameters.finish()
        return msgspec.json.decode(msgspec.json.encode(run(account, self.now)))

    def limit_order(self, side: str, price: str, quantity: str = "0.01", **more: str) -> Any:
        """Place a limit order."""
        sent = {"symbol": "BTCUSDT", "side": side, "type": "LIMIT", "timeInForce": "GTC", "quantity": quantity, "price": price}
        return self("order.place", **(sent | more))
