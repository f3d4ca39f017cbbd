"""A kill at a real venue: the gate first, every order canceled, and what is open asked of the venue itself."""

import asyncio
import time

import pytest
from real_desk import MANY, REST

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


def place_by_hand(exchange, account):
    """Let somebody else place an order that rests."""
    order = {"symbol": "BTCUSDT", "side": "BUY", "type": "LIMIT", "timeInForce": "GTC", "quantity": "0.001", "price": "50000.00"}
    return exchange.signed("POST", "order", account, **order)


async def test_what_the_venue_still_lists_is_never_claimed_to_be_gone(real_host, exchange, account):
    """The one request that would cancel a person's order is refused: the kill names the order and is unproven."""
    name = account()
    real_host.configure(("real", name, "LIVE"))
    async with real_host.run() as desk:
        await desk.ready()
        placed = place_by_hand(exchange, name)
        exchange.fault("reset", "openOrders.cancelAll", when="before", count=None)
        report = await desk.service.kill(Scope.VENUE, "local", "a test", "ann")
        assert (report.proven, report.open_orders) == (False, (placed["clientOrderId"],))
        assert any("all orders of local:BTCUSDT" in failure for failure in report.failures)


async def test_the_venue_is_asked_until_it_lists_nothing(real_host, exchange, account):
    """What it listed first and a person canceled meanwhile is gone: one answer that shows an order settles nothing."""
    name = account()
    real_host.configure(("real", name, "LIVE"))
    async with real_host.run() as desk:
        await desk.ready()
        placed = place_by_hand(exchange, name)
        exchange.fault("reset", "openOrders.cancelAll", when="before", count=None)
        kill = asyncio.create_task(desk.service.kill(Scope.ACCOUNT, name, "a test", "ann"))
        await desk.until(lambda: exchange.asked("openOrders.cancelAll", name), "its cancel arrives, and is refused")
        listed = len(exchange.asked("openOrders.status", name))
        await desk.until(lambda: len(exchange.asked("openOrders.status", name)) > listed + 1, "it is told of the order")
        exchange.signed("DELETE", "order", name, symbol="BTCUSDT", orderId=placed["orderId"])
        report = await kill
        assert (report.proven, report.open_orders) == (True, ())


async def test_an_order_that_was_under_way_when_the_engine_halted_is_waited_for_and_canceled(real_host, exchange, account):
    """A list that it is not on yet proves nothing: it arrives a second later, and is taken off before anything is claimed."""
    name = account()
    real_host.configure(("real", name, "LIVE"))
    async with real_host.run() as desk:
        await desk.ready()
        await desk.lease("real")
        exchange.fault("delay", "order.place", milliseconds=1_200)
        desk.tell(REST)
        await desk.until(lambda: exchange.asked("order.place", name), "the order is under way")
        (order,) = desk.orders("real", "SUBMITTING")
        desk.session.driver.halt("a test")
        report = await desk.service.kill(Scope.STRATEGY, "real", "a test", "ann")
        assert (report.proven, report.open_orders) == (True, ())
        await asyncio.sleep(1.0)
        assert exchange.open_orders(name) == []
        shown = exchange.signed("GET", "order", name, symbol="BTCUSDT", origClientOrderId=order.order_id)
        assert shown["status"] == "CANCELED"


async def test_an_order_of_unknown_fate_leaves_a_halted_engines_kill_unproven(real_host, exchange, account):
    """It may arrive for as long as its stamp counts, and nobody lists it until then."""
    name = account()
    real_host.configure(("real", name, "LIVE"))
    async with real_host.run() as desk:
        await desk.ready()
        await desk.lease("real")
        exchange.fault("drop", "order.place", when="before")
        desk.tell(REST)
        await desk.until(lambda: exchange.asked("order.place", name), "the order is under way")
        (order,) = desk.orders("real", "SUBMITTING")
        desk.session.driver.halt("a test")
        report = await desk.service.kill(Scope.GLOBAL, "", "a test", "ann")
        assert (report.proven, report.open_orders) == (False, (order.order_id,))
