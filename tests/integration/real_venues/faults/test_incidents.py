"""One drill for each incident that other engines met; each ends with every number held against the venue's own."""

import asyncio
import time

import pytest
from real_desk import BTC, BUY, FLAT, REST, VENUE
from settling_up import check_evidence, settle_up

from live.core.inputs import ClockTicked
from live.core.orders import OrderState
from live.core.vocabulary import Scope, TradingState
from live.venues.conformance.relay import Answer, Breakdown
from live.venues.conformance.wires import BINANCE, Matcher

pytestmark = pytest.mark.anyio

SIX = 5
QUICK = "fill_scan_seconds = 0.5"
WAIT_FOUR_SECONDS = Answer(418, '{"code":-1003,"msg":"Way too many requests; IP banned."}', headers={"Retry-After": "4"})


async def test_a_lost_acknowledgement_buys_once(real_host, exchange, account):
    """Catalyst 315: the answer timed out after the order was placed, it was ordered again, and the position was twice what was wanted."""
    name = account()
    real_host.configure(("real", name, "LIVE"))
    async with real_host.run() as desk:
        await desk.ready()
        await desk.lease("real")
        exchange.fault("lose_event", match={"event": "executionReport"}, count=None)
        exchange.fault("reset", "order.place", when="after")
        desk.tell(BUY)
        order = await desk.order("real", "FILLED")
        assert len(exchange.asked("order.place", name)) == 1
        assert [one.order_id for one in desk.orders("real")] == [order.order_id]
        await settle_up(desk, exchange, name)


async def test_thirty_minutes_without_the_venue_lose_none_of_six_open_orders(real_host, exchange, account, relayed, later):
    """Hummingbot 8457: half an hour without DNS, and six accepted orders were given up, with a short position that nobody tracked.

    Nothing gets through, the session's clock goes on for half an hour, meanwhile two orders fill, and a person cancels one.
    """
    name = account()
    async with relayed() as relay:
        real_host.configure(("real", name, "LIVE"), venue=QUICK)
        async with real_host.run() as desk:
            await desk.ready()
            await desk.lease("real")
            desk.tell(SIX)
            await desk.until(lambda: len(desk.orders("real", "OPEN")) == 6, "six rest")
            relay.down = True
            relay.disconnect()
            await desk.until(desk.session.feeds[VENUE].faults, "the outage is noticed")
            first, second, third, *_ = (order.order_id for order in desk.orders("real"))
            for order_id in (first, second):
                exchange.control("/fills", {"account": name, "symbol": "BTCUSDT", "client_order_id": order_id})
            exchange.signed("DELETE", "order", name, symbol="BTCUSDT", origClientOrderId=third)
            for _ in range(30):
                later(desk.session.driver, 60)
                desk.session.driver.feed(ClockTicked(desk.session.driver.now()))
                await asyncio.sleep(0)
            assert len(desk.orders("real", "OPEN", "CANCEL_REQUESTED", "CANCEL_UNKNOWN")) == 6, "silence ended one"
            relay.down = False
            await desk.until(lambda: desk.state.orders[first].state == "FILLED", "the first fill is found")
            await desk.until(lambda: desk.state.orders[second].state == "FILLED", "the second fill is found")
            await desk.until(lambda: desk.state.orders[third].state == "CANCELED", "the cancel is found")
            await desk.until(desk.is_whole, "everything is known again")
            assert desk.state.ledger.quantity(name, "real", BTC) == pytest.approx(200, abs=2), "less the fees, which are taken in it"
            await settle_up(desk, exchange, name)


async def test_a_fill_frame_that_never_comes_is_booked_by_one_scan(real_host, exchange, account):
    """Lean.TradeStation 101: one fill frame was missing on a healthy stream, and the position was liquidated over and over."""
    name = account()
    real_host.configure(("real", name, "LIVE"), venue=QUICK)
    async with real_host.run() as desk:
        await desk.ready()
        await desk.lease("real")
        desk.tell(REST)
        order = await desk.order("real", "OPEN")
        exchange.fault("lose_event", match={"event": "executionReport", "execution": "TRADE"})
        exchange.control("/fills", {"account": name, "symbol": "BTCUSDT", "client_order_id": order.order_id})
        await desk.order("real", "FILLED")
        assert "real" in desk.state.leases, "a fill that is found in time is no difference"
        await settle_up(desk, exchange, name)


async def test_the_same_fill_three_times_is_booked_once(real_host, exchange, account):
    """Lean.Alpaca 61: a fill was told three times, and the ledger had it three times."""
    name = account()
    real_host.configure(("real", name, "LIVE"), venue=QUICK)
    async with real_host.run() as desk:
        await desk.ready()
        await desk.lease("real")
        desk.tell(REST)
        order = await desk.order("real", "OPEN")
        exchange.fault("repeat_event", match={"event": "executionReport", "execution": "TRADE"}, times=3)
        exchange.control("/fills", {"account": name, "symbol": "BTCUSDT", "client_order_id": order.order_id, "parts_per_million": 500_000})
        await desk.until(lambda: order.filled_quantity, "half of it fills")
        await desk.session.trading[name].venue.scan_fills()
        await desk.session.queue.drained()
        assert order.filled_quantity == 1_000
        await settle_up(desk, exchange, name)


async def test_a_warm_restart_keeps_the_position_and_trades_nothing(real_host, exchange, account):
    """NautilusTrader 4736: a restart with an open position began flat."""
    name = account()
    real_host.configure(("real", name, "LIVE"))
    async with real_host.run() as desk:
        await desk.ready()
        await desk.lease("real")
        desk.tell(BUY)
        await desk.order("real", "FILLED")
        await settle_up(desk, exchange, name)
        held = desk.state.ledger.quantity(name, "real", BTC)
    async with real_host.run() as desk:
        await desk.ready()
        assert desk.state.ledger.quantity(name, "real", BTC) == held > 0
        assert len(exchange.asked("order.place", name)) == 1, "a start trades nothing"
        assert desk.state.strictest_state("real") is TradingState.DISARMED
        await desk.lease("real")
        desk.tell(FLAT)
        await desk.until(lambda: len(desk.orders("real", "FILLED")) == 2, "it is sold")
        await settle_up(desk, exchange, name)
        assert desk.state.ledger.quantity(name, "real", BTC) < 100


async def test_a_frozen_feed_that_still_pongs_denies_orders(real_host, exchange, account, relayed):
    """alpaca-py 740 and squid 549: the socket was alive, the data was hours old, and trading went on."""
    name = account()
    async with relayed() as relay:
        real_host.configure(("real", name, "LIVE"))
        async with real_host.run() as desk:
            await desk.ready()
            await desk.lease("real")
            relay.frozen = True
            await desk.until(desk.session.feeds[VENUE].faults, "the feed is known to be down")
            desk.tell(BUY)
            denied = await desk.order("real", "DENIED")
            assert denied.detail == "DATA_STALE: the feed is down"
            relay.mend()
            relay.disconnect()
            await desk.ready()
            await settle_up(desk, exchange, name)
    assert exchange.asked("order.place", name) == []


async def test_a_clock_one_and_a_half_seconds_off_rejects_one_order_and_disarms(real_host, exchange, account):
    """Hummingbot 5502: -1021 was counted as the order's not being there, and orders went untracked.

    The venue's clock falls back between two measurements, so the stamp lies ahead of it by more than it takes.
    """
    name = account()
    real_host.configure(("real", name, "LIVE"), venue=f"[venues.{VENUE}.clock]\nsample_seconds = 60\nmaximum_age_seconds = 120")
    async with real_host.run() as desk:
        await desk.ready()
        await desk.until(lambda: desk.state.clocks.get(VENUE), "the clock is measured")
        await desk.lease("real")
        exchange.fault("clock_skew", milliseconds=-1_500, count=None)
        desk.tell(REST)
        order = await desk.order("real", "REJECTED")
        await desk.until(lambda: desk.state.strictest_state("real") is TradingState.DISARMED, "the lease ends")
        assert order.state is OrderState.REJECTED
        exchange.control("/faults", method="DELETE")
        await desk.session.trading[name].venue.sample_clock()
        await settle_up(desk, exchange, name)


async def test_a_second_instance_on_another_machine_stops_and_leaves_the_first_ones_orders(
    real_host, exchange, account, tmp_path_factory, monkeypatch
):
    """Freqtrade 9782: two instances on one account, each taking the other's orders for its own.

    The second has locks of its own, as another machine has.
    """
    name = account()
    real_host.configure(("real", name, "LIVE"))
    async with real_host.run() as desk:
        await desk.ready()
        await desk.lease("real")
        desk.tell(REST)
        order = await desk.order("real", "OPEN")
        monkeypatch.setenv("INTERLOCK_LOCKS", str(tmp_path_factory.mktemp("locks")))
        elsewhere = type(real_host)(type(real_host.host)(tmp_path_factory.mktemp("other")), exchange)
        elsewhere.configure(("real", name, "LIVE"))
        async with elsewhere.run() as second:
            await second.until(lambda: second.state.trading_state(Scope.ACCOUNT, name) is TradingState.KILLED, "it is stopped")
            assert second.orders("real") == []
        assert exchange.open_orders(name) == [order.order_id]
        await settle_up(desk, exchange, name)


async def test_an_order_of_a_foreign_session_stops_the_account_within_one_scan(real_host, exchange, account):
    """Freqtrade 1855: another process began to trade the account while this one did."""
    name = account()
    real_host.configure(("real", name, "LIVE"))
    async with real_host.run() as desk:
        await desk.ready()
        await desk.lease("real")
        desk.tell(REST)
        await desk.order("real", "OPEN")
        started = time.monotonic()
        exchange.signed(
            "POST",
            "order",
            name,
            symbol="BTCUSDT",
            side="BUY",
            type="LIMIT",
            timeInForce="GTC",
            quantity="0.001",
            price="50000.00",
            newClientOrderId="ILFOREIGN2000001",
        )
        await desk.until(lambda: desk.state.trading_state(Scope.ACCOUNT, name) is TradingState.KILLED, "the account is killed")
        assert time.monotonic() - started < 5.0
        await desk.order("real", "CANCELED")
        desk.tell(BUY)
        await desk.order("real", "DENIED")
    check_evidence(real_host.host.home)


async def test_a_ban_stops_every_request_until_it_ends_and_trading_goes_on_after_it(real_host, exchange, account, relayed):
    """Freqtrade 7187: a banned address went on asking, and was banned for longer and longer."""
    name = account()
    async with relayed() as relay:
        real_host.configure(("real", name, "LIVE"))
        async with real_host.run() as desk:
            await desk.ready()
            await desk.lease("real")
            relay.breakdowns.append(Breakdown(Matcher(*BINANCE.open_orders), reaches=False, answer=WAIT_FOUR_SECONDS))
            relay.passed.clear()
            await desk.until(lambda: not relay.breakdowns, "the ban begins")
            banned_at = relay.passed[-1].at
            await asyncio.sleep(0.3)
            known = len(relay.passed)
            desk.tell(REST)
            held = await desk.order("real", "NOT_SENT", "DENIED")
            assert held.state in {OrderState.NOT_SENT, OrderState.DENIED}
            await asyncio.sleep(max(0.0, banned_at + 3.0 - time.monotonic()))
            asked = [one for one in relay.passed[known:] if one.at < banned_at + 3.0]
            assert asked == [], asked
            await desk.until(lambda: len(relay.passed) > known, "requests leave again")
            await desk.until(desk.is_whole, "the account is known again")
            if "real" not in desk.state.leases:
                await desk.lease("real")
            desk.tell(BUY)
            await desk.order("real", "FILLED")
            await settle_up(desk, exchange, name)
