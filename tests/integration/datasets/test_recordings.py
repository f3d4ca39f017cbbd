"""Real recordings of other programs: what is known of each is found again. They lie beside the repository, or the tests are skipped."""

import gzip
import json
from pathlib import Path

import pytest

from dagster_project.datasets import open_market_data
from dagster_project.datasets.importing import ImportedStream, read_files
from dagster_project.datasets.merging import merge_streams
from dagster_project.datasets.streams import events_of
from live.core.book import BookState, OrderBook
from live.core.decimals import parse_scaled
from live.core.market_events import Bar, BookDelta, BookSnapshot, Quote, QuoteBar, Trade

RECORDINGS = Path(__file__).resolve().parents[4] / "shared" / "data"


def recording(*parts: str) -> list[Path]:
    """Give the files of a recording, or skip the test where it is not."""
    folder, pattern = RECORDINGS.joinpath(*parts[:-1]), parts[-1]
    files = sorted(folder.glob(pattern))
    if not files:
        pytest.skip(f"the recording {'/'.join(parts)} is not beside the repository")
    return files


def read(paths: list[Path], **options: object) -> list[ImportedStream]:
    """Read the streams of a recording."""
    (imported,) = read_files(paths, options=options)
    return list(imported.streams)


def told(stream: ImportedStream) -> dict[str, str]:
    """Give what was found by name."""
    return {finding.name: finding.told for finding in stream.findings}


@pytest.fixture(name="log", scope="module")
def _log() -> dict[type, ImportedStream]:
    """Give the streams of the raw log by kind."""
    return {one.stream.kind: one for one in read(recording("binance_l2", "*.gz"))}


def test_the_raw_log_is_whole(log: dict[type, ImportedStream]) -> None:
    """No hole in updates or trade ids, no crossed book, nothing refused, and a receiver's clock 1.27 s behind."""
    assert {kind.__name__: one.stream.rows for kind, one in log.items()} == {
        "Trade": 19_904, "Quote": 73_174, "BookSnapshot": 1, "BookDelta": 6_495,
    }  # fmt: skip
    assert not any(one.refused for one in log.values())
    assert told(log[BookDelta]) == {"book_chain_is_unbroken": "6,496 updates form one unbroken chain"}
    assert told(log[Trade])["trade_ids_are_unbroken"] == "19,904 trade ids without a hole"
    assert "received -1,273 ms after their event time" in told(log[Trade])["received_after_the_event"]
    assert told(log[Quote]) == {}


def test_the_book_of_the_log_stands_where_the_best_quotes_say(log: dict[type, ImportedStream]) -> None:
    """Wherever an update of the depth ends at the number of a best quote, the book's best bid and ask are that quote."""
    instrument = log[BookDelta].stream.instrument
    book = OrderBook()
    best: dict[int, tuple[object, object]] = {}
    for event in merge_streams([log[BookSnapshot].stream, log[BookDelta].stream]):
        assert isinstance(event, BookSnapshot | BookDelta)
        assert book.apply(event) in {None, BookState.SYNCHRONISED}
        best[book.sequence] = (book.best_bid, book.best_ask)
    compared = 0
    for path in recording("binance_l2", "*.gz"):
        with gzip.open(path, "rt") as lines:
            for line in lines:
                message = json.loads(line.partition(" ")[2])
                quote = message.get("data", {})
                if "@bookTicker" in message.get("stream", "") and quote["u"] in best:
                    sides = (("b", "B"), ("a", "A"))
                    scales = (instrument.price_scale, instrument.quantity_scale)
                    levels = tuple(
                        tuple(parse_scaled(quote[key], scale) for key, scale in zip(side, scales, strict=True)) for side in sides
                    )
                    assert best[quote["u"]] == levels
                    compared += 1
    assert compared > 500


def test_one_half_of_the_log_has_no_snapshot() -> None:
    """Alone it builds no book, which is told."""
    streams = {one.stream.kind: one for one in read(recording("binance_l2", "*20240809.gz"))}
    assert "no snapshot joins its 3,044 updates" in told(streams[BookDelta])["book_has_a_snapshot"]


def test_the_perpetual_is_gap_free_and_its_volume_in_the_quote_asset() -> None:
    """45,031 minutes from 23:01 on; a volume of two million bitcoin a minute is pointed out, and divided when declared."""
    files = recording("btc_perp_1m_202201", "*.csv")
    (one,) = read(files)
    assert (one.stream.rows, one.interval_seconds, one.refused) == (45_031, 60, False)
    assert "no_bar_is_missing" not in told(one)
    assert "declare volume=quote" in told(one)["volume_is_in_base"]
    first = next(events_of(one.stream))
    assert (first.open, first.ts_event) == (46_319_000, 1_640_991_720 * 10**9)
    (declared,) = read(files, volume="quote", bar_time="open", zone="UTC")
    assert next(events_of(declared.stream)).volume == round(2_300_413.7295 * 3 / (46_385 + 46_319 + 46_377) * 10**8)


def test_nine_years_of_four_hours_have_three_gaps() -> None:
    """One bar, three bars and one bar."""
    (one,) = read(recording("btc_4h", "*.json.gz"))
    assert (one.stream.rows, one.interval_seconds, one.stream.instrument.instrument_id) == (20_695, 14_400, "coinbase:BTC-USD")
    assert told(one)["no_bar_is_missing"] == (
        "5 bars are missing in 3 gaps: 1 after 2017-02-28 20:00:00, 3 after 2018-08-10 04:00:00, 1 after 2025-10-25 16:00:00"
    )


def test_two_assets_overlap_for_a_part_only() -> None:
    """Each is whole; the second begins 58 minutes later, and comes after the first where both are."""
    data = open_market_data(recording("btc_eth_1m_2026", "*.csv"))
    events = list(data.events())
    assert (data.rows, len(events)) == (6_000, 6_000)
    firsts = {event.instrument_id: event.ts_init for event in reversed(events)}
    assert firsts["csv:ETHUSDT"] - firsts["csv:BTCUSDT"] == 58 * 60 * 10**9
    assert not any("missing" in note for note in data.notes)


LEAN = {
    ("coinbase", "minute", "btceur"): {Bar: 949 + 1_395 + 1_319, QuoteBar: 1_438 + 1_436 + 1_439},
    ("coinbase", "minute", "btcusd"): {
        Bar: 1_419 + 1_400 + 1_397 + 2 * 1_440 + 1_440 + 1_007 + 1_440 + 1_440,
        QuoteBar: 2 * 1_438 + 1_439 + 1_437 + 1_436,
    },
    ("coinbase", "minute", "ethusd"): {Bar: 2 * 1_440 + 1_009 + 1_440, QuoteBar: 2 * 1_437 + 2 * 1_438},
    ("coinbase", "minute", "ltcusd"): {Bar: 1_008 + 1_439 + 1_440, QuoteBar: 1_438 + 2 * 1_439},
    ("coinbase", "second", "btcusd"): {Bar: 4_063 + 3_453 + 4_004},
    ("coinbase", "daily"): {Bar: 1_318, QuoteBar: 1_332},
    ("binance", "minute", "btcbusd"): {Bar: 1_440},
    ("binance", "hour"): {Bar: 120},
    ("bitfinex", "hour"): {Bar: 733},
}


@pytest.mark.parametrize("place", LEAN, ids="/".join)
def test_every_day_of_lean_is_read(place: tuple[str, ...]) -> None:
    """Every bar of every file, none refused, on the tick of the venue."""
    streams = read(recording("lean", "crypto", *place, "*.zip"))
    assert {one.stream.kind: one.stream.rows for one in streams} == LEAN[place]
    assert not any(one.refused for one in streams)
    assert all(one.stream.instrument.price_scale >= 2 for one in streams)


def test_what_is_known_to_be_wrong_with_lean_is_told() -> None:
    """Trades that stopped at 16:47 while quotes went on, months between days, a wick of a hundred percent."""
    bars, quotes = read(recording("lean", "crypto", "coinbase", "minute", "ltcusd", "*.zip"))
    assert "429 after 2018-04-04 16:51:00" in told(bars)["no_bar_is_missing"]
    assert "429" not in told(quotes)["no_bar_is_missing"]
    daily, _ = read(recording("lean", "crypto", "coinbase", "daily", "*.zip"))
    assert told(daily)["no_bar_is_missing"].startswith("34 bars are missing in 8 gaps")
    assert "2 bars" in told(daily)["range_is_not_wild"]
    assert "101.0% at 2017-04-16" in told(daily)["range_is_not_wild"]
    assert "85.5% at 2015-01-15" in told(daily)["range_is_not_wild"]
    hourly = read(recording("lean", "crypto", "bitfinex", "hour", "*.zip"))[0]
    assert told(hourly)["no_bar_is_missing"].startswith("9 bars are missing in 7 gaps")
