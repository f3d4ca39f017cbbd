"""The tape of one session: every market event, on disk before the engine handles it."""

import contextlib
import os
from collections.abc import Iterable
from concurrent.futures import Future, ThreadPoolExecutor
from pathlib import Path
from threading import Lock
from types import TracebackType
from typing import Self

from live.core.inputs import MarketEvent
from live.core.instruments import Instrument
from live.journal.disk import make_directory
from live.journal.errors import TapeError, TapeFailedError
from live.journal.file import START, Position
from live.journal.frames import MAGIC, frame, make_header
from live.journal.segments import PARTIAL_SUFFIX, SegmentInfo, close_segment, open_name, publish

_CLOSED = -1


class TapeWriter:
    """Append market events to numbered segments; each full segment is compressed and renamed to its digest.

    An event that `append` returned from survives a SIGKILL; after `sync` it survives a power loss too. Compression
    runs beside, so that a full segment does not hold up the market. After the disk has failed once, nothing more is
    accepted. One thread appends; `sync` may be called from another.
    """

    def __init__(self, directory: Path, session_id: str, instruments: Iterable[Instrument], roll_events: int = 100_000) -> None:
        """Begin a tape in a directory of its own.

        Raises:
            TapeError: the directory holds a tape already, or `roll_events` is not positive.
            TapeFailedError: the disk refused.
        """
        if roll_events < 1:
            raise TapeError(f"a segment holds at least one event, received roll_events={roll_events}")
        self.directory = directory
        self._session_id = session_id
        self._instruments = tuple(instruments)
        self._roll_events = roll_events
        self._segment, self._offset = START
        self._synced = START
        self._descriptor = _CLOSED
        self._broken_descriptor = _CLOSED
        self._lock = Lock()
        self._closing: list[Future[SegmentInfo]] = []
        self._compressor = ThreadPoolExecutor(max_workers=1, thread_name_prefix="tape-compressor")
        self._failure: BaseException | None = None
        self._is_closed = False
        try:
            make_directory(directory)
            if any(directory.glob("*.tape*")):
                raise TapeError(f"{directory} holds a tape already: recover it, and give the new session a directory of its own")
        except OSError as error:
            raise self._fail(error) from error

    @property
    def position(self) -> Position:
        """Give the point after the last event appended: the segment, and how many of its events lie before the point.

        Positions only grow. When an event fills segment `n`, the position after it is `(n + 1, 0)`.
        """
        return self._segment, self._offset

    @property
    def closed_segments(self) -> tuple[SegmentInfo, ...]:
        """Give the segments that are compressed, named and immutable, in order."""
        return tuple(future.result() for future in self._closing if future.done() and future.exception() is None)

    def append(self, event: MarketEvent) -> None:
        """Write an event to the file before the engine handles it.

        Raises:
            TapeFailedError: the disk failed, now or before; the event may be torn and counts as not written.
            TapeError: the tape is closed, or the event is absurdly long; nothing was written.
        """
        if self._descriptor == _CLOSED:
            self._open_segment()
        data = frame(event)
        try:
            written = os.write(self._descriptor, data)
        except OSError as error:
            raise self._fail(error) from error
        if written != len(data):
            raise self._fail(OSError(f"only {written} of {len(data)} bytes were written"))
        self._offset += 1
        if self._offset == self._roll_events:
            self._roll()

    def sync(self) -> None:
        """Make every event appended before this call survive a power loss; safe to call from another thread.

        Raises:
            TapeFailedError: the disk failed, now or before.
        """
        self._refuse_if_failed()
        with self._lock:
            reached = self.position
            if self._descriptor == _CLOSED or reached == self._synced:
                return  # full segments are synced when they roll
            duplicate = os.dup(self._descriptor)
        try:
            os.fdatasync(duplicate)
        except OSError as error:
            raise self._fail(error) from error
        finally:
            os.close(duplicate)
        self._synced = max(self._synced, reached)

    def close(self) -> None:
        """Close the last segment and wait until all are compressed; after a failure only let go of the files.

        Raises:
            TapeFailedError: the disk failed during this call, or while a segment was compressed.
        """
        if self._is_closed:
            return
        try:
            if self._failure is None and self._descriptor != _CLOSED:
                self._roll()
        finally:
            self._is_closed = True
            self._compressor.shutdown(wait=True)
            if self._broken_descriptor != _CLOSED:
                with contextlib.suppress(OSError):  # the first failure is the one that was reported
                    os.close(self._broken_descriptor)
        if self._failure is None:
            self._refuse_if_failed()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None) -> None:
        self.close()

    def _open_segment(self) -> None:
        self._refuse_if_failed()
        if self._is_closed:
            raise TapeError(f"the tape in {self.directory} is closed: it takes nothing more, start a new session")
        path = self.directory / open_name(self._segment)
        partial = path.with_name(f".{path.name}{PARTIAL_SUFFIX}")
        beginning = MAGIC + frame(make_header(self._session_id, self._segment, self._instruments))
        try:
            # Whole under its name or not there: a header can then never be torn.
            with partial.open("xb") as stream:
                stream.write(beginning)
                stream.flush()
                os.fsync(stream.fileno())
            publish(partial, path)
            self._descriptor = os.open(path, os.O_WRONLY | os.O_APPEND)
        except OSError as error:
            raise self._fail(error) from error

    def _roll(self) -> None:
        raw, segment, events = self.directory / open_name(self._segment), self._segment, self._offset
        try:
            os.fdatasync(self._descriptor)
            with self._lock:
                descriptor, self._descriptor = self._descriptor, _CLOSED
                self._segment, self._offset = segment + 1, 0
            os.close(descriptor)
        except OSError as error:
            raise self._fail(error) from error
        self._closing.append(self._compressor.submit(close_segment, raw, segment, events))

    def _refuse_if_failed(self) -> None:
        if self._failure is None:
            self._failure = next((future.exception() for future in self._closing if future.done() and future.exception()), None)
        if self._failure is not None:
            raise self._fail(self._failure) from self._failure

    def _fail(self, error: BaseException) -> TapeFailedError:
        self._failure = error
        with self._lock:
            if self._descriptor != _CLOSED:
                # Kept open until `close`: its number must not name another file while an append may still use it.
                self._broken_descriptor, self._descriptor = self._descriptor, _CLOSED
        return TapeFailedError(
            f"the disk failed under the tape in {self.directory} ({error}): it takes nothing more; "
            "find out why, then start a new session, which recovers this tape"
        )
