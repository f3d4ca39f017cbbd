"""What backtesting.py 0.6.6 makes of an entry with a stop and a take-profit: prints the closing equity to the last digit.

    pip install backtesting==0.6.6 pyarrow
    python backtesting_bracket_reference.py btcusdt_30m.parquet

On the first 5,000 bars of data/sample/btcusdt_30m.parquet it printed 954235.37418200, 115 trades and a drawdown of
10.754344 %.
"""

import sys

import pandas as pd
from backtesting import Backtest, Strategy
from backtesting.lib import crossover
from backtesting.test import SMA


class Bracket(Strategy):
    """Buy at each upward crossing, with both exits measured from the close that was decided on."""

    def init(self):
        """Declare both averages."""
        self.fast = self.I(SMA, self.data.Close, 10)
        self.slow = self.I(SMA, self.data.Close, 20)

    def next(self):
        """Enter when flat."""
        if crossover(self.fast, self.slow) and not self.position:
            close = self.data.Close[-1]
            self.buy(size=20, sl=close * 0.98, tp=close * 1.03)


bars = pd.read_parquet(sys.argv[1])[:5_000]
frame = pd.DataFrame({name.title(): bars[name].astype(float) for name in ("open", "high", "low", "close", "volume")})
frame.index = pd.to_datetime(bars.ts_close)
result = Backtest(frame, Bracket, cash=1_000_000, commission=0.001, finalize_trades=True).run()
sys.stdout.write(f"{result['Equity Final [$]']:.8f}, {result['# Trades']} trades, drawdown {-result['Max. Drawdown [%]']:.6f} %\n")
