import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from dagster_project.signals import SignalError, forward_returns, momentum_features
from dagster_project.signals.features import LONGEST_LOOK_BACK

COUNT = 500


def walk(seed: int) -> pd.DataFrame:
    """Give bars that wander."""
    chance = np.random.default_rng(seed)
    close = 100 * np.exp(np.cumsum(chance.normal(0, 0.01, COUNT)))
    times = pd.date_range("2020-01-01", periods=COUNT, freq="30min", tz="UTC")
    return pd.DataFrame({"close": close, "volume": chance.lognormal(2, 1, COUNT)}, index=times)


@settings(max_examples=40)
@given(st.integers(LONGEST_LOOK_BACK, COUNT - 1), st.integers(0, 2**31), st.floats(0.01, 100.0))
def test_what_comes_later_changes_no_feature(cut: int, seed: int, factor: float):
    """Whatever is put in place of the future, or when it is cut off, the rows before it are the same to the last bit."""
    bars = walk(seed)
    told = momentum_features(bars)
    other = bars.copy()
    other.iloc[cut:] = walk(seed + 1).iloc[cut:].to_numpy() * factor
    before = bars.index[cut - 1]
    for changed in (other, bars.iloc[:cut]):
        pd.testing.assert_frame_equal(told.loc[:before], momentum_features(changed).loc[:before], check_exact=True, check_freq=False)


def test_a_bar_has_features_once_its_history_is_whole():
    """The first row stands where the longest look back is full, and every row after it is there."""
    bars = walk(1)
    told = momentum_features(bars)
    assert told.index[0] == bars.index[LONGEST_LOOK_BACK - 1]
    assert len(told) == COUNT - LONGEST_LOOK_BACK + 1
    assert not told.isna().to_numpy().any()


def test_a_feature_of_a_bar_does_see_that_bar():
    """A jump in the last close and volume shows in the last row: the features are not late either."""
    bars = walk(1)
    jumped = bars.copy()
    jumped.iloc[-1] *= 3.0
    assert momentum_features(jumped)["return_1"].iloc[-1] > momentum_features(bars)["return_1"].iloc[-1] + 1
    assert momentum_features(jumped)["volume"].iloc[-1] > momentum_features(bars)["volume"].iloc[-1]


def test_where_nothing_moves_there_is_no_row():
    """A day without a move has no volatility to measure by: the rows are left out, not filled with a guess."""
    bars = walk(1)
    bars.iloc[-60:, bars.columns.get_loc("close")] = 100.0
    assert bars.index[-1] not in momentum_features(bars).index


def test_forward_returns_are_what_follows():
    """The return over the next three bars, and none for the last three."""
    bars = walk(2)
    told = forward_returns(bars, 3)
    assert len(told) == COUNT - 3
    assert told.iloc[7] == pytest.approx(np.log(bars["close"].iloc[10] / bars["close"].iloc[7]))


def test_bars_that_cannot_be_right_are_refused():
    """Times that go back or repeat, a close that is not above zero, and a horizon of nothing are each named."""
    bars = walk(3)
    with pytest.raises(SignalError, match="times that repeat or go back"):
        momentum_features(bars.iloc[::-1])
    with pytest.raises(SignalError, match="times that repeat or go back"):
        momentum_features(pd.concat([bars, bars.iloc[-1:]]))
    bars.iloc[5, bars.columns.get_loc("close")] = 0.0
    with pytest.raises(SignalError, match="closes above zero"):
        momentum_features(bars)
    with pytest.raises(SignalError, match="one bar or more"):
        forward_returns(bars, 0)
