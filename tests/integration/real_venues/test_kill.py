"""A kill at a real venue: the gate first, every order canceled, and what is open asked of the venue itself."""

import time

import pytest
from real_desk import MANY

from live.core.vocabulary import Scope

pytestmark = pytest.mark.anyio


async def resting(desk):
    """Let forty orders rest."""
    await desk.ready()
    await desk.lease("real")
    desk.tell(MANY)
    await desk.until(lambda: len(desk.orders("real", "OPEN")) == 40, "all rest")


async def test_a_kill_cancels_everything_there_and_proves_it_by_the_venues_own_list(real_host, exchange, account):
    """Forty orders of ours and one of a person's are gone within a second, and the venue lists none."""
    name = account()
    real_host.configure(("real", name, "LIVE"))
    async with real_host.run() as desk:
        await resting(desk)
        exchange.signed(
            "POST", "order", name, symbol="BTCUSDT", side="BUY", type="LIMIT", timeInForce="GTC", quantity="0.001", price="50000.00"
        )
        report = await desk.service.kill(Scope.GLOBAL, "", "a test", "ann")
        assert (report.proven, report.open_orders, report.failures) == (True, (), ())
        assert len(report.canceled) == 40
        assert exchange.open_orders(name) == []


async def test_a_kill_of_a_strategy_leaves_what_others_have_at_the_venue(real_host, exchange, account):
    """A person's own order is nobody's strategy: it stays, and does not make the kill unproven."""
    name = account()
    real_host.configure(("real", name, "LIVE"))
    async with real_host.run() as desk:
        await resting(desk)
        exchange.signed(
            "POST", "order", name, symbol="BTCUSDT", side="BUY", type="LIMIT", timeInForce="GTC", quantity="0.001", price="50000.00"
        )
        report = await desk.service.kill(Scope.STRATEGY, "real", "a test", "ann")
        assert report.proven
        assert len(exchange.open_orders(name)) == 1


async def test_a_kill_that_the_venue_does_not_answer_is_unproven_and_says_so(real_host, exchange, account):
    """Cancels get through and nobody lists what is open: nothing is claimed."""
    name = account()
    real_host.configure(("real", name, "LIVE"))
    async with real_host.run() as desk:
        await resting(desk)
        exchange.fault("answer", "openOrders.status", status=502, count=None)
        started = time.monotonic()
        report = await desk.service.kill(Scope.ACCOUNT, name, "a test", "ann")
        assert time.monotonic() - started < 7.0
        assert not report.proven
        assert any(f"account {name} at local does not say what is open" in failure for failure in report.failures)


async def test_a_halted_engine_still_cancels_at_the_venue_and_proves_it(real_host, exchange, account):
    """The engine follows nothing any more; cancels go past it and the venue's list is the proof."""
    name = account()
    real_host.configure(("real", name, "LIVE"))
    async with real_host.run() as desk:
        await resting(desk)
        desk.session.driver.halt("a test")
        report = await desk.service.kill(Scope.GLOBAL, "", "a test", "ann")
        assert exchange.open_orders(name) == []
        assert report.proven


async def test_what_the_venue_still_lists_is_never_claimed_to_be_gone(real_host, exchange, account):
    """The one request that would cancel a person's order is refused: the kill names the order and is unproven."""
    name = account()
    real_host.configure(("real", name, "LIVE"))
    async with real_host.run() as desk:
        await desk.ready()
        placed = exchange.signed(
            "POST", "order", name, symbol="BTCUSDT", side="BUY", type="LIMIT", timeInForce="GTC", quantity="0.001", price="50000.00"
        )
        exchange.fault("reset", "openOrders.cancelAll", when="before", count=None)
        report = await desk.service.kill(Scope.VENUE, "local", "a test", "ann")
        assert (report.proven, report.open_orders) == (False, (placed["clientOrderId"],))
        assert any("all orders of local:BTCUSDT" in failure for failure in report.failures)
