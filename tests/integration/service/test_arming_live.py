"""Arming LIVE, on a venue that nobody answers at: what it knows of clock and account is told by the test."""

import asyncio
import json

import pytest
from msgspec.structs import replace
from pyotp.totp import TOTP

from live.configuration.credentials import key_file
from live.configuration.venues import adapter_address
from live.core import inputs
from live.promotion import sign_bundle
from live.promotion.conformance import (
    CONFORMANCE_SCHEMA,
    MAXIMUM_AGE,
    CaseResult,
    ConformanceEvidence,
    conformance_path,
    sign_conformance,
    write_conformance,
)
from live.service.authority import create_token
from live.service.one_time_codes import create_secret
from live.service.views import journal_entries
from live.venues.conformance.numbering import CASE_NUMBERS, KIT_VERSION

pytestmark = pytest.mark.anyio

SECOND = 1_000_000_000
ASK = {"strategy_id": "probe"}
PHRASE = "arm LIVE probe on binance-spot up to 5000.00000000 USDT"


class LiveHost:
    """A host whose only deployment is LIVE, with all that arming asks for; a test takes something away."""

    def __init__(self, host, wall):
        self.host, self.wall = host, wall
        self.secrets = {}
        self.configure()
        path = key_file(host.keys, "real")
        path.parent.mkdir(parents=True)
        path.write_text('key = "public-part"\nsecret = "hunter2"\n')
        path.chmod(0o600)
        self.approve()
        self.show_conformance()
        self.tokens = {name: create_token(host.keys, name, ("read", "arm", "disarm")) for name in ("ann", "bob")}
        self.enrol("ann")

    def configure(self, live="", *, simulated=True):
        """Write the configuration: the host's own, with its account and venue made real."""
        host = self.host
        host.configure(feed=False)
        text = host.file.read_text()
        venue = f'kind = "ccxt"\ndialect = "binance"\nsimulated = {json.dumps(simulated)}\nhttp = "http://127.0.0.1:1"\n'
        for old, new in (
            ('[accounts.paper]\nbalances = { USDT = "10000.00" }', "[accounts.real]"),
            ('request_log = "requests.log"', f'{venue}web_socket = "ws://127.0.0.1:1"'),
            ('account = "paper"', 'account = "real"\nmode = "LIVE"'),
        ):
            assert old in text
            text = text.replace(old, new)
        host.file.write_text(f"{text}\n[arming]\nchallenge_seconds = 600\n[live]\nenabled = true\n{live}\n")

    def approve(self):
        """Let a person sign the bundle, too."""
        path = self.host.bundles["probe"]
        path.write_bytes(sign_bundle(path.read_bytes(), self.host.approver))

    def enrol(self, name):
        """Give an operator one-time codes."""
        self.secrets[name] = create_secret(self.host.keys, name, self.wall.now)

    def show_conformance(self, *, finished_at=None, outcome="passed", **changes):
        """Put signed evidence into the home, of a run that just ended."""
        configuration = self.host.configuration()
        adapter = replace(adapter_address("binance-spot", configuration.venues["binance-spot"], KIT_VERSION), **changes)
        cases = tuple(CaseResult(case=case, sentence="It holds.", outcome=outcome) for case in CASE_NUMBERS)
        ended = self.wall.now if finished_at is None else finished_at
        evidence = ConformanceEvidence(schema=CONFORMANCE_SCHEMA, adapter=adapter, started_at=ended, finished_at=ended, cases=cases)
        write_conformance(self.host.home, "binance-spot", sign_conformance(evidence, self.host.key))

    def code(self, name="ann"):
        """Give the code that an operator's phone shows; the next time another one."""
        self.wall.now += 30 * SECOND
        return TOTP(self.secrets[name].secret).at(self.wall.now // SECOND)

    def settle(self, desk):
        """Tell the engine that clock and account are in order."""
        driver = desk.service.session.driver
        end = driver.now() + 3_600 * SECOND
        driver.feed(inputs.ClockSampled(driver.now(), "binance-spot", 1_000_000, 500_000, end))
        driver.feed(inputs.ReconciliationReported(driver.now(), "real", clean=True, detail="", valid_until=end))

    async def request(self, desk, *, expect=200, name="ann"):
        """Take the first step."""
        return await desk.call("POST", "/v1/arm", ASK, expect=expect, token=self.tokens[name])

    async def confirm(self, desk, challenge, code, *, expect=200, name="ann", phrase=PHRASE, **more):
        """Take the second step."""
        body = {"challenge_id": challenge["challenge_id"], "phrase": phrase, **more}
        if code is not None:
            body["code"] = code
        return await desk.call("POST", "/v1/arm/confirm", body, expect=expect, token=self.tokens[name])


@pytest.fixture(name="live")
def _live(host, wall):
    return LiveHost(host, wall)


async def test_phrase_and_code_arm_live(run_desk, live):
    """The preflight shows what orders would rest on, and neither phrase nor code alone is enough."""
    async with run_desk() as desk:
        live.settle(desk)
        challenge = await live.request(desk)
        assert (challenge["phrase"], challenge["needs_code"], challenge["persons"]) == (PHRASE, True, 1)
        preflight = challenge["preflight"]
        assert set(preflight["bound"]) == {"bundle", "configuration", "limits", "account", "session", "mode", "conformance", "key"}
        assert preflight["conformance"] == f"{len(CASE_NUMBERS)} cases passed, signed by gate, 0 days old"
        assert preflight["clock"] == "+1.0 ms, uncertain by 0.5 ms"
        assert (preflight["reconciliation"], preflight["positions"], preflight["simulated_venue"]) == ("clean", {}, True)
        assert preflight["key"].endswith("real.toml, 0 days old")
        assert "hunter2" not in json.dumps(challenge)
        assert "arming LIVE needs the one-time code of ann" in (await live.confirm(desk, challenge, None, expect=400))["detail"]
        assert (await live.confirm(desk, challenge, "000000", expect=409))["reason"] == "WRONG"
        assert "does not match" in (await live.confirm(desk, challenge, live.code(), expect=409, phrase="yes"))["detail"]
        lease = await live.confirm(desk, challenge, live.code(), lease_seconds=60)
        assert (lease["confirmed_by"], lease["waits_for_persons"]) == (["ann"], 0)
        (held,) = desk.service.session.gate.leases.values()
        assert (held.lease_id, held.operator, held.expires_at) == (lease["lease_id"], "ann", live.wall.now + 60 * SECOND)


async def test_a_code_arms_once(run_desk, live):
    """Whoever saw it being typed cannot arm again with it."""
    async with run_desk() as desk:
        live.settle(desk)
        code = live.code()
        await live.confirm(desk, await live.request(desk), code)
        await desk.call("POST", "/v1/disarm", {"reason": "a test"})
        problem = await live.confirm(desk, await live.request(desk), code, expect=409)
        assert problem["reason"] == "USED"
        assert not desk.service.session.gate.leases


async def test_a_token_without_codes_begins_nothing(run_desk, live):
    """It is said before anybody types a phrase."""
    async with run_desk() as desk:
        live.settle(desk)
        problem = await live.request(desk, expect=409, name="bob")
        assert "bob has no one-time codes, and LIVE needs one: make one with `interlock keys one-time-code NAME`" in problem["detail"]


async def test_two_persons_arm_where_two_are_needed(run_desk, live):
    """Each with a token and a code of their own, on what both saw; the shorter lease holds."""
    live.configure("second_person = true")
    async with run_desk() as desk:
        live.settle(desk)
        assert "LIVE needs 2 persons with one-time codes here, and only ann" in (await live.request(desk, expect=409))["detail"]
        live.enrol("bob")
        challenge = await live.request(desk)
        first = await live.confirm(desk, challenge, live.code(), lease_seconds=600)
        assert (first["lease_id"], first["confirmed_by"], first["waits_for_persons"]) == (None, ["ann"], 1)
        assert not desk.service.session.gate.leases
        again = await live.confirm(desk, challenge, live.code(), expect=409)
        assert again["detail"] == "ann confirmed already: another person must, with a token and a code of their own"
        seen = await desk.call("GET", f"/v1/arm/{challenge['challenge_id']}", token=live.tokens["bob"])
        assert {name: seen[name] for name in ("strategy_id", "phrase", "confirmed_by")} == {
            "strategy_id": "probe",
            "phrase": PHRASE,
            "confirmed_by": ["ann"],
        }
        assert seen["preflight"]["bound"] == challenge["preflight"]["bound"]
        lease = await live.confirm(desk, challenge, live.code("bob"), name="bob", lease_seconds=300)
        assert lease["confirmed_by"] == ["ann", "bob"]
        (held,) = desk.service.session.gate.leases.values()
        assert (held.operator, held.expires_at) == ("ann and bob", live.wall.now + 300 * SECOND)


async def test_two_persons_who_confirm_at_once_both_count(run_desk, live):
    """Neither confirmation gets lost, and there is one lease."""
    live.configure("second_person = true")
    live.enrol("bob")
    async with run_desk() as desk:
        live.settle(desk)
        challenge = await live.request(desk)
        codes = {name: live.code(name) for name in ("ann", "bob")}
        done = await asyncio.gather(*(live.confirm(desk, challenge, code, name=name) for name, code in codes.items()))
        assert sorted(one["waits_for_persons"] for one in done) == [0, 1]
        assert len(desk.service.session.gate.leases) == 1


async def test_what_the_first_person_saw_may_not_change_for_the_second(run_desk, live):
    """Evidence that is replaced between two confirmations voids the first one."""
    live.configure("second_person = true")
    live.enrol("bob")
    async with run_desk() as desk:
        live.settle(desk)
        challenge = await live.request(desk)
        await live.confirm(desk, challenge, live.code())
        live.show_conformance()
        problem = await live.confirm(desk, challenge, live.code("bob"), expect=409, name="bob")
        assert problem["changed"] == ["conformance"]
        assert not desk.service.session.gate.leases


@pytest.mark.parametrize(
    ("take_away", "said"),
    [
        (lambda live: conformance_path(live.host.home, "binance-spot").unlink(), "conformance MISSING: the adapter never showed"),
        (lambda live: live.show_conformance(finished_at=live.wall.now - MAXIMUM_AGE), "conformance EXPIRED"),
        (lambda live: live.show_conformance(adapter_digest="0" * 64), "conformance OTHER_ADAPTER"),
        (lambda live: live.show_conformance(http="http://127.0.0.1:2"), "conformance OTHER_ADDRESS"),
        (lambda live: live.show_conformance(outcome="failed"), "conformance FAILED"),
        (lambda live: key_file(live.host.keys, "real").unlink(), "account real has no key"),
    ],
)
async def test_live_is_not_armed_without_what_its_orders_rest_on(run_desk, live, take_away, said):
    """Evidence that counts for this adapter at this address, and a key."""
    async with run_desk() as desk:
        live.settle(desk)
        take_away(live)
        (block,) = (await live.request(desk, expect=409))["blocks"]
        assert said in block
        unready = [reason for reason in desk.service.unready() if reason.startswith("deployment probe cannot be armed, conformance")]
        assert len(unready) == ("conformance" in said)


async def test_silence_about_clock_and_account_is_not_consent(run_desk, live):
    """Until both were measured and compared, and while either is off, nothing is armed."""
    async with run_desk() as desk:
        clock, account = (await live.request(desk, expect=409))["blocks"]
        assert clock.startswith("the clock of binance-spot was not measured, or too long ago")
        assert account.startswith("account real was not compared with the venue's, or too long ago")
        live.settle(desk)
        driver = desk.service.session.driver
        end = driver.now() + SECOND * 3_600
        driver.feed(inputs.ClockSampled(driver.now(), "binance-spot", -60 * SECOND, 0, end))
        driver.feed(inputs.ReconciliationReported(driver.now(), "real", clean=False, detail="USDT differs", valid_until=end))
        clock, account = (await live.request(desk, expect=409))["blocks"]
        assert clock.startswith("the clock of binance-spot is off by -60000.0 ms")
        assert account == "account real differs from the venue's: USDT differs"
        past = driver.now() - 1
        driver.feed(inputs.ClockSampled(driver.now(), "binance-spot", 0, 0, past))
        driver.feed(inputs.ReconciliationReported(driver.now(), "real", clean=True, detail="", valid_until=past))
        clock, account = (await live.request(desk, expect=409))["blocks"]
        assert clock.startswith("the clock of binance-spot was not measured, or too long ago")
        assert account.startswith("account real was not compared with the venue's, or too long ago")


@pytest.mark.parametrize(
    ("drift", "reason"),
    [
        (lambda live: live.show_conformance(finished_at=live.wall.now - 1), "its conformance evidence was replaced"),
        (lambda live: conformance_path(live.host.home, "binance-spot").unlink(), "conformance MISSING"),
        (lambda live: conformance_path(live.host.home, "binance-spot").write_bytes(b"{}"), "conformance UNREADABLE"),
    ],
)
async def test_a_lease_ends_when_the_evidence_it_rests_on_drifts(run_desk, live, drift, reason):
    """Removed, replaced or damaged: the strategy is disarmed, and the journal says why."""
    async with run_desk() as desk:
        live.settle(desk)
        await live.confirm(desk, await live.request(desk), live.code())
        drift(live)
        await desk.until(lambda: not desk.service.session.gate.leases, "the lease ends")
        await desk.until(lambda: not desk.state.leases, "the engine knows")
        driver = desk.service.session.driver
        await driver.durable(driver.loop.last_seq)
        assert reason in journal_entries(live.host.home, ("LeaseChanged",), 1)[0]["reason"]


@pytest.mark.parametrize("event", ["clock", "reconciliation"])
async def test_a_lease_ends_with_a_fault_of_clock_or_account(run_desk, live, event):
    """The engine takes it away, and the next order finds the gate shut as well."""
    async with run_desk() as desk:
        live.settle(desk)
        await live.confirm(desk, await live.request(desk), live.code())
        driver = desk.service.session.driver
        end = driver.now() + 3_600 * SECOND
        driver.feed(
            inputs.ClockSampled(driver.now(), "binance-spot", 60 * SECOND, 0, end)
            if event == "clock"
            else inputs.ReconciliationReported(driver.now(), "real", clean=False, detail="USDT differs", valid_until=end)
        )
        assert not desk.state.leases


async def test_a_lease_ends_before_its_evidence_does(run_desk, live):
    """Evidence that counts for another minute makes a lease of a minute, and then no other."""
    ends = live.wall.now + 90 * SECOND
    live.show_conformance(finished_at=ends - MAXIMUM_AGE)
    async with run_desk() as desk:
        live.settle(desk)
        lease = await live.confirm(desk, await live.request(desk), live.code())
        assert lease["expires_at"] == ends
        live.wall.now = ends
        assert any("conformance EXPIRED" in block for block in desk.service.preflight("probe").blocks)


async def test_live_needs_an_approver_and_real_money_the_evidence_gates_too(run_desk, host, wall):
    """A bundle that only the gate signed is refused, and one whose gates do not hold is refused where money is real."""
    live = LiveHost(host, wall)
    approved = host.bundles["probe"]
    live.configure(simulated=False)
    async with run_desk() as desk:
        (deployment,) = await desk.call("GET", "/v1/deployments")
        assert "real money is behind binance-spot, so the evidence gates must hold" in deployment["reason"]
        assert "real money is behind binance-spot" in (await live.request(desk, expect=409))["blocks"][0]
    host.bundle(evidence_gate=True)
    assert host.bundles["probe"] != approved
    live.configure(simulated=False)
    async with run_desk() as desk:
        (deployment,) = await desk.call("GET", "/v1/deployments")
        assert "a signature in the role approver is required here" in deployment["reason"]
    live.approve()
    async with run_desk() as desk:
        (deployment,) = await desk.call("GET", "/v1/deployments")
        assert (deployment["status"], deployment["mode"]) == ("LOADED", "LIVE")


async def test_a_challenge_is_shown_to_those_who_may_arm(run_desk, live):
    """And one that is not open to nobody."""
    async with run_desk() as desk:
        live.settle(desk)
        challenge = await live.request(desk)
        path = f"/v1/arm/{challenge['challenge_id']}"
        reader = create_token(live.host.keys, "viewer", ("read",))
        await desk.call("GET", path, expect=403, token=reader)
        await desk.call("GET", "/v1/arm/guess", expect=409)
        assert (await desk.call("GET", path))["phrase"] == PHRASE
