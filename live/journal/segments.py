"""Closed segments: compressed, immutable, named by the digest of their bytes."""

import gzip
import os
import re
import zlib
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import BinaryIO, NamedTuple, cast

from live.core.inputs import MarketEvent
from live.core.instruments import Instrument
from live.journal.disk import file_digest, sync_directory
from live.journal.errors import TapeDamagedError, TapeError, TapeFailedError
from live.journal.frames import MAGIC, TapeHeader, frame, make_header, read_events, read_header

CLOSED_NAME = re.compile(r"(?P<segment>\d{6,})-(?P<digest>[0-9a-f]{64})\.tape\.gz")
OPEN_NAME = re.compile(r"(?P<segment>\d{6,})\.tape")
PARTIAL_SUFFIX = ".partial"

_COMPRESSION_LEVEL = 1
"""Higher levels take twice the time and save nothing: bars are mostly digits that do not repeat."""
_DIGEST = re.compile(r"[0-9a-f]{64}")
_WRITE_EVENTS = 4096
_BLOCK_BYTES = 1024 * 1024


class SegmentInfo(NamedTuple):
    """Name a closed segment: its number, the sha256 of its file, how many events it holds, where it is."""

    segment: int
    digest: str
    events: int
    path: Path


def write_segment(destination: Path, events: Iterable[MarketEvent], instruments: Iterable[Instrument], session_id: str) -> SegmentInfo:
    """Write events as one closed segment, whole or not at all; equal events give an equal file.

    Args:
        destination: the file to write, or a directory in which it is named by its digest.
        events: market data in order of receipt.
        instruments: what the events are about.
        session_id: the session or dataset the events belong to.

    Raises:
        TapeError: the file exists, or its name says another digest.
        TapeFailedError: the disk refused.
    """
    count = 0

    def blocks() -> Iterator[bytes]:
        nonlocal count
        yield MAGIC + frame(make_header(session_id, 1, tuple(instruments)))
        block: list[bytes] = []
        for event in events:
            block.append(frame(event))
            count += 1
            if len(block) == _WRITE_EVENTS:
                yield b"".join(block)
                block.clear()
        yield b"".join(block)

    directory = destination if destination.is_dir() else destination.parent
    if destination != directory and destination.exists():
        raise TapeError(f"a segment is never written over: {destination} exists, choose another path")
    partial = directory / f".{destination.name}.{os.getpid()}{PARTIAL_SUFFIX}"
    try:
        digest = compress(blocks(), partial)
        path = directory / closed_name(1, digest) if destination == directory else destination
        publish(partial, path)
    except OSError as error:
        raise TapeFailedError(f"the segment {destination} could not be written ({error}): check the disk") from error
    finally:
        partial.unlink(missing_ok=True)
    return SegmentInfo(1, digest, count, path)


def read_segment(path: Path) -> tuple[TapeHeader, Iterator[MarketEvent]]:
    """Open a segment, compressed or not, and give its header and its events.

    The digest in the name of a closed segment is checked first; a file without one has each event's checksum compared.

    Raises:
        TapeDamagedError: the file is missing or not what it was when it was written; also while iterating.
        SchemaVersionError: a newer program wrote it.
    """
    name = path.name
    try:
        closed = CLOSED_NAME.fullmatch(name)
        if closed and (found := file_digest(path)) != closed["digest"]:
            raise TapeDamagedError(f"tape segment {name} has digest {found}, not the one in its name: restore the file from a copy")
        stream = cast("BinaryIO", gzip.open(path, "rb") if path.suffix == ".gz" else path.open("rb"))  # noqa: SIM115
    except OSError as error:
        raise TapeDamagedError(f"tape segment {path} cannot be opened ({error.strerror}): restore the file from a copy") from error
    try:
        header = read_header(stream, name)
    except (OSError, EOFError, zlib.error) as error:
        stream.close()
        raise _unreadable(name, error) from error
    except BaseException:
        stream.close()
        raise
    return header, _events(stream, name, header, digest_holds=closed is not None)


def read_tape(directory: Path) -> Iterator[tuple[int, int, MarketEvent]]:
    """Read a session's tape: segment, number of events before this one in the segment, and the event.

    So `(segment, offset)` is the tape's position before the event: an event had been handled at a position exactly
    when its pair is smaller than the position.

    Raises:
        TapeDamagedError: a segment is missing, twice there, of another session or damaged.
    """
    session_id: str | None = None
    for segment, path in list_segments(directory):
        header, events = read_segment(path)
        if header.segment != segment or header.session_id != (session_id or header.session_id):
            raise TapeDamagedError(
                f"{path} says it is segment {header.segment} of {header.session_id!r}: it does not belong here, restore the right file"
            )
        session_id = header.session_id
        for offset, event in enumerate(events):
            yield segment, offset, event


def list_segments(directory: Path) -> list[tuple[int, Path]]:
    """List the segments of a tape in order, closed ones and the open one.

    Raises:
        TapeDamagedError: a segment is missing or is there twice.
    """
    found = sorted(
        (int(match["segment"]), path)
        for path in directory.glob("*.tape*")
        if (match := CLOSED_NAME.fullmatch(path.name) or OPEN_NAME.fullmatch(path.name))
    )
    for expected, (segment, path) in enumerate(found, start=1):
        if segment != expected:
            what = f"segment {segment} is there twice" if segment < expected else f"segment {expected} is missing"
            raise TapeDamagedError(
                f"the tape in {directory} is damaged: {what} (at {path.name}); recover it, or restore the file from a copy"
            )
    return found


def find_segment(root: Path, digest: str) -> Path | None:
    """Find a closed segment below a directory by its digest, None when it is not there.

    Raises:
        TapeError: `digest` is no sha256 in hexadecimal.
    """
    if not _DIGEST.fullmatch(digest):
        raise TapeError(f"a segment is named by a sha256 of 64 lower-case hexadecimal digits, received {digest!r}")
    return next(iter(sorted(root.rglob(f"*-{digest}.tape.gz"))), None)


def closed_name(segment: int, digest: str) -> str:
    """Name the file of a closed segment."""
    return f"{segment:06d}-{digest}.tape.gz"


def open_name(segment: int) -> str:
    """Name the file of a segment that is still written."""
    return f"{segment:06d}.tape"


def close_segment(raw: Path, segment: int, events: int) -> SegmentInfo:
    """Turn the open file of a segment into its closed one; a crash in the middle is put right by `recover_tape`."""
    partial = raw.with_name(f".{raw.name}.gz{PARTIAL_SUFFIX}")
    with raw.open("rb") as stream:
        digest = compress(iter(lambda: stream.read(_BLOCK_BYTES), b""), partial)
    path = raw.with_name(closed_name(segment, digest))
    publish(partial, path)
    raw.unlink()
    sync_directory(raw.parent)
    return SegmentInfo(segment, digest, events, path)


def compress(blocks: Iterable[bytes], destination: Path) -> str:
    """Write blocks as a gzip file without name or time, sync it, and give its sha256."""
    with destination.open("wb") as raw:
        with gzip.GzipFile(filename="", mode="wb", compresslevel=_COMPRESSION_LEVEL, fileobj=raw, mtime=0) as stream:
            for block in blocks:
                stream.write(block)
        raw.flush()
        os.fsync(raw.fileno())
    return file_digest(destination)


def publish(partial: Path, path: Path) -> None:
    """Give a finished file its name, durably."""
    partial.rename(path)
    sync_directory(path.parent)


def _events(stream: BinaryIO, name: str, header: TapeHeader, *, digest_holds: bool) -> Iterator[MarketEvent]:
    with stream:
        try:
            yield from read_events(stream, name, header, digest_holds=digest_holds)
        except (OSError, EOFError, zlib.error) as error:
            raise _unreadable(name, error) from error


def _unreadable(name: str, error: Exception) -> TapeDamagedError:
    return TapeDamagedError(f"tape segment {name} cannot be read ({error}): restore the file from a copy")
