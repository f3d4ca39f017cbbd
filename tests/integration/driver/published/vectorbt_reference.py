"""What vectorbt 1.2.0 makes of all its cash, in and out at the close: prints the closing value.

    pip install vectorbt==1.2.0 pyarrow
    python vectorbt_reference.py btcusdt_30m.parquet

On the first 5,000 bars of data/sample/btcusdt_30m.parquet it printed 9669.503953 and 283 orders.
"""

import sys

import pandas as pd
import vectorbt

close = pd.read_parquet(sys.argv[1])[:5_000].close.astype(float)
fast, slow = vectorbt.MA.run(close, 10), vectorbt.MA.run(close, 20)
portfolio = vectorbt.Portfolio.from_signals(
    close, fast.ma_crossed_above(slow), fast.ma_crossed_below(slow), init_cash=10_000, fees=0.001, slippage=0.0005, freq="30min"
)
sys.stdout.write(f"{portfolio.final_value():.6f}, {portfolio.orders.count()} orders\n")
