"""Where a running service listens: written by the service, read by the command line."""

from pathlib import Path

import msgspec

ADDRESS_FILE = "service.json"


class ServiceAddress(msgspec.Struct, frozen=True):
    """Say where a service listens and which process it is."""

    host: str
    port: int
    pid: int

    @property
    def url(self) -> str:
        """Give the base address."""
        host = f"[{self.host}]" if ":" in self.host else self.host
        return f"http://{host}:{self.port}"


def read_address(home: Path) -> ServiceAddress | None:
    """Read where the service of a home listens, None when none says so."""
    try:
        return msgspec.json.decode((home / ADDRESS_FILE).read_bytes(), type=ServiceAddress)
    except (OSError, msgspec.MsgspecError):
        return None
