"""The work on bars, by backtesting.py: averages computed in advance, one `next` a bar, closing statistics included."""

import warnings

import backtesting
import numpy as np
import pandas as pd
from backtesting import Backtest, Strategy
from measuring import arguments, read_columns, report, timed

FAST, SLOW = 20, 50
CASH = 100_000_000.0
FEE = 0.001


def average(values: np.ndarray, span: int) -> np.ndarray:
    """Smooth exponentially, seeded with the first value."""
    return pd.Series(values).ewm(span=span, adjust=False).mean().to_numpy()


class EmaCross(Strategy):
    """Hold one unit while the fast average is above the slow one."""

    placed = 0

    def init(self) -> None:
        """Compute both averages."""
        self.fast = self.I(average, self.data.Close, FAST)
        self.slow = self.I(average, self.data.Close, SLOW)
        self.is_long = False

    def next(self) -> None:
        """Trade when the averages have crossed, from the 50th bar on."""
        wants_long = self.fast[-1] > self.slow[-1]
        if wants_long == self.is_long or len(self.data) < SLOW:
            return
        self.is_long = wants_long
        EmaCross.placed += 1
        if wants_long:
            self.buy(size=1)
        else:
            self.position.close()


def main() -> None:
    """Run the work and report."""
    options = arguments(("ema_cross",))
    columns = read_columns(options.data, options.rows)
    frame = pd.DataFrame(
        {name.title(): columns[name] for name in ("open", "high", "low", "close", "volume")}, index=pd.to_datetime(columns["ts_close"])
    )
    warnings.simplefilter("ignore")
    backtest = Backtest(frame, EmaCross, cash=CASH, commission=FEE, trade_on_close=False, finalize_trades=False)
    found, wall, cpu = timed(backtest.run)
    report(
        "backtesting.py",
        backtesting.__version__,
        options.work,
        events=len(frame),
        orders=EmaCross.placed,
        cancels=0,
        fills=2 * int(found["# Trades"]),
        wall_seconds=wall,
        cpu_seconds=cpu,
    )


if __name__ == "__main__":
    main()
