"""Published prefixes: what a running session recorded so far, laid beside it for a pipeline that opens no running journal."""

import shutil
from pathlib import Path

import structlog

from live.journal import AnchorLog
from live.journal.prefix import list_prefixes

PUBLISHED = "published"

log = structlog.get_logger()


def published_folder(home: Path, session_id: str) -> Path:
    """Name the folder of a session's prefixes."""
    return home / PUBLISHED / session_id


def newest_prefix(home: Path, session_id: str) -> Path | None:
    """Find the prefix of a session that reaches furthest, None when none was published."""
    return next(reversed(list_prefixes(published_folder(home, session_id))), None)


def withdraw_sealed(home: Path, anchors: AnchorLog) -> None:
    """Remove the prefixes of sessions that were sealed since: the whole session takes their place.

    One that cannot be removed harms nobody, as a sealed session goes before its prefix; the next start tries again.
    """
    sealed = {seal.session_id for seal in anchors.history().seals}
    for folder in (home / PUBLISHED).glob("*"):
        if folder.name in sealed:
            try:
                shutil.rmtree(folder)
            except OSError as error:
                log.warning("a prefix could not be removed", folder=str(folder), reason=str(error))
