import asyncio
import gc
import os
import threading
import warnings
from decimal import Decimal

import pytest

from live.core.decimals import MONEY_SCALE
from live.core.errors import InterlockError
from live.driver.recovery import session_journals
from live.journal import JournalReader, verify_journal
from live.latch import engage, latch_path
from live.service.errors import StartError
from live.service.session import lock_home

pytestmark = pytest.mark.anyio


async def readiness(desk):
    """Give status and reasons of /readyz."""
    answer = await desk.client.get("/readyz")
    return answer.status_code, answer.json()["reasons"]


async def test_a_service_that_can_trade_is_ready(run_desk):
    """Ready means that everything deployed can be armed; armed or not makes no difference."""
    async with run_desk() as desk:
        assert await readiness(desk) == (200, [])
        assert (await desk.client.get("/healthz")).text == "ok\n"


async def test_every_reason_not_to_be_ready_is_named(host, run_desk):
    """A refused bundle, no feed, a kill: each is a reason, and one does not hide the others."""
    host.bundles["other"] = host.bundles["probe"]
    host.configure(feed=False)
    async with run_desk() as desk:
        await desk.call("POST", "/v1/kill", {"reason": "a test"})
        status, reasons = await readiness(desk)
        assert status == 503
        assert reasons[0].startswith("deployment other was refused: the bundle holds probe, the deployment names other")
        assert "no feed is configured: add a [feed] to interlock.toml" in reasons
        assert "GLOBAL is KILLED" in reasons


async def test_a_refused_bundle_keeps_no_other_from_running(host, run_desk):
    """One changed byte refuses one strategy; the other arms and trades."""
    changed = host.bundle("other", (host.ETH,))
    content = bytearray(changed.read_bytes())
    content[len(content) // 2] ^= 1
    changed.write_bytes(bytes(content))
    host.configure()
    async with run_desk() as desk:
        statuses = {one["strategy_id"]: one for one in await desk.call("GET", "/v1/deployments")}
        assert statuses["probe"]["status"] == "LOADED"
        assert statuses["other"]["status"] == "REFUSED"
        assert statuses["other"]["reason"]
        problem = await desk.call("POST", "/v1/arm", {"strategy_id": "other"}, expect=409)
        assert "the bundle was refused" in problem["detail"]
        assert await desk.rest_an_order()
        assert 'interlock_deployment_refused{strategy="other"} 1.0' in (await desk.client.get("/metrics")).text


@pytest.mark.parametrize(
    ("source", "expected"),
    [
        ("return parameters.warm_up", None),
        ("raise SystemError('no')", "failed with SystemError: no"),
        ("return -1", "needs -1 warm-up bars"),
        ("return [1]", "failed with TypeError"),
        ("return 10**9", "needs 1000000000 warm-up bars"),
    ],
)
async def test_strategy_code_that_cannot_be_asked_is_refused(host, run_desk, source, expected):
    """Whatever a strategy's code does when it is asked for its history, the service starts and says so."""
    host.bundle("other", source=host.PROBE.replace("return parameters.warm_up", source))
    host.configure()
    async with run_desk() as desk:
        refused = {one["strategy_id"]: one["reason"] for one in await desk.call("GET", "/v1/deployments")}
        assert refused["probe"] is None
        if expected is None:
            assert refused["other"] is None
        else:
            assert expected in refused["other"]


async def test_a_bundle_that_is_missing_expired_revoked_or_below_demand_is_refused(host, run_desk, wall):
    """Each reason is its own sentence, and none of them stops the service."""
    host.bundle("missing").unlink()
    host.bundle("expired", days=1)
    host.configure()
    wall.now += 2 * host.DAY
    async with run_desk() as desk:
        reasons = {one["strategy_id"]: one["reason"] for one in await desk.call("GET", "/v1/deployments")}
        assert "cannot be read: No such file" in reasons["missing"]
        assert "expired" in reasons["expired"]
        wall.now -= 2 * host.DAY
    del host.bundles["missing"], host.bundles["expired"]
    host.configure()
    async with run_desk() as desk:
        ((digest,),) = [[one["bundle"]] for one in await desk.call("GET", "/v1/deployments")]
    host.revoked = [digest]
    host.configure()
    async with run_desk() as desk:
        ((reason,),) = [[one["reason"]] for one in await desk.call("GET", "/v1/deployments")]
        assert "was revoked" in reason
    host.revoked = []
    host.configure("[promotion.requirements.deflated_sharpe]\nminimum_probability = 0.95")
    async with run_desk() as desk:
        ((reason,),) = [[one["reason"]] for one in await desk.call("GET", "/v1/deployments")]
        assert "the evidence does not meet this host's demands: deflated_sharpe" in reason


async def test_a_feed_that_breaks_is_down_and_nothing_rests_on_it(host, run_desk):
    """A tape that is damaged further on ends the feed; arming is blocked and the service still answers."""
    bars = [host.make_bar(host.MARKET + number * host.MINUTE) for number in range(3_000)]
    host.write_tape(*bars)
    content = bytearray(host.tape.read_bytes())
    content[len(content) * 3 // 4] ^= 0xFF
    host.tape.write_bytes(bytes(content))
    host.configure(speed=0.0)
    async with run_desk() as desk:
        ended = await desk.until(lambda: desk.service.session.player.ended, "the feed ends")
        assert ended.startswith("the feed failed: tape segment")
        assert desk.service.halted is None
        status, reasons = await readiness(desk)
        assert status == 503
        assert reasons == [f"no market data will come: {ended}"]
        await desk.call("POST", "/v1/arm", {"strategy_id": "probe"}, expect=409)


async def test_a_strategy_that_fails_halts_trading_and_the_service_answers(run_desk, host):
    """Fail closed: nothing more is sent, readiness says why, the state can still be read, and the session can be replayed."""
    async with run_desk() as desk:
        await desk.rest_an_order()
        driver = desk.service.session.driver
        with pytest.raises(InterlockError, match="told to fail"):
            driver.feed(host.make_bar(driver.now() + host.MINUTE, told=desk.FAIL))
        with pytest.raises(InterlockError, match="trading halted"):
            driver.feed(host.make_bar(driver.now() + host.MINUTE, told=desk.BUY))
        assert "told to fail" in (await desk.call("GET", "/v1/state"))["halted"]
        status, reasons = await readiness(desk)
        assert status == 503
        assert "trading is halted" in reasons[0]
        assert "interlock_halted 1.0" in (await desk.client.get("/metrics")).text
    assert desk.service.halted is not None
    async with run_desk() as desk:
        assert await readiness(desk) == (200, [])


async def test_a_journal_that_fails_halts_trading(run_desk, host):
    """After the disk failed no intent can be written, so none is sent."""
    async with run_desk() as desk:
        await desk.arm()
        await desk.bar()
        desk.break_journal()
        driver = desk.service.session.driver
        driver.feed(host.make_bar(driver.now() + host.MINUTE, told=desk.REST))
        await desk.until(lambda: driver.failure, "the driver halts")
        assert "the journal failed" in driver.failure
        assert host.requests() == []
        assert (await desk.call("GET", "/v1/orders"))[0]["state"] == "SUBMITTING"


async def test_an_orderly_stop_closes_and_seals(run_desk, host):
    """The journal of a session that was stopped is one plain sealed file whose every byte is covered."""
    async with run_desk() as desk:
        await desk.rest_an_order()
    (journal,) = session_journals(host.home)
    result = verify_journal(journal, host.home / "journal" / "anchors.jsonl")
    assert result.sealed
    assert not list(host.home.glob("journal/*-wal"))
    assert not list(host.home.glob("tape/*/*.tape")), "every segment is closed"


async def test_a_stop_leaves_no_task_thread_or_file_behind(run_desk, host):
    """A session can be opened again and again in one process; the event loop's own pool of threads is not the session's."""

    def alive():
        threads = [thread for thread in threading.enumerate() if not thread.name.startswith("asyncio_")]
        return len(threads), len(asyncio.all_tasks())

    async with run_desk() as desk:
        await desk.rest_an_order()
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        before = alive()
        for _ in range(5):
            async with run_desk() as desk:
                await desk.bar()
        gc.collect()
        assert alive() == before
    with lock_home(host.home):
        pass


async def test_a_start_that_fails_lets_go_of_the_home(host, run_desk):
    """Whatever failed, the next start is not told that another service runs."""
    host.tape.unlink()
    with pytest.raises(StartError, match="there is no tape at"):
        async with run_desk():
            pass
    host.write_tape()
    async with run_desk() as desk:
        assert await readiness(desk) == (200, [])


@pytest.mark.parametrize("content", [b"", b"not a tape", b"\x1f\x8b\x08\x00"])
async def test_a_tape_that_is_none_is_a_sentence(host, run_desk, content):
    """What feed.tape names is looked at before anything trades."""
    host.tape.write_bytes(content)
    with pytest.raises(InterlockError) as failed:
        async with run_desk():
            pass
    assert host.tape.name in str(failed.value)


async def test_a_second_service_on_a_home_is_refused(host, run_desk):
    """Two engines on one account would not know of each other's orders."""
    with lock_home(host.home), pytest.raises(StartError, match="another service runs on"):
        async with run_desk():
            pass


async def test_a_home_that_cannot_be_written_is_a_sentence(host, run_desk):
    """The sentence says what to set."""
    host.home.write_text("a file where the home should be")
    with pytest.raises(StartError, match=r"cannot be written: .*; set INTERLOCK_HOME"):
        async with run_desk():
            pass


async def test_a_latch_folder_that_cannot_be_made_is_a_sentence(host, run_desk):
    """Without latches nothing may trade."""
    host.home.mkdir()
    (host.home / "latch").write_text("in the way")
    with pytest.raises(StartError, match="cannot be created"):
        async with run_desk():
            pass


async def test_what_a_deployment_left_is_taken_back_when_it_is_gone(host, run_desk):
    """An order of a strategy that is not deployed any more is canceled at the next start, and its position stays booked."""
    host.bundle("other", (host.ETH,))
    host.configure()
    async with run_desk() as desk:
        await desk.arm("other")
        await desk.bar(instrument_id=host.ETH)
        await desk.bar(desk.BUY, host.ETH)
        await desk.bar(instrument_id=host.ETH)
        await desk.bar(desk.REST, host.ETH)
        ((order_id, _),) = desk.state.live_orders.items()
    del host.bundles["other"]
    host.configure()
    async with run_desk() as desk:
        await desk.until(lambda: not desk.state.live_orders, "the order is canceled")
        assert f"CANCEL {order_id}" in host.requests()
        assert [(one["strategy_id"], one["instrument_id"]) for one in await desk.call("GET", "/v1/positions")] == [("other", host.ETH)]
        orders = {order["order_id"]: order for order in await desk.call("GET", "/v1/orders")}
        assert orders[order_id]["state"] == "CANCELED"


async def test_an_order_at_a_venue_that_is_gone_refuses_the_start(host, run_desk):
    """What rests where nobody looks any more could fill unseen."""
    async with run_desk() as desk:
        order_id = await desk.rest_an_order()
    before, _, _ = host.file.read_text().partition("[[deployment]]")
    host.file.write_text(before.replace('[venues."binance-spot"]', "[venues.kraken]"))
    with pytest.raises(StartError, match=f"order {order_id} of probe may be alive at binance-spot"):
        async with run_desk():
            pass


async def test_an_opening_balance_is_posted_once(host, run_desk):
    """The journal's deposit counts, and a configuration that says something else is warned about, not obeyed in silence."""
    async with run_desk() as desk:
        assert (await desk.call("GET", "/v1/state"))["balances"][0]["amount"] == "10000.00000000"
    host.file.write_text(host.file.read_text().replace('"10000.00"', '"20000.00"'))
    async with run_desk() as desk:
        assert (await desk.call("GET", "/v1/state"))["balances"][0]["amount"] == "10000.00000000"
        assert desk.state.ledger.deposits["paper", "USDT"] == 10_000 * 10**MONEY_SCALE


async def test_a_person_sees_how_strategies_accounts_and_positions_stand(run_desk):
    """Profit with its parts, drawdown and exposure are decimal text that adds up; what cannot be computed is null."""
    async with run_desk() as desk:
        assert (await desk.call("GET", "/v1/state"))["accounts"][0]["drawdown"] is None
        await desk.arm()
        await desk.bar()
        await desk.bar(desk.BUY)
        await desk.bar()
        (position,) = await desk.call("GET", "/v1/positions")
        shown = await desk.call("GET", "/v1/state")
        strategy, account = shown["strategies"]["probe"], shown["accounts"][0]
        parts = [Decimal(position[name]) for name in ("realised", "unrealised", "funding")]
        assert Decimal(position["profit"]) == sum(parts) - Decimal(position["fees"])
        assert Decimal(position["average_price"]) > 0
        assert strategy["profit"] == strategy["profit_today"] == account["profit_today"] == position["profit"]
        assert Decimal(account["equity"]) == 10_000 + Decimal(position["profit"])
        assert strategy["gross_exposure"] == strategy["net_exposure"] == account["gross_exposure"]
        assert Decimal(account["gross_exposure"]) == Decimal(position["cost"]) + Decimal(position["unrealised"])
        assert Decimal(strategy["drawdown"]) == -Decimal(strategy["profit"])
        assert (account["account_type"], account["initial_margin"]) == ("CASH", "0.00000000")


async def test_closed_segments_are_served_by_their_digest(host, run_desk):
    """A tape of an earlier session is downloaded as the very bytes that its digest names."""
    import hashlib

    async with run_desk() as desk:
        await desk.bar()
        assert await desk.call("GET", "/v1/segments") == []
    (segment,) = (host.home / "tape").glob("*/*.tape.gz")
    digest = segment.name.split("-")[1].split(".")[0]
    async with run_desk() as desk:
        answer = await desk.client.get(f"/v1/segments/{digest}", headers={"Authorization": f"Bearer {desk.token}"})
        assert hashlib.sha256(answer.content).hexdigest() == digest


async def test_a_look_that_fails_halts_instead_of_ending_in_silence(host, run_desk, monkeypatch):
    """When the anchor log cannot be written any more, or a watch fails in any way, trading halts."""
    monkeypatch.setattr("live.service.watching.ANCHOR_SECONDS", 0.01)
    async with run_desk() as desk:
        desk.service.session.anchors.close()
        await desk.until(lambda: desk.service.halted, "the driver halts")
        assert "anchor log" in desk.service.halted
        engage(latch_path(host.home, "global"), "the latches are still looked at")
        await desk.until(lambda: desk.service.session.gate.is_closed("GLOBAL", ""), "the kill is noticed")
        desk.service.session.anchors.__init__(host.home / "journal" / "anchors.jsonl")


async def test_a_reader_of_the_journal_holds_up_neither_stop_nor_start(host, run_desk):
    """Somebody who looks at a journal delays its seal, and nothing else; the next start seals it."""
    async with run_desk() as desk:
        await desk.bar()
        reader = JournalReader(desk.service.session.journal_path)
        rows = reader.rows()
        next(rows)
    (journal,) = session_journals(host.home)
    anchors = host.home / "journal" / "anchors.jsonl"
    assert not verify_journal(journal, anchors).sealed
    async with run_desk():
        assert not verify_journal(journal, anchors).sealed
    rows.close()
    reader.close()
    async with run_desk():
        pass
    assert all(verify_journal(path, anchors).sealed for path in session_journals(host.home))


async def test_a_disk_that_hangs_is_said_and_not_waited_for(run_desk, monkeypatch):
    """Nothing is shown before it is durable, and whoever asks is told why there is no answer; strangers still get theirs."""
    monkeypatch.setattr("live.service.routes.queries.DURABLE_SECONDS", 0.2)
    monkeypatch.setattr("live.service.access.RECORD_SECONDS", 0.2)
    async with run_desk() as desk:
        held = desk.hold_journal()
        try:
            await desk.call("GET", "/v1/state", expect=401, token="nobody")
            problem = await desk.call("GET", "/v1/state", expect=503)
            assert "the disk hangs" in problem["detail"]
            lag = next(
                line for line in (await desk.client.get("/metrics")).text.splitlines() if line.startswith("interlock_journal_lag_seconds ")
            )
            assert float(lag.split()[1]) > 0.3
        finally:
            held.let_go()
        await desk.call("GET", "/v1/state")


async def test_a_start_after_the_end_of_the_tape_is_said(host, run_desk):
    """A playback that has nothing to play says so, instead of looking like one that ended."""
    host.configure(start="2030-01-01")
    async with run_desk() as desk:
        ended = await desk.until(lambda: desk.service.session.player.ended, "the tape ends")
        assert ended == f"{host.tape} holds nothing after the start of the playback"
        assert (await readiness(desk))[0] == 503


async def test_a_start_before_the_tape_plays_all_of_it(host, run_desk):
    """Without history the strategies warm up on what comes."""
    host.write_tape(*(host.make_bar(host.MARKET + number * host.MINUTE) for number in range(10)))
    host.configure(start="1999-01-01", speed=0.0)
    async with run_desk() as desk:
        await desk.until(lambda: desk.service.session.player.ended, "the tape ends")
        assert desk.service.session.player.played == 10


async def test_a_look_that_fails_in_any_way_halts(run_desk, wall):
    """An error that nobody foresaw in what the service watches must not leave it trading unwatched."""
    async with run_desk() as desk:
        await desk.arm()
        now, wall.now = wall.now, "no time at all"
        await desk.until(lambda: desk.service.halted, "the driver halts")
        assert desk.service.halted.startswith("TypeError: ")
        assert not desk.service.session.gate.leases
        wall.now = now


async def test_market_data_is_on_disk_before_the_intent_that_rests_on_it(run_desk, host, monkeypatch):
    """The tape is synced by the journal's thread before it commits an intent, off the event loop, and only then the order leaves."""
    synced = []
    sync = os.fdatasync

    def observe(descriptor):
        synced.append((threading.current_thread().name, len(host.requests())))
        sync(descriptor)

    monkeypatch.setattr("live.journal.tape.os.fdatasync", observe)
    async with run_desk() as desk:
        await desk.rest_an_order()
        assert ("journal-writer", 0) in synced
        assert len(host.requests()) == 1
