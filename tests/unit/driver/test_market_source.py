"""Market sources: tapes merge in one order, and definitions change without a digit being lost."""

import pytest

from live.core.errors import InstrumentError
from live.core.instruments import Instrument
from live.core.market_events import Bar, BookSnapshot
from live.core.vocabulary import InstrumentKind
from live.driver.market_source import MarketSource, MarketSourceError, open_market_source, read_definitions, redefine
from live.journal.segments import write_segment

BTC = Instrument(instrument_id="x:BTCUSDT", base="BTC", quote="USDT", price_scale=2, quantity_scale=3)
ETH = Instrument(instrument_id="x:ETHUSDT", base="ETH", quote="USDT", price_scale=2, quantity_scale=3)
FOREVER = 2**63 - 1


def bar(ts: int, instrument: Instrument = BTC) -> Bar:
    """Make a bar."""
    return Bar(ts, ts, instrument.instrument_id, 1000, 1200, 900, 1100, 5)


def test_several_tapes_are_merged_by_time_and_then_in_the_order_they_were_named(tmp_path):
    """And end where they are told to."""
    write_segment(tmp_path / "a.tape.gz", [bar(1), bar(3), bar(9)], [BTC], "a")
    write_segment(tmp_path / "b.tape.gz", [bar(1, ETH), bar(2, ETH)], [ETH], "b")
    source = open_market_source([str(tmp_path / "b.tape.gz"), str(tmp_path / "a.tape.gz")], 5)
    assert [(event.ts_init, event.instrument_id) for event in source.events] == [
        (1, "x:ETHUSDT"),
        (1, "x:BTCUSDT"),
        (2, "x:ETHUSDT"),
        (3, "x:BTCUSDT"),
    ]
    assert source.instruments == (ETH, BTC)


def test_no_data_and_a_journal_without_a_tape_are_one_sentence(tmp_path):
    """Both say what to do."""
    with pytest.raises(MarketSourceError, match="give --data"):
        open_market_source([], FOREVER)
    with pytest.raises(MarketSourceError, match="has no market data beside it"):
        open_market_source([str(tmp_path / "journal" / "replay.journal")], FOREVER)


def test_a_finer_scale_keeps_every_price_quantity_and_step():
    """The same values in more units."""
    book = BookSnapshot(2, 2, BTC.instrument_id, 1, ((1000, 5),), ((1001, 6),))
    source = redefine(MarketSource((BTC,), iter((bar(1), book))), {"*": {"price_scale": 3, "quantity_scale": 5}})
    (defined,), (first, second) = source.instruments, source.events
    assert (defined.tick_size, defined.lot_size, defined.maximum_quantity) == (10, 100, BTC.maximum_quantity * 100)
    assert first == Bar(1, 1, BTC.instrument_id, 10_000, 12_000, 9_000, 11_000, 500)
    assert isinstance(second, BookSnapshot)
    assert (second.bids, second.asks, second.sequence) == (((10_000, 500),), ((10_010, 600),), 1)


def test_a_coarser_scale_is_refused_where_a_digit_would_be_lost():
    """1000 units of 0.01 fit a scale of 0; 5 units of 0.001 do not."""
    source = redefine(MarketSource((BTC,), iter((bar(1),))), {"x:BTCUSDT": {"quantity_scale": 0}})
    with pytest.raises(InstrumentError, match="more decimals than the scale"):
        next(source.events)


def test_a_change_of_one_instrument_comes_before_that_of_all():
    """Contracts and margins are definitions too."""
    changes = {"*": {"kind": "PERPETUAL", "lot_size": 7}, "x:ETHUSDT": {"lot_size": 9, "minimum_notional": "10.00"}}
    first, second = redefine(MarketSource((BTC, ETH), iter(())), changes).instruments
    assert (first.kind, first.lot_size, second.lot_size) == (InstrumentKind.PERPETUAL, 7, 9)
    assert second.minimum_notional == 10_00000000


@pytest.mark.parametrize(
    ("changes", "said"),
    [
        ({"x:LTCUSDT": {"lot_size": 1}}, "no 'x:LTCUSDT' in the market data"),
        ({"*": {"lot": 1}}, "has no 'lot' to change"),
        ({"*": {"instrument_id": "y:A"}}, "has no 'instrument_id' to change"),
        ({"*": {"kind": "OPTION"}}, "x:BTCUSDT: Invalid enum value"),
    ],
)
def test_a_change_of_nothing_known_is_refused(changes, said):
    """With what there is instead."""
    with pytest.raises(InstrumentError, match=said):
        redefine(MarketSource((BTC,), iter(())), changes)


def test_a_whole_definition_is_handed_to_whoever_reads_raw_files():
    """One that only changes something is not."""
    whole = {"base": "BTC", "quote": "USD", "price_scale": 1, "quantity_scale": 8}
    assert read_definitions({"y:BTC": whole, "y:ETH": {"lot_size": 2}}) == (
        Instrument(instrument_id="y:BTC", base="BTC", quote="USD", price_scale=1, quantity_scale=8),
    )
