"""What backtrader 1.9.78.123 makes of a cross that reverses, with slippage in per cent: prints the closing value.

    pip install backtrader==1.9.78.123 pandas pyarrow
    python backtrader_reference.py btcusdt_30m.parquet

On the first 5,000 bars of data/sample/btcusdt_30m.parquet it printed 747098.320028.
"""

import sys

import backtrader
import pandas as pd


class Reverse(backtrader.Strategy):
    """Hold twenty units on the side of the last crossing."""

    def __init__(self):
        """Declare the crossing."""
        self.cross = backtrader.ind.CrossOver(backtrader.ind.SMA(period=10), backtrader.ind.SMA(period=20))

    def next(self):
        """Reverse by one order."""
        if self.cross:
            self.order_target_size(target=20 if self.cross > 0 else -20)


bars = pd.read_parquet(sys.argv[1])[:5_000]
frame = pd.DataFrame({name: bars[name].astype(float) for name in ("open", "high", "low", "close", "volume")})
frame.index = pd.to_datetime(bars.ts_close).dt.tz_localize(None)
cerebro = backtrader.Cerebro(stdstats=False)
cerebro.adddata(backtrader.feeds.PandasData(dataname=frame))
cerebro.addstrategy(Reverse)
cerebro.broker.setcash(1_000_000)
cerebro.broker.setcommission(commission=0.001)
cerebro.broker.set_slippage_perc(0.0005)
cerebro.run()
sys.stdout.write(f"{cerebro.broker.getvalue():.6f}\n")
