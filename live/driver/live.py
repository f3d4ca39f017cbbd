"""Live driver: inputs as they come, written down before anything leaves, on the thread of one event loop.

The event loop serialises feeds, reports and commands. Steps are journaled by a writer thread in groups; effects wait
until their records are durable. Any failure of the disk or the engine halts the driver for good: nothing leaves any
more, and a person has to look.
"""

import asyncio
from collections.abc import Callable, Sequence

from live.core.engine import Engine
from live.core.errors import InterlockError
from live.core.inputs import MarketEvent, RecordedInput
from live.core.records import IntentRecorded, OutputRecord
from live.driver.clock import Clock
from live.driver.loop import EngineLoop, Position
from live.journal import GroupCommitWriter, TapeWriter


class DriverHaltedError(InterlockError):
    """The driver stopped for good after a failure; nothing is sent any more."""


class LiveRecorder:
    """Write market events to the tape and steps to the journal; an intent's market data is synced before the intent."""

    def __init__(self, journal: GroupCommitWriter, tape: TapeWriter) -> None:
        self.durable_seq = 0
        self.observer: Callable[[RecordedInput | None, Sequence[OutputRecord]], None] | None = None
        self._journal = journal
        self._tape = tape

    @property
    def position(self) -> Position:
        """Give how much of the tape the engine has handled."""
        return self._tape.position

    def market(self, event: MarketEvent) -> None:
        """Write a market event to the tape."""
        self._tape.append(event)

    def step(self, entry: RecordedInput | None, outputs: Sequence[OutputRecord], position: Position) -> int:
        """Hand a step to the journal's thread."""
        if any(type(record) is IntentRecorded for record in outputs):
            self._tape.sync()
        seq = self._journal.submit_step(entry, outputs, position)
        if self.observer is not None:
            self.observer(entry, outputs)
        return seq

    def snapshot(self, body: bytes, ts: int) -> None:
        """Hand a snapshot to the journal's thread."""
        self._journal.submit_snapshot(body, ts)

    def sync_tape(self) -> None:
        """Make the tape survive a power loss up to now."""
        self._tape.sync()


class LiveDriver:
    """Feed one engine from an event loop.

    Attributes:
        loop: the engine and its effects.
        failure: what halted the driver, None while it runs.
    """

    def __init__(self, loop: EngineLoop, recorder: LiveRecorder, clock: Clock, on_halt: Callable[[str], None]) -> None:
        self.loop = loop
        self.failure: str | None = None
        self._recorder = recorder
        self._clock = clock
        self._on_halt = on_halt
        self._progress = asyncio.Event()

    @property
    def engine(self) -> Engine:
        """Give the engine."""
        return self.loop.engine

    def now(self) -> int:
        """Give the time to stamp the next input with; it never decreases."""
        return max(self._clock.now(), self.engine.now)

    def feed(self, event: MarketEvent | RecordedInput) -> int:
        """Process one input now; returns the sequence number that must be durable for it to count.

        Raises:
            DriverHaltedError: the driver has halted, now or before.
        """
        self._refuse_if_halted()
        try:
            return self.loop.process(event)
        except Exception as error:  # noqa: BLE001 - whatever it was, the engine's state can no longer be trusted: fail closed
            self.halt(f"{type(error).__name__}: {error}")
            raise DriverHaltedError(f"trading halted: {self.failure}; look at the journal, then restart") from error

    def advance_durable(self, seq: int) -> None:
        """Note that records are durable, release their effects and wake who waits; called on the event loop."""
        self._recorder.durable_seq = max(self._recorder.durable_seq, seq)
        if self.failure is None:
            try:
                self.loop.settle()
            except Exception as error:  # noqa: BLE001 - as in feed: fail closed
                self.halt(f"{type(error).__name__}: {error}")
        self._wake()

    def halt(self, reason: str) -> None:
        """Stop for good: close the gate, refuse every further input, wake everyone who waits."""
        if self.failure is None:
            self.failure = reason
            self._on_halt(reason)
        self._wake()

    async def durable(self, seq: int) -> None:
        """Wait until a sequence number is durable.

        Raises:
            DriverHaltedError: the driver halted before it was.
        """
        while self._recorder.durable_seq < seq:
            self._refuse_if_halted()
            await self._wait()

    async def settled(self) -> None:
        """Wait until every effect was carried out and every answer fed back.

        Raises:
            DriverHaltedError: the driver halted before.
        """
        while not self.loop.idle:
            self._refuse_if_halted()
            await self._wait()

    def sync_tape(self) -> None:
        """Make the tape survive a power loss up to now; a failure halts."""
        try:
            self._recorder.sync_tape()
        except InterlockError as error:
            self.halt(str(error))

    async def _wait(self) -> None:
        progress = self._progress
        await progress.wait()

    def _wake(self) -> None:
        self._progress.set()
        self._progress = asyncio.Event()

    def _refuse_if_halted(self) -> None:
        if self.failure is not None:
            raise DriverHaltedError(f"trading halted: {self.failure}; look at the journal, then restart")
