import asyncio

import pytest

from live.core.orders import OrderState
from live.latch import engage, latch_path

pytestmark = pytest.mark.anyio

SECOND = 1_000_000_000
ASK = {"strategy_id": "probe"}


async def confirm(desk, challenge, *, expect=200, **more):
    """Type the phrase."""
    body = {"challenge_id": challenge["challenge_id"], "phrase": challenge["phrase"], **more}
    return await desk.call("POST", "/v1/arm/confirm", body, expect=expect)


async def test_it_boots_disarmed_and_nothing_is_sent(run_desk, host):
    """Before somebody armed it, a strategy's wishes are denied with the reason."""
    async with run_desk() as desk:
        assert [one["state"] for one in await desk.call("GET", "/v1/deployments")] == ["DISARMED"]
        await desk.bar()
        await desk.bar(desk.BUY)
        assert {denial["code"] for denial in await desk.call("GET", "/v1/denials")} == {"STATE_DISARMED"}
        assert host.requests() == []


async def test_the_first_step_shows_what_would_be_armed(run_desk):
    """The preflight holds version, limits and what the lease would bind; the phrase holds the ceiling."""
    async with run_desk() as desk:
        challenge = await desk.call("POST", "/v1/arm", {**ASK, "maximum_order_notional": "2000.00"})
        assert challenge["phrase"] == "arm probe on binance-spot up to 2000.00000000 USDT"
        preflight = challenge["preflight"]
        assert preflight["blocks"] == []
        assert set(preflight["bound"]) == {"bundle", "configuration", "limits", "account", "session"}
        assert preflight["limits"]["maximum_order_notional"] == "5000.00000000"
        assert preflight["engine_matches_evidence"] is True


async def test_the_phrase_arms_and_a_lease_ends_by_itself(run_desk, wall):
    """Armed until the lease's end by the machine's clock; then the order is canceled and the strategy disarmed."""
    async with run_desk() as desk:
        order_id = await desk.rest_an_order()
        (lease,) = desk.service.session.gate.leases.values()
        assert lease.operator == "all"
        assert lease.expires_at == wall.now + 86_400 * SECOND - 60 * SECOND, "the bundle ends sooner than a day from now"
        wall.now = lease.expires_at
        await desk.until(lambda: not desk.service.session.gate.leases, "the lease ends")
        await desk.until(lambda: desk.state.orders[order_id].state is OrderState.CANCELED, "its order is canceled")
        assert [one["state"] for one in await desk.call("GET", "/v1/deployments")] == ["DISARMED"]


async def test_an_order_after_the_leases_end_is_held_back_before_anybody_noticed(run_desk, host, wall):
    """The gate looks at the clock itself: no order leaves between the end of a lease and the engine's knowing of it."""
    async with run_desk() as desk:
        await desk.arm(lease_seconds=30)
        await desk.bar()
        wall.now += 30 * SECOND
        await desk.bar(desk.REST)
        assert host.requests() == []
        states = {order["state"] for order in await desk.call("GET", "/v1/orders")}
        assert states <= {"NOT_SENT", "DENIED"}


async def test_a_clock_that_goes_back_ends_every_lease(run_desk, wall):
    """A lease ends by the machine's clock, so a clock that was set back would lengthen it."""
    async with run_desk() as desk:
        await desk.arm()
        wall.now -= 2 * SECOND
        await desk.until(lambda: not desk.service.session.gate.leases, "the lease ends")
        await desk.until(lambda: not desk.state.leases, "the engine knows")
        await desk.arm()


@pytest.mark.parametrize(
    ("seconds", "status"), [(0, 422), (-1, 422), (1, 200), (86_400, 200), (86_401, 422), (10**30, 422), ("1", 200), (1.5, 422)]
)
async def test_a_lease_lives_at_most_a_day(run_desk, seconds, status):
    """What is no length of a lease is refused, and the challenge stays open for another try."""
    async with run_desk() as desk:
        challenge = await desk.call("POST", "/v1/arm", ASK)
        await confirm(desk, challenge, expect=status, lease_seconds=seconds)
        if status != 200:
            await confirm(desk, challenge)


async def test_the_configured_longest_lease_holds(host, run_desk):
    """A host may allow less than a day, and a longer lease is refused without using the challenge up."""
    host.configure("[arming]\nmaximum_lease_seconds = 60")
    async with run_desk() as desk:
        challenge = await desk.call("POST", "/v1/arm", ASK)
        problem = await confirm(desk, challenge, expect=400, lease_seconds=61)
        assert problem["detail"] == "lease_seconds must lie within 1..60, received 61"
        await confirm(desk, challenge, lease_seconds=60)


@pytest.mark.parametrize(
    ("ceiling", "status", "granted"),
    [
        ("2000.00", 200, "2000.00000000"),
        ("9999999.00", 200, "5000.00000000"),
        ("0.00000001", 200, "0.00000001"),
        ("0", 400, None),
        ("-1", 400, None),
        ("nan", 400, None),
        ("1e400", 400, None),
        ("0.000000001", 400, None),
        ("all", 400, None),
        ("9" * 41, 422, None),
        (2000, 422, None),
    ],
)
async def test_a_ceiling_only_tightens(run_desk, ceiling, status, granted):
    """A ceiling above the limit is the limit, and what is no amount is refused."""
    async with run_desk() as desk:
        challenge = await desk.call("POST", "/v1/arm", {**ASK, "maximum_order_notional": ceiling}, expect=status)
        if granted is not None:
            assert granted in challenge["phrase"]
            assert (await confirm(desk, challenge))["maximum_order_notional"] == granted


async def test_an_order_above_the_ceiling_is_denied(run_desk, host):
    """The lease's ceiling is a limit of risk like any other."""
    async with run_desk() as desk:
        challenge = await desk.call("POST", "/v1/arm", {**ASK, "maximum_order_notional": "10.00"})
        await confirm(desk, challenge)
        await desk.bar()
        await desk.bar(desk.BUY)
        assert {denial["code"] for denial in await desk.call("GET", "/v1/denials")} == {"LEASE_NOTIONAL_EXCEEDED"}
        assert host.requests() == []


async def test_arming_twice_is_refused(run_desk):
    """While it is armed there is no second challenge, and one that is open already is void."""
    async with run_desk() as desk:
        one, other = await desk.call("POST", "/v1/arm", ASK), await desk.call("POST", "/v1/arm", ASK)
        await confirm(desk, one)
        assert "armed already" in (await confirm(desk, other, expect=409))["detail"]
        assert "armed already" in (await desk.call("POST", "/v1/arm", ASK, expect=409))["detail"]
        assert "not known or was used" in (await confirm(desk, one, expect=409))["detail"]


async def test_two_confirmations_at_the_same_time_arm_once(run_desk):
    """Of two people who type at the same moment one arms, and one is told so."""
    async with run_desk() as desk:
        challenges = [await desk.call("POST", "/v1/arm", ASK) for _ in range(2)]

        async def type_it(challenge):
            body = {"challenge_id": challenge["challenge_id"], "phrase": challenge["phrase"]}
            headers = {"Authorization": f"Bearer {desk.token}"}
            return (await desk.client.post("/v1/arm/confirm", json=body, headers=headers)).status_code

        assert sorted(await asyncio.gather(*map(type_it, challenges))) == [200, 409]
        assert len(desk.service.session.gate.leases) == 1


async def test_a_challenge_ends_and_is_void_after_a_kill(run_desk, wall):
    """A minute later, or after a kill, the phrase arms nothing."""
    async with run_desk() as desk:
        challenge = await desk.call("POST", "/v1/arm", ASK)
        wall.now += 60 * SECOND
        assert "expired" in (await confirm(desk, challenge, expect=409))["detail"]
        challenge = await desk.call("POST", "/v1/arm", ASK)
        await desk.call("POST", "/v1/kill", {"reason": "a test"})
        assert "kill latch of GLOBAL" in (await confirm(desk, challenge, expect=409))["detail"]


async def test_a_kill_between_grant_and_record_wins(run_desk):
    """Whoever arms while somebody else kills gets no lease."""
    async with run_desk() as desk:
        challenge = await desk.call("POST", "/v1/arm", ASK)
        held = desk.hold_journal()
        arming = asyncio.create_task(desk.service.confirm_arming(challenge["challenge_id"], challenge["phrase"], "ann", None))
        await desk.until(lambda: desk.state.leases, "the engine was told of the lease")
        killing = asyncio.create_task(desk.call("POST", "/v1/kill", {"reason": "a test"}))
        await desk.until(lambda: not desk.state.leases, "the engine was told of the kill")
        held.let_go()
        await killing
        with pytest.raises(Exception, match="it was killed or disarmed meanwhile"):
            await arming
        assert not desk.service.session.gate.leases


@pytest.mark.parametrize("how", ["disarm", "kill", "halt", "restart"])
async def test_a_lease_ends_with(run_desk, how):
    """Disarming, a kill, a halt and a restart each end the lease, at the gate and in the engine."""
    async with run_desk() as desk:
        await desk.arm()
        if how == "disarm":
            await desk.call("POST", "/v1/disarm", {"reason": "a test"})
        elif how == "kill":
            await desk.call("POST", "/v1/kill", {"reason": "a test"})
        elif how == "halt":
            desk.service.session.driver.halt("a test")
        if how != "restart":
            assert not desk.service.session.gate.leases
    async with run_desk() as desk:
        assert not desk.service.session.gate.leases
        assert not desk.state.leases
        assert (await desk.call("GET", "/v1/deployments"))[0]["state"] == ("KILLED" if how == "kill" else "DISARMED")


async def test_disarming_cancels_what_rests(run_desk, host):
    """At the end of the day nothing is left at the venue."""
    async with run_desk() as desk:
        order_id = await desk.rest_an_order()
        answer = await desk.call("POST", "/v1/disarm", {"reason": "end of day", "scope": "STRATEGY", "target": "probe"})
        assert answer["state"] == "DISARMED"
        await desk.until(lambda: f"CANCEL {order_id}" in host.requests(), "the cancel crosses")


async def test_a_scope_is_made_stricter_and_never_looser(run_desk):
    """Reduce-only and cancel-only tighten; the way back is through disarming and arming."""
    async with run_desk() as desk:
        await desk.arm()
        body = {"reason": "a test", "scope": "STRATEGY", "target": "probe"}
        assert (await desk.call("POST", "/v1/reduce-only", body))["state"] == "REDUCE_ONLY"
        assert (await desk.call("POST", "/v1/cancel-only", body))["state"] == "CANCEL_ONLY"
        assert (await desk.call("POST", "/v1/reduce-only", body))["state"] == "CANCEL_ONLY"


async def test_an_expired_bundle_is_not_armed(run_desk, host, wall):
    """A bundle that was verified at the start and ended since blocks arming, and its lease never outlives it."""
    async with run_desk() as desk:
        lease = await desk.arm()
        ends = host.created_at + host.DAY
        assert lease["expires_at"] == ends
        await desk.call("POST", "/v1/disarm", {"reason": "a test"})
        wall.now = ends
        assert "the bundle expired" in (await desk.call("POST", "/v1/arm", ASK, expect=409))["detail"]


async def test_a_feed_that_ended_blocks_arming(host, run_desk):
    """Nothing is armed that will never see a price."""
    host.write_tape(host.make_bar(host.MARKET), host.make_bar(host.MARKET + host.MINUTE))
    host.configure(speed=0.0)
    async with run_desk() as desk:
        await desk.until(lambda: desk.service.session.player.ended, "the tape ends")
        assert "no market data will come: the tape ended" in (await desk.call("POST", "/v1/arm", ASK, expect=409))["detail"]


async def test_what_is_not_deployed_is_not_armed(run_desk):
    """The answer says what is."""
    async with run_desk() as desk:
        problem = await desk.call("POST", "/v1/arm", {"strategy_id": "prob"}, expect=404)
        assert problem["detail"] == "strategy 'prob' is not deployed: deployed are probe"


async def test_an_order_in_the_same_breath_as_its_lease_finds_the_gate_open(run_desk, host):
    """A bar that comes while the lease is still being written down is traded on as soon as both are durable."""
    async with run_desk() as desk:
        await desk.bar()
        challenge = await desk.call("POST", "/v1/arm", ASK)
        held = desk.hold_journal()
        arming = asyncio.create_task(confirm(desk, challenge))
        await desk.until(lambda: desk.state.leases, "the engine was told of the lease")
        driver = desk.service.session.driver
        driver.feed(host.make_bar(driver.now() + host.MINUTE, told=desk.REST))
        assert host.requests() == []
        held.let_go()
        await arming
        await driver.settled()
        (order,) = desk.state.orders.values()
        assert order.state is OrderState.OPEN
        assert host.requests() == [f"SUBMIT {order.order_id}"]


async def test_a_latch_engaged_a_moment_ago_blocks_arming(run_desk, host):
    """The preflight looks at the files itself, and does not wait until the service has noticed."""
    async with run_desk() as desk:
        engage(latch_path(host.home, "account", "paper"), "from outside")
        problem = await desk.call("POST", "/v1/arm", ASK, expect=409)
        assert problem["blocks"] == ["the kill latch of ACCOUNT paper is engaged (from outside): release it with a reason"]
