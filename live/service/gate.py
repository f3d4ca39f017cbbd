"""The gate: the last look before the transport, at the latch files and the leases, by wall time."""

from collections.abc import Callable
from pathlib import Path

import msgspec

from live.core.effects import CancelOrder, SubmitOrder
from live.latch import latch_path, read_latch


class ActiveLease(msgspec.Struct, frozen=True):
    """Hold a lease that was granted: `expires_at` is wall time, nanoseconds UTC."""

    lease_id: str
    operator: str
    expires_at: int
    maximum_order_notional: int
    binding: str


class LatchGate:
    """Let an order out only while every latch that covers it is clear and its strategy's lease lives; cancels always.

    The files are read at each order: a latch engaged by any process, or removed, counts for the next order.
    """

    def __init__(self, home: Path, wall: Callable[[], int]) -> None:
        self.halted: str | None = None
        self.leases: dict[str, ActiveLease] = {}
        self._home = home
        self._wall = wall

    def refusal(self, request: SubmitOrder | CancelOrder) -> str | None:
        """Say why a request must not leave now."""
        if isinstance(request, CancelOrder):
            return None
        if self.halted is not None:
            return f"HALTED: {self.halted}"
        venue_id = request.instrument_id.partition(":")[0]
        for scope, target in (("global", ""), ("venue", venue_id), ("account", request.account_id), ("strategy", request.strategy_id)):
            reading = read_latch(latch_path(self._home, scope, target))
            if reading.engaged:
                return f"LATCH_ENGAGED {scope} {target}: {reading.reason}"
        lease = self.leases.get(request.strategy_id)
        if lease is None:
            return "LEASE_MISSING"
        if self._wall() >= lease.expires_at:
            return "LEASE_EXPIRED"
        return None
