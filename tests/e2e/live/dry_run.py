"""Dry runs to be killed: a parent that has everything imported forks one for each line it reads.

Each says `started PID` before anything else, and `armed` once it is, and the parent says `died` with the run's exit status.
So a run begins in milliseconds and can be killed at any instruction, its start included.
"""

import asyncio
import os
import sys

from live.configuration import Configuration, load_configuration
from live.service.errors import ConflictError
from live.service.logs import configure_logs
from live.service.runtime import TradingService


def say(text: str) -> None:
    """Write one whole line at once."""
    os.write(1, f"{text}\n".encode())


async def run(configuration: Configuration) -> None:
    """Run a dry run, armed in both steps, until it is killed."""
    service = TradingService(configuration)
    async with service.running():
        await service.session.driver.settled()
        for deployment in configuration.deployments:
            try:
                _, challenge = service.request_arming(deployment.strategy, None)
                await service.confirm_arming(challenge.challenge_id, challenge.phrase, "test", None)
            except ConflictError as error:
                say(f"refused {error}")
                return
        say("armed")
        await asyncio.Event().wait()


def main() -> None:
    """Fork a dry run for each line on standard input."""
    configure_logs()
    configuration = load_configuration()
    for _ in sys.stdin:
        child = os.fork()
        if child == 0:
            say(f"started {os.getpid()}")
            try:
                asyncio.run(run(configuration))
            except BaseException as error:
                say(f"failed {type(error).__name__}: {error}")
                raise
            finally:
                os._exit(0)
        _, status = os.waitpid(child, 0)
        say(f"died {status}")


main()
