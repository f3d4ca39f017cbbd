"""Klines, statistics and averages are those of the trades."""

import pytest
from floor import BUY, SELL, Floor, units

from live.venues.exchange.bars import DAY, HOUR, MINUTE, SECOND, Bars, closing, opening
from live.venues.exchange.errors import VenueError

MONDAY = 1_699_833_600 * SECOND
"""2023-11-13 00:00 UTC, a Monday."""


def bars_of(*trades: tuple[int, str, int, bool]) -> Bars:
    """Record trades given as (microseconds after Monday, price, quantity, whether the buyer was the maker)."""
    bars = Bars()
    for number, (time, price, quantity, buyer_is_maker) in enumerate(trades, start=1):
        bars.record(MONDAY + time, units(price), units(quantity), units(price) * quantity, number, buyer_is_maker)
    return bars


def test_a_bar_holds_what_was_traded_in_its_time() -> None:
    """Open, high, low, close, volumes, counts, ids, and what takers bought."""
    bars = bars_of((0, "100", 1, False), (SECOND, "120", 2, True), (2 * SECOND, "90", 1, False), (59 * SECOND, "95", 1, True))

    (bar,) = bars.klines("1m", MONDAY + 59 * SECOND, None, None, 500)

    assert (bar.open_time, bar.close_time) == (MONDAY, MONDAY + MINUTE - 1)
    assert [bar.open, bar.high, bar.low, bar.close] == [units(price) for price in (100, 120, 90, 95)]
    assert (bar.volume, bar.quote_volume, bar.trades) == (units(5), units(100 + 240 + 90 + 95), 4)
    assert (bar.taker_buy_volume, bar.taker_buy_quote_volume) == (units(2), units(190))
    assert (bar.first_trade_id, bar.last_trade_id) == (1, 4)


def test_minutes_without_a_trade_are_flat_at_the_last_close() -> None:
    """There is no gap, up to the current minute."""
    bars = bars_of((0, "90", 1, False), (1, "100", 1, False), (3 * MINUTE, "110", 1, False))

    klines = bars.klines("1m", MONDAY + 5 * MINUTE, None, None, 500)

    assert [(bar.open_time - MONDAY) // MINUTE for bar in klines] == [0, 1, 2, 3, 4, 5]
    assert [bar.close for bar in klines] == [units(price) for price in (100, 100, 100, 110, 110, 110)]
    assert [bar.open for bar in klines][1:4] == [units(100), units(100), units(110)]
    assert [bar.trades for bar in klines] == [2, 0, 0, 1, 0, 0]
    assert klines[1].first_trade_id == -1
    (hour,) = bars.klines("15m", MONDAY + 5 * MINUTE, None, None, 500)
    assert (hour.first_trade_id, hour.last_trade_id) == (1, 3)


@pytest.mark.parametrize(
    ("interval", "opens"),
    [
        ("1s", 0),
        ("5m", 0),
        ("1h", 0),
        ("4h", 0),
        ("1d", 0),
        ("3d", 0),
        ("1w", 0),
        ("1M", -12 * DAY),
    ],
)
def test_bars_open_where_their_length_says(interval: str, opens: int) -> None:
    """Weeks open on Mondays, months on their first day, the rest at multiples since the epoch."""
    assert opening(interval, MONDAY) - MONDAY == opens
    assert opening(interval, closing(interval, MONDAY + opens)) == MONDAY + opens
    assert opening(interval, closing(interval, MONDAY + opens) + 1) > MONDAY


@pytest.mark.parametrize(("interval", "opens"), [("1h", 0), ("4h", 0), ("1d", -8 * HOUR), ("1w", -8 * HOUR), ("1M", -12 * DAY - 8 * HOUR)])
def test_bars_of_a_time_zone_open_on_its_clock(interval: str, opens: int) -> None:
    """Eight hours ahead of UTC a day, a week and a month open eight hours earlier."""
    zone = 8 * HOUR
    assert opening(interval, MONDAY, zone) - MONDAY == opens
    assert opening(interval, closing(interval, MONDAY + opens, zone) + 1, zone) == closing(interval, MONDAY + opens, zone) + 1


def test_longer_bars_are_put_together_from_shorter() -> None:
    """Five minutes of trades are one bar, and so are hours of them."""
    bars = bars_of(*((minute * MINUTE, str(100 + minute), 1, False) for minute in range(180)))
    now = MONDAY + 180 * MINUTE - 1

    fives = bars.klines("5m", now, None, None, 500)
    hours = bars.klines("1h", now, None, None, 500)
    (day,) = bars.klines("1d", now, None, None, 500)
    (month,) = bars.klines("1M", now, None, None, 500)

    assert (len(fives), len(hours)) == (36, 3)
    assert [fives[1].open, fives[1].high, fives[1].low, fives[1].close] == [units(price) for price in (105, 109, 105, 109)]
    assert [hours[1].open, hours[1].close, hours[1].trades] == [units(160), units(219), 60]
    assert (day.open, day.close, day.volume) == (month.open, month.close, month.volume) == (units(100), units(279), units(180))


def test_bars_can_be_asked_by_time_and_length() -> None:
    """From a time on, up to a time, or the newest, and no more than asked for."""
    bars = bars_of(*((minute * MINUTE, "100", 1, False) for minute in range(10)))
    now = MONDAY + 10 * MINUTE - 1

    def minutes(start: int | None, end: int | None, limit: int) -> list[int]:
        found = bars.klines("1m", now, start, end, limit)
        return [(bar.open_time - MONDAY) // MINUTE for bar in found]

    assert minutes(None, None, 3) == [7, 8, 9]
    assert minutes(MONDAY + 2 * MINUTE, None, 3) == [2, 3, 4]
    assert minutes(MONDAY + 2 * MINUTE + 1, None, 2) == [3, 4]
    assert minutes(MONDAY + 2 * MINUTE, MONDAY + 3 * MINUTE, 500) == [2, 3]
    assert minutes(None, MONDAY + 3 * MINUTE, 2) == [2, 3]
    assert minutes(MONDAY - DAY, None, 2) == [0, 1]


def test_an_unknown_length_is_refused() -> None:
    """-1120, and a symbol that has not traded has no bars."""
    floor = Floor()
    assert floor.exchange.klines("BTCUSDT", "1m", floor.now) == ()
    with pytest.raises(VenueError, match=r"-1120 Invalid interval\."):
        floor.exchange.klines("BTCUSDT", "7m", floor.now)


def test_the_days_statistics_let_go_of_what_is_older() -> None:
    """Only the trades of the last 24 hours count, and the price before them is the previous close."""
    floor = Floor()
    floor.now = monday = MONDAY + 7 * DAY
    floor.trade_at(500, 1)
    floor.now = monday + HOUR
    floor.trade_at(100, 1)
    floor.trade_at(130, 2)
    floor.now = monday + DAY + HOUR - MINUTE
    floor.trade_at(120, 1)

    day = floor.exchange.ticker("BTCUSDT", floor.now)

    assert [day.open, day.high, day.low, day.last] == [units(price) for price in (100, 130, 100, 120)]
    assert (day.volume, day.quote_volume, day.trades, day.last_quantity) == (units(4), units(100 + 260 + 120), 3, units(1))
    assert (day.first_trade_id, day.last_trade_id, day.previous_close) == (2, 4, units(500))
    assert day.weighted_average == units(120)
    assert (day.close_time - day.open_time) == DAY


def test_a_symbol_that_has_not_traded_for_a_day_has_no_statistics() -> None:
    """Only the last price is left."""
    floor = Floor()
    floor.trade_at(100, 1)
    floor.tick(2 * DAY)

    day = floor.exchange.ticker("BTCUSDT", floor.now)

    assert (day.trades, day.volume, day.high, day.first_trade_id, day.last) == (0, 0, 0, -1, units(100))
    assert floor.exchange.ticker("ETHUSDT", floor.now).last == 0


def test_statistics_asked_again_and_again_follow_each_trade() -> None:
    """What is added up once a minute never hides what came since."""
    floor = Floor()
    for step in range(1, 200):
        floor.trade_at(100 + step, 1)
        floor.tick(17 * SECOND)
        day = floor.exchange.ticker("BTCUSDT", floor.now)
        assert (day.trades, day.volume, day.last) == (step, units(step), units(100 + step))


def test_the_average_price_is_that_of_five_minutes() -> None:
    """Weighted by volume; older trades leave it, and without any it is the last price."""
    floor = Floor()
    floor.trade_at(100, 1)
    floor.tick(4 * MINUTE)
    floor.trade_at(200, 3)

    assert floor.exchange.average_price("BTCUSDT", floor.now) == units(175)
    assert floor.exchange.average_price("BTCUSDT", floor.now + 2 * MINUTE) == units(200)
    assert floor.exchange.average_price("BTCUSDT", floor.now + HOUR) == units(200)
    assert floor.exchange.average_price("ETHUSDT", floor.now) == 0


def test_the_top_of_the_book_is_given_with_its_quantities() -> None:
    """Nothing on a side is 0."""
    floor = Floor()
    floor.limit("maker", BUY, 1, 99)
    floor.limit("maker", BUY, 2, 99)
    ticker = floor.exchange.book_ticker("BTCUSDT")
    assert (ticker.bid_price, ticker.bid_quantity, ticker.ask_price, ticker.ask_quantity) == (units(99), units(3), 0, 0)

    floor.limit("maker", SELL, 1, 101)
    floor.limit("maker", SELL, 1, 102)
    floor.limit("maker", BUY, 1, 98)

    ticker = floor.exchange.book_ticker("BTCUSDT")
    assert (ticker.bid_price, ticker.ask_price) == (units(99), units(101))
    assert ticker.update_id == floor.exchange.depth("BTCUSDT").last_update_id == 5
    depth = floor.exchange.depth("BTCUSDT", 10)
    assert (len(depth.bids), len(depth.asks)) == (2, 2)
