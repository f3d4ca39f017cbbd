"""What freqtrade 2026.9 makes of a crossing with a stop-loss and a `minimal_roi`: prints the profit and how many trades there were.

    pip install freqtrade==2026.9
    python freqtrade_reference.py btcusdt_30m.parquet

It asks an exchange for its markets even to look back, so one market is given to it here. On the first 5,000 bars of
data/sample/btcusdt_30m.parquet it printed -311.253008 and 142 trades.
"""

import contextlib
import sys
import tempfile
from pathlib import Path
from unittest.mock import MagicMock, PropertyMock, patch

import pandas as pd
from freqtrade.enums import CandleType, RunMode
from freqtrade.optimize.backtesting import Backtesting

STRATEGY = """
from freqtrade.strategy import IStrategy

class Cross(IStrategy):
    timeframe, minimal_roi, stoploss, startup_candle_count = "30m", {"0": 0.02}, -0.01, 0

    def populate_indicators(self, frame, metadata):
        frame["apart"] = frame.close.rolling(10).mean() - frame.close.rolling(20).mean()
        return frame

    def populate_entry_trend(self, frame, metadata):
        frame.loc[(frame.apart > 0) & (frame.apart.shift(1) <= 0), "enter_long"] = 1
        return frame

    def populate_exit_trend(self, frame, metadata):
        frame.loc[(frame.apart < 0) & (frame.apart.shift(1) >= 0), "exit_long"] = 1
        return frame
"""
folder = Path(tempfile.mkdtemp())
(folder / "cross.py").write_text(STRATEGY)
bars = pd.read_parquet(sys.argv[1])[:5_000]
frame = pd.DataFrame({name: bars[name].astype(float) for name in ("open", "high", "low", "close", "volume")})
frame.insert(0, "date", pd.to_datetime(bars.ts_open, utc=True).astype("datetime64[ms, UTC]"))
frame.to_feather(folder / "BTC_USDT-30m.feather")
precision = {"price": 1e-8, "amount": 1e-8, "base": 8, "quote": 8}
bounds = {"amount": {"min": 1e-8, "max": None}, "cost": {"min": 1e-4, "max": None}, "price": {"min": 1e-8, "max": None}}
kinds = {"active": True, "spot": True, "swap": False, "linear": None, "type": "spot", "contractSize": None, "info": {}}
names = {"id": "BTCUSDT", "symbol": "BTC/USDT", "base": "BTC", "quote": "USDT"}
market = {**names, **kinds, "precision": precision, "limits": {**bounds, "leverage": {"min": None, "max": None}}}
pricing = {"price_side": "same", "use_order_book": False, "price_last_balance": 0}
settings = {
    "exchange": {"name": "binance", "key": "", "secret": "", "pair_whitelist": ["BTC/USDT"], "pair_blacklist": []},
    "stake_currency": "USDT",
    "stake_amount": 1_000,
    "dry_run": True,
    "dry_run_wallet": 10_000,
    "max_open_trades": 1,
    "fee": 0.001,
    "timeframe": "30m",
    "strategy": "Cross",
    "strategy_path": str(folder),
    "datadir": folder,
    "user_data_dir": folder,
    "exportdirectory": folder,
    "exportfilename": folder / "result.json",
    "export": "none",
    "dataformat_ohlcv": "feather",
    "pairlists": [{"method": "StaticPairList"}],
    "entry_pricing": pricing,
    "exit_pricing": pricing,
    "unfilledtimeout": {"entry": 10, "exit": 30},
    "order_types": {"entry": "limit", "exit": "limit", "stoploss": "limit", "stoploss_on_exchange": False},
    "runmode": RunMode.BACKTEST,
    "trading_mode": "spot",
    "margin_mode": "",
    "candle_type_def": CandleType.SPOT,
    "fiat_display_currency": "",
    "tradable_balance_ratio": 0.99,
    "backtest_cache": "none",
    "internals": {},
    "original_config": {},
}
EXCHANGE = "freqtrade.exchange.exchange.Exchange."
answers = {
    "markets": PropertyMock(return_value={"BTC/USDT": market}),
    "precisionMode": PropertyMock(return_value=4),
    "precision_mode_price": PropertyMock(return_value=4),
    "_init_ccxt": MagicMock(return_value=MagicMock()),
}
silent = ("reload_markets", "validate_config", "validate_timeframes")
with contextlib.ExitStack() as stack:
    for name in (*answers, *silent):
        stack.enter_context(patch(EXCHANGE + name, answers.get(name, MagicMock())))
    stack.enter_context(patch("freqtrade.exchange.binance.Binance.additional_exchange_init", MagicMock()))
    backtesting = Backtesting(settings)
    backtesting.start()
    trades = backtesting.all_bt_content["Cross"]["results"]
sys.stdout.write(f"{trades.profit_abs.sum():.6f}, {len(trades)} trades\n")
