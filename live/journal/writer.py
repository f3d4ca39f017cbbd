"""Commit in groups on a thread of its own: whatever was submitted while one commit synced goes into the next."""

import time
from collections import deque
from collections.abc import Callable, Sequence
from threading import Condition, Lock, Thread
from types import TracebackType
from typing import NamedTuple, Self

from live.core.inputs import Input
from live.core.records import Record
from live.journal.errors import JournalError, JournalFailedError, JournalTimeoutError
from live.journal.file import JournalFile, Position, Tip

QUEUE_LIMIT = 65_536
"""Steps that may wait for the disk; the next one waits for room, which slows the engine instead of filling memory."""

GROUP_LIMIT = 1_000
"""Steps in one commit at most."""

GROUP_SECONDS = 0.005
"""A group is committed at latest so long after its first step was taken up: under a flood the first steps do not wait for
the last, however large the steps are."""


class _Step(NamedTuple):
    seq: int
    input_entry: Input | None
    outputs: Sequence[Record]
    position: Position


class _Snapshot(NamedTuple):
    seq: int
    body: bytes
    ts: int


class GroupCommitWriter:
    """Own a journal and write it from one thread, so that nobody else waits for the disk.

    Nothing is delayed to make groups larger: a lone step is committed at once, and under load a group is what came in
    during the commit before, up to what 5 ms can write. The first failure, of the disk or of a callback, ends it: nothing is tried again.

    Args:
        journal: closed by `close`; not to be used by anyone else meanwhile.
        on_durable: called on the thread after each commit with the sequence number that is durable now.
        on_failure: called on the thread, once, with what ended the writer.
        before_commit: called on the thread with the entries about to be committed, to make durable what they rest on.
        queue_limit: steps that may wait for the disk.
        clock: gives seconds from any beginning; it never goes back.

    The callbacks must return soon and must neither submit nor close.
    """

    def __init__(
        self,
        journal: JournalFile,
        *,
        on_durable: Callable[[int], None] | None = None,
        on_failure: Callable[[BaseException], None] | None = None,
        before_commit: Callable[[list[Input | Record]], None] | None = None,
        queue_limit: int = QUEUE_LIMIT,
        clock: Callable[[], float] = time.perf_counter,
    ) -> None:
        self._journal = journal
        self._on_durable = on_durable
        self._on_failure = on_failure
        self._before_commit = before_commit
        self._queue_limit = queue_limit
        self._clock = clock
        self._lock = Lock()
        self._work = Condition(self._lock)
        self._progress = Condition(self._lock)
        self._queue: deque[_Step | _Snapshot] = deque()
        self._last_seq = journal.last_seq
        self._durable_seq = journal.durable_seq
        self._failure: BaseException | None = None
        self._closing = False
        self._thread = Thread(target=self._run, name="journal-writer", daemon=True)
        self._thread.start()

    @property
    def last_seq(self) -> int:
        """Give the last sequence number handed out."""
        return self._last_seq

    @property
    def durable_seq(self) -> int:
        """Give the sequence number through which rows are durable."""
        return self._durable_seq

    @property
    def failure(self) -> BaseException | None:
        """Give what ended the writer's thread, None while it is well; after `close` nothing more can come."""
        return self._failure

    @property
    def tip(self) -> Tip:
        """Give the newest durable commit, for the anchor log; safe to read from any thread."""
        return self._journal.tip

    def submit_step(self, input_entry: Input | None, outputs: Sequence[Record], position: Position) -> int:
        """Hand over one step of the engine, see `JournalFile.append_step`; waits only when the queue is full.

        Returns:
            The sequence number its last row will have.

        Raises:
            JournalFailedError: the writer has failed.
            JournalError: the writer is closed.
        """
        count = len(outputs) + (input_entry is not None)
        with self._lock:
            self._wait_for_room()
            if count:
                self._last_seq += count
                self._queue.append(_Step(self._last_seq, input_entry, outputs, position))
                self._work.notify()
            return self._last_seq

    def submit_snapshot(self, body: bytes, ts: int) -> int:
        """Hand over a snapshot of the state after every step submitted so far, see `JournalFile.append_snapshot`.

        Returns:
            The sequence number its row will have.

        Raises:
            JournalFailedError: the writer has failed.
            JournalError: the writer is closed.
        """
        with self._lock:
            self._wait_for_room()
            self._last_seq += 1
            self._queue.append(_Snapshot(self._last_seq, body, ts))
            self._work.notify()
            return self._last_seq

    def wait_durable(self, seq: int, timeout: float) -> None:
        """Wait until a row is durable, at most `timeout` seconds.

        Raises:
            JournalFailedError: the writer failed before the row was known to be durable.
            JournalTimeoutError: time ran out; the row may become durable later.
        """
        with self._lock:
            self._progress.wait_for(lambda: self._durable_seq >= seq or self._failure is not None, timeout)
            if self._durable_seq >= seq:
                return
            self._refuse_if_failed()
            raise JournalTimeoutError(
                f"seq {seq} was not durable within {timeout} s (durable: {self._durable_seq}): the disk is slow or stuck"
            )

    def close(self) -> None:
        """Commit what was submitted, end the thread and close the journal; after a failure only let go of it.

        Raises:
            JournalBusyError: a reader holds the journal; it is complete, and `seal_journal` can finish it later.
            JournalFailedError: the disk failed while the journal was closed.
        """
        with self._lock:
            self._closing = True
            self._work.notify()
        self._thread.join()
        if self._failure is None:
            self._journal.close()
        else:
            self._journal.abandon()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None) -> None:
        self.close()

    def _run(self) -> None:
        try:
            while group := self._take_group():
                self._write(group)
        except BaseException as error:  # noqa: BLE001  (whatever ends this thread must reach on_failure)
            self._stop(error)

    def _take_group(self) -> list[_Step | _Snapshot]:
        with self._lock:
            while not self._queue and not self._closing:
                self._work.wait()
            group = [self._queue.popleft() for _ in range(min(len(self._queue), GROUP_LIMIT))]
            self._progress.notify_all()
            return group

    def _write(self, group: list[_Step | _Snapshot]) -> None:
        entries: list[Input | Record] = []
        latest = self._clock() + GROUP_SECONDS
        for place, item in enumerate(group):
            if place and self._clock() >= latest:
                with self._lock:
                    self._queue.extendleft(reversed(group[place:]))
                break
            if isinstance(item, _Step):
                seq = self._journal.append_step(item.input_entry, item.outputs, item.position)
                if item.input_entry is not None:
                    entries.append(item.input_entry)
                entries += item.outputs
            else:
                seq = self._journal.append_snapshot(item.body, item.ts)
            if seq != item.seq:
                raise JournalError(f"seq {item.seq} was promised and {seq} was written: somebody else appends to {self._journal.path}")
        if self._before_commit is not None:
            self._before_commit(entries)
        durable = self._journal.commit()
        with self._lock:
            self._durable_seq = durable
            self._progress.notify_all()
        if self._on_durable is not None:
            self._on_durable(durable)

    def _stop(self, error: BaseException) -> None:
        with self._lock:
            self._failure = error
            self._progress.notify_all()
        if self._on_failure is not None:
            self._on_failure(error)

    def _wait_for_room(self) -> None:
        self._refuse_if_over()
        while len(self._queue) >= self._queue_limit:
            self._progress.wait()
            self._refuse_if_over()

    def _refuse_if_over(self) -> None:
        self._refuse_if_failed()
        if self._closing:
            raise JournalError(f"the writer of {self._journal.path} is closed: it takes nothing more, start a new session")

    def _refuse_if_failed(self) -> None:
        if self._failure is not None:
            raise JournalFailedError(
                f"the writer of {self._journal.path} has failed ({self._failure}): it takes nothing more; "
                "find out why, then start a new session, which recovers from this one"
            ) from self._failure
