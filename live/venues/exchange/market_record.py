"""What has traded in one symbol, kept as it happens: trades, aggregate trades, bars, and the averages that filters and tickers ask for."""

from bisect import bisect_left
from collections import deque
from collections.abc import Iterable
from copy import copy
from itertools import islice

from msgspec import Struct

from live.venues.exchange.bars import DAY, MINUTE, SECOND, Bar, Bars
from live.venues.exchange.fixed8 import ONE, Fixed8
from live.venues.exchange.market import AggregateTrade, PublicTrade, Ticker

TRADES_KEPT = 10_000
"""Newest trades, and aggregate trades, that can be asked for."""

AVERAGE_SECONDS = 300
"""Length of the average price's window: the `avgPriceMins` of the symbols here."""


class MarketState(Struct):
    """A market record as it is written down."""

    trades: list[PublicTrade]
    aggregates: list[AggregateTrade]
    seconds: list[Bar]
    minutes: list[Bar]
    hours: list[Bar]
    last_price: Fixed8
    last_quantity: Fixed8


class MarketRecord:
    """What has traded in one symbol.

    Attributes:
        last_price, last_quantity: of the newest trade, 0 before the first.
    """

    __slots__ = (
        "_average_quote",
        "_average_volume",
        "_averaged",
        "_closed_day",
        "_closed_until",
        "aggregates",
        "bars",
        "last_price",
        "last_quantity",
        "symbol",
        "trades",
    )

    def __init__(self, symbol: str) -> None:
        self.symbol = symbol
        self.trades: deque[PublicTrade] = deque(maxlen=TRADES_KEPT)
        self.aggregates: deque[AggregateTrade] = deque(maxlen=TRADES_KEPT)
        self.bars = Bars()
        self.last_price: Fixed8 = 0
        self.last_quantity: Fixed8 = 0
        # Volume and quote volume by second, newest last, and their sums.
        self._averaged: deque[tuple[int, Fixed8, Fixed8]] = deque()
        self._average_volume: Fixed8 = 0
        self._average_quote: Fixed8 = 0
        self._closed_day: Bar | None = None
        self._closed_until = -1

    def record(self, trade: PublicTrade) -> None:
        """Take in a trade."""
        quote = trade.quote_quantity
        self.trades.append(trade)
        self.last_price = trade.price
        self.last_quantity = trade.quantity
        self.bars.record(trade.time, trade.price, trade.quantity, quote, trade.trade_id, trade.buyer_is_maker)
        self._average_in(trade.time // SECOND, trade.quantity, quote)

    def average_price(self, now: int) -> Fixed8:
        """Give the volume-weighted price of the last five minutes, the last price when nothing traded in them."""
        self._average_out(now // SECOND)
        if not self._average_volume:
            return self.last_price
        return self._average_quote * ONE // self._average_volume

    def recent_trades(self, limit: int, from_id: int | None) -> tuple[PublicTrade, ...]:
        """Give the newest trades, or those from an id on, oldest first."""
        trades = self.trades
        if from_id is None:
            return tuple(islice(trades, max(len(trades) - limit, 0), None))
        skipped = max(from_id - trades[0].trade_id, 0) if trades else 0
        return tuple(islice(trades, skipped, skipped + limit))

    def aggregate_trades(self, from_id: int | None, start: int | None, end: int | None, limit: int) -> tuple[AggregateTrade, ...]:
        """Give aggregate trades from an id on or within times, oldest first; the newest ones without either."""
        known = list(self.aggregates)
        if end is not None:
            known = known[: bisect_left(known, end + 1, key=lambda trade: trade.time)]
        if from_id is not None:
            return tuple(known[bisect_left(known, from_id, key=lambda trade: trade.aggregate_id) :][:limit])
        if start is not None:
            return tuple(known[bisect_left(known, start, key=lambda trade: trade.time) :][:limit])
        return tuple(known[-limit:])

    def ticker(self, now: int) -> Ticker:
        """Give the statistics of the last 24 hours, whose first minute is counted as a whole."""
        series = self.bars.minutes
        series.extend(now - now % MINUTE)
        bars = series.bars
        opened = (now - DAY) // MINUTE * MINUTE
        index = max(len(bars) - DAY // MINUTE - 1, 0)
        previous = bars[index - 1].close if index else 0
        day = self._closed(opened, index)
        if bars and bars[-1].trades:
            if day is None:
                day = bars[-1]
            else:
                day = copy(day)
                day.absorb(bars[-1])
        if day is None:
            return Ticker(
                symbol=self.symbol,
                open_time=now - DAY,
                close_time=now,
                open=0,
                high=0,
                low=0,
                last=self.last_price,
                last_quantity=self.last_quantity,
                previous_close=previous,
                weighted_average=0,
                volume=0,
                quote_volume=0,
                first_trade_id=-1,
                last_trade_id=-1,
                trades=0,
            )
        return Ticker(
            symbol=self.symbol,
            open_time=now - DAY,
            close_time=now,
            open=day.open,
            high=day.high,
            low=day.low,
            last=self.last_price,
            last_quantity=self.last_quantity,
            previous_close=previous or day.open,
            weighted_average=day.quote_volume * ONE // day.volume,
            volume=day.volume,
            quote_volume=day.quote_volume,
            first_trade_id=day.first_trade_id,
            last_trade_id=day.last_trade_id,
            trades=day.trades,
        )

    def write(self) -> MarketState:
        """Give the record as it is written down."""
        bars = self.bars
        return MarketState(
            list(self.trades),
            list(self.aggregates),
            list(bars.seconds.bars),
            list(bars.minutes.bars),
            list(bars.hours.bars),
            self.last_price,
            self.last_quantity,
        )

    @classmethod
    def read(cls, symbol: str, state: MarketState) -> "MarketRecord":
        """Give the record that was written down."""
        record = cls(symbol)
        record.trades.extend(state.trades)
        record.aggregates.extend(state.aggregates)
        record.bars = Bars(state.seconds, state.minutes, state.hours)
        record.last_price = state.last_price
        record.last_quantity = state.last_quantity
        for bar in state.seconds[-AVERAGE_SECONDS:]:
            record._average_in(bar.open_time // SECOND, bar.volume, bar.quote_volume)
        return record

    def _average_in(self, second: int, volume: Fixed8, quote: Fixed8) -> None:
        averaged = self._averaged
        if averaged and averaged[-1][0] == second:
            _, known, known_quote = averaged.pop()
            averaged.append((second, known + volume, known_quote + quote))
        else:
            averaged.append((second, volume, quote))
            self._average_out(second)
        self._average_volume += volume
        self._average_quote += quote

    def _average_out(self, second: int) -> None:
        averaged = self._averaged
        while averaged and averaged[0][0] <= second - AVERAGE_SECONDS:
            _, volume, quote = averaged.popleft()
            self._average_volume -= volume
            self._average_quote -= quote

    def _closed(self, opened: int, index: int) -> Bar | None:
        """Give the window's bars but the current one as one bar; they are added up once a minute."""
        if self._closed_until != opened:
            bars = self.bars.minutes.bars
            self._closed_until = opened
            self._closed_day = _whole(islice(bars, index, max(len(bars) - 1, 0)))
        return self._closed_day


def _whole(bars: Iterable[Bar]) -> Bar | None:
    """Put bars together, those without a trade left out: their prices are of trades before the window."""
    whole: Bar | None = None
    for bar in bars:
        if not bar.trades:
            continue
        if whole is None:
            whole = copy(bar)
        else:
            whole.absorb(bar)
    return whole
