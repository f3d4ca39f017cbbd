"""What NautilusTrader 1.221.0 makes of its own EMACross: prints fills and balances.

    pip install nautilus_trader==1.221.0     # Python 3.11
    python nautilus_reference.py btc-perp-20211231-20220201_1m.csv

It printed 902 fills, 995494.31330000 USDT and 10.00000000 BTC.
"""

import sys
from decimal import Decimal

import pandas as pd
from nautilus_trader.backtest.engine import BacktestEngine, BacktestEngineConfig
from nautilus_trader.config import LoggingConfig
from nautilus_trader.examples.strategies.ema_cross import EMACross, EMACrossConfig
from nautilus_trader.model.currencies import BTC, USDT
from nautilus_trader.model.data import BarType
from nautilus_trader.model.enums import AccountType, OmsType
from nautilus_trader.model.identifiers import Venue
from nautilus_trader.model.objects import Money
from nautilus_trader.persistence.wranglers import BarDataWrangler
from nautilus_trader.test_kit.providers import TestInstrumentProvider

frame = pd.read_csv(sys.argv[1], parse_dates=["timestamp"], index_col="timestamp")[:10_000]
engine = BacktestEngine(BacktestEngineConfig(logging=LoggingConfig(bypass_logging=True)))
venue, instrument = Venue("BINANCE"), TestInstrumentProvider.btcusdt_binance()
engine.add_venue(
    venue=venue,
    oms_type=OmsType.NETTING,
    account_type=AccountType.MARGIN,
    base_currency=None,
    starting_balances=[Money(1_000_000, USDT), Money(10, BTC)],
)
engine.add_instrument(instrument)
bar_type = BarType.from_str("BTCUSDT.BINANCE-1-MINUTE-LAST-EXTERNAL")
engine.add_data(BarDataWrangler(bar_type, instrument).process(data=frame))
config = EMACrossConfig(instrument_id=instrument.id, bar_type=bar_type, trade_size=Decimal("0.1"), fast_ema_period=10, slow_ema_period=20)
engine.add_strategy(EMACross(config))
engine.run()
sys.stdout.write(f"{len(engine.trader.generate_order_fills_report())} fills, {engine.portfolio.account(venue).balances_total()}\n")
