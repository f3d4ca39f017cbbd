"""Frames: how events follow each other in a tape segment.

A segment is the magic line, a header frame, then one frame an event. A frame is the length of its payload and the
payload's CRC-32, both unsigned 32-bit little-endian, then the payload in MessagePack.
"""

import struct
import zlib
from collections.abc import Iterator
from typing import BinaryIO

import msgspec

from live.core.instruments import Instrument
from live.core.market_events import MARKET_TYPES, BookDelta, BookSnapshot, MarketEvent
from live.core.records import SCHEMA_VERSIONS
from live.journal.errors import EntryError, SchemaVersionError, TapeDamagedError, TapeError
from live.journal.migrations import market_decoder

MAGIC = b"ILTAPE1\n"
TAPE_SCHEMA = 1
"""Version of the header below; a tape with a higher one is refused."""

MAXIMUM_EVENT_BYTES = 4096
"""No event of a fixed number of fields comes near this."""
MAXIMUM_BOOK_BYTES = 1024 * 1024
"""Room for 27,000 levels a side, each at most 19 bytes; venues publish 5,000. A longer frame is a damaged length."""
_MAXIMUM_HEADER_BYTES = 16 * 1024 * 1024
_READ_BYTES = 1024 * 1024

_FRAME = struct.Struct("<II")
FRAME_HEAD_BYTES = _FRAME.size

_BOOKS = (BookSnapshot, BookDelta)
_ARRAYS = frozenset((*range(0x90, 0xA0), 0xDC))
_KINDS = tuple(kind.__name__ for kind in MARKET_TYPES)


class TapeHeader(msgspec.Struct, frozen=True, array_like=True):
    """Say what a segment holds: `session_id` names the session or the dataset, segments count from 1."""

    tape_schema: int
    session_id: str
    segment: int
    instruments: tuple[Instrument, ...]
    event_versions: dict[str, int]


_encoder = msgspec.msgpack.Encoder()
_header_decoder = msgspec.msgpack.Decoder(TapeHeader)
_event_decoder = msgspec.msgpack.Decoder(MarketEvent)


def make_header(session_id: str, segment: int, instruments: tuple[Instrument, ...]) -> TapeHeader:
    """Describe a segment as this program writes it."""
    return TapeHeader(TAPE_SCHEMA, session_id, segment, instruments, {kind: SCHEMA_VERSIONS[kind] for kind in _KINDS})


def frame(message: MarketEvent | TapeHeader) -> bytes:
    """Encode an event or a header with its length and checksum.

    Raises:
        TapeError: the event is longer than a reader would believe.
    """
    payload = _encoder.encode(message)
    if len(payload) > MAXIMUM_EVENT_BYTES and not isinstance(message, TapeHeader):
        most = MAXIMUM_BOOK_BYTES if isinstance(message, _BOOKS) else MAXIMUM_EVENT_BYTES
        if len(payload) > most:
            what = f"{type(message).__name__} takes at most {most} bytes, received one of {len(payload)}"
            raise TapeError(f"a {what}: shorten its text, or the depth of the book")
    return _FRAME.pack(len(payload), zlib.crc32(payload)) + payload


def valid_event_frame(data: bytes, at: int) -> int:
    """Give the length of the whole event frame at a place in `data`, 0 when none is there."""
    if at + FRAME_HEAD_BYTES > len(data):
        return 0
    length, checksum = _FRAME.unpack_from(data, at)
    begin = at + FRAME_HEAD_BYTES
    if not 0 < length <= MAXIMUM_BOOK_BYTES or begin + length > len(data):
        return 0
    # Every event begins as a MessagePack array: where none does, no checksum over up to a megabyte is needed.
    if data[begin] not in _ARRAYS or zlib.crc32(data[begin : begin + length]) != checksum:
        return 0
    return FRAME_HEAD_BYTES + length


def read_header(stream: BinaryIO, name: str) -> TapeHeader:
    """Read the magic line and the header from the beginning of a segment.

    Raises:
        TapeDamagedError: the segment does not begin with a whole header.
        SchemaVersionError: it was written by a newer program.
    """
    if stream.read(len(MAGIC)) != MAGIC:
        raise TapeDamagedError(f"{name} is no tape segment: it does not begin with ILTAPE1; give the path of a .tape or .tape.gz file")
    head = stream.read(FRAME_HEAD_BYTES)
    length, checksum = _FRAME.unpack(head) if len(head) == FRAME_HEAD_BYTES else (0, 0)
    payload = stream.read(length) if length <= _MAXIMUM_HEADER_BYTES else b""
    if not payload or len(payload) != length or zlib.crc32(payload) != checksum:
        raise TapeDamagedError(f"the header of tape segment {name} is damaged: restore the file from a copy")
    try:
        fields = msgspec.msgpack.decode(payload, type=list[object])
        if fields and isinstance(fields[0], int) and fields[0] > TAPE_SCHEMA:
            raise SchemaVersionError(
                f"{name} has tape schema {fields[0]}, this program reads up to {TAPE_SCHEMA}: read it with a newer one"
            )
        header = _header_decoder.decode(payload)
    except msgspec.MsgspecError as error:
        raise TapeDamagedError(f"the header of tape segment {name} cannot be read ({error}): restore the file from a copy") from None
    for kind, version in header.event_versions.items():
        if version > SCHEMA_VERSIONS.get(kind, 0):
            raise SchemaVersionError(
                f"wrong schema version: {name} holds {kind} version {version}, this program reads up to "
                f"{SCHEMA_VERSIONS.get(kind, 0)}; read it with a newer one"
            )
    return header


def read_events(stream: BinaryIO, name: str, header: TapeHeader, *, digest_holds: bool = False) -> Iterator[MarketEvent]:
    """Read the events that follow the header; those of an older schema are read as the newest.

    Each frame's checksum is compared unless the digest of the whole file was, which takes a third of the time away.

    Raises:
        TapeDamagedError: a frame is torn or does not fit its checksum.
    """
    unpack, crc32, decode, head_bytes = (
        _FRAME.unpack_from,
        zlib.crc32,
        market_decoder(header.event_versions, _event_decoder.decode),
        FRAME_HEAD_BYTES,
    )
    count = 0
    rest = b""
    try:
        while chunk := stream.read(_READ_BYTES):
            data = rest + chunk
            at, size = 0, len(data)
            while at + head_bytes <= size:
                length, checksum = unpack(data, at)
                end = at + head_bytes + length
                if end > size:
                    if length > MAXIMUM_BOOK_BYTES:
                        raise TapeDamagedError(f"event {count + 1} of tape segment {name} claims an impossible length: {_ADVICE}")
                    break
                payload = data[at + head_bytes : end]
                if not digest_holds and crc32(payload) != checksum:
                    raise TapeDamagedError(f"event {count + 1} of tape segment {name} does not fit its checksum: {_ADVICE}")
                yield decode(payload)
                at = end
                count += 1
            rest = data[at:]
    except (msgspec.MsgspecError, EntryError) as error:
        raise TapeDamagedError(f"event {count + 1} of tape segment {name} cannot be read ({error}): {_ADVICE}") from None
    if rest:
        raise TapeDamagedError(f"tape segment {name} ends inside event {count + 1}: recover the tape if its session crashed; {_ADVICE}")


_ADVICE = "restore the file from a copy"
