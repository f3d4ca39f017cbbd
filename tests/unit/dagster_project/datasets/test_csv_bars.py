"""`csv-bars`, and what all importers of bars share: numbers, times, names."""

import gzip
from pathlib import Path

import pytest

from dagster_project.datasets import DatasetError
from dagster_project.datasets.importing import ImportedStream, read_files, read_options
from dagster_project.datasets.importing.naming import split_symbol, symbol_of_name
from dagster_project.datasets.streams import events_of
from live.core.instruments import Instrument
from live.core.market_events import Bar

MINUTE = 60 * 10**9
START = 1_640_995_200 * 10**9
"""2022-01-01 00:00 UTC."""
HEADER = "timestamp,open,high,low,close,volume"
ROWS = ("1640995200000,100.10,101.00,99.50,100.50,1.5000", "1640995260000,100.50,102.00,100.00,101.25,0.25")


def write(path: Path, *rows: str, header: str = HEADER) -> Path:
    """Write a CSV."""
    path.write_text("\n".join((header, *rows)) + "\n")
    return path


def read(*paths: Path, instruments: tuple[Instrument, ...] = (), **options: object) -> ImportedStream:
    """Read the one stream that files hold."""
    (imported,) = read_files(paths, instruments=instruments, options=options)
    (stream,) = imported.streams
    return stream


def findings(stream: ImportedStream) -> dict[str, str]:
    """Give what was found by name."""
    return {finding.name: finding.told for finding in stream.findings}


def test_bars_are_exact_and_known_at_their_close(tmp_path: Path) -> None:
    """Scales are those of the longest number without its zeros, and the name says the symbol."""
    one = read(write(tmp_path / "btcusdt_1m.csv", *ROWS))
    assert list(events_of(one.stream)) == [
        Bar(START + MINUTE, START + MINUTE, "csv:BTCUSDT", 10010, 10100, 9950, 10050, 150),
        Bar(START + 2 * MINUTE, START + 2 * MINUTE, "csv:BTCUSDT", 10050, 10200, 10000, 10125, 25),
    ]
    instrument = one.stream.instrument
    assert (instrument.base, instrument.quote, instrument.price_scale, instrument.quantity_scale) == ("BTC", "USDT", 2, 2)
    assert "were taken as the bars' opens" in findings(one)["bar_time_is_known"]


def test_columns_are_found_by_name_in_any_order_and_compressed(tmp_path: Path) -> None:
    """Also when each bears the symbol, as in `BTC.open`."""
    text = "Date,BTC.open,BTC.close,BTC.high,BTC.low,BTC.volume\n2022-01-01 00:00:00,100,100.5,101,99.5,3\n2022-01-01 00:30:00,1,1,1,1,1\n"
    (tmp_path / "x.csv.gz").write_bytes(gzip.compress(text.encode()))
    one = read(tmp_path / "x.csv.gz", instrument_id="v:BTC-USD", bar_time="open")
    first = next(events_of(one.stream))
    assert (first.ts_event, first.open, first.high, first.low, first.close) == (START + 30 * MINUTE, 1000, 1010, 995, 1005)
    assert one.interval_seconds == 1_800
    assert "taken as UTC" in findings(one)["zone_is_known"]


@pytest.mark.parametrize(
    ("first", "second", "options"),
    [
        ("1640995200", "1640995260", {}),
        ("1640995200000000", "1640995260000000", {}),
        ("1640995200000000000", "1640995260000000000", {}),
        ("2022-01-01T00:00:00Z", "2022-01-01T00:01:00Z", {}),
        ("2021-12-31T19:00:00-05:00", "2021-12-31T19:01:00-05:00", {}),
        ("2021-12-31 19:00:00.000000", "2021-12-31 19:01:00.000000", {"zone": "America/New_York"}),
        ("2022-01-01T00:01:00+00:00", "2022-01-01T00:02:00+00:00", {"bar_time": "close"}),
    ],
)
def test_a_time_is_told_by_its_form_or_declared(tmp_path: Path, first: str, second: str, options: dict[str, object]) -> None:
    """Seconds to nanoseconds by their size, zones in the text or declared, opens and closes."""
    rows = [f"{time},1,1,1,1,1" for time in (first, second)]
    one = read(write(tmp_path / "btcusdt.csv", *rows), **options)
    assert one.stream.span == (START + MINUTE, START + 2 * MINUTE)


@pytest.mark.parametrize(
    ("rows", "header", "options", "message"),
    [
        (("1,1,1,1,1,1", "2,1,1,1,1,1"), HEADER, {}, "unit of times from 1 to 2 cannot be told"),
        (("yesterday,1,1,1,1,1",), HEADER, {}, "row 1 has the time 'yesterday'"),
        (("1640995200,1,1,1,x,1", "1640995260,1,1,1,1,1"), HEADER, {}, "column close holds 'x'"),
        (("1640995200,1,1,1,,1", "1640995260,1,1,1,1,1"), HEADER, {}, "column close holds ''"),
        (("1640995200,1,1,1,nan,1", "1640995260,1,1,1,1,1"), HEADER, {}, "column close holds 'nan'"),
        (("1640995200,1,1,1,1,1",), HEADER, {}, "one bar does not say how long it is"),
        (("1640995200,1,1,1,1",), "time,open,high,low,close", {"format": "csv-bars"}, "column volume is missing"),
        (("1640995200,1,1,1,1,1,1",), "time,date,open,high,low,close,volume", {}, "could be any of time, date"),
        (("2022-01-01,1,1,1,1,1",), HEADER, {"zone": "Mars"}, "received 'Mars'"),
        (("1640995200,1,1,1,1.0000000000000001,1", "1640995260,1,1,1,1,1"), HEADER, {}, "only the noise of a float has"),
        (("1640995200,1,1,1,1.25,1", "1640995260,1,1,1,1,1"), HEADER, {"price_scale": 1}, "away from 1 decimal places"),
        (("1640995200,1,1,1,12345678901234567,1", "1640995260,1,1,1,1,1"), HEADER, {"price_scale": 2}, "more than 18 digits"),
    ],
)
def test_what_cannot_be_read_is_refused_with_a_reason(
    tmp_path: Path, rows: tuple[str, ...], header: str, options: dict[str, object], message: str
) -> None:
    """No value becomes zero, and no scale is guessed."""
    with pytest.raises(DatasetError, match=message):
        read(write(tmp_path / "btcusdt.csv", *rows, header=header), **options)


def test_the_noise_of_floats_is_rounded_and_told(tmp_path: Path) -> None:
    """Quantities at 8 places at most, prices only where the right scale was declared."""
    noisy = write(tmp_path / "btcusdt.csv", "1640995200,1.10,1.10,1.10,1.1000000000000001,6.1153319800000006", "1640995260,1,1,1,1,2.5")
    one = read(noisy, price_scale=2)
    first = next(events_of(one.stream))
    assert (first.close, first.volume, one.stream.instrument.quantity_scale) == (110, 611533198, 8)
    assert "1 prices were rounded to 2" in findings(one)["prices_are_exact"]
    assert "1 quantities were rounded to 8" in findings(one)["quantities_are_exact"]


def test_a_volume_in_the_quote_asset_is_declared_and_divided(tmp_path: Path) -> None:
    """30,000 at a mean price of 100 is 300 of the base; not declared, a volume that no market has is pointed out."""
    path = write(tmp_path / "btcusdt.csv", "1640995200,100,110,90,100,30000", "1640995260,100,110,90,100,15000")
    one = read(path, volume="quote", quantity_scale=3)
    assert [event.volume for event in events_of(one.stream)] == [300_000, 150_000]
    assert "volume was divided" in findings(one)["volume_is_in_base"]
    huge = write(tmp_path / "ethusdt.csv", "1640995200,100,110,90,100,30000000000", "1640995260,100,110,90,100,30000000000")
    assert "declare volume=quote" in findings(read(huge))["volume_is_in_base"]


def test_gaps_and_wild_bars_are_told_and_kept(tmp_path: Path) -> None:
    """Every hole in the grid is named with what lies before it."""
    rows = [f"{1640995200 + 60 * minute},100,101,100,100,1" for minute in range(30) if minute not in {3, 4, 9}]
    one = read(write(tmp_path / "btcusdt.csv", *rows, "1640997000,100,200,50,100,1"))
    found = findings(one)
    assert found["no_bar_is_missing"] == ("3 bars are missing in 2 gaps: 2 after 2022-01-01 00:03:00, 1 after 2022-01-01 00:09:00")
    assert "1 bars have more than 20 times the usual range of 1.000%, the widest 150.0%" in found["range_is_not_wild"]
    assert one.stream.rows == 28
    assert not one.refused


@pytest.mark.parametrize(
    ("row", "name"),
    [
        ("1640995320,100,99,98,99,1", "prices_lie_between_low_and_high"),
        ("1640995320,0,1,0,1,1", "prices_lie_between_low_and_high"),
        ("1640995320,1,1,1,1,-1", "volume_is_not_negative"),
        ("1640995260,1,1,1,1,1", "time_goes_forward"),
        ("1640995230,1,1,1,1,1", "time_goes_forward"),
    ],
)
def test_what_no_engine_can_take_is_refused(tmp_path: Path, row: str, name: str) -> None:
    """It is found by name, and nothing of the stream is used."""
    one = read(write(tmp_path / "btcusdt.csv", "1640995200,1,1,1,1,1", "1640995260,1,1,1,1,1", row), bar_seconds=60)
    assert one.refused
    assert [finding.name for finding in one.findings if finding.severity == "refused"] == [name]
    with pytest.raises(DatasetError, match=r"btcusdt\.csv: csv:BTCUSDT Bar cannot be market data"):
        one.refuse_faults()


def test_parts_of_one_recording_are_joined_in_order_of_time(tmp_path: Path) -> None:
    """Whatever the order in which they are named."""
    early = write(tmp_path / "btcusdt_01.csv", "1640995200,1,1,1,1,1", "1640995260,1,1,1,1,1")
    late = write(tmp_path / "btcusdt_02.csv", "1640995320,1,1,1,1,1")
    one = read(late, early)
    assert one.sources == (early, late)
    assert one.stream.rows == 3


DECLARED = Instrument(instrument_id="binance-spot:BTCUSDT", base="BTC", quote="USDT", price_scale=3, quantity_scale=5, tick_size=10)


def test_a_definition_goes_before_what_a_file_says(tmp_path: Path) -> None:
    """That of the file's symbol, or the only one where a file names none; else the file is its own authority."""
    named, unnamed = write(tmp_path / "btcusdt.csv", *ROWS), write(tmp_path / "bars.csv", *ROWS)
    other = Instrument(instrument_id="binance-spot:ETHUSDT", base="ETH", quote="USDT", price_scale=2, quantity_scale=5)
    assert read(named, instruments=(other, DECLARED)).stream.instrument == DECLARED
    assert read(unnamed, instruments=(DECLARED,)).stream.instrument == DECLARED
    assert next(events_of(read(unnamed, instruments=(DECLARED,)).stream)).open == 100_100
    assert read(named, instruments=(other,)).stream.instrument.instrument_id == "csv:BTCUSDT"
    with pytest.raises(DatasetError, match="does not say which of binance-spot:ETHUSDT, binance-spot:BTCUSDT"):
        read(unnamed, instruments=(other, DECLARED))
    with pytest.raises(DatasetError, match="does not say which instrument it is of: name it"):
        read(unnamed)
    with pytest.raises(DatasetError, match="does not say which assets it trades"):
        read(unnamed, instrument_id="v:XY")
    assert read(unnamed, instrument_id="v:XY", base="X", quote="Y").stream.instrument.base == "X"


@pytest.mark.parametrize(
    ("name", "wanted"),
    [
        ("btcusdt_1m.csv", ("BTCUSDT", "BTC", "USDT")),
        ("coinbase_btc_usd_4h_2016_2025.json.gz", ("BTC-USD", "BTC", "USD")),
        ("btc-perp-20211231-20220201_1m.csv", ("BTC-PERP", "BTC", "USD")),
        ("ETH-EUR.csv", ("ETH-EUR", "ETH", "EUR")),
        ("bars.csv", ("", "", "")),
    ],
)
def test_a_symbol_is_found_in_a_name(name: str, wanted: tuple[str, str, str]) -> None:
    """Joined or apart, with what else stands there."""
    assert symbol_of_name("v", name)[1:] == wanted


@pytest.mark.parametrize(("text", "wanted"), [("BTCFDUSD", ("BTC", "FDUSD")), ("ETHBTC", ("ETH", "BTC")), ("USD", None), ("1m", None)])
def test_a_symbol_is_split_at_the_longest_quote(text: str, wanted: tuple[str, str] | None) -> None:
    """And what is none is not forced to be one."""
    assert split_symbol(text) == wanted


@pytest.mark.parametrize("content", [b"", b"a,b\n1,2\n", b"hello", b"{}"])
def test_a_file_of_no_known_format_says_what_is_known(tmp_path: Path, content: bytes) -> None:
    """And never falls back to one."""
    (tmp_path / "x.csv").write_bytes(content)
    with pytest.raises(DatasetError, match="is of no format that is known: say which"):
        read(tmp_path / "x.csv")


def test_options_come_by_name_and_are_checked() -> None:
    """As a command line or a settings file has them."""
    assert read_options({"price_scale": "3", "bar_time": "close"}).price_scale == 3
    for wrong in ({"price": 3}, {"bar_time": "noon"}, {"format": 3}):
        with pytest.raises(DatasetError):
            read_options(wrong)
    with pytest.raises(DatasetError, match="no format 'excel'"):
        read_files([Path("x")], options={"format": "excel"})
