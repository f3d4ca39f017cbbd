"""The server process: bind first, then open the session, then say where it listens."""

import os
import socket
from pathlib import Path

import msgspec
import uvicorn

from live.configuration import Configuration
from live.service.address import ADDRESS_FILE, ServiceAddress
from live.service.bootstrap import create_application
from live.service.errors import StartError
from live.service.logs import configure_logs

def serve(configuration: Configuration) -> None:
    """Run the service until it is told to stop by SIGINT or SIGTERM.

    Raises:
        StartError: the port is in use, or the session cannot be opened.
        InterlockError: a journal, tape, token file or key cannot be trusted.
    """
    configure_logs()
    listener = _bind(configuration)
    try:
        app = create_application(configuration)
        host, port = listener.getsockname()[:2]
        address = ServiceAddress(host, port, os.getpid())
        settings = uvicorn.Config(app, log_level="critical", lifespan="on", access_log=False, timeout_graceful_shutdown=5)
        server = _Server(settings, configuration.home, address)
        server.run(sockets=[listener])
        if app.state.start_error is not None:
            raise app.state.start_error
        if not server.listened:
            raise StartError("the session could not be opened: see the log above")
    finally:
        listener.close()


class _Server(uvicorn.Server):
    def __init__(self, config: uvicorn.Config, home: Path, address: ServiceAddress) -> None:
        super().__init__(config)
        self.listened = False
        self._home = home
        self._address = address

    async def startup(self, sockets: list[socket.socket] | None = None) -> None:
        await super().startup(sockets)
        if self.should_exit:
            return
        self.listened = True
        draft = self._home / f".{ADDRESS_FILE}.{os.getpid()}"
        draft.write_bytes(msgspec.json.encode(self._address))
        draft.replace(self._home / ADDRESS_FILE)

    async def shutdown(self, sockets: list[socket.socket] | None = None) -> None:
        await super().shutdown(sockets)
        (self._home / ADDRESS_FILE).unlink(missing_ok=True)


def _bind(configuration: Configuration) -> socket.socket:
    host, port = configuration.service.host, configuration.service.port
    listener = socket.socket(socket.AF_INET6 if ":" in host else socket.AF_INET)
    listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    try:
        listener.bind((host, port))
    except OSError as error:
        listener.close()
        raise StartError(f"cannot listen on {host}:{port} ({error.strerror}): free the port, or set service.port or INTERLOCK_PORT to another") from None
    listener.set_inheritable(True)
    return listener
