"""Opening and closing a session: lock the host, recover, load what is deployed, begin the journal, boot closed."""

import fcntl
import os
import platform
import secrets
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import IO

from live.configuration import Configuration
from live.core import inputs
from live.core.decimals import MONEY_SCALE, parse_scaled
from live.core.engine import Engine
from live.core.errors import InputError
from live.core.inputs import RecordedInput
from live.core.instruments import Instrument, merge_instruments
from live.core.orders import OrderState
from live.core.vocabulary import Scope
from live.driver.clock import Clock, PlaybackClock, WallClock
from live.driver.engine_digest import engine_digest
from live.driver.live import LiveDriver, LiveRecorder
from live.driver.loop import EngineLoop
from live.driver.playback import PlaybackStart, TapePlayer
from live.driver.recovery import JOURNALS, TAPES, Recovered, anchors_path, recover, session_journals
from live.driver.scheduler import Scheduler
from live.journal import AnchorLog, GroupCommitWriter, JournalFile, TapeWriter, seal_journal
from live.latch import clear, latch_path, read_latch
from live.service.deployments import DeploymentStatus, load_deployments
from live.service.errors import StartError
from live.service.gate import LatchGate
from live.venues.request_log import RequestLog
from live.venues.sim import SimulatedVenue

NONCE_ALPHABET = "ABCDEFGHJKLMNPQRSTUVWXYZ23456789"
VENUE_KEEPS = (OrderState.OPEN, OrderState.CANCEL_REQUESTED, OrderState.CANCEL_UNKNOWN)
"""States whose order a simulated venue still has after a restart: its acceptance was recorded and its end was not."""


@dataclass
class Session:
    """Hold everything that lives from one start of the service to its end."""

    session_id: str
    number: int
    recovered: Recovered
    deployments: dict[str, DeploymentStatus]
    driver: LiveDriver
    recorder: LiveRecorder
    journal: GroupCommitWriter
    journal_path: Path
    tape: TapeWriter
    venues: dict[str, SimulatedVenue]
    gate: LatchGate
    clock: Clock
    player: TapePlayer | None
    anchors: AnchorLog
    lock: IO[bytes]


def open_session(
    configuration: Configuration,
    wall: Callable[[], int],
    on_durable: Callable[[int], None],
    on_failure: Callable[[BaseException], None],
    on_halt: Callable[[str], None],
) -> Session:
    """Open a session on a home.

    Args:
        configuration: what to run.
        wall: the machine's time, nanoseconds UTC.
        on_durable: called on the journal's thread with each durable sequence number.
        on_failure: called on the journal's thread, once, when the disk fails.
        on_halt: called on the event loop when the driver halts.

    Raises:
        StartError: another process holds the home, or the feed and the bundles disagree about an instrument.
        InterlockError: a journal, tape or snapshot cannot be trusted.
    """
    home = configuration.home
    lock = lock_home(home)
    try:
        anchors = AnchorLog(anchors_path(home))
        recovered = recover(home)
        _seal_newest(home, anchors, wall())
        statuses = {status.settings.strategy: status for status in load_deployments(configuration, home, wall())}
        clock, player = _feed(configuration, recovered, statuses)
        instruments = _instruments(statuses, player)
        number = recovered.number + 1
        nonce = "".join(secrets.choice(NONCE_ALPHABET) for _ in range(8))
        session_id = f"{number:06d}-{nonce}"
        gate = LatchGate(home, wall)
        scheduler = Scheduler()
        venues = _venues(configuration, instruments, scheduler, gate)
        for venue_id, venue in venues.items():
            venue.restore(
                order
                for order in recovered.state.live_orders.values()
                if order.state in VENUE_KEEPS and order.instrument_id.partition(":")[0] == venue_id
            )
        _ensure_latches(home, configuration, recovered)
        journal_path = home / JOURNALS / f"{session_id}.journal"
        journal = GroupCommitWriter(
            JournalFile.create(journal_path, session_id=session_id, predecessor_head=recovered.head), on_durable=on_durable, on_failure=on_failure
        )
        tape = TapeWriter(home / TAPES / session_id, session_id, instruments.values())
        recorder = LiveRecorder(journal, tape)
        strategies = {name: status.runnable for name, status in statuses.items() if status.runnable is not None}
        engine = Engine(strategies, recovered.state)
        loop = EngineLoop(engine, recorder, venues, scheduler)
        driver = LiveDriver(loop, recorder, clock, on_halt)
        session = Session(
            session_id, number, recovered, statuses, driver, recorder, journal, journal_path, tape, venues, gate, clock, player, anchors, lock
        )
    except BaseException:
        lock.close()
        raise
    loop.take_snapshot()
    for entry in _opening_inputs(session, configuration, nonce, instruments):
        driver.feed(entry)
    return session


def close_session(session: Session, reason: str, at: int) -> None:
    """Close a session in an orderly way and seal its journal; after a halt only let go of its files.

    Raises:
        JournalError, TapeError: the disk failed meanwhile.
    """
    halted = session.driver.failure is not None
    try:
        if not halted:
            session.driver.feed(inputs.SessionClosed(session.driver.now(), reason))
            session.driver.loop.take_snapshot()
        session.tape.close()
        session.journal.close()
        if not halted:
            seal_journal(session.journal_path, session.anchors, at=at)
    finally:
        session.anchors.close()
        session.lock.close()


def _seal_newest(home: Path, anchors: AnchorLog, at: int) -> None:
    """Seal what a crash left unsealed, now that recovery has verified it."""
    for path in session_journals(home)[-1:]:
        seal_journal(path, anchors, at=at)


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


def scopes(configuration: Configuration) -> list[tuple[Scope, str]]:
    """List every scope that a latch guards: global, each venue, account and deployed strategy."""
    return [
        (Scope.GLOBAL, ""),
        *((Scope.VENUE, name) for name in configuration.venues),
        *((Scope.ACCOUNT, name) for name in configuration.accounts),
        *((Scope.STRATEGY, deployment.strategy) for deployment in configuration.deployments),
    ]


def _feed(configuration: Configuration, recovered: Recovered, statuses: Mapping[str, DeploymentStatus]) -> tuple[Clock, TapePlayer | None]:
    if configuration.feed is None:
        return WallClock(), None
    after = max(configuration.feed_start, recovered.market_time, recovered.state.now)
    history: dict[str, int] = {}
    for status in statuses.values():
        if status.bundle is not None:
            for instrument in status.bundle.version.instruments:
                history[instrument.instrument_id] = max(history.get(instrument.instrument_id, 0), status.warm_up_bars)
    clock = PlaybackClock(after)
    return clock, TapePlayer(configuration.path(configuration.feed.tape), PlaybackStart(after, history), configuration.feed.speed, clock)


def _instruments(statuses: Mapping[str, DeploymentStatus], player: TapePlayer | None) -> dict[str, Instrument]:
    deployed = [instrument for status in statuses.values() if status.bundle is not None for instrument in status.bundle.version.instruments]
    return merge_instruments(deployed, () if player is None else player.instruments)


def _venues(configuration: Configuration, instruments: Mapping[str, Instrument], scheduler: Scheduler, gate: LatchGate) -> dict[str, SimulatedVenue]:
    venues: dict[str, SimulatedVenue] = {}
    for venue_id, settings in configuration.venues.items():
        log = RequestLog(configuration.home / settings.request_log) if settings.request_log else None
        try:
            costs = settings.costs
        except InputError as error:
            raise StartError(f'venues."{venue_id}": {error}') from None
        venues[venue_id] = SimulatedVenue(
            venue_id, instruments, costs, scheduler.schedule, gate, fill_price=settings.fill_price, request_log=log
        )
    return venues


def _ensure_latches(home: Path, configuration: Configuration, recovered: Recovered) -> None:
    """Create the latch of a scope that no session ever saw; one that was seen and is gone stays missing, which is engaged."""
    for scope, target in scopes(configuration):
        path = latch_path(home, scope, target)
        if not path.exists() and (scope, target) not in recovered.state.latches:
            clear(path, "created for a new scope")


def _opening_inputs(session: Session, configuration: Configuration, nonce: str, instruments: Mapping[str, Instrument]) -> list[RecordedInput]:
    now = session.driver.now()
    state = session.driver.engine.state
    deployments = tuple(deployment for status in session.deployments.values() if (deployment := status.deployment) is not None)
    opening: list[RecordedInput] = [inputs.InstrumentDefined(now, instrument) for instrument in instruments.values()]
    for scope, target in scopes(configuration):
        reading = read_latch(latch_path(configuration.home, scope, target))
        opening.append(inputs.LatchObserved(now, scope, target, reading.engaged, reading.reason))
    opening.append(
        inputs.SessionStarted(
            now,
            session.session_id,
            nonce,
            secrets.randbits(63),
            engine_digest(),
            platform.python_version(),
            configuration.digest,
            session.recovered.head,
            deployments,
        )
    )
    for account_id, account in configuration.accounts.items():
        for asset, text in account.balances.items():
            if (account_id, asset) not in state.ledger.deposits:
                opening.append(inputs.BalanceChanged(now, account_id, asset, parse_scaled(text, MONEY_SCALE), "opening balance"))
    return opening
