"""What pybroker 2.0.2 makes of its example, a new high of ten closes with a stop and a holding time: prints the closing value.

    pip install lib-pybroker==2.0.2 pyarrow
    python pybroker_reference.py btcusdt_30m.parquet

On the first 5,000 bars of data/sample/btcusdt_30m.parquet it printed 820354.388728 and 676 orders.
"""

import sys

import pandas as pd
import pybroker


def buy_on_a_new_high(context):
    """Buy twenty units, to be sold after five bars or 2 % below."""
    high = context.indicator("high_10")
    if not context.long_pos() and high[-1] > high[-2]:
        context.buy_shares = 20
        context.hold_bars = 5
        context.stop_loss_pct = 2


bars = pd.read_parquet(sys.argv[1])[:5_000]
frame = pd.DataFrame({name: bars[name].astype(float) for name in ("open", "high", "low", "close", "volume")})
frame["date"], frame["symbol"] = pd.to_datetime(bars.ts_close).dt.tz_localize(None), "BTC"
config = pybroker.StrategyConfig(
    initial_cash=1_000_000,
    fee_mode=pybroker.FeeMode.ORDER_PERCENT,
    fee_amount=0.1,
    round_fill_price=False,
    round_test_result=False,
)
strategy = pybroker.Strategy(frame, frame.date.iloc[0], frame.date.iloc[-1], config)
strategy.add_execution(buy_on_a_new_high, ["BTC"], indicators=pybroker.highest("high_10", "close", period=10))
result = strategy.backtest(warmup=10)
sys.stdout.write(f"{result.portfolio.equity.iloc[-1]:.6f}, {len(result.orders)} orders\n")
