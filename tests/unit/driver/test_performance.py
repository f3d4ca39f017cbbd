"""Performance: figures by hand from a handful of values."""

from math import sqrt

import pytest

from live.core.instruments import Instrument
from live.core.records import FundingRecorded, PositionChanged
from live.core.state import EngineState
from live.driver.performance import DAY, PerformanceMeter

BTC = Instrument(instrument_id="x:BTCUSDT", base="BTC", quote="USDT", price_scale=2, quantity_scale=3)
UNIT = 10**8


def position(ts: int, quantity: int, realised: int, fees: int) -> PositionChanged:
    """State a position after a fill."""
    return PositionChanged(ts, "s", "replay", BTC.instrument_id, quantity, 0, realised * UNIT, fees * UNIT, 0)


def test_equity_drawdown_and_return():
    """Up to 120, down to 90, and 110 at the end: a quarter of the peak was lost, a tenth won."""
    meter = PerformanceMeter("USDT")
    for ts, equity in enumerate((100, 120, 90, 110)):
        meter.value(ts, equity * UNIT)
    report = meter.report(EngineState())
    assert (report.opening_equity, report.equity, report.profit) == ("100.00000000", "110.00000000", "10.00000000")
    assert report.maximum_drawdown == pytest.approx(0.25)
    assert report.total_return == pytest.approx(0.1)
    assert meter.drawdown == pytest.approx(10 / 120)


def test_the_sharpe_ratio_is_of_daily_returns_over_a_year_of_365_days():
    """Returns of 10 %, -10 % and 20 %: mean 1/15 over the deviation of a sample; what happens within a day does not matter."""
    meter = PerformanceMeter("USDT")
    meter.value(1, 100 * UNIT)
    for day, equity in enumerate((110.0, 99.0, 118.8)):
        meter.value(day * DAY + DAY // 2, 50 * UNIT)
        meter.value((day + 1) * DAY, round(equity * UNIT))
    mean = 0.2 / 3
    deviation = sqrt(((0.1 - mean) ** 2 + (-0.1 - mean) ** 2 + (0.2 - mean) ** 2) / 2)
    assert meter.report(EngineState()).sharpe_ratio == pytest.approx(mean / deviation * sqrt(365))


def test_trades_end_flat_or_on_the_other_side_and_win_after_fees():
    """A gain of 5 with fees of 2 wins; one of 1 with fees of 2 loses; a turn ends one and begins the next."""
    meter = PerformanceMeter("USDT")
    meter.value(0, 100 * UNIT)
    meter.take([position(10, 100, 0, 1), position(20, 0, 5, 2)])
    meter.take([position(30, 100, 5, 3), position(40, 50, 5, 3), position(50, -100, 6, 4)])
    meter.take([position(80, 0, 16, 5)])
    meter.value(100, 111 * UNIT)
    report = meter.report(EngineState())
    assert (report.trades, report.winning_trades) == (3, 2)
    assert report.win_rate == pytest.approx(2 / 3)
    assert report.exposure_time == pytest.approx(0.6)


def test_a_position_that_is_still_open_counts_as_exposure_and_as_no_trade():
    """Until the last event."""
    meter = PerformanceMeter("USDT")
    meter.value(0, UNIT)
    meter.take([position(50, 100, 0, 0)])
    meter.value(100, UNIT)
    report = meter.report(EngineState())
    assert (report.trades, report.win_rate, report.exposure_time) == (0, None, 0.5)


def test_funding_is_what_came_in_less_what_went_out():
    """By its records."""
    meter = PerformanceMeter("USDT")
    meter.take(
        [
            FundingRecorded(1, "replay", "s", BTC.instrument_id, "f1", 3 * UNIT),
            FundingRecorded(2, "replay", "s", BTC.instrument_id, "f2", -UNIT),
        ]
    )
    assert meter.report(EngineState()).funding == "2.00000000"


def test_what_is_not_defined_is_said_to_be_so():
    """One day has no deviation, and nothing has no return."""
    meter = PerformanceMeter("USDT")
    meter.value(1, 0)
    report = meter.report(EngineState())
    assert (report.sharpe_ratio, report.total_return, report.maximum_drawdown) == (None, None, 0.0)
