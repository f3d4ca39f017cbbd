"""What other engines published or print is reproduced to the last digit, by settings and a strategy of 30 lines.

The scripts beside the strategies say which version of which engine gave the numbers, and how.
"""

import pytest

from live.driver.replay_settings import read_settings
from live.driver.strategy_replay import prepare_replay, run_replay
from tests.integration.driver.published import FOLDER, REPOSITORY

FLOX_BARS = REPOSITORY.parent / "shared" / "data" / "btc_eth_1m_2026" / "btcusdt_1m.csv"
BINANCE_LOGS = [REPOSITORY.parent / "shared" / "data" / "binance_l2" / f"spot_btcusdt_{day}.gz" for day in ("20240808", "20240809")]
NAUTILUS_BARS = REPOSITORY.parent / "shared" / "data" / "btc_perp_1m_202201" / "btc-perp-20211231-20220201_1m.csv"


def result_of(name, class_name, home, **changes):
    """Replay a strategy of the folder under its settings with some changed."""
    settings = read_settings(FOLDER / f"{name}.toml", changes)
    result, _ = run_replay(prepare_replay(f"{FOLDER / name}.py:{class_name}", settings, home))
    return result


@pytest.mark.skipif(not NAUTILUS_BARS.exists(), reason=f"{NAUTILUS_BARS} is not there")
def test_an_ema_cross_of_nautilus_trader_is_reproduced(tmp_path):
    """Margin account, market orders at the close, long to short by two orders, closed out at the end: 1.221.0 prints these balances."""
    reading = {"instrument_id": "binance:BTCUSDT", "base": "BTC", "quote": "USDT", "bar_time": "close"}
    result = result_of(
        "nautilus_ema_cross", "EmaCross", tmp_path, data=[str(NAUTILUS_BARS)], import_options=reading, end="2022-01-07T21:40:00Z"
    )
    assert result.events == 10_000
    assert result.fills == 902
    assert result.balances["replay"] == {"BTC": "10.00000000", "USDT": "995494.31330000"}
    assert (result.positions, result.denials) == ({}, {})


@pytest.mark.parametrize(("close_out", "equity", "trades"), [("NONE", "189269.77710000", 282), ("LAST_OPEN", "186813.47910000", 283)])
def test_an_sma_cross_of_backtesting_py_is_reproduced(tmp_path, close_out, equity, trades):
    """All of the equity in whole units with the commission inside, sized and filled at the next open: 0.6.6 prints this equity."""
    bars = str(REPOSITORY / "data" / "sample" / "btcusdt_30m.parquet")
    result = result_of("backtesting_sma_cross", "SmaCross", tmp_path, data=[bars], end="2018-01-13T04:00:00Z", close_out=close_out)
    assert result.performance is not None
    assert result.performance.equity == equity
    assert result.performance.trades == trades
    assert bool(result.positions) is (close_out == "NONE")


@pytest.mark.parametrize(
    ("name", "class_name", "equity", "fills"),
    [
        ("backtesting_bracket", "Bracket", 954235.374182, 230),
        ("backtrader_reverse", "Reverse", 747098.320028, 283),
        ("vectorbt_all_in", "AllIn", 9669.503953, 283),
        ("pybroker_new_high", "NewHigh", 820354.388728, 676),
        ("freqtrade_cross", "Cross", 9688.746992, 284),
    ],
)
def test_what_other_engines_make_of_the_same_bars_is_reproduced(tmp_path, name, class_name, equity, fills):
    """Each printed this value, which floats hold to six decimals.

    Stops and take-profits within the entry's bar (backtesting.py 0.6.6), slippage that ends at the bar's range (backtrader 1.9.78.123),
    all the cash at the close (vectorbt 1.2.0), the middle of the next bar and stops that it jumps over (pybroker 2.0.2),
    a stake of money with stop-loss and `minimal_roi` (freqtrade 2026.9: -311.253008 of 10,000).
    """
    bars = str(REPOSITORY / "data" / "sample" / "btcusdt_30m.parquet")
    result = result_of(name, class_name, tmp_path, data=[bars], end="2018-01-13T04:00:00Z")
    assert result.performance is not None
    assert round(float(result.performance.equity), 6) == equity
    assert (result.fills, result.denials, result.alarms) == (fills, {}, {})


@pytest.mark.parametrize(
    ("price", "equity"),
    [
        ("NEXT_OPEN", "1030611.35606000"),
        ("NEXT_CLOSE", "1056073.24460000"),
        ("NEXT_MIDDLE", "1034882.41118000"),
        ("NEXT_AVERAGE", "1039112.47635500"),
    ],
)
def test_each_price_of_the_next_bar_is_filled_at_as_akquant_does(tmp_path, price, equity):
    """A proportional fee with a minimum for each fill: AKQuant 0.3.71 prints these values."""
    bars = str(REPOSITORY / "data" / "sample" / "btcusdt_30m.parquet")
    changes = {"end": "2018-01-13T04:00:00Z", "venue": {"fill": {"price": price}}}
    result = result_of("akquant_dual_average", "DualAverage", tmp_path, data=[bars], **changes)
    assert result.performance is not None
    assert (result.performance.equity, result.fills, result.denials) == (equity, 283, {})


def test_a_dual_moving_average_of_zipline_is_reproduced(tmp_path):
    """Fills at the next bar's close with slippage, a fee a share with a minimum an order: zipline-reloaded 3.0.4 prints this value."""
    bars = str(REPOSITORY / "data" / "sample" / "btcusdt_30m.parquet")
    result = result_of("zipline_dual_average", "DualAverage", tmp_path, data=[bars], end="2017-11-11T16:00:00Z")
    assert result.performance is not None
    assert (result.performance.equity, result.performance.fees) == ("1029885.68700000", "76.00000000")
    assert (result.fills, result.denials, result.alarms) == (76, {}, {})


def test_drawdown_is_that_of_the_bars_when_their_opens_are_played_too(tmp_path):
    """Other engines know equity at closes only: backtesting.py 0.6.6 prints 10.754344 %."""
    bars = str(REPOSITORY / "data" / "sample" / "btcusdt_30m.parquet")
    result = result_of("backtesting_bracket", "Bracket", tmp_path, data=[bars], end="2018-01-13T04:00:00Z")
    assert result.performance is not None
    assert round(100 * result.performance.maximum_drawdown, 6) == 10.754344


@pytest.mark.skipif(not FLOX_BARS.exists(), reason=f"{FLOX_BARS} is not there")
@pytest.mark.parametrize(("end", "profit", "trades"), [("", -48.8508, 58), ("2026-04-19T22:16:00Z", -14.7771, 10)])
def test_the_strategy_that_flox_writes_is_reproduced(tmp_path, end, profit, trades):
    """Fills at the close that was decided on; its net PnL leaves an open position at its cost: 0.10.1 prints these."""
    reading = {"instrument_id": "binance:BTCUSDT", "bar_time": "open"}
    result = result_of("flox_sma_cross", "SmaCross", tmp_path, data=[str(FLOX_BARS)], import_options=reading, end=end)
    assert result.performance is not None
    assert round(float(result.performance.realised), 4) == profit
    assert result.performance.trades == trades


@pytest.mark.skipif(not all(path.exists() for path in BINANCE_LOGS), reason=f"{BINANCE_LOGS[0].parent} does not hold the logs of two days")
def test_market_orders_on_recorded_depth_fill_as_in_hftbacktest(tmp_path):
    """Its 2.4.2 prints a balance of -616.7452 beside a fee of 12.95684120."""
    result = result_of("hftbacktest_turns", "Turns", tmp_path, data=[str(path) for path in BINANCE_LOGS])
    assert result.balances["replay"] == {"BTC": "0.01000000", "USDT": "9370.29795880"}
    assert (result.fills, result.fees, result.denials, result.alarms) == (21, "12.95684120", {}, {})
