"""What a process did to the disk: every system call that changes or syncs files, in the order in which they completed.

`strace` writes the calls down. A call of one thread may enter before and complete after calls of another; a change
stands where it completed, and a sync covers only what had completed before it entered.
"""

import os
import re
import shutil
import subprocess
import sys
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import NamedTuple

import pytest

_CHANGING = "openat,close,dup,dup2,dup3,fcntl,lseek,write,pwrite64,writev,pwritev,pwritev2,fsync,fdatasync,sync_file_range,msync"
_NAMING = "rename,renameat,renameat2,unlink,unlinkat,link,linkat,symlink,mkdir,mkdirat,rmdir"
_SIZING = "ftruncate,truncate,fallocate,sendfile,copy_file_range,splice"
_LINE = re.compile(r"(?P<thread>\d+) +(?:<\.\.\. \w+ resumed>(?P<rest>.*)|(?P<call>\w+)\((?P<arguments>.*))")
_RESULT = re.compile(r"\)\s+= (?P<result>-?\d+)")
_TEXT = re.compile(r'"((?:\\x[0-9a-f]{2})*)"')
_UNFINISHED = " <unfinished ...>"
_LOG_INDEX = ("-shm",)
"""SQLite's index of its log is shared memory that happens to have a name: it is rebuilt after every crash."""


class Change(NamedTuple):
    """Change one file's bytes or one directory's names; a sync of `target` makes it durable.

    Attributes:
        target: number of the file, or path of the directory below the home.
        offset: where the bytes go, or the new size when `data` is None; -1 for a change of names.
        names: names in the directory to the files they shall mean, None for a name that goes; -1 for a directory.
    """

    target: int | str
    offset: int
    data: bytes | None
    names: tuple[tuple[str, int | None], ...]


class Sync(NamedTuple):
    """Make durable what happened to a target before `entered`."""

    target: int | str
    entered: int


class Promise(NamedTuple):
    """Carry what the process said on its standard output."""

    words: tuple[str, ...]


Operation = Change | Sync | Promise
DIRECTORY = -1


def require_tracer() -> str:
    """Give the path of strace; without it the test is skipped, or fails where it must not be."""
    found = shutil.which("strace")
    if found is None and os.environ.get("REQUIRE_STRACE"):
        pytest.fail("strace is not installed, and REQUIRE_STRACE says that it must be: apt-get install strace")
    if found is None:
        pytest.skip("strace is not installed, and only it sees every system call: apt-get install strace")
    return found


def record(arguments: Sequence[str | Path], home: Path, log: Path) -> list[tuple[int, Operation]]:
    """Run a Python script to its end and give what it did below `home`, each operation with its place.

    What is at `home` when it begins comes first, as changes that were synced.
    """
    parser = _Parser(home)
    found = [(-1, operation) for operation in parser.take_stock(home)]
    _trace(arguments, log, ())
    return [*found, *parser.parse(log.read_text().splitlines())]


def run_with_failures(arguments: Sequence[str | Path], log: Path, call: str, error: str, ordinal: int) -> None:
    """Run a Python script in which one call of each thread fails."""
    _trace(arguments, log, ("-e", f"inject={call}:error={error}:when={ordinal}"), only=call)


def injected_paths(log: Path) -> list[str]:
    """List what the calls that were made to fail were about, in order."""
    begun: dict[str, str] = {}
    found: list[str] = []
    for line in log.read_text().splitlines():
        thread = line.split()[0]
        if line.endswith(_UNFINISHED):
            begun[thread] = line
        if line.endswith("(INJECTED)"):
            whole = begun[thread] if "resumed>" in line else line
            about = re.search(r'[<"]((?:\\x[0-9a-f]{2})+)[>"]', whole)
            found.append(bytes.fromhex(about[1].replace("\\x", "")).decode() if about else "")
    return found


def _trace(arguments: Sequence[str | Path], log: Path, options: Sequence[str], only: str = "") -> None:
    calls = only or f"{_CHANGING},{_NAMING},{_SIZING}"
    shown = "256" if only else "4000000"  # of what is written: all of it, or enough for a path
    tracer = [require_tracer(), "-f", "--seccomp-bpf", "-y", "-xx", "-s", shown, "-e", f"trace={calls}", *options, "-o", str(log)]
    result = subprocess.run([*tracer, sys.executable, *arguments], capture_output=True, text=True, check=False, timeout=100)
    if "Operation not permitted" in result.stderr and not os.environ.get("REQUIRE_STRACE"):
        pytest.skip(f"this machine does not let a process trace another: {result.stderr.strip().splitlines()[-1]}")
    assert result.returncode == 0, result.stderr


class _Open:
    """One open file: where the next write goes, and to what."""

    def __init__(self, target: int | str | None, *, appends: bool) -> None:
        self.target = target
        self.appends = appends
        self.offset = 0


class _Parser:
    """Follow descriptors, names and sizes through a log."""

    def __init__(self, home: Path) -> None:
        self._home = str(home)
        self._files: dict[int, _Open] = {}
        self._names: dict[tuple[str, str], int] = {}
        self._sizes: dict[int, int] = {}
        self._pending: dict[str, tuple[int, str, str]] = {}
        self._at = 0

    def take_stock(self, home: Path) -> Iterator[Operation]:
        """Give what is there already as changes and syncs."""
        for path in sorted(home.rglob("*")):
            directory, name = self._below(str(path)) or ("", "")
            if not name:
                continue
            number = DIRECTORY if path.is_dir() else len(self._sizes)
            yield from self._name((directory, name), number)
            yield Sync(directory, 0)
            if number != DIRECTORY:
                content = path.read_bytes()
                self._sizes[number] = len(content)
                yield Change(number, 0, content, ())
                yield Sync(number, 0)

    def parse(self, lines: Sequence[str]) -> Iterator[tuple[int, Operation]]:
        for self._at, line in enumerate(lines):
            match = _LINE.match(line)
            if match is None:
                continue  # the end of a thread
            thread = match["thread"]
            if match["call"] and match["arguments"].endswith(_UNFINISHED):
                text = match["arguments"].removesuffix(_UNFINISHED)
                self._pending[thread] = (self._at, match["call"], text)
                if match["call"] == "writev":
                    yield self._at, self._promise(text)  # whoever reads it may already have
                continue
            entered, call, text = self._at, match["call"], match["arguments"]
            resumed = call is None
            if resumed:
                entered, call, begun = self._pending.pop(thread)
                text = begun + match["rest"]
            found = _RESULT.search(text)
            assert found, f"a call without a result: {line[:200]}"
            result = int(found["result"])
            if call == "writev":
                if not resumed:
                    yield self._at, self._promise(text)
            elif result >= 0:
                for operation in self._operations(call, text[: found.start()], result, entered):
                    yield self._at, operation

    def _promise(self, text: str) -> Promise:
        assert text.startswith("1<"), "only promises are made with writev"
        return Promise(tuple(b"".join(self._texts(text)).decode().split()))

    def _operations(self, call: str, text: str, result: int, entered: int) -> Iterator[Operation]:
        if call == "openat":
            yield from self._open(text, result)
        elif call == "close":
            self._files.pop(self._descriptor(text), None)
        elif call in {"dup", "dup2", "dup3"} or (call == "fcntl" and "F_DUPFD" in text):
            self._files[result] = self._files.get(self._descriptor(text), _Open(None, appends=False))
        elif call in {"mkdir", "mkdirat"}:
            yield from self._name(self._path(text), DIRECTORY)
        elif call in {"unlink", "unlinkat", "rmdir"}:
            yield from self._name(self._path(text), None)
        elif call in {"rename", "renameat", "renameat2", "link", "linkat"}:
            yield from self._move(call, text)
        elif call not in {"fcntl"}:
            handle = self._files.get(self._descriptor(text))
            if handle is not None and handle.target is not None:
                yield from self._use(handle, call, text, result, entered)

    def _open(self, text: str, result: int) -> Iterator[Operation]:
        path = self._path(text)
        handle = self._files[result] = _Open(None, appends="O_APPEND" in text)
        if path is None:
            return
        directory, name = path
        if not name or self._names.get(path) == DIRECTORY:
            handle.target = f"{directory}/{name}" if directory else name
            return
        if path not in self._names:
            assert "O_CREAT" in text, f"{path} was there before the log began"
            number = len(self._sizes)
            self._sizes[number] = 0
            yield from self._name(path, number)
        handle.target = self._names[path]
        if "O_TRUNC" in text:
            yield from self._resize(handle.target, 0)

    def _use(self, handle: _Open, call: str, text: str, result: int, entered: int) -> Iterator[Operation]:
        target = handle.target
        assert target is not None
        if call in {"fsync", "fdatasync"}:
            yield Sync(target, entered)
        elif call == "lseek":
            handle.offset = result
        elif call == "ftruncate":
            assert isinstance(target, int)
            yield from self._resize(target, int(text.rsplit(",", 1)[1]))
        elif call in {"write", "pwrite64"}:
            assert isinstance(target, int)
            (data,) = self._texts(text)
            place = int(text.rsplit(",", 1)[1]) if call == "pwrite64" else self._sizes[target] if handle.appends else handle.offset
            data = data[:result]
            if call == "write":
                handle.offset = place + len(data)
            self._sizes[target] = max(self._sizes[target], place + len(data))
            yield Change(target, place, data, ())
        else:
            raise AssertionError(f"the disk model knows no {call}: teach it")

    def _resize(self, target: int | str, size: int) -> Iterator[Operation]:
        assert isinstance(target, int)
        self._sizes[target] = size
        yield Change(target, size, None, ())

    def _name(self, path: tuple[str, str] | None, number: int | None) -> Iterator[Operation]:
        if path is None:
            return
        if number is None:
            del self._names[path]
        else:
            self._names[path] = number
        yield Change(path[0], -1, None, ((path[1], number),))

    def _move(self, call: str, text: str) -> Iterator[Operation]:
        old, new = (self._below(path.decode()) for path in self._texts(text))
        if old is None or new is None:
            return
        assert old[0] == new[0], "a move between directories is two changes, of which either may be lost: teach the disk model"
        number = self._names[old]
        self._names[new] = number
        if call.startswith("rename"):
            del self._names[old]
            yield Change(old[0], -1, None, ((old[1], None), (new[1], number)))
        else:
            yield Change(old[0], -1, None, ((new[1], number),))

    def _path(self, text: str) -> tuple[str, str] | None:
        return self._below(next(self._texts(text)).decode())

    def _below(self, path: str) -> tuple[str, str] | None:
        """Give directory and name of a path below the home, None for any other; the home itself is a directory without a name."""
        if path == self._home:
            return "", ""
        if not path.startswith(self._home + "/") or path.endswith(_LOG_INDEX):
            return None
        directory, _, name = path.removeprefix(self._home + "/").rpartition("/")
        return directory, name

    @staticmethod
    def _descriptor(text: str) -> int:
        return int(re.match(r"\d+", text)[0])  # type: ignore[index]

    @staticmethod
    def _texts(text: str) -> Iterator[bytes]:
        return (bytes.fromhex(found.replace("\\x", "")) for found in _TEXT.findall(text))
