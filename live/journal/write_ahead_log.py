"""Tell what a crash tore off the end of SQLite's write-ahead log from damage to what was durable in it.

SQLite reads a log up to the first frame whose checksum does not hold and takes the rest for a transaction that never
ended. After a crash that is right. After a flipped bit it is not: every commit behind the bit would be gone without a
word. So before a start trusts a journal whose session did not close it, the log is read here as well. The format is the
one SQLite documents (Database File Format, section 4: The Write-Ahead Log).

Two things cannot come from a crash. A second transaction behind the broken place, which is one that follows a commit or
writes a page again: it was begun only after the first was synced. And a frame that becomes whole by turning one bit: a
torn write misses sectors, not a bit.
"""

import struct
from functools import cache
from pathlib import Path
from typing import NamedTuple

from live.journal.errors import JournalDamagedError

LOG_SUFFIX = "-wal"

_HEADER_BYTES = 32
_FRAME_HEAD_BYTES = 24
_LAST = (1 << 32) - 1
_SUMMED_HEADER_BYTES = 24
_SUMMED_FRAME_HEAD_BYTES = 8

_Sums = tuple[int, int]


class _Frame(NamedTuple):
    """One frame: the page it holds; `commits` when it ends a transaction; `sums` are the ones stored in it."""

    page: int
    commits: bool
    salts: bytes
    sums: _Sums
    summed: bytes


def refuse_damaged_log(journal: Path) -> None:
    """Refuse the write-ahead log beside a journal that nobody writes when something durable in it was changed.

    A log that a crash tore is left to SQLite, which cuts it where this function would. A header torn inside its 32 bytes
    is refused as well: a disk writes sectors whole, so it is no tear.

    Raises:
        JournalDamagedError: a bit of the log flipped, or whole transactions follow a broken place.
    """
    path = journal.with_name(journal.name + LOG_SUFFIX)
    data = path.read_bytes() if path.exists() else b""
    if len(data) < _HEADER_BYTES + _FRAME_HEAD_BYTES:
        return
    order = ">" if data[3] & 1 else "<"
    header, salts = data[:_SUMMED_HEADER_BYTES], data[16:24]
    stored: _Sums = struct.unpack_from(">II", data, 24)
    sums = _checksum(header, (0, 0), order)
    if sums != stored:
        _refuse_broken_header(path, data, header, stored)
        return
    frames = _frames(data, struct.unpack_from(">I", data, 8)[0])
    begun = 0
    for number, frame in enumerate(frames, start=1):
        found = _checksum(frame.summed, sums, order)
        if frame.salts != salts or found != frame.sums:
            _refuse_flipped_frame(path, frame, number, salts, sums, found, order)
            _refuse_later_transactions(path, [later for later in frames[begun:] if later.salts == salts], number)
            return
        begun = number if frame.commits else begun
        sums = found


def _frames(data: bytes, page_size: int) -> list[_Frame]:
    size = _FRAME_HEAD_BYTES + page_size
    found: list[_Frame] = []
    for at in range(_HEADER_BYTES, len(data) - size + 1, size):
        page, pages, *sums = struct.unpack_from(">II8xII", data, at)
        summed = data[at : at + _SUMMED_FRAME_HEAD_BYTES] + data[at + _FRAME_HEAD_BYTES : at + size]
        found.append(_Frame(page, pages != 0, data[at + 8 : at + 16], (sums[0], sums[1]), summed))
    return found


def _refuse_broken_header(path: Path, data: bytes, header: bytes, stored: _Sums) -> None:
    """Refuse a log without a sound header when frames were written behind it: it was synced before they were."""
    for order in "<>":
        if _one_bit_mends(header, (0, 0), stored, _checksum(header, (0, 0), order), order):
            raise _damaged(path, "one bit of its header flipped")
    if data[_HEADER_BYTES + 8 : _HEADER_BYTES + 16] == header[16:24]:
        raise _damaged(path, "its header does not fit its checksum, and frames of its own follow")


def _refuse_flipped_frame(path: Path, frame: _Frame, number: int, salts: bytes, sums: _Sums, found: _Sums, order: str) -> None:
    if frame.salts == salts and _one_bit_mends(frame.summed, sums, frame.sums, found, order):
        raise _damaged(path, f"one bit of frame {number} flipped")
    if found == frame.sums and _bits(int.from_bytes(frame.salts) ^ int.from_bytes(salts)) == 1:
        raise _damaged(path, f"one bit of the head of frame {number} flipped")


def _refuse_later_transactions(path: Path, frames: list[_Frame], number: int) -> None:
    """Refuse frames that cannot be of one transaction: only its last one ends it, and it writes no page twice.

    Its last frame alone may repeat a page that was written early because memory ran short.
    """
    ended, pages = False, set[int]()
    for frame in frames:
        if ended or (frame.page in pages and not frame.commits):
            raise _damaged(path, f"frame {number} is broken, and transactions follow that were begun after it was durable")
        ended = frame.commits
        pages.add(frame.page)


def _checksum(data: bytes, sums: _Sums, order: str) -> _Sums:
    """Add up words in pairs, each sum into the other, as section 4.2 of the format says."""
    first, second = sums
    words = struct.unpack(f"{order}{len(data) // 4}I", data)
    for place in range(0, len(words), 2):
        first = (first + words[place] + second) & _LAST
        second = (second + words[place + 1] + first) & _LAST
    return first, second


def _one_bit_mends(data: bytes, before: _Sums, stored: _Sums, found: _Sums, order: str) -> bool:
    """Tell whether turning one bit, of the data, of a stored sum or of a frame's number, makes the checksum hold.

    The sums are linear: a word that differs by `d` moves them by `d` times a pair of factors that depends on its place.
    """
    first, second = (stored[0] - found[0]) & _LAST, (stored[1] - found[1]) & _LAST
    if sorted((_bits(stored[0] ^ found[0]), _bits(stored[1] ^ found[1]))) == [0, 1]:
        return True
    words = struct.unpack(f"{order}{len(data) // 4}I", data)
    for word, (one, other) in zip(words, _factors(len(words)), strict=True):
        for bit in range(32):
            step = -(1 << bit) if word >> bit & 1 else 1 << bit
            if step * one & _LAST == first and step * other & _LAST == second:
                return True
    return False


@cache
def _factors(words: int) -> list[_Sums]:
    """Give, for each word, what the sums become when that word alone is one and they began at zero."""
    factors: list[_Sums] = []
    even, odd = (1, 1), (0, 1)
    for _ in range(words // 2):
        factors += [odd, even]
        even, odd = _next(even), _next(odd)
    return factors[::-1]


def _next(sums: _Sums) -> _Sums:
    first = (sums[0] + sums[1]) & _LAST
    return first, (sums[1] + first) & _LAST


def _bits(number: int) -> int:
    return number.bit_count()


def _damaged(path: Path, what: str) -> JournalDamagedError:
    return JournalDamagedError(
        f"the write-ahead log {path} is damaged: {what}; commits behind it may be lost, restore journal and log from a copy"
    )
