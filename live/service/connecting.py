"""Connecting: the tasks that tie a session to real venues, from its first input to its last."""

import asyncio
from collections.abc import Coroutine
from contextlib import suppress
from typing import Any

import structlog

from live.configuration import Configuration
from live.core.errors import InterlockError
from live.service.feeds import FeedConnection
from live.service.reconciling import Reconciling
from live.service.session import Session

log = structlog.get_logger()


class Connecting:
    """Run the queue, the feeds, and each account's connection and reconciliation; nothing to do where everything is simulated.

    Attributes:
        reconciling: who compares each account with its venue, by account.
    """

    def __init__(self, configuration: Configuration, session: Session) -> None:
        self.reconciling: dict[str, Reconciling] = {}
        self._session = session
        self._tasks: list[asyncio.Task[None]] = []
        self._consumer: asyncio.Task[None] | None = None
        if session.queue is not None:
            for account_id, connection in session.trading.items():
                venue = configuration.venues[connection.venue_id]
                self.reconciling[account_id] = Reconciling(session.driver, session.queue, connection, venue)

    def start(self) -> None:
        """Reach every venue; accounts first, so that what they missed is known before the market moves anything."""
        session = self._session
        if session.queue is None:
            return
        self._consumer = self._run(session.queue.run())
        self._tasks = [self._run(self._trade(account_id)) for account_id in session.trading]
        self._tasks += [self._run(self._follow(feed)) for feed in session.feeds.values()]
        self._tasks += [self._run(clock.run()) for clock in session.clocks.values()]

    async def stop(self) -> None:
        """Stop the market, then the accounts; what became of requests under way is recorded."""
        session, queue = self._session, self._session.queue
        if queue is None:
            return
        await _end(self._tasks)
        # What became of a request under way is said while its venue stops, so the queue is the last to end.
        results = await asyncio.gather(*(one.stop() for one in session.trading.values()), return_exceptions=True)
        for error in results:
            if isinstance(error, BaseException):
                log.error("a venue did not stop in order", reason=str(error))
        if self._consumer is not None:
            with suppress(InterlockError):
                await queue.drained()
            await _end([self._consumer])

    async def _trade(self, account_id: str) -> None:
        await self._session.trading[account_id].connect()
        await self.reconciling[account_id].run()

    async def _follow(self, feed: FeedConnection) -> None:
        for connection in self._session.trading.values():
            if connection.venue_id == feed.venue_id:
                await connection.attempted.wait()
        await feed.run()

    def _run(self, work: Coroutine[Any, Any, None]) -> asyncio.Task[None]:
        """Run a task; one that ends in an error halts trading rather than to end in silence."""

        async def guarded() -> None:
            try:
                await work
            except Exception as error:  # noqa: BLE001 - whatever it was, nobody does that task's work any more
                self._session.driver.halt(str(error) if isinstance(error, InterlockError) else f"{type(error).__name__}: {error}")

        return asyncio.create_task(guarded())


async def _end(tasks: list[asyncio.Task[None]]) -> None:
    for task in tasks:
        task.cancel()
    await asyncio.gather(*tasks, return_exceptions=True)
