"""Make nautilus_1_221_0.json: what nautilus_trader 1.221.0 does with a few schedules of orders on bars and on trades.

Run in an environment of its own that holds `nautilus_trader==1.221.0`: `python make_reference_nautilus.py`.
"""

import json
from decimal import Decimal
from pathlib import Path

import nautilus_trader
from nautilus_trader.backtest.engine import BacktestEngine, BacktestEngineConfig
from nautilus_trader.config import LoggingConfig, StrategyConfig
from nautilus_trader.model.currencies import BTC, USD
from nautilus_trader.model.data import Bar, BarType, TradeTick
from nautilus_trader.model.enums import AccountType, AggressorSide, OmsType, OrderSide, TimeInForce
from nautilus_trader.model.events import OrderFilled
from nautilus_trader.model.identifiers import InstrumentId, Symbol, TradeId, TraderId, Venue
from nautilus_trader.model.instruments import CurrencyPair
from nautilus_trader.model.objects import Money, Price, Quantity
from nautilus_trader.trading.strategy import Strategy

MINUTE = 60_000_000_000
CASH = 1_000_000
BARS = BarType.from_str("BTCUSD.SIM-1-MINUTE-LAST-EXTERNAL")
INSTRUMENT = CurrencyPair(
    instrument_id=InstrumentId(Symbol("BTCUSD"), Venue("SIM")),
    raw_symbol=Symbol("BTCUSD"),
    base_currency=BTC,
    quote_currency=USD,
    price_precision=2,
    size_precision=3,
    price_increment=Price.from_str("0.01"),
    size_increment=Quantity.from_str("0.001"),
    margin_init=Decimal("0.05"),
    margin_maint=Decimal("0.025"),
    maker_fee=Decimal("0.00021"),
    taker_fee=Decimal("0.00043"),
    ts_event=0,
    ts_init=0,
)
MARKET_SCHEDULE = [
    {"at": 2, "side": "BUY", "quantity": "1.337", "type": "MARKET"},
    {"at": 6, "side": "SELL", "quantity": "2.001", "type": "MARKET"},
    {"at": 9, "side": "BUY", "quantity": "0.664", "type": "MARKET"},
    {"at": 14, "side": "BUY", "quantity": "3.500", "type": "MARKET"},
    {"at": 21, "side": "SELL", "quantity": "3.500", "type": "MARKET"},
]
RESTING_SCHEDULE = [
    {"at": 2, "side": "BUY", "quantity": "1.111", "type": "LIMIT", "limit": "99.85"},
    {"at": 3, "side": "BUY", "quantity": "0.400", "type": "LIMIT", "limit": "99.00"},
    {"at": 12, "side": "SELL", "quantity": "0.500", "type": "LIMIT", "limit": "100.95"},
    {"at": 20, "side": "SELL", "quantity": "1.400", "type": "STOP", "trigger": "99.70"},
    {"at": 24, "side": "BUY", "quantity": "0.600", "type": "STOP", "trigger": "101.50"},
    {"at": 36, "side": "BUY", "quantity": "0.500", "type": "STOP_LIMIT", "trigger": "101.70", "limit": "102.00"},
    {"at": 36, "side": "BUY", "quantity": "0.300", "type": "STOP", "trigger": "101.55"},
]
LARGE_SCHEDULE = [
    {"at": 2, "side": "BUY", "quantity": "300.000", "type": "MARKET"},
    {"at": 6, "side": "SELL", "quantity": "300.000", "type": "MARKET"},
]
CASES = {
    "bars_market": {"data": "bars", "orders": MARKET_SCHEDULE},
    "bars_resting": {"data": "bars", "orders": RESTING_SCHEDULE},
    "bars_larger_than_volume": {"data": "bars", "orders": LARGE_SCHEDULE},
    "trades_market": {"data": "trades", "orders": MARKET_SCHEDULE},
}


class Scheduled(Strategy):
    """Send orders at given events, and note the fills."""

    def __init__(self, orders: list[dict]) -> None:
        super().__init__(StrategyConfig(strategy_id="REFERENCE-000"))
        self.orders = orders
        self.seen = -1
        self.fills: list[dict] = []

    def on_start(self) -> None:
        """Subscribe."""
        self.subscribe_bars(BARS)
        self.subscribe_trade_ticks(INSTRUMENT.id)

    def on_bar(self, bar: Bar) -> None:
        """Wake on a bar."""
        self.send()

    def on_trade_tick(self, tick: TradeTick) -> None:
        """Wake on a trade."""
        self.send()

    def send(self) -> None:
        """Send what is due."""
        self.seen += 1
        for order in self.orders:
            if order["at"] == self.seen:
                self.submit_order(self.make(order))

    def make(self, order: dict) -> object:
        """Make the peer's own order."""
        common = (INSTRUMENT.id, OrderSide[order["side"]], Quantity.from_str(order["quantity"]))
        if order["type"] == "MARKET":
            return self.order_factory.market(*common)
        if order["type"] == "LIMIT":
            return self.order_factory.limit(*common, Price.from_str(order["limit"]), time_in_force=TimeInForce.GTC)
        trigger = Price.from_str(order["trigger"])
        if order["type"] == "STOP":
            return self.order_factory.stop_market(*common, trigger)
        return self.order_factory.stop_limit(*common, Price.from_str(order["limit"]), trigger)

    def on_order_filled(self, event: OrderFilled) -> None:
        """Note a fill."""
        self.fills.append(
            {
                "at": self.seen,
                "side": event.order_side.name,
                "price": str(event.last_px),
                "quantity": str(event.last_qty),
                "fee": str(event.commission.as_decimal()),
                "liquidity": event.liquidity_side.name,
            }
        )


def make_bars(count: int) -> list[list[int]]:
    """Draw bars of cents from a linear congruential generator (Numerical Recipes), the same everywhere."""
    state, last, bars = 12_345, 10_000, []

    def draw(below: int) -> int:
        nonlocal state
        state = (state * 1_664_525 + 1_013_904_223) % 2**32
        return (state >> 8) % below

    for _ in range(count):
        open_ = last + draw(41) - 20
        close = open_ + draw(161) - 80
        bars.append([open_, max(open_, close) + draw(50), min(open_, close) - draw(50), close, 400_000 + draw(400_000)])
        last = close
    return bars


def run(bars: list[list[int]], case: dict) -> dict:
    """Play a schedule and give the fills and the balance."""
    engine = BacktestEngine(BacktestEngineConfig(trader_id=TraderId("REFERENCE-001"), logging=LoggingConfig(bypass_logging=True)))
    engine.add_venue(
        Venue("SIM"), OmsType.NETTING, AccountType.MARGIN, [Money(CASH, USD)], base_currency=USD, bar_execution=True, trade_execution=True
    )
    engine.add_instrument(INSTRUMENT)
    data = []
    for number, (*prices, volume) in enumerate(bars, start=1):
        ts = number * MINUTE
        size = Quantity.from_str(f"{volume / 1000:.3f}")
        if case["data"] == "bars":
            data.append(Bar(BARS, *(Price.from_str(f"{price / 100:.2f}") for price in prices), size, ts, ts))
        else:
            side = AggressorSide.BUYER if number % 2 else AggressorSide.SELLER
            price = Price.from_str(f"{prices[3] / 100:.2f}")
            data.append(TradeTick(INSTRUMENT.id, price, size, side, TradeId(str(number)), ts, ts))
    engine.add_data(data)
    strategy = Scheduled(case["orders"])
    engine.add_strategy(strategy)
    engine.run()
    balance = engine.cache.account_for_venue(Venue("SIM")).balance_total(USD)
    engine.dispose()
    return {"fills": strategy.fills, "balance": str(balance.as_decimal())}


def main() -> None:
    """Write the reference beside this file."""
    bars = make_bars(60)
    results = {name: {**case, **run(bars, case)} for name, case in CASES.items()}
    made = {"made_with": f"nautilus_trader {nautilus_trader.__version__}", "cash": CASH, "bars": bars, "cases": results}
    Path(__file__).with_name("nautilus_1_221_0.json").write_text(json.dumps(made, indent=1) + "\n", encoding="utf-8")


if __name__ == "__main__":
    main()
