"""Klines of one symbol: three series kept as trades happen, and every other length put together from them on request.

Source: Binance Spot API documentation, "Kline/Candlestick data": an interval without a trade has a flat bar at the last close.
"""

from collections import deque
from collections.abc import Iterable, Iterator
from copy import copy
from datetime import UTC, datetime

from msgspec import Struct

from live.venues.exchange.fixed8 import Fixed8
from live.venues.exchange.market import Kline

SECOND = 1_000_000
MINUTE = 60 * SECOND
HOUR = 60 * MINUTE
DAY = 24 * HOUR

LENGTHS: dict[str, int] = {
    "1s": SECOND,
    "1m": MINUTE,
    "3m": 3 * MINUTE,
    "5m": 5 * MINUTE,
    "15m": 15 * MINUTE,
    "30m": 30 * MINUTE,
    "1h": HOUR,
    "2h": 2 * HOUR,
    "4h": 4 * HOUR,
    "6h": 6 * HOUR,
    "8h": 8 * HOUR,
    "12h": 12 * HOUR,
    "1d": DAY,
    "3d": 3 * DAY,
    "1w": 7 * DAY,
}
"""Lengths in microseconds of the intervals that have one; a month has none."""

MONTH = "1M"
_MONDAY = 4 * DAY
"""The first Monday after the epoch: weeks begin with one."""


class Bar(Struct, array_like=True):
    """A bar that still grows; see `Kline`."""

    open_time: int
    open: Fixed8
    high: Fixed8
    low: Fixed8
    close: Fixed8
    volume: Fixed8 = 0
    quote_volume: Fixed8 = 0
    trades: int = 0
    taker_buy_volume: Fixed8 = 0
    taker_buy_quote_volume: Fixed8 = 0
    first_trade_id: int = -1
    last_trade_id: int = -1

    def absorb(self, later: "Bar") -> None:
        """Take in the bar that follows."""
        self.high = max(self.high, later.high)
        self.low = min(self.low, later.low)
        self.close = later.close
        self.volume += later.volume
        self.quote_volume += later.quote_volume
        self.trades += later.trades
        self.taker_buy_volume += later.taker_buy_volume
        self.taker_buy_quote_volume += later.taker_buy_quote_volume
        if later.trades:
            self.last_trade_id = later.last_trade_id
            if self.first_trade_id < 0:
                self.first_trade_id = later.first_trade_id


class Series:
    """Bars of one length without gaps, the newest last; the oldest make room.

    Attributes:
        length: of one bar, microseconds.
    """

    __slots__ = ("bars", "length")

    def __init__(self, length: int, most: int, bars: Iterable[Bar] = ()) -> None:
        self.length = length
        self.bars: deque[Bar] = deque(bars, maxlen=most)

    def current(self, time: int, price: Fixed8) -> Bar:
        """Give the bar that a trade at a time and price belongs to, after flat ones for the time in which nothing traded."""
        bars, length = self.bars, self.length
        opened = time - time % length
        if not bars:
            bars.append(Bar(opened, price, price, price, price))
        elif bars[-1].open_time < opened:
            self.extend(opened - length)
            bars.append(Bar(opened, price, price, price, price))
        return bars[-1]

    def extend(self, opened: int) -> None:
        """Add flat bars up to the one that opened at a time."""
        bars, length = self.bars, self.length
        if not bars:
            return
        close = bars[-1].close
        most = bars.maxlen or 0
        for open_time in range(max(bars[-1].open_time + length, opened - most * length), opened + length, length):
            bars.append(Bar(open_time, close, close, close, close))


class Bars:
    """All klines of one symbol."""

    __slots__ = ("hours", "minutes", "seconds")

    def __init__(self, seconds: Iterable[Bar] = (), minutes: Iterable[Bar] = (), hours: Iterable[Bar] = ()) -> None:
        self.seconds = Series(SECOND, 3_600, seconds)
        self.minutes = Series(MINUTE, 20_160, minutes)
        self.hours = Series(HOUR, 20_000, hours)

    def record(self, time: int, price: Fixed8, quantity: Fixed8, quote: Fixed8, trade_id: int, buyer_is_maker: bool) -> None:
        """Take in a trade."""
        for series in (self.seconds, self.minutes, self.hours):
            bar = series.current(time, price)
            bar.high = max(bar.high, price)
            bar.low = min(bar.low, price)
            bar.close = price
            bar.volume += quantity
            bar.quote_volume += quote
            bar.trades += 1
            bar.last_trade_id = trade_id
            if bar.first_trade_id < 0:
                bar.first_trade_id = trade_id
            if not buyer_is_maker:
                bar.taker_buy_volume += quantity
                bar.taker_buy_quote_volume += quote

    def klines(self, interval: str, now: int, start: int | None, end: int | None, limit: int, zone: int = 0) -> tuple[Kline, ...]:
        """Give bars of an interval as `Exchange.klines` does."""
        length = LENGTHS.get(interval, DAY)
        series = self.seconds if length == SECOND else self.minutes if length < HOUR or zone % HOUR else self.hours
        series.extend(now - now % series.length)
        first = series.bars[0].open_time if series.bars else now
        if start is not None:
            first = max(first, opening(interval, start + length - 1, zone) if interval != MONTH else start)
        elif interval != MONTH:
            # Without a start only the newest bars are wanted, so that older ones need not be put together.
            first = max(first, opening(interval, (now if end is None else min(now, end)) - (limit - 1) * length, zone))
        if start is not None and interval != MONTH:
            end = min(now if end is None else end, first + limit * length - 1)
        wanted = [bar for bar in self._since(series, first) if end is None or opening(interval, bar.open_time, zone) <= end]
        bars = _grouped(interval, wanted, zone)
        if start is not None:
            bars = [bar for bar in bars if bar.open_time >= start][:limit]
        return tuple(_kline(interval, bar, zone) for bar in bars[-limit:])

    @staticmethod
    def _since(series: Series, first: int) -> Iterator[Bar]:
        bars = series.bars
        if not bars:
            return
        skipped = max((first - bars[0].open_time) // series.length, 0)
        for index in range(min(skipped, len(bars)), len(bars)):
            yield bars[index]


def opening(interval: str, time: int, zone: int = 0) -> int:
    """Say when the bar opened that a time falls in; both microseconds UTC, `zone` what local time is ahead of UTC."""
    local = time + zone
    if interval == MONTH:
        day = datetime.fromtimestamp(local // SECOND, UTC)
        return int(datetime(day.year, day.month, 1, tzinfo=UTC).timestamp()) * SECOND - zone
    length = LENGTHS[interval]
    shift = _MONDAY if interval == "1w" else 0
    return time - (local - shift) % length


def closing(interval: str, open_time: int, zone: int = 0) -> int:
    """Give the last microsecond of the bar that opened at a time."""
    if interval == MONTH:
        return opening(interval, open_time + 32 * DAY, zone) - 1
    return open_time + LENGTHS[interval] - 1


def _grouped(interval: str, bars: Iterable[Bar], zone: int) -> list[Bar]:
    grouped: list[Bar] = []
    for bar in bars:
        open_time = opening(interval, bar.open_time, zone)
        if grouped and grouped[-1].open_time == open_time:
            grouped[-1].absorb(bar)
        else:
            whole = copy(bar)
            whole.open_time = open_time
            grouped.append(whole)
    return grouped


def _kline(interval: str, bar: Bar, zone: int) -> Kline:
    return Kline(
        open_time=bar.open_time,
        close_time=closing(interval, bar.open_time, zone),
        open=bar.open,
        high=bar.high,
        low=bar.low,
        close=bar.close,
        volume=bar.volume,
        quote_volume=bar.quote_volume,
        trades=bar.trades,
        taker_buy_volume=bar.taker_buy_volume,
        taker_buy_quote_volume=bar.taker_buy_quote_volume,
        first_trade_id=bar.first_trade_id,
        last_trade_id=bar.last_trade_id,
    )
