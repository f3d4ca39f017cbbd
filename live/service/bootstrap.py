"""Bootstrap: the one place that wires configuration, authority, service and routes into an application."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from fastapi import FastAPI
from fastapi_offline import FastAPIOffline

from live.configuration import Configuration
from live.core.errors import InterlockError
from live.service.authority import Authority
from live.service.problems import install_problem_handlers
from live.service.routes import control, health, queries
from live.service.runtime import TradingService


def create_application(configuration: Configuration) -> FastAPI:
    """Build the HTTP application; its lifespan is the session's.

    Raises:
        TokenError: the file of tokens cannot be trusted.
    """
    service = TradingService(configuration)

    @asynccontextmanager
    async def lifespan(app: FastAPI) -> AsyncIterator[None]:
        try:
            async with service.running():
                yield
        except InterlockError as error:
            app.state.start_error = error
            raise

    app = FastAPIOffline(
        title="Interlock",
        version="1",
        summary="Arm, watch and kill what trades.",
        lifespan=lifespan,
    )
    app.state.service = service
    app.state.start_error = None
    app.state.authority = Authority(configuration.keys)
    install_problem_handlers(app)
    for module in (health, control, queries):
        app.include_router(module.router)
    return app
