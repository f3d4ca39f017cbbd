"""What AKQuant 0.3.71 makes of two averages, at each price of the next bar that it can fill at: prints the closing values.

    pip install akquant==0.3.71 pyarrow
    python akquant_reference.py btcusdt_30m.parquet

On the first 5,000 bars of data/sample/btcusdt_30m.parquet it printed NextOpen 1030611.356060, NextClose 1056073.244600,
NextHighLowMid 1034882.411180 and NextAverage 1039112.476355, with 283 executions each.
"""

import sys

import akquant
import pandas as pd
from akquant.backtest import fill_mode

bars = pd.read_parquet(sys.argv[1])[:5_000]
frame = pd.DataFrame({name: bars[name].astype(float) for name in ("open", "high", "low", "close", "volume")})
frame["date"], frame["symbol"] = pd.to_datetime(bars.ts_close, utc=True), "BTC"


class DualAverage(akquant.Strategy):
    """Hold twenty units while the fast average is above the slow one."""

    def __init__(self):
        """Begin without bars."""
        self.closes = []

    def on_bar(self, bar):
        """Go in when flat, and out with all that is held."""
        self.closes = [*self.closes[-19:], bar.close]
        if len(self.closes) < 20:
            return
        fast, slow, held = sum(self.closes[-10:]) / 10, sum(self.closes) / 20, self.get_position(bar.symbol)
        if fast > slow and held == 0:
            self.buy(symbol=bar.symbol, quantity=20)
        elif fast < slow and held > 0:
            self.sell(symbol=bar.symbol, quantity=held)


for name in ("NextOpen", "NextClose", "NextHighLowMid", "NextAverage"):
    result = akquant.run_backtest(
        data=frame,
        strategy=DualAverage,
        symbols="BTC",
        initial_cash=1_000_000.0,
        commission_rate=0.0003,
        min_commission=60.0,
        stamp_tax_rate=0.0,
        transfer_fee_rate=0.0,
        lot_size=1,
        slippage=0.0,
        fill_policy=getattr(fill_mode, name)(),
        timezone="UTC",
        show_progress=False,
    )
    sys.stdout.write(f"{name} {result.metrics.end_market_value:.6f}, {len(result.executions_df)} executions\n")
