"""A prefix: the first rows of a journal that is still written, up to an anchored commit, with the tape they refer to.

The copy is made beside a running session. SQLite moves the rows without Python between them, and what Python does is done
in short stretches with a pause after each, so that the thread which trades never waits for more than one stretch.
"""

import gzip
import os
import shutil
import sqlite3
import tempfile
from collections.abc import Callable, Iterator
from io import BytesIO
from itertools import islice
from pathlib import Path
from typing import BinaryIO, cast
from urllib.parse import quote

import msgspec

from live.journal.anchors import Anchor
from live.journal.disk import file_digest, sync_directory
from live.journal.errors import JournalDamagedError, JournalError, NotAJournalError, TapeDamagedError
from live.journal.file import Position
from live.journal.frames import read_header, valid_event_frame
from live.journal.reader import read_meta
from live.journal.schema import RECORD_COLUMNS, ChainLink, create_tables
from live.journal.segments import CLOSED_NAME, closed_name, compress, open_name

PREFIX_SCHEMA = 1
PREFIX_FILE = "prefix.json"
PREFIX_JOURNAL = "prefix.journal"
PREFIX_TAPE = "tape"
_PARTIAL = ".partial"

_COPIED_ROWS = 5_000
"""Rows that SQLite copies between two pauses; it holds a read lock on the running journal no longer than that."""
_CHECKED_ROWS = 128
_CHECKED_EVENTS = 128

Pause = Callable[[], None]
"""Called after each stretch of work: lets others have their turn, or raises to give the copy up."""


class TapeSegment(msgspec.Struct, frozen=True):
    """Name a closed segment of a tape by its number and the sha256 of its file."""

    segment: int
    digest: str

    @property
    def file_name(self) -> str:
        """Give the name of the segment's file."""
        return closed_name(self.segment, self.digest)


class Prefix(msgspec.Struct, frozen=True, kw_only=True):
    """Describe a prefix of a session.

    Attributes:
        anchor: the anchor at whose commit it ends; the chain of its rows gives that head.
        position: how much of the tape its last row refers to; its tape ends there.
        file_sha256: of the journal's file.
        segments: the tape, in order.
    """

    schema: int
    anchor: Anchor
    position: Position
    file_sha256: str
    segments: tuple[TapeSegment, ...]


def write_prefix(journal: Path, tape: Path, folder: Path, anchor: Anchor, pause: Pause) -> Prefix:
    """Copy what a running session recorded up to an anchor, whole or not at all; the session is not held up.

    The rows must give the anchored head, and each market event its checksum.

    Args:
        journal: of the running session.
        tape: directory of the session's tape.
        folder: what to write; its parent exists, it does not.
        anchor: where the prefix ends; everything up to it is durable.
        pause: called between short stretches of work; what it raises ends the copy.

    Raises:
        JournalDamagedError: the rows do not give the anchored head.
        TapeDamagedError: the tape ends before the place that the rows refer to, or is damaged.
        JournalError: the disk refused.
    """
    try:
        scratch = Path(tempfile.mkdtemp(prefix=f".{folder.name}.", suffix=_PARTIAL, dir=folder.parent))
    except OSError as error:
        raise JournalError(f"no prefix can be written to {folder.parent} ({error.strerror}): check the disk and the directory") from error
    try:
        position = _copy_rows(journal, scratch / PREFIX_JOURNAL, anchor, pause)
        segments = _copy_tape(tape, scratch / PREFIX_TAPE, position, pause)
        prefix = Prefix(
            schema=PREFIX_SCHEMA,
            anchor=anchor,
            position=position,
            file_sha256=file_digest(scratch / PREFIX_JOURNAL),
            segments=segments,
        )
        (scratch / PREFIX_FILE).write_bytes(msgspec.json.encode(prefix))
        # Only the description is synced: a flush of the whole journal could hold up the running one, and a prefix that a
        # power loss cost its rows is told by its digest.
        _sync(scratch / PREFIX_FILE)
        sync_directory(scratch)
        scratch.rename(folder)
        sync_directory(folder.parent)
    except (OSError, sqlite3.Error) as error:
        raise JournalError(f"the prefix {folder} of {journal.name} could not be written ({error}): check the disk") from error
    finally:
        shutil.rmtree(scratch, ignore_errors=True)
    return prefix


def read_prefix(folder: Path) -> Prefix:
    """Read what a prefix says about itself.

    Raises:
        NotAJournalError: no prefix is there.
        JournalDamagedError: its description cannot be read.
    """
    try:
        return msgspec.json.decode((folder / PREFIX_FILE).read_bytes(), type=Prefix)
    except OSError as error:
        raise NotAJournalError(f"no prefix can be read at {folder} ({error.strerror}): a newer one may have replaced it") from None
    except msgspec.MsgspecError as error:
        raise JournalDamagedError(f"{folder / PREFIX_FILE} cannot be read ({error}): the next prefix replaces it") from None


def list_prefixes(directory: Path) -> list[Path]:
    """List the prefixes of one session, oldest first; each is whole."""
    return sorted(path.parent for path in directory.glob(f"[0-9]*/{PREFIX_FILE}"))


def prefix_name(anchor: Anchor) -> str:
    """Name a prefix's folder so that names sort by how far the prefixes reach."""
    return f"{anchor.commit:012d}-{anchor.at}"


def _copy_rows(journal: Path, draft: Path, anchor: Anchor, pause: Pause) -> Position:
    """Copy the rows up to an anchor, hold them to its head, and give how much of the tape they refer to."""
    os.close(os.open(draft, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, 0o600))
    connection = sqlite3.connect(draft, isolation_level=None, uri=True)
    try:
        for setting in ("trusted_schema = OFF", "journal_mode = MEMORY", "synchronous = OFF"):
            connection.execute(f"PRAGMA {setting}")
        running = sqlite3.connect(_read_only(journal), uri=True)
        try:
            meta, genesis = read_meta(running, journal)
        finally:
            running.close()
        create_tables(connection, meta)
        connection.execute("ATTACH ? AS running", (_read_only(journal),))
        for table, key, last in (("records", "seq", anchor.seq), ("commits", "number", anchor.commit), ("snapshots", "seq", anchor.seq)):
            copy = f"INSERT INTO {table} SELECT * FROM running.{table} WHERE {key} > ? AND {key} <= ? ORDER BY {key}"  # noqa: S608 - our own names
            for after in range(0, last, _COPIED_ROWS):
                connection.execute(copy, (after, min(after + _COPIED_ROWS, last)))
                pause()
        connection.execute("DETACH running")
        reached = _chain_head(connection, genesis, pause)
        if reached != (anchor.commit, anchor.seq, anchor.head):
            raise JournalDamagedError(
                f"the rows of {journal} up to seq {anchor.seq} give {reached}, anchored is {(anchor.commit, anchor.seq, anchor.head)}: "
                "run `interlock journal verify`"
            )
        segment, offset = connection.execute("SELECT segment, offset FROM records WHERE seq = ?", (anchor.seq,)).fetchone()
        return segment, offset
    finally:
        connection.close()


def _chain_head(connection: sqlite3.Connection, head: str, pause: Pause) -> tuple[int, int, str]:
    """Fold every row into the chain; gives the last commit, its last sequence number and the head."""
    rows = connection.execute(f"SELECT {RECORD_COLUMNS} FROM records ORDER BY seq")  # noqa: S608 - our own names
    number = seq = checked = 0
    for number, first, seq in connection.execute("SELECT number, first_seq, last_seq FROM commits ORDER BY number"):  # noqa: B007 - the last one is read below
        link = ChainLink(head)
        for row in islice(rows, seq - first + 1):
            link.add(row)
            checked += 1
            if checked % _CHECKED_ROWS == 0:
                pause()
        head = link.head()
    return number, seq, head


def _copy_tape(tape: Path, destination: Path, position: Position, pause: Pause) -> tuple[TapeSegment, ...]:
    """Copy the segments before a position, and of the segment it lies in the events before it."""
    destination.mkdir(mode=0o700)
    segment, offset = position
    copied = [_copy_segment(tape, destination, number, None, pause) for number in range(1, segment)]
    if offset:
        copied.append(_copy_segment(tape, destination, segment, offset, pause))
    sync_directory(destination)
    return tuple(copied)


def _copy_segment(tape: Path, destination: Path, number: int, events: int | None, pause: Pause) -> TapeSegment:
    """Copy the first events of a segment, all of them when `events` is None; a closed segment that is wanted whole is linked."""
    closed = _closed(tape, number)
    if closed is not None and events is None:
        match = CLOSED_NAME.fullmatch(closed.name)
        digest = file_digest(closed)
        if match is None or match["digest"] != digest:
            raise TapeDamagedError(f"tape segment {closed.name} has digest {digest}, not the one in its name: restore it from a copy")
        (destination / closed.name).hardlink_to(closed)
        return TapeSegment(number, digest)
    draft = destination / f".{number}{_PARTIAL}"
    digest = compress(_blocks(_read_segment(tape, number), f"{number} of {tape}", events, pause), draft)
    draft.rename(destination / closed_name(number, digest))
    return TapeSegment(number, digest)


def _read_segment(tape: Path, number: int) -> bytes:
    """Read a segment's bytes, from its open file or, when that was closed meanwhile, from its closed one."""
    try:
        return (tape / open_name(number)).read_bytes()
    except FileNotFoundError:
        closed = _closed(tape, number)
        if closed is None:
            raise TapeDamagedError(f"segment {number} of the tape in {tape} is missing: restore the file from a copy") from None
    with cast("BinaryIO", gzip.open(closed, "rb")) as stream:
        return stream.read()


def _blocks(data: bytes, name: str, events: int | None, pause: Pause) -> Iterator[bytes]:
    """Give a segment's header and its first whole events, checked against their checksums."""
    stream = BytesIO(data)
    read_header(stream, name)
    begin, at, found = 0, stream.tell(), 0
    while (events is None or found < events) and (size := valid_event_frame(data, at)):
        at += size
        found += 1
        if found % _CHECKED_EVENTS == 0:
            yield data[begin:at]
            begin = at
            pause()
    yield data[begin:at]
    if (events is not None and found < events) or (events is None and at < len(data)):
        raise TapeDamagedError(f"segment {name} ends or is damaged after event {found}: restore the file from a copy")


def _closed(tape: Path, number: int) -> Path | None:
    return next((path for path in sorted(tape.glob(f"{number:06d}-*.tape.gz")) if CLOSED_NAME.fullmatch(path.name)), None)


def _read_only(path: Path) -> str:
    return f"file:{quote(str(path.resolve()))}?mode=ro"


def _sync(path: Path) -> None:
    descriptor = os.open(path, os.O_RDONLY | os.O_CLOEXEC)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
