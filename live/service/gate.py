"""The gate: the last look before the transport, at the latch files and the leases, by wall time."""

from collections.abc import Callable, Iterable
from pathlib import Path

import msgspec

from live.core.effects import CancelOrder, SubmitOrder
from live.core.vocabulary import Scope
from live.latch import latch_path, read_latch
from live.service.scopes import ScopeKey, scope_name, venue_of


class ActiveLease(msgspec.Struct, frozen=True):
    """Hold a lease that was granted: `expires_at` is wall time, nanoseconds UTC."""

    lease_id: str
    operator: str
    expires_at: int
    maximum_order_notional: int
    binding: str


class LatchGate:
    """Let an order out only while every latch that covers it is clear and its strategy's lease lives; cancels always.

    The files are read at each order: a latch engaged by any process, or removed, counts for the next order. A kill in
    this process closes its scope in memory first, so that it waits for no disk.

    Attributes:
        leases: the living leases by strategy.
    """

    def __init__(self, home: Path, wall: Callable[[], int]) -> None:
        self.leases: dict[str, ActiveLease] = {}
        self._home = home
        self._wall = wall
        self._halted: str | None = None
        self._closed: dict[ScopeKey, str] = {}

    def halt(self, reason: str) -> None:
        """Close for good: no order leaves in this session any more."""
        self._halted = self._halted or reason
        self.leases.clear()

    def close(self, scope: Scope, target: str, reason: str) -> None:
        """Close for a scope, until it is reopened."""
        self._closed[scope, target] = reason

    def reopen(self, scope: Scope, target: str) -> None:
        """Take back a `close`, once the kill was released."""
        self._closed.pop((scope, target), None)

    def is_closed(self, scope: Scope, target: str) -> bool:
        """Tell whether a scope was closed in this process and not reopened."""
        return (scope, target) in self._closed

    def end_leases(self, strategy_ids: Iterable[str]) -> None:
        """Forget the leases of strategies."""
        for strategy_id in strategy_ids:
            self.leases.pop(strategy_id, None)

    def refusal(self, request: SubmitOrder | CancelOrder) -> str | None:
        """Say why a request must not leave now."""
        if isinstance(request, CancelOrder):
            return None
        if self._halted is not None:
            return f"HALTED: {self._halted}"
        scopes: tuple[ScopeKey, ...] = (
            (Scope.GLOBAL, ""),
            (Scope.VENUE, venue_of(request.instrument_id)),
            (Scope.ACCOUNT, request.account_id),
            (Scope.STRATEGY, request.strategy_id),
        )
        for key in scopes:
            if key in self._closed:
                return f"KILLED {scope_name(*key)}: {self._closed[key]}"
            reading = read_latch(latch_path(self._home, *key))
            if reading.engaged:
                return f"LATCH_ENGAGED {scope_name(*key)}: {reading.reason}"
        lease = self.leases.get(request.strategy_id)
        if lease is None:
            return "LEASE_MISSING"
        if self._wall() >= lease.expires_at:
            return "LEASE_EXPIRED"
        return None
