"""Performance: what a replay's fills amount to, day by day."""

from collections.abc import Mapping, Sequence
from typing import NamedTuple

from dagster_project.equity import DAY, EquityPoint, FillFact, equity_curve, read_fills, read_funding, returns_by_day
from dagster_project.gates.sharpe import sharpe_ratio
from live.core.decimals import MONEY_SCALE, parse_scaled
from live.core.inputs import Bar
from live.core.instruments import Instrument
from live.driver.evidence import Run
from live.driver.tape_replay import TapeReplayOptions

DailyReturns = list[tuple[int, float]]
OPENING_CASH = parse_scaled(TapeReplayOptions().cash, MONEY_SCALE)
"""What every replay of a gate begins with, in money units."""


class Performance(NamedTuple):
    """Hold what one replay earned.

    Attributes:
        fills: its executions.
        curve: equity after each bar time.
        returns: simple returns by UTC day, of the days that count.
        sharpe: Sharpe ratio per day of those returns; None where it has no meaning.
    """

    fills: list[FillFact]
    curve: list[EquityPoint]
    returns: DailyReturns
    sharpe: float | None


def measure_performance(run: Run, bars: Sequence[Bar], instruments: Mapping[str, Instrument], counts_after: int | None) -> Performance:
    """Reconstruct equity from a replay's journal; days that begin before `counts_after` (nanoseconds UTC) do not count.

    Raises:
        EquityError: the journal and the bars do not fit together.
    """
    fills = read_fills(run.journal)
    curve = equity_curve(fills, bars, instruments, OPENING_CASH, read_funding(run.journal))
    first = 0 if counts_after is None else -(-counts_after // DAY)
    returns = [(day, value) for day, value in returns_by_day(curve) if day >= first]
    return Performance(fills, curve, returns, sharpe_ratio([value for _, value in returns]))
