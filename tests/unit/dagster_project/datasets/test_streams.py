"""Market events of every kind in parquet files, opened and checked."""

from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from dagster_project.datasets import DatasetError, write_tape
from dagster_project.datasets.event_format import columns_of_events, make_event_table
from dagster_project.datasets.streams import EventTable, events_of, open_stream
from dagster_project.datasets.tape import write_files_of_tape, write_table
from live.core.instruments import Instrument
from live.core.market_events import Bar, BookDelta, BookSnapshot, FundingRate, MarketEvent, Quote, QuoteBar, Trade
from live.core.vocabulary import InstrumentKind, Side
from live.journal import read_segment, write_segment

BTC = Instrument(instrument_id="binance-spot:BTCUSDT", base="BTC", quote="USDT", price_scale=2, quantity_scale=6, tick_size=1, lot_size=10)
SECOND = 10**9
EVENTS: list[MarketEvent] = [
    QuoteBar(60 * SECOND, 60 * SECOND, BTC.instrument_id, 99, 100, 98, 99, 100, 101, 99, 100, 5, 6),
    Trade(61 * SECOND, 60 * SECOND, BTC.instrument_id, 100, 5, Side.SELL, "7"),
    Trade(61 * SECOND, 60 * SECOND, BTC.instrument_id, 101, 6, Side.BUY, "8"),
    Quote(62 * SECOND, 61 * SECOND, BTC.instrument_id, 100, 1, 101, 2),
    BookSnapshot(63 * SECOND, 62 * SECOND, BTC.instrument_id, 10, ((100, 1), (99, 2)), ((101, 3),)),
    BookDelta(64 * SECOND, 63 * SECOND, BTC.instrument_id, 11, 12, (), ((101, 0), (102, 4))),
    BookDelta(65 * SECOND, 64 * SECOND, BTC.instrument_id, 13, 13, ((98, 9),), ()),
    FundingRate(66 * SECOND, 66 * SECOND, BTC.instrument_id, -10_000, 100),
]
BARS = [Bar(at * 60 * SECOND, at * 60 * SECOND, BTC.instrument_id, 100, 101, 99, 100, 7) for at in (1, 2)]


def write(path: Path, kind: type[MarketEvent], events: list[Any] | None = None) -> Path:
    """Write events of one kind as a file."""
    chosen = [event for event in EVENTS if type(event) is kind] if events is None else events
    pq.write_table(make_event_table(kind, columns_of_events(kind, chosen), BTC), path)
    return path


@pytest.mark.parametrize("kind", sorted({type(event) for event in EVENTS}, key=lambda kind: kind.__name__))
def test_a_file_gives_back_its_events_and_its_instrument(tmp_path: Path, kind: type[MarketEvent]) -> None:
    """With the steps of the instrument, which a file of bars alone does not know."""
    stream = open_stream(write(tmp_path / "x.parquet", kind))
    wanted = [event for event in EVENTS if type(event) is kind]
    assert list(events_of(stream)) == wanted
    assert (stream.kind, stream.instrument, stream.rows) == (kind, BTC, len(wanted))
    assert stream.span == (wanted[0].ts_init, wanted[-1].ts_init)


def test_every_kind_goes_to_tape_and_back(tmp_path: Path) -> None:
    """The tape holds what the files held, and the files that it becomes hold it again."""
    tape = write_segment(tmp_path / "a.tape.gz", sorted([*EVENTS, *BARS], key=lambda event: event.ts_init), [BTC], "s").path
    files = write_files_of_tape([tape], tmp_path / "files")
    assert sorted(file.path.name for file in files) == sorted(
        ["binance-spot-BTCUSDT.parquet"]
        + [f"binance-spot-BTCUSDT-{kind}.parquet" for kind in ("BookDelta", "BookSnapshot", "FundingRate", "Quote", "QuoteBar", "Trade")]
    )
    again = write_tape(files, tmp_path / "b.tape.gz")
    header, events = read_segment(again.path)
    assert header.instruments == (BTC,)
    assert sorted(events, key=repr) == sorted([*EVENTS, *BARS], key=repr)
    assert [file.instrument for file in files] == [BTC] * 7
    with pytest.raises(DatasetError, match="never written over"):
        write_files_of_tape([tape], tmp_path / "files")


def test_a_tape_without_events_becomes_nothing(tmp_path: Path) -> None:
    """It says so."""
    tape = write_segment(tmp_path / "a.tape.gz", [], [BTC], "s").path
    with pytest.raises(DatasetError, match="no event lies in"):
        write_files_of_tape([tape], tmp_path / "files")


def test_two_files_of_one_kind_may_follow_each_other_but_not_overlap(tmp_path: Path) -> None:
    """Months of trades are one recording; the same trade twice is a mistake."""
    early = write(tmp_path / "a.parquet", Trade, [Trade(1, 1, BTC.instrument_id, 1, 1, Side.BUY)])
    late = write(tmp_path / "b.parquet", Trade, [Trade(2, 2, BTC.instrument_id, 1, 1, Side.BUY)])
    write_tape([open_stream(late), open_stream(early)], tmp_path / "a.tape.gz")
    assert [event.ts_init for event in read_segment(tmp_path / "a.tape.gz")[1]] == [1, 2]
    with pytest.raises(DatasetError, match="two sources hold Trade events of binance-spot:BTCUSDT"):
        write_tape([open_stream(late), open_stream(early), open_stream(late)], tmp_path / "b.tape.gz")


def test_a_column_that_is_missing_or_of_another_type_is_named(tmp_path: Path) -> None:
    """As in files of bars."""
    table = pq.read_table(write(tmp_path / "x.parquet", Trade))
    pq.write_table(table.drop_columns(["aggressor"]), tmp_path / "y.parquet")
    with pytest.raises(DatasetError, match="column aggressor of a Trade is missing"):
        open_stream(tmp_path / "y.parquet")
    pq.write_table(table.set_column(2, "price", pa.array([1.0, 2.0])), tmp_path / "z.parquet")
    with pytest.raises(DatasetError, match=r"column price must be decimal128\(18, 2\), received double"):
        open_stream(tmp_path / "z.parquet")


def test_an_unknown_kind_and_two_definitions_are_refused(tmp_path: Path) -> None:
    """A newer program's kinds are not guessed at, and no definition wins by chance."""
    table = pq.read_table(write(tmp_path / "x.parquet", Trade))
    metadata = {key.decode(): value.decode() for key, value in table.schema.metadata.items()}
    pq.write_table(table.replace_schema_metadata({**metadata, "event_kind": "Auction"}), tmp_path / "y.parquet")
    with pytest.raises(DatasetError, match="unknown kind 'Auction'"):
        open_stream(tmp_path / "y.parquet")
    pq.write_table(table.replace_schema_metadata({**metadata, "quote": "EUR"}), tmp_path / "z.parquet")
    with pytest.raises(DatasetError, match="describes two instruments"):
        open_stream(tmp_path / "z.parquet")


def test_time_that_goes_back_and_nulls_are_refused(tmp_path: Path) -> None:
    """Equal times are usual in trades; a step back is damage."""
    back = write(tmp_path / "x.parquet", Trade, [Trade(at, 1, BTC.instrument_id, 1, 1, Side.BUY) for at in (5, 5, 4)])
    with pytest.raises(DatasetError, match="ts_init does not increase: sort the file"):
        list(events_of(open_stream(back)))
    table = pq.read_table(write(tmp_path / "y.parquet", Trade))
    pq.write_table(table.set_column(5, "trade_id", pa.array(["1", None])), tmp_path / "y.parquet")
    with pytest.raises(DatasetError, match="column trade_id holds nulls"):
        list(events_of(open_stream(tmp_path / "y.parquet")))


def test_batches_carry_their_times_wherever_a_period_cuts_them() -> None:
    """More rows than a batch holds, cut inside two batches and into small pieces; levels stay with their rows."""
    rows = 150_000
    columns: dict[str, Any] = {name: np.arange(rows) for name in ("ts_init", "ts_event", "first_sequence", "last_sequence")}
    for side in ("bid", "ask"):
        columns |= {f"{side}_{what}": (np.arange(rows + 1), np.arange(rows)) for what in ("prices", "quantities")}
    stream = EventTable("t", BookDelta, BTC, make_event_table(BookDelta, columns, BTC))
    batches = list(stream.timed_batches(60_000, 140_000))
    assert [len(events) for _, events in batches] == [*[512] * 10, 415, *[512] * 128, *[512] * 17, 225]
    assert [event.ts_init for _, events in batches for event in events] == list(range(60_001, 140_001))
    assert all(times.tolist() == [event.ts_init for event in events] for times, events in batches)
    assert all(event.bids == event.asks == ((event.ts_init, event.ts_init),) for _, events in batches for event in events)


def test_events_keep_both_of_their_times_where_only_some_differ() -> None:
    """A recording that says one time twice is read as one list, and a single row that differs ends that."""
    for happened in ([1, 2, 3], [1, 2, 2]):
        events = [Trade(at, seen, BTC.instrument_id, 1, 1, Side.BUY) for at, seen in zip([1, 2, 3], happened, strict=True)]
        stream = EventTable("t", Trade, BTC, make_event_table(Trade, columns_of_events(Trade, events), BTC))
        assert list(events_of(stream)) == events


def test_a_table_is_never_written_over(tmp_path: Path) -> None:
    """What lies there stays."""
    table = make_event_table(Trade, columns_of_events(Trade, [EVENTS[1]]), BTC)
    assert write_table(tmp_path / "x.parquet", table).rows == 1
    with pytest.raises(DatasetError, match="exists"):
        write_table(tmp_path / "x.parquet", table)


def test_perpetuals_keep_their_kind_in_a_file(tmp_path: Path) -> None:
    """The whole definition travels, not only assets and scales."""
    perpetual = Instrument(
        instrument_id="v:BTC-PERP", base="BTC", quote="USD", price_scale=1, quantity_scale=3, kind=InstrumentKind.PERPETUAL
    )
    event = FundingRate(1, 1, perpetual.instrument_id, 100, 1)
    write_table(tmp_path / "x.parquet", make_event_table(FundingRate, columns_of_events(FundingRate, [event]), perpetual))
    assert open_stream(tmp_path / "x.parquet").instrument == perpetual
