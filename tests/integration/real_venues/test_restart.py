"""A restart takes over what is at the venue before it decides anything, and a venue's restart is survived."""

import pytest
from real_desk import BTC, BUY, MANY, REST, kill, run_exchange

from live.core.vocabulary import Scope
from live.service.errors import StartError

pytestmark = pytest.mark.anyio


async def test_a_restart_cancels_what_rests_and_knows_what_became_of_the_rest(real_host, exchange, account):
    """One order rests, another was canceled by hand while nobody looked: the next session ends both by the venue's word."""
    name = account()
    real_host.configure(("real", name, "LIVE"))
    async with real_host.run() as desk:
        await desk.ready()
        await desk.lease("real")
        desk.tell(MANY)
        await desk.until(lambda: len(desk.orders("real", "OPEN")) == 40, "all rest")
    gone, *rest = exchange.open_orders(name)
    exchange.signed("DELETE", "order", name, symbol="BTCUSDT", origClientOrderId=gone)
    async with real_host.run() as desk:
        await desk.until(lambda: len(desk.orders("real", "CANCELED")) == 40, "all have ended")
        assert {order.order_id for order in desk.orders("real")} == {gone, *rest}
        await desk.ready()
        assert desk.answer(name).clean
    assert exchange.open_orders(name) == []
    assert len(exchange.asked("order.place", name)) == 40


async def test_fills_of_the_time_between_two_sessions_are_booked_once(real_host, exchange, account):
    """An order fills while no session runs; the next one books it, and the ledger equals the venue's."""
    name = account()
    real_host.configure(("real", name, "LIVE"))
    async with real_host.run() as desk:
        await desk.ready()
        await desk.lease("real")
        # The venue applies the order and its answer never comes; the stream is silent, and the session ends.
        exchange.fault("lose_event", match={"event": "executionReport"}, count=None)
        exchange.fault("reset", "order.place", when="after")
        exchange.fault("answer", "order.status", status=502, count=None)
        exchange.fault("answer", "myTrades", status=502, count=None)
        desk.tell(BUY)
        order = await desk.order("real", "SUBMIT_UNKNOWN")
    exchange.control("/faults", method="DELETE")
    async with real_host.run() as desk:
        await desk.ready()
        assert desk.state.orders[order.order_id].state == "FILLED"
        assert desk.state.ledger.quantity(name, "real", BTC) == pytest.approx(1_998, abs=2)
        assert desk.answer(name).clean
    assert len(exchange.asked("order.place", name)) == 1


async def test_a_stop_in_the_middle_of_a_request_forgets_nothing(real_host, exchange, account):
    """The order was on its way when the service stopped: its fate is unknown in the journal, and the next session finds it out."""
    name = account()
    real_host.configure(("real", name, "LIVE"))
    async with real_host.run() as desk:
        await desk.ready()
        await desk.lease("real")
        exchange.fault("delay", "order.place", milliseconds=1_500)
        desk.tell(REST)
        await desk.until(lambda: exchange.asked("order.place", name), "the order arrives")
        state = desk.state
    (order,) = [one for one in state.orders.values() if one.strategy_id == "real"]
    assert order.state == "SUBMIT_UNKNOWN"
    async with real_host.run() as desk:
        await desk.order("real", "CANCELED")
        await desk.ready()
    assert exchange.open_orders(name) == []
    assert len(exchange.asked("order.place", name)) == 1


async def test_a_venue_that_is_not_there_keeps_the_service_closed_and_nothing_else(real_host, exchange, account):
    """The service runs and says why nothing trades; a kill is UNPROVEN and says where."""
    name = account()
    real_host.configure(("real", name, "LIVE"))
    text = real_host.host.file.read_text().replace(exchange.http, "http://127.0.0.1:9").replace(exchange.web_socket, "ws://127.0.0.1:9")
    real_host.host.file.write_text(text)
    async with real_host.run() as desk:
        await desk.until(desk.session.trading[name].attempted.is_set, "the venue was tried")
        assert any(reason.startswith(f"account {name} cannot reach local") for reason in desk.service.unready())
        assert any(reason.startswith(f"the feed of {BTC} is down") for reason in desk.service.unready())
        report = await desk.service.kill(Scope.ACCOUNT, name, "a test", "ann")
        assert (report.proven, report.latched) == (False, True)
        assert any(f"account {name} at local does not say what is open" in failure for failure in report.failures)


async def test_a_venue_that_restarts_is_followed_again(real_host, host, account, tmp_path):
    """The exchange is killed and comes back with its state: feed, stream and account are whole again, and the order is known."""
    name = account()
    with run_exchange("--state", str(tmp_path / "exchange")) as first:
        port = first.http.rpartition(":")[2]
        real_host.exchange = first
        real_host.configure(("real", name, "LIVE"))
        async with real_host.run() as desk:
            await desk.ready()
            await desk.lease("real")
            desk.tell(REST)
            order = await desk.order("real", "OPEN")
            kill(first.process_id)
            await desk.until(desk.session.feeds["local"].faults, "the feed is known to be down")
            with run_exchange("--state", str(tmp_path / "exchange"), "--port", port) as second:
                await desk.ready()
                since = desk.session.driver.now()
                assert (await desk.until(lambda: (one := desk.answer(name)).ts_init > since and one, "the next comparison")).clean
                assert second.open_orders(name) == [order.order_id]


async def test_an_account_that_held_real_money_never_becomes_an_imagined_one(real_host, exchange, account):
    """An order may rest at the venue: with the deployment gone, or dry, the service does not start; nothing is simulated over it."""
    name = account()
    real_host.configure(("real", name, "LIVE"))
    async with real_host.run() as desk:
        await desk.ready()
        await desk.lease("real")
        desk.tell(REST)
        order = await desk.order("real", "OPEN")
    real_host.configure(("real", name, "DRY_RUN"))
    with pytest.raises(StartError, match=f"order {order.order_id} of account {name} may rest at a real venue"):
        async with real_host.run():
            pass
    exchange.signed("DELETE", "order", name, symbol="BTCUSDT", origClientOrderId=order.order_id)
    real_host.configure(("real", name, "LIVE"))
    async with real_host.run() as desk:
        await desk.order("real", "CANCELED")
    real_host.configure(("real", name, "DRY_RUN"))
    with pytest.raises(StartError, match=f"account {name} was LIVE and holds something"):
        async with real_host.run():
            pass
