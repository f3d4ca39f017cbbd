"""Published results of LEAN's regression algorithms are reproduced to the last digit.

Each number is one of the `ExpectedStatistics` of the class named, in QuantConnect/Lean's folder Algorithm.CSharp: "End Equity", "Total
Fees", "Total Orders". LEAN samples "End Equity" before the orders of the last slice, and values a currency at the middle of its quotes.
"""

from decimal import Decimal

import pytest

from live.driver.replay_settings import read_settings
from live.driver.strategy_replay import prepare_replay, run_replay
from tests.integration.driver.published import FOLDER, REPOSITORY

DATA = REPOSITORY.parent / "shared" / "data" / "lean" / "crypto"
FINER = {"*": {"price_scale": 3, "tick_size": 10}}
"""The middle of two prices has a digit more than they."""

pytestmark = pytest.mark.skipif(not DATA.exists(), reason=f"{DATA} is not there")


def result_of(name, class_name, home, files, **changes):
    """Replay a strategy of the folder over files of LEAN's."""
    settings = read_settings(FOLDER / "lean.toml", {"data": [str(DATA / file) for file in files], **changes})
    result, _ = run_replay(prepare_replay(f"{FOLDER / name}.py:{class_name}", settings, home))
    assert result.performance is not None
    return result, result.performance


def cents(amount):
    """Round money as LEAN prints it."""
    return str(round(Decimal(amount), 2))


@pytest.mark.parametrize(("end", "orders", "equity"), [("2018-05-04T04:00:00Z", 49, None), ("2018-05-04T03:00:00Z", 48, "99986.57")])
def test_fees_in_the_base_asset_are_reproduced(tmp_path, end, orders, equity):
    """BinanceCashAccountFeeRegressionAlgorithm: 49 orders, fees in the asset received, 99986.57 before the last of them."""
    costs = {"taker_fee_ppm": 1000, "fee_asset": "RECEIVED"}
    result, performance = result_of(
        "lean_fee_in_base",
        "FeeInBase",
        tmp_path,
        ["binance/hour/btcusdt_trade.zip"],
        balances={"USDT": "100000"},
        venue={"costs": costs},
        start="2018-05-02T03:59:00Z",
        end=end,
    )
    assert (result.fills, result.denials) == (orders, {})
    assert equity is None or cents(performance.equity) == equity


@pytest.mark.parametrize(
    ("cash", "weight", "start", "fees", "equity"),
    [
        ("10000", "1", "2018-04-05T03:59:30Z", "29.84", "9884.48"),
        ("100000", "0.5", "2018-04-05T13:59:30Z", "149.18", "99064.52"),
    ],
    ids=["WarmupConversionRatesRegressionAlgorithm", "RuntimeCurrencyConversionSeedingRegressionAlgorithm"],
)
def test_set_holdings_is_reproduced(tmp_path, cash, weight, start, fees, equity):
    """At the ask, 0.25 % free, the fee inside, by 8 decimals."""
    result, performance = result_of(
        "lean_set_holdings",
        "SetHoldings",
        tmp_path,
        [f"coinbase/minute/ltcusd/{day}_quote.zip" for day in ("20180405", "20180406")],
        balances={"USD": cash},
        account={"type": "MARGIN", "leverage": "2"},
        instruments=FINER,
        parameters={"weight": weight},
        start=start,
        end="2018-04-06T04:00:00Z",
    )
    assert (result.fills, result.denials) == (1, {})
    assert (cents(performance.fees), cents(performance.equity)) == (fees, equity)


def test_limit_orders_of_two_instruments_are_reproduced(tmp_path):
    """CancelOpenOrdersRegressionAlgorithm: one of five orders is refused, two are canceled, two fill at the worst price of a bar."""
    files = [f"coinbase/minute/{pair}/{day}_quote.zip" for pair in ("btcusd", "ethusd") for day in ("20170903", "20170904")]
    result, performance = result_of(
        "lean_cancel_open_orders",
        "CancelOpenOrders",
        tmp_path,
        files,
        balances={"USD": "1000"},
        account={"type": "MARGIN", "leverage": "2"},
        instruments=FINER,
        end="2017-09-04T04:00:00Z",
    )
    assert (result.fills, sum(result.denials.values())) == (2, 1)
    assert (cents(performance.fees), cents(performance.equity)) == ("0.00", "955.69")


def test_one_cancels_other_is_reproduced(tmp_path):
    """OneCancelsOtherOrderCashAccountRegressionAlgorithm: decided on trades, filled on quotes, a stop at the worse of trigger and close."""
    files = [f"coinbase/minute/btcusd/{day}_{kind}.zip" for kind in ("quote", "trade") for day in ("20180404", "20180405")]
    result, _ = result_of(
        "lean_one_cancels_other",
        "OneCancelsOther",
        tmp_path,
        files,
        balances={"USD": "10000", "BTC": "1"},
        account={"type": "MARGIN", "leverage": "3"},
        venue={"fill": {"sources": ["QUOTE_BARS"]}, "costs": {"taker_fee_ppm": 0}},
        instruments=FINER,
        start="2018-04-04T03:59:30Z",
        end="2018-04-05T04:00:00Z",
    )
    assert (result.fills, result.denials) == (2, {})
    account = result.balances["replay"]
    middle = (Decimal("6767.45") + Decimal("6767.46")) / 2
    assert cents(Decimal(account["USD"]) + Decimal(account["BTC"]) * middle) == "16638.25"
