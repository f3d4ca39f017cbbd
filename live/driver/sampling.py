"""Sampling: a long series kept as stretches that lose none of its extremes, in memory that does not grow with it."""

from live.report.contents import CurvePoint

LARGEST_STRETCHES = 2_048
"""When as many stretches are full, each two become one: between half of it and all of it remain."""


class Sampler:
    """Keep of each stretch of a series its lowest and highest value, with when they were, and the last one."""

    __slots__ = ("_count", "_highest", "_last", "_lowest", "_size", "_stretches")

    def __init__(self) -> None:
        self._size = 1
        self._count = 0
        self._stretches: list[tuple[CurvePoint, CurvePoint]] = []
        self._lowest: tuple[int, float] | None = None
        self._highest: tuple[int, float] = (0, 0.0)
        self._last: tuple[int, float] = (0, 0.0)

    def add(self, ts: int, value: float) -> None:
        """Take in a value at a time, nanoseconds UTC."""
        self._last = (ts, value)
        if self._lowest is None:
            self._lowest = self._highest = self._last
        elif value < self._lowest[1]:
            self._lowest = self._last
        elif value > self._highest[1]:
            self._highest = self._last
        self._count += 1
        if self._count == self._size:
            self._close()

    def points(self) -> tuple[CurvePoint, ...]:
        """Give what was kept, in order of time, each point once."""
        stretches = list(self._stretches)
        if self._lowest is not None:
            stretches.append((CurvePoint(*self._lowest), CurvePoint(*self._highest)))
        found: list[CurvePoint] = []
        for low, high in stretches:
            found += [low] if low is high or low == high else sorted((low, high), key=lambda point: point.ts)
        last = CurvePoint(*self._last)
        if found and found[-1] != last:
            found.append(last)
        return tuple(found)

    def _close(self) -> None:
        if self._lowest is not None:
            self._stretches.append((CurvePoint(*self._lowest), CurvePoint(*self._highest)))
        self._lowest, self._count = None, 0
        if len(self._stretches) == LARGEST_STRETCHES:
            pairs = zip(self._stretches[::2], self._stretches[1::2], strict=True)
            self._stretches = [
                (min(one[0], two[0], key=lambda point: point.value), max(one[1], two[1], key=lambda point: point.value))
                for one, two in pairs
            ]
            self._size *= 2
