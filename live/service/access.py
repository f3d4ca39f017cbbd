"""Access: who calls, and whether their token has the scope; a refusal is recorded before it is answered."""

from collections.abc import Awaitable, Callable
from typing import Annotated

from fastapi import Depends, Request
from fastapi.security import HTTPAuthorizationCredentials, HTTPBearer

from live.core import inputs
from live.service.authority import AccessScope, Authority, Principal
from live.service.errors import AuthenticationError, ScopeError
from live.service.runtime import TradingService

bearer = HTTPBearer(auto_error=False, description="A token made with `interlock token new`.")


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
        authority: Authority = request.app.state.authority
        authority.refresh()
        principal = None if credentials is None else authority.recognise(credentials.credentials)
        if principal is not None and scope in principal.scopes:
            return principal
        name = "" if principal is None else principal.name
        denied = inputs.AccessDenied(service.session.driver.now(), name, request.method, request.url.path, scope)
        await service.record(denied)
        if principal is None:
            raise AuthenticationError("a known bearer token is needed: make one with `interlock token new` and send it as Authorization: Bearer TOKEN")
        raise ScopeError(f"the token {principal.name!r} lacks the scope {scope!r}: use one that has it", required_scope=scope)

    check.__name__ = f"require_{scope}"
    return check


Reader = Annotated[Principal, Depends(require("read"))]
Armer = Annotated[Principal, Depends(require("arm"))]
Disarmer = Annotated[Principal, Depends(require("disarm"))]
Killer = Annotated[Principal, Depends(require("kill"))]
Releaser = Annotated[Principal, Depends(require("release"))]
