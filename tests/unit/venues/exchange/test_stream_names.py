"""Which stream names there are."""

import pytest

from live.venues.exchange.stream_names import StreamKind, parse_stream_name


@pytest.mark.parametrize(
    ("text", "kind", "symbol", "period"),
    [
        ("btcusdt@trade", StreamKind.TRADE, "BTCUSDT", 0),
        ("btcusdt@aggTrade", StreamKind.AGGREGATE_TRADE, "BTCUSDT", 0),
        ("btcusdt@bookTicker", StreamKind.BOOK_TICKER, "BTCUSDT", 0),
        ("btcusdt@depth", StreamKind.DEPTH, "BTCUSDT", 1000),
        ("btcusdt@depth@100ms", StreamKind.DEPTH, "BTCUSDT", 100),
        ("btcusdt@depth5", StreamKind.PARTIAL_DEPTH, "BTCUSDT", 1000),
        ("btcusdt@depth20@100ms", StreamKind.PARTIAL_DEPTH, "BTCUSDT", 100),
        ("btcusdt@kline_1s", StreamKind.KLINE, "BTCUSDT", 1000),
        ("btcusdt@kline_1M", StreamKind.KLINE, "BTCUSDT", 2000),
        ("btcusdt@kline_1d@+08:00", StreamKind.KLINE, "BTCUSDT", 2000),
        ("btcusdt@ticker", StreamKind.TICKER, "BTCUSDT", 1000),
        ("btcusdt@ticker_4h", StreamKind.ROLLING_TICKER, "BTCUSDT", 1000),
        ("btcusdt@avgPrice", StreamKind.AVERAGE_PRICE, "BTCUSDT", 1000),
        ("!miniTicker@arr", StreamKind.MINI_TICKER, "", 1000),
        ("!miniTicker@arr@1000ms", StreamKind.MINI_TICKER, "", 1000),
        ("!miniTicker@arr@3000ms", StreamKind.MINI_TICKER, "", 3000),
        ("!ticker_1d@arr", StreamKind.ROLLING_TICKER, "", 1000),
    ],
)
def test_a_documented_name_says_what_is_told_of_which_symbol_how_often(text: str, kind: StreamKind, symbol: str, period: int) -> None:
    """Every documented stream, and those that clients ask for besides, is known with its speed."""
    name = parse_stream_name(text)
    assert name is not None
    assert (name.kind, name.symbol, name.period) == (kind, symbol, period)


@pytest.mark.parametrize(
    "text",
    [
        "0",
        "",
        "@trade",
        "BTCUSDT@trade",
        "btcusdt@depth7",
        "btcusdt@depth5@250ms",
        "btcusdt@kline_2m",
        "btcusdt@kline_1d@+07:00",
        "btcusdt@kline_1d@",
        "btcusdt@ticker_2h",
        "!ticker",
        "!ticker_1h@arr@1000ms",
        "!miniTicker@arr@500ms",
    ],
)
def test_anything_else_is_no_stream(text: str) -> None:
    """Upper case, unknown depths, speeds and intervals are not streams."""
    assert parse_stream_name(text) is None
