"""Summaries: the daily reports of this home, read from where the pipeline wrote them."""

from pathlib import Path
from typing import Annotated, Any

import msgspec
from fastapi import APIRouter, Query
from fastapi import Path as PathParameter
from fastapi.concurrency import run_in_threadpool
from fastapi.responses import FileResponse

from live.core.errors import InterlockError
from live.service.access import Reader, Service
from live.service.errors import NotFoundError
from live.service.runtime import TradingService

router = APIRouter(prefix="/v1/summaries", tags=["summaries"])

DAILY_REPORTS = "reports/daily"
"""Where below the home the pipeline writes a folder a day."""

_DAY = r"^[0-9]{4}-[0-9]{2}-[0-9]{2}$"
Day = Annotated[str, PathParameter(pattern=_DAY, description="A UTC day like 2026-11-23.")]
Limit = Annotated[int, Query(ge=1, le=1_000, description="How many, newest first.")]

PAGE_HEADERS = {
    "Content-Security-Policy": "default-src 'none'; style-src 'unsafe-inline'; sandbox; base-uri 'none'; form-action 'none'; "
    "frame-ancestors 'none'",
    "X-Content-Type-Options": "nosniff",
    "Referrer-Policy": "no-referrer",
    "Cache-Control": "no-store",
}
"""The page is one file with its own style and no script, so a browser is told to run and to fetch nothing."""


class SummaryUnreadable(InterlockError):
    """A summary's file is there and is no summary."""


@router.get("")
async def summaries(service: Service, reader: Reader, limit: Limit = 100) -> list[dict[str, Any]]:
    """List the daily summaries, newest first, with their totals."""
    del reader
    return await run_in_threadpool(_list_summaries, service.configuration.home / DAILY_REPORTS, limit)


@router.get("/{day}", response_class=FileResponse)
async def summary(day: Day, service: Service, reader: Reader) -> FileResponse:
    """Give the summary of a UTC day as JSON."""
    del reader
    return FileResponse(_find(service, day, "summary.json"), media_type="application/json")


@router.get("/{day}/page", response_class=FileResponse)
async def page(day: Day, service: Service, reader: Reader) -> FileResponse:
    """Give the summary of a UTC day as a page that needs nothing else."""
    del reader
    return FileResponse(_find(service, day, "summary.html"), media_type="text/html; charset=utf-8", headers=PAGE_HEADERS)


def _find(service: TradingService, day: str, name: str) -> Path:
    path = service.configuration.home / DAILY_REPORTS / day / name
    if not path.is_file():
        raise NotFoundError(f"there is no summary of {day}: GET /v1/summaries lists those there are, the asset daily_summary makes one")
    return path


def _list_summaries(directory: Path, limit: int) -> list[dict[str, Any]]:
    found = sorted((path for path in directory.glob("????-??-??/summary.json")), reverse=True)[:limit]
    return [{"day": path.parent.name, **_headline(path), "page": f"/v1/summaries/{path.parent.name}/page"} for path in found]


def _headline(path: Path) -> dict[str, Any]:
    try:
        document: dict[str, Any] = msgspec.json.decode(path.read_bytes())
        return {"headline": str(document["headline"]), "complete": bool(document["complete"]), "totals": dict(document["totals"])}
    except (OSError, msgspec.MsgspecError, KeyError, TypeError, ValueError) as error:
        raise SummaryUnreadable(
            f"the summary {path.parent.name} cannot be read ({type(error).__name__}): make it anew with the asset daily_summary"
        ) from None
