"""Archive: what this home recorded, for a pipeline that pulls sessions which ended, and what running ones published so far."""

from collections.abc import Callable
from pathlib import Path
from typing import Annotated, Any, TypeVar

from fastapi import APIRouter
from fastapi import Path as PathParameter
from fastapi.concurrency import run_in_threadpool
from fastapi.responses import FileResponse
from msgspec import to_builtins

from live.driver.published import newest_prefix, published_folder
from live.driver.recovery import JOURNALS, TAPES, anchors_path, session_journals
from live.journal import Anchor, AnchorHistory, Seal, read_anchors
from live.journal.prefix import PREFIX_JOURNAL, PREFIX_TAPE, read_prefix
from live.journal.segments import CLOSED_NAME
from live.service.access import Reader, Service
from live.service.errors import ConflictError, NotFoundError
from live.service.runtime import TradingService
from live.service.views import fields

Found = TypeVar("Found")

router = APIRouter(prefix="/v1/sessions", tags=["archive"])

SessionId = Annotated[str, PathParameter(pattern=r"^[0-9]{6}-[0-9A-Z]{8}$", description="Like 000001-ABCDEFGH.")]
Digest = Annotated[str, PathParameter(pattern=r"^[0-9a-f]{64}$", description="A sha256 in hexadecimal.")]
PrefixName = Annotated[str, PathParameter(pattern=r"^[0-9]{12}-[0-9]+$", description="Commit and time of the anchor it ends at.")]


@router.get("")
async def sessions(service: Service, reader: Reader) -> list[dict[str, Any]]:
    """List the sessions of this home, oldest first: whether each was sealed, its seal, its closed tape segments, its newest prefix."""
    del reader
    return await _read(service, _list_sessions)


@router.get("/{session_id}/anchors")
async def anchors(session_id: SessionId, service: Service, reader: Reader) -> list[dict[str, Any]]:
    """Give what the anchor log says about a session: anchors and seal, in order."""
    del reader
    history = (await _read(service, lambda home, _: _history(home))).of_session(session_id)
    entries: list[Anchor | Seal] = [*history.anchors, *history.seals]
    if not entries:
        raise NotFoundError(f"nothing is anchored for session {session_id}: list the sessions with GET /v1/sessions")
    return [{"type": "anchor" if isinstance(entry, Anchor) else "seal", **fields(entry)} for entry in entries]


@router.get("/{session_id}/journal", response_class=FileResponse)
async def journal(session_id: SessionId, service: Service, reader: Reader) -> FileResponse:
    """Give the journal of a session that ended and was sealed: a SQLite file, with the sha256 that the seal names."""
    del reader
    listed = {one["session_id"]: one for one in await _read(service, _list_sessions)}.get(session_id)
    if listed is None:
        raise NotFoundError(f"there is no session {session_id} here: list them with GET /v1/sessions")
    if not listed["sealed"]:
        why = "it is running" if listed["running"] else "it ended without a seal: the next start of the service writes it"
        raise ConflictError(f"session {session_id} is not handed out before it is sealed: {why}")
    path = service.configuration.home / JOURNALS / f"{session_id}.journal"
    return FileResponse(path, media_type="application/vnd.sqlite3", filename=path.name)


@router.get("/{session_id}/prefixes/{name}/journal", response_class=FileResponse)
async def prefix_journal(session_id: SessionId, name: PrefixName, service: Service, reader: Reader) -> FileResponse:
    """Give the first rows of a session's journal, up to an anchor, as the running service published them: a SQLite file."""
    del reader
    path = published_folder(service.configuration.home, session_id) / name / PREFIX_JOURNAL
    return FileResponse(_published(path), media_type="application/vnd.sqlite3", filename=f"{session_id}.journal")


@router.get("/{session_id}/prefixes/{name}/segments/{digest}", response_class=FileResponse)
async def prefix_segment(session_id: SessionId, name: PrefixName, digest: Digest, service: Service, reader: Reader) -> FileResponse:
    """Give a segment of the tape of a prefix by the sha256 of its file."""
    del reader
    tape = published_folder(service.configuration.home, session_id) / name / PREFIX_TAPE
    path = next(iter(sorted(tape.glob(f"*-{digest}.tape.gz"))), tape / digest)
    return FileResponse(_published(path), media_type="application/gzip", filename=path.name)


def _published(path: Path) -> Path:
    if not path.is_file():
        raise NotFoundError("no such prefix is published any more: list the sessions with GET /v1/sessions")
    return path


async def _read(service: TradingService, read: Callable[[Path, str], Found]) -> Found:
    return await run_in_threadpool(read, service.configuration.home, service.session.session_id)


def _history(home: Path) -> AnchorHistory:
    path = anchors_path(home)
    return read_anchors(path) if path.exists() else AnchorHistory((), (), 0)


def _list_sessions(home: Path, running: str) -> list[dict[str, Any]]:
    history = _history(home)
    seals = {seal.session_id: seal for seal in history.seals}
    first = {anchor.session_id: anchor.at for anchor in reversed(history.anchors)}
    listed: list[dict[str, Any]] = []
    for path in session_journals(home):
        seal = seals.get(path.stem)
        tape = home / TAPES / path.stem
        prefix = None if seal is not None else newest_prefix(home, path.stem)
        closed = sorted((file, match) for file in tape.glob("*.tape.gz") if (match := CLOSED_NAME.fullmatch(file.name)))
        listed.append(
            {
                "session_id": path.stem,
                "running": path.stem == running,
                "sealed": seal is not None,
                "sealed_at": None if seal is None else seal.at,
                "first_anchor_at": first.get(path.stem),
                "file_sha256": None if seal is None else seal.file_sha256,
                "head": None if seal is None else seal.head,
                "journal_bytes": path.stat().st_size,
                "segments": [
                    {"segment": int(match["segment"]), "digest": match["digest"], "bytes": file.stat().st_size} for file, match in closed
                ],
                "prefix": None if prefix is None else to_builtins(read_prefix(prefix)),
            }
        )
    return listed
