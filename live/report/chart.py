"""Charts as SVG that stands in a page by itself: no font and no file beside it; the page's script only reads what is drawn."""

from collections.abc import Sequence
from datetime import UTC, datetime
from html import escape
from math import ceil, floor, log10

import msgspec

from live.report.contents import CurvePoint, FillMark

WIDTH = 1_000
LEFT, RIGHT, TOP, BOTTOM = 86, 14, 12, 26
_ROOM = 40
"""Half the width of a date: nearer to an edge, a text begins or ends there."""
X_TICKS, Y_TICKS = 8, 5
MANY_MARKS = 400
"""Beyond so many fills the marks are drawn smaller."""
_MINUTE = 60_000_000_000
_DAY = 1_440 * _MINUTE
_STEPS = [
    *(seconds * 1_000_000_000 for seconds in (1, 2, 5, 10, 15, 30)),
    *(minutes * _MINUTE for minutes in (1, 2, 5, 10, 15, 30, 60, 120, 180, 240, 360, 720)),
    *(days * _DAY for days in (1, 2, 4, 7, 14, 28, 91, 182, 365, 1_826)),
]


class ChartStyle(msgspec.Struct, frozen=True, kw_only=True):
    """Say how a curve is drawn.

    Attributes:
        label: what it shows, for those who cannot see it.
        height: in the chart's own units, of which it is `WIDTH` wide.
        percent: values are shares, shown in per cent.
        downward: zero is the top, and a larger value lies lower, as drawdowns are drawn.
        area: whether the space between the curve and its floor is tinted.
        tone: `accent`, `loss` or `quiet`.
    """

    label: str
    height: int = 240
    percent: bool = False
    downward: bool = False
    area: bool = True
    tone: str = "accent"


class _Frame:
    """Place times and values on the drawing."""

    def __init__(self, points: Sequence[CurvePoint], style: ChartStyle, period: tuple[int, int]) -> None:
        values = [point.value for point in points]
        self.ticks = value_ticks(min(0.0, *values) if style.downward or style.percent else min(values), max(values))
        self.low, self.high = min(self.ticks[0], *values), max(self.ticks[-1], *values)
        self.start, self.end = period
        self.style = style

    def x(self, ts: int) -> float:
        """Place a time."""
        return LEFT + (WIDTH - LEFT - RIGHT) * (ts - self.start) / max(1, self.end - self.start)

    def y(self, value: float) -> float:
        """Place a value."""
        share = (self.high - value) / (self.high - self.low)
        height = self.style.height - TOP - BOTTOM
        return TOP + height * (1 - share if self.style.downward else share)


def draw(points: Sequence[CurvePoint], style: ChartStyle, period: tuple[int, int], fills: Sequence[FillMark] = ()) -> str:
    """Give a curve as an SVG element; empty without two points to draw a line between.

    Args:
        points: values at times, in order of time.
        style: how it is drawn.
        period: the first and the last time of the axis, nanoseconds UTC.
        fills: marks to draw over it: a triangle up for a purchase, down for a sale.
    """
    if len(points) < 2 or period[0] >= period[1]:
        return ""
    frame = _Frame(points, style, period)
    line = " ".join(f"{frame.x(point.ts):.1f},{frame.y(point.value):.1f}" for point in points)
    floor_y = frame.y(0.0) if style.downward else style.height - BOTTOM
    scale = f'data-start="{period[0]}" data-end="{period[1]}" data-low="{frame.low!r}" data-high="{frame.high!r}"'
    flags = f'data-percent="{int(style.percent)}" data-downward="{int(style.downward)}"'
    first, last = frame.x(points[0].ts), frame.x(points[-1].ts)
    label = escape(style.label)
    parts = [
        f'<svg class="chart {style.tone}" viewBox="0 0 {WIDTH} {style.height}" role="img" aria-label="{label}" {scale} {flags}>',
        f"<title>{label}</title>",
        *(_horizontal(frame, tick) for tick in frame.ticks),
        *(_vertical(frame, ts) for ts in time_ticks(*period)),
        f'<polygon class="area" points="{first:.1f},{floor_y:.1f} {line} {last:.1f},{floor_y:.1f}"/>' if style.area else "",
        f'<polyline class="line" points="{line}"/>',
        *(_mark(frame, fill, 3.0 if len(fills) > MANY_MARKS else 5.0) for fill in fills),
        f'<line class="cursor" y1="{TOP}" y2="{style.height - BOTTOM}"/><text class="readout" y="{TOP + 2}"></text>',
        "</svg>",
    ]
    return "\n".join(part for part in parts if part)


def value_ticks(low: float, high: float) -> list[float]:
    """Choose round values for the axis, from at or below `low` to at or above `high`.

    Steps are 1, 2 or 5 times a power of ten (Heckbert, "Nice numbers for graph labels", Graphics Gems, 1990).
    """
    spread = (high - low) or max(abs(high) * 0.01, 1e-9)
    raw = spread / (Y_TICKS - 1)
    power = 10.0 ** floor(log10(raw))
    step = next(factor * power for factor in (1, 2, 5, 10) if factor * power >= raw * 0.999)
    first, last = floor(low / step), ceil(high / step)
    return [number * step for number in range(first, max(last, first + 1) + 1)]


def time_ticks(start: int, end: int) -> list[int]:
    """Choose round times within a stretch, in nanoseconds UTC: at most `X_TICKS`, at least one where one fits."""
    step = next((step for step in _STEPS if (end - start) // step < X_TICKS), _STEPS[-1])
    return list(range(-(-start // step) * step, end + 1, step))


def _horizontal(frame: _Frame, value: float) -> str:
    step, at = frame.ticks[1] - frame.ticks[0], frame.y(value)
    shown, step = (100 * value, 100 * step) if frame.style.percent else (value, step)
    decimals = max(0, -floor(log10(step) + 1e-9))
    text = f"{shown if round(shown, decimals) else 0.0:,.{decimals}f}{' %' if frame.style.percent else ''}"
    return (
        f'<line class="grid" x1="{LEFT}" x2="{WIDTH - RIGHT}" y1="{at:.1f}" y2="{at:.1f}"/>'
        f'<text class="tick" x="{LEFT - 8}" y="{at + 4:.1f}" text-anchor="end">{text}</text>'
    )


def _vertical(frame: _Frame, ts: int) -> str:
    moment, at = datetime.fromtimestamp(ts // 1_000_000_000, UTC), frame.x(ts)
    days = (frame.end - frame.start) / _DAY
    if days <= 1:
        text = f"{moment:%H:%M:%S}" if days < X_TICKS / 1_440 else f"{moment:%H:%M}"
    else:
        text = f"{moment:%m-%d %H:%M}" if days <= 4 else f"{moment:%Y-%m-%d}"
    anchor = "start" if at < LEFT + _ROOM else "end" if at > WIDTH - RIGHT - _ROOM else "middle"
    return f'<text class="tick" x="{at:.1f}" y="{frame.style.height - 7}" text-anchor="{anchor}">{text}</text>'


def _mark(frame: _Frame, fill: FillMark, size: float) -> str:
    x, y = frame.x(fill.ts), frame.y(fill.price)
    up = fill.side == "BUY"
    tip, base = (y - size, y + 0.6 * size) if up else (y + size, y - 0.6 * size)
    shape = f"{x:.1f},{tip:.1f} {x - 0.8 * size:.1f},{base:.1f} {x + 0.8 * size:.1f},{base:.1f}"
    return f'<polygon class="{"buy" if up else "sell"}" points="{shape}"/>'
