"""A venue that refuses the account's key, or bans this address, stops at once what it is about, until a person arms it again."""

import pytest
from real_desk import BUY, REST, VENUE

from live.core.inputs import OperatorCommand
from live.core.records import AlarmRaised, TradingStateChanged
from live.core.vocabulary import OperatorAction, Scope, TradingState
from live.journal.reader import JournalReader
from live.service.connections import VENUE_OPERATOR
from live.service.views import show_session

pytestmark = pytest.mark.anyio

REFUSED_KEY = {"code": -2015, "message": "Invalid API-key, IP, or permissions for action.", "status": 401}


async def written(desk, kind):
    """Give the journal's entries of a kind, once all that was said is durable."""
    await desk.session.driver.durable(desk.session.driver.loop.last_seq)
    with JournalReader(desk.session.journal_path) as journal:
        return [row.entry() for row in journal.rows(kinds={kind.__name__})]


def account_state(desk, account):
    """Give what may be sent for an account."""
    return desk.state.trading_state(Scope.ACCOUNT, account)


async def test_a_refused_key_disarms_its_account_at_once_and_cancels_are_still_tried(real_host, exchange, account):
    """One order meets the refusal, no second one leaves; what rests is canceled, the other account trades on, and a person is asked."""
    name, other = account(), account()
    real_host.configure(("real", name, "LIVE"), ("fine", other, "LIVE"))
    async with real_host.run() as desk:
        await desk.ready()
        await desk.lease("real")
        desk.tell(REST)
        resting = await desk.order("real", "OPEN")
        await desk.lease("fine")
        exchange.fault("refuse", "order.place", match={"account": name}, count=None, **REFUSED_KEY)
        desk.tell(BUY)
        refused = await desk.order("real", "REJECTED")
        await desk.until(lambda: account_state(desk, name) is TradingState.DISARMED, "the account is disarmed")
        assert "REJECTED_AUTH: HTTP 401 code -2015" in refused.detail
        assert "real" not in desk.session.gate.leases
        assert "real" not in desk.state.leases
        assert "fine" in desk.state.leases
        await desk.until(lambda: resting.state == "CANCELED", "what rested is canceled")
        desk.tell(BUY)
        await desk.order("fine", "FILLED")
        assert len(exchange.asked("order.place", name)) == 2, "one that rested, and one that was refused"
        (command,) = [one for one in await written(desk, OperatorCommand) if one.operator == VENUE_OPERATOR]
        assert (command.action, command.scope, command.target) == (OperatorAction.DISARM, Scope.ACCOUNT, name)
        assert command.reason.startswith(f"{VENUE} refuses the account: REJECTED_AUTH: HTTP 401 code -2015")
        assert [one for one in await written(desk, TradingStateChanged) if one.scope is Scope.ACCOUNT and command.reason in one.reason]
        assert [one for one in await written(desk, AlarmRaised) if one.detail == f"{name}: {command.reason}"]
        assert {"scope": Scope.ACCOUNT, "target": name, "state": "DISARMED"} in show_session(desk.session)["trading_states"]


async def test_a_key_that_is_refused_a_reading_disarms_its_account_and_forbids_arming_until_it_is_accepted(real_host, exchange, account):
    """Nothing was ordered: the refusal of any request says that no order can succeed."""
    name = account()
    real_host.configure(("real", name, "LIVE"))
    async with real_host.run() as desk:
        await desk.ready()
        await desk.lease("real")
        exchange.fault("refuse", "myTrades", count=1, **REFUSED_KEY)
        exchange.fault("refuse", "openOrders.status", count=None, **REFUSED_KEY)
        await desk.until(lambda: account_state(desk, name) is TradingState.DISARMED, "the account is disarmed")
        assert "real" not in desk.state.leases
        assert f"differs from the venue's: {VENUE} refuses the account" in " ".join(desk.service.preflight("real").blocks)
        exchange.control("/faults", method="DELETE")
        await desk.until(desk.is_whole, "the key is accepted again")
        assert account_state(desk, name) is TradingState.DISARMED
        assert "real" not in desk.state.leases
        await desk.lease("real")
        desk.tell(BUY)
        await desk.order("real", "FILLED")


async def test_an_account_that_may_not_trade_is_disarmed(real_host, exchange, account):
    """The venue took the key, and the account's right to trade away: its words tell that from an order it does not like."""
    name = account()
    real_host.configure(("real", name, "LIVE"))
    async with real_host.run() as desk:
        await desk.ready()
        await desk.lease("real")
        exchange.fault("refuse", "order.place", code=-2010, message="This account may not place or cancel orders.")
        desk.tell(BUY)
        await desk.order("real", "REJECTED")
        await desk.until(lambda: account_state(desk, name) is TradingState.DISARMED, "the account is disarmed")


async def test_a_ban_disarms_all_that_trades_at_the_venue(real_host, exchange, account):
    """A ban is of the address: every account at the venue is stopped by it, and none begins again by itself when it ends."""
    name, other = account(), account()
    real_host.configure(("real", name, "LIVE"), ("fine", other, "LIVE"))
    async with real_host.run() as desk:
        await desk.ready()
        await desk.lease("real")
        await desk.lease("fine")
        exchange.fault("answer", "order.place", status=418, body="{}", headers={"Retry-After": "1"}, when="before", match={"account": name})
        desk.tell(BUY)
        await desk.until(lambda: desk.state.trading_state(Scope.VENUE, VENUE) is TradingState.DISARMED, "the venue is disarmed")
        assert desk.session.gate.leases == {}
        assert desk.state.leases == {}
        (command,) = [one for one in await written(desk, OperatorCommand) if one.operator == VENUE_OPERATOR]
        assert command.reason == f"{VENUE} bans this address for 1 s"
