import gzip
import hashlib
import os
import struct
import zlib
from collections.abc import Callable
from io import BytesIO
from pathlib import Path

import msgspec
import pytest

from live.core.inputs import Bar
from live.core.instruments import Instrument
from live.core.market_events import (
    MARKET_TYPES,
    BookDelta,
    BookSnapshot,
    FundingRate,
    MarketEvent,
    Quote,
    QuoteBar,
    Trade,
)
from live.core.records import SCHEMA_VERSIONS
from live.core.vocabulary import Side
from live.journal import (
    SchemaVersionError,
    TapeDamagedError,
    TapeError,
    TapeFailedError,
    TapeHeader,
    TapeWriter,
    find_segment,
    read_segment,
    read_tape,
    recover_tape,
    tape_reaches,
    write_segment,
)
from live.journal.frames import FRAME_HEAD_BYTES, MAXIMUM_BOOK_BYTES, frame, make_header, read_events, valid_event_frame

MakeBar = Callable[[int], Bar]


def _write(directory: Path, instrument: Instrument, bar: MakeBar, events: int, roll_events: int = 4) -> TapeWriter:
    with TapeWriter(directory, "session-1", [instrument], roll_events=roll_events) as tape:
        for number in range(events):
            tape.append(bar(number))
    return tape


def _abandon(directory: Path, instrument: Instrument, bar: MakeBar, events: int) -> Path:
    """Leave a tape as a crash does: one open segment."""
    directory.mkdir()
    raw = directory / "000001.tape"
    frames = [frame(bar(number)) for number in range(events)]
    raw.write_bytes(b"ILTAPE1\n" + frame(make_header("session-1", 1, (instrument,))) + b"".join(frames))
    return raw


def _descriptor_of(path: Path) -> int:
    """Find the number under which this process has a file open."""
    return next(int(link.name) for link in Path("/proc/self/fd").iterdir() if link.is_symlink() and link.readlink() == path)


def test_events_come_back_in_order_with_the_position_before_each(tmp_path: Path, instrument: Instrument, bar: MakeBar) -> None:
    """A tape is the market as the engine saw it."""
    _write(tmp_path / "t", instrument, bar, 10)
    assert list(read_tape(tmp_path / "t")) == [(number // 4 + 1, number % 4, bar(number)) for number in range(10)]


def test_an_event_was_handled_at_a_position_exactly_when_its_own_is_smaller(tmp_path: Path, instrument: Instrument, bar: MakeBar) -> None:
    """Rows of the journal and events of the tape merge by comparing two pairs, across segments too."""
    positions = list[tuple[int, int]]()
    with TapeWriter(tmp_path / "t", "session-1", [instrument], roll_events=4) as tape:
        positions.append(tape.position)
        for number in range(10):
            tape.append(bar(number))
            positions.append(tape.position)
    assert positions[:6] == [(1, 0), (1, 1), (1, 2), (1, 3), (2, 0), (2, 1)]
    assert positions == sorted(set(positions))
    for handled, position in enumerate(positions):
        assert [event for segment, offset, event in read_tape(tmp_path / "t") if (segment, offset) < position] == [
            bar(number) for number in range(handled)
        ]


def test_closed_segments_are_named_by_their_digest(tmp_path: Path, instrument: Instrument, bar: MakeBar) -> None:
    """A segment can be fetched by its digest and checked by whoever gets it."""
    tape = _write(tmp_path / "t", instrument, bar, 10)
    assert [(info.segment, info.events) for info in tape.closed_segments] == [(1, 4), (2, 4), (3, 2)]
    assert sorted(path.name for path in (tmp_path / "t").iterdir()) == [info.path.name for info in tape.closed_segments]
    for info in tape.closed_segments:
        assert info.digest == hashlib.sha256(info.path.read_bytes()).hexdigest()
        assert info.path.name == f"{info.segment:06d}-{info.digest}.tape.gz"
        assert find_segment(tmp_path, info.digest) == info.path
    assert find_segment(tmp_path, "0" * 64) is None


@pytest.mark.parametrize("digest", ["", "*", "../../etc/passwd", "A" * 64, "0" * 63])
def test_a_segment_is_only_looked_for_by_a_digest(tmp_path: Path, digest: str) -> None:
    """A digest that comes in over the network cannot name another file."""
    with pytest.raises(TapeError, match="64 lower-case hexadecimal digits"):
        find_segment(tmp_path, digest)


def test_the_same_events_give_the_same_file(tmp_path: Path, instrument: Instrument, bar: MakeBar) -> None:
    """A digest names content, not when or by what name it was written."""
    events = [bar(number) for number in range(5_000)]
    one = write_segment(tmp_path / "one.tape.gz", events, [instrument], "dataset")
    other = write_segment(tmp_path, iter(events), (instrument,), "dataset")
    assert (one.segment, one.digest, one.events) == (1, other.digest, 5_000)
    assert one.path.read_bytes()[3:8] == bytes(5), "no name and no time in the gzip header"
    assert other.path == tmp_path / f"000001-{one.digest}.tape.gz"
    assert write_segment(tmp_path, events, [instrument], "dataset").path == other.path
    header, found = read_segment(one.path)
    assert header == TapeHeader(1, "dataset", 1, (instrument,), {kind.__name__: SCHEMA_VERSIONS[kind.__name__] for kind in MARKET_TYPES})
    assert list(found) == events


def test_a_segment_is_compressed_the_fast_way(tmp_path: Path, instrument: Instrument, bar: MakeBar) -> None:
    """The ninth byte of a gzip file says so (RFC 1952): a session compresses while it trades."""
    assert write_segment(tmp_path, [bar(1)], [instrument], "dataset").path.read_bytes()[8] == 4


def test_a_segment_is_never_written_over(tmp_path: Path, instrument: Instrument, bar: MakeBar) -> None:
    """Closed segments are immutable."""
    (tmp_path / "x.tape.gz").write_bytes(b"precious")
    with pytest.raises(TapeError, match="never written over"):
        write_segment(tmp_path / "x.tape.gz", [bar(1)], [instrument], "dataset")
    assert (tmp_path / "x.tape.gz").read_bytes() == b"precious"


def test_a_segment_whose_events_fail_leaves_nothing(tmp_path: Path, instrument: Instrument, bar: MakeBar) -> None:
    """A segment is there whole or not at all."""

    def events() -> list[Bar]:
        raise KeyError("no more")

    with pytest.raises(KeyError):
        write_segment(tmp_path, (event for event in [bar(1), *events()]), [instrument], "dataset")
    assert list(tmp_path.iterdir()) == []


def test_a_segment_in_a_directory_that_is_not_there_says_so(tmp_path: Path, instrument: Instrument) -> None:
    """The operating system's refusal becomes one sentence."""
    with pytest.raises(TapeFailedError, match="could not be written"):
        write_segment(tmp_path / "nowhere" / "x.tape.gz", [], [instrument], "dataset")


def test_an_event_is_in_the_file_when_append_returns(tmp_path: Path, instrument: Instrument, bar: MakeBar) -> None:
    """Nothing waits in a buffer that a SIGKILL would take along."""
    with TapeWriter(tmp_path / "t", "session-1", [instrument]) as tape:
        for number in range(3):
            tape.append(bar(number))
            _, events = read_segment(tmp_path / "t" / "000001.tape")
            assert list(events) == [bar(earlier) for earlier in range(number + 1)]


def test_a_tape_without_events_leaves_no_segment(tmp_path: Path, instrument: Instrument) -> None:
    """A session that saw no market has an empty tape."""
    with TapeWriter(tmp_path / "t", "session-1", [instrument]) as tape:
        tape.sync()
    assert list((tmp_path / "t").iterdir()) == []
    assert list(read_tape(tmp_path / "t")) == []
    assert recover_tape(tmp_path / "t").segments == ()


def test_a_tape_is_never_continued(tmp_path: Path, instrument: Instrument, bar: MakeBar) -> None:
    """One session, one tape."""
    _write(tmp_path / "t", instrument, bar, 1)
    with pytest.raises(TapeError, match="holds a tape already"):
        TapeWriter(tmp_path / "t", "session-2", [instrument])


def test_a_closed_tape_takes_nothing(tmp_path: Path, instrument: Instrument, bar: MakeBar) -> None:
    """What comes after the end belongs to the next session."""
    tape = _write(tmp_path / "t", instrument, bar, 1)
    tape.close()
    with pytest.raises(TapeError, match="is closed"):
        tape.append(bar(2))


def test_a_segment_holds_at_least_one_event(tmp_path: Path, instrument: Instrument) -> None:
    """A tape that rolls at nothing would never end."""
    with pytest.raises(TapeError, match="received roll_events=0"):
        TapeWriter(tmp_path / "t", "session-1", [instrument], roll_events=0)


def test_a_sync_that_fails_ends_the_tape(tmp_path: Path, instrument: Instrument, bar: MakeBar) -> None:
    """The file is swapped for a pipe behind the writer's back: a pipe takes writes, but cannot be synced."""
    with TapeWriter(tmp_path / "t", "session-1", [instrument]) as tape:
        tape.append(bar(0))
        tape.sync()
        link = next(
            path for path in Path("/proc/self/fd").iterdir() if path.is_symlink() and path.readlink() == tmp_path / "t" / "000001.tape"
        )
        read_end, write_end = os.pipe()
        os.dup2(write_end, int(link.name))
        tape.sync()  # nothing was appended since, so there is nothing to sync
        tape.append(bar(1))
        for use in (tape.sync, tape.sync, lambda: tape.append(bar(2))):
            with pytest.raises(TapeFailedError, match="Invalid argument"):
                use()
        os.close(read_end)
        os.close(write_end)


@pytest.mark.parametrize("is_gone", [False, True])
def test_a_full_disk_ends_the_tape(tmp_path: Path, instrument: Instrument, bar: MakeBar, is_gone: bool) -> None:
    """The first failure is the one that is named ever after; that the file cannot even be closed is not another one."""
    with TapeWriter(tmp_path / "t", "session-1", [instrument]) as tape:
        tape.append(bar(0))
        descriptor, full = _descriptor_of(tmp_path / "t" / "000001.tape"), os.open("/dev/full", os.O_WRONLY)
        os.dup2(full, descriptor)
        os.close(full)
        for use in (lambda: tape.append(bar(1)), lambda: tape.append(bar(2)), tape.sync):
            with pytest.raises(TapeFailedError, match="No space left on device"):
                use()
        if is_gone:
            os.close(descriptor)
    assert recover_tape(tmp_path / "t").events == 1


def test_a_full_segment_that_cannot_be_synced_ends_the_tape(tmp_path: Path, instrument: Instrument, bar: MakeBar) -> None:
    """Were another segment begun in its place, it would take its number and its events; a pipe stands for the file again."""
    raw = tmp_path / "t" / "000001.tape"
    with TapeWriter(tmp_path / "t", "session-1", [instrument], roll_events=2) as tape:
        tape.append(bar(0))
        read_end, write_end = os.pipe()
        os.dup2(write_end, _descriptor_of(raw))
        for number in (1, 2):
            with pytest.raises(TapeFailedError, match=r"the disk failed under the tape .*Invalid argument"):
                tape.append(bar(number))
        os.close(read_end)
        os.close(write_end)
    assert recover_tape(tmp_path / "t").events == 1


def test_a_failure_while_a_segment_is_compressed_ends_the_tape(tmp_path: Path, instrument: Instrument, bar: MakeBar) -> None:
    """It happens on a thread beside, and still reaches whoever writes; the events stay in the open segment."""
    obstacle = tmp_path / "t" / ".000001.tape.gz.partial"
    tape = TapeWriter(tmp_path / "t", "session-1", [instrument], roll_events=4)
    obstacle.mkdir()
    for number in range(4):
        tape.append(bar(number))
    with pytest.raises(TapeFailedError, match="Is a directory"):
        tape.close()
    for use in (lambda: tape.append(bar(4)), tape.sync):
        with pytest.raises(TapeFailedError, match="takes nothing more"):
            use()
    assert tape.closed_segments == ()
    obstacle.rmdir()
    assert recover_tape(tmp_path / "t").events == 4


def test_a_length_that_no_event_has_is_damage_at_once(tmp_path: Path, instrument: Instrument, bar: MakeBar) -> None:
    """A reader does not collect gigabytes because four bytes say so, and a writer writes nothing it would not read."""
    raw = _abandon(tmp_path / "t", instrument, bar, 1)
    raw.write_bytes(raw.read_bytes() + b"\xff" * 8 + bytes(10_000))
    with pytest.raises(TapeDamagedError, match=r"event 2 of tape segment .* claims an impossible length"):
        list(read_segment(raw)[1])
    with TapeWriter(tmp_path / "u", "session-1", [instrument]) as tape:
        with pytest.raises(TapeError, match="a Bar takes at most 4096 bytes"):
            tape.append(Bar(1, 1, "x" * 4096, 1, 1, 1, 1, 1))
        levels = tuple((2**62 - number, 2**62 - 1) for number in range(60_000))
        with pytest.raises(TapeError, match="a BookSnapshot takes at most 1048576 bytes"):
            tape.append(BookSnapshot(1, 1, "v:S", 1, levels, ()))
        assert tape.position == (1, 0)


def _events_of_every_kind() -> list[MarketEvent]:
    """Give one event of each kind, the books with 5,000 levels a side of the largest numbers there are."""
    bids = tuple((2**62 - 1 - number, 2**62 - 1) for number in range(5_000))
    asks = tuple((2**62 - 5_000 + number, 2**62 - 1) for number in range(5_000))
    return [
        Bar(1, 1, "v:S", 2, 3, 1, 2, 5, warm_up=True),
        QuoteBar(2, 2, "v:S", 2, 3, 1, 2, 3, 4, 2, 3, 7, 8),
        Trade(3, 2, "v:S", 2, 9, Side.SELL, "3735683259"),
        Quote(4, 4, "v:S", 2, 1, 3, 1),
        BookSnapshot(5, 4, "v:S", 50_093_239_218, bids, asks),
        BookDelta(6, 5, "v:S", 50_093_239_219, 50_093_239_224, bids, asks),
        FundingRate(7, 7, "v:S", -100_000, 2),
    ]


def test_every_kind_of_event_comes_back_from_a_tape(tmp_path: Path, instrument: Instrument) -> None:
    """The deepest books that venues publish have room too, and a crash costs none of them."""
    events = _events_of_every_kind()
    assert [type(event) for event in events] == list(MARKET_TYPES)
    with TapeWriter(tmp_path / "t", "session-1", [instrument]) as tape:
        for event in events:
            tape.append(event)
    assert [event for _, _, event in read_tape(tmp_path / "t")] == events
    raw = tmp_path / "u" / "000001.tape"
    raw.parent.mkdir()
    raw.write_bytes(b"ILTAPE1\n" + frame(make_header("session-1", 1, (instrument,))) + b"".join(map(frame, events))[:-1])
    recovery = recover_tape(tmp_path / "u")
    assert (recovery.events, recovery.truncated_bytes) == (6, len(frame(events[-1])) - 1)


def test_a_book_torn_in_the_middle_is_cut_off_soon(tmp_path: Path, instrument: Instrument) -> None:
    """Nearly 200 kB of a torn snapshot are searched for whole events behind it without trying each checksum."""
    events = _events_of_every_kind()
    raw = tmp_path / "t" / "000001.tape"
    raw.parent.mkdir()
    kept = b"ILTAPE1\n" + frame(make_header("session-1", 1, (instrument,))) + frame(events[0])
    torn = frame(events[4])[:-1]
    assert len(torn) > 150_000
    raw.write_bytes(kept + torn)
    assert recover_tape(tmp_path / "t").truncated_bytes == len(torn)


def test_a_renamed_or_changed_segment_is_found_before_its_first_event(tmp_path: Path, instrument: Instrument, bar: MakeBar) -> None:
    """The digest in the name is checked, not trusted."""
    (info,) = _write(tmp_path / "t", instrument, bar, 3).closed_segments
    data = bytearray(info.path.read_bytes())
    data[-1] ^= 1
    info.path.write_bytes(data)
    with pytest.raises(TapeDamagedError, match="not the one in its name"):
        read_segment(info.path)


def test_a_changed_event_of_an_open_segment_is_named(tmp_path: Path, instrument: Instrument, bar: MakeBar) -> None:
    """It has no digest in its name, so each event's checksum is compared."""
    raw = _abandon(tmp_path / "t", instrument, bar, 4)
    data = bytearray(raw.read_bytes())
    data[-len(frame(bar(3))) - 1] ^= 1
    raw.write_bytes(data)
    with pytest.raises(TapeDamagedError, match=r"event 3 of tape segment 000001\.tape does not fit its checksum"):
        list(read_segment(raw)[1])


def test_checksums_are_compared_unless_a_reader_says_that_the_digest_holds(instrument: Instrument, bar: MakeBar) -> None:
    """Who knows nothing of a digest is on the safe side."""
    header, data = make_header("session-1", 1, (instrument,)), bytearray(frame(bar(1)))
    data[-1] ^= 1
    assert len(list(read_events(BytesIO(data), "a", header, digest_holds=True))) == 1
    with pytest.raises(TapeDamagedError, match="event 1 of tape segment a does not fit its checksum"):
        list(read_events(BytesIO(data), "a", header))


def test_a_missing_or_doubled_segment_is_damage(tmp_path: Path, instrument: Instrument, bar: MakeBar) -> None:
    """A market with a hole is no market to replay."""
    tape = _write(tmp_path / "t", instrument, bar, 12)
    second = tape.closed_segments[1].path
    second.rename(tmp_path / second.name)
    with pytest.raises(TapeDamagedError, match="segment 2 is missing"):
        list(read_tape(tmp_path / "t"))
    (tmp_path / second.name).rename(second)
    (tmp_path / "t" / "000002.tape").write_bytes(b"")
    with pytest.raises(TapeDamagedError, match="segment 2 is there twice"):
        list(read_tape(tmp_path / "t"))


def test_a_segment_of_another_place_or_session_is_damage(tmp_path: Path, instrument: Instrument, bar: MakeBar) -> None:
    """A segment says where it belongs."""
    tape = _write(tmp_path / "t", instrument, bar, 8)
    first, second = (info.path for info in tape.closed_segments)
    second.rename(tmp_path / "kept")
    first.rename(first.with_name(first.name.replace("000001", "000002")))
    write_segment(tmp_path / "t", [bar(1)], [instrument], "session-1")
    with pytest.raises(TapeDamagedError, match="says it is segment 1 of 'session-1'"):
        list(read_tape(tmp_path / "t"))


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (b"", "does not begin with ILTAPE1"),
        (b"PAR1....", "does not begin with ILTAPE1"),
        (b"ILTAPE1\n", "header of tape segment"),
        (b"ILTAPE1\n\xff\xff\xff\xff\x00\x00\x00\x00", "header of tape segment"),
        (b"ILTAPE1\n\x01\x00\x00\x00\x00\x00\x00\x00\xc0", "header of tape segment"),
    ],
)
def test_a_file_without_a_whole_header_is_damage(tmp_path: Path, content: bytes, message: str) -> None:
    """Nothing is read from a file that does not say what it is."""
    (tmp_path / "000001.tape").write_bytes(content)
    with pytest.raises(TapeDamagedError, match=message):
        read_segment(tmp_path / "000001.tape")
    with gzip.open(tmp_path / "x.tape.gz", "wb") as stream:
        stream.write(content)
    with pytest.raises(TapeDamagedError, match=message):
        read_segment(tmp_path / "x.tape.gz")


def test_a_header_that_ends_early_is_damage_though_its_checksum_fits(tmp_path: Path, instrument: Instrument) -> None:
    """The events that it announces do not begin where it says."""
    payload = msgspec.msgpack.encode(make_header("session-1", 1, (instrument,)))
    whole = struct.pack("<II", len(payload), zlib.crc32(payload)) + payload
    longer = struct.pack("<II", len(payload) + 1, zlib.crc32(payload)) + payload
    (tmp_path / "000001.tape").write_bytes(b"ILTAPE1\n" + whole)
    assert list(read_segment(tmp_path / "000001.tape")[1]) == []
    (tmp_path / "000001.tape").write_bytes(b"ILTAPE1\n" + longer)
    with pytest.raises(TapeDamagedError, match=r"header of tape segment 000001\.tape is damaged"):
        read_segment(tmp_path / "000001.tape")


def test_a_file_that_is_not_gzip_is_damage(tmp_path: Path) -> None:
    """The decompressor's complaint becomes a sentence about the tape."""
    (tmp_path / "x.tape.gz").write_bytes(b"not gzip at all")
    with pytest.raises(TapeDamagedError, match="cannot be read"):
        read_segment(tmp_path / "x.tape.gz")
    with pytest.raises(TapeDamagedError, match="cannot be opened"):
        read_segment(tmp_path / "missing.tape")


@pytest.mark.parametrize(
    ("header", "message"),
    [
        ([2, "s", 1, [], {}, "new field"], "tape schema 2, this program reads up to 1"),
        ([1, "s", 1, [], {"Bar": 2}], "Bar version 2, this program reads up to 1"),
        ([1, "s", 1, [], {"Auction": 1}], "Auction version 1, this program reads up to 0"),
    ],
)
def test_a_newer_tape_is_refused(tmp_path: Path, header: list[object], message: str) -> None:
    """Events of a newer program are not guessed at."""
    payload = msgspec.msgpack.encode(header)
    (tmp_path / "000001.tape").write_bytes(b"ILTAPE1\n" + struct.pack("<II", len(payload), zlib.crc32(payload)) + payload)
    with pytest.raises(SchemaVersionError, match=message):
        read_segment(tmp_path / "000001.tape")


def test_recovery_closes_what_a_crash_left_and_does_nothing_twice(tmp_path: Path, instrument: Instrument, bar: MakeBar) -> None:
    """A crashed tape becomes like any other."""
    raw = _abandon(tmp_path / "t", instrument, bar, 3)
    recovery = recover_tape(tmp_path / "t")
    assert (recovery.truncated_bytes, recovery.events, recovery.code) == (0, 3, None)
    assert not raw.exists()
    assert [event for _, _, event in read_tape(tmp_path / "t")] == [bar(0), bar(1), bar(2)]
    before = {path: path.read_bytes() for path in (tmp_path / "t").iterdir()}
    assert recover_tape(tmp_path / "t") == ((), 0, 0)
    assert {path: path.read_bytes() for path in (tmp_path / "t").iterdir()} == before


def test_recovery_cuts_a_torn_end_and_says_how_much(tmp_path: Path, instrument: Instrument, bar: MakeBar) -> None:
    """The event that the crash tore never reached the engine."""
    raw = _abandon(tmp_path / "t", instrument, bar, 3)
    raw.write_bytes(raw.read_bytes()[:-5])
    recovery = recover_tape(tmp_path / "t")
    assert (recovery.truncated_bytes, recovery.events, recovery.code) == (len(frame(bar(2))) - 5, 2, "TAPE_TRUNCATED")
    assert [event for _, _, event in read_tape(tmp_path / "t")] == [bar(0), bar(1)]


def test_recovery_cuts_pages_that_a_power_loss_left_empty(tmp_path: Path, instrument: Instrument, bar: MakeBar) -> None:
    """A file system may extend a file before it writes what belongs there."""
    raw = _abandon(tmp_path / "t", instrument, bar, 3)
    raw.write_bytes(raw.read_bytes() + bytes(100_000))
    assert recover_tape(tmp_path / "t").truncated_bytes == 100_000


def test_recovery_removes_a_segment_that_had_only_begun(tmp_path: Path, instrument: Instrument, bar: MakeBar) -> None:
    """A segment without events says nothing."""
    raw = _abandon(tmp_path / "t", instrument, bar, 0)
    (tmp_path / "t" / ".000002.tape.partial").write_bytes(b"ILTA")
    assert recover_tape(tmp_path / "t") == ((), 0, 0)
    assert not raw.exists()
    assert list((tmp_path / "t").iterdir()) == []


def test_recovery_finishes_a_close_that_a_crash_interrupted(tmp_path: Path, instrument: Instrument, bar: MakeBar) -> None:
    """Compressed and renamed but not yet removed: the events are there once."""
    raw = _abandon(tmp_path / "t", instrument, bar, 3)
    kept = raw.read_bytes()
    recover_tape(tmp_path / "t")
    raw.write_bytes(kept)
    (tmp_path / "t" / ".000001.tape.gz.partial").write_bytes(b"half")
    recover_tape(tmp_path / "t")
    assert [path.suffix for path in (tmp_path / "t").iterdir()] == [".gz"]
    assert len(list(read_tape(tmp_path / "t"))) == 3


def test_recovery_passes_over_files_that_are_no_segments(tmp_path: Path, instrument: Instrument, bar: MakeBar) -> None:
    """What an interrupted close left behind them is put right all the same, and they stay."""
    raw = _abandon(tmp_path / "t", instrument, bar, 3)
    kept = raw.read_bytes()
    (info,) = recover_tape(tmp_path / "t").segments
    raw.write_bytes(kept)
    other = tmp_path / "t" / "000000.tape.gz"
    other.write_bytes(b"somebody's")
    assert recover_tape(tmp_path / "t") == ((), 0, 0)
    assert sorted((tmp_path / "t").iterdir()) == [other, info.path]


def test_recovery_keeps_the_open_segment_when_its_closed_twin_is_broken(tmp_path: Path, instrument: Instrument, bar: MakeBar) -> None:
    """The last whole copy of events is never removed."""
    raw = _abandon(tmp_path / "t", instrument, bar, 3)
    kept = raw.read_bytes()
    (info,) = recover_tape(tmp_path / "t").segments
    raw.write_bytes(kept)
    info.path.write_bytes(info.path.read_bytes()[:-1])
    with pytest.raises(TapeDamagedError, match="holds its events"):
        recover_tape(tmp_path / "t")
    assert raw.read_bytes() == kept


def test_recovery_refuses_a_closed_segment_that_was_changed(tmp_path: Path, instrument: Instrument, bar: MakeBar) -> None:
    """It has another digest than its name says; the open segment behind it stays as it is."""
    first = _write(tmp_path / "t", instrument, bar, 4).closed_segments[0]
    raw = tmp_path / "t" / "000002.tape"
    raw.write_bytes(b"ILTAPE1\n" + frame(make_header("session-1", 2, (instrument,))) + frame(bar(4)))
    whole = first.path.read_bytes()
    first.path.write_bytes(whole[:-1])
    with pytest.raises(TapeDamagedError, match=f"{first.path.name} has digest {hashlib.sha256(whole[:-1]).hexdigest()}"):
        recover_tape(tmp_path / "t")
    assert raw.exists()
    first.path.write_bytes(whole)
    assert recover_tape(tmp_path / "t").events == 1


def test_recovery_refuses_damage_in_the_middle_and_touches_nothing(tmp_path: Path, instrument: Instrument, bar: MakeBar) -> None:
    """Whole events behind a broken one mean that no crash did this."""
    raw = _abandon(tmp_path / "t", instrument, bar, 3)
    data = bytearray(raw.read_bytes())
    data[-len(frame(bar(2))) - 1] ^= 1
    raw.write_bytes(data)
    with pytest.raises(TapeDamagedError, match="damaged after event 1, with whole events behind"):
        recover_tape(tmp_path / "t")
    assert raw.read_bytes() == data


@pytest.mark.parametrize(("begins", "is_hole"), [("sector", True), ("event", True), ("middle", False)])
def test_zeros_are_a_hole_only_where_a_write_or_a_sector_begins(
    tmp_path: Path, instrument: Instrument, bar: MakeBar, begins: str, is_hole: bool
) -> None:
    """A power loss loses whole sectors, or all of a write in one; zeros from the middle of both are damage, with events behind."""
    raw = _abandon(tmp_path / "t", instrument, bar, 40)
    data = bytearray(raw.read_bytes())
    size = len(frame(bar(0)))
    header = len(data) - 40 * size
    # The event that lies across the end of the second sector; some of it lies on either side.
    at = header + (1024 - header) // size * size
    assert 20 < 1024 - at < size - 20, "lay the events out otherwise"
    first, last = {"sector": (1024, 1536), "event": (at, 1024), "middle": (at + 9, 1024)}[begins]
    data[first:last] = bytes(last - first)
    raw.write_bytes(data)
    if is_hole:
        assert recover_tape(tmp_path / "t").events == (at - header) // size
    else:
        with pytest.raises(TapeDamagedError, match="with whole events behind"):
            recover_tape(tmp_path / "t")


def test_recovery_refuses_a_torn_segment_that_is_not_the_last(tmp_path: Path, instrument: Instrument, bar: MakeBar) -> None:
    """Every segment but the last was synced when it was full."""
    raw = _abandon(tmp_path / "t", instrument, bar, 3)
    raw.write_bytes(raw.read_bytes()[:-5])
    (tmp_path / "t" / "000002.tape").write_bytes(b"ILTAPE1\n" + frame(make_header("session-1", 2, (instrument,))) + frame(bar(4)))
    with pytest.raises(TapeDamagedError, match="not the last"):
        recover_tape(tmp_path / "t")


def test_a_position_beyond_the_end_of_a_tape_is_noticed(tmp_path: Path, instrument: Instrument, bar: MakeBar) -> None:
    """The journal may know of market data that a power loss took."""
    _write(tmp_path / "t", instrument, bar, 6)
    reached = [
        position for position in [(1, 0), (1, 4), (2, 0), (2, 2), (2, 3), (3, 0), (3, 1), (4, 0)] if tape_reaches(tmp_path / "t", position)
    ]
    assert reached == [(1, 0), (1, 4), (2, 0), (2, 2), (3, 0)]
    (tmp_path / "empty").mkdir()
    assert tape_reaches(tmp_path / "empty", (1, 0))
    assert not tape_reaches(tmp_path / "empty", (1, 1))


@pytest.mark.parametrize(("longer", "whole"), [(0, True), (1, False)])
def test_an_event_of_a_megabyte_is_whole_and_a_longer_one_is_none(longer, whole):
    """What a book may take at most is told from torn bytes to the byte."""
    payload = b"\x90".ljust(MAXIMUM_BOOK_BYTES + longer, b"\0")
    data = struct.pack("<II", len(payload), zlib.crc32(payload)) + payload
    assert valid_event_frame(data, 0) == (len(data) if whole else 0)


def test_a_book_of_a_megabyte_is_read_back(instrument):
    """Its frame does not end in the piece that is read first, and its length is the largest there may be."""
    bare = len(frame(BookSnapshot(1, 1, "v:" + "x" * 70_000, 1, (), ()))) - FRAME_HEAD_BYTES
    book = BookSnapshot(1, 1, "v:" + "x" * (70_000 + MAXIMUM_BOOK_BYTES - bare), 1, (), ())
    data = frame(book)
    assert len(data) == FRAME_HEAD_BYTES + MAXIMUM_BOOK_BYTES
    assert list(read_events(BytesIO(data), "t", make_header("session-1", 1, (instrument,)))) == [book]


def test_a_tape_that_takes_a_part_of_an_event_says_how_much(tmp_path, instrument, bar, monkeypatch):
    """As a disk does that is full: the event may be torn, and nothing follows it."""
    with TapeWriter(tmp_path / "t", "session-1", [instrument]) as tape:
        tape.append(bar(0))
        write = os.write
        monkeypatch.setattr(os, "write", lambda descriptor, data: write(descriptor, data[:5]))
        with pytest.raises(TapeFailedError, match=rf"only 5 of {len(frame(bar(1)))} bytes were written"):
            tape.append(bar(1))
        monkeypatch.undo()
        with pytest.raises(TapeFailedError, match="only 5 of"):
            tape.append(bar(1))
