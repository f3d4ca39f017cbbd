"""Child process: run whole sessions as the service does, and say on standard output what each call promised.

The script of a session is data, so that whoever checks what a crash left knows what should have been there. Nothing
depends on timing: the groups of a commit are formed by holding the journal's thread until the group is complete.
"""

import os
import sqlite3
import sys
import tempfile
from collections.abc import Callable, Iterator
from contextlib import suppress
from itertools import count
from pathlib import Path
from threading import Event, Semaphore
from typing import NamedTuple

from live.core.errors import InterlockError
from live.core.inputs import (
    BalanceChanged,
    Bar,
    ClockTicked,
    EffectOutcome,
    ExecutionReported,
    Input,
    InstrumentDefined,
    OrderAccepted,
    SessionClosed,
    SessionStarted,
)
from live.core.instruments import Instrument
from live.core.orders import OrderEvent, OrderState
from live.core.records import (
    Allocation,
    BalancePosted,
    DecisionRecorded,
    FillRecorded,
    IntentRecorded,
    OrderTransitioned,
    Record,
)
from live.core.snapshots import take_snapshot
from live.core.state import EngineState
from live.core.vocabulary import EffectAction, Liquidity, OrderType, Outcome, Side, TimeInForce
from live.driver.live import sync_before_intents
from live.driver.recovery import JOURNALS, TAPES, anchors_path, recover, session_journals
from live.journal import (
    AnchorLog,
    GroupCommitWriter,
    JournalFailedError,
    JournalFile,
    TapeFailedError,
    TapeWriter,
    anchors,
    disk,
    file,
    seal_journal,
    segments,
    storage,
    tape,
)

INSTRUMENT = Instrument(instrument_id="binance-spot:BTCUSDT", base="BTC", quote="USDT", price_scale=2, quantity_scale=5)
SESSIONS = ("000001-AAAAAAAA", "000002-BBBBBBBB")
ROLL_EVENTS = 4
CYCLES = 5
SPENT = CYCLES * 1_500
"""What the fills of one session cost, in money units."""
ANCHOR_EVERY = 2
SNAPSHOT_EVERY = 3
NO_FILE = 2**30
NO_NAME = Path("/nowhere/at/all")
FOLD_BYTES = 60_000
"""The log is folded into the journal after so many bytes instead of 4 MiB, so that a short session sees it happen."""


class Step(NamedTuple):
    """What one step of an engine gives the writer; `event` goes to the tape first."""

    event: Bar | None
    entry: Input | None
    outputs: tuple[Record, ...]


class Take(NamedTuple):
    """Take a snapshot of the state so far."""

    ts: int


Item = Step | Take


def script(number: int) -> Iterator[list[Item]]:
    """Give the groups of a session, from 1: the steps that share a commit, first of all the opening snapshot."""
    session_id, now = SESSIONS[number - 1], number * 1_000
    yield [
        Take(now),
        Step(None, SessionStarted(now, session_id, session_id[7:], 0, "", "", "", "", ()), ()),
        Step(None, InstrumentDefined(now, INSTRUMENT), ()),
    ]
    amount = 10**15
    balance = amount * number - SPENT * (number - 1)
    posted = BalancePosted(now, "main", "USDT", amount, balance, "deposit")
    yield [Step(None, BalanceChanged(now, "main", "USDT", amount, "deposit"), (posted,))]
    for cycle in range(CYCLES):
        now += 10
        identity = (number - 1) * CYCLES + cycle + 1
        yield from _cycle(now, identity, f"IL{session_id[7:]}{identity:06d}")
        if cycle % SNAPSHOT_EVERY == SNAPSHOT_EVERY - 1:
            yield [Take(now)]
    yield [Step(None, SessionClosed(now + 1, "the script ended"), ()), Take(now + 1)]


def _cycle(now: int, identity: int, order_id: str) -> Iterator[list[Item]]:
    """Decide, order, fill: the life of one order, with market data between."""
    instrument_id, strategy_id = INSTRUMENT.instrument_id, "probe"

    def bar(at: int) -> Bar:
        return Bar(at, at, instrument_id, 100, 200, 50, 150, identity)

    def moved(at: int, event: OrderEvent, state: OrderState) -> OrderTransitioned:
        return OrderTransitioned(at, order_id, event, state, "")

    order = (order_id, identity, identity, strategy_id, "main", instrument_id, Side.BUY, OrderType.MARKET, TimeInForce.IMMEDIATE_OR_CANCEL)
    yield [
        Step(
            bar(now),
            None,
            (
                DecisionRecorded(now, identity, strategy_id, instrument_id, identity, "units", None, 150, "rising"),
                IntentRecorded(now, *order, 1, None, 150, (Allocation(strategy_id, identity, 1),)),
                moved(now, OrderEvent.APPROVE, OrderState.APPROVED),
                moved(now, OrderEvent.SUBMIT, OrderState.SUBMITTING),
            ),
        )
    ]
    fill = ("main", instrument_id, f"V{identity}", f"T{identity}", Side.BUY, 150, 1, 0, "USDT", Liquidity.TAKER, now + 3, False)
    yield [
        Step(None, EffectOutcome(now + 1, order_id, EffectAction.SUBMIT, Outcome.SENT, ""), ()),
        Step(bar(now + 1), None, ()),
        Step(None, OrderAccepted(now + 2, now + 2, order_id, f"V{identity}"), (moved(now + 2, OrderEvent.ACCEPT, OrderState.OPEN),)),
    ]
    yield [
        Step(
            None,
            ExecutionReported(now + 3, now + 3, order_id, f"V{identity}", f"T{identity}", 150, 1, 0, "USDT", Liquidity.TAKER),
            (FillRecorded(now + 3, order_id, strategy_id, *fill), moved(now + 3, OrderEvent.COMPLETE, OrderState.FILLED)),
        ),
        Step(None, ClockTicked(now + 4), ()),
    ]


def promise(text: str) -> None:
    """Say what just became certain, in one system call of a kind that nothing else here makes."""
    os.writev(1, [text.encode() + b"\n"])


class HeldWriter:
    """A group-commit writer whose groups are exactly the ones of the script.

    Args:
        early: say what is durable before it is (a bad writer).
        unsynced_tape: commit intents without what they rest on (a bad writer).
        first_on_thread: called once on the journal's thread before its first commit.
    """

    def __init__(
        self, journal: JournalFile, tape: TapeWriter, *, early: bool, unsynced_tape: bool, first_on_thread: Callable[[], None]
    ) -> None:
        self._entered = Event()
        self._go = Semaphore(0)
        self._over = False
        self._sync = sync_before_intents(tape)
        self._early, self._unsynced_tape = early, unsynced_tape
        self._first_on_thread: Callable[[], None] | None = first_on_thread
        self._session_id = journal.meta.session_id
        self._journal = journal
        self.writer = GroupCommitWriter(journal, on_durable=self._durable, on_failure=self._failed, before_commit=self._before)

    def commit(self, items: list[Item], state: EngineState, tape: TapeWriter) -> None:
        """Submit the steps of one group and wait until they are durable."""
        seq = 0
        for position, item in enumerate(items):
            if isinstance(item, Take):
                seq = self.writer.submit_snapshot(take_snapshot(state), item.ts)
            else:
                before, segments_before = tape.position, len(_compressed)
                if item.event is not None:
                    tape.append(item.event)
                    promise(f"handled {self._session_id} {tape.position[0]} {tape.position[1]}")
                    if tape.position[1] == 0:
                        _await_compressor(segments_before + 1)
                place = before if item.entry is not None else tape.position
                seq = self.writer.submit_step(item.entry, item.outputs, place)
                for entry in (*((item.entry,) if item.entry is not None else ()), *item.outputs):
                    state.apply(entry)
            if position == 0:
                self._await_thread()
        self._go.release()  # the first step, which the thread took by itself
        if len(items) > 1:
            self._await_thread()
            self._go.release()
        self.writer.wait_durable(seq, 60)

    def close(self) -> None:
        """Close the journal; whatever the thread still holds is let go first."""
        self._go.release(10)
        self.writer.close()

    def _await_thread(self) -> None:
        self._entered.wait()
        if not self._over:
            self._entered.clear()

    def _before(self, entries: list[Input | Record]) -> None:
        if self._first_on_thread is not None:
            self._first_on_thread()
            self._first_on_thread = None
        self._entered.set()
        self._go.acquire()
        if not self._unsynced_tape:
            self._sync(entries)
        if self._early:
            promise(f"durable {self._session_id} {self._journal.last_seq}")

    def _failed(self, _: BaseException) -> None:
        self._over = True
        self._entered.set()

    def _durable(self, seq: int) -> None:
        if not self._early:
            promise(f"durable {self._session_id} {seq}")


class Mistakes(NamedTuple):
    """Say what is wrong with the writer: nothing, or one of the mistakes that the enumeration has to find."""

    early: bool = False
    unsynced_tape: bool = False
    lazy_commits: bool = False
    unsynced_names: bool = False


def write_sessions(home: Path, mistakes: Mistakes, first_on_thread: Callable[[], None]) -> None:
    """Run the scripted sessions on a home, each recovering what the one before left."""
    for number, session_id in enumerate(SESSIONS, start=1):
        with AnchorLog(anchors_path(home)) as log:
            recovered = recover(home)
            sealed = {seal.session_id for seal in log.history().seals}
            for path in session_journals(home):
                if path.stem not in sealed:
                    seal_journal(path, log, at=number)
            events = TapeWriter(home / TAPES / session_id, session_id, [INSTRUMENT], ROLL_EVENTS)
            path = home / JOURNALS / f"{session_id}.journal"
            journal = JournalFile.create(path, session_id=session_id, predecessor_head=recovered.head, created_at=number)
            held = HeldWriter(journal, events, early=mistakes.early, unsynced_tape=mistakes.unsynced_tape, first_on_thread=first_on_thread)
            try:
                for group, items in enumerate(script(number)):
                    held.commit(items, recovered.state, events)
                    if group % ANCHOR_EVERY == 0:
                        tip = held.writer.tip
                        log.anchor(session_id=session_id, commit=tip.commit, seq=tip.seq, head=tip.head, at=number)
                        promise(f"anchored {session_id} {tip.commit}")
            except TapeFailedError:
                with suppress(TapeFailedError):
                    events.append(Bar(10**6, 10**6, INSTRUMENT.instrument_id, 1, 1, 1, 1, 1))
                    promise("accepted after a failure")
                raise
            except JournalFailedError:
                with suppress(JournalFailedError):
                    held.writer.submit_step(ClockTicked(10**6), (), events.position)
                    promise("accepted after a failure")
                raise
            finally:
                held.close()
                events.close()
            seal_journal(path, log, at=number)
            promise(f"sealed {session_id}")


_compressed: list[int] = []
"""Segments whose compression ended, well or not."""


def _await_compressor(segments_ended: int) -> None:
    """Let the compressor finish first, so that every run makes the same system calls in the same order."""
    while len(_compressed) < segments_ended:
        os.sched_yield()


def prepare_process(mistakes: Mistakes) -> None:
    """Make SQLite fold its log often, and make the mistakes that were asked for."""
    connect_to_write = storage.connect
    close_segment = tape.close_segment

    def connect_lazily(path: Path, *, durable: bool) -> sqlite3.Connection:
        connection = connect_to_write(path, durable=durable)
        connection.execute("PRAGMA synchronous = NORMAL")
        return connection

    def close_and_count(raw: Path, segment: int, events: int) -> segments.SegmentInfo:
        try:
            return close_segment(raw, segment, events)
        finally:
            _compressed.append(segment)

    file.FOLD_BYTES = FOLD_BYTES
    tempfile._name_sequence = map(str, count())  # a name that is random would make every run another one
    tape.close_segment = close_and_count
    if mistakes.lazy_commits:
        file.connect = connect_lazily
    if mistakes.unsynced_names:
        for module in (disk, anchors, segments, tape, storage):
            module.sync_directory = lambda _: None


def recover_home(home: Path) -> None:
    """Do what a start does with what it finds: recover, then seal."""
    with AnchorLog(anchors_path(home)) as log:
        recover(home)
        sealed = {seal.session_id for seal in log.history().seals}
        for path in session_journals(home):
            if path.stem not in sealed:
                seal_journal(path, log, at=9)


def fail_at_every_call(root: Path, call: str, thread: str, ordinal: int, stride: int) -> None:
    """Write sessions again and again, in a process and a home of its own each, with one failing call later each time.

    The tracer fails the `ordinal`-th such call of every thread, so a thread that shall fail at its n-th call makes the
    calls before it first, in vain. Ends with the first process that met no failure, as the tracer's log says; each leaves
    `N.said` with what it promised, and how it ended.
    """
    log = (root / "calls").open()
    for number in range(1, ordinal, stride):
        child = os.fork()
        if child == 0:
            with (root / f"{number}.said").open("wb") as said:
                os.dup2(said.fileno(), 1)
            os._exit(_fail_once(root / str(number), call, thread, ordinal - number))
        assert os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) == 0
        if "(INJECTED)" not in log.read():
            return
    raise AssertionError(f"{ordinal} calls of {call} are not enough to reach the last one of {thread}")


def _fail_once(home: Path, call: str, thread: str, vain_calls: int) -> int:
    """Run the sessions in a process of their own; gives its exit code."""
    home.mkdir()
    scratch = os.open(home.with_suffix(".scratch"), os.O_RDWR | os.O_CREAT)

    def spend() -> None:
        for _ in range(vain_calls):
            _VAIN[call](scratch)

    close_segment = tape.close_segment

    def spend_and_close(raw: Path, segment: int, events: int) -> segments.SegmentInfo:
        if segment == 1:
            spend()
        return close_segment(raw, segment, events)

    if thread == "compressor":
        tape.close_segment = spend_and_close
    elif thread == "main":
        spend()
    try:
        write_sessions(home, Mistakes(), spend if thread == "journal" else lambda: None)
    except InterlockError as error:
        promise(f"halted {type(error).__name__}")
    else:
        promise("completed")
    return 0


def _vainly(call: Callable[[], object]) -> None:
    with suppress(OSError):
        call()


_VAIN: dict[str, Callable[[int], None]] = {
    "write": lambda scratch: _vainly(lambda: os.write(scratch, b"")),
    "pwrite64": lambda scratch: _vainly(lambda: os.pwrite(scratch, b"", 0)),
    "fsync": lambda _: _vainly(lambda: os.fsync(NO_FILE)),
    "fdatasync": lambda _: _vainly(lambda: os.fdatasync(NO_FILE)),
    "ftruncate": lambda _: _vainly(lambda: os.ftruncate(NO_FILE, 0)),
    "rename": lambda _: _vainly(lambda: NO_NAME.rename(NO_NAME)),
    "unlink": lambda _: _vainly(NO_NAME.unlink),
    "link": lambda _: _vainly(lambda: NO_NAME.hardlink_to(NO_NAME)),
    "mkdir": lambda _: _vainly(NO_NAME.mkdir),
}
"""A way to make each call so that it changes nothing."""

if __name__ == "__main__":
    what, home_or_root, *rest = sys.argv[1:]
    mistakes_made = Mistakes(**dict.fromkeys(rest, True) if what == "sessions" else {})
    prepare_process(mistakes_made)
    if what == "sessions":
        write_sessions(Path(home_or_root), mistakes_made, lambda: None)
    elif what == "recover":
        recover_home(Path(home_or_root))
    else:
        fail_at_every_call(Path(home_or_root), rest[0], rest[1], int(rest[2]), int(rest[3]))
