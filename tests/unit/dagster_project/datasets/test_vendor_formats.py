"""`lean`, `binance-l2` and `coinbase-candles`, from small files of each."""

import gzip
import json
import zipfile
from pathlib import Path
from typing import Any

import pytest

from dagster_project.datasets import DatasetError
from dagster_project.datasets.importing import ImportedStream, read_files
from dagster_project.datasets.merging import merge_streams
from dagster_project.datasets.streams import events_of
from live.core.market_events import Bar, BookDelta, BookSnapshot, MarketEvent, Quote, QuoteBar, Trade
from live.core.vocabulary import Side

MILLISECOND, MINUTE = 10**6, 60 * 10**9
DAY = 1_522_800_000 * 10**9
"""2018-04-04 00:00 UTC."""


def read(*paths: Path, **options: object) -> list[ImportedStream]:
    """Read the streams that files of one format hold."""
    (imported,) = read_files(paths, options=options)
    return list(imported.streams)


def told(streams: list[ImportedStream]) -> dict[str, str]:
    """Give what was found by name."""
    return {finding.name: finding.told for one in streams for finding in one.findings}


def write_lean(root: Path, place: str, *rows: str, members: int = 1) -> Path:
    """Write a zipped CSV where LEAN puts it."""
    path = root / "crypto" / place
    path.parent.mkdir(parents=True, exist_ok=True)
    with zipfile.ZipFile(path, "w") as archive:
        for number in range(members):
            archive.writestr(f"{number}.csv", "\n".join(rows))
    return path


@pytest.fixture(name="lean")
def _lean(tmp_path: Path) -> Path:
    """Give a LEAN folder that knows one symbol."""
    database = tmp_path / "symbol-properties" / "symbol-properties-database.csv"
    database.parent.mkdir()
    database.write_text(
        "market,symbol,type,description,quote_currency,contract_multiplier,minimum_price_variation,lot_size,market_ticker\n"
        "#\ncoinbase,ETHBTC,crypto,Ether-Bitcoin,BTC,1,0.0001,0.001,ETH-BTC\ncoinbase,BTCUSD,crypto,Bitcoin-Dollar,USD,1,0.05,0.0001,BTC-USD\n"
    )
    return tmp_path


def test_days_of_lean_trades_are_joined_on_the_lot_of_the_symbol(lean: Path) -> None:
    """Milliseconds since midnight are opens; sizes finer than a lot are what a float made of them."""
    second = write_lean(lean, "coinbase/minute/btcusd/20180405_trade.zip", "0,7,7.1,6.9,7,1")
    first = write_lean(lean, "coinbase/minute/btcusd/20180404_trade.zip", "0,7,7.1,6.9,7.05,6.1153000000000004", "60000,7,7,7,7,2")
    (one,) = read(second, first)
    assert [event.ts_event for event in events_of(one.stream)] == [DAY + MINUTE, DAY + 2 * MINUTE, DAY + 1_441 * MINUTE]
    assert next(events_of(one.stream)) == Bar(DAY + MINUTE, DAY + MINUTE, "coinbase:BTCUSD", 700, 710, 690, 705, 61153)
    instrument = one.stream.instrument
    assert (instrument.price_scale, instrument.tick_size, instrument.quantity_scale, instrument.lot_size) == (2, 5, 4, 1)
    assert one.sources == (first, second)
    assert "1,438 bars are missing in 1 gaps" in told([one])["no_bar_is_missing"]
    assert "1 quantities were rounded to 4" in told([one])["quantities_are_exact"]


def test_lean_quotes_are_bars_of_bid_and_ask(lean: Path) -> None:
    """Bid, its size, ask, its size; a bar with one side only is left out, and told."""
    rows = ("0,7,7.1,6.9,7,3,7.1,7.2,7,7.1,4", "60000,,,,,,7.1,7.2,7,7.1,4", "120000,7,7.1,6.9,7,3,7.1,7.2,7,7.1,4")
    quotes = write_lean(lean, "coinbase/minute/ethbtc/20180404_quote.zip", *rows)
    trades = write_lean(lean, "coinbase/minute/ethbtc/20180404_trade.zip", "0,7,7,7,7,1")
    trade, quote = read(quotes, trades)
    assert (trade.stream.kind, quote.stream.kind) == (Bar, QuoteBar)
    assert (quote.stream.instrument.base, quote.stream.instrument.quote) == ("ETH", "BTC")
    assert list(events_of(quote.stream)) == [
        QuoteBar(DAY + at * MINUTE, DAY + at * MINUTE, "coinbase:ETHBTC", 70, 71, 69, 70, 71, 72, 70, 71, 3000, 4000) for at in (1, 3)
    ]
    assert "1 bars had one side only" in told([quote])["whole_bars"]
    assert "1 bars are missing" in told([quote])["no_bar_is_missing"]


def test_crossed_closing_quotes_are_refused_and_locked_ones_told(lean: Path) -> None:
    """A bid above the ask is no market; one at the ask happens."""
    crossed = write_lean(lean, "coinbase/minute/btcusd/20180404_quote.zip", "0,7,7,7,7,3,6,6,6,6,4", "60000,7,7,7,7,3,7,7,7,7,4")
    (one,) = read(crossed)
    assert one.refused
    assert "1 closing quotes are crossed" in told([one])["bid_is_not_above_ask"]
    assert "1 closing quotes are locked" in told([one])["bid_is_below_ask"]


def test_lean_hours_and_days_write_their_times_out(tmp_path: Path) -> None:
    """One file holds all; without symbol properties the data tell the scales."""
    path = write_lean(tmp_path, "binance/hour/btcusdt_trade.zip", "20180404 00:00,7,7,7,7,1.5", "20180404 01:00,7,7,7,7,1")
    (one,) = read(path)
    assert one.stream.span == (DAY + 60 * MINUTE, DAY + 120 * MINUTE)
    assert one.stream.instrument.quantity_scale == 1
    assert "says nothing of btcusdt" in told([one])["symbol_is_known"]


@pytest.mark.parametrize(
    ("place", "rows", "members", "message"),
    [
        ("coinbase/minute/btcusd/20180404_trade.zip", ("soon,7,7,7,7,1",), 1, "a time that LEAN does not write"),
        ("coinbase/minute/btcusd/20189904_trade.zip", ("0,7,7,7,7,1",), 1, "a time that LEAN does not write"),
        ("coinbase/minute/btcusd/20180404_trade.zip", ("0,7,7,7,7,1",), 2, "2 CSV files"),
        ("coinbase/minute/btcusd/20180404_trade.zip", ("0,7,7",), 1, "cannot be read as LEAN's zipped CSV"),
        ("coinbase/btcusd/20180404_trade.zip", ("0,7,7,7,7,1",), 1, "not laid out as LEAN does"),
    ],
)
def test_what_is_not_lean_is_refused(tmp_path: Path, place: str, rows: tuple[str, ...], members: int, message: str) -> None:
    """With the path and what is wrong."""
    with pytest.raises(DatasetError, match=message):
        read(write_lean(tmp_path, place, *rows, members=members), format="lean")


def depth(received: int, first: int, last: int, bids: Any = (), asks: Any = (), symbol: str = "BTCUSDT") -> str:
    """Write a depth update that happened 5 ms before its receipt."""
    data = {"e": "depthUpdate", "E": received - 5, "s": symbol, "U": first, "u": last, "b": bids, "a": asks}
    return f"{received * MILLISECOND} {json.dumps({'stream': f'{symbol.lower()}@depth@100ms', 'data': data}, separators=(',', ':'))}"


def trade(received: int, number: int, *, buyer_rested: bool = False) -> str:
    """Write a trade that happened 7 ms before its receipt."""
    data = {"e": "trade", "E": received - 6, "s": "BTCUSDT", "t": number, "p": "100.50", "q": "0.020", "T": received - 7, "m": buyer_rested}
    return f"{received * MILLISECOND} {json.dumps({'stream': 'btcusdt@trade', 'data': data}, separators=(',', ':'))}"


def ticker(received: int, bid: str = "100.00", ask: str = "101.00") -> str:
    """Write best quotes, which carry no time."""
    data = {"u": 1, "s": "BTCUSDT", "b": bid, "B": "1.5", "a": ask, "A": "0.25"}
    return f"{received * MILLISECOND} {json.dumps({'stream': 'btcusdt@bookTicker', 'data': data}, separators=(',', ':'))}"


def snapshot(received: int, number: int) -> str:
    """Write the answer of the depth endpoint."""
    body = {"lastUpdateId": number, "bids": [["100.00", "1.0"], ["99.00", "2.0"]], "asks": [["101.00", "3.0"]]}
    return f"{received * MILLISECOND} {json.dumps(body, separators=(',', ':'))}"


def write_log(path: Path, *lines: str) -> Path:
    """Write a log, compressed when its name says so."""
    raw = ("\n".join(lines) + "\n").encode()
    path.write_bytes(gzip.compress(raw) if path.suffix == ".gz" else raw)
    return path


def test_a_log_becomes_books_quotes_and_trades(tmp_path: Path) -> None:
    """Received when it says, happened when Binance says or, where it does not, at the latest time seen; levels best first."""
    path = write_log(
        tmp_path / "x.gz",
        depth(1_000, 9, 10, bids=[["100.00", "9"]]),
        ticker(1_001),
        snapshot(1_002, 10),
        depth(1_003, 11, 12, bids=[["98.00", "0.5"], ["99.00", "0"]], asks=[["102.00", "1"], ["101.50", "2"]]),
        trade(1_010, 7, buyer_rested=True),
        trade(1_011, 8),
        f"{1_012 * MILLISECOND} " + '{"stream":"btcusdt@kline_1m","data":{}}',
    )
    streams = read(path)
    instrument_id = "binance-spot:BTCUSDT"
    at = lambda milliseconds: milliseconds * MILLISECOND  # noqa: E731
    wanted: list[MarketEvent] = [
        BookDelta(at(1_000), at(995), instrument_id, 9, 10, ((1000, 900),), ()),
        Quote(at(1_001), at(995), instrument_id, 1000, 150, 1010, 25),
        BookSnapshot(at(1_002), at(995), instrument_id, 10, ((1000, 100), (990, 200)), ((1010, 300),)),
        BookDelta(at(1_003), at(998), instrument_id, 11, 12, ((990, 0), (980, 50)), ((1015, 200), (1020, 100))),
        Trade(at(1_010), at(1_003), instrument_id, 1005, 2, Side.SELL, "7"),
        Trade(at(1_011), at(1_004), instrument_id, 1005, 2, Side.BUY, "8"),
    ]
    assert list(merge_streams([one.stream for one in streams])) == wanted
    found = told(streams)
    assert "received 6 ms after their event time, 5 to 6 ms" in found["received_after_the_event"]
    assert "3 updates form one unbroken chain" in found["book_chain_is_unbroken"]
    assert "2 trade ids without a hole" in found["trade_ids_are_unbroken"]
    assert "1 messages of kline_1m were left out" in found["every_stream_is_read"]


def test_parts_of_a_log_join_and_a_wrong_clock_is_undone(tmp_path: Path) -> None:
    """The correction moves receipts only; without it a clock that runs behind is a warning."""
    late = write_log(tmp_path / "b", depth(2_000, 11, 11, bids=[["100.00", "1"]]))
    early = write_log(tmp_path / "a", snapshot(1_000, 10), depth(1_001, 11, 11))
    streams = read(late, early, clock_correction_ms=-10)
    book = next(one for one in streams if one.stream.kind is BookDelta)
    assert book.stream.span == (991 * MILLISECOND, 1_990 * MILLISECOND)
    assert book.sources == (early, late)
    assert "behind the venue's: declare clock_correction_ms=6" in told(streams)["received_after_the_event"]


def test_holes_in_numbers_are_told(tmp_path: Path) -> None:
    """In the chain of updates, in trade ids, and a book that no snapshot begins."""
    gap = read(write_log(tmp_path / "a", snapshot(1, 10), depth(2, 12, 13), trade(3, 5), trade(4, 9), trade(5, 9)))
    found = told(gap)
    assert "the book is GAP 1 times" in found["book_chain_is_unbroken"]
    assert "3 trades are missing in 1 holes" in found["trade_ids_are_unbroken"]
    assert "1 trade ids do not follow" in found["trade_ids_grow"]
    assert not any(one.refused for one in gap)
    assert "no snapshot joins its 1 updates" in told(read(write_log(tmp_path / "b", depth(2, 12, 13))))["book_has_a_snapshot"]
    crossed = read(write_log(tmp_path / "c", snapshot(1, 10), depth(2, 11, 11, bids=[["101.00", "1"]])))
    assert "the book is LOCKED 1 times" in told(crossed)["book_is_open"]


def test_quotes_that_cross_are_refused(tmp_path: Path) -> None:
    """The other streams of the log are not."""
    quotes = {one.stream.kind: one for one in read(write_log(tmp_path / "a", ticker(1, bid="102.00"), trade(2, 1)))}
    assert quotes[Quote].refused
    assert not quotes[Trade].refused


@pytest.mark.parametrize(
    ("lines", "message"),
    [
        ((trade(2, 1), trade(1, 2)), "line 2 was received before"),
        ((trade(1, 1), "soon {}"), "line 2 begins with no time of receipt"),
        ((trade(1, 1), f'{2 * MILLISECOND} {{"stream":"btcusdt@trade","data":{{}}}}'), "line 2 is no message of Binance"),
        ((snapshot(1, 1), depth(2, 2, 2), depth(3, 3, 3, symbol="ETHUSDT")), "the log is of 2: split it"),
        ((depth(2, 2, 2, bids=[["100", "1"], ["100.0", "2"]]), snapshot(3, 1)), None),
    ],
)
def test_a_damaged_log_is_refused(tmp_path: Path, lines: tuple[str, ...], message: str | None) -> None:
    """With the line, or as a finding where the file is whole and what it says is not."""
    path = write_log(tmp_path / "a", *lines)
    if message is None:
        assert "binance-spot:BTCUSDT" in told(read(path))["book_levels_make_sense"]
        return
    with pytest.raises(DatasetError, match=message):
        read(path)


def test_a_torn_log_is_refused(tmp_path: Path) -> None:
    """Half a file is not passed off as the whole."""
    path = write_log(tmp_path / "a.gz", *(trade(at, at) for at in range(1, 2_000)))
    path.write_bytes(path.read_bytes()[:-20])
    with pytest.raises(DatasetError, match="cannot be read after line"):
        read(path)


def write_candles(path: Path, *starts: int) -> Path:
    """Write candles of four hours."""
    candles = [
        {"start": str(start), "low": "1.5", "high": "3.25", "open": "2", "close": "2.75", "volume": "7.12345678"} for start in starts
    ]
    raw = json.dumps({"candles": candles}, indent=2).encode()
    path.write_bytes(gzip.compress(raw) if path.suffix == ".gz" else raw)
    return path


def test_candles_are_read_by_name_in_order_of_time(tmp_path: Path) -> None:
    """The endpoint gives the newest first; a hole is told."""
    hour = 3_600
    path = write_candles(tmp_path / "coinbase_btc_usd_4h.json.gz", 20 * hour, 8 * hour, 4 * hour, 0)
    (one,) = read(path)
    assert [event.ts_event // 10**9 // hour for event in events_of(one.stream)] == [4, 8, 12, 24]
    first = next(events_of(one.stream))
    assert (first.open, first.high, first.low, first.close, first.volume) == (200, 325, 150, 275, 712345678)
    assert one.stream.instrument.instrument_id == "coinbase:BTC-USD"
    assert one.interval_seconds == 4 * hour
    assert "2 bars are missing in 1 gaps" in told([one])["no_bar_is_missing"]


def test_candles_that_are_none_are_refused(tmp_path: Path) -> None:
    """A doubled one in the findings, a malformed one at once."""
    (one,) = read(write_candles(tmp_path / "btc_usd.json", 0, 14_400, 14_400))
    assert one.refused
    (tmp_path / "btc_usd_2.json").write_text('{"candles": [{"start": 3}]}')
    with pytest.raises(DatasetError, match="no answer of Coinbase's candles endpoint"):
        read(tmp_path / "btc_usd_2.json")
    bad = write_candles(tmp_path / "btc_usd_3.json", 0)
    bad.write_text(bad.read_text().replace('"0"', '"noon"'))
    with pytest.raises(DatasetError, match="starts at 'noon'"):
        read(bad)
