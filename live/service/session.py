"""A session: from what the one before left to the seal on its journal, on a home that this process holds alone."""

import fcntl
import os
from collections.abc import Callable
from contextlib import ExitStack
from dataclasses import dataclass, field
from pathlib import Path
from typing import IO

import structlog

from live.configuration import Configuration, live_keys
from live.core import inputs
from live.core.engine import Engine
from live.core.ports import Ports
from live.driver.input_queue import InputQueue
from live.driver.live import LiveDriver, LiveRecorder, Observer, sync_before_intents
from live.driver.loop import EngineLoop
from live.driver.playback import TapePlayer
from live.driver.published import withdraw_sealed
from live.driver.recovery import JOURNALS, TAPES, Recovered, anchors_path, recover, session_journals
from live.driver.scheduler import Scheduler
from live.journal import AnchorLog, GroupCommitWriter, JournalBusyError, JournalFile, TapeWriter, seal_journal
from live.service.account_kinds import settle_kinds
from live.service.boot import (
    ensure_latches,
    gather_instruments,
    make_feed,
    make_nonce,
    make_venues,
    opening_inputs,
    route_accounts,
    session_started,
)
from live.service.clock_watch import ClockWatch
from live.service.conditions import opening_conditions
from live.service.connections import TradingConnection
from live.service.deployments import DeploymentStatus, load_deployments
from live.service.errors import StartError
from live.service.feeds import FeedConnection
from live.service.gate import LatchGate
from live.service.latency import LatencyWatch
from live.service.promotions import Promotions
from live.venues.sim import SimulatedVenue

log = structlog.get_logger()


@dataclass
class Session:
    """Hold everything that lives from a start of the service, or a load of promotions, to the next or to its end.

    Attributes:
        venues: the simulated venues, by id.
        queue: where everything that real venues say waits for its turn; None while none is configured.
        feeds: market data of real venues, by venue.
        trading: real venues by the account that trades there; its other accounts' orders are simulated.
        latency: how long orders take on their way.
        clocks: how far the clocks of venues that are traded at for real are from ours, by venue.
    """

    session_id: str
    recovered: Recovered
    deployments: dict[str, DeploymentStatus]
    driver: LiveDriver
    journal: GroupCommitWriter
    journal_path: Path
    tape: TapeWriter
    venues: dict[str, SimulatedVenue]
    gate: LatchGate
    player: TapePlayer | None
    anchors: AnchorLog
    promotions: Promotions
    held: ExitStack
    """The anchor log, the tape and the journal, to be closed in the reverse order."""
    queue: InputQueue | None = None
    feeds: dict[str, FeedConnection] = field(default_factory=dict)
    trading: dict[str, TradingConnection] = field(default_factory=dict)
    latency: LatencyWatch = field(default_factory=lambda: LatencyWatch({}))
    clocks: dict[str, ClockWatch] = field(default_factory=dict)


@dataclass(frozen=True)
class Notices:
    """Whom a session tells.

    Attributes:
        durable: called on the journal's thread with each durable sequence number.
        failed: called on the journal's thread, once, when the disk fails.
        halted: called on the event loop when the driver halts, after the gate has closed.
        observer: told of every step, on the event loop.
    """

    durable: Callable[[int], None]
    failed: Callable[[BaseException], None]
    halted: Callable[[str], None]
    observer: Observer


def open_session(configuration: Configuration, wall: Callable[[], int], notices: Notices) -> Session:
    """Open a session on a home that is locked for this process; when anything fails, whatever was opened is closed again.

    Args:
        configuration: what to run.
        wall: the machine's time, nanoseconds UTC.
        notices: whom to tell.

    Raises:
        StartError: something that is configured is not there.
        InterlockError: a journal, tape or snapshot cannot be trusted, or feed and bundles disagree about an instrument.
    """
    home = configuration.home
    with ExitStack() as held:
        anchors = held.enter_context(AnchorLog(anchors_path(home)))
        recovered = recover(home)
        _seal_what_is_not(home, anchors, wall())
        withdraw_sealed(home, anchors)
        state = recovered.state
        statuses = {status.settings.strategy: status for status in load_deployments(configuration, home, wall())}
        clock, player = make_feed(configuration, recovered, statuses)
        instruments = gather_instruments(statuses, player)
        gate = LatchGate(home, wall)
        scheduler = Scheduler()
        settle_kinds(configuration, state)
        venues = make_venues(configuration, instruments, state, scheduler, gate, held)
        feeds: dict[str, FeedConnection] = {}
        trading: dict[str, TradingConnection] = {}
        if any(venue.kind == "ccxt" for venue in configuration.venues.values()):
            from live.service.real_venues import RealVenues  # not needed, and slow to import, where everything is simulated

            real = RealVenues(configuration, state, statuses)
            real.make_feeds(instruments)
            real.make_trading(live_keys(configuration), instruments, venues, gate, wall(), held)
            feeds, trading = real.feeds, real.trading
            route_accounts(venues, trading)
        ensure_latches(configuration, state)
        nonce = make_nonce()
        session_id = f"{recovered.number + 1:06d}-{nonce}"
        tape = held.enter_context(TapeWriter(home / TAPES / session_id, session_id, instruments.values()))
        journal_path = home / JOURNALS / f"{session_id}.journal"
        journal = held.enter_context(
            GroupCommitWriter(
                JournalFile.create(journal_path, session_id=session_id, predecessor_head=recovered.head),
                on_durable=notices.durable,
                on_failure=notices.failed,
                before_commit=sync_before_intents(tape),
            )
        )
        strategies = {name: status.runnable for name, status in statuses.items() if status.runnable is not None}
        latency = LatencyWatch({name: venue.latency_budget_ms for name, venue in configuration.venues.items()})
        recorder = LiveRecorder(journal, tape, latency.observing(notices.observer))
        loop = EngineLoop(Engine(strategies, state, Ports(latency)), recorder, venues.routes, scheduler)

        def on_halt(reason: str) -> None:
            gate.halt(reason)
            notices.halted(reason)

        driver = LiveDriver(loop, recorder, clock, on_halt)
        loop.take_snapshot()
        started = session_started(configuration, driver.now(), session_id, nonce, recovered.head, statuses.values())
        for entry in opening_inputs(configuration, state, started, instruments.values()):
            driver.feed(entry)
        for entry in opening_conditions(configuration, driver.engine.state, venues.simulated, driver.now()):
            driver.feed(entry)
        queue = InputQueue(driver) if feeds or trading else None
        if queue is not None:
            for feed in feeds.values():
                feed.attach(queue)
            for connection in trading.values():
                connection.attach(queue, driver.engine.state, gate)
            latency.follow(lambda: queue.received_at, trading)
        promotions = Promotions(configuration, statuses, wall)
        return Session(
            session_id,
            recovered,
            statuses,
            driver,
            journal,
            journal_path,
            tape,
            venues.simulated,
            gate,
            player,
            anchors,
            promotions,
            held.pop_all(),
            queue,
            feeds,
            trading,
            latency,
            _watch_clocks(configuration, trading, queue, wall),
        )


def _watch_clocks(
    configuration: Configuration, trading: dict[str, TradingConnection], queue: InputQueue | None, wall: Callable[[], int]
) -> dict[str, ClockWatch]:
    """Make a watch for the clock of every venue that is traded at for real."""
    if queue is None:
        return {}
    together: dict[str, list[TradingConnection]] = {}
    for connection in trading.values():
        together.setdefault(connection.venue_id, []).append(connection)
    return {name: ClockWatch(name, some, configuration.venues[name].clock, queue.put, wall) for name, some in together.items()}


def end_session(session: Session, reason: str) -> None:
    """Write down, on the event loop, that the session closes; nothing to do after a halt."""
    if session.driver.failure is None:
        session.driver.feed(inputs.SessionClosed(session.driver.now(), reason))
        session.driver.loop.take_snapshot()


def close_session(session: Session, at: int) -> None:
    """Close a session's files and seal its journal; after a halt only let go of them. May run on any thread.

    Raises:
        JournalError, TapeError: the disk failed meanwhile.
    """
    with session.held:
        try:
            session.journal.close()
        except JournalBusyError as busy:
            log.warning("a reader holds the journal open", journal=str(session.journal_path), reason=str(busy))
        session.tape.close()
        # The writer's own word, too: the event loop may not have got round yet to halting the driver.
        if session.driver.failure is None and session.journal.failure is None:
            _seal(session.journal_path, session.anchors, at)
            withdraw_sealed(session.journal_path.parent.parent, session.anchors)


def _seal_what_is_not(home: Path, anchors: AnchorLog, at: int) -> None:
    """Seal what crashes left unsealed, now that recovery has verified it; one that somebody reads waits for the next start."""
    sealed = {seal.session_id for seal in anchors.history().seals}
    for path in session_journals(home):
        if path.stem not in sealed:
            _seal(path, anchors, at)


def _seal(path: Path, anchors: AnchorLog, at: int) -> None:
    try:
        seal_journal(path, anchors, at=at)
    except JournalBusyError as busy:
        log.warning("a journal is complete and could not be sealed: the next start seals it", journal=str(path), reason=str(busy))


def lock_home(home: Path) -> IO[bytes]:
    """Take the home for this process alone, until the returned file is closed.

    Raises:
        StartError: another process has it, or it cannot be written.
    """
    try:
        home.mkdir(parents=True, exist_ok=True)
        handle = (home / "service.lock").open("ab")
    except OSError as error:
        raise StartError(f"the home {home} cannot be written: {error.strerror}; set INTERLOCK_HOME to a directory of yours") from None
    try:
        fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except OSError:
        handle.close()
        raise StartError(f"another service runs on {home}: stop it first, or set INTERLOCK_HOME to another directory") from None
    os.set_inheritable(handle.fileno(), False)
    return handle
