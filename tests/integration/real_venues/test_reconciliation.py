"""An account is held against its venue: what is missing is fetched, what nobody here did is noticed, and what stays ends the lease."""

import asyncio

import pytest
from real_desk import BTC, BUY, REST

from live.core.inputs import BalanceChanged
from live.core.vocabulary import Resolution, Scope, TradingState
from live.service.errors import ConflictError, NotFoundError, StartError

pytestmark = pytest.mark.anyio


async def test_nothing_is_known_of_an_account_before_its_first_comparison(real_host, exchange, account):
    """While the venue does not answer, the account counts as unknown, and an order is denied."""
    name = account()
    exchange.fault("answer", "openOrders.status", status=502, count=None)
    real_host.configure(("real", name, "LIVE"))
    async with real_host.run() as desk:
        await desk.until(lambda: desk.session.trading[name].connected and desk.engine.last_price(BTC), "the venue is reached")
        assert f"account {name} is not known to equal local's" in desk.service.unready()
        await desk.lease("real")
        desk.tell(REST)
        denied = await desk.order("real", "DENIED")
        assert denied.detail.startswith("RECONCILIATION_UNKNOWN")
        exchange.control("/faults", method="DELETE")
        await desk.ready()


async def test_a_fill_that_no_stream_told_is_found(real_host, exchange, account):
    """The stream loses the frame and the answer to the order comes to nothing: the history has the execution, and it is booked once."""
    name = account()
    real_host.configure(("real", name, "LIVE"))
    async with real_host.run() as desk:
        await desk.ready()
        await desk.lease("real")
        exchange.fault("lose_event", match={"event": "executionReport"}, count=None)
        exchange.fault("reset", "order.place", when="after")
        desk.tell(BUY)
        order = await desk.order("real", "FILLED")
        since = desk.session.driver.now()
        assert (await desk.until(lambda: (one := desk.answer(name)).ts_init > since and one, "the next comparison")).clean
        assert order.filled_quantity == 2_000
        assert len(exchange.asked("order.place", name)) == 1


async def test_an_order_of_somebody_else_is_noticed_and_its_end_too(real_host, exchange, account):
    """A person's own order in the account is alarmed and counted, and ends no lease."""
    name = account()
    real_host.configure(("real", name, "LIVE"))
    async with real_host.run() as desk:
        await desk.ready()
        await desk.lease("real")
        placed = exchange.signed(
            "POST", "order", name, symbol="BTCUSDT", side="BUY", type="LIMIT", timeInForce="GTC", quantity="0.001", price="50000.00"
        )
        (external,) = await desk.until(lambda: list(desk.state.external_orders.values()), "the order is noticed")
        assert (external.venue_order_id, external.remaining) == (str(placed["orderId"]), 100)
        exchange.signed("DELETE", "order", name, symbol="BTCUSDT", orderId=placed["orderId"])
        await desk.until(lambda: not desk.state.external_orders, "its end is noticed")
        elsewhere = {"symbol": "ETHUSDT", "side": "BUY", "type": "LIMIT", "timeInForce": "GTC", "quantity": "300", "price": "3000.00"}
        exchange.signed("POST", "order", name, **elsewhere)
        await desk.until(lambda: desk.state.external_orders, "one in an instrument that nothing is deployed on is noticed too")
        assert desk.state.instruments["local:ETHUSDT"].base == "ETH"
        assert desk.answer(name).clean
        assert "real" in desk.state.leases


async def test_a_balance_that_nothing_here_explains_ends_the_lease_until_a_person_explains_it(real_host, exchange, account):
    """Somebody trades by hand: the difference is seen twice, the lease ends, and a posting makes the account whole."""
    name = account()
    real_host.configure(("real", name, "LIVE"))
    async with real_host.run() as desk:
        await desk.ready()
        await desk.lease("real")
        exchange.signed("POST", "order", name, symbol="ETHUSDT", side="SELL", type="MARKET", quantity="1")
        await desk.until(lambda: not desk.answer(name).clean, "the difference is reported")
        detail = desk.answer(name).detail
        assert "the venue has 399.00000000 ETH, here it is 400.00000000" in detail
        assert "USDT" in detail
        assert "real" not in desk.state.leases
        before = desk.answer(name)
        await desk.until(lambda: desk.answer(name) is not before, "it is said again while it stands, or nobody would be shown it")
        assert (desk.answer(name).detail, desk.answer(name).valid_until > before.valid_until) == (detail, True)
        with pytest.raises(ConflictError, match=r"a difference of -1\.00000000, and -2\.00000000 was to be posted"):
            await desk.service.explain_balance(name, "ETH", "a person traded by hand", "ann", -2 * 10**8)
        assert await desk.service.explain_balance(name, "ETH", "a person traded by hand", "ann", -(10**8)) == 399 * 10**8
        await desk.service.explain_balance(name, "USDT", "a person traded by hand", "ann")
        with pytest.raises(ConflictError, match=r"the venue has 399\.00000000 ETH, as it is here"):
            await desk.service.explain_balance(name, "ETH", "once more", "ann")
        with pytest.raises(NotFoundError, match="'nobody' does not trade at a real venue"):
            await desk.service.explain_balance("nobody", "ETH", "a person traded by hand", "ann")
        await desk.until(lambda: desk.answer(name).clean, "the account is whole again")


async def test_a_person_vouches_only_for_the_difference_that_was_shown(real_host, exchange, account, later):
    """One that no two readings agreed on, one that the ledger moved away from, and one that was read too long ago are not posted."""
    name = account()
    real_host.configure(("real", name, "LIVE"))
    async with real_host.run() as desk:
        await desk.ready()
        explain = desk.service.explain_balance
        exchange.signed("POST", "order", name, symbol="ETHUSDT", side="SELL", type="MARKET", quantity="1")
        await desk.until(lambda: not desk.answer(name).clean, "the difference is reported")
        exchange.signed("POST", "order", name, symbol="ETHUSDT", side="SELL", type="MARKET", quantity="1")
        before = desk.answer(name)
        reconciling = desk.service.reconciling(name)
        await desk.until(lambda: "398" in str(reconciling.last), "the venue is read anew, and that was not said yet")
        assert desk.answer(name) is before
        with pytest.raises(
            ConflictError, match=r"the venue has 398\.00000000 ETH, here it is 400\.00000000 by now, which was not shown yet"
        ):
            await explain(name, "ETH", "a person traded by hand", "ann")
        await desk.until(lambda: "398" in desk.answer(name).detail, "it is said")
        driver = desk.session.driver
        driver.feed(BalanceChanged(driver.now(), name, "ETH", 10**8, "paid in meanwhile"))
        with pytest.raises(
            ConflictError, match=f"a balance of account {name} moved since the venue was read: wait for the next comparison"
        ):
            await explain(name, "ETH", "a person traded by hand", "ann")
        exchange.fault("answer", "openOrders.status", status=502, count=None)
        driver.feed(BalanceChanged(driver.now(), name, "ETH", -(10**8), "and taken out again"))
        later(desk.session.driver, 60)
        with pytest.raises(
            ConflictError, match=r"was last compared with its venue 6\d s ago, at most 8 s are allowed: wait until the venue"
        ):
            await explain(name, "ETH", "a person traded by hand", "ann")
        assert desk.state.ledger.balance(name, "ETH") == 400 * 10**8


async def test_a_persons_finding_settles_an_order_that_the_venue_stays_silent_about_until_the_venue_says_otherwise(
    real_host, exchange, account, later
):
    """Not while it may still arrive. Once settled it holds nothing back; if the venue shows it after all, its strategy is killed."""
    name = account()
    real_host.configure(("real", name, "LIVE"))
    async with real_host.run() as desk:
        await desk.ready()
        await desk.lease("real")
        for silent in ("order.status", "openOrders.status", "allOrders", "myTrades"):
            exchange.fault("answer", silent, status=502, count=None)
        exchange.fault("lose_event", match={"event": "executionReport"}, count=None)
        exchange.fault("reset", "order.place", when="after")
        desk.tell(REST)
        order = await desk.order("real", "SUBMIT_UNKNOWN")
        settle = desk.service.resolve_order
        with pytest.raises(NotFoundError, match="there is no order 'ILNOBODY' here"):
            await settle("ILNOBODY", Resolution.NEVER_PLACED, "asked support", "ann")
        with pytest.raises(ConflictError, match=f"order {order.order_id} may still arrive at local: .* nothing was recorded"):
            await settle(order.order_id, Resolution.NEVER_PLACED, "asked support", "ann")
        venue = desk.session.trading[name].venue
        later(venue, 15)
        assert await settle(order.order_id, Resolution.NEVER_PLACED, "asked support", "ann") == "NOT_PLACED"
        later(venue, -15)
        assert desk.orders("real", "SUBMIT_UNKNOWN") == []
        with pytest.raises(ConflictError, match=f"order {order.order_id} stays NOT_PLACED: ENDED settles one that may still rest"):
            await settle(order.order_id, Resolution.ENDED, "asked again", "ann")
        exchange.control("/faults", method="DELETE")
        await desk.until(lambda: desk.state.trading_state(Scope.STRATEGY, "real") is TradingState.KILLED, "the venue contradicts")
        await desk.order("real", "CANCELED")
    assert exchange.open_orders(name) == []


async def test_an_order_of_a_session_that_nobody_knows_kills_the_account(real_host, exchange, account):
    """An id of ours that this journal never gave out means that another process trades the account."""
    name, other = account(), account()
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
        newClientOrderId="ILFOREIGN1000001",
    )
    real_host.configure(("real", name, "LIVE"), ("fine", other, "LIVE"))
    async with real_host.run() as desk:
        await desk.until(lambda: desk.state.trading_state(Scope.ACCOUNT, name) is TradingState.KILLED, "the account is killed")
        await desk.until(lambda: desk.answer(name) is not None, "it is reported")
        assert "ILFOREIGN1000001" in desk.answer(name).detail
        assert desk.state.trading_state(Scope.ACCOUNT, other) is not TradingState.KILLED


async def test_a_foreign_sessions_order_heard_first_on_the_stream_kills_its_account_alone(real_host, exchange, account):
    """It traded at once, before any comparison: the account is known, so the others go on."""
    name, other = account(), account()
    real_host.configure(("real", name, "LIVE"), ("fine", other, "LIVE"))
    async with real_host.run() as desk:
        await desk.ready()
        exchange.signed(
            "POST", "order", name, symbol="BTCUSDT", side="BUY", type="MARKET", quantity="0.001", newClientOrderId="ILFOREIGN1000001"
        )
        await desk.until(lambda: desk.state.trading_state(Scope.ACCOUNT, name) is TradingState.KILLED, "the account is killed")
        assert desk.state.trading_state(Scope.GLOBAL, "") is not TradingState.KILLED
        assert desk.state.trading_state(Scope.ACCOUNT, other) is not TradingState.KILLED


async def test_a_second_process_on_one_account_is_refused(real_host, exchange, account, tmp_path_factory):
    """Another home of this machine does not get the account, by whatever name it calls it; once it is free, it does."""
    name = account()
    real_host.configure(("real", name, "LIVE"))
    async with real_host.run() as desk:
        await desk.ready()
        elsewhere = type(real_host)(type(real_host.host)(tmp_path_factory.mktemp("other")), exchange)
        elsewhere.configure(("real", name, "LIVE"))
        with pytest.raises(StartError, match=f"account {name} at local is traded by process .* already"):
            async with elsewhere.run():
                pass
    async with elsewhere.run() as desk:
        await desk.until(lambda: desk.session.trading[name].connected, "the account is free again")


async def test_nothing_is_compared_in_quick_succession_while_an_order_is_on_its_way(real_host, exchange, account):
    """It could not be conclusive, and would use up the request limit that orders and their cancels need."""
    name = account()
    real_host.configure(("real", name, "LIVE"))
    async with real_host.run() as desk:
        await desk.ready()
        await desk.lease("real")
        exchange.fault("delay", "order.place", milliseconds=1_800)
        desk.tell(REST)
        await desk.until(lambda: desk.orders("real", "SUBMITTING"), "an order is on its way")
        before = len(exchange.asked("openOrders.status", name))
        await asyncio.sleep(1.2)  # less than the time between two comparisons
        assert len(exchange.asked("openOrders.status", name)) - before <= 1
        await desk.order("real", "OPEN")
