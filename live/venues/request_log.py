"""Request log: what crossed to the venue, one line a request, for an audit that does not trust the journal."""

import os
from pathlib import Path


class RequestLog:
    """Append a line per request with one unbuffered write, so that a killed process loses none that left."""

    def __init__(self, path: Path) -> None:
        path.parent.mkdir(parents=True, exist_ok=True)
        self._descriptor = os.open(path, os.O_WRONLY | os.O_APPEND | os.O_CREAT, 0o600)

    def write(self, action: str, order_id: str, now: int) -> None:
        """Write down that a request crossed, at engine time `now`."""
        os.write(self._descriptor, f"{action} {order_id} {now}\n".encode())

    def close(self) -> None:
        """Close the file."""
        os.close(self._descriptor)
