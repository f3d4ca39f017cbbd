"""Plots of an evaluation: drawn off screen and without matplotlib's global state, so that threads and notebooks do not disturb them."""

from collections.abc import Sequence
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

from dagster_project.equity import EquityPoint
from live.core.decimals import MONEY_SCALE

if TYPE_CHECKING:
    from matplotlib.figure import Figure

INK, BLUE, RED, LINE = "#1d2733", "#0b5cad", "#b3261e", "#d7dee6"
BINS = 40


def equity_figure(curve: Sequence[EquityPoint], title: str) -> "Figure":
    """Draw equity over time with the fall from its peak below; both panels share the time axis."""
    figure, (upper, lower) = _figure(2, title)
    times = [datetime.fromtimestamp(point.ts / 1_000_000_000, UTC) for point in curve]
    equity = [point.equity / 10**MONEY_SCALE for point in curve]
    upper.plot(times, equity, color=BLUE, linewidth=1)
    upper.set_ylabel("equity, quote asset")
    falls = [-100 * fall for fall in _falls(equity)]
    lower.fill_between(times, falls, 0, color=RED, alpha=0.35, linewidth=0)
    lower.plot(times, falls, color=RED, linewidth=0.8)
    lower.set_ylabel("drawdown, %")
    lower.sharex(upper)
    upper.tick_params(labelbottom=False)
    return figure


def returns_figure(returns: Sequence[tuple[int, float]], title: str) -> "Figure":
    """Draw how the daily returns are distributed, with the mean of all; days on which equity did not move have no bar."""
    figure, (panel,) = _figure(1, title)
    moved = [100 * value for _, value in returns if value]
    panel.hist(moved, bins=BINS, color=BLUE, alpha=0.8)
    if returns:
        mean = 100 * sum(value for _, value in returns) / len(returns)
        panel.axvline(mean, color=RED, linewidth=1.2, label=f"mean of all days {mean:.3f} %")
        panel.legend(frameon=False)
    panel.set_xlabel(f"return of a day, %  ({len(moved)} of {len(returns)} days; equity did not move on the others)")
    panel.set_ylabel("days")
    return figure


def _figure(panels: int, title: str) -> tuple["Figure", Sequence[Any]]:
    from matplotlib.backends.backend_agg import FigureCanvasAgg
    from matplotlib.figure import Figure

    figure = Figure(figsize=(9.0, 5.4 if panels > 1 else 4.2), dpi=110, layout="constrained")
    FigureCanvasAgg(figure)
    axes = figure.subplots(panels, 1, squeeze=False, height_ratios=(2.2, 1)[:panels])[:, 0]
    figure.suptitle(title, fontsize=11, color=INK, x=0.01, ha="left")
    for panel in axes:
        panel.set_axisbelow(True)
        panel.grid(visible=True, color=LINE, linewidth=0.6)
        panel.spines[["top", "right"]].set_visible(False)
        panel.tick_params(labelsize=9)
    return figure, list(axes)


def _falls(equity: Sequence[float]) -> list[float]:
    falls: list[float] = []
    peak = 0.0
    for value in equity:
        peak = max(peak, value)
        falls.append((peak - value) / peak if peak > 0 else 0.0)
    return falls
