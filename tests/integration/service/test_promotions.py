import asyncio
import os
import resource
from contextlib import contextmanager

import pytest

from live.core.vocabulary import Scope, TradingState
from live.driver.recovery import session_journals
from live.driver.session_replay import replay_session
from live.journal import JournalReader, read_segment, verify_journal
from live.journal.segments import list_segments
from live.latch import engage, latch_path
from live.promotion import load_strategy, load_strategy_folder, verify_bundle
from live.promotion.cache import cached_bundle_path, cached_bundles, state_path
from live.service.errors import StartError
from live.service.session import lock_home

pytestmark = pytest.mark.anyio


@pytest.fixture(autouse=True)
def _look_often(monkeypatch):
    """Look at the cache so often that no test waits a second for it."""
    monkeypatch.setattr("live.service.watching.PROMOTION_SECONDS", 0.01)


@pytest.fixture(name="promote")
def _promote(host, registry, wall):
    """Register a bundle of the probe, move the candidate to it and make a pass; give its digest."""

    def promote(**bundle):
        number = registry.register(host.bundle(**bundle) if bundle else host.bundles["probe"])
        registry.point("candidate", number)
        return host.synchronise(wall).aliases["candidate"].accepted.bundle

    return promote


async def deployment(desk):
    """Give what /v1/deployments says about the one deployment."""
    (shown,) = await desk.call("GET", "/v1/deployments")
    return shown


async def becomes(desk, status):
    """Wait until the deployment has a status, and give what is shown then."""

    async def look():
        shown = await deployment(desk)
        return shown if shown["status"] == status else None

    return await desk.until(look, f"the deployment is {status}")


async def test_a_deployment_without_a_promotion_waits_and_is_loaded_later(host, registry, run_desk, promote, wall):
    """No cache, then no alias: the service starts, says what it waits for, and loads what comes without a restart."""
    async with run_desk() as desk:
        shown = await deployment(desk)
        assert (shown["status"], shown["bundle"], shown["pending"]) == ("WAITING", None, None)
        assert shown["reason"] == "the registry was never asked about probe: run `interlock sync`"
        problem = await desk.call("POST", "/v1/arm", {"strategy_id": "probe"}, expect=409)
        assert "nothing is loaded" in problem["detail"]
        answer = await desk.client.get("/readyz")
        assert "deployment probe waits: the registry was never asked" in answer.json()["reasons"][0]
        host.synchronise(wall)
        assert await desk.call("POST", "/v1/deployments/load") == {"session_id": desk.service.session.session_id, "loaded": {}}
    async with run_desk() as desk:
        assert (await deployment(desk))["reason"].startswith("no version of probe has the alias candidate")
        promote()
        await becomes(desk, "PENDING")
        await desk.call("POST", "/v1/deployments/load")
        assert (await deployment(desk))["status"] == "LOADED"
        assert await desk.rest_an_order()


async def test_a_promotion_is_pending_until_it_is_loaded_and_never_arms(host, registry, run_desk, promote):
    """A moved alias is shown with what is loaded beside it; loading opens the next session, disarmed, with the new version."""
    first = promote()
    async with run_desk() as desk:
        shown = await deployment(desk)
        assert (shown["status"], shown["bundle"], shown["registry_version"], shown["pending"]) == ("LOADED", first, 1, None)
        second = promote(open_orders=4)
        shown = await becomes(desk, "PENDING")
        assert shown["bundle"] == first
        assert (shown["pending"]["bundle"], shown["pending"]["registry_version"]) == (second, 2)
        preflight = (await desk.call("POST", "/v1/arm", {"strategy_id": "probe"}))["preflight"]
        assert preflight["pending"] == f"{shown['pending']['version']} (registry version 2) is accepted and not loaded"
        assert 'interlock_deployment_pending{strategy="probe"} 1.0' in (await desk.client.get("/metrics")).text
        before = desk.service.session.session_id
        loaded = await desk.call("POST", "/v1/deployments/load")
        assert loaded["loaded"]["probe"]["bundle"] == second
        assert loaded["session_id"] == desk.service.session.session_id != before
        shown = await deployment(desk)
        assert (shown["status"], shown["bundle"], shown["registry_version"], shown["state"]) == ("LOADED", second, 2, "DISARMED")
        assert 'interlock_deployment_pending{strategy="probe"} 0.0' in (await desk.client.get("/metrics")).text
        await desk.arm()
        await desk.bar()
        await desk.bar(desk.BUY)
        await desk.bar()
        assert await desk.call("GET", "/v1/fills")


async def test_nothing_is_loaded_while_anything_is_armed_or_an_order_is_alive(host, registry, run_desk, promote):
    """While a lease is held a load is refused and changes nothing; after disarming it is done."""
    promote()
    async with run_desk() as desk:
        await desk.rest_an_order()
        promote(warm_up=1)
        await becomes(desk, "PENDING")
        session_id = desk.service.session.session_id
        problem = await desk.call("POST", "/v1/deployments/load", expect=409)
        assert problem["armed"] == ["probe"]
        assert desk.service.session.session_id == session_id
        assert desk.at_venue()
        await desk.call("POST", "/v1/disarm", {"reason": "a test"})
        await desk.until(lambda: not desk.state.live_orders, "the order is canceled")
        await desk.call("POST", "/v1/deployments/load")
        assert desk.service.session.session_id != session_id


async def test_a_challenge_of_before_a_load_is_void(host, registry, run_desk, promote):
    """A person who looked at one version cannot arm another by it."""
    promote()
    async with run_desk() as desk:
        challenge = await desk.call("POST", "/v1/arm", {"strategy_id": "probe"})
        promote(warm_up=1)
        await becomes(desk, "PENDING")
        await desk.call("POST", "/v1/deployments/load")
        body = {"challenge_id": challenge["challenge_id"], "phrase": challenge["phrase"]}
        await desk.call("POST", "/v1/arm/confirm", body, expect=409)


async def withdraw_alias(host, registry, wall):
    """Remove the alias."""
    registry.point("candidate", None)
    host.synchronise(wall)


async def withdraw_by_revocation(host, registry, wall):
    """Revoke the bundle on the host while the registry is down."""
    registry.stop()
    host.revoked = [registry.versions["probe"][1]["interlock.bundle"]]
    host.configure()
    host.synchronise(wall)


async def withdraw_cache(host, registry, wall):
    """Lose the cache."""
    state_path(host.home, "probe").unlink()


@pytest.mark.parametrize(
    ("withdraw", "code"),
    [(withdraw_alias, "ALIAS_REMOVED"), (withdraw_by_revocation, "REVOKED"), (withdraw_cache, "CACHE_UNREADABLE")],
)
async def test_what_is_withdrawn_may_only_reduce_and_is_not_armed_again(host, registry, run_desk, promote, wall, withdraw, code):
    """An armed strategy keeps its position and may end it; its resting entry goes, and arming says why it is refused."""
    promote()
    async with run_desk() as desk:
        await desk.arm()
        await desk.bar()
        await desk.bar(desk.BUY)
        await desk.bar()
        assert await desk.call("GET", "/v1/fills")
        await withdraw(host, registry, wall)
        await desk.until(
            lambda: desk.state.trading_state(Scope.STRATEGY, "probe") is TradingState.REDUCE_ONLY, "the strategy may only reduce"
        )
        shown = await deployment(desk)
        assert shown["status"] == "WITHDRAWN"
        assert shown["reason"].startswith(f"{code}: ")
        assert 'interlock_deployment_withdrawn{strategy="probe"} 1.0' in (await desk.client.get("/metrics")).text
        await desk.bar(desk.FLAT)
        await desk.bar()
        assert (await desk.call("GET", "/v1/positions"))[0]["quantity"] == "0.0000"
        await desk.call("POST", "/v1/disarm", {"reason": "a test"})
        problem = await desk.call("POST", "/v1/arm", {"strategy_id": "probe"}, expect=409)
        assert code in problem["detail"]
        journal = desk.service.session.journal_path
    with JournalReader(journal) as reader:
        commands = [row.entry() for row in reader.rows(kinds=("OperatorCommand",))]
    assert [(one.operator, one.action) for one in commands] == [("sync", "REDUCE_ONLY"), ("all", "DISARM")]


async def test_a_confirmation_looks_once_more(host, registry, run_desk, promote, wall, monkeypatch):
    """An alias that is removed between the two steps of arming is seen, however seldom the cache is looked at."""
    monkeypatch.setattr("live.service.watching.PROMOTION_SECONDS", 3_600)
    promote()
    async with run_desk() as desk:
        challenge = await desk.call("POST", "/v1/arm", {"strategy_id": "probe"})
        await withdraw_alias(host, registry, wall)
        body = {"challenge_id": challenge["challenge_id"], "phrase": challenge["phrase"]}
        problem = await desk.call("POST", "/v1/arm/confirm", body, expect=409)
        assert "ALIAS_REMOVED" in problem["detail"]


async def test_after_a_restart_a_withdrawn_strategy_is_not_loaded_and_its_position_is_seen(host, registry, run_desk, promote, wall):
    """Positions belong to the strategy id: they stay visible, and the deployment says why nothing manages them."""
    promote()
    async with run_desk() as desk:
        await desk.arm()
        await desk.bar()
        await desk.bar(desk.BUY)
        await desk.bar()
    await withdraw_alias(host, registry, wall)
    async with run_desk() as desk:
        shown = await deployment(desk)
        assert (shown["status"], shown["state"]) == ("WAITING", "DISARMED")
        assert "was removed" in shown["reason"]
        (position,) = await desk.call("GET", "/v1/positions")
        assert position["strategy_id"] == "probe"
        assert position["quantity"] != "0.0000"


async def test_trading_goes_on_while_the_registry_is_down(host, registry, run_desk, promote, wall):
    """An outage is shown and changes nothing: the strategy stays armed and trades."""
    promote()
    async with run_desk() as desk:
        await desk.arm()
        registry.stop()
        host.synchronise(wall)

        async def told():
            return (await deployment(desk))["registry_unreachable"]

        assert "no registry answers" in await desk.until(told, "the outage is shown")
        shown = await deployment(desk)
        assert (shown["status"], shown["state"]) == ("LOADED", "ARMED")
        await desk.bar()
        await desk.bar(desk.BUY)
        await desk.bar()
        assert await desk.call("GET", "/v1/fills")


async def test_arming_needs_a_recent_answer_of_the_registry_and_trading_does_not(host, registry, run_desk, promote, wall):
    """When sync has stopped for long nobody knows what was revoked: what is armed trades on, and is armed again after a pass only."""
    promote()
    async with run_desk() as desk:
        await desk.arm()
        wall.now += 301 * 10**9
        reason = "SYNC_STALE: arming needs an answer of the registry that is not older than 300 s, and the newest is 301 s old"
        answer = await desk.client.get("/readyz")
        assert f"deployment probe cannot be armed, {reason}: start `interlock sync --watch`" in answer.json()["reasons"]
        await desk.bar()
        await desk.bar(desk.BUY)
        await desk.bar()
        assert await desk.call("GET", "/v1/fills")
        assert (await deployment(desk))["state"] == "ARMED"
        await desk.call("POST", "/v1/disarm", {"reason": "a test"})
        problem = await desk.call("POST", "/v1/arm", {"strategy_id": "probe"}, expect=409)
        assert problem["blocks"] == [f"{reason}: start `interlock sync --watch`"]
        host.synchronise(wall)
        await desk.until(lambda: not desk.service.unready(), "the pass is seen")
        await desk.arm()


async def test_a_challenge_does_not_outlive_the_registrys_answer(host, registry, run_desk, promote, wall):
    """The answer is fresh when a person looks and too old when the phrase is typed: the confirmation is refused."""
    promote()
    async with run_desk() as desk:
        wall.now += 280 * 10**9
        challenge = await desk.call("POST", "/v1/arm", {"strategy_id": "probe"})
        wall.now += 30 * 10**9
        body = {"challenge_id": challenge["challenge_id"], "phrase": challenge["phrase"]}
        problem = await desk.call("POST", "/v1/arm/confirm", body, expect=409)
        assert "SYNC_STALE" in problem["detail"]


async def test_a_registry_that_is_silent_for_long_blocks_arming_though_sync_runs(host, registry, run_desk, promote, wall):
    """A pass that got no answer is no answer: the preflight says who is silent, and arms again once it answers."""
    promote()
    async with run_desk() as desk:
        registry.stop()
        for _ in range(4):
            wall.now += 100 * 10**9
            host.synchronise(wall)
        await desk.until(lambda: desk.service.session.promotions.of("probe").unreachable, "the outage is seen")
        problem = await desk.call("POST", "/v1/arm", {"strategy_id": "probe"}, expect=409)
        assert "REGISTRY_SILENT: arming needs an answer" in problem["detail"]
        assert "no registry answers at" in problem["detail"]
        registry.start()
        host.synchronise(wall)
        await desk.until(lambda: not desk.service.session.promotions.of("probe").unreachable, "the answer is seen")
        await desk.arm()


async def test_a_clock_that_went_back_does_not_make_an_answer_fresh(host, registry, run_desk, promote, wall):
    """An answer from the future is as good as none: it could be any age by the right clock."""
    promote()
    async with run_desk() as desk:
        wall.now -= 20 * 10**9
        problem = await desk.call("POST", "/v1/arm", {"strategy_id": "probe"}, expect=409)
        assert "SYNC_STALE" in problem["detail"]
        assert "the newest lies 20 s in the future, so look at the clock" in problem["detail"]


async def test_what_another_registry_said_is_not_taken_for_this_ones(host, registry, run_desk, promote, wall):
    """After registry.url was changed, or with the cache of another host, nothing is loaded until the configured registry was asked."""
    promote()
    host.registry_url = f"http://localhost:{registry.port}"
    host.configure()
    async with run_desk() as desk:
        shown = await deployment(desk)
        assert (shown["status"], shown["bundle"]) == ("REFUSED", None)
        assert f"holds what the registry at {registry.url} said, and {host.registry_url} is configured" in shown["reason"]
        host.synchronise(wall)
        await desk.until(lambda: desk.service.session.promotions.pending, "the answer of the configured registry is seen")
        await desk.call("POST", "/v1/deployments/load")
        assert (await deployment(desk))["status"] == "LOADED"


async def test_an_alias_that_moves_and_comes_back_while_armed_changes_nothing(host, registry, run_desk, promote, wall):
    """The version that trades stays loaded and armed, and nothing is pending once the alias names it again."""
    first = promote()
    async with run_desk() as desk:
        await desk.arm()
        promote(warm_up=1)
        await desk.until(lambda: desk.service.session.promotions.pending, "the other version is seen")
        registry.point("candidate", 1)
        host.synchronise(wall)
        await desk.until(lambda: not desk.service.session.promotions.pending, "the alias is back")
        shown = await deployment(desk)
        assert (shown["status"], shown["bundle"], shown["state"]) == ("LOADED", first, "ARMED")


async def test_of_two_loads_at_once_one_loads(host, registry, run_desk, promote):
    """The second waits for the first and finds nothing pending; there is one new session, not two."""
    promote()
    async with run_desk() as desk:
        promote(warm_up=1)
        await becomes(desk, "PENDING")
        answers = await asyncio.gather(*(desk.call("POST", "/v1/deployments/load") for _ in range(3)))
        assert sorted(len(answer["loaded"]) for answer in answers) == [0, 0, 1]
    assert len(session_journals(host.home)) == 2


async def test_a_kill_during_a_load_is_never_lost(host, registry, run_desk, promote, monkeypatch):
    """Between two sessions nobody can cancel and nothing is alive: the latch is engaged, and the next session begins KILLED."""
    promote()
    async with run_desk() as desk:
        promote(warm_up=1)
        await becomes(desk, "PENDING")
        loading = asyncio.create_task(desk.client.post("/v1/deployments/load", headers={"Authorization": f"Bearer {desk.token}"}))
        await desk.until(lambda: desk.service.unready() == ["the session is not open"], "the session is closing")
        problem = await desk.call("POST", "/v1/kill", {"reason": "a test"}, expect=503)
        assert "the latch is engaged" in problem["detail"]
        assert (await loading).status_code == 200
        await desk.until(lambda: desk.state.trading_state(Scope.GLOBAL, "") is TradingState.KILLED, "the new session is killed")
        problem = await desk.call("POST", "/v1/arm", {"strategy_id": "probe"}, expect=409)
        assert "the kill latch of GLOBAL is engaged" in problem["detail"]


async def test_a_latch_that_nobody_has_seen_yet_is_carried_over_a_load(host, registry, run_desk, promote, monkeypatch):
    """`interlock kill` writes the latch a moment before a load: whichever session looks first, it kills."""
    monkeypatch.setattr("live.service.watching.LATCH_SECONDS", 3_600)
    promote()
    async with run_desk() as desk:
        promote(warm_up=1)
        await becomes(desk, "PENDING")
        engage(latch_path(host.home, "global"), "a test")
        await desk.call("POST", "/v1/deployments/load")
        assert desk.state.trading_state(Scope.GLOBAL, "") is TradingState.KILLED
        await desk.call("POST", "/v1/arm", {"strategy_id": "probe"}, expect=409)


async def test_a_pipe_in_place_of_the_cache_holds_nobody_up(host, registry, run_desk, promote):
    """Whoever can write the home can take a promotion away, and cannot make the service wait for ever."""
    promote()
    async with run_desk() as desk:
        await desk.arm()
        state_path(host.home, "probe").unlink()
        os.mkfifo(state_path(host.home, "probe"))
        shown = await becomes(desk, "WITHDRAWN")
        assert "it is no regular file" in shown["reason"]
        await desk.until(lambda: desk.state.trading_state(Scope.STRATEGY, "probe") is TradingState.REDUCE_ONLY, "it may only reduce")


async def test_the_cache_is_not_believed(host, registry, run_desk, promote):
    """A cached file that was changed after sync is refused by the service itself: at a load before anything closed, and at a start."""
    promote()
    async with run_desk() as desk:
        second = promote(warm_up=1)
        await becomes(desk, "PENDING")
        path = cached_bundle_path(host.home, second)
        content = path.read_bytes()
        path.write_bytes(content[:-40] + bytes([content[-40] ^ 1]) + content[-39:])
        session_id = desk.service.session.session_id
        problem = await desk.call("POST", "/v1/deployments/load", expect=409)
        assert "what is pending does not load, and nothing was changed: probe: " in problem["detail"]
        assert desk.service.session.session_id == session_id
        await desk.arm()
    async with run_desk() as desk:
        shown = await deployment(desk)
        assert (shown["status"], shown["bundle"]) == ("REFUSED", None)


async def test_a_signed_bundle_in_the_place_of_another_is_refused(host, registry, run_desk, promote):
    """A file under the name of an accepted bundle must be that bundle: an older one that is signed as well is not it."""
    first, second = promote(), promote(warm_up=1)
    cached_bundle_path(host.home, second).write_bytes(cached_bundle_path(host.home, first).read_bytes())
    async with run_desk() as desk:
        shown = await deployment(desk)
        assert shown["status"] == "REFUSED"
        assert f"the file is bundle {first[:12]} and {second[:12]} was expected" in shown["reason"]


async def test_a_next_session_that_cannot_be_opened_trades_nothing_and_says_so(host, registry, run_desk, promote):
    """What no check foresaw leaves the service without a session: it answers, a kill still engages its latch, and a restart mends it."""
    promote()
    async with run_desk() as desk:
        promote(warm_up=1)
        await becomes(desk, "PENDING")
        host.tape.unlink()
        problem = await desk.call("POST", "/v1/deployments/load", expect=503)
        assert "the next session could not be opened: feed.tape: there is no tape" in problem["detail"]
        assert "nothing is armed and nothing trades" in problem["detail"]
        await desk.call("POST", "/v1/arm", {"strategy_id": "probe"}, expect=503)
        assert (await desk.client.get("/readyz")).json()["reasons"] == ["the session is not open"]
        killed = await desk.call("POST", "/v1/kill", {"reason": "a test"}, expect=503)
        assert "the latch is engaged" in killed["detail"]
    assert desk.service.halted is not None
    host.write_tape()
    async with run_desk() as desk:
        assert (await deployment(desk))["registry_version"] == 2
        assert desk.state.trading_state(Scope.GLOBAL, "") is TradingState.KILLED


async def test_a_disk_that_fills_up_over_a_load_loses_no_record_and_arms_nothing(host, registry, run_desk, promote):
    """The session that closes cannot be written down: trading halts, a kill is still possible, and a restart with room loads it."""
    promote()
    async with run_desk() as desk:
        await desk.arm()
        await desk.call("POST", "/v1/disarm", {"reason": "a test"})
        promote(warm_up=1)
        await becomes(desk, "PENDING")
        with full_disk():
            problem = await desk.call("POST", "/v1/deployments/load", expect=503)
            assert problem["detail"].startswith("trading halted while the session closed: the journal failed: the disk failed under")
            killed = await desk.call("POST", "/v1/kill", {"reason": "a test"}, expect=503)
            assert "the latch is engaged" in killed["detail"]
        assert desk.service.halted is not None
    async with run_desk() as desk:
        shown = await deployment(desk)
        assert (shown["registry_version"], shown["state"]) == (2, "KILLED")
    for journal in session_journals(host.home):
        verify_journal(journal, host.home / "journal" / "anchors.jsonl")


@contextmanager
def full_disk():
    """Let no file of this process grow beyond what a latch takes, so that every other write fails as on a full disk."""
    before = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (1_024, before[1]))
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, before)


async def test_the_home_stays_held_over_a_load(host, registry, run_desk, promote):
    """No other service can slip in between two sessions, and the session that ended is sealed with the reason why."""
    promote()
    async with run_desk() as desk:
        first = desk.service.session.journal_path
        promote(warm_up=1)
        await becomes(desk, "PENDING")
        await desk.call("POST", "/v1/deployments/load")
        with pytest.raises(StartError, match="another service runs"):
            lock_home(host.home)
        with JournalReader(first) as reader:
            (closed,) = [row.entry() for row in reader.rows(kinds=("SessionClosed",))]
        assert closed.reason == "all loads probe"
        assert verify_journal(first, host.home / "journal" / "anchors.jsonl").sealed


async def test_instruments_that_do_not_fit_the_journal_are_refused(host, registry, run_desk, promote, wall, tmp_path):
    """Scales are fixed for a journal's life: a version that defines them anew is named, and the session goes on."""
    promote()
    async with run_desk() as desk:
        host.bundle(warm_up=1)
        (folder,) = [one for one in (tmp_path / "strategies").iterdir() if one.name.endswith("-1")]
        text = (folder / "strategy.toml").read_text().replace("price_scale = 2", "price_scale = 3")
        (folder / "strategy.toml").write_text(text)
        registry.point("candidate", registry.register(host.sign(load_strategy_folder(folder, {"warm_up": 1}))))
        host.synchronise(wall)
        await becomes(desk, "PENDING")
        session_id = desk.service.session.session_id
        problem = await desk.call("POST", "/v1/deployments/load", expect=409)
        assert "nothing was changed" in problem["detail"]
        assert desk.service.session.session_id == session_id
        await desk.arm()


async def test_the_market_goes_on_over_a_load_without_a_bar_lost_or_doubled(host, registry, run_desk, promote):
    """The played tape stops with one session and goes on with the next; both journals verify, and both sessions replay alike."""
    bars = [host.make_bar(host.MARKET + number * host.MINUTE, told=2 if number % 50 == 7 else 3) for number in range(1, 1_500)]
    host.write_tape(host.make_bar(host.MARKET), *bars)
    host.configure(speed=60_000.0)
    promote()
    async with run_desk() as desk:
        await desk.arm()
        await desk.played(100)
        promote(warm_up=1)
        await becomes(desk, "PENDING")
        await desk.call("POST", "/v1/disarm", {"reason": "a test"})
        await desk.until(lambda: not desk.state.live_orders, "no order is alive")
        loaded = (await desk.call("POST", "/v1/deployments/load"))["loaded"]
        assert loaded["probe"]["registry_version"] == 2
        await desk.arm()
        await desk.until(lambda: desk.service.session.player.ended, "the tape is played to its end")
    journals = session_journals(host.home)
    assert len(journals) == 2
    followed = [event.ts_event for journal in journals for event in tape_of(host, journal) if not event.warm_up]
    assert followed == [bar.ts_event for bar in bars]
    for journal in journals:
        assert verify_journal(journal, host.home / "journal" / "anchors.jsonl").sealed
        assert replay_session(journal, loader(host)).identical


def tape_of(host, journal):
    """Give the market events of a session's tape."""
    for _, segment in list_segments(host.home / "tape" / journal.stem):
        yield from read_segment(segment)[1]


def loader(host):
    """Take strategy code out of the cache, where the bundles of earlier promotions stay."""

    def load(deployments):
        found = {}
        for path in cached_bundles(host.home):
            verified = verify_bundle(path.read_bytes(), [host.key.public], host.created_at)
            if verified.version.label in {one.version for one in deployments}:
                loaded = load_strategy(verified, host.home)
                found["probe"] = (loaded.strategy, loaded.warm_up_bars)
        return found

    return load
