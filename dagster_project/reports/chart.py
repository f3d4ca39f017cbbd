"""Draw a curve as SVG that stands in a page by itself: no script, no font, no file beside it."""

from collections.abc import Sequence
from datetime import UTC, datetime
from html import escape
from math import ceil, floor, log10

from dagster_project.reports.contents import Curve, CurvePoint
from live.core.decimals import MONEY_SCALE

WIDTH, HEIGHT = 860, 240
LEFT, RIGHT, TOP, BOTTOM = 84, 12, 12, 28
X_TICKS, Y_TICKS = 6, 5
_DAY = 86_400_000_000_000


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
        *(_vertical(x(ts), ts, points) for ts in _times(start, end)),
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
    text = f"{moment:%H:%M}" if days <= 1 else f"{moment:%m-%d %H:%M}" if days <= 6 else f"{moment:%Y-%m-%d}"
    anchor = "start" if ts == points[0].ts else "end" if ts == points[-1].ts else "middle"
    return f'<text class="tick" x="{at:.1f}" y="{HEIGHT - 8}" text-anchor="{anchor}">{text}</text>'


def _times(start: int, end: int) -> list[int]:
    return [start + (end - start) * number // (X_TICKS - 1) for number in range(X_TICKS)]
