from pathlib import Path

import pytest

from live.core.effects import CancelOrder, SubmitOrder
from live.core.vocabulary import OrderType, Scope, Side, TimeInForce
from live.latch import clear, engage, latch_path
from live.service.gate import ActiveLease, LatchGate

SCOPES = [(Scope.GLOBAL, ""), (Scope.VENUE, "binance-spot"), (Scope.ACCOUNT, "paper"), (Scope.STRATEGY, "probe")]
NOW = 1_700_000_000 * 10**9
ORDER = SubmitOrder("IL1", "probe", "paper", "binance-spot:BTCUSDT", Side.BUY, OrderType.MARKET, TimeInForce.IMMEDIATE_OR_CANCEL, 1, None)
CANCEL = CancelOrder("IL1", "paper", "binance-spot:BTCUSDT")


class Bench:
    """A gate whose latches are clear and whose strategy holds a lease, at a time that the test sets."""

    def __init__(self, home: Path) -> None:
        self.now = NOW
        self.home = home
        self.gate = LatchGate(home, lambda: self.now)
        self.gate.leases["probe"] = ActiveLease("lease", "ann", NOW + 60, 10**12, "")
        for scope, target in SCOPES:
            clear(latch_path(home, scope, target), "made for a test")


@pytest.fixture(name="bench")
def _bench(tmp_path: Path) -> Bench:
    return Bench(tmp_path)


def test_an_armed_order_passes(bench: Bench) -> None:
    """With every latch clear and a living lease nothing refuses."""
    assert bench.gate.refusal(ORDER) is None


@pytest.mark.parametrize(("scope", "target"), SCOPES)
def test_an_engaged_latch_of_any_scope_refuses_the_next_order(bench: Bench, scope: Scope, target: str) -> None:
    """The file is read at each order, so that another process can close the gate."""
    engage(latch_path(bench.home, scope, target), "unexpected orders")
    assert bench.gate.refusal(ORDER) == f"LATCH_ENGAGED {f'{scope} {target}'.rstrip()}: unexpected orders"
    clear(latch_path(bench.home, scope, target), "released")
    assert bench.gate.refusal(ORDER) is None


@pytest.mark.parametrize(("scope", "target"), SCOPES)
def test_a_missing_latch_of_any_scope_refuses(bench: Bench, scope: Scope, target: str) -> None:
    """Removing a latch closes the gate as well."""
    latch_path(bench.home, scope, target).unlink()
    refusal = bench.gate.refusal(ORDER)
    assert refusal is not None
    assert refusal.startswith("LATCH_ENGAGED")


@pytest.mark.parametrize(("scope", "target"), SCOPES)
def test_a_closed_scope_refuses_before_its_latch_is_written(bench: Bench, scope: Scope, target: str) -> None:
    """A kill closes the gate in memory at once, and only its release opens it."""
    bench.gate.close(scope, target, "a kill")
    assert bench.gate.refusal(ORDER) == f"KILLED {f'{scope} {target}'.rstrip()}: a kill"
    assert bench.gate.is_closed(scope, target)
    bench.gate.reopen(scope, target)
    assert bench.gate.refusal(ORDER) is None


@pytest.mark.parametrize(("scope", "target"), [(Scope.VENUE, "kraken"), (Scope.ACCOUNT, "other"), (Scope.STRATEGY, "other")])
def test_other_scopes_do_not_concern_an_order(bench: Bench, scope: Scope, target: str) -> None:
    """Killing one strategy leaves the others trading."""
    bench.gate.close(scope, target, "a kill")
    engage(latch_path(bench.home, scope, target), "a kill")
    assert bench.gate.refusal(ORDER) is None


def test_a_lease_ends_by_the_machines_clock(bench: Bench) -> None:
    """At its very nanosecond the lease is over, whatever the engine was told."""
    bench.now = NOW + 59
    assert bench.gate.refusal(ORDER) is None
    bench.now = NOW + 60
    assert bench.gate.refusal(ORDER) == "LEASE_EXPIRED"


def test_without_a_lease_nothing_leaves(bench: Bench) -> None:
    """A lease that was ended refuses the next order."""
    bench.gate.end_leases(["another"])
    assert bench.gate.refusal(ORDER) is None
    bench.gate.end_leases(["probe"])
    assert bench.gate.refusal(ORDER) == "LEASE_MISSING"


def test_a_halt_closes_for_good(bench: Bench) -> None:
    """After a halt nothing opens the gate, not even a new lease; the first reason is kept."""
    bench.gate.halt("the disk failed")
    bench.gate.halt("and again")
    bench.gate.leases["probe"] = ActiveLease("lease", "ann", NOW + 60, 10**12, "")
    assert bench.gate.refusal(ORDER) == "HALTED: the disk failed"


def test_a_cancel_always_passes(bench: Bench) -> None:
    """Nothing may keep risk from being reduced."""
    bench.gate.halt("the disk failed")
    bench.gate.close(Scope.GLOBAL, "", "a kill")
    bench.gate.leases.clear()
    latch_path(bench.home, Scope.GLOBAL).unlink()
    assert bench.gate.refusal(CANCEL) is None
