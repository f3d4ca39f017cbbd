"""Live driver: inputs as they come, written down before anything leaves, on the thread of one event loop.

The event loop serialises feeds, reports and commands. Steps are journaled by a writer thread in groups; effects wait
until their records are durable. Any failure of the disk or the engine halts the driver for good: nothing leaves any
more, and a person has to look.
"""

import asyncio
from collections.abc import Callable, Iterable, Sequence

from live.core.effects import CancelOrder
from live.core.engine import Engine
from live.core.errors import InterlockError
from live.core.inputs import Input, MarketEvent, RecordedInput
from live.core.records import IntentRecorded, OutputRecord, Record
from live.driver.clock import Clock
from live.driver.loop import EngineLoop
from live.journal import GroupCommitWriter, TapeWriter
from live.venues.protocol import Venue

Observer = Callable[[RecordedInput | None, Sequence[OutputRecord], int], None]
"""Told of every step: the input, None for market data, what the engine said, and its last sequence number."""


class DriverHaltedError(InterlockError):
    """The driver stopped for good after a failure; nothing is sent any more."""


class LiveRecorder:
    """Write market events to the tape and steps to the journal.

    Attributes:
        durable_seq: sequence number through which records are known to be durable.
    """

    def __init__(self, journal: GroupCommitWriter, tape: TapeWriter, observer: Observer) -> None:
        self.durable_seq = 0
        self._journal = journal
        self._tape = tape
        self._observer = observer

    def market(self, event: MarketEvent) -> None:
        """Write a market event to the tape."""
        self._tape.append(event)

    def step(self, entry: RecordedInput | None, outputs: Sequence[OutputRecord], events: int) -> int:
        """Hand a step to the journal's thread; how far the engine has come is what the tape says, which goes on over restarts."""
        del events
        seq = self._journal.submit_step(entry, outputs, self._tape.position)
        self._observer(entry, outputs, seq)
        return seq

    def snapshot(self, body: bytes, ts: int) -> None:
        """Hand a snapshot to the journal's thread."""
        self._journal.submit_snapshot(body, ts)


def sync_before_intents(tape: TapeWriter) -> Callable[[list[Input | Record]], None]:
    """Make what the journal's thread does before a commit: sync the market data that intents rest on, off the event loop."""

    def sync(entries: list[Input | Record]) -> None:
        if any(type(entry) is IntentRecorded for entry in entries):
            tape.sync()

    return sync


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

    @property
    def durable_seq(self) -> int:
        """Give the sequence number through which records are known to be durable."""
        return self._recorder.durable_seq

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
        except Exception as error:  # whatever it was, the engine's state can no longer be trusted: fail closed
            self.halt(f"{type(error).__name__}: {error}")
            raise self._halted() from error

    def advance_durable(self, seq: int) -> None:
        """Note that records are durable, release their effects and wake who waits; called on the event loop."""
        self._recorder.durable_seq = max(self._recorder.durable_seq, seq)
        self._settle()
        self._wake()

    def cancel_at_once(self, venue: Venue, requests: Iterable[CancelOrder]) -> list[str]:
        """Hand cancels to a venue before anything about them is durable; only a kill may do that.

        One cancel that fails keeps none of the others from being handed over, and a halted driver hands them over as
        well: its answers are then nobody's, and what is still open is for the venue to say.

        Returns:
            What failed, one sentence each.
        """
        failed: list[str] = []
        for request in requests:
            try:
                venue.cancel(request, self.now())
            except Exception as error:  # noqa: BLE001 - the next order still has to be canceled
                failed.append(f"{request.order_id}: {type(error).__name__}: {error}")
        self._settle()
        return failed

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
            await self.progress()

    async def settled(self) -> None:
        """Wait until every effect was carried out and every answer fed back.

        Raises:
            DriverHaltedError: the driver halted before.
        """
        while not self.loop.idle:
            self._refuse_if_halted()
            await self.progress()

    async def progress(self) -> None:
        """Wait until something became durable or the driver halted."""
        await self._progress.wait()

    def _settle(self) -> None:
        if self.failure is None:
            try:
                self.loop.settle()
            except Exception as error:  # noqa: BLE001 - as in feed: fail closed
                self.halt(f"{type(error).__name__}: {error}")

    def _wake(self) -> None:
        self._progress.set()
        self._progress = asyncio.Event()

    def _refuse_if_halted(self) -> None:
        if self.failure is not None:
            raise self._halted()

    def _halted(self) -> DriverHaltedError:
        return DriverHaltedError(f"trading halted: {self.failure}; look at the journal, then restart")
