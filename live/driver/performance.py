"""Performance: what a replay made of its capital, measured at every market event.

Sharpe ratio: mean of the daily returns over their standard deviation, times the square root of the days of a year that
markets are open, without a risk-free rate (W. F. Sharpe, "The Sharpe Ratio", Journal of Portfolio Management, 1994). A
day's return is over equity at the last event of the UTC day; a bar that closes at midnight belongs to the day it ends.
Drawdown is the fall from the highest equity so far, as a share of it.
"""

from collections.abc import Sequence
from math import sqrt
from statistics import fmean, stdev

import msgspec

from live.core import records
from live.core.decimals import MONEY_SCALE, format_scaled
from live.core.state import EngineState

DAY = 86_400 * 1_000_000_000
DAYS_PER_YEAR = 365
"""Venues of crypto assets never close."""


class Performance(msgspec.Struct, frozen=True, kw_only=True):
    """Report a replay's performance; money is exact decimal text in the quote asset.

    Attributes:
        quote: the asset.
        opening_equity: equity at the first event.
        equity: equity at the end, positions valued at the last price.
        profit: the difference of both.
        total_return: profit over opening equity; None when that is not above zero.
        maximum_drawdown: the deepest fall from a peak as a share of it, measured at every market event; not at an open that is played
            before its bar.
        sharpe_ratio: a year's; None with fewer than two days or no variation.
        trades: round trips that ended: from flat to flat, or to the other side.
        winning_trades: of these, how many earned more than their fees.
        exposure_time: share of the time with any position.
        fees: fees paid in the quote asset.
        funding: funding received, less what was paid.
        realised: profit of what was closed, less all fees and with funding; what is still held counts at what it cost.
    """

    quote: str
    opening_equity: str
    equity: str
    profit: str
    total_return: float | None
    maximum_drawdown: float
    sharpe_ratio: float | None
    trades: int
    winning_trades: int
    exposure_time: float
    fees: str
    funding: str
    realised: str = "0"

    @property
    def win_rate(self) -> float | None:
        """Give the share of trades that earned more than their fees; None without a trade."""
        return self.winning_trades / self.trades if self.trades else None


class PerformanceMeter:
    """Follow equity, positions and round trips of one replay."""

    def __init__(self, quote: str) -> None:
        self._quote = quote
        self._opening: int | None = None
        self._equity = 0
        self._peak = 0
        self._drawdown = 0.0
        self._closing: dict[int, int] = {}
        self._funding = 0
        self._trades = 0
        self._wins = 0
        self._held: dict[tuple[str, str, str], int] = {}
        self._made: dict[tuple[str, str, str], int] = {}
        self._base: dict[tuple[str, str, str], int] = {}
        self._exposed_positions = 0
        self._exposed_since = 0
        self._exposed = 0
        self._first: int | None = None
        self._last = 0

    @property
    def drawdown(self) -> float:
        """Give the fall from the highest equity so far, as a share of it."""
        return (self._peak - self._equity) / self._peak if self._peak > 0 else 0.0

    def value(self, ts: int, equity: int) -> None:
        """Take in equity at a time, money units: first before the first market event, then after each."""
        if self._first is None:
            self._first, self._opening = ts, equity
        self._last, self._equity = ts, equity
        self._closing[(ts - 1) // DAY] = equity
        if equity >= self._peak:
            self._peak = equity
        elif self._peak > 0:
            fall = (self._peak - equity) / self._peak
            self._drawdown = max(self._drawdown, fall)

    def take(self, outputs: Sequence[records.OutputRecord]) -> None:
        """Take in what the engine said."""
        for record in outputs:
            if isinstance(record, records.PositionChanged):
                self._position(record)
            elif isinstance(record, records.FundingRecorded):
                self._funding += record.amount

    def report(self, state: EngineState) -> Performance:
        """Give the performance so far."""
        opening, exposed = self._opening or 0, self._exposed
        if self._exposed_positions:
            exposed += self._last - self._exposed_since
        length = self._last - (self._first or 0)
        positions = [one for one in state.ledger.positions.values() if state.instruments[one.instrument_id].quote == self._quote]
        fees = sum(position.fees for position in positions)
        return Performance(
            quote=self._quote,
            opening_equity=format_scaled(opening, MONEY_SCALE),
            equity=format_scaled(self._equity, MONEY_SCALE),
            profit=format_scaled(self._equity - opening, MONEY_SCALE),
            total_return=(self._equity - opening) / opening if opening > 0 else None,
            maximum_drawdown=self._drawdown,
            sharpe_ratio=_sharpe_ratio(opening, list(self._closing.values())),
            trades=self._trades,
            winning_trades=self._wins,
            exposure_time=exposed / length if length else 0.0,
            fees=format_scaled(fees, MONEY_SCALE),
            funding=format_scaled(self._funding, MONEY_SCALE),
            realised=format_scaled(sum(position.realised for position in positions) - fees + self._funding, MONEY_SCALE),
        )

    def _position(self, record: records.PositionChanged) -> None:
        """End a round trip when a position went flat or to the other side; what one fill charges for both counts to the first."""
        key = (record.account_id, record.strategy_id, record.instrument_id)
        made = record.realised - record.fees
        held = self._held.get(key, 0)
        if not held and not self._exposed_positions:
            self._exposed_since = record.ts
        if not held:
            # The fee of the fill that opens belongs to the round trip it opens, so the base is what stood before it.
            self._base[key] = self._made.get(key, 0)
        elif held * record.quantity <= 0:
            self._trades += 1
            self._wins += made > self._base[key]
            self._base[key] = made
        self._exposed_positions += bool(record.quantity) - bool(held)
        if held and not self._exposed_positions:
            self._exposed += record.ts - self._exposed_since
        self._held[key], self._made[key] = record.quantity, made


def _sharpe_ratio(opening: int, closing: Sequence[int]) -> float | None:
    returns: list[float] = []
    base = opening
    for equity in closing:
        if base <= 0:
            return None
        returns.append(equity / base - 1.0)
        base = equity
    if len(returns) < 2:
        return None
    spread = stdev(returns)
    return fmean(returns) / spread * sqrt(DAYS_PER_YEAR) if spread else None
