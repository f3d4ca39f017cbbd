"""The gate of `interlock venue check`: the kit trades, so a kill stops it as it stops everything else."""

from pathlib import Path

from live.core.effects import CancelOrder, SubmitOrder
from live.driver.recovery import session_journals
from live.latch import latch_path, read_latch
from live.venues.protocol import Gate


class KillLatches:
    """Read the kill latches that hold for a venue and an account."""

    def __init__(self, home: Path, venue_id: str, account_id: str) -> None:
        """Name them; that of everything has to be there once it was, or once a session ran in this home.

        Those of a venue and an account that no session ever saw are not there, and say nothing until somebody engages them.
        """
        self._everything = latch_path(home, "global")
        self._others = (latch_path(home, "venue", venue_id), latch_path(home, "account", account_id))
        self._may_be_missing = not self._everything.exists() and not session_journals(home)

    def engaged(self) -> str | None:
        """Say which latch is engaged and why, None when none is."""
        required = () if self._may_be_missing and not self._everything.exists() else (self._everything,)
        for path in (*required, *(one for one in self._others if one.exists())):
            reading = read_latch(path)
            if reading.engaged:
                return f"LATCH_ENGAGED {path}: {reading.reason}"
        return None


class LatchedGate:
    """Hold orders back once a kill latch is engaged, whatever a case would have; cancels pass."""

    def __init__(self, latches: KillLatches, inner: Gate) -> None:
        """Ask `inner` first, then the latches."""
        self._latches = latches
        self._inner = inner

    def refusal(self, request: SubmitOrder | CancelOrder) -> str | None:
        """Say why a request must not leave now, or None when it may."""
        said = self._inner.refusal(request)
        return said if said is not None or isinstance(request, CancelOrder) else self._latches.engaged()
