"""What zipline-reloaded 3.0.4 makes of its example, a dual moving average: prints the closing value.

    pip install zipline-reloaded==3.0.4 "numpy<2" "pandas<2.2" pyarrow
    python zipline_reference.py btcusdt_30m.parquet

It knows no bars of half an hour, so each one is given to it as a day of the New York exchange. On the first 2,000 bars of
data/sample/btcusdt_30m.parquet it printed 1029885.687000 and 76 fills.
"""

import os
import sys
import tempfile

os.environ["ZIPLINE_ROOT"] = tempfile.mkdtemp()

import pandas as pd
from zipline import run_algorithm
from zipline.api import order_target, set_commission, set_slippage, symbol
from zipline.data.bundles import ingest, register
from zipline.finance import commission, slippage
from zipline.utils.calendar_utils import get_calendar

bars = pd.read_parquet(sys.argv[1])[:2_000]
calendar = get_calendar("XNYS")
frame = pd.DataFrame({name: bars[name].astype(float) for name in ("open", "high", "low", "close")})
frame["volume"] = 1_000_000
frame.index = calendar.sessions_in_range("2012-01-03", "2020-12-31")[: len(frame)]


def fill(environ, assets, minutes, days, adjustments, *rest):
    """Write the bars where zipline reads them."""
    about = {"start_date": frame.index[0], "end_date": frame.index[-1], "auto_close_date": frame.index[-1] + pd.Timedelta(days=30)}
    exchanges = pd.DataFrame({"exchange": ["XNYS"], "canonical_name": ["XNYS"], "country_code": ["US"]})
    assets.write(equities=pd.DataFrame({**about, "symbol": ["BTC"], "exchange": ["XNYS"]}, index=[0]), exchanges=exchanges)
    days.write([(0, frame)])
    adjustments.write()


def initialize(context):
    """Charge one cent a share and at least one dollar an order, and let each fill slip by 5 basis points."""
    context.asset = symbol("BTC")
    set_commission(commission.PerShare(cost=0.01, min_trade_cost=1.0))
    set_slippage(slippage.FixedBasisPointsSlippage(basis_points=5.0, volume_limit=1.0))


def handle_data(context, data):
    """Hold fifty shares while the fast average is above the slow one."""
    fast, slow = (data.history(context.asset, "price", period, "1d").mean() for period in (10, 30))
    if fast > slow:
        order_target(context.asset, 50)
    elif fast < slow:
        order_target(context.asset, 0)


register("bars", fill, calendar_name="XNYS", start_session=frame.index[0], end_session=frame.index[-1])
ingest("bars", show_progress=False)
result = run_algorithm(
    start=frame.index[30],
    end=frame.index[-1],
    initialize=initialize,
    handle_data=handle_data,
    capital_base=1_000_000,
    bundle="bars",
    trading_calendar=calendar,
    benchmark_returns=pd.Series(0.0, index=frame.index.tz_localize("UTC")),
)
sys.stdout.write(f"{result.portfolio_value.iloc[-1]:.6f}, {sum(map(len, result.transactions))} fills\n")
