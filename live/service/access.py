"""Access: who calls, and whether their token has the scope; a refusal is recorded before it is answered."""

import asyncio
import time
from collections import deque
from collections.abc import Awaitable, Callable
from typing import Annotated

import structlog
from fastapi import Depends, Request
from fastapi.security import HTTPAuthorizationCredentials, HTTPBearer

from live.core import inputs
from live.core.errors import InterlockError
from live.service.authority import AccessScope, Authority, Principal, TokenError
from live.service.errors import AuthenticationError, ScopeError, UnavailableError
from live.service.runtime import TradingService

RECORDED_PER_MINUTE = 60
"""Refused calls that go into the journal in a minute; what comes beyond is counted, so that nobody can fill the disk with them."""

RECORD_SECONDS = 1.0
"""How long a refusal waits for its record: a stranger is not kept waiting for a disk that hangs."""

bearer = HTTPBearer(auto_error=False, description="A token made with `interlock token new`.")

log = structlog.get_logger()


class RefusalBudget:
    """Say whether one more refused call may be recorded this minute; `monotonic` gives seconds."""

    def __init__(self, monotonic: Callable[[], float] = time.monotonic) -> None:
        self._monotonic = monotonic
        self._recorded: deque[float] = deque()

    def take(self) -> bool:
        """Take one place, if there is one."""
        now = self._monotonic()
        while self._recorded and self._recorded[0] <= now - 60.0:
            self._recorded.popleft()
        if len(self._recorded) >= RECORDED_PER_MINUTE:
            return False
        self._recorded.append(now)
        return True


def get_service(request: Request) -> TradingService:
    """Give the running service."""
    service: TradingService = request.app.state.service
    return service


Service = Annotated[TradingService, Depends(get_service)]


def require(scope: AccessScope) -> Callable[..., Awaitable[Principal]]:
    """Make a dependency that lets only tokens with `scope` through."""

    async def check(
        request: Request, credentials: Annotated[HTTPAuthorizationCredentials | None, Depends(bearer)], service: Service
    ) -> Principal:
        principal = _recognise(request.app.state.authority, credentials)
        if principal is not None and scope in principal.scopes:
            return principal
        await _record(request, service, "" if principal is None else principal.name, scope)
        if principal is None:
            raise AuthenticationError(
                "a known bearer token is needed: make one with `interlock token new` and send it as Authorization: Bearer TOKEN"
            )
        raise ScopeError(f"the token {principal.name!r} lacks the scope {scope!r}: use one that has it", required_scope=scope)

    check.__name__ = f"require_{scope}"
    return check


def _recognise(authority: Authority, credentials: HTTPAuthorizationCredentials | None) -> Principal | None:
    if credentials is None:
        return None
    try:
        return authority.recognise(credentials.credentials)
    except TokenError as error:
        log.error("nobody is recognised", error=str(error))  # noqa: TRY400 - the sentence says it all
        raise UnavailableError("the file of tokens cannot be trusted, so nobody is recognised: see the service's log") from None


async def _record(request: Request, service: TradingService, principal: str, scope: AccessScope) -> None:
    """Journal a refused call by its route, not by the path that a stranger chose; a halted driver keeps nobody from a 401."""
    budget: RefusalBudget = request.app.state.refusals
    route = str(getattr(request.scope.get("route"), "path", ""))
    recorded = budget.take()
    if recorded:
        try:
            driver = service.session.driver
            seq = driver.feed(inputs.AccessDenied(driver.now(), principal, request.method, route, scope))
            await asyncio.wait_for(driver.durable(seq), RECORD_SECONDS)
        except (InterlockError, TimeoutError):
            recorded = False
    service.metrics.observe_access_denied(scope, recorded=recorded)


Reader = Annotated[Principal, Depends(require("read"))]
Armer = Annotated[Principal, Depends(require("arm"))]
Disarmer = Annotated[Principal, Depends(require("disarm"))]
Killer = Annotated[Principal, Depends(require("kill"))]
Releaser = Annotated[Principal, Depends(require("release"))]
