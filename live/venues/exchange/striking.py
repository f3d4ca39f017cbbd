"""Let faults strike requests on their way to the exchange and back; what they do is the same for REST and sockets."""

import asyncio
import contextlib
from collections.abc import Mapping
from typing import Protocol

import msgspec
from aiohttp import web

from live.venues.exchange.errors import TOO_MANY_REQUESTS, VenueError
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
from live.venues.exchange.payloads import error_payload
from live.venues.exchange.request_log import Logged, RequestLog
from live.venues.exchange.rest import Call
from live.venues.exchange.sockets import reset_transport

HTML_PAGE = b"<!DOCTYPE html><html><head><title>Just a moment...</title></head><body>checking your browser</body></html>"

encode = msgspec.json.Encoder().encode


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


class Market(Protocol):
    """What faults do to the exchange itself."""

    def ban(self, address: str, seconds: int) -> VenueError:
        """Ban an address and give what it is told."""
        ...

    def fill_first(self, seen: RequestSeen, parts_per_million: int) -> None:
        """Let the market take part of the order that a request is about."""
        ...


class Strike:
    """The faults that befall one request."""

    def __init__(self, faults: tuple[RequestFault, ...], market: Market) -> None:
        self._faults = faults
        self._market = market

    async def before(self, seen: RequestSeen, address: str) -> Outcome | None:
        """Do what happens before the request is applied; an outcome given here takes the place of applying it."""
        for fault in self._faults:
            outcome = await self._before(fault, seen, address)
            if outcome is not None:
                return outcome
        return None

    async def after(self, reply: Reply) -> Outcome:
        """Give what the client gets after the request was applied."""
        outcome: Outcome = reply
        for fault in self._faults:
            if isinstance(fault, BadBody) and isinstance(outcome, Reply):
                outcome = _spoil(fault, outcome)
            elif isinstance(fault, Delay | Drop | Reset | Answer):
                outcome = await _interrupt(fault, "after") or outcome
        return outcome

    async def _before(self, fault: RequestFault, seen: RequestSeen, address: str) -> Outcome | None:
        match fault:
            case Ban(status=418):
                return _refusal(self._market.ban(address, fault.retry_after_seconds))
            case Ban():
                message = "Too many requests; please use WebSocket Streams for live updates to avoid polling the API."
                return _refusal(VenueError(TOO_MANY_REQUESTS, message, 429, headers={"Retry-After": str(fault.retry_after_seconds)}))
            case Refuse():
                return _refusal(VenueError(fault.code, fault.message, fault.status))
            case FillFirst():
                self._market.fill_first(seen, fault.parts_per_million)
                return None
            case BadBody():
                return None
            case _:
                return await _interrupt(fault, "before")


class Striker:
    """Find the faults of every request, and note requests."""

    def __init__(self, faults: FaultPlane, log: RequestLog, market: Market) -> None:
        self._faults = faults
        self._log = log
        self._market = market

    def arrive(self, seen: RequestSeen, now: int) -> Logged:
        """Note that a request came."""
        return self._log.open(seen, now)

    def strike(self, seen: RequestSeen, entry: Logged) -> Strike | None:
        """Give what befalls a request, None when nothing does."""
        faults = self._faults.befalling(seen)
        if not faults:
            return None
        entry.faults = (*entry.faults, *(str(fault.__struct_config__.tag) for fault in faults))
        return Strike(faults, self._market)


ENTRY = web.RequestKey("entry", Logged)
STRIKE = web.RequestKey("strike", Strike)
LOST = web.RequestKey("lost", bool)


class RestFaults:
    """Let faults come between REST requests and their answers."""

    def __init__(self, striker: Striker, stopping: asyncio.Event) -> None:
        self._striker = striker
        self._stopping = stopping

    async def before(self, call: Call) -> web.StreamResponse | None:
        """Do what shall happen before a request is applied."""
        seen = RequestSeen("rest", call.operation, call.account, call.parameters.values)
        strike = self._striker.strike(seen, call.request[ENTRY])
        if strike is None:
            return None
        call.request[STRIKE] = strike
        outcome = await strike.before(seen, call.request.remote or "")
        return None if outcome is None else await self.answer(call.request, outcome)

    async def after(self, call: Call, response: web.Response) -> web.StreamResponse:
        """Give the answer that the client gets after the request was applied."""
        strike = call.request.get(STRIKE)
        if strike is None:
            return response
        assert isinstance(response.body, bytes), "answers of the exchange are made whole"
        reply = Reply(
            response.status, response.body, response.content_type, {k: v for k, v in response.headers.items() if k.startswith("X-")}
        )
        outcome = await strike.after(reply)
        return response if outcome is reply else await self.answer(call.request, outcome)

    async def answer(self, request: web.Request, outcome: Outcome) -> web.StreamResponse:
        """Give an outcome the form of an HTTP response."""
        if isinstance(outcome, Reply):
            return web.Response(status=outcome.status, body=outcome.body, headers={**outcome.headers, "Content-Type": outcome.content_type})
        request[LOST] = True
        if outcome.broken:
            reset_transport(request)
        else:
            await _hang_until_gone(request, self._stopping)
        return web.Response(status=503)  # reaches nobody: the connection is gone


def _refusal(error: VenueError) -> Reply:
    return Reply(error.http_status, encode(error_payload(error)), headers=error.headers)


def _spoil(fault: BadBody, reply: Reply) -> Reply:
    bodies = {"truncated": reply.body[: len(reply.body) // 2], "html": HTML_PAGE, "empty": b""}
    return Reply(200, bodies[fault.form], "text/html" if fault.form == "html" else reply.content_type, reply.headers)


async def _interrupt(fault: Delay | Drop | Reset | Answer, when: When) -> Outcome | None:
    if fault.when != when:
        return None
    match fault:
        case Delay():
            await asyncio.sleep(fault.milliseconds / 1_000)
            return None
        case Drop():
            return Lost(broken=False)
        case Reset():
            return Lost(broken=True)
        case Answer():
            return Reply(fault.status, fault.body.encode(), fault.content_type, fault.headers)


async def _hang_until_gone(request: web.BaseRequest, stopping: asyncio.Event) -> None:
    """Keep a request unanswered for as long as its client stays, or the server."""
    while request.transport is not None and not request.transport.is_closing() and not stopping.is_set():
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(0.05):
                await stopping.wait()
