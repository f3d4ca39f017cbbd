"""Market data is opened wherever it lies, and comes in one order."""

from itertools import pairwise
from pathlib import Path

import pytest

from dagster_project.datasets import DatasetError, freeze_dataset, merge_bars, open_bars, open_market_data, write_tape
from dagster_project.datasets.event_format import columns_of_events, make_event_table
from dagster_project.datasets.tape import write_table
from dagster_project.home import Home
from live.core.errors import InstrumentError
from live.core.instruments import Instrument
from live.core.market_events import Bar, Quote, Trade
from live.core.vocabulary import Side

BTC, ETH = "binance-spot:BTCUSDT", "binance-spot:ETHUSDT"
SAMPLE = Path(__file__).parents[3] / "data" / "sample"
CSV = "timestamp,open,high,low,close,volume\n1506816000,100,101,99,100,1\n1506817800,100,101,99,100,2\n"
"""Two half-hours from 2017-10-01 00:00 UTC, when the sample begins."""
HALF_HOUR = 1_800 * 10**9
START = 1_506_816_000 * 10**9


def write_trades(folder: Path, *times: int, instrument_id: str = BTC, price_scale: int = 2) -> Path:
    """Write a file of trades."""
    instrument = Instrument(instrument_id=instrument_id, base="BTC", quote="USDT", price_scale=price_scale, quantity_scale=6)
    events = [Trade(at, at, instrument_id, 1, 1, Side.BUY) for at in times]
    path = folder / f"trades-{times[0]}.parquet"
    write_table(path, make_event_table(Trade, columns_of_events(Trade, events), instrument))
    return path


def test_a_dataset_is_opened_by_name_by_digest_and_by_folder(home: Home) -> None:
    """All give the same bars, as often as they are asked for, and periods of them."""
    dataset = freeze_dataset(home, name="small", instruments=[BTC, ETH])
    wanted = list(merge_bars(dataset.files))
    for reference in ("small", dataset.digest[:9], str(dataset.path)):
        opened = open_market_data([reference], home=home)
        assert list(opened.events()) == list(opened.events()) == wanted
        assert (opened.instruments, opened.kinds, opened.rows, opened.notes) == (dataset.instruments, (Bar,), len(wanted), ())
    start, end = wanted[9].ts_init, wanted[99].ts_init
    assert list(open_market_data(["small"], home=home).events(start, end)) == [bar for bar in wanted if start < bar.ts_init <= end]


def test_a_folder_of_files_stands_in_order_of_kinds_and_instruments(tmp_path: Path) -> None:
    """At one time bars come before trades, whatever the files are called; a list stands as it is given."""
    (tmp_path / "zz.parquet").write_bytes((SAMPLE / "btcusdt_30m.parquet").read_bytes())
    (tmp_path / "aa.parquet").write_bytes((SAMPLE / "ethusdt_30m.parquet").read_bytes())
    trades = write_trades(tmp_path, START + HALF_HOUR)
    events = list(open_market_data([tmp_path]).events(None, START + HALF_HOUR))
    assert [(type(event), event.instrument_id) for event in events] == [(Bar, BTC), (Bar, ETH), (Trade, BTC)]
    listed = open_market_data([trades, tmp_path / "aa.parquet", tmp_path / "zz.parquet"])
    assert [(type(event), event.instrument_id) for event in listed.events(None, START + HALF_HOUR)] == [
        (Trade, BTC),
        (Bar, ETH),
        (Bar, BTC),
    ]
    assert listed.kinds == (Bar, Trade)


def test_tapes_join_what_else_is_named(tmp_path: Path) -> None:
    """In order of time, and of the paths where times are equal."""
    tape = write_tape([open_bars(SAMPLE / "btcusdt_30m.parquet")], tmp_path / "btc.tape.gz", end=START + 9 * HALF_HOUR).path
    trades = write_trades(tmp_path, START + HALF_HOUR, START + HALF_HOUR + 1)
    opened = open_market_data([tape, trades, SAMPLE / "ethusdt_30m.parquet"])
    assert {instrument.instrument_id for instrument in opened.instruments} == {BTC, ETH}
    assert opened.rows is None
    assert set(opened.kinds) >= {Bar, Trade, Quote}
    events = list(opened.events(None, START + 2 * HALF_HOUR))
    assert [(type(event), event.instrument_id) for event in events] == [
        (Bar, BTC), (Trade, BTC), (Bar, ETH), (Trade, BTC), (Bar, BTC), (Bar, ETH),
    ]  # fmt: skip
    assert len(list(opened.events(START + 8 * HALF_HOUR, START + 9 * HALF_HOUR))) == 2


def test_files_of_other_programs_need_no_import(tmp_path: Path) -> None:
    """With notes on what was assumed; definitions and options change what is read."""
    path = tmp_path / "btcusdt.csv"
    path.write_text(CSV)
    opened = open_market_data([str(path), SAMPLE / "ethusdt_30m.parquet"])
    first, second = list(opened.events(None, START + HALF_HOUR))
    assert (first.instrument_id, second.instrument_id, first.ts_init) == ("csv:BTCUSDT", ETH, START + HALF_HOUR)
    assert opened.notes == ("csv:BTCUSDT Bar: its times were taken as the bars' opens; declare bar_time=close if they are closes",)
    defined = Instrument(instrument_id=BTC, base="BTC", quote="USDT", price_scale=4, quantity_scale=6, tick_size=100)
    closes = open_market_data([path], instruments=[defined], options={"bar_time": "close"})
    assert closes.instruments == (defined,)
    assert next(closes.events()) == Bar(START, START, BTC, 1_000_000, 1_010_000, 990_000, 1_000_000, 1_000_000)
    assert closes.notes == ()


def test_a_folder_of_other_programs_is_read_below_it(tmp_path: Path) -> None:
    """What is no market data by its ending is left alone; an empty folder says what is looked for."""
    folder = tmp_path / "deep" / "er"
    folder.mkdir(parents=True)
    (folder / "btcusdt.csv").write_text(CSV)
    (folder / "LICENSE.txt").write_text("free")
    assert open_market_data([tmp_path]).rows == 2
    (folder / "btcusdt.csv").unlink()
    with pytest.raises(DatasetError, match="holds no market data"):
        open_market_data([tmp_path])


def test_what_cannot_be_opened_says_why(tmp_path: Path, home: Home) -> None:
    """A path that is not there, a name that is none, a stream that no engine can take, and events that would count twice."""
    with pytest.raises(DatasetError, match="no market data was named"):
        open_market_data([])
    with pytest.raises(DatasetError, match=r"x\.csv does not exist \(looked in"):
        open_market_data(["x.csv"])
    with pytest.raises(DatasetError, match="there is no dataset 'unknown'"):
        open_market_data(["unknown"], home=home)
    path = tmp_path / "btcusdt.csv"
    path.write_text(CSV.replace("101,99", "99,101"))
    with pytest.raises(DatasetError, match="cannot be market data"):
        open_market_data([path])
    trades = write_trades(tmp_path, 1, 5)
    with pytest.raises(DatasetError, match="two sources hold Trade events"):
        open_market_data([trades, write_trades(tmp_path, 4, 9)])
    assert [event.ts_init for event in open_market_data([write_trades(tmp_path, 6, 9), trades]).events()] == [1, 5, 6, 9]
    with pytest.raises(InstrumentError, match="disagree about price_scale"):
        open_market_data([trades, write_trades(tmp_path, 20, price_scale=3)])


def test_bars_of_the_sample_never_go_back(tmp_path: Path) -> None:
    """Three instruments over two years, more than one batch each would be; nothing is lost on the way."""
    opened = open_market_data([SAMPLE])
    events = list(opened.events())
    assert len(events) == opened.rows == sum(open_bars(path).rows for path in SAMPLE.glob("*.parquet"))
    order = {instrument.instrument_id: place for place, instrument in enumerate(opened.instruments)}
    assert all(
        (one.ts_init, order[one.instrument_id]) < (next_one.ts_init, order[next_one.instrument_id]) for one, next_one in pairwise(events)
    )
