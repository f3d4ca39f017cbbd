"""The kill latch: one small file a scope that stops all sending, needing nothing but the standard library.

A latch file is one preallocated block, overwritten and synced in place, with a checksum. It reads as clear only when it
is there, whole and says CLEAR; missing, torn or unreadable is engaged. So a crash in the middle of a write can only
stop trading. `interlock kill` engages it before any other module is imported.
"""

import os
import sys
import time
import zlib
from pathlib import Path
from typing import NamedTuple

BLOCK_BYTES = 512
_MAGIC = "INTERLOCK LATCH 1"
_CHECKSUM_BYTES = 9
FOLDER = "latch"
SCOPES = ("global", "venue", "account", "strategy")


class LatchReading(NamedTuple):
    """What a latch file says: whether it stops trading, and why."""

    engaged: bool
    reason: str


def home_directory() -> Path:
    """Give the directory of all mutable state: INTERLOCK_HOME, or `data` below the working directory."""
    return Path(os.environ.get("INTERLOCK_HOME") or "data")


def latch_path(home: Path, scope: str, target: str = "") -> Path:
    """Name the latch file of a scope; only letters, digits, `_`, `-` and `.` of a target are kept, others become `%xx`."""
    safe = "".join(character if character.isalnum() or character in "_-." else f"%{ord(character):02x}" for character in target)
    return home / FOLDER / (f"{scope.lower()}.{safe}.latch" if safe else f"{scope.lower()}.latch")


def read_latch(path: Path) -> LatchReading:
    """Read a latch; whatever is not a whole, clear block is engaged."""
    try:
        descriptor = os.open(path, os.O_RDONLY | os.O_CLOEXEC)
    except OSError as error:
        return LatchReading(True, f"the latch cannot be read: {error.strerror}")
    try:
        block = os.read(descriptor, BLOCK_BYTES + 1)
    except OSError as error:
        return LatchReading(True, f"the latch cannot be read: {error.strerror}")
    finally:
        os.close(descriptor)
    body, checksum = block[:-_CHECKSUM_BYTES], block[-_CHECKSUM_BYTES:]
    if len(block) != BLOCK_BYTES or checksum != _checksum(body):
        return LatchReading(True, "the latch is damaged: its checksum does not match")
    magic, state, _written_at, reason = body.decode("utf-8", "replace").rstrip("\0").split("\n", 3)
    if magic != _MAGIC or state != "CLEAR":
        return LatchReading(True, reason)
    return LatchReading(False, reason)


def engage(path: Path, reason: str) -> None:
    """Engage a latch and sync it; creates it when it is missing.

    Raises:
        OSError: the block could not be written.
    """
    _write(path, "ENGAGED", reason)


def clear(path: Path, reason: str) -> None:
    """Clear a latch and sync it; creates it when it is missing.

    Raises:
        OSError: the block could not be written.
    """
    _write(path, "CLEAR", reason)


def _write(path: Path, state: str, reason: str) -> None:
    text = f"{_MAGIC}\n{state}\n{time.time_ns()}\n".encode()
    room = BLOCK_BYTES - _CHECKSUM_BYTES - len(text)
    line = " ".join(reason.split()).encode()[:room].decode("utf-8", "ignore").encode()
    body = (text + line).ljust(BLOCK_BYTES - _CHECKSUM_BYTES, b"\0")
    created = not path.exists()
    path.parent.mkdir(parents=True, exist_ok=True)
    descriptor = os.open(path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
    try:
        if os.pwrite(descriptor, body + _checksum(body), 0) != BLOCK_BYTES:
            raise OSError(f"the latch {path} was written in part: it reads as engaged")
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
    if created:
        directory = os.open(path.parent, os.O_RDONLY)
        try:
            os.fsync(directory)
        finally:
            os.close(directory)


def _checksum(body: bytes) -> bytes:
    return f"{zlib.crc32(body):08x}\n".encode()


def parse_kill(arguments: list[str]) -> tuple[Path, str, str, str]:
    """Read home, scope, target and reason out of the arguments of `interlock kill`; in doubt the scope is global.

    Unknown arguments are left to the full command line: stopping must not depend on spelling.
    """
    home, scope, target, reason = home_directory(), "global", "", "interlock kill"
    expanded: list[str] = []
    for argument in arguments:
        expanded += argument.split("=", 1) if argument.startswith("--") and "=" in argument else [argument]
    for flag, value in zip(expanded, [*expanded[1:], ""], strict=True):
        if flag in ("--strategy", "--venue", "--account") and value and not value.startswith("-"):
            scope, target = flag[2:], value
        elif flag == "--reason" and value:
            reason = value
        elif flag == "--home" and value:
            home = Path(value)
    return home, scope, target, reason


def engage_from_command_line(arguments: list[str]) -> None:
    """Engage the latch that the arguments of `interlock kill` name; says on standard error when even that fails."""
    home, scope, target, reason = parse_kill(arguments)
    path = latch_path(home, scope, target)
    try:
        engage(path, reason)
    except OSError as error:
        sys.stderr.write(f"error: the latch {path} could not be engaged ({error}): stop the service process and cancel at the venue\n")
