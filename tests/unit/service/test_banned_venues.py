"""A venue's ban of this address: every account that trades there is doubted, whichever of them hears of it first."""

import asyncio
from pathlib import Path

import pytest

from live.core.inputs import Deployment, OperatorCommand, ReconciliationReported, RecordedInput
from live.core.limits import Limits
from live.core.state import EngineState
from live.service.connections import TradingConnection
from live.service.gate import ActiveLease, LatchGate

pytestmark = pytest.mark.anyio

LIMITS = Limits({"v:BTC": 1}, 1, 1, 1, 1, 1, 1, 1)
ACCOUNTS = {"first": "one", "second": "two", "third": "three", "rehearsed": "paper"}
"""Accounts by strategy."""
REAL = ("one", "two", "three")


@pytest.fixture(name="anyio_backend")
def _backend() -> str:
    return "asyncio"


class Venue:
    """Have a name."""

    venue_id = "v"

    def __init__(self, account_id: str) -> None:
        self.account_id = account_id


class Inputs(list[RecordedInput]):
    """Keep what the connections tell the engine."""

    put = list[RecordedInput].append


@pytest.mark.parametrize(
    ("armed", "doubted"),
    [(["second", "third", "rehearsed"], ["three", "two"]), (["rehearsed"], ["one"]), ([], [])],
    ids=["two that trade and one that does not", "a rehearsal", "nobody"],
)
async def test_every_real_account_that_is_armed_is_doubted_and_the_venue_disarmed_once(
    tmp_path: Path, armed: list[str], doubted: list[str]
) -> None:
    """The account that is told first may be at odds with its venue already, and no alarm would come of doubting it alone."""
    state, told, gate = EngineState(), Inputs(), LatchGate(tmp_path, lambda: 0)
    for name, account in ACCOUNTS.items():
        state.deployments[name] = Deployment(name, "1", account, "v", ("v:BTC",), LIMITS)
    gate.leases.update({name: ActiveLease(name, "ann", 2**62, 1, "") for name in armed})
    connections = [TradingConnection(Venue(account), []) for account in REAL]  # pyright: ignore[reportArgumentType]
    for connection in connections:
        connection.attach(told, state, gate)  # pyright: ignore[reportArgumentType]
    for _ in range(2):
        for connection in connections:
            connection.banned(REAL, 10**9)
    await asyncio.sleep(0)
    assert gate.leases == {}
    assert [one.account_id for one in told if isinstance(one, ReconciliationReported)] == doubted
    assert [one.target for one in told if isinstance(one, OperatorCommand)] == ["v"] * bool(armed)
