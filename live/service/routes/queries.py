"""Queries: what the engine holds, and what the journal says. Nothing is shown before it is durable."""

import asyncio
from typing import Annotated, Any

from fastapi import APIRouter, Query
from fastapi.concurrency import run_in_threadpool
from fastapi.responses import FileResponse

from live.core.entities import Order
from live.driver.live import DriverHaltedError
from live.driver.recovery import TAPES
from live.journal import TapeError, find_segment
from live.service.access import Reader, Service
from live.service.errors import NotFoundError, ServiceError, UnavailableError
from live.service.runtime import TradingService
from live.service.session import Session
from live.service.views import journal_entries, scale_fields, show_deployments, show_order, show_positions, show_session

router = APIRouter(prefix="/v1", tags=["queries"])

Limit = Annotated[int, Query(ge=1, le=10_000, description="How many, newest first.")]


DURABLE_SECONDS = 5.0
"""How long an answer waits until what it rests on is durable."""


async def _durable_session(service: TradingService) -> Session:
    session = service.session
    if session.driver.failure is None:
        try:
            await asyncio.wait_for(session.driver.durable(session.driver.loop.last_seq), DURABLE_SECONDS)
        except TimeoutError:
            raise UnavailableError(
                f"the journal did not become durable within {DURABLE_SECONDS:.0f} s, and nothing is shown before it is: the disk hangs, "
                "nothing new is sent meanwhile, and a kill does not wait for it"
            ) from None
        except DriverHaltedError:
            pass  # halted while it waited: what is shown says so
    return session


@router.get("/state")
async def state(service: Service, reader: Reader) -> dict[str, Any]:
    """Show the session: trading states, leases, balances, feed."""
    del reader
    return show_session(await _durable_session(service))


@router.get("/deployments")
async def deployments(service: Service, reader: Reader) -> list[dict[str, Any]]:
    """Show each deployment, loaded or refused and why."""
    del reader
    return show_deployments(await _durable_session(service))


@router.get("/orders")
async def orders(service: Service, reader: Reader, limit: Limit = 100, *, open_only: bool = False) -> list[dict[str, Any]]:
    """Show orders, newest first."""
    del reader
    engine_state = (await _durable_session(service)).driver.engine.state
    found: list[Order] = list((engine_state.live_orders if open_only else engine_state.orders).values())
    return [show_order(order, engine_state.instruments) for order in reversed(found[-limit:])]


@router.get("/positions")
async def positions(service: Service, reader: Reader) -> list[dict[str, Any]]:
    """Show positions with their marks and profits."""
    del reader
    return show_positions((await _durable_session(service)).driver.engine)


@router.get("/fills")
async def fills(service: Service, reader: Reader, limit: Limit = 100) -> list[dict[str, Any]]:
    """Show executions over all sessions, newest first."""
    del reader
    return await _entries(service, "FillRecorded", limit)


@router.get("/decisions")
async def decisions(service: Service, reader: Reader, limit: Limit = 100) -> list[dict[str, Any]]:
    """Show decisions over all sessions, newest first."""
    del reader
    return await _entries(service, "DecisionRecorded", limit)


@router.get("/denials")
async def denials(service: Service, reader: Reader, limit: Limit = 100) -> list[dict[str, Any]]:
    """Show denied orders with their codes over all sessions, newest first."""
    del reader
    return await _entries(service, "OrderDenied", limit)


@router.get("/latency")
async def latency(service: Service, reader: Reader) -> dict[str, Any]:
    """Show how long orders take to each venue, stage by stage in microseconds, and how far the venues' clocks are from ours."""
    del reader
    session = service.session
    return {"venues": session.latency.show(), "clocks": [clock.show() for clock in session.clocks.values()]}


@router.get("/segments")
async def segments(service: Service, reader: Reader) -> list[dict[str, Any]]:
    """List the closed tape segments of this session."""
    del reader
    session = await _durable_session(service)
    return [{"segment": info.segment, "digest": info.digest, "events": info.events} for info in session.tape.closed_segments]


@router.get("/segments/{digest}", response_class=FileResponse)
async def segment(digest: str, service: Service, reader: Reader) -> FileResponse:
    """Give a closed tape segment of any session by the sha256 of its file."""
    del reader
    try:
        path = find_segment(service.configuration.home / TAPES, digest)
    except TapeError as error:
        raise ServiceError(str(error)) from None
    if path is None:
        raise NotFoundError(f"no closed segment has the digest {digest}: list them with GET /v1/segments")
    return FileResponse(path, media_type="application/gzip", filename=path.name)


async def _entries(service: TradingService, kind: str, limit: int) -> list[dict[str, Any]]:
    session = await _durable_session(service)
    found = await run_in_threadpool(journal_entries, service.configuration.home, (kind,), limit)
    return [scale_fields(entry, session.driver.engine.state) for entry in found]
