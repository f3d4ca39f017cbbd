"""A tape gives back what was written, loses at most what a crash tore, and passes no damage off as market data."""

import tempfile
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from live.core.inputs import Bar
from live.core.instruments import Instrument
from live.journal import TapeDamagedError, TapeWriter, read_segment, read_tape, recover_tape, write_segment
from live.journal.frames import frame, make_header

INSTRUMENT = Instrument(instrument_id="binance-spot:BTCUSDT", base="BTC", quote="USDT", price_scale=2, quantity_scale=5)
INTEGERS = st.integers(-(2**63), 2**63 - 1)
BARS = st.builds(
    Bar,
    ts_init=INTEGERS,
    ts_event=INTEGERS,
    instrument_id=st.text(max_size=20),
    open=INTEGERS,
    high=INTEGERS,
    low=INTEGERS,
    close=INTEGERS,
    volume=INTEGERS,
    warm_up=st.booleans(),
)
HEADER = b"ILTAPE1\n" + frame(make_header("s", 1, (INSTRUMENT,)))


def _raw(directory: str, content: bytes) -> Path:
    raw = Path(directory, "000001.tape")
    raw.write_bytes(content)
    return raw


@settings(max_examples=40)
@given(bars=st.lists(BARS, max_size=20), roll_events=st.integers(1, 7))
def test_any_events_come_back_in_order(bars: list[Bar], roll_events: int) -> None:
    """Wherever the segments end, the market is the same."""
    with tempfile.TemporaryDirectory() as directory:
        with TapeWriter(Path(directory), "s", [INSTRUMENT], roll_events=roll_events) as tape:
            for bar in bars:
                tape.append(bar)
        assert [event for _, _, event in read_tape(Path(directory))] == bars
        assert [info.events for info in tape.closed_segments] == [
            len(bars[at : at + roll_events]) for at in range(0, len(bars), roll_events)
        ]


@settings(max_examples=40)
@given(bars=st.lists(BARS, max_size=20))
def test_a_tape_and_an_exported_segment_of_the_same_events_are_the_same_file(bars: list[Bar]) -> None:
    """How events came to be on a tape cannot be seen in its digest."""
    with tempfile.TemporaryDirectory() as directory:
        written = write_segment(Path(directory, "x.tape.gz"), bars, [INSTRUMENT], "s")
        _, events = read_segment(written.path)
        assert list(events) == bars
        with TapeWriter(Path(directory, "t"), "s", [INSTRUMENT]) as tape:
            for bar in bars:
                tape.append(bar)
        assert [info.digest for info in tape.closed_segments] == [written.digest] * bool(bars)


@settings(max_examples=8)
@given(bars=st.lists(BARS, min_size=1, max_size=4))
def test_a_tail_torn_at_any_byte_costs_the_torn_event_only(bars: list[Bar]) -> None:
    """Every byte of the last frame is tried; what is cut off is counted, and nothing else is touched."""
    frames = [frame(bar) for bar in bars]
    kept = HEADER + b"".join(frames[:-1])
    for torn in range(len(frames[-1])):
        with tempfile.TemporaryDirectory() as directory:
            _raw(directory, kept + frames[-1][:torn])
            recovery = recover_tape(Path(directory))
            assert (recovery.truncated_bytes, recovery.events) == (torn, len(bars) - 1)
            assert [event for _, _, event in read_tape(Path(directory))] == bars[:-1]


@settings(max_examples=150)
@given(bars=st.lists(BARS, min_size=2, max_size=5), data=st.data())
def test_a_flipped_byte_before_the_last_event_is_damage_and_changes_nothing(bars: list[Bar], data: st.DataObject) -> None:
    """Lengths, checksums, headers and payloads alike: recovery never cuts off whole events."""
    content = bytearray(HEADER + b"".join(frame(bar) for bar in bars))
    place = data.draw(st.integers(0, len(content) - len(frame(bars[-1])) - 1))
    content[place] ^= data.draw(st.integers(1, 255))
    with tempfile.TemporaryDirectory() as directory:
        raw = _raw(directory, bytes(content))
        with pytest.raises(TapeDamagedError):
            recover_tape(Path(directory))
        assert raw.read_bytes() == content
        with pytest.raises(TapeDamagedError):
            list(read_segment(raw)[1])


@settings(max_examples=150)
@given(bars=st.lists(BARS, max_size=5), data=st.data())
def test_a_flipped_byte_of_a_closed_segment_is_found(bars: list[Bar], data: st.DataObject) -> None:
    """By the digest where the name has one, else by the checksums inside."""
    with tempfile.TemporaryDirectory() as directory:
        named = write_segment(Path(directory), bars, [INSTRUMENT], "s").path
        content = bytearray(named.read_bytes())
        place = data.draw(st.integers(0, len(content) - 1))
        content[place] ^= data.draw(st.integers(1, 255))
        named.write_bytes(content)
        with pytest.raises(TapeDamagedError, match="not the one in its name"):
            read_segment(named)
        unnamed = Path(directory, "x.tape.gz")
        unnamed.write_bytes(content)
        try:
            _, events = read_segment(unnamed)
            assert list(events) == bars
        except TapeDamagedError:
            pass
