"""Bars whose prices go by chance, with or without something to find in them."""

from collections.abc import Callable

import numpy as np
import pandas as pd
import pytest

MakeBars = Callable[..., pd.DataFrame]


def make_bars(count: int, *, seed: int, planted: float = 0.0) -> pd.DataFrame:
    """Give half-hour bars; with `planted`, each return is pulled by so much of the mean of the four before it."""
    chance = np.random.default_rng(seed)
    noise = chance.normal(0.0, 0.004, count)
    returns = noise.copy()
    if planted:
        for index in range(4, count):
            returns[index] += planted * returns[index - 4 : index].mean()
    close = 5_000.0 * np.exp(np.cumsum(returns))
    spread = np.abs(chance.normal(0.0, 0.002, count))
    times = pd.date_range("2018-01-01", periods=count, freq="30min", tz="UTC", name="ts_close")
    columns = {"open": close, "high": close * (1 + spread), "low": close * (1 - spread), "close": close}
    return pd.DataFrame({**columns, "volume": chance.lognormal(3.0, 1.0, count)}, index=times)


@pytest.fixture(name="make_bars")
def _make_bars() -> MakeBars:
    return make_bars
