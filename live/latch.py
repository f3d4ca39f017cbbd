"""The kill latch: one small file a scope that stops all sending, needing nothing but the standard library.

A latch file is one preallocated block, overwritten and synced in place, with a checksum. It reads as clear only when it
is there, whole and says CLEAR; missing, torn or unreadable is engaged. So a crash in the middle of a write can only
stop trading. `interlock kill` engages it before any other module is imported.
"""

import os
import sys
import time
import zlib
from collections.abc import Mapping
from pathlib import Path
from typing import NamedTuple

BLOCK_BYTES = 512
FOLDER = "latch"
SCOPES = ("global", "venue", "account", "strategy")

_MAGIC = "INTERLOCK LATCH 1"
_CLEAR = "CLEAR"
_ENGAGED = "ENGAGED"
_CHECKSUM_BYTES = 9
_PLAIN = frozenset(b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789_-.")


class LatchReading(NamedTuple):
    """What a latch file says: whether it stops trading, and why."""

    engaged: bool
    reason: str


def home_directory(environment: Mapping[str, str] = os.environ) -> Path:
    """Give the directory of all mutable state: INTERLOCK_HOME, or `data` below the working directory."""
    return Path(environment.get("INTERLOCK_HOME") or "data")


def latch_path(home: Path, scope: str, target: str = "") -> Path:
    """Name the latch file of a scope; ASCII letters, digits, `_`, `-` and `.` of a target are kept, other bytes become `%xx`."""
    raw = target.encode("utf-8", "surrogateescape")
    safe = "".join(chr(byte) if byte in _PLAIN else f"%{byte:02x}" for byte in raw)
    return home / FOLDER / (f"{scope.lower()}.{safe}.latch" if safe else f"{scope.lower()}.latch")


def read_latch(path: Path) -> LatchReading:
    """Read a latch; whatever is not a whole, clear block is engaged."""
    try:
        # Without O_NONBLOCK a named pipe in the latch's place would hold up every order, and the reader with it.
        descriptor = os.open(path, os.O_RDONLY | os.O_CLOEXEC | os.O_NONBLOCK)
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
    magic, _, rest = body.decode("utf-8", "replace").rstrip("\0").partition("\n")
    state, _, rest = rest.partition("\n")
    reason = rest.partition("\n")[2]
    return LatchReading((magic, state) != (_MAGIC, _CLEAR), reason)


def engage(path: Path, reason: str) -> None:
    """Engage a latch and sync it; creates it when it is missing.

    Raises:
        OSError: the block could not be written.
    """
    _write(path, _ENGAGED, reason)


def clear(path: Path, reason: str) -> None:
    """Clear a latch and sync it; creates it when it is missing.

    Raises:
        OSError: the block could not be written.
    """
    _write(path, _CLEAR, reason)


def _write(path: Path, state: str, reason: str) -> None:
    block = _block(state, reason)
    created = not path.exists()
    path.parent.mkdir(parents=True, exist_ok=True)
    descriptor = os.open(path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC | os.O_NONBLOCK, 0o600)
    try:
        if os.pwrite(descriptor, block, 0) != BLOCK_BYTES:
            raise OSError(f"the latch {path} was written in part: it reads as engaged")
        if os.fstat(descriptor).st_size != BLOCK_BYTES:
            os.ftruncate(descriptor, BLOCK_BYTES)  # something else had grown it, and it would read as damaged for ever
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
    if created:
        directory = os.open(path.parent, os.O_RDONLY | os.O_CLOEXEC)
        try:
            os.fsync(directory)
        finally:
            os.close(directory)


def _block(state: str, reason: str) -> bytes:
    text = f"{_MAGIC}\n{state}\n{time.time_ns()}\n".encode()
    room = BLOCK_BYTES - _CHECKSUM_BYTES - len(text)
    # A reason may hold anything a shell lets through, bytes that are no UTF-8 included: it must not keep a kill from being written.
    line = " ".join(reason.split()).encode("utf-8", "replace")[:room].decode("utf-8", "ignore").encode()
    body = (text + line).ljust(BLOCK_BYTES - _CHECKSUM_BYTES, b"\0")
    return body + _checksum(body)


def _checksum(body: bytes) -> bytes:
    return f"{zlib.crc32(body):08x}\n".encode()


class KillOrder(NamedTuple):
    """What the arguments of `interlock kill` ask for; `scope` is one of `SCOPES`."""

    home: Path
    scope: str
    target: str
    reason: str


_SCOPE_OPTIONS = {"--strategy": "strategy", "--venue": "venue", "--account": "account"}
_OTHER_OPTIONS = ("--reason", "--home", "--config")
_FLAGS = ("--json",)


def parse_kill(arguments: list[str]) -> KillOrder:
    """Read the arguments of `interlock kill`; in any doubt the scope is global.

    Doubt is an argument that is not known, an option without its value, an empty or option-like target, and more than
    one target: stopping must not depend on spelling, and stopping too much is the smaller mistake.
    """
    options, others = _split(arguments)
    targets = [(_SCOPE_OPTIONS[name], value) for name, value in options if name in _SCOPE_OPTIONS]
    doubtful = others or len(targets) != 1 or not targets[0][1] or targets[0][1].startswith("-")
    scope, target = ("global", "") if doubtful else targets[0]
    given = dict(options)
    home = Path(given["--home"]) if given.get("--home") else home_directory()
    # Bytes that are no UTF-8 could be neither journaled nor sent to the service.
    reason = given.get("--reason", "").encode("utf-8", "replace").decode()
    return KillOrder(home, scope, target, reason or "interlock kill")


def asks_for_help(arguments: list[str]) -> bool:
    """Tell whether the arguments of `interlock kill` ask for its help instead of a kill; a reason that says so does not."""
    return bool({"--help", "-h"} & set(_split(arguments)[1]))


def engage_from_command_line(arguments: list[str]) -> None:
    """Engage the latch that the arguments of `interlock kill` name; says on standard error what became of it."""
    order = parse_kill(arguments)
    path = latch_path(order.home, order.scope, order.target)
    try:
        engage(path, order.reason)
    except OSError as error:
        sys.stderr.write(f"error: the latch {path} could not be engaged ({error}): stop the service process and cancel at the venue\n")
    else:
        sys.stderr.write(f"the latch {path} is engaged\n")


def _split(arguments: list[str]) -> tuple[list[tuple[str, str]], list[str]]:
    """Part arguments into options with their values and what is neither option nor flag."""
    options: list[tuple[str, str]] = []
    others: list[str] = []
    waiting = list(arguments)
    while waiting:
        name, attached, value = waiting.pop(0).partition("=")
        if name in _SCOPE_OPTIONS or name in _OTHER_OPTIONS:
            if not attached:
                if not waiting:
                    others.append(name)
                    continue
                value = waiting.pop(0)
            options.append((name, value))
        elif attached or name not in _FLAGS:
            others.append(name)
    return options, others
