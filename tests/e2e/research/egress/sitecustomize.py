"""Write down every attempt of any Python process to reach beyond this machine; found through PYTHONPATH, so children have it too."""

import os
import sys

LOG = os.environ.get("EGRESS_LOG", "")
LOCAL = ("127.", "::1", "localhost", "0.0.0.0", "/", "\0")


def _watch(event: str, arguments: tuple[object, ...]) -> None:
    if event in {"socket.connect", "socket.sendto"}:
        address = arguments[1]
        host = address[0] if isinstance(address, tuple) else address
    elif event in {"socket.getaddrinfo", "socket.gethostbyname"}:
        host = arguments[0]
    else:
        return
    name = host.decode(errors="replace") if isinstance(host, bytes) else str(host)
    if host is None or name == "" or name.startswith(LOCAL):
        return
    with open(LOG, "a", encoding="utf-8") as log:  # noqa: PTH123 - nothing more than needed is imported into every process
        log.write(f"{event} {name} by {sys.argv[:4]}\n")


if LOG:
    sys.addaudithook(_watch)
