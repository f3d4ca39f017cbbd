"""Make backtesting_0_6_6.json: what backtesting.py 0.6.6 does with a few schedules of orders.

Run in an environment of its own that holds `backtesting==0.6.6`: `python make_reference_backtesting.py`.
"""

import json
from pathlib import Path

import backtesting
import pandas as pd
from backtesting import Backtest, Strategy

CASH = 10_000_000

MARKET_SCHEDULE = [
    {"bar": 2, "size": 10},
    {"bar": 6, "size": -10},
    {"bar": 9, "size": -7},
    {"bar": 15, "size": 12},
    {"bar": 21, "size": -5},
]
RESTING_SCHEDULE = [
    {"bar": 2, "size": 10, "limit": 998.5},
    {"bar": 3, "size": 4, "limit": 990.0},
    {"bar": 20, "size": -14, "stop": 999.9},
    {"bar": 24, "size": 6, "stop": 1012.0},
    {"bar": 28, "size": -6, "limit": 1004.0},
    {"bar": 40, "size": 5, "stop": 1001.0, "limit": 1003.0},
    {"bar": 46, "size": -5},
]
CASES = {
    "next_open": {"options": {"commission": 0.001, "spread": 0.0002}, "orders": MARKET_SCHEDULE},
    "same_close": {"options": {"commission": (1.5, 0.0005), "trade_on_close": True}, "orders": MARKET_SCHEDULE},
    "resting": {"options": {"commission": 0.0002}, "orders": RESTING_SCHEDULE},
}


def make_bars(count: int) -> list[list[float]]:
    """Draw bars of tenths from a linear congruential generator (Numerical Recipes), the same everywhere."""
    state, last, bars = 12_345, 10_000, []

    def draw(below: int) -> int:
        nonlocal state
        state = (state * 1_664_525 + 1_013_904_223) % 2**32
        return (state >> 8) % below

    for _ in range(count):
        open_ = last + draw(41) - 20
        close = open_ + draw(161) - 80
        high, low = max(open_, close) + draw(50), min(open_, close) - draw(50)
        bars.append([open_ / 10, high / 10, low / 10, close / 10])
        last = close
    return bars


def run(bars: list[list[float]], orders: list[dict], options: dict) -> dict:
    """Play a schedule and give the trades and what is left."""
    frame = pd.DataFrame(bars, columns=["Open", "High", "Low", "Close"], index=pd.date_range("2024-01-01", periods=len(bars), freq="min"))
    frame["Volume"] = 1_000

    class Scheduled(Strategy):
        def init(self) -> None:
            pass

        def next(self) -> None:
            for order in orders:
                if order["bar"] == len(self.data) - 1:
                    act = self.buy if order["size"] > 0 else self.sell
                    act(size=abs(order["size"]), limit=order.get("limit"), stop=order.get("stop"))

    stats = Backtest(frame, Scheduled, cash=CASH, finalize_trades=False, **options).run()
    trades = stats["_trades"]
    columns = ["Size", "EntryBar", "ExitBar", "EntryPrice", "ExitPrice", "Commission"]
    closed = trades[columns].to_dict("records")
    return {"trades": closed, "equity": stats["Equity Final [$]"], "open": [trade.size for trade in stats["_strategy"].trades]}


def main() -> None:
    """Write the reference beside this file."""
    bars = make_bars(60)
    results = {name: {**case, **run(bars, case["orders"], case["options"])} for name, case in CASES.items()}
    made = {"made_with": f"backtesting {backtesting.__version__}", "cash": CASH, "bars": bars, "cases": results}
    path = Path(__file__).with_name("backtesting_0_6_6.json")
    path.write_text(json.dumps(made, indent=1, default=lambda value: value.item()) + "\n", encoding="utf-8")


if __name__ == "__main__":
    main()
