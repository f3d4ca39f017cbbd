"""Curves: how a value went with the market's time, thinned to what a page can show without losing its extremes."""

from collections.abc import Sequence

from dagster_project.reports.contents import Curve, CurvePoint
from live.core.decimals import MONEY_SCALE, format_scaled

LARGEST_CURVE = 1_200
"""Points that are kept: more than a page has pixels."""


class Tracker:
    """Collect a value at each distinct time."""

    def __init__(self) -> None:
        self.points: list[CurvePoint] = []

    def add(self, ts: int, value: int) -> None:
        """Take in the value at a time; a second value at the same time replaces the first."""
        if self.points and self.points[-1].ts == ts:
            self.points[-1] = CurvePoint(ts, value)
        else:
            self.points.append(CurvePoint(ts, value))

    def curve(self, quote: str) -> Curve:
        """Give the curve in a quote asset."""
        return Curve(quote, thin(self.points), format_scaled(drawdown(self.points), MONEY_SCALE))


def drawdown(points: Sequence[CurvePoint]) -> int:
    """Give the largest fall from a peak to a later value, in money units; 0 when it never fell."""
    peak, largest = None, 0
    for point in points:
        peak = point.value if peak is None else max(peak, point.value)
        largest = max(largest, peak - point.value)
    return largest


def thin(points: Sequence[CurvePoint], largest: int = LARGEST_CURVE) -> tuple[CurvePoint, ...]:
    """Keep of each equal stretch the first, lowest, highest and last point, so that no extreme is lost."""
    if len(points) <= largest:
        return tuple(points)
    stretches = largest // 4
    kept: list[CurvePoint] = []
    for number in range(stretches):
        stretch = range(len(points) * number // stretches, len(points) * (number + 1) // stretches)
        lowest = min(stretch, key=lambda index: points[index].value)
        highest = max(stretch, key=lambda index: points[index].value)
        kept += [points[index] for index in sorted({stretch[0], lowest, highest, stretch[-1]})]
    return tuple(kept)
