"""The server process: bind first, then open the session, then say where it listens."""

import contextlib
import os
import signal
import socket
import sys
from collections.abc import Generator
from pathlib import Path

import msgspec
import structlog
import uvicorn

from live.configuration import Configuration
from live.core.errors import InterlockError
from live.promotion.durable_files import replace_file
from live.service.address import ADDRESS_FILE, ServiceAddress
from live.service.bootstrap import create_application
from live.service.errors import StartError
from live.service.logs import configure_logs

BACKLOG = 128
SWITCH_SECONDS = 0.0005
"""How long one thread may keep the interpreter: with Python's 5 ms the journal's thread waited as long after each sync."""
STOP_SECONDS = 2
"""How long a stop waits for requests that are being answered; with the session's own end it stays below 5 s."""

log = structlog.get_logger()


class HaltedError(InterlockError):
    """Trading had halted before the service was stopped."""


def serve(configuration: Configuration) -> None:
    """Run the service until it is told to stop by SIGINT or SIGTERM.

    Raises:
        StartError: the port is in use, or the session cannot be opened.
        HaltedError: a failure halted trading meanwhile.
        InterlockError: a journal, tape, token file or key cannot be trusted, or the session could not be closed.
    """
    configure_logs()
    sys.setswitchinterval(SWITCH_SECONDS)
    with _bind(configuration) as listener:
        app = create_application(configuration)
        host, port = listener.getsockname()[:2]
        settings = uvicorn.Config(app, log_level="critical", lifespan="on", access_log=False, timeout_graceful_shutdown=STOP_SECONDS)
        server = _Server(settings, configuration.home, ServiceAddress(host, port, os.getpid()))
        with contextlib.suppress(SystemExit):  # uvicorn's way to say that the lifespan failed; why is in the application's state
            server.run(sockets=[listener])
    failure: Exception | None = app.state.failure
    if isinstance(failure, InterlockError):
        raise failure
    if failure is not None:
        log.error("the service failed", exc_info=failure)
        raise StartError(f"the service failed with {type(failure).__name__}: {failure}; the log above says where") from failure
    if app.state.service.halted is not None:
        raise HaltedError(f"trading had halted: {app.state.service.halted}; look at the journal before you start again")


class _Server(uvicorn.Server):
    """Say in the home where the service listens, as long as it does; end with the exit code of what happened, not of a signal."""

    def __init__(self, config: uvicorn.Config, home: Path, address: ServiceAddress) -> None:
        super().__init__(config)
        self._home = home
        self._address = address

    async def startup(self, sockets: list[socket.socket] | None = None) -> None:
        await super().startup(sockets)
        try:
            replace_file(self._home / ADDRESS_FILE, msgspec.json.encode(self._address), 0o600)
        except OSError as error:
            log.error("the address could not be written: the command line will not find this service", error=str(error))  # noqa: TRY400
        log.info("listening", url=self._address.url)

    async def shutdown(self, sockets: list[socket.socket] | None = None) -> None:
        with contextlib.suppress(OSError):
            (self._home / ADDRESS_FILE).unlink(missing_ok=True)
        await super().shutdown(sockets)

    @contextlib.contextmanager
    def capture_signals(self) -> Generator[None]:
        with super().capture_signals():
            signal.signal(signal.SIGHUP, self.handle_exit)  # a terminal that was closed is a wish to stop, not a crash
            yield
            self._captured_signals.clear()  # uvicorn would raise them again, and an orderly stop would look like a crash


def _bind(configuration: Configuration) -> socket.socket:
    host, port = configuration.service.host, configuration.service.port
    listener = socket.socket(socket.AF_INET6 if ":" in host else socket.AF_INET)
    listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    try:
        listener.bind((host, port))
        listener.listen(BACKLOG)  # only a socket that listens keeps others from the port
    except OSError as error:
        listener.close()
        raise StartError(
            f"cannot listen on {host}:{port} ({error.strerror}): free the port, or set service.port or INTERLOCK_PORT to another"
        ) from None
    listener.set_inheritable(False)
    return listener
