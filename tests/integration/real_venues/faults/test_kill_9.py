"""Kill -9 around every write of the journal, with the real exchange behind it.

A process trades, and is killed before or after one of its journal's commits, each time a later one. Before a commit the venue may know
more than the journal, after it the journal may know more than the venue. The next session has to come to the venue's truth either way.
"""

import asyncio
import os
import signal
import traceback
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from functools import partial, partialmethod
from typing import Any, Literal, NamedTuple

import pytest
from real_desk import BUY, REST, Exchange, RealDesk, RealHost, run_exchange
from settling_up import check_evidence, settle_up

from live.core.orders import TERMINAL
from live.journal import JournalFile
from live.service import real_venues

Side = Literal["before", "after"]

MOST_WRITES = 40
LONGEST_ROUND = 30.0
"""Seconds."""


@pytest.fixture(autouse=True)
def _short_fence(monkeypatch: pytest.MonkeyPatch) -> None:
    """This exchange takes or refuses an order at once, so an order that is not there need not be waited for as long as elsewhere."""
    settings = partial(real_venues.TradingSettings, engine_timeout=0, read_lag=0, future_allowance=0)
    monkeypatch.setattr(real_venues, "TradingSettings", settings)


class Round(NamedTuple):
    """Hold a host, the exchange of its own, and the process that trades for it there."""

    real_host: RealHost
    exchange: Exchange
    account: str
    child: int


class KilledAt:
    """Kill this process at a commit, once armed."""

    def __init__(self, number: int, side: Side) -> None:
        self.armed = False
        self._left = number
        self._side = side
        self._commit: Callable[[Any], int] = JournalFile.commit

    def commit(self, journal: JournalFile) -> int:
        """Commit, and die on one side of it when it is the one."""
        if self.armed:
            self._left -= 1
        dies = self.armed and self._left == 0
        if dies and self._side == "before":
            os.kill(os.getpid(), signal.SIGKILL)
        durable = self._commit(journal)
        if dies:
            os.kill(os.getpid(), signal.SIGKILL)
        return durable


def _commit(journal: JournalFile, killed: KilledAt) -> int:
    return killed.commit(journal)


async def trade(real_host: RealHost, killed: KilledAt) -> None:
    """Rest an order, and buy instead."""
    async with real_host.run() as desk:
        await desk.ready()
        await desk.lease("real")
        killed.armed = True
        desk.tell(REST)
        await desk.order("real", "OPEN")
        desk.tell(BUY)
        await desk.order("real", "FILLED")
        await desk.session.driver.durable(desk.session.driver.loop.last_seq)
        killed.armed = False


def trade_until_killed(real_host: RealHost, number: int, side: Side) -> int:
    """Trade in a child process that dies at a commit, and ends by itself when it does not; gives its process id."""
    child = os.fork()
    if child == 0:
        killed = KilledAt(number, side)
        JournalFile.commit = partialmethod(_commit, killed)  # type: ignore[method-assign,assignment]
        try:
            asyncio.run(asyncio.wait_for(trade(real_host, killed), LONGEST_ROUND))
        except BaseException:  # noqa: BLE001 - whatever it was, this child must not go on as a second test run
            traceback.print_exc()
            os._exit(1)
        os._exit(0)
    return child


def has_died(child: int) -> bool:
    """Wait for a child that trades, and tell whether it came to the commit that it was to die at."""
    _, status = os.waitpid(child, 0)
    if os.WIFSIGNALED(status):
        assert os.WTERMSIG(status) == signal.SIGKILL
        return True
    assert os.waitstatus_to_exitcode(status) == 0
    return False


async def come_back(real_host: RealHost, exchange: Any, account: str) -> RealDesk:
    """Start again, wait until nothing is in doubt, and hold everything against the venue."""
    async with real_host.run() as desk:
        await desk.ready()
        await desk.until(lambda: all(order.state in TERMINAL for order in desk.orders("real")), "nothing is in doubt or left open")
        await settle_up(desk, exchange, account)
        assert exchange.open_orders(account) == []
        return desk


@pytest.mark.slow
@pytest.mark.timeout(300)
@pytest.mark.parametrize("side", ["before", "after"])
def test_kill_9_around_every_journal_write_duplicates_no_order_and_loses_none(
    host: Any, tmp_path_factory: pytest.TempPathFactory, monkeypatch: pytest.MonkeyPatch, side: Side
) -> None:
    """An order, its cancel and another order, killed at each write of the journal in turn, until there is none left to be killed at."""
    monkeypatch.setenv("INTERLOCK_LOCKS", str(tmp_path_factory.mktemp("locks")))
    accounts: Iterator[str] = (f"killed{number}" for number in range(MOST_WRITES))

    @contextmanager
    def trading(number: int) -> Iterator[Round]:
        account = next(accounts)
        monkeypatch.setenv(f"INTERLOCK_KEY_{account.upper()}", account)
        monkeypatch.setenv(f"INTERLOCK_SECRET_{account.upper()}", account)
        with run_exchange("--account", f"{account}:{account}") as exchange:
            real_host = RealHost(type(host)(tmp_path_factory.mktemp("killed")), exchange)
            real_host.configure(("real", account, "LIVE"), venue="recv_window_ms = 500")
            yield Round(real_host, exchange, account, trade_until_killed(real_host, number, side))

    number, died = 0, True
    with ExitStack() as rounds:
        coming = rounds.enter_context(trading(1))
        while died:
            number += 1
            one, died = coming, has_died(coming.child)
            # Both mostly wait, so the next round trades at its own exchange while this one comes back.
            with ExitStack() as over:
                over.push(rounds.pop_all())
                if died:
                    coming = rounds.enter_context(trading(number + 1))
                asyncio.run(come_back(one.real_host, one.exchange, one.account))
                check_evidence(one.real_host.host.home)
    assert number > 5, "an order's life takes more writes than that"
