"""Problems: every error as an RFC 9457 body with one clear sentence."""

from http import HTTPStatus
from typing import Any

import structlog
from fastapi import FastAPI, Request
from fastapi.exceptions import RequestValidationError
from fastapi.responses import JSONResponse
from starlette.exceptions import HTTPException

from live.core.errors import InterlockError
from live.driver.live import DriverHaltedError
from live.service.errors import ServiceError

log = structlog.get_logger()


def install_problem_handlers(app: FastAPI) -> None:
    """Answer every error of the routes with a problem body."""

    async def service_error(request: Request, error: Exception) -> JSONResponse:
        assert isinstance(error, ServiceError), "registered for ServiceError only"
        headers = {"WWW-Authenticate": "Bearer"} if error.status == HTTPStatus.UNAUTHORIZED else None
        return _problem(error.status, str(error), error.details, headers)

    async def halted(request: Request, error: Exception) -> JSONResponse:
        return _problem(503, str(error), {})

    async def domain_error(request: Request, error: Exception) -> JSONResponse:
        log.error("request failed", path=request.url.path, error=str(error))
        return _problem(500, str(error), {})

    async def invalid(request: Request, error: Exception) -> JSONResponse:
        assert isinstance(error, RequestValidationError), "registered for RequestValidationError only"
        first = error.errors()[0]
        where = ".".join(str(part) for part in first["loc"])
        return _problem(422, f"{where}: {first['msg']}, received {first.get('input')!r}", {})

    async def http_error(request: Request, error: Exception) -> JSONResponse:
        assert isinstance(error, HTTPException), "registered for HTTPException only"
        return _problem(error.status_code, f"{request.method} {request.url.path}: {error.detail}", {})

    async def unexpected(request: Request, error: Exception) -> JSONResponse:
        log.error("request failed unexpectedly", path=request.url.path, exc_info=error)
        return _problem(500, f"an unexpected {type(error).__name__} occurred: see the service's log", {})

    app.add_exception_handler(Exception, unexpected)
    app.add_exception_handler(ServiceError, service_error)
    app.add_exception_handler(DriverHaltedError, halted)
    app.add_exception_handler(InterlockError, domain_error)
    app.add_exception_handler(RequestValidationError, invalid)
    app.add_exception_handler(HTTPException, http_error)


def _problem(status: int, detail: str, more: dict[str, Any], headers: dict[str, str] | None = None) -> JSONResponse:
    body = {"type": "about:blank", "title": HTTPStatus(status).phrase, "status": status, "detail": detail, **more}
    return JSONResponse(body, status_code=status, media_type="application/problem+json", headers=headers)
