"""Bootstrap: the one place that wires configuration, authority, service and routes into an application."""

from collections.abc import AsyncGenerator, Callable
from contextlib import asynccontextmanager
from time import time_ns

from fastapi import FastAPI
from fastapi_offline import FastAPIOffline

from live.configuration import Configuration
from live.service.access import RefusalBudget
from live.service.authority import Authority
from live.service.problems import PROBLEM_RESPONSE, install_problem_handlers
from live.service.routes import archive, control, health, queries, summaries
from live.service.runtime import TradingService


def create_application(configuration: Configuration, wall: Callable[[], int] = time_ns) -> FastAPI:
    """Build the HTTP application; its lifespan is the session's.

    Args:
        configuration: what to run.
        wall: the machine's time, nanoseconds UTC; challenges and leases end by it.

    Raises:
        TokenError: the file of tokens cannot be trusted.
    """
    service = TradingService(configuration, wall)

    @asynccontextmanager
    async def lifespan(app: FastAPI) -> AsyncGenerator[None]:
        try:
            async with service.running():
                yield
        except Exception as error:
            app.state.failure = error
            raise

    app = FastAPIOffline(
        title="Interlock",
        version="1",
        summary="Arm, watch and kill what trades.",
        lifespan=lifespan,
        responses={"default": PROBLEM_RESPONSE},
    )
    app.state.service = service
    app.state.failure = None
    app.state.authority = Authority(configuration.keys)
    app.state.refusals = RefusalBudget()
    install_problem_handlers(app)
    for module in (health, control, queries, archive, summaries):
        app.include_router(module.router)
    return app
