"""Request log: what crossed to the venue, one line a request, for an audit that does not trust the journal."""

import os
from contextlib import suppress
from pathlib import Path

from live.core.vocabulary import EffectAction


class RequestLog:
    """Append a line per request with one unbuffered write, so that a killed process loses none that left."""

    def __init__(self, path: Path) -> None:
        path.parent.mkdir(parents=True, exist_ok=True)
        self._descriptor = os.open(path, os.O_WRONLY | os.O_APPEND | os.O_CREAT, 0o600)

    def write(self, action: str, order_id: str, now: int) -> None:
        """Write down that a request crosses, at engine time `now`, before it does.

        An order that cannot be written down must not cross. A cancel must: a full disk may not keep risk from being reduced.

        Raises:
            OSError: the disk refused the line of an order.
        """
        with suppress(*((OSError,) if action == EffectAction.CANCEL else ())):
            os.write(self._descriptor, f"{action} {order_id} {now}\n".encode())

    def close(self) -> None:
        """Close the file."""
        os.close(self._descriptor)
