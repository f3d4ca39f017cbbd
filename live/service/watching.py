"""Watching: what the service looks at by itself, from its start to its end; what cannot be looked at halts trading."""

import asyncio
from collections.abc import Awaitable, Callable
from contextlib import suppress

import structlog

from live.configuration import Configuration
from live.core import inputs
from live.core.errors import InterlockError
from live.core.vocabulary import OperatorAction, Scope, TradingState
from live.driver.playback import TapePlayer
from live.journal import Anchor
from live.latch import latch_path, read_latch
from live.service.conditions import ConditionWatch
from live.service.killing import Killing
from live.service.publishing import Publisher
from live.service.scopes import configured_scopes
from live.service.session import Session

LATCH_SECONDS = 0.05
LEASE_SECONDS = 0.2
TAPE_SYNC_SECONDS = 1.0
ANCHOR_SECONDS = 60.0
PROMOTION_SECONDS = 1.0
JOURNAL_SECONDS = 0.25
RECONCILIATION_SECONDS = 5.0
PUBLISH_LOOK_SECONDS = 5.0
SYNC_OPERATOR = "sync"
"""In whose name a withdrawn strategy is restricted."""
CLOCK_TOLERANCE = 1_000_000_000
"""How far back the machine's clock may step before leases, which end by it, are taken away; nanoseconds."""

log = structlog.get_logger()


class Watching:
    """Look at latches, leases, tape, journal, accounts, anchors and promotions every so often, and play the feed."""

    def __init__(
        self,
        configuration: Configuration,
        session: Session,
        killing: Killing,
        publisher: Publisher,
        wall: Callable[[], int],
        end_drifted: Callable[[], None],
    ) -> None:
        self._configuration = configuration
        self._publisher = publisher
        self._session = session
        self._killing = killing
        self._wall = wall
        self._end_drifted = end_drifted
        self._latest_wall = wall()
        self._anchored_commit = 0
        self._anchoring = asyncio.Lock()
        self._stop = asyncio.Event()
        self._conditions = ConditionWatch(configuration, session.driver, session.venues)
        self._looks: list[asyncio.Task[None]] = []
        self._kills: set[asyncio.Task[None]] = set()
        self._player: asyncio.Task[None] | None = None

    def start(self) -> None:
        """Begin to look."""
        self._looks = [
            asyncio.create_task(self._every(LATCH_SECONDS, self._look_at_latches, when_halted=True)),
            asyncio.create_task(self._every(LEASE_SECONDS, self._look_at_leases)),
            asyncio.create_task(self._every(TAPE_SYNC_SECONDS, self._sync_tape)),
            asyncio.create_task(self._every(ANCHOR_SECONDS, self._anchor)),
            asyncio.create_task(self._every(JOURNAL_SECONDS, self._conditions.look_at_journal)),
            asyncio.create_task(self._every(RECONCILIATION_SECONDS, self._conditions.look_at_accounts)),
            asyncio.create_task(self._every(PROMOTION_SECONDS, self._look_at_promotions)),
            asyncio.create_task(self._every(PUBLISH_LOOK_SECONDS, self.publish_when_due, when_halted=True)),
        ]
        if self._session.player is not None:
            self._player = asyncio.create_task(self._play(self._session.player))

    async def stop(self) -> None:
        """Look no more; what is being written is finished first, so that nothing uses a file after it is closed."""
        self._stop.set()
        self._publisher.stop()
        ending = [*self._kills, *([] if self._player is None else [self._player])]
        for task in ending:
            task.cancel()
        await asyncio.gather(*ending, *self._looks, return_exceptions=True)

    async def _every(self, seconds: float, look: Callable[[], Awaitable[None]], *, when_halted: bool = False) -> None:
        while not self._stop.is_set():
            with suppress(TimeoutError):
                await asyncio.wait_for(self._stop.wait(), seconds)
            if not self._stop.is_set() and (when_halted or self._session.driver.failure is None):
                await self._guarded(look())

    async def _guarded(self, work: Awaitable[None]) -> None:
        try:
            await work
        except Exception as error:  # noqa: BLE001 - a look that ends in any error must not end in silence
            self._session.driver.halt(str(error) if isinstance(error, InterlockError) else f"{type(error).__name__}: {error}")

    async def _look_at_latches(self) -> None:
        """Carry out what somebody did to a latch file: engaged, removed or damaged, it kills."""
        for scope, target in configured_scopes(self._configuration):
            if not self._session.gate.is_closed(scope, target):
                reading = read_latch(latch_path(self._configuration.home, scope, target))
                if reading.engaged:
                    self._session.gate.close(scope, target, reading.reason)
                    task = asyncio.create_task(self._guarded(self._killing.notice(scope, target, reading)))
                    self._kills.add(task)
                    task.add_done_callback(self._kills.discard)

    async def _look_at_leases(self) -> None:
        session, now = self._session, self._wall()
        stepped_back = now < self._latest_wall - CLOCK_TOLERANCE
        self._latest_wall = now if stepped_back else max(now, self._latest_wall)
        for strategy_id, lease in list(session.gate.leases.items()):
            if stepped_back or now >= lease.expires_at:
                reason = "the machine's clock went back" if stepped_back else "the lease expired"
                del session.gate.leases[strategy_id]
                log.warning("lease ended", strategy=strategy_id, reason=reason)
                session.driver.feed(inputs.LeaseEnded(session.driver.now(), strategy_id, lease.lease_id, reason))
        self._end_drifted()

    async def _look_at_promotions(self) -> None:
        """Let an armed strategy whose version was withdrawn only reduce: its orders may end what it holds, and begin nothing."""
        session = self._session
        await asyncio.to_thread(session.promotions.look)
        state, driver = session.driver.engine.state, session.driver
        for name, standing in session.promotions.standings.items():
            if standing.withdrawn is None or driver.failure is not None or name not in state.deployments:
                continue
            if state.trading_state(Scope.STRATEGY, name) < TradingState.REDUCE_ONLY:
                code, reason = standing.withdrawn
                log.warning("withdrawn", strategy=name, code=code, reason=reason)
                said = f"{code}: {reason}"
                driver.feed(inputs.OperatorCommand(driver.now(), SYNC_OPERATOR, OperatorAction.REDUCE_ONLY, Scope.STRATEGY, name, said))

    async def _sync_tape(self) -> None:
        await asyncio.to_thread(self._session.tape.sync)

    async def _anchor(self) -> None:
        if self._session.journal.tip.commit > self._anchored_commit:
            await self._anchor_tip()

    async def _anchor_tip(self) -> Anchor:
        async with self._anchoring:  # one at a time, so that the log's sequence numbers never go back
            session, tip = self._session, self._session.journal.tip

            def write() -> Anchor:
                anchor = Anchor(session.session_id, tip.commit, tip.seq, tip.head, self._wall())
                session.anchors.anchor(session_id=anchor.session_id, commit=tip.commit, seq=tip.seq, head=tip.head, at=anchor.at)
                return anchor

            anchor = await asyncio.to_thread(write)
            self._anchored_commit = tip.commit
            return anchor

    async def publish_when_due(self) -> None:
        """Publish what was recorded so far each hour and when a UTC day ends; a halted session says no more, and is published too.

        The tick's record says how much of the tape was handled by then, and so what of the market belongs to the day that ended.
        """
        if not self._publisher.due(self._wall()):
            return
        driver = self._session.driver
        if driver.failure is None:
            await driver.durable(driver.feed(inputs.ClockTicked(driver.now())))
        await self._publisher.publish(await self._anchor_tip())

    async def _play(self, player: TapePlayer) -> None:
        driver = self._session.driver
        try:
            await player.play(driver)
            log.info("the feed ended", played=player.played, reason=player.ended)
        except InterlockError as error:
            log.error("the feed failed", error=str(error))  # noqa: TRY400 - the sentence says it all
            player.ended = f"the feed failed: {error}"
            with suppress(InterlockError):  # halted: then nothing rests on the feed any more
                player.end(driver, player.ended)
        except Exception as error:  # noqa: BLE001 - a feed that dies of anything else must not leave the engine trading
            player.ended = f"the feed failed: {type(error).__name__}: {error}"
            driver.halt(player.ended)
