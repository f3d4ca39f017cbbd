import asyncio
import time

import pytest

from live.core.inputs import EffectOutcome
from live.core.orders import OrderState
from live.core.vocabulary import EffectAction, Outcome, Scope
from live.latch import clear, engage, latch_path, read_latch
from live.service.errors import UnavailableError
from live.service.runtime import TradingService

pytestmark = pytest.mark.anyio

KILL = {"reason": "a test"}


async def test_a_kill_cancels_what_rests_and_proves_it(run_desk, host):
    """After a kill nothing is open at the venue, the report says so, and latch and journal hold it."""
    async with run_desk() as desk:
        order_id = await desk.rest_an_order()
        report = await desk.call("POST", "/v1/kill", KILL)
        assert report["canceled"] == [order_id]
        assert (report["open_orders"], report["failures"]) == ([], [])
        assert (report["state"], report["proven"], report["latched"], report["recorded"]) == ("KILLED", True, True, True)
        assert host.requests() == [f"SUBMIT {order_id}", f"CANCEL {order_id}"]
        assert read_latch(latch_path(host.home, "global")) == (True, "a test")
        assert not desk.service.session.gate.leases


async def test_a_kill_with_nothing_open_is_proven_at_once(run_desk):
    """There is nothing to wait for, and without a body everything is meant."""
    async with run_desk() as desk:
        report = await desk.call("POST", "/v1/kill")
        assert (report["scope"], report["state"], report["proven"], report["canceled"]) == ("GLOBAL", "KILLED", True, [])
        assert report["seconds"] < 1.0


async def test_killing_again_and_at_the_same_time_is_the_same_as_once(run_desk, host):
    """A frightened operator presses the button more than once."""
    async with run_desk() as desk:
        order_id = await desk.rest_an_order()
        reports = await asyncio.gather(*(desk.call("POST", "/v1/kill", KILL) for _ in range(5)))
        reports.append(await desk.call("POST", "/v1/kill", KILL))
        assert all(report["proven"] and report["state"] == "KILLED" for report in reports)
        assert desk.state.orders[order_id].state is OrderState.CANCELED
        assert host.requests().count(f"SUBMIT {order_id}") == 1


async def test_a_kill_is_logged_once_however_it_arrives(run_desk, host, capfd):
    """`interlock kill` engages the latch, which the service finds by itself, and then calls: one line, until there is something new."""
    async with run_desk() as desk:
        engage(latch_path(host.home, "global"), "a  test")
        await desk.until(lambda: '"killed by its latch"' in capfd.readouterr().err, "the latch is found")
        await desk.call("POST", "/v1/kill", KILL)
        await desk.call("POST", "/v1/kill", KILL)
        assert '"event": "killed' not in capfd.readouterr().err
        await desk.call("POST", "/v1/kill", {"reason": "another"})
        await desk.call("POST", "/v1/release", {"reason": "a test"})
        await desk.call("POST", "/v1/kill", {"reason": "another"})
        assert capfd.readouterr().err.count('"event": "killed"') == 2


async def test_nothing_leaves_after_a_kill(run_desk, host):
    """What the strategy wants afterwards is denied, and what was on its way is held back."""
    async with run_desk() as desk:
        await desk.arm()
        await desk.bar()
        await desk.call("POST", "/v1/kill", KILL)
        await desk.bar(desk.BUY)
        assert host.requests() == []
        assert {denial["code"] for denial in await desk.call("GET", "/v1/denials")} == {"LATCH_ENGAGED"}


async def test_an_order_that_waits_for_the_journal_is_held_back_by_a_kill(run_desk, host):
    """An intent that was not durable when the kill came never crosses, however soon the disk recovers."""
    async with run_desk() as desk:
        await desk.arm()
        await desk.bar()
        held = desk.hold_journal()
        driver = desk.service.session.driver
        driver.feed(host.make_bar(driver.now() + host.MINUTE, told=desk.REST))
        (order,) = desk.state.live_orders.values()
        assert order.state is OrderState.SUBMITTING
        killing = asyncio.create_task(desk.call("POST", "/v1/kill", KILL))
        await desk.until(lambda: desk.service.session.gate.is_closed(Scope.GLOBAL, ""), "the gate closes")
        held.let_go()
        report = await killing
        assert report["proven"]
        await driver.settled()
        assert desk.state.orders[order.order_id].state is OrderState.NOT_SENT
        assert f"SUBMIT {order.order_id}" not in host.requests()


async def test_a_stuck_journal_holds_up_no_cancel(run_desk, host, monkeypatch):
    """While the disk hangs the cancels go without the journal; the report is proven and says that it is not recorded."""
    monkeypatch.setattr("live.service.killing.PROOF_SECONDS", 1.0)
    async with run_desk() as desk:
        order_id = await desk.rest_an_order()
        held = desk.hold_journal()
        try:
            killing = asyncio.create_task(desk.call("POST", "/v1/kill", KILL))
            started = time.monotonic()
            await desk.until(lambda: f"CANCEL {order_id}" in host.requests(), "the cancel crosses")
            assert time.monotonic() - started < 1.0
            report = await killing
        finally:
            held.let_go()
        assert (report["proven"], report["latched"], report["recorded"]) == (True, True, False)
        assert desk.at_venue() == []
        await desk.service.session.driver.settled()
        assert desk.state.orders[order_id].state is OrderState.CANCELED


async def test_a_failed_journal_still_kills(run_desk, host):
    """After the disk failed the engine is told nothing more, and the cancels go to the venue past it."""
    async with run_desk() as desk:
        order_id = await desk.rest_an_order()
        desk.break_journal()
        report = await desk.call("POST", "/v1/kill", KILL)
        assert (report["proven"], report["latched"], report["recorded"], report["canceled"]) == (True, True, False, [order_id])
        assert desk.at_venue() == []
        assert "journal failed" in desk.service.session.driver.failure
        again = await desk.call("POST", "/v1/kill", KILL)
        assert (again["proven"], again["state"]) == (True, "KILLED")


async def test_a_halted_engine_still_kills(run_desk, host):
    """A strategy that failed halts trading, and what it left at the venue can still be taken back."""
    async with run_desk() as desk:
        order_id = await desk.rest_an_order()
        driver = desk.service.session.driver
        with pytest.raises(Exception, match="told to fail"):
            driver.feed(host.make_bar(driver.now() + host.MINUTE, told=desk.FAIL))
        assert desk.at_venue() == [order_id]
        report = await desk.call("POST", "/v1/kill", KILL)
        assert (report["proven"], report["recorded"], report["canceled"]) == (True, False, [order_id])
        assert desk.at_venue() == []


async def test_a_dead_feed_still_kills(host, run_desk):
    """Without market data an order that rests can still be taken back."""
    host.write_tape(host.make_bar(host.MARKET), host.make_bar(host.MARKET + host.MINUTE))
    host.configure(speed=10.0)
    async with run_desk() as desk:
        order_id = await desk.rest_an_order()
        player = desk.service.session.player
        player.end(desk.service.session.driver, "the line was cut")
        report = await desk.call("POST", "/v1/kill", KILL)
        assert (report["proven"], report["canceled"]) == (True, [order_id])


async def test_a_latch_that_cannot_be_written_is_said_and_all_else_is_done(run_desk, host):
    """The gate closes in memory and the cancels leave; the answer is an error, because a restart would not know."""
    async with run_desk() as desk:
        order_id = await desk.rest_an_order()
        latch = latch_path(host.home, "venue", "binance-spot")
        latch.unlink()
        latch.mkdir()
        body = {**KILL, "scope": "VENUE", "target": "binance-spot"}
        problem = await desk.call("POST", "/v1/kill", body, expect=503)
        assert "latch could not be written" in problem["detail"]
        assert "stop the process" in problem["detail"]
        assert (problem["report"]["proven"], problem["report"]["latched"]) == (True, False)
        assert desk.at_venue() == []
        assert desk.service.session.gate.is_closed(Scope.VENUE, "binance-spot")
        assert desk.state.orders[order_id].state is OrderState.CANCELED


async def test_an_order_of_unknown_fate_is_never_called_proven(run_desk, host, monkeypatch):
    """While nobody has shown what became of an order, the kill says UNPROVEN and names it."""
    monkeypatch.setattr("live.service.killing.PROOF_SECONDS", 0.5)
    async with run_desk() as desk:
        await desk.arm()
        await desk.bar()
        held = desk.hold_journal()
        driver = desk.service.session.driver
        driver.feed(host.make_bar(driver.now() + host.MINUTE, told=desk.REST))
        (order,) = desk.state.live_orders.values()
        driver.feed(EffectOutcome(driver.now(), order.order_id, EffectAction.SUBMIT, Outcome.FAILED, "the socket broke"))
        assert desk.state.orders[order.order_id].state is OrderState.SUBMIT_UNKNOWN
        try:
            report = await desk.call("POST", "/v1/kill", KILL)
            assert (report["proven"], report["open_orders"]) == (False, [order.order_id])
            driver.halt("a test")
            report = await desk.call("POST", "/v1/kill", KILL)
            assert (report["proven"], report["open_orders"]) == (False, [order.order_id])
        finally:
            held.let_go()


async def test_a_kill_during_a_long_history_is_answered(host, run_desk):
    """The history is read in breaths, so that whatever comes meanwhile gets its turn."""
    host.bundle(warm_up=100)
    history = [host.make_bar(host.MARKET + number) for number in range(20_000)]
    host.write_tape(*history, host.make_bar(host.MARKET + host.DAY))
    host.configure(speed=0.0, start="2020-09-14T00:00:00Z")
    async with run_desk() as desk:
        turns = 0
        killing = asyncio.create_task(desk.call("POST", "/v1/kill", KILL))
        while desk.service.session.player.ended is None:
            await asyncio.sleep(0)
            turns += 1
        assert turns > 20_000 // 1_000
        assert (await killing)["state"] == "KILLED"
        assert desk.service.session.player.played == 1
        assert desk.service.halted is None


async def test_a_kill_survives_a_restart(run_desk, host):
    """KILLED is what the next session begins with, and killing it there again changes nothing."""
    async with run_desk() as desk:
        await desk.rest_an_order()
        await desk.call("POST", "/v1/kill", KILL)
    async with run_desk() as desk:
        problem = await desk.call("POST", "/v1/arm", {"strategy_id": "probe"}, expect=409)
        assert any("kill latch of GLOBAL is engaged (a test)" in block for block in problem["blocks"])
        report = await desk.call("POST", "/v1/kill", KILL)
        assert (report["state"], report["proven"]) == ("KILLED", True)


@pytest.mark.parametrize(("scope", "target"), [("STRATEGY", "probe"), ("ACCOUNT", "paper"), ("VENUE", "binance-spot"), ("GLOBAL", "")])
async def test_a_scope_stops_what_it_covers_and_nothing_else(host, run_desk, scope, target):
    """Killing one strategy leaves the other's order resting; account, venue and everything take both."""
    host.bundle("other", (host.ETH,))
    host.configure()
    async with run_desk() as desk:
        for strategy_id, instrument_id in (("probe", host.BTC), ("other", host.ETH)):
            await desk.arm(strategy_id)
            await desk.bar(instrument_id=instrument_id)
            await desk.bar(desk.REST, instrument_id)
        orders = {order.strategy_id: order.order_id for order in desk.state.live_orders.values()}
        report = await desk.call("POST", "/v1/kill", {**KILL, "scope": scope, "target": target})
        killed = {"probe"} if scope == "STRATEGY" else {"probe", "other"}
        assert set(report["canceled"]) == {orders[name] for name in killed}
        assert desk.at_venue() == [orders[name] for name in orders if name not in killed]
        assert set(desk.service.session.gate.leases) == {"probe", "other"} - killed


async def test_a_strategy_is_killed_by_its_own_route(run_desk):
    """The shortest way to stop one strategy takes no body."""
    async with run_desk() as desk:
        report = await desk.call("POST", "/v1/strategies/probe/kill")
        assert (report["scope"], report["target"], report["proven"]) == ("STRATEGY", "probe", True)
        await desk.call("POST", "/v1/strategies/nobody/kill", expect=404)


async def test_what_is_not_there_cannot_be_killed(run_desk):
    """A misspelt name is an error that says what there is, not a kill of nothing."""
    async with run_desk() as desk:
        problem = await desk.call("POST", "/v1/kill", {**KILL, "scope": "STRATEGY", "target": "prob"}, expect=404)
        assert "STRATEGY probe" in problem["detail"]
        await desk.call("POST", "/v1/kill", {**KILL, "target": "probe"}, expect=404)


async def test_a_latch_engaged_from_outside_kills(run_desk, host):
    """`interlock kill` writes one file, and the running service cancels what is open without being called."""
    async with run_desk() as desk:
        order_id = await desk.rest_an_order()
        engage(latch_path(host.home, "strategy", "probe"), "from another process")
        await desk.until(lambda: not desk.at_venue(), "the order is canceled")
        assert not desk.service.session.gate.leases
        await desk.until(lambda: desk.state.orders[order_id].state is OrderState.CANCELED, "the cancel is booked")
        states = {(one["scope"], one["target"]): one["state"] for one in (await desk.call("GET", "/v1/state"))["trading_states"]}
        assert states["STRATEGY", "probe"] == "KILLED"
        assert states["GLOBAL", ""] != "KILLED"


def _damage(path, damage):
    if damage == "removed":
        path.unlink()
    elif damage == "emptied":
        path.write_bytes(b"")
    else:
        path.write_bytes(path.read_bytes()[:-1] + b"x")


@pytest.mark.parametrize("damage", ["removed", "damaged", "emptied"])
async def test_a_latch_lost_while_running_kills(run_desk, host, damage):
    """Whatever happens to the file stops trading, and a release makes it whole again."""
    async with run_desk() as desk:
        await desk.rest_an_order()
        _damage(latch_path(host.home, "global"), damage)
        await desk.until(lambda: not desk.at_venue(), "the order is canceled")
        await desk.until(lambda: desk.state.trading_state(Scope.GLOBAL, "").name == "KILLED", "the engine knows")
        await desk.until(lambda: not desk.service._killer.busy, "the kill is over")
        await desk.call("POST", "/v1/release", {"reason": "mended"})
        assert not read_latch(latch_path(host.home, "global")).engaged
        await desk.rest_an_order()


@pytest.mark.parametrize("damage", ["removed", "damaged", "emptied"])
async def test_a_latch_lost_between_sessions_boots_killed(run_desk, host, damage):
    """A latch that an earlier session saw and that is not whole any more keeps the next one from trading."""
    async with run_desk():
        pass
    _damage(latch_path(host.home, "account", "paper"), damage)
    async with run_desk() as desk:
        problem = await desk.call("POST", "/v1/arm", {"strategy_id": "probe"}, expect=409)
        assert "kill latch of ACCOUNT paper is engaged" in problem["detail"]


async def test_a_latch_engaged_from_outside_kills_a_halted_engine_too(run_desk, host):
    """After a halt nobody feeds the engine any more, and the file alone still takes back what rests."""
    async with run_desk() as desk:
        await desk.rest_an_order()
        desk.service.session.driver.halt("a test")
        engage(latch_path(host.home, "global"), "from another process")
        await desk.until(lambda: not desk.at_venue(), "the order is canceled")


async def test_a_kill_before_the_first_start_holds(host, run_desk):
    """A latch that was engaged before any session ever ran is not created anew."""
    engage(latch_path(host.home, "strategy", "probe"), "before the first start")
    async with run_desk() as desk:
        problem = await desk.call("POST", "/v1/arm", {"strategy_id": "probe"}, expect=409)
        assert "kill latch of STRATEGY probe is engaged (before the first start)" in problem["detail"]


async def test_a_kill_without_a_session_engages_the_latch(host):
    """Even while nothing runs the latch is engaged first, and the answer does not claim more."""
    service = TradingService(host.configuration())
    with pytest.raises(UnavailableError, match="the latch is engaged, but no session runs"):
        await service.kill(Scope.GLOBAL, "", "a test", "ann")
    assert read_latch(latch_path(host.home, "global")).engaged


async def test_a_release_disarms_and_arming_takes_its_two_steps(run_desk, host):
    """Released is not armed: the scope is DISARMED, its latch clear, and the gate lets out only what is armed anew."""
    async with run_desk() as desk:
        await desk.rest_an_order()
        await desk.call("POST", "/v1/kill", KILL)
        released = await desk.call("POST", "/v1/release", {"reason": "it is safe again"})
        assert released["state"] == "DISARMED"
        assert read_latch(latch_path(host.home, "global")) == (False, "released by all: it is safe again")
        await desk.bar(desk.BUY)
        assert sum(request.startswith("SUBMIT") for request in host.requests()) == 1
        await desk.call("POST", "/v1/release", {"reason": "again"}, expect=409)
        assert await desk.rest_an_order()


async def test_releasing_one_scope_leaves_the_other_killed(run_desk):
    """The strictest state of all scopes holds."""
    async with run_desk() as desk:
        await desk.call("POST", "/v1/kill", KILL)
        await desk.call("POST", "/v1/strategies/probe/kill", KILL)
        await desk.call("POST", "/v1/release", {"reason": "only this"})
        problem = await desk.call("POST", "/v1/arm", {"strategy_id": "probe"}, expect=409)
        assert problem["blocks"] == ["the kill latch of STRATEGY probe is engaged (a test): release it with a reason"]
        await desk.call("POST", "/v1/release", {"reason": "and this", "scope": "STRATEGY", "target": "probe"})
        await desk.arm()


async def test_a_crash_in_the_middle_of_a_release_stays_killed(run_desk, host):
    """The latch was cleared and the journal does not know of it yet: the journal holds the kill."""
    async with run_desk() as desk:
        await desk.call("POST", "/v1/kill", KILL)
    clear(latch_path(host.home, "global"), "released, and then the power went")
    async with run_desk() as desk:
        problem = await desk.call("POST", "/v1/arm", {"strategy_id": "probe"}, expect=409)
        assert problem["blocks"] == ["GLOBAL is KILLED: release it with a reason"]
        await desk.call("POST", "/v1/release", {"reason": "now in order"})
        await desk.arm()


async def test_a_halted_engine_releases_nothing(run_desk, host):
    """What cannot be journaled is not done: the latch stays engaged."""
    async with run_desk() as desk:
        await desk.call("POST", "/v1/kill", KILL)
        desk.service.session.driver.halt("a test")
        problem = await desk.call("POST", "/v1/release", {"reason": "too early"}, expect=503)
        assert "stays KILLED" in problem["detail"]
        assert read_latch(latch_path(host.home, "global")).engaged


async def test_a_latch_that_cannot_be_cleared_stays_killed(run_desk, host):
    """The answer names the file, and the gate stays closed."""
    async with run_desk() as desk:
        await desk.call("POST", "/v1/kill", KILL)
        path = latch_path(host.home, "global")
        path.unlink()
        path.mkdir()
        problem = await desk.call("POST", "/v1/release", {"reason": "too early"}, expect=503)
        assert str(path) in problem["detail"]
        assert desk.service.session.gate.is_closed(Scope.GLOBAL, "")


async def test_a_kill_that_comes_during_a_release_wins(run_desk, host):
    """Whoever releases while somebody else kills is told so, and the scope stays KILLED."""
    async with run_desk() as desk:
        await desk.call("POST", "/v1/kill", KILL)
        held = desk.hold_journal()
        releasing = asyncio.create_task(desk.call("POST", "/v1/release", {"reason": "too early"}, expect=409))
        await desk.until(lambda: not read_latch(latch_path(host.home, "global")).engaged, "the latch is cleared")
        killing = asyncio.create_task(desk.call("POST", "/v1/kill", {"reason": "no, wait"}))
        await desk.until(lambda: read_latch(latch_path(host.home, "global")).engaged, "the latch is engaged again")
        held.let_go()
        assert "killed again meanwhile" in (await releasing)["detail"]
        assert (await killing)["state"] == "KILLED"
        assert desk.service.session.gate.is_closed(Scope.GLOBAL, "")


async def test_nothing_is_released_while_it_is_being_killed(run_desk, monkeypatch):
    """A kill that still looks for proof is finished first."""
    monkeypatch.setattr("live.service.killing.PROOF_SECONDS", 0.5)
    async with run_desk() as desk:
        held = desk.hold_journal()
        try:
            killing = asyncio.create_task(desk.call("POST", "/v1/kill", KILL))
            await desk.until(lambda: desk.state.trading_state(Scope.GLOBAL, "").name == "KILLED", "the engine knows")
            problem = await desk.call("POST", "/v1/release", {"reason": "too early"}, expect=409)
            assert "is being killed at this moment" in problem["detail"]
            await killing
        finally:
            held.let_go()


async def test_two_hundred_orders_are_taken_back_within_a_second(host, run_desk):
    """As many as a venue allows are canceled and proven in one call."""
    instrument_ids = tuple(f"binance-spot:C{number}USDT" for number in range(200))
    host.bundle(instrument_ids=instrument_ids, source=host.PROBE.replace("0.1", "0.0004"), open_orders=200)
    host.configure()
    async with run_desk() as desk:
        await desk.arm()
        for instrument_id in instrument_ids:
            await desk.bar(instrument_id=instrument_id)
            await desk.bar(desk.REST, instrument_id)
        assert len(desk.at_venue()) == 200
        report = await desk.call("POST", "/v1/kill", KILL)
        assert (len(report["canceled"]), report["proven"]) == (200, True)
        assert report["seconds"] < 1.0
        assert desk.at_venue() == []
