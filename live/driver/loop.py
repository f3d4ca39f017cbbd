"""The loop that both drivers share: input to engine, engine to recorder, and effects to venues once they are durable."""

from collections import deque
from collections.abc import Mapping, Sequence
from typing import Protocol

from msgspec.structs import replace

from live.core.effects import Effect, QueryOrder, SubmitOrder
from live.core.engine import Engine, drain
from live.core.inputs import Bar, MarketEvent, RecordedInput
from live.core.records import OutputRecord
from live.driver.scheduler import Scheduler
from live.venues.protocol import Venue

Position = tuple[int, int]

SNAPSHOT_INTERVAL = 50_000
"""Records between snapshots: a restart folds at most this many."""


class Recorder(Protocol):
    """Where a driver writes what went in and what came out."""

    @property
    def position(self) -> Position:
        """Give how much of the tape the engine has handled."""
        ...

    @property
    def durable_seq(self) -> int:
        """Give the sequence number through which records are durable."""
        ...

    def market(self, event: MarketEvent) -> None:
        """Write a market event to the tape, before the engine handles it."""
        ...

    def step(self, entry: RecordedInput | None, outputs: Sequence[OutputRecord], position: Position) -> int:
        """Write one step's entries and return the last sequence number."""
        ...

    def snapshot(self, body: bytes, ts: int) -> None:
        """Write a snapshot of the engine's state."""
        ...


class EngineLoop:
    """Run one engine: every input in order, every effect only after its records are durable."""

    def __init__(self, engine: Engine, recorder: Recorder, venues: Mapping[str, Venue], scheduler: Scheduler) -> None:
        self.engine = engine
        self.scheduler = scheduler
        self.last_seq = 0
        self._recorder = recorder
        self._venues = venues
        self._routes: dict[str, Venue | None] = {}
        self._pending: deque[tuple[int, Effect]] = deque()
        self._snapshot_seq = 0

    @property
    def idle(self) -> bool:
        """Tell whether no effect waits for its records and no answer is due."""
        return not self._pending and not self.scheduler

    def process(self, event: MarketEvent | RecordedInput) -> int:
        """Feed one input, then settle; returns the sequence number that must be durable for it to count."""
        if type(event) is Bar:
            if not event.warm_up:
                venue = self._route(event.instrument_id)
                if venue is not None:
                    venue.observe(event)
                if self.scheduler:
                    self._step_due(event.ts_init)
            self._recorder.market(event)
            self.engine.handle(event)
            if self.engine.records or self.engine.effects:
                self._collect(None, self._recorder.position)
        else:
            self._step(event)  # pyright: ignore[reportArgumentType]
        if self._pending or self.scheduler:
            self.settle()
        return self.last_seq

    def settle(self) -> None:
        """Carry out what is durable and feed back what is due, until neither is left."""
        while True:
            self._release()
            if not self._step_due(self.engine.now):
                return

    def take_snapshot(self) -> None:
        """Write a snapshot of the state as it is after the last step."""
        state = self.engine.state
        self._recorder.snapshot(state.snapshot(), state.now)
        self._snapshot_seq = self.last_seq

    def _step_due(self, now: int) -> bool:
        stepped = False
        while (answer := self.scheduler.pop_due(now)) is not None:
            engine_now = self.engine.now
            self._step(answer if answer.ts_init >= engine_now else replace(answer, ts_init=engine_now))
            stepped = True
            self._release()
        return stepped

    def _step(self, entry: RecordedInput) -> None:
        position = self._recorder.position
        try:
            self.engine.handle(entry)
        except BaseException:
            self._recorder.step(entry, (), position)
            raise
        self._collect(entry, position)

    def _collect(self, entry: RecordedInput | None, position: Position) -> None:
        outputs, effects = drain(self.engine)
        self.last_seq = seq = self._recorder.step(entry, outputs, position)
        for effect in effects:
            self._pending.append((seq, effect))
        if seq - self._snapshot_seq >= SNAPSHOT_INTERVAL:
            self.take_snapshot()

    def _release(self) -> None:
        durable = self._recorder.durable_seq
        while self._pending and self._pending[0][0] <= durable:
            self._carry_out(self._pending.popleft()[1])

    def _carry_out(self, effect: Effect) -> None:
        now = self.engine.now
        venue = self._route(effect.instrument_id)
        assert venue is not None, f"risk lets no order through for {effect.instrument_id}, which has no venue"
        if type(effect) is SubmitOrder:
            venue.submit(effect, now)
        elif type(effect) is QueryOrder:
            venue.query(effect, now)
        else:
            venue.cancel(effect, now)  # pyright: ignore[reportArgumentType]

    def _route(self, instrument_id: str) -> Venue | None:
        if instrument_id not in self._routes:
            self._routes[instrument_id] = self._venues.get(instrument_id.partition(":")[0])
        return self._routes[instrument_id]
