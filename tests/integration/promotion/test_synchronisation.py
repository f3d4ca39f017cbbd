from concurrent.futures import ThreadPoolExecutor, wait
from threading import Event

import pytest

from live.promotion import sign_bundle
from live.promotion.cache import cached_bundle_path, read_state, state_path


@pytest.fixture(name="sync")
def _sync(host, registry, wall):
    """Make one pass at the test's time and give what it found for the candidate and the champion."""

    def sync():
        host.configure()
        aliases = host.synchronise(wall).aliases
        return aliases["candidate"], aliases["champion"]

    return sync


@pytest.fixture(name="tags")
def _tags(registry):
    """Give what was written back to a version."""
    return lambda number=1: [registry.versions["probe"][number].get(f"interlock.{key}") for key in ("status", "reason")]


def promote(host, registry, alias="candidate", **bundle):
    """Register a bundle of the probe and move an alias to it."""
    number = registry.register(host.bundle(**bundle) if bundle else host.bundles["probe"])
    registry.point(alias, number)
    return number


def test_a_candidate_with_the_gates_signature_is_accepted_cached_and_told(host, registry, sync, tags):
    """The bundle lies in the cache byte for byte, the state names it, and the version's tags say so."""
    promote(host, registry)
    candidate, champion = sync()
    digest = registry.versions["probe"][1]["interlock.bundle"]
    assert (candidate.status, candidate.registry_version, candidate.accepted.bundle) == ("accepted", 1, digest)
    assert candidate.accepted.version.startswith("probe@")
    assert cached_bundle_path(host.home, digest).read_bytes() == host.bundles["probe"].read_bytes()
    assert champion.status == "unset"
    assert tags() == ["accepted", candidate.reason]


def test_nothing_is_fetched_or_written_back_when_nothing_changed(host, registry, sync):
    """The second pass asks for the alias and its version, and for nothing else."""
    promote(host, registry)
    before, _ = sync()
    registry.calls.clear()
    assert sync()[0] == before
    assert registry.calls == ["GET registered-models/get", "GET model-versions/get"]


def test_a_champion_moved_by_hand_is_refused_and_its_tags_say_why(host, registry, sync, tags):
    """An alias grants nothing: without a person's signature the version is refused, in one sentence where it was moved."""
    promote(host, registry, "champion", evidence_gate=True)
    _, champion = sync()
    assert (champion.status, champion.code, champion.accepted) == ("refused", "WRONG_ROLE", None)
    status, reason = tags()
    assert status == "refused"
    assert reason.startswith("refused as champion, WRONG_ROLE: a signature in the role approver is required here")


def test_a_champion_that_a_person_approved_is_accepted_though_the_version_is_the_same(host, registry, sync, tags):
    """The approved file has the digest of the one that was refused, and is fetched again all the same."""
    promote(host, registry, "champion", evidence_gate=True)
    registry.point("candidate", 1)
    candidate, champion = sync()
    assert (candidate.status, champion.status) == ("accepted", "refused")
    assert tags()[0] == "refused"
    ((place, content),) = registry.artifacts.items()
    registry.artifacts[place] = sign_bundle(content, host.approver)
    candidate, champion = sync()
    assert (candidate.status, champion.status) == ("accepted", "accepted")
    assert tags() == ["accepted", f"{candidate.reason}; {champion.reason}"]


def test_a_champion_needs_evidence_gates_that_hold(host, registry, sync):
    """A person's signature does not take the place of evidence."""
    promote(host, registry, "champion")
    ((place, content),) = registry.artifacts.items()
    registry.artifacts[place] = sign_bundle(content, host.approver)
    assert sync()[1].code == "EVIDENCE_GATES"


@pytest.mark.parametrize(
    ("tag", "value", "code"),
    [
        ("interlock.bundle", "", "UNTAGGED"),
        ("interlock.bundle", "../../etc/passwd", "UNTAGGED"),
        ("interlock.bundle_artifact", "", "UNTAGGED"),
        ("interlock.bundle_artifact", "bundle/none.json", "NO_ARTIFACT"),
        ("interlock.bundle", "0" * 64, "WRONG_DIGEST"),
    ],
)
def test_a_version_whose_tags_lead_elsewhere_is_refused(host, registry, sync, tag, value, code):
    """Whatever somebody who may write to the registry puts into a tag, it leads to a refusal."""
    promote(host, registry)
    registry.versions["probe"][1][tag] = value
    candidate, _ = sync()
    assert (candidate.status, candidate.code, candidate.accepted) == ("refused", code, None)


def test_a_bundle_of_another_strategy_or_tampered_with_is_refused(host, registry, sync):
    """A registered name says nothing about what is inside, and one changed byte spoils the file."""
    other = host.bundle("other", (host.ETH,))
    registry.point("candidate", registry.register(other))
    assert sync()[0].code == "WRONG_STRATEGY"
    number = promote(host, registry)
    ((place, content),) = ((key, value) for key, value in registry.artifacts.items() if key[0] == f"run-{number}")
    registry.artifacts[place] = content[:-40] + bytes([content[-40] ^ 1]) + content[-39:]
    assert sync()[0].status == "refused"


def test_a_refused_request_changes_nothing_that_may_run(host, registry, sync):
    """The alias moves to a version that is refused: what was accepted before it may still be loaded, and the refusal is told."""
    promote(host, registry)
    accepted = sync()[0].accepted
    number = promote(host, registry, warm_up=1)
    registry.versions["probe"][number]["interlock.bundle_artifact"] = "bundle/none.json"
    candidate, _ = sync()
    assert (candidate.status, candidate.registry_version, candidate.accepted) == ("refused", 2, accepted)


def test_a_removed_alias_and_a_deleted_version_take_everything_away(host, registry, sync):
    """Both are recorded as removed; when the alias comes back, so does the version."""
    promote(host, registry)
    sync()
    registry.point("candidate", None)
    candidate, _ = sync()
    assert (candidate.status, candidate.code, candidate.accepted) == ("removed", "ALIAS_REMOVED", None)
    registry.point("candidate", 1)
    assert sync()[0].status == "accepted"
    del registry.versions["probe"][1]
    assert sync()[0].status == "removed"


@pytest.mark.parametrize("trouble", ["down", "500", "401", "html"])
def test_a_registry_that_does_not_answer_takes_nothing_away(host, registry, sync, trouble):
    """Trading survives an outage: what was accepted stays, and the state says since when the registry is silent."""
    promote(host, registry)
    before = sync()[0]
    checked_at = read_state(host.home, "probe").checked_at
    if trouble == "down":
        registry.stop()
    else:
        status = int(trouble) if trouble.isdigit() else 200
        registry.answer = (status, "text/html", b"<p>")
    assert sync()[0] == before
    state = read_state(host.home, "probe")
    assert state.unreachable
    assert state.checked_at == checked_at


def test_expiry_and_revocation_need_no_registry(host, registry, sync, wall):
    """While the registry is down this host's own demands still hold: a revoked bundle is not accepted any more, nor an expired one."""
    promote(host, registry)
    accepted = sync()[0].accepted
    registry.stop()
    host.revoked = [accepted.bundle]
    candidate, _ = sync()
    assert (candidate.code, candidate.accepted) == ("REVOKED", None)
    host.revoked = []
    registry.start()
    assert sync()[0].status == "accepted"
    registry.stop()
    wall.now += 2 * host.DAY
    assert sync()[0].code == "EXPIRED"


def test_a_refusal_with_a_time_in_it_is_written_once(host, registry, sync, wall):
    """The sentence of the first pass stays, so that a clock in it does not write to the registry every few seconds."""
    promote(host, registry)
    wall.now += 2 * host.DAY
    first, _ = sync()
    registry.calls.clear()
    wall.now += host.DAY
    assert sync()[0] == first
    assert "POST model-versions/set-tag" not in registry.calls


def test_a_refusal_for_another_reason_of_the_same_kind_is_told(host, registry, sync, tags):
    """The host asks for one more gate: the sentence names it, and does not stay what it was when the version was first refused."""
    promote(host, registry)
    host.requirements = ("look_ahead",)
    first = sync()[0]
    host.requirements = ("look_ahead", "warm_up")
    candidate, _ = sync()
    assert (candidate.code, candidate.since) == ("REQUIREMENTS", first.since)
    assert "warm_up" in candidate.reason
    assert "warm_up" in tags()[1]


def test_a_verdict_that_cannot_be_written_back_still_holds(host, registry, sync):
    """A reader of the registry promotes nothing by it, and loses nothing: the state says that the tags are not there."""
    promote(host, registry)
    registry.read_only = True
    candidate, _ = sync()
    assert candidate.status == "accepted"
    assert candidate.note.startswith("the verdict could not be written back: ")


def test_what_cannot_be_cached_takes_nothing_away_and_hides_no_revocation(host, registry, sync):
    """A bundle that cannot be written is refused with the reason; what was revoked meanwhile is told to the service all the same."""
    promote(host, registry)
    digest = sync()[0].accepted.bundle
    number = promote(host, registry, warm_up=1)
    cached_bundle_path(host.home, registry.versions["probe"][number]["interlock.bundle"]).mkdir()
    candidate, _ = sync()
    assert (candidate.status, candidate.code, candidate.accepted.bundle) == ("refused", "CACHE_UNWRITABLE", digest)
    host.revoked = [digest]
    candidate, _ = sync()
    assert (candidate.code, candidate.accepted) == ("CACHE_UNWRITABLE", None)
    assert read_state(host.home, "probe").revoked == (digest,)


def test_of_two_passes_at_once_the_later_one_has_the_last_word(host, registry, sync):
    """A pass that asked before the alias was removed cannot write its answer over the one that asked after."""
    promote(host, registry)
    sync()
    respond, asked, go_on = registry.respond, Event(), Event()

    def answer_slowly(method, target, body):
        answer = respond(method, target, body)
        registry.respond = respond
        asked.set()
        go_on.wait(20)
        return answer

    registry.respond = answer_slowly
    with ThreadPoolExecutor() as threads:
        earlier = threads.submit(sync)
        assert asked.wait(20)
        registry.point("candidate", None)
        later = threads.submit(sync)
        wait([later], timeout=0.5)  # it has the time to answer first, and must not
        go_on.set()
        assert earlier.result(20)[0].status == "accepted"
        assert later.result(20)[0].status == "removed"
    assert read_state(host.home, "probe").aliases["candidate"].accepted is None


def test_another_registry_begins_with_nothing(host, registry, sync, wall):
    """What one registry's alias asked for is not inherited by the next one that is configured, not even while that one is down."""
    promote(host, registry)
    assert sync()[0].accepted is not None
    host.registry_url = "http://127.0.0.1:1"
    host.configure()
    state = host.synchronise(wall)
    assert (state.aliases, state.checked_at) == ({}, 0)


def test_a_linked_cache_is_replaced_and_what_it_led_to_is_left_alone(host, registry, sync, tmp_path):
    """A link in place of a cached file is written over, never through."""
    promote(host, registry)
    digest = sync()[0].accepted.bundle
    victim = tmp_path / "victim"
    victim.write_text("mine")
    for path in (state_path(host.home, "probe"), cached_bundle_path(host.home, digest)):
        path.unlink()
        path.symlink_to(victim)
    assert sync()[0].status == "accepted"
    assert victim.read_text() == "mine"
    assert not cached_bundle_path(host.home, digest).is_symlink()


def test_a_damaged_cache_is_written_anew_and_never_believed(host, registry, sync):
    """A broken state and a cached bundle that was changed are replaced by what the registry has and this host accepts."""
    promote(host, registry)
    digest = sync()[0].accepted.bundle
    state_path(host.home, "probe").write_text("{")
    cached_bundle_path(host.home, digest).write_bytes(b"{}")
    assert sync()[0].status == "accepted"
    assert cached_bundle_path(host.home, digest).read_bytes() == host.bundles["probe"].read_bytes()
