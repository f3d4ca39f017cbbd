"""A tape gives back what was written, loses at most what a crash tore, and passes no damage off as market data."""

import tempfile
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from live.core.inputs import Bar
from live.core.instruments import Instrument
from live.core.market_events import MARKET_TYPES, MarketEvent
from live.core.vocabulary import Side
from live.journal import TapeDamagedError, TapeWriter, read_segment, read_tape, recover_tape, write_segment
from live.journal.frames import frame, make_header

INSTRUMENT = Instrument(instrument_id="binance-spot:BTCUSDT", base="BTC", quote="USDT", price_scale=2, quantity_scale=5)
INTEGERS = st.integers(-(2**63), 2**63 - 1)
LEVELS = st.lists(st.tuples(INTEGERS, INTEGERS), max_size=2).map(tuple)
TEXT = st.text(max_size=8)
FIELDS = {"aggressor": st.sampled_from(Side), "bids": LEVELS, "asks": LEVELS, "warm_up": st.booleans()}
FIELDS |= {"instrument_id": TEXT, "trade_id": TEXT}


def _any_of(kind: type[MarketEvent]) -> st.SearchStrategy[MarketEvent]:
    """Give events of one kind with any values that its fields can hold."""
    return st.builds(kind, **{name: FIELDS.get(name, INTEGERS) for name in kind.__struct_fields__})


EVENTS = st.one_of([_any_of(kind) for kind in MARKET_TYPES])
HEADER = b"ILTAPE1\n" + frame(make_header("s", 1, (INSTRUMENT,)))


def _raw(directory: str, content: bytes) -> Path:
    raw = Path(directory, "000001.tape")
    raw.write_bytes(content)
    return raw


@settings(max_examples=40)
@given(events=st.lists(EVENTS, max_size=20), roll_events=st.integers(1, 7))
def test_any_events_come_back_in_order(events: list[MarketEvent], roll_events: int) -> None:
    """Wherever the segments end, the market is the same."""
    with tempfile.TemporaryDirectory() as directory:
        with TapeWriter(Path(directory), "s", [INSTRUMENT], roll_events=roll_events) as tape:
            for event in events:
                tape.append(event)
        assert [event for _, _, event in read_tape(Path(directory))] == events
        assert [info.events for info in tape.closed_segments] == [
            len(events[at : at + roll_events]) for at in range(0, len(events), roll_events)
        ]


@settings(max_examples=40)
@given(events=st.lists(EVENTS, max_size=20))
def test_a_tape_and_an_exported_segment_of_the_same_events_are_the_same_file(events: list[MarketEvent]) -> None:
    """How events came to be on a tape cannot be seen in its digest."""
    with tempfile.TemporaryDirectory() as directory:
        written = write_segment(Path(directory, "x.tape.gz"), events, [INSTRUMENT], "s")
        _, found = read_segment(written.path)
        assert list(found) == events
        with TapeWriter(Path(directory, "t"), "s", [INSTRUMENT]) as tape:
            for event in events:
                tape.append(event)
        assert [info.digest for info in tape.closed_segments] == [written.digest] * bool(events)


@settings(max_examples=6)
@given(events=st.lists(EVENTS, min_size=1, max_size=2))
def test_a_tail_torn_at_any_byte_costs_the_torn_event_only(events: list[MarketEvent]) -> None:
    """Every byte of the last frame is tried; what is cut off is counted, and nothing else is touched."""
    frames = [frame(event) for event in events]
    kept = HEADER + b"".join(frames[:-1])
    for torn in range(len(frames[-1])):
        with tempfile.TemporaryDirectory() as directory:
            _raw(directory, kept + frames[-1][:torn])
            recovery = recover_tape(Path(directory))
            assert (recovery.truncated_bytes, recovery.events) == (torn, len(events) - 1)
            assert [event for _, _, event in read_tape(Path(directory))] == events[:-1]


@settings(max_examples=150)
@given(events=st.lists(EVENTS, min_size=2, max_size=5), data=st.data())
def test_a_flipped_byte_before_the_last_event_is_damage_and_changes_nothing(events: list[MarketEvent], data: st.DataObject) -> None:
    """Lengths, checksums, headers and payloads alike: recovery never cuts off whole events."""
    content = bytearray(HEADER + b"".join(frame(event) for event in events))
    place = data.draw(st.integers(0, len(content) - len(frame(events[-1])) - 1))
    content[place] ^= data.draw(st.integers(1, 255))
    with tempfile.TemporaryDirectory() as directory:
        raw = _raw(directory, bytes(content))
        with pytest.raises(TapeDamagedError):
            recover_tape(Path(directory))
        assert raw.read_bytes() == content
        with pytest.raises(TapeDamagedError):
            list(read_segment(raw)[1])


@settings(max_examples=150)
@given(events=st.lists(EVENTS, max_size=5), data=st.data())
def test_a_flipped_byte_of_a_closed_segment_is_found(events: list[MarketEvent], data: st.DataObject) -> None:
    """By the digest where the name has one, else by the checksums inside."""
    with tempfile.TemporaryDirectory() as directory:
        named = write_segment(Path(directory), events, [INSTRUMENT], "s").path
        content = bytearray(named.read_bytes())
        place = data.draw(st.integers(0, len(content) - 1))
        content[place] ^= data.draw(st.integers(1, 255))
        named.write_bytes(content)
        with pytest.raises(TapeDamagedError, match="not the one in its name"):
            read_segment(named)
        unnamed = Path(directory, "x.tape.gz")
        unnamed.write_bytes(content)
        try:
            _, found = read_segment(unnamed)
            assert list(found) == events
        except TapeDamagedError:
            pass


@pytest.mark.parametrize("place", [0, 1, 2])
def test_a_hole_that_a_power_loss_left_ends_the_tape(tmp_path: Path, place: int) -> None:
    """A later write reached the disk and an earlier one did not: the tape ends before the hole, and says what was cut."""
    frames = [frame(Bar(number, number, "i", 1, 2, 3, 4, 5)) for number in range(4)]
    frames[place] = bytes(len(frames[place]))
    _raw(str(tmp_path), HEADER + b"".join(frames))
    assert recover_tape(tmp_path).truncated_bytes == sum(map(len, frames[place:]))
    assert len(list(read_tape(tmp_path))) == place


def test_a_sector_that_a_power_loss_took_ends_the_tape(tmp_path: Path) -> None:
    """Sectors are lost whole, wherever in an event they begin."""
    frames = [frame(Bar(number, number, "i", 1, 2, 3, 4, 5)) for number in range(100)]
    content = bytearray(HEADER + b"".join(frames))
    content[1024:1536] = bytes(512)
    _raw(str(tmp_path), bytes(content))
    kept = (1024 - len(HEADER)) // len(frames[0])
    assert recover_tape(tmp_path).truncated_bytes > 0
    assert len(list(read_tape(tmp_path))) == kept
