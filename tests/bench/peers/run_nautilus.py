"""The works by nautilus_trader's low-level engine: logging bypassed, no analysis, its risk engine on, a cash account, no event stream."""

import nautilus_trader
import numpy as np
import pandas as pd
from measuring import arguments, read_columns, report, timed
from nautilus_trader.backtest.engine import BacktestEngine, BacktestEngineConfig
from nautilus_trader.backtest.models import FillModel
from nautilus_trader.config import LoggingConfig, StrategyConfig
from nautilus_trader.indicators import ExponentialMovingAverage
from nautilus_trader.model.currencies import BTC, USDT
from nautilus_trader.model.data import Bar, BarType, TradeTick
from nautilus_trader.model.enums import AccountType, OmsType, OrderSide
from nautilus_trader.model.events import OrderFilled
from nautilus_trader.model.identifiers import TraderId, Venue
from nautilus_trader.model.objects import Money, Price, Quantity
from nautilus_trader.model.orders import LimitOrder
from nautilus_trader.persistence.wranglers import BarDataWrangler, TradeTickDataWrangler
from nautilus_trader.test_kit.providers import TestInstrumentProvider
from nautilus_trader.trading.strategy import Strategy

FAST, SLOW = 20, 50
CASH = {"ema_cross": 100_000_000, "flip_ticks": 100_000_000, "resting_grid": 1_000_000, "order_each_bar": 100_000_000, "idle": 100_000_000}
"""USDT to begin with. With a hundred million the grid ends in an error of this engine: it takes what orders lock from the balance in
floating point, which misses the last of its eight places."""
FLIP_EVERY = 100
LEVELS = 10
INSTRUMENT = TestInstrumentProvider.btcusdt_binance()
BARS = BarType.from_str("BTCUSDT.BINANCE-1-MINUTE-LAST-EXTERNAL")


class Counting(Strategy):
    """Count what is sent and what comes back."""

    def __init__(self) -> None:
        super().__init__(StrategyConfig(strategy_id="BENCH-000"))
        self.orders = self.cancels = self.fills = self.seen = 0
        self.is_long = False

    def on_order_filled(self, event: OrderFilled) -> None:
        """Count a fill."""
        self.fills += 1

    def send_market(self, side: OrderSide, quantity: Quantity) -> None:
        """Submit a market order."""
        self.orders += 1
        self.submit_order(self.order_factory.market(INSTRUMENT.id, side, quantity))


class EmaCross(Counting):
    """Hold one unit while the fast average is above the slow one."""

    def __init__(self) -> None:
        super().__init__()
        self.fast, self.slow = ExponentialMovingAverage(FAST), ExponentialMovingAverage(SLOW)
        self.unit = Quantity.from_str("1.000000")

    def on_start(self) -> None:
        """Subscribe, and let the engine keep the averages."""
        self.register_indicator_for_bars(BARS, self.fast)
        self.register_indicator_for_bars(BARS, self.slow)
        self.subscribe_bars(BARS)

    def on_bar(self, bar: Bar) -> None:
        """Trade when the averages have crossed."""
        if not self.slow.initialized:
            return
        wants_long = self.fast.value > self.slow.value
        if wants_long != self.is_long:
            self.is_long = wants_long
            self.send_market(OrderSide.BUY if wants_long else OrderSide.SELL, self.unit)


class OrderEachBar(Counting):
    """Go long and flat in turns, at each bar."""

    def __init__(self) -> None:
        super().__init__()
        self.unit = Quantity.from_str("0.010000")

    def on_start(self) -> None:
        """Subscribe."""
        self.subscribe_bars(BARS)

    def on_bar(self, bar: Bar) -> None:
        """Want the other one."""
        self.is_long = not self.is_long
        self.send_market(OrderSide.BUY if self.is_long else OrderSide.SELL, self.unit)


class Idle(OrderEachBar):
    """Be woken by each bar, and want nothing."""

    def on_bar(self, bar: Bar) -> None:
        """Send nothing."""
        self.seen += 1


class FlipTicks(Counting):
    """Go long and flat in turns, at each hundredth tick."""

    def __init__(self) -> None:
        super().__init__()
        self.unit = Quantity.from_str("0.010000")

    def on_start(self) -> None:
        """Subscribe."""
        self.subscribe_trade_ticks(INSTRUMENT.id)

    def on_trade_tick(self, tick: TradeTick) -> None:
        """Wake on each tick."""
        self.seen += 1
        if self.seen % FLIP_EVERY:
            return
        self.is_long = not self.is_long
        self.send_market(OrderSide.BUY if self.is_long else OrderSide.SELL, self.unit)


class RestingGrid(Counting):
    """Keep ten bids and ten offers around the close, and replace one of each on every bar: a cancel and a new order."""

    def __init__(self) -> None:
        super().__init__()
        self.unit = Quantity.from_str("0.010000")
        self.resting: dict[tuple[OrderSide, int], LimitOrder] = {}

    def on_start(self) -> None:
        """Subscribe."""
        self.subscribe_bars(BARS)

    def on_bar(self, bar: Bar) -> None:
        """Buy what will be offered at the first bar, place all at the second, then replace one pair on each."""
        cents = round(bar.close.as_double() * 100)
        if not self.seen:
            self.send_market(OrderSide.BUY, Quantity.from_str("10.000000"))
        elif self.seen == 1:
            for level in range(1, LEVELS + 1):
                self.quote(level, cents)
        else:
            self.quote(self.seen % LEVELS + 1, cents)
        self.seen += 1

    def quote(self, level: int, cents: int) -> None:
        """Replace the bid and the offer of a level, which lies that many thousandths away from the price."""
        for side, away in ((OrderSide.BUY, -level), (OrderSide.SELL, level)):
            standing = self.resting.get((side, level))
            if standing is not None and standing.is_open:
                self.cancels += 1
                self.cancel_order(standing)
            price = Price(cents * (1_000 + away) // 1_000 / 100, 2)
            order = self.resting[side, level] = self.order_factory.limit(INSTRUMENT.id, side, self.unit, price)
            self.orders += 1
            self.submit_order(order)


def bars(columns: dict[str, np.ndarray]) -> list[Bar]:
    """Make the peer's own bars."""
    frame = pd.DataFrame(
        {name: columns[name] for name in ("open", "high", "low", "close", "volume")}, index=pd.to_datetime(columns["ts_close"], utc=True)
    )
    return BarDataWrangler(BARS, INSTRUMENT).process(frame)


def ticks(columns: dict[str, np.ndarray]) -> list[TradeTick]:
    """Make the peer's own trade ticks."""
    frame = pd.DataFrame(
        {
            "price": columns["price"],
            "quantity": columns["quantity"],
            "buyer_maker": columns["aggressor"] < 0,
            "trade_id": columns["trade_id"],
        },
        index=pd.to_datetime(columns["ts_event"], utc=True),
    )
    return TradeTickDataWrangler(INSTRUMENT).process(frame)


WORKS = {
    "ema_cross": (EmaCross, bars),
    "flip_ticks": (FlipTicks, ticks),
    "resting_grid": (RestingGrid, bars),
    "order_each_bar": (OrderEachBar, bars),
    "idle": (Idle, bars),
}


def main() -> None:
    """Run a work and report."""
    options = arguments(tuple(WORKS))
    kind, convert = WORKS[options.work]
    data = convert(read_columns(options.data, options.rows))
    engine = BacktestEngine(
        BacktestEngineConfig(trader_id=TraderId("BENCH-001"), logging=LoggingConfig(bypass_logging=True), run_analysis=False)
    )
    engine.add_venue(
        venue=Venue("BINANCE"),
        oms_type=OmsType.NETTING,
        account_type=AccountType.CASH,
        base_currency=None,
        starting_balances=[Money(CASH[options.work], USDT), Money(1, BTC)],
        # A limit order fills when the price trades through it, not when it is touched.
        fill_model=FillModel(prob_fill_on_limit=0.0),
        bar_execution=convert is bars,
        trade_execution=convert is ticks,
    )
    engine.add_instrument(INSTRUMENT)
    engine.add_data(data)
    strategy = kind()
    engine.add_strategy(strategy)
    _, wall, cpu = timed(engine.run)
    report(
        "nautilus_trader",
        nautilus_trader.__version__,
        options.work,
        events=len(data),
        orders=strategy.orders,
        cancels=strategy.cancels,
        fills=strategy.fills,
        wall_seconds=wall,
        cpu_seconds=cpu,
        cash=str(engine.cache.account_for_venue(Venue("BINANCE")).balance_total(USDT)),
    )


if __name__ == "__main__":
    main()
