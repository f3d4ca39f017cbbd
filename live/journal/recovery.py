"""Recover a tape whose session did not close it: cut a torn end, close what was open, refuse damage."""

from collections.abc import Iterable
from io import BytesIO
from os import fsync
from pathlib import Path
from typing import NamedTuple

from live.journal.disk import file_digest, sync_directory
from live.journal.errors import TapeDamagedError, TapeFailedError
from live.journal.file import START, Position
from live.journal.frames import FRAME_HEAD_BYTES, read_header, valid_event_frame
from live.journal.segments import CLOSED_NAME, OPEN_NAME, PARTIAL_SUFFIX, SegmentInfo, close_segment, list_segments, read_segment

TAPE_TRUNCATED = "TAPE_TRUNCATED"
"""The code under which a cut end is reported."""


_SECTOR_BYTES = 512
"""What a disk writes whole or not at all."""


class TapeRecovery(NamedTuple):
    """Report what a recovery did: the segments it closed, the bytes it cut off the end, the events it kept in them."""

    segments: tuple[SegmentInfo, ...]
    truncated_bytes: int
    events: int

    @property
    def code(self) -> str | None:
        """Give TAPE_TRUNCATED when an end was cut off, None otherwise."""
        return TAPE_TRUNCATED if self.truncated_bytes else None


def recover_tape(directory: Path) -> TapeRecovery:
    """Close what a crashed session left open; running it again changes nothing.

    Only the end of the last segment is cut off, where a crash tore it: what follows its last whole event, or everything
    from a hole on. A hole is zeros where an event should begin or from the beginning of a sector: a power loss can keep a
    later write and lose an earlier one. Any other broken event with a whole one behind means that something else did the
    damage, and nothing is touched. Closed segments must have the digests in their names.

    Raises:
        TapeDamagedError: the tape is damaged elsewhere than at its end, or a segment is missing.
        TapeFailedError: the disk refused.
    """
    try:
        for leftover in directory.glob(f".*{PARTIAL_SUFFIX}"):
            leftover.unlink()
        _remove_raw_twins(directory)
        segments = list_segments(directory)
        _check_closed(path for _, path in segments)
        still_open = [(segment, path) for segment, path in segments if OPEN_NAME.fullmatch(path.name)]
        ends = [_find_end(path, is_last=segment == len(segments)) for segment, path in still_open]
        closed: list[SegmentInfo] = []
        truncated = 0
        for (segment, path), (events, whole, torn) in zip(still_open, ends, strict=True):
            truncated += torn
            if not events:
                path.unlink()
                sync_directory(directory)
                continue
            if torn:
                _truncate(path, whole)
            closed.append(close_segment(path, segment, events))
    except OSError as error:
        raise TapeFailedError(f"the tape in {directory} could not be recovered ({error}): check the disk, then run it again") from error
    return TapeRecovery(tuple(closed), truncated, sum(info.events for info in closed))


def tape_reaches(directory: Path, position: Position) -> bool:
    """Tell whether every event before a position is on a recovered tape; reads at most one segment.

    Raises:
        TapeDamagedError: a segment is missing or damaged.
    """
    segments = dict(list_segments(directory))
    segment, offset = position
    if offset == 0:
        return position <= START or segment - 1 in segments
    if segment not in segments:
        return False
    _, events = read_segment(segments[segment])
    return sum(1 for _ in events) >= offset


def _remove_raw_twins(directory: Path) -> None:
    """Remove the open file of a segment whose closed file is complete: the crash came between the two steps."""
    for path in sorted(directory.glob("*.tape.gz")):
        match = CLOSED_NAME.fullmatch(path.name)
        if match is None:
            continue
        raw = path.with_name(f"{match['segment']}.tape")
        if raw.exists():
            if file_digest(path) != match["digest"]:
                raise TapeDamagedError(
                    f"tape segment {path.name} does not have the digest in its name: remove it, {raw.name} holds its events"
                )
            raw.unlink()
            sync_directory(directory)


def _find_end(path: Path, *, is_last: bool) -> tuple[int, int, int]:
    """Count the whole events of an open segment, the bytes up to their end, and the torn bytes after it."""
    data = path.read_bytes()
    stream = BytesIO(data)
    read_header(stream, path.name)
    at, events = stream.tell(), 0
    while size := valid_event_frame(data, at):
        at += size
        events += 1
    torn = len(data) - at
    if torn and not is_last:
        raise TapeDamagedError(f"tape segment {path.name} is damaged after event {events}, and is not the last: restore it from a copy")
    behind = next((later for later in range(at + 1, len(data)) if valid_event_frame(data, later)), None)
    if behind is not None and not _has_hole(data[at:behind], at):
        raise TapeDamagedError(
            f"tape segment {path.name} is damaged after event {events}, with whole events behind: restore it from a copy"
        )
    return events, at, torn


def _has_hole(gap: bytes, at: int) -> bool:
    """Tell whether part of what lies between two whole events was never written: zeros, from where a write or a sector begins."""
    begins = (0, *range(-at % _SECTOR_BYTES, len(gap), _SECTOR_BYTES))
    ends = (min(begin + _SECTOR_BYTES - (at + begin) % _SECTOR_BYTES, len(gap)) for begin in begins)
    return any(end - begin >= FRAME_HEAD_BYTES and not any(gap[begin:end]) for begin, end in zip(begins, ends, strict=True))


def _check_closed(paths: Iterable[Path]) -> None:
    for path in paths:
        match = CLOSED_NAME.fullmatch(path.name)
        if match and (found := file_digest(path)) != match["digest"]:
            raise TapeDamagedError(f"tape segment {path.name} has digest {found}, not the one in its name: restore the file from a copy")


def _truncate(path: Path, size: int) -> None:
    with path.open("r+b") as stream:
        stream.truncate(size)
        fsync(stream.fileno())
