"""A running session: the session with everybody who works on it, from its first input to its last."""

import asyncio
from collections.abc import Callable
from contextlib import suppress

import structlog

from live.configuration import Configuration
from live.core.errors import InterlockError
from live.journal import TAPE_TRUNCATED
from live.service.arming import Arming
from live.service.connecting import Connecting
from live.service.killing import Killing
from live.service.metrics import ServiceMetrics
from live.service.publishing import Publisher
from live.service.session import Notices, Session, close_session, end_session, open_session
from live.service.watching import Watching

SETTLE_SECONDS = 1.0
"""How long a stop waits for answers that are due."""

log = structlog.get_logger()


class JournalRelay:
    """Bring what one session's journal says on its thread to that session, on the event loop, and never to another one."""

    def __init__(self, metrics: ServiceMetrics) -> None:
        self._loop = asyncio.get_running_loop()
        self._metrics = metrics
        self._session: Session | None = None
        self._failure: str | None = None

    def attach(self, session: Session) -> None:
        """Tell a session from now on, and of what was said while it was being opened."""
        self._session = session
        session.driver.advance_durable(session.journal.durable_seq)
        if self._failure is not None:
            session.driver.halt(self._failure)

    def durable(self, seq: int) -> None:
        """Hear, on the journal's thread, that a sequence number is durable."""
        with suppress(RuntimeError):  # the event loop ended first: nobody waits any more
            self._loop.call_soon_threadsafe(self._advance, seq)

    def failed(self, error: BaseException) -> None:
        """Hear, on the journal's thread, that the disk failed."""
        with suppress(RuntimeError):
            self._loop.call_soon_threadsafe(self._halt, f"the journal failed: {error}")

    def _advance(self, seq: int) -> None:
        self._metrics.observe_durable(seq)
        if self._session is not None:
            self._session.latency.observe_durable(seq)
            self._session.driver.advance_durable(seq)

    def _halt(self, reason: str) -> None:
        self._failure = reason
        if self._session is not None:
            self._session.driver.halt(reason)


class RunningSession:
    """Hold a session and those who arm, kill and watch on it; what was asked of an earlier session is void."""

    def __init__(self, configuration: Configuration, session: Session, metrics: ServiceMetrics, wall: Callable[[], int]) -> None:
        self.session = session
        self.killing = Killing(configuration.home, session, metrics)
        self.arming = Arming(configuration, session, wall)
        publisher = Publisher(configuration.home, session, metrics, wall())
        self.watching = Watching(configuration, session, self.killing, publisher, wall, self.arming.end_drifted)
        self.connecting = Connecting(configuration, session)
        self._metrics = metrics
        self._wall = wall

    async def begin(self) -> None:
        """Wait until the session's opening is durable, then watch.

        Raises:
            DriverHaltedError: the disk failed before it was.
        """
        self._metrics.watch(self.session)
        log_opening(self.session)
        await self.session.driver.durable(self.session.driver.loop.last_seq)
        self.watching.start()
        self.connecting.start()

    async def finish(self, reason: str) -> None:
        """Watch no more, write down why the session closes, and close and seal its files.

        Raises:
            JournalError, TapeError: the disk failed meanwhile.
        """
        session = self.session
        await self.connecting.stop()
        await self.watching.stop()
        with suppress(TimeoutError, InterlockError):
            await asyncio.wait_for(session.driver.settled(), SETTLE_SECONDS)
        with suppress(InterlockError):  # it halts the driver, which closing then knows
            end_session(session, reason)
        self._metrics.forget()
        await asyncio.to_thread(close_session, session, self._wall())
        log.info("session closed", session_id=session.session_id, reason=reason, halted=session.driver.failure)


async def run_session(
    configuration: Configuration, wall: Callable[[], int], metrics: ServiceMetrics, on_halt: Callable[[str], None]
) -> RunningSession:
    """Open a session, off the event loop: what earlier sessions left is verified first, and that may take its time.

    Raises:
        InterlockError: it cannot be opened.
    """
    relay = JournalRelay(metrics)
    notices = Notices(relay.durable, relay.failed, on_halt, metrics.observe)
    session = await asyncio.to_thread(open_session, configuration, wall, notices)
    relay.attach(session)
    return RunningSession(configuration, session, metrics, wall)


def log_opening(session: Session) -> None:
    """Say in the log what is deployed, and whether the session before left something torn."""
    for name, status in session.deployments.items():
        log.info("deployment", strategy=name, loaded=status.loaded is not None, reason=status.refused or status.waiting)
    log.info("session opened", session_id=session.session_id)
    recovered = session.recovered
    if recovered.truncated_bytes or not recovered.tape_complete:
        log.warning(TAPE_TRUNCATED, truncated_bytes=recovered.truncated_bytes, tape_complete=recovered.tape_complete)
