"""Every state in which a crash can leave a disk, from the list of what was done to it.

The model is the weakest that POSIX allows (Pillai et al., "All File Systems Are Not Created Equal", OSDI 2014): bytes
and size of a file are certain once the file was synced, its name once the directory was, and what was not synced is on
the disk or not, each change by itself and in any order. A killed process loses nothing that a call completed.
"""

import hashlib
from collections.abc import Iterator, Sequence
from enum import StrEnum
from pathlib import Path
from random import Random
from typing import NamedTuple

from system_calls import DIRECTORY, Change, Operation, Promise

SECTOR = 512
SUBSETS = 2
"""Random subsets of what was not synced, at each crash point."""
LONGEST = 10
"""More changes than these are not dropped one by one or cut one by one: the newest are."""


class Cause(StrEnum):
    """What happened to the machine."""

    KILLED = "killed"
    POWER_LOSS = "power loss"
    TORN_WRITE = "torn write"
    BIT_FLIP = "bit flip"


class Promises(NamedTuple):
    """Hold what the process had said by the time of a crash.

    Attributes:
        durable: session to the last sequence number said to be durable.
        handled: session to the tape's position after the last market event that was handled.
        anchored: session to the last commit that was anchored.
        sealed: sessions that were sealed.
    """

    durable: dict[str, int]
    handled: dict[str, tuple[int, int]]
    anchored: dict[str, int]
    sealed: frozenset[str]

    def keep(self, words: Sequence[str]) -> "Promises":
        """Take in one more promise."""
        what, session, *numbers = words
        if what == "durable":
            return self._replace(durable={**self.durable, session: int(numbers[0])})
        if what == "handled":
            return self._replace(handled={**self.handled, session: (int(numbers[0]), int(numbers[1]))})
        if what == "anchored":
            return self._replace(anchored={**self.anchored, session: int(numbers[0])})
        assert what == "sealed", f"nobody knows what is promised by {what}"
        return self._replace(sealed=self.sealed | {session})


NOTHING_PROMISED = Promises({}, {}, {}, frozenset())


class Disk:
    """Hold files and names; a copy shares what does not change."""

    def __init__(self) -> None:
        self.names: dict[tuple[str, str], int] = {}
        self.contents: dict[int, bytes] = {}

    def copy(self) -> "Disk":
        """Give a disk that changes by itself."""
        other = Disk()
        other.names, other.contents = dict(self.names), dict(self.contents)
        return other

    def apply(self, change: Change) -> None:
        """Change the disk; a hole reads as zeros."""
        if isinstance(change.target, str):
            for name, number in change.names:
                if number is None:
                    self.names.pop((change.target, name), None)
                else:
                    self.names[change.target, name] = number
            return
        content = self.contents.get(change.target, b"")
        if change.data is None:
            content = content[: change.offset].ljust(change.offset, b"\0")
        else:
            content = content[: change.offset].ljust(change.offset, b"\0") + change.data + content[change.offset + len(change.data) :]
        self.contents[change.target] = content

    def files(self) -> dict[str, bytes | None]:
        """Give path to content, None for a directory; what lies in a directory that is not there is not there."""
        found: dict[str, bytes | None] = {}
        directories = {""}
        for (directory, name), number in sorted(self.names.items()):
            path = f"{directory}/{name}" if directory else name
            if directory in directories:
                if number == DIRECTORY:
                    directories.add(path)
                found[path] = None if number == DIRECTORY else self.contents.get(number, b"")
        return found


class CrashState(NamedTuple):
    """One disk after one crash.

    Attributes:
        cause: what happened.
        at: place of the last operation before the crash in the log.
        what: which changes reached the disk.
        files: path to content, None for a directory.
        promises: what the process had said before.
    """

    cause: Cause
    at: int
    what: str
    files: dict[str, bytes | None]
    promises: Promises

    def digest(self) -> str:
        """Tell this state from every other one: the same files after the same promises are the same state."""
        sha256 = hashlib.sha256(repr(self.promises).encode())
        for path, content in sorted(self.files.items()):
            sha256.update(f"\n{path}\n{'directory' if content is None else len(content)}\n".encode())
            sha256.update(content or b"")
        return sha256.hexdigest()

    def materialise(self, home: Path) -> None:
        """Write the state to an empty directory."""
        for path, content in sorted(self.files.items()):
            if content is None:
                (home / path).mkdir()
            else:
                (home / path).write_bytes(content)

    def describe(self) -> str:
        """Say in one line what the state is, to find it again."""
        return f"{self.cause} after line {self.at} of the log: {self.what}"


def crash_states(operations: Sequence[tuple[int, Operation]], seed: int, promises: Promises = NOTHING_PROMISED) -> Iterator[CrashState]:
    """Give the states after each operation, without those that were given before.

    Args:
        operations: what was done, with its place in the log; what was there before stands at -1.
        seed: of the random subsets and flipped bits.
        promises: what had been said before the first operation.
    """
    seen: set[str] = set()
    for state in _crash_states(operations, Random(seed), promises):
        digest = state.digest()
        if digest not in seen:
            seen.add(digest)
            yield state


def _crash_states(operations: Sequence[tuple[int, Operation]], random: Random, promises: Promises) -> Iterator[CrashState]:
    synced, killed = Disk(), Disk()
    pending: list[tuple[int, Change]] = []
    for at, operation in operations:
        if isinstance(operation, Promise):
            promises = promises.keep(operation.words)
        elif isinstance(operation, Change):
            pending.append((at, operation))
            killed.apply(operation)
        else:
            covered = [(done, change) for done, change in pending if change.target == operation.target and done < operation.entered]
            pending = [entry for entry in pending if entry not in covered]
            for _, change in covered:
                synced.apply(change)
        if at < 0:
            continue
        yield CrashState(Cause.KILLED, at, "all that was done", killed.files(), promises)
        changes = [change for _, change in pending]
        for what, kept in _subsets(changes, random):
            yield CrashState(Cause.POWER_LOSS, at, what, _with(synced, kept).files(), promises)
        if isinstance(operation, Change) and operation.data:
            for size in sorted({1, len(operation.data) // 2, len(operation.data) // SECTOR * SECTOR} - {0, len(operation.data)}):
                torn = operation._replace(data=operation.data[:size])
                what = f"the last write cut after {size} of {len(operation.data)} bytes"
                yield CrashState(Cause.TORN_WRITE, at, what, _with(synced, [*changes[:-1], torn]).files(), promises)
            flipped = _flip(operation, random)
            yield CrashState(Cause.BIT_FLIP, at, "one bit of the last write is another", _with(killed, [flipped]).files(), promises)


def flips_of(operations: Sequence[tuple[int, Operation]], seed: int, each: int = 1) -> Iterator[CrashState]:
    """Give states in which one bit of what was promised to be durable is another: of every write that a sync covered.

    The bit flips right after the promise that followed the sync, before anything is written to that file again.
    """
    random = Random(seed)
    disk, promises = Disk(), NOTHING_PROMISED
    written: list[tuple[int, Change]] = []
    ready: list[Change] = []
    for at, operation in operations:
        if isinstance(operation, Change):
            disk.apply(operation)
            written.append((at, operation))
            continue
        if not isinstance(operation, Promise):
            done = [(place, one) for place, one in written if one.target == operation.target and place < operation.entered]
            written = [entry for entry in written if entry not in done]
            ready += [one for _, one in done if one.data]
            continue
        promises = promises.keep(operation.words)
        for change in ready:
            for _ in range(each):
                flipped = _with(disk, [_flip(change, random)])
                yield CrashState(
                    Cause.BIT_FLIP, at, f"one bit of {len(change.data or b'')} bytes at {change.offset}", flipped.files(), promises
                )
        ready = []


def later_flips(operations: Sequence[tuple[int, Operation]], seed: int, each: int) -> Iterator[CrashState]:
    """Give states in which one bit of a file is another, some of each file's, long after everything was done."""
    random = Random(seed)
    disk, promises = Disk(), NOTHING_PROMISED
    for _, operation in operations:
        if isinstance(operation, Change):
            disk.apply(operation)
        elif isinstance(operation, Promise):
            promises = promises.keep(operation.words)
    files = disk.files()
    for path, content in files.items():
        for _ in range(each if content else 0):
            data = bytearray(content or b"")
            place, bit = random.randrange(len(data)), random.randrange(8)
            data[place] ^= 1 << bit
            yield CrashState(
                Cause.BIT_FLIP, operations[-1][0], f"bit {bit} of byte {place} of {path}", {**files, path: bytes(data)}, promises
            )


def _subsets(changes: list[Change], random: Random) -> Iterator[tuple[str, list[Change]]]:
    """Choose which of the changes that were not synced reached the disk."""
    first = max(0, len(changes) - LONGEST)
    for size in (0, *range(first + 1, len(changes))):
        yield f"what was synced and {size} of {len(changes)} changes", changes[:size]
    for dropped in range(first, len(changes) - 1):
        yield f"all but change {dropped + 1} of {len(changes)}", [*changes[:dropped], *changes[dropped + 1 :]]
    if len(changes) > 2:
        for _ in range(SUBSETS):
            kept = [change for change in changes if random.random() < 0.5]
            yield f"{len(kept)} of {len(changes)} changes", kept


def _with(disk: Disk, changes: list[Change]) -> Disk:
    other = disk.copy()
    for change in changes:
        other.apply(change)
    return other


def _flip(change: Change, random: Random) -> Change:
    """Give a write in which one bit is another."""
    assert change.data
    data = bytearray(change.data)
    data[random.randrange(len(data))] ^= 1 << random.randrange(8)
    return change._replace(data=bytes(data))
