"""Draw a curve as SVG that stands in a page by itself: no script, no font, no file beside it."""

from collections.abc import Sequence
from datetime import UTC, datetime
from html import escape
from math import ceil, floor, log10

from dagster_project.reports.contents import Curve, CurvePoint
from live.core.decimals import MONEY_SCALE

WIDTH, HEIGHT = 860, 240
LEFT, RIGHT, TOP, BOTTOM = 84, 12, 12, 28
_ROOM = 36
"""Half the width of a date: nearer to an edge, a text begins or ends there."""
X_TICKS, Y_TICKS = 7, 5
_MINUTE = 60_000_000_000
_DAY = 1_440 * _MINUTE
_STEPS = [
    *(minutes * _MINUTE for minutes in (1, 2, 5, 10, 15, 30, 60, 120, 180, 240, 360, 720)),
    *(days * _DAY for days in (1, 2, 4, 7, 14, 28, 91, 182, 365, 1_826)),
]


def draw(curve: Curve, label: str) -> str:
    """Give the curve as an SVG element; empty without two points to draw a line between.

    Args:
        curve: values in money units, at times in nanoseconds UTC.
        label: what it shows, for those who cannot see it.
    """
    points = curve.points
    if len(points) < 2:
        return ""
    values = [point.value / 10**MONEY_SCALE for point in points]
    ticks = value_ticks(min(values), max(values))
    low, high = min(ticks[0], *values), max(ticks[-1], *values)
    start, end = points[0].ts, points[-1].ts

    def x(ts: int) -> float:
        return LEFT + (WIDTH - LEFT - RIGHT) * (ts - start) / (end - start)

    def y(value: float) -> float:
        return TOP + (HEIGHT - TOP - BOTTOM) * (high - value) / (high - low)

    line = " ".join(f"{x(point.ts):.1f},{y(value):.1f}" for point, value in zip(points, values, strict=True))
    floor_y = HEIGHT - BOTTOM
    parts = [
        f'<svg class="chart" viewBox="0 0 {WIDTH} {HEIGHT}" role="img" aria-label="{escape(label)}">',
        f"<title>{escape(label)}</title>",
        *(_horizontal(y(tick), tick, ticks) for tick in ticks),
        *(_vertical(x(ts), ts, points) for ts in time_ticks(start, end)),
        f'<polygon class="area" points="{x(start):.1f},{floor_y} {line} {x(end):.1f},{floor_y}"/>',
        f'<polyline class="line" points="{line}"/>',
        f'<circle class="dot" cx="{x(end):.1f}" cy="{y(values[-1]):.1f}" r="3"/>',
        "</svg>",
    ]
    return "\n".join(parts)


def value_ticks(low: float, high: float) -> list[float]:
    """Choose round values for the axis, from at or below `low` to at or above `high`.

    Steps are 1, 2 or 5 times a power of ten (Heckbert, "Nice numbers for graph labels", Graphics Gems, 1990).
    """
    spread = (high - low) or max(abs(high) * 0.01, 1.0)
    raw = spread / (Y_TICKS - 1)
    power = 10.0 ** floor(log10(raw))
    step = next(factor * power for factor in (1, 2, 5, 10) if factor * power >= raw * 0.999)
    first, last = floor(low / step), ceil(high / step)
    return [number * step for number in range(first, max(last, first + 1) + 1)]


def _horizontal(at: float, value: float, ticks: Sequence[float]) -> str:
    decimals = max(0, -floor(log10(ticks[1] - ticks[0]) + 1e-9))
    text = f"{value:,.{decimals}f}".replace("-0", "0") if not value else f"{value:,.{decimals}f}"
    return (
        f'<line class="grid" x1="{LEFT}" x2="{WIDTH - RIGHT}" y1="{at:.1f}" y2="{at:.1f}"/>'
        f'<text class="tick" x="{LEFT - 8}" y="{at + 4:.1f}" text-anchor="end">{text}</text>'
    )


def _vertical(at: float, ts: int, points: Sequence[CurvePoint]) -> str:
    moment = datetime.fromtimestamp(ts // 1_000_000_000, UTC)
    days = (points[-1].ts - points[0].ts) / _DAY
    text = f"{moment:%H:%M}" if days <= 1 else f"{moment:%m-%d %H:%M}" if days <= 4 else f"{moment:%Y-%m-%d}"
    anchor = "start" if at < LEFT + _ROOM else "end" if at > WIDTH - RIGHT - _ROOM else "middle"
    return f'<text class="tick" x="{at:.1f}" y="{HEIGHT - 8}" text-anchor="{anchor}">{text}</text>'


def time_ticks(start: int, end: int) -> list[int]:
    """Choose round times within a stretch, in nanoseconds UTC: at most `X_TICKS`, at least one where one fits."""
    step = next((step for step in _STEPS if (end - start) // step < X_TICKS), _STEPS[-1])
    return list(range(-(-start // step) * step, end + 1, step))
