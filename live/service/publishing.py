"""Publishing: copy what a running session recorded so far to where the pipeline finds it, without being in anybody's way.

Nothing that trades rests on a prefix: when one cannot be written that is logged and counted, and trading goes on.
"""

import asyncio
import shutil
import time
from pathlib import Path
from threading import Event

import structlog

from live.core.errors import InterlockError
from live.driver.published import published_folder
from live.journal import Anchor
from live.journal.prefix import list_prefixes, prefix_name, write_prefix
from live.service.metrics import ServiceMetrics
from live.service.session import Session

PUBLISH_EVERY = 3_600_000_000_000
"""How long until the next prefix, in nanoseconds; one is also published when the UTC day changes."""
DAY = 86_400_000_000_000
PAUSE_SECONDS = 0.001
"""How long the copying thread sleeps after each stretch, so that the event loop gets its turn."""

SPARE_BYTES = 256 * 1024 * 1024
"""What a prefix leaves free of the disk: the running journal needs it more."""

log = structlog.get_logger()


class PublishingStoppedError(InterlockError):
    """A prefix was given up because the session closes."""


class DiskTooFullError(InterlockError):
    """A prefix would take the room that the running journal needs."""


class Publisher:
    """Publish prefixes of one session."""

    def __init__(self, home: Path, session: Session, metrics: ServiceMetrics, now: int) -> None:
        self._folder = published_folder(home, session.session_id)
        self._journal = session.journal_path
        self._tape = session.tape.directory
        self._metrics = metrics
        self._last = now
        self._stop = Event()

    def due(self, now: int) -> bool:
        """Tell whether an hour passed, or a UTC day ended, since the last time; `now` in nanoseconds UTC."""
        return now - self._last >= PUBLISH_EVERY or now // DAY != self._last // DAY

    async def publish(self, anchor: Anchor) -> None:
        """Publish the session up to an anchor, on a thread; whatever goes wrong is logged and counted, and never raised."""
        self._last = anchor.at
        try:
            await asyncio.to_thread(self._write, anchor)
        except PublishingStoppedError:
            log.info("a prefix was given up: the session closes", through=anchor.at)
        except Exception as error:  # noqa: BLE001 - nothing that trades rests on it, so no error of it may reach what does
            self._metrics.observe_unpublished()
            reason = str(error) if isinstance(error, InterlockError) else f"{type(error).__name__}: {error}"
            log.error("ALARM: what was recorded so far is not published: daily summaries stay behind", reason=reason)  # noqa: TRY400
        else:
            self._metrics.observe_published(anchor.at)

    def stop(self) -> None:
        """Give up what is being written: the journal's file is wanted for its closing."""
        self._stop.set()

    def _write(self, anchor: Anchor) -> None:
        self._folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        # The one before the newest stays for an hour: somebody may be reading it.
        for older in list_prefixes(self._folder)[:-1]:
            shutil.rmtree(older)
        for torn in self._folder.glob(".*"):
            shutil.rmtree(torn)
        free, needed = shutil.disk_usage(self._folder).free, self._journal.stat().st_size + SPARE_BYTES
        if free < needed:
            raise DiskTooFullError(f"the disk of {self._folder} has {free} bytes left, a prefix needs {needed}: make room for the journal")
        write_prefix(self._journal, self._tape, self._folder / prefix_name(anchor), anchor, self._pause)

    def _pause(self) -> None:
        if self._stop.is_set():
            raise PublishingStoppedError("the session closes: what it recorded is sealed and pulled whole")
        time.sleep(PAUSE_SECONDS)
