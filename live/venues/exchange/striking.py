"""Let faults strike requests on their way to the exchange and back; what they do is the same for REST and sockets."""

import asyncio
import contextlib
from collections.abc import Awaitable, Callable, Mapping
from typing import Protocol

import msgspec
from aiohttp import web

from live.venues.exchange.errors import VenueError
from live.venues.exchange.faults import (
    Answer,
    BadBody,
    Ban,
    Delay,
    Drop,
    FaultPlane,
    FillFirst,
    Refuse,
    RequestFault,
    RequestSeen,
    Reset,
    When,
)
from live.venues.exchange.request_log import Logged, RequestLog

HTML_PAGE = b"<!DOCTYPE html><html><head><title>Just a moment...</title></head><body>checking your browser</body></html>"


class Reply(msgspec.Struct, frozen=True):
    """An answer on its way to a client, before its transport's form."""

    status: int
    body: bytes
    content_type: str = "application/json"
    headers: Mapping[str, str] = {}


class Lost(msgspec.Struct, frozen=True):
    """No answer at all: the connection stays silent, or is broken."""

    broken: bool


Outcome = Reply | Lost


class World(Protocol):
    """What faults act on."""

    def ban(self, address: str, seconds: int) -> VenueError:
        """Ban an address and give what it is told."""
        ...

    def fill_first(self, seen: RequestSeen, parts_per_million: int) -> None:
        """Fill part of the order that a request is about."""
        ...

    def refusal(self, error: VenueError) -> Reply:
        """Word a refusal."""
        ...


class Striker:
    """Send requests through the faults that were ordered, and note them all."""

    def __init__(self, faults: FaultPlane, log: RequestLog, world: World, clock: Callable[[], int]) -> None:
        self._faults = faults
        self._log = log
        self._world = world
        self._clock = clock

    async def run(self, seen: RequestSeen, address: str, apply: Callable[[], Awaitable[Reply]]) -> Outcome:
        """Apply a request, with whatever fault befalls it before and after."""
        entry = self._log.open(seen, self._clock())
        faults = self._faults.befalling(seen)
        if not faults:
            return self._note(entry, await apply())
        entry.faults = tuple(str(type(fault).__struct_config__.tag) for fault in faults)
        for fault in faults:
            outcome = await self._strike_before(fault, seen, address)
            if outcome is not None:
                return self._note(entry, outcome)
        reply: Outcome = await apply()
        for fault in faults:
            reply = await _strike_after(fault, reply)
        return self._note(entry, reply)

    async def _strike_before(self, fault: RequestFault, seen: RequestSeen, address: str) -> Outcome | None:
        match fault:
            case Ban(status=418):
                return self._world.refusal(self._world.ban(address, fault.retry_after_seconds))
            case Ban():
                message = "Too many requests; please use WebSocket Streams for live updates."
                return self._world.refusal(VenueError(-1003, message, 429, headers={"Retry-After": str(fault.retry_after_seconds)}))
            case Refuse():
                return self._world.refusal(VenueError(fault.code, fault.message, fault.status))
            case FillFirst():
                self._world.fill_first(seen, fault.parts_per_million)
                return None
            case BadBody():
                return None
            case _:
                return await _interrupt(fault, "before", None)

    def _note(self, entry: Logged, outcome: Outcome) -> Outcome:
        if isinstance(outcome, Reply):
            entry.status = outcome.status
            entry.milliseconds = (self._clock() - entry.time) / 1_000
        return outcome


async def _strike_after(fault: RequestFault, reply: Outcome) -> Outcome:
    if isinstance(fault, BadBody) and isinstance(reply, Reply):
        bodies = {"truncated": reply.body[: len(reply.body) // 2], "html": HTML_PAGE, "empty": b""}
        content_type = "text/html" if fault.form == "html" else reply.content_type
        return Reply(200, bodies[fault.form], content_type, reply.headers)
    if isinstance(fault, Delay | Drop | Reset | Answer):
        return await _interrupt(fault, "after", reply) or reply
    return reply


async def _interrupt(fault: Delay | Drop | Reset | Answer, when: When, reply: Outcome | None) -> Outcome | None:
    if fault.when != when:
        return reply
    match fault:
        case Delay():
            await asyncio.sleep(fault.milliseconds / 1_000)
            return reply
        case Drop():
            return Lost(broken=False)
        case Reset():
            return Lost(broken=True)
        case Answer():
            return Reply(fault.status, fault.body.encode(), fault.content_type, fault.headers)


async def hang_until_gone(request: web.BaseRequest, stopping: asyncio.Event) -> None:
    """Keep a request unanswered for as long as its client stays, or the server."""
    while request.transport is not None and not request.transport.is_closing() and not stopping.is_set():
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(0.05):
                await stopping.wait()
