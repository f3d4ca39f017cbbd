"""What backtesting.py 0.6.6 makes of its documentation's SmaCross: prints the closing equity to the last digit.

    pip install backtesting==0.6.6 pyarrow
    python backtesting_reference.py btcusdt_30m.parquet

On the first 5,000 bars of data/sample/btcusdt_30m.parquet it printed 189269.7771, and 186813.4791 with finalize_trades, which closes at
the last bar's open. On GOOG, which comes with it, it printed 56263.51934 and 55574.51294; the same strategy and settings here, with
10,000 USD and whole shares, give both.
"""

import sys

import pandas as pd
from backtesting import Backtest, Strategy
from backtesting.lib import crossover
from backtesting.test import GOOG, SMA


class SmaCross(Strategy):
    """The strategy of the documentation's first page."""

    def init(self):
        """Declare both averages."""
        self.fast = self.I(SMA, self.data.Close, 10)
        self.slow = self.I(SMA, self.data.Close, 20)

    def next(self):
        """Turn at each crossing."""
        if crossover(self.fast, self.slow):
            self.buy()
        elif crossover(self.slow, self.fast):
            self.sell()


bars = pd.read_parquet(sys.argv[1])[:5_000]
frame = pd.DataFrame({name.title(): bars[name].astype(float) for name in ("open", "high", "low", "close", "volume")})
frame.index = pd.to_datetime(bars.ts_close)
for data, cash in ((frame, 1_000_000), (GOOG, 10_000)):
    for finalize in (False, True):
        backtest = Backtest(data, SmaCross, cash=cash, commission=0.002, exclusive_orders=True, finalize_trades=finalize)
        result = backtest.run()
        sys.stdout.write(f"{result['Equity Final [$]']:.8f}, {result['# Trades']} trades\n")
