"""What anybody may ask: rules, books, bars and statistics, and how combinations of parameters are refused."""

from typing import Any

import pytest
from msgspec import structs
from rest_market import START, Asker, quote

from live.venues.exchange.errors import VenueError
from live.venues.exchange.fixed8 import ONE
from live.venues.exchange.information import symbol_filters
from live.venues.exchange.orders import OrderRequest, OrderType, Side
from live.venues.exchange.payloads import percent_text
from live.venues.exchange.symbols import BTCUSDT

MINUTE = 60_000_000


def code_of(ask: Asker, operation: str, **sent: str) -> int:
    """Give the code with which a request is refused."""
    with pytest.raises(VenueError) as found:
        ask(operation, **sent)
    return found.value.code


def trade(ask: Asker, side: Side, quantity: float) -> None:
    """Let the house take from its own book, which moves the last price."""
    request = OrderRequest(symbol="BTCUSDT", side=side, type=OrderType.MARKET, quantity=int(quantity * ONE))
    ask.exchange.place("house", request, ask.now)


def test_rules_can_be_asked_of_some_symbols() -> None:
    """By name, by a list of names, by permission or by status; combinations that exclude each other are -1128."""
    ask = Asker()

    def names(**sent: str) -> list[str]:
        return [symbol["symbol"] for symbol in ask("exchangeInfo", **sent)["symbols"]]

    assert names() == ["BTCUSDT", "ETHUSDT"]
    assert names(symbol="ETHUSDT") == ["ETHUSDT"]
    assert names(symbols='["ETHUSDT"]') == ["ETHUSDT"]
    assert names(permissions="SPOT") == names(permissions='["MARGIN","SPOT"]') == names(symbolStatus="TRADING") == names()
    assert names(permissions="MARGIN") == names(symbolStatus="HALT") == []
    assert ask("exchangeInfo", showPermissionSets="false")["symbols"][0]["permissionSets"] == []
    assert code_of(ask, "exchangeInfo", symbol="NOSUCH") == -1121
    assert code_of(ask, "exchangeInfo", symbol="BTCUSDT", symbols='["ETHUSDT"]') == -1128
    assert code_of(ask, "exchangeInfo", symbol="BTCUSDT", permissions="SPOT") == -1128
    assert code_of(ask, "exchangeInfo", symbol="BTCUSDT", symbolStatus="TRADING") == -1128
    assert code_of(ask, "exchangeInfo", symbolStatus="OPEN") == -1122


def test_symbols_say_what_they_do_not_allow() -> None:
    """Of the features that a symbol may have these two are there; a limit on positions is listed where there is one."""
    ask = Asker()
    symbol = ask("exchangeInfo")["symbols"][0]
    allowed = {name for name, value in symbol.items() if value is True}
    assert allowed == {"quoteOrderQtyMarketAllowed", "cancelReplaceAllowed", "isSpotTradingAllowed"}
    assert ask("exchangeInfo")["serverTime"] == ask.now // 1_000
    limited = symbol_filters(structs.replace(BTCUSDT, max_position=3 * ONE))
    assert limited[-1] == {"filterType": "MAX_POSITION", "maxPosition": "3.00000000"}
    assert len(limited) == len(symbol["filters"]) + 1


def test_what_the_exchange_announces_is_what_it_keeps() -> None:
    """Limits and filters of `exchangeInfo` are those of the desk and of the symbols."""
    ask = Asker()
    information = ask("exchangeInfo")
    assert [(limit["rateLimitType"], limit["intervalNum"], limit["interval"], limit["limit"]) for limit in information["rateLimits"]] == [
        ("REQUEST_WEIGHT", 1, "MINUTE", 6_000),
        ("ORDERS", 10, "SECOND", 100),
        ("ORDERS", 1, "DAY", 200_000),
        ("RAW_REQUESTS", 5, "MINUTE", 61_000),
    ]
    filters = {rule["filterType"]: rule for rule in information["symbols"][0]["filters"]}
    assert filters["PRICE_FILTER"]["tickSize"] == "0.01000000"
    assert filters["LOT_SIZE"]["stepSize"] == "0.00001000"
    assert filters["PERCENT_PRICE_BY_SIDE"]["bidMultiplierUp"] == "5"
    assert filters["PERCENT_PRICE_BY_SIDE"]["bidMultiplierDown"] == "0.2"
    assert ask("myFilters", symbol="BTCUSDT")["assetFilters"] == [{"filterType": "MAX_ASSET", "asset": "BTC", "limit": "5000.00000000"}]


@pytest.mark.parametrize("operation", ["ticker.24hr", "ticker.price", "ticker.book", "ticker", "ticker.tradingDay"])
def test_tickers_are_asked_of_one_symbol_or_of_several(operation: str) -> None:
    """One symbol answers with an object, a list with an array; both at once are refused, and a status that does not fit."""
    ask = Asker()
    assert ask(operation, symbol="ETHUSDT")["symbol"] == "ETHUSDT"
    assert [ticker["symbol"] for ticker in ask(operation, symbols='["ETHUSDT","BTCUSDT"]')] == ["ETHUSDT", "BTCUSDT"]
    assert ask(operation, symbols='["ETHUSDT","BTCUSDT"]', symbolStatus="HALT") == []
    assert code_of(ask, operation, symbol="BTCUSDT", symbols='["ETHUSDT"]') == -1128
    assert code_of(ask, operation, symbol="BTCUSDT", symbolStatus="HALT") == -1220
    assert code_of(ask, operation, symbols='["ETHUSDT","NOSUCH"]') == -1121
    if operation in {"ticker", "ticker.tradingDay"}:
        assert code_of(ask, operation) == -1102
    else:
        assert len(ask(operation)) == 2


def test_a_window_starts_on_a_minute_and_adds_up_its_trades() -> None:
    """A window of two minutes holds what traded since the minute two minutes ago began, and nothing from before."""
    ask = Asker()
    ask.now = START + 10 * MINUTE + 30_000_000
    trade(ask, Side.BUY, 0.5)
    ask.now += MINUTE
    trade(ask, Side.SELL, 0.2)
    window: dict[str, Any] = ask("ticker", symbol="BTCUSDT", windowSize="2m", pause=MINUTE)
    assert window["openTime"] == (START + 10 * MINUTE) // 1_000
    assert window["closeTime"] == ask.now // 1_000
    assert (window["openPrice"], window["highPrice"], window["lowPrice"], window["lastPrice"]) == (
        "60001.00000000",
        "60002.00000000",
        "59999.00000000",
        "59999.00000000",
    )
    assert (window["volume"], window["count"]) == ("0.70000000", 3)
    assert window["priceChange"] == "-2.00000000"
    assert window["quoteVolume"] == "42000.40000000"
    assert window["weightedAvgPrice"] == "60000.57142857"
    later = ask("ticker", symbol="BTCUSDT", windowSize="1m", pause=MINUTE)
    assert (later["volume"], later["count"], later["firstId"], later["priceChangePercent"]) == ("0.00000000", 0, -1, "0.000")
    assert ask("ticker", symbol="BTCUSDT", windowSize="7d")["count"] == 4
    day = ask("ticker.tradingDay", symbol="BTCUSDT")
    midnight = START // 86_400_000_000 * 86_400_000
    assert (day["count"], day["openTime"], day["closeTime"]) == (4, midnight, midnight + 86_399_999)


@pytest.mark.parametrize("size", ["1m", "59m", "1h", "23h", "1d", "7d"])
def test_the_smallest_and_the_largest_window_of_each_unit_are_answered(size: str) -> None:
    """Every documented unit reaches from one to its largest number."""
    assert Asker()("ticker", symbol="BTCUSDT", windowSize=size, type="MINI")["symbol"] == "BTCUSDT"


def test_a_book_is_shown_to_the_depth_asked_for() -> None:
    """`limit` levels a side, 100 without one; a status that the symbol does not have is -1220."""
    ask = Asker()
    assert [len(ask("depth", symbol="BTCUSDT", limit="3")[side]) for side in ("bids", "asks")] == [3, 3]
    for level in range(21, 130):
        quote(ask.exchange, "BTCUSDT", Side.BUY, 60_000 - level, ONE, ask.now)
    assert len(ask("depth", symbol="BTCUSDT")["bids"]) == 100
    assert len(ask("depth", symbol="BTCUSDT", limit="5000")["bids"]) == 129
    assert code_of(ask, "depth", symbol="BTCUSDT", symbolStatus="HALT") == -1220


@pytest.mark.parametrize("size", ["60m", "24h", "8d", "0m", "1d2h", "1w", "m"])
def test_windows_have_the_documented_sizes(size: str) -> None:
    """1 to 59 minutes, 1 to 23 hours, 1 to 7 days, and no combinations."""
    assert code_of(Asker(), "ticker", symbol="BTCUSDT", windowSize=size) == -1130


def test_bars_are_asked_for_by_interval() -> None:
    """An interval that there is none of is -1120."""
    ask = Asker()
    assert code_of(ask, "klines", symbol="BTCUSDT", interval="2m") == -1120
    assert code_of(ask, "klines", symbol="BTCUSDT", interval="1M ") == -1120
    assert code_of(ask, "klines", symbol="BTCUSDT") == -1102
    assert ask("klines", symbol="BTCUSDT", interval="1M", timeZone="0")[0][8] == 1


def test_days_open_at_midnight_of_the_time_zone() -> None:
    """`timeZone` moves bars and the trading day, by hours or by hours and minutes; at 06:40 UTC it is another day in the far east."""
    ask = Asker()
    for zone, hour, minute in (
        ("0", 0, 0),
        ("8", 16 - 24, 0),
        ("-1:00", 1, 0),
        ("05:45", 18 - 24, 15),
        ("-12:00", 12 - 24, 0),
        ("+14:00", -14, 0),
    ):
        (bar,) = ask("klines", symbol="BTCUSDT", interval="1d", timeZone=zone)
        day = ask("ticker.tradingDay", symbol="BTCUSDT", timeZone=zone)
        midnight = START // 1_000 - (6 * 60 + 40) * 60_000
        assert bar[0] == day["openTime"] == midnight + (hour * 60 + minute) * 60_000
        assert bar[6] == day["closeTime"] == bar[0] + 86_399_999
        assert bar[8] == day["count"] == 1


@pytest.mark.parametrize("zone", ["-12:01", "14:01", "15", "x", "1:60", "5:5", " 8", ""])
def test_time_zones_reach_from_twelve_hours_behind_to_fourteen_ahead(zone: str) -> None:
    """Anything else is refused."""
    assert code_of(Asker(), "klines", symbol="BTCUSDT", interval="1d", timeZone=zone) == (-1130 if zone else -1105)


def test_asking_for_one_symbol_and_several_says_what_is_wrong() -> None:
    """The venue recommends to send one of them."""
    ask = Asker()
    for operation in ("exchangeInfo", "ticker.24hr", "ticker.price"):
        with pytest.raises(VenueError, match=r"invalid\. Recommendation: 'symbol' and 'symbols' cannot both be sent\."):
            ask(operation, symbol="BTCUSDT", symbols='["ETHUSDT"]')


def test_aggregate_trades_from_an_id_take_no_times() -> None:
    """`fromId` and times exclude each other."""
    assert code_of(Asker(), "trades.aggregate", symbol="BTCUSDT", fromId="1", startTime="1") == -1128


@pytest.mark.parametrize(
    ("part", "whole", "text"),
    [
        (0, 0, "0.000"),
        (1, 3, "33.333"),
        (2, 3, "66.667"),
        (-1, 8, "-12.500"),
        (-1, 10**9, "0.000"),
        (5, 1_000_000, "0.001"),
        (3, 1, "300.000"),
    ],
)
def test_percents_have_three_decimals(part: int, whole: int, text: str) -> None:
    """Changes are printed in percent with three decimals, rounded half away from zero."""
    assert percent_text(part, whole) == text
