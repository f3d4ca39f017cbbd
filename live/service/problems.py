"""Problems: every error as an RFC 9457 body with one clear sentence."""

from collections.abc import Mapping
from http import HTTPStatus
from typing import Any

import structlog
from fastapi import FastAPI, Request
from fastapi.exceptions import RequestValidationError
from fastapi.responses import JSONResponse
from starlette.datastructures import Headers
from starlette.exceptions import HTTPException
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from live.core.errors import InterlockError
from live.driver.live import DriverHaltedError
from live.service.errors import ServiceError

LARGEST_BODY = 64 * 1024
"""Bytes of a request's body: every command fits many times, and nobody fills the memory of what trades."""

LONGEST_VALUE = 100
"""Characters of a wrong value that are shown again."""

PROBLEM_RESPONSE: dict[str, Any] = {
    "description": "What went wrong, as RFC 9457 has it; `detail` is one sentence.",
    "content": {
        "application/problem+json": {
            "schema": {
                "type": "object",
                "required": ["type", "title", "status", "detail"],
                "properties": {
                    "type": {"type": "string"},
                    "title": {"type": "string"},
                    "status": {"type": "integer"},
                    "detail": {"type": "string"},
                },
            }
        }
    },
}
"""How the API's description tells of errors: every route answers each of them so."""

log = structlog.get_logger()


def install_problem_handlers(app: FastAPI) -> None:
    """Answer every error of the routes with a problem body."""

    async def service_error(request: Request, error: Exception) -> JSONResponse:
        assert isinstance(error, ServiceError), "registered for ServiceError only"
        headers = {"WWW-Authenticate": "Bearer"} if error.status == HTTPStatus.UNAUTHORIZED else None
        return problem(error.status, str(error), error.details, headers)

    async def halted(request: Request, error: Exception) -> JSONResponse:
        return problem(503, str(error))

    async def domain_error(request: Request, error: Exception) -> JSONResponse:
        log.error("request failed", path=request.url.path, error=str(error))
        return problem(500, str(error))

    async def invalid(request: Request, error: Exception) -> JSONResponse:
        assert isinstance(error, RequestValidationError), "registered for RequestValidationError only"
        return problem(422, describe_invalid(error.errors()[0]))

    async def http_error(request: Request, error: Exception) -> JSONResponse:
        assert isinstance(error, HTTPException), "registered for HTTPException only"
        return problem(error.status_code, describe_http(request, error), headers=error.headers)

    async def unexpected(request: Request, error: Exception) -> JSONResponse:
        log.error("request failed unexpectedly", path=request.url.path, exc_info=error)
        return problem(500, f"an unexpected {type(error).__name__} occurred: see the service's log")

    app.add_exception_handler(Exception, unexpected)
    app.add_exception_handler(ServiceError, service_error)
    app.add_exception_handler(DriverHaltedError, halted)
    app.add_exception_handler(InterlockError, domain_error)
    app.add_exception_handler(RequestValidationError, invalid)
    app.add_exception_handler(HTTPException, http_error)
    app.add_middleware(BodyLimit)


def describe_invalid(found: Mapping[str, Any]) -> str:
    """Say what is wrong with a request, where, and what was received."""
    where = ".".join(str(part) for part in found["loc"])
    match found["type"]:
        case "missing":
            return f"{where} is missing: send it, /docs says how"
        case "extra_forbidden":
            return f"{where} is not known: leave it out, /docs says what there is"
        case "json_invalid":
            return f"the body is no JSON ({found['ctx']['error']} at character {found['loc'][-1]}): send a JSON object"
        case _:
            received = repr(found.get("input"))
            shown = received if len(received) <= LONGEST_VALUE else f"{received[:LONGEST_VALUE]}…"
            return f"{where}: {found['msg']}, received {shown}"


def describe_http(request: Request, error: HTTPException) -> str:
    """Say why a request reached no route."""
    called = f"{request.method} {request.url.path}"
    if error.status_code == HTTPStatus.NOT_FOUND:
        return f"there is nothing at {called}: /docs says what there is"
    if error.status_code == HTTPStatus.METHOD_NOT_ALLOWED:
        return f"{called} is not allowed: use {(error.headers or {}).get('Allow', 'another method')}"
    return f"{called}: {error.detail}"


def problem(status: int, detail: str, more: Mapping[str, Any] | None = None, headers: Mapping[str, str] | None = None) -> JSONResponse:
    """Make a problem body."""
    body = {"type": "about:blank", "title": HTTPStatus(status).phrase, "status": status, "detail": detail, **(more or {})}
    return JSONResponse(body, status_code=status, media_type="application/problem+json", headers=headers)


class BodyLimit:
    """Refuse a body that is larger than any command, before it is in memory."""

    def __init__(self, app: ASGIApp) -> None:
        self._app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Pass a request on, its body counted."""
        announced = Headers(scope=scope).get("content-length", "0") if scope["type"] == "http" else "0"
        sentence = f"a body of at most {LARGEST_BODY} bytes is taken: no command is longer"
        if not announced.isdecimal() or int(announced[:10]) > LARGEST_BODY:
            await problem(413, sentence)(scope, receive, send)
            return
        received = 0

        async def counted() -> Message:
            nonlocal received
            message = await receive()
            received += len(message.get("body", b""))
            if received > LARGEST_BODY:
                raise HTTPException(413, sentence)
            return message

        await self._app(scope, counted, send)
