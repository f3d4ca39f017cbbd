"""What NautilusTrader 1.221.0 makes of brackets on bars, and of orders at every so many quotes and trades: prints fills and balances.

    pip install nautilus_trader==1.221.0     # Python 3.11
    python nautilus_further_reference.py btc-perp-20211231-20220201_1m.csv spot_btcusdt_20240808.gz

It printed 102 fills and 999613.97267900 USDT for the bracket, 60 fills and 999745.77110000, 999968.90000000 and 1000016.90000000 USDT for
market orders with fees of the instrument, of 1 USDT an order and of 2 USDT a coin, each with 10.00000000 BTC; 132 fills, 1008592.74403330
USDT and 9.86000000 BTC for stops on quotes; 166 fills, 999321.89357738 USDT and 10.01000000 BTC for market orders on trades.
"""

import gzip
import json
import sys
from decimal import Decimal
from itertools import islice

import pandas as pd
from nautilus_trader.backtest.engine import BacktestEngine, BacktestEngineConfig
from nautilus_trader.backtest.models import FixedFeeModel, MakerTakerFeeModel, PerContractFeeModel
from nautilus_trader.config import LoggingConfig
from nautilus_trader.model.currencies import BTC, USDT
from nautilus_trader.model.data import BarType, QuoteTick, TradeTick
from nautilus_trader.model.enums import AccountType, AggressorSide, OmsType, OrderSide
from nautilus_trader.model.identifiers import TradeId, Venue
from nautilus_trader.model.objects import Money, Price, Quantity
from nautilus_trader.persistence.wranglers import BarDataWrangler
from nautilus_trader.test_kit.providers import TestInstrumentProvider
from nautilus_trader.trading.strategy import Strategy

VENUE, INSTRUMENT = Venue("BINANCE"), TestInstrumentProvider.btcusdt_binance()
BARS = BarType.from_str("BTCUSDT.BINANCE-1-MINUTE-LAST-EXTERNAL")
LINES = 60_000


class OnBars(Strategy):
    bracket = False
    bars = 0

    def on_start(self):
        """Subscribe."""
        self.subscribe_bars(BARS)

    def on_bar(self, bar):
        """Act at every fiftieth bar."""
        self.bars += 1
        if self.bars % 50:
            return
        size, price, k = INSTRUMENT.make_qty(Decimal("0.1")), bar.close.as_double(), 1 if self.bars // 50 % 2 else -1
        side = OrderSide.BUY if k > 0 else OrderSide.SELL
        if not self.bracket:
            self.submit_order(self.order_factory.market(INSTRUMENT.id, side, size))
        elif self.portfolio.is_flat(INSTRUMENT.id) and not self.cache.orders_open():
            profit, loss = INSTRUMENT.make_price(price * (1 + k * 0.004)), INSTRUMENT.make_price(price * (1 - k * 0.002))
            self.submit_order_list(
                self.order_factory.bracket(
                    instrument_id=INSTRUMENT.id, order_side=side, quantity=size, tp_price=profit, sl_trigger_price=loss
                )
            )

    def on_stop(self):
        """Close out."""
        self.cancel_all_orders(INSTRUMENT.id)
        self.close_all_positions(INSTRUMENT.id)


class Bracket(OnBars):
    bracket = True


class OnTicks(Strategy):
    seen = 0

    def on_start(self):
        """Subscribe."""
        self.subscribe_quote_ticks(INSTRUMENT.id)
        self.subscribe_trade_ticks(INSTRUMENT.id)

    def on_quote_tick(self, tick):
        """Place stops at every 250th quote."""
        self.seen += 1
        if self.seen % 250:
            return
        self.cancel_all_orders(INSTRUMENT.id)
        size = INSTRUMENT.make_qty(Decimal("0.01"))
        for side, price in ((OrderSide.BUY, tick.ask_price.as_double() + 3), (OrderSide.SELL, tick.bid_price.as_double() - 3)):
            self.submit_order(self.order_factory.stop_market(INSTRUMENT.id, side, size, INSTRUMENT.make_price(price)))

    def on_trade_tick(self, tick):
        """Trade at every hundredth trade."""
        self.seen += 1
        if self.seen % 100 == 0:
            side = OrderSide.BUY if self.seen // 100 % 2 else OrderSide.SELL
            self.submit_order(self.order_factory.market(INSTRUMENT.id, side, INSTRUMENT.make_qty(Decimal("0.01"))))


def ticks(path, kind):
    """Read quotes or trades in the order they were received."""
    found = []
    with gzip.open(path, "rt") as file:
        for line in islice(file, LINES):
            time, text = line.split(" ", 1)
            if kind not in text[:60]:
                continue
            data, at = json.loads(text)["data"], int(time)
            if kind == "bookTicker":
                bid, ask = Price(float(data["b"]), 2), Price(float(data["a"]), 2)
                found.append(QuoteTick(INSTRUMENT.id, bid, ask, Quantity(float(data["B"]), 6), Quantity(float(data["A"]), 6), at, at))
            else:
                aggressor = AggressorSide.SELLER if data["m"] else AggressorSide.BUYER
                price, size = Price(float(data["p"]), 2), Quantity(float(data["q"]), 6)
                found.append(TradeTick(INSTRUMENT.id, price, size, aggressor, TradeId(str(data["t"])), at, at))
    return found


def run(name, strategy, data, account, fees=None):
    """Print what a strategy makes of some data."""
    engine = BacktestEngine(BacktestEngineConfig(logging=LoggingConfig(bypass_logging=True)))
    engine.add_venue(
        venue=VENUE,
        oms_type=OmsType.NETTING,
        account_type=account,
        base_currency=None,
        starting_balances=[Money(1_000_000, USDT), Money(10, BTC)],
        fee_model=fees or MakerTakerFeeModel(),
    )
    engine.add_instrument(INSTRUMENT)
    engine.add_data(data)
    engine.add_strategy(strategy)
    engine.run()
    sys.stdout.write(f"{name}: {len(engine.trader.generate_fills_report())} fills, {engine.portfolio.account(VENUE).balances_total()}\n")
    engine.dispose()


frame = pd.read_csv(sys.argv[1], parse_dates=["timestamp"], index_col="timestamp")[:3_000]
minutes = BarDataWrangler(BARS, INSTRUMENT).process(data=frame)
run("bracket", Bracket(), minutes, AccountType.MARGIN)
for fees in (MakerTakerFeeModel(), FixedFeeModel(Money(1, USDT)), PerContractFeeModel(Money(2, USDT))):
    run(f"market orders, {type(fees).__name__}", OnBars(), minutes, AccountType.MARGIN, fees)
run("stops on quotes", OnTicks(), ticks(sys.argv[2], "bookTicker"), AccountType.CASH)
run("market orders on trades", OnTicks(), ticks(sys.argv[2], "@trade"), AccountType.CASH)
