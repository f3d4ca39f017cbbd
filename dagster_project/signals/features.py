"""Features of bars: each row says only what was known at its bar's close."""

from __future__ import annotations

from typing import TYPE_CHECKING

from dagster_project.signals.errors import SignalError

if TYPE_CHECKING:
    import pandas as pd

RETURN_BARS = (1, 4, 12, 48, 336)
"""Over how many bars returns look back: of half-hour bars half an hour, two hours, six, a day and a week."""
VOLATILITY_BARS = 48
VOLUME_BARS = 336
LONGEST_LOOK_BACK = 337
"""Bars that a row rests on, itself included."""


def momentum_features(bars: pd.DataFrame) -> pd.DataFrame:
    """Give the features of each bar whose history is long enough.

    Returns are logarithmic and in units of the volatility then, so that quiet and wild months can be compared.

    Args:
        bars: open, high, low, close and volume as floats, under their closing time in increasing order.

    Raises:
        SignalError: the times do not increase, or a close is not above zero.
    """
    import numpy as np
    import pandas as pd

    if not (bars.index.is_monotonic_increasing and bars.index.is_unique):
        raise SignalError("features need bars under increasing times, received times that repeat or go back: sort them, drop duplicates")
    if not bool((bars["close"] > 0).all()):
        raise SignalError("features need closes above zero, received one that is not: correct the bars")
    logarithm = pd.Series(np.log(bars["close"].to_numpy()), index=bars.index)
    volatility = logarithm.diff().rolling(VOLATILITY_BARS).std()
    # Where nothing moved for a day a return in units of volatility has no meaning, and the row is left out.
    unit = volatility.where(volatility > 0)
    features = {f"return_{count}": logarithm.diff(count) / (unit * count**0.5) for count in RETURN_BARS}
    volume = pd.Series(np.log1p(bars["volume"].to_numpy()), index=bars.index)
    spread = volume.rolling(VOLUME_BARS).std()
    features["volatility"] = pd.Series(np.log(unit.to_numpy()), index=bars.index)
    features["volume"] = (volume - volume.rolling(VOLUME_BARS).mean()) / spread.where(spread > 0)
    return pd.DataFrame(features).dropna()


def forward_returns(bars: pd.DataFrame, horizon: int) -> pd.Series:
    """Give the logarithmic return over the next `horizon` bars, known only so many bars later; the last bars have none.

    Raises:
        SignalError: the horizon is less than one bar.
    """
    import numpy as np
    import pandas as pd

    if horizon < 1:
        raise SignalError(f"a horizon is one bar or more, received {horizon}")
    logarithm = np.log(bars["close"].to_numpy())
    ahead = logarithm[horizon:] - logarithm[:-horizon]
    return pd.Series(ahead, index=bars.index[: len(ahead)])
