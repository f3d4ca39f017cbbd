"""Isolation: notice when a strategy reaches for anything but the bars it is handed.

An audit hook (PEP 578) sees files, sockets and processes; clocks and threads have no audit event, so the functions that
read and start them are replaced. This finds what people do by accident. It is no sandbox: code that means harm gets around it.
"""

import datetime
import sys
import threading
import time
from collections.abc import Generator
from contextlib import contextmanager
from pathlib import Path
from types import FrameType
from typing import Any, NoReturn

from live.core.errors import InterlockError

_REFUSED = {
    "open": "opened the file",
    "os.listdir": "listed the directory",
    "os.scandir": "listed the directory",
    "os.mkdir": "made the directory",
    "os.remove": "removed the file",
    "os.rename": "renamed the file",
    "mmap.__new__": "mapped a file into memory",
    "sqlite3.connect": "opened the database",
    "socket.__new__": "opened a socket",
    "socket.connect": "connected to",
    "socket.getaddrinfo": "looked up the host",
    "urllib.Request": "asked for",
    "subprocess.Popen": "started the process",
    "os.system": "started the process",
    "os.exec": "started the process",
    "os.posix_spawn": "started the process",
    "os.fork": "started a process",
    "time.sleep": "waited",
}
_NAMED = frozenset({"open", "os.listdir", "os.scandir", "os.mkdir", "os.remove", "os.rename", "sqlite3.connect", "os.system"})
"""Events whose first argument says what was reached for."""
_CLOCKS = ("time", "time_ns", "monotonic", "monotonic_ns", "perf_counter", "perf_counter_ns", "localtime", "gmtime", "ctime")
_IMPORT_MACHINERY = "<frozen importlib"


class IsolationBroken(InterlockError):
    """A strategy reached for something that it must not have."""


class Isolation:
    """Watch the code of one directory while it runs; made once a process, since an audit hook is there for good.

    Attributes:
        violations: what was reached for, each once, in order.
    """

    def __init__(self, directory: Path) -> None:
        """Watch code whose file lies under `directory`, which need not exist."""
        self.violations: list[str] = []
        self._directory = f"{directory}/"
        self._watching = False
        self._replace_functions()
        sys.addaudithook(self._on_event)

    @contextmanager
    def watch(self) -> Generator[None]:
        """Refuse what the watched code does meanwhile."""
        self._watching = True
        try:
            yield
        finally:
            self._watching = False

    def _on_event(self, event: str, arguments: tuple[Any, ...]) -> None:
        if self._watching and event in _REFUSED:
            self._judge(_REFUSED[event], repr(arguments[0]) if event in _NAMED and arguments else "")

    def _judge(self, deed: str, thing: str) -> None:
        frame = self._strategy_frame(sys._getframe(2))
        if frame is not None:
            self._refuse(" ".join(part for part in (deed, thing) if part), frame)

    def _strategy_frame(self, frame: FrameType | None) -> FrameType | None:
        """Find the strategy's code that is to blame; None when it is ours, or a library that is only being imported."""
        while frame is not None:
            name = frame.f_code.co_filename
            if name.startswith(_IMPORT_MACHINERY):
                return None
            if name.startswith(self._directory):
                return frame
            frame = frame.f_back
        return None

    def _refuse(self, deed: str, frame: FrameType) -> NoReturn:
        place = f"{frame.f_code.co_filename.removeprefix(self._directory)}:{frame.f_lineno}"
        violation = f"the strategy {deed} ({place})"
        if violation not in self.violations:
            self.violations.append(violation)
        raise IsolationBroken(f"{violation}: it is handed bars and nothing else; weights come with pkgutil.get_data")

    def _replace_functions(self) -> None:
        def guarded(original: Any, deed: str) -> Any:
            def call(*arguments: Any) -> Any:
                if self._watching:
                    self._judge(deed, "")
                return original(*arguments)

            return call

        for name in _CLOCKS:
            setattr(time, name, guarded(getattr(time, name), f"read the clock with time.{name}"))
        threading.Thread.start = guarded(threading.Thread.start, "started a thread")
        now, day = datetime.datetime, datetime.date

        class GuardedDatetime(now):
            @classmethod
            def now(cls, tz: datetime.tzinfo | None = None) -> Any:
                return guarded(now.now, "read the clock with datetime.now")(tz)

            @classmethod
            def utcnow(cls) -> Any:
                return guarded(now.utcnow, "read the clock with datetime.utcnow")()

            @classmethod
            def today(cls) -> Any:
                return guarded(now.today, "read the clock with datetime.today")()

        class GuardedDate(day):
            @classmethod
            def today(cls) -> Any:
                return guarded(day.today, "read the clock with date.today")()

        datetime.datetime, datetime.date = GuardedDatetime, GuardedDate
