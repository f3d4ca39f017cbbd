"""The loop that both drivers share: input to engine, engine to recorder, and effects to venues once they are durable."""

from collections import deque
from collections.abc import Callable, Iterable, Mapping, Sequence
from functools import partial
from heapq import heappop
from typing import Protocol

from msgspec.structs import replace

from live.core.effects import CancelOrder, CancelTimer, Effect, QueryOrder, SetTimer, SubmitOrder
from live.core.engine import Engine, drain
from live.core.errors import InputError, InterlockError
from live.core.inputs import EffectOutcome, MarketEvent, RecordedInput, TimerFired
from live.core.records import OutputRecord
from live.core.snapshots import take_snapshot
from live.core.vocabulary import EffectAction, Outcome
from live.driver.scheduler import Scheduler
from live.venues.protocol import Observer, ObservingVenue, Venue

SNAPSHOT_INTERVAL = 50_000
"""Records between snapshots: a restart folds at most this many."""


class Recorder(Protocol):
    """Where a driver writes what went in and what came out."""

    @property
    def durable_seq(self) -> int:
        """Give the sequence number through which records are durable."""
        ...

    @property
    def market(self) -> Callable[[MarketEvent], None] | None:
        """Give what writes a market event to the tape, before the engine handles it; None where there is no tape."""
        ...

    def step(self, entry: RecordedInput | None, outputs: Sequence[OutputRecord], events: int) -> int:
        """Write one step's entries, after which so many market events were handled, and return the last sequence number."""
        ...

    def snapshot(self, body: bytes, ts: int) -> None:
        """Write a snapshot of the engine's state."""
        ...


class LoopStoppedError(InterlockError):
    """The loop has failed before: the engine's state can no longer be trusted, so nothing more goes in or out."""


class EngineLoop:
    """Run one engine: every input in order, every effect only after its records are durable.

    The first failure stops it for good. An input that the engine refuses (InputError) changed nothing and is not written;
    after any other failure what the engine had said by then is written, and none of its effects leave.

    Attributes:
        events: market events that were taken from their source, the one that is being handled included.
        last_seq: sequence number of the last entry.
    """

    def __init__(self, engine: Engine, recorder: Recorder, venues: Mapping[str, Venue], scheduler: Scheduler) -> None:
        self.engine = engine
        self.scheduler = scheduler
        self.last_seq = 0
        self.events = 0
        self._said, self._asked = engine.records, engine.effects
        self._waiting = scheduler.waiting
        self._recorder = recorder
        self._routes = _Routes(venues)
        self._observers: dict[type[MarketEvent], dict[str, Observer | None]] = {}
        self._timers: dict[tuple[str, str], int] = {}
        self._pending: deque[tuple[int, Effect]] = deque()
        self._snapshot_due = SNAPSHOT_INTERVAL
        self._failure: BaseException | None = None

    @property
    def idle(self) -> bool:
        """Tell whether no effect waits for its records and nothing is due."""
        return not self._pending and not self.scheduler.is_due(self.engine.now)

    def process(self, event: MarketEvent | RecordedInput) -> int:
        """Feed one input, then settle; returns the sequence number that must be durable for it to count.

        Raises:
            LoopStoppedError: the loop has failed before.
            InterlockError: what the engine, the recorder or a venue raised; the loop has stopped.
        """
        self._refuse_if_stopped()
        try:
            if isinstance(event, MarketEvent):
                self._play((event,))
            else:
                if self._waiting:
                    self._step_due(event.ts_init)
                self._step(event)
                if self._pending or self._waiting:
                    self._settle()
        except BaseException as error:
            self._failure = error
            raise
        return self.last_seq

    def run(self, events: Iterable[MarketEvent]) -> None:
        """Process market events one after the other, each settled before the next.

        Raises:
            LoopStoppedError: the loop has failed before.
            InterlockError: what the engine, the recorder, a venue or the source of events raised; the loop has stopped.
        """
        self._refuse_if_stopped()
        try:
            self._play(events)
        except BaseException as error:
            self._failure = error
            raise

    def settle(self) -> None:
        """Carry out what is durable and feed back what is due, until neither is left.

        Raises:
            LoopStoppedError: the loop has failed before.
            InterlockError: what the engine, the recorder or a venue raised; the loop has stopped.
        """
        self._refuse_if_stopped()
        try:
            self._settle()
        except BaseException as error:
            self._failure = error
            raise

    def take_snapshot(self) -> None:
        """Write a snapshot of the state as it is after the last step."""
        state = self.engine.state
        self._recorder.snapshot(take_snapshot(state), state.now)
        self._snapshot_due = self.last_seq + SNAPSHOT_INTERVAL

    def _refuse_if_stopped(self) -> None:
        if self._failure is not None:
            raise LoopStoppedError(f"the engine stopped on {type(self._failure).__name__}: {self._failure}; start a new session")

    def _settle(self) -> None:
        while True:
            if self._pending:
                self._release()
            if not self._waiting or not self._step_due(self.engine.now):
                return

    def _step_due(self, now: int) -> bool:
        """Take in what is due at a time, and carry out what that asks for before the next; tell whether anything was due."""
        stepped, engine, waiting = False, self.engine, self._waiting
        while waiting and waiting[0][0] <= now:
            item = heappop(waiting)[2]
            stepped = True
            if callable(item):
                item()
                continue
            if item.ts_init < engine.now:
                item = replace(item, ts_init=engine.now)
            try:  # as in `_step`, which an order's life would call once for each answer
                engine.handle(item)
            except BaseException as error:
                self._write_last_words(item, error)
                raise
            self._collect(item)
            if self._pending:
                self._release()
        return stepped

    def _play(self, events: Iterable[MarketEvent]) -> None:
        """Show each market event to its venue, the tape and the engine, and settle it before the next."""
        observers, pending, waiting, said, asked = self._observers, self._pending, self._waiting, self._said, self._asked
        write, handle = self._recorder.market, self.engine.handle
        for event in events:
            if not event.warm_up:
                if waiting:
                    self._step_due(event.ts_init - 1)
                try:
                    observe = observers[type(event)][event.instrument_id]
                except KeyError:
                    observe = self._find_observer(type(event), event.instrument_id)
                if observe is not None:
                    observe(event)
                if waiting:
                    self._step_due(event.ts_init)
            self.events += 1
            if write is not None:
                write(event)
            try:
                handle(event)
            except BaseException as error:
                self._write_last_words(None, error)
                raise
            if said or asked:
                self._collect(None)
            if pending or waiting:
                self._settle()

    def _step(self, entry: RecordedInput) -> None:
        try:
            self.engine.handle(entry)
        except BaseException as error:
            self._write_last_words(entry, error)
            raise
        self._collect(entry)

    def _collect(self, entry: RecordedInput | None) -> None:
        """Journal a step and keep its effects; `entry` is None for what is on the tape."""
        said, asked = self._said, self._asked
        outputs = tuple(said)
        said.clear()
        self.last_seq = seq = self._recorder.step(entry, outputs, self.events)
        if asked:
            for effect in asked:
                self._pending.append((seq, effect))
            asked.clear()
        if seq >= self._snapshot_due:
            self.take_snapshot()

    def _write_last_words(self, entry: RecordedInput | None, error: BaseException) -> None:
        """Journal what the engine said before it failed; an input that it refused changed nothing, and is not written."""
        if isinstance(error, InputError):
            return
        outputs, _ = drain(self.engine)
        if entry is not None or outputs:
            try:
                self.last_seq = self._recorder.step(entry, outputs, self.events)
            except InterlockError as unwritten:
                error.add_note(f"what the engine said before it could not be journaled: {unwritten}")

    def _release(self) -> None:
        """Carry out, in their order, the effects whose records are durable."""
        durable, pending = self._recorder.durable_seq, self._pending
        while pending and pending[0][0] <= durable:
            effect = pending.popleft()[1]
            if isinstance(effect, SubmitOrder):
                venue = self._routes[effect.instrument_id]
                if self.engine.forbids(effect.order_id):
                    self._refuse(effect, EffectAction.SUBMIT, "trading was stopped before it left")
                elif venue is None:
                    self._refuse(effect, EffectAction.SUBMIT, "its venue is not configured")
                else:
                    venue.submit(effect, self.engine.now)
            # By the very type, which is final: `isinstance` first looks whether the class of a message's class has its own idea of it.
            elif type(effect) is SetTimer or type(effect) is CancelTimer:
                self._set_timer(effect)
            else:
                self._ask(effect)

    def _ask(self, request: CancelOrder | QueryOrder) -> None:
        """Ask an order's venue to take it off, or what it knows of it."""
        venue = self._routes[request.instrument_id]
        if isinstance(request, CancelOrder):
            if venue is None:
                self._refuse(request, EffectAction.CANCEL, "its venue is not configured")
            else:
                venue.cancel(request, self.engine.now)
        elif venue is not None:
            venue.query(request, self.engine.now)

    def _set_timer(self, effect: SetTimer | CancelTimer) -> None:
        """Schedule when a timer fires, or take it off the schedule; a later setting of the same name replaces the earlier one."""
        key = (effect.strategy_id, effect.name)
        if isinstance(effect, SetTimer):
            self._timers[key] = effect.due
            self.scheduler.schedule(effect.due, partial(self._fire, key, effect.due))
        else:
            self._timers.pop(key, None)

    def _fire(self, key: tuple[str, str], due: int) -> None:
        """Feed a timer's input, unless the timer was taken off the schedule or set anew."""
        if self._timers.get(key) == due:
            self._step(TimerFired(max(due, self.engine.now), *key, due))
            if self._pending:
                self._release()

    def _refuse(self, effect: SubmitOrder | CancelOrder, action: EffectAction, reason: str) -> None:
        """Tell the engine that a request provably never left."""
        now = self.engine.now
        self.scheduler.schedule(now, EffectOutcome(now, effect.order_id, action, Outcome.REFUSED, reason))

    def _find_observer(self, kind: type[MarketEvent], instrument_id: str) -> Observer | None:
        """Find once what at an instrument's venue sees a kind of event."""
        venue = self._routes[instrument_id]
        observer: Observer | None = None
        if isinstance(venue, ObservingVenue):
            observer = venue.observer(kind, instrument_id)
        elif venue is not None:
            observer = venue.observe
        self._observers.setdefault(kind, {})[instrument_id] = observer
        return observer


class _Routes(dict[str, Venue | None]):
    """Find each instrument's venue once, None where none is configured."""

    def __init__(self, venues: Mapping[str, Venue]) -> None:
        super().__init__()
        self._venues = venues

    def __missing__(self, instrument_id: str) -> Venue | None:
        venue = self[instrument_id] = self._venues.get(instrument_id.partition(":")[0])
        return venue
