import json
import signal
import subprocess
import sys

import pytest

from live.promotion import generate_key, verify_bundle
from live.promotion.cache import read_state, state_path


@pytest.fixture(name="registered")
def _registered(host, registry):
    """Register a bundle of the probe, with an evidence gate, that nobody promoted yet."""
    registry.register(host.bundle(evidence_gate=True), **{"gate.verdict": "passed"})
    return registry


@pytest.fixture(name="approver")
def _approver(host):
    """Make an approver's key on disk, and let the host trust it."""
    files = generate_key("bob", "approver", host.keys)
    public = files.public
    extra = "\n".join(["[[trusted_keys]]", *(f'{name} = "{getattr(public, name)}"' for name in ("name", "role", "keyid", "public"))])
    host.configure(extra)
    return files.private_path


def test_a_pass_says_what_every_alias_led_to(registered, interlock, host):
    """For people a row an alias, for programs a document; a refused request is no failure of the pass."""
    assert interlock("promote", "candidate", "probe", 1).out.startswith("candidate of probe asks for version 1 (a label)")
    answer = interlock("sync", "--json")
    assert answer.code == 0
    (state,) = answer.document["strategies"]
    assert {alias: one["status"] for alias, one in state["aliases"].items()} == {"candidate": "accepted", "champion": "unset"}
    registered.point("champion", 1)
    shown = interlock("sync")
    assert shown.code == 0
    assert "a signature in the role approver is required here" in shown.out


def test_a_registry_that_is_down_is_exit_code_1_and_the_state_is_still_shown(registered, interlock):
    """A single pass that could not ask says so, and what was accepted before is in the answer all the same."""
    registered.point("candidate", 1)
    assert interlock("sync").code == 0
    registered.stop()
    answer = interlock("sync", "--json")
    assert answer.code == 1
    assert "no registry answers" in answer.document["error"]
    assert answer.document["strategies"][0]["aliases"]["candidate"]["status"] == "accepted"
    shown = interlock("sync")
    assert shown.code == 1
    assert "accepted" in shown.out
    assert shown.error.startswith("error: no registry answers")


def test_a_cache_that_cannot_be_written_holds_up_no_other_strategys_pass(registered, interlock, host):
    """The first strategy's state cannot be written: the pass says so and exits with 1, and the second one's withdrawal is known."""
    registered.point("candidate", 1)
    assert interlock("sync").code == 0
    host.aliases = {"broken": "candidate", "probe": "candidate"}
    host.configure()
    state_path(host.home, "broken").mkdir()
    registered.point("candidate", None)
    answer = interlock("sync")
    assert answer.code == 1
    assert "broken.json cannot be written" in answer.error
    assert read_state(host.home, "probe").aliases["candidate"].status == "removed"


def test_without_a_registry_there_is_nothing_to_ask(host, interlock):
    """A host that names files has no registry, and is told how to get one."""
    for arguments in (("sync",), ("sync", "--watch"), ("promote", "list", "probe"), ("promote", "candidate", "probe", 1)):
        answer = interlock(*arguments)
        assert answer.code == 1
        assert "no registry is configured" in answer.error


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_watching_tells_what_changed_until_it_is_stopped(registered, host, number):
    """One line a change: what is there at first, an outage, its end, and a removed alias; SIGTERM and SIGINT end it with 0."""
    registered.point("candidate", 1)
    command = [sys.executable, "-c", "from live.cli.entry import main; main()", "sync", "--watch", "--json"]
    watch = subprocess.Popen(command, env=host.environment, stdout=subprocess.PIPE, text=True)
    assert watch.stdout is not None
    read = watch.stdout.readline
    try:
        first = [json.loads(read()) for _ in range(3)]
        assert [(one.get("alias"), one.get("status")) for one in first] == [(None, None), ("candidate", "accepted"), ("champion", "unset")]
        registered.stop()
        assert "no registry answers" in json.loads(read())["unreachable"]
        registered.start()
        assert json.loads(read())["unreachable"] == ""
        registered.point("candidate", None)
        assert json.loads(read())["status"] == "removed"
        watch.send_signal(number)
        assert (watch.wait(20), watch.stdout.read()) == (0, "")
    finally:
        watch.kill()
        watch.wait()
        watch.stdout.close()


def test_aliases_are_set_moved_and_removed(registered, interlock):
    """A version that is not there, and a command that says neither a version nor --remove, change nothing."""
    assert interlock("promote", "champion", "probe", 1, "--json").document["registry_version"] == 1
    assert registered.aliases["probe"] == {"champion": 1}
    assert interlock("promote", "champion", "probe", 9).code == 1
    assert interlock("promote", "champion", "probe").code == 1
    assert interlock("promote", "champion", "not a name", 1).code == 1
    assert registered.aliases["probe"] == {"champion": 1}
    assert "may only reduce" in interlock("promote", "champion", "probe", "--remove").out
    assert registered.aliases["probe"] == {}


def test_versions_are_listed_with_aliases_and_verdicts(registered, interlock):
    """A person sees what each version was judged, who points at it and what sync made of it."""
    registered.point("candidate", 1)
    interlock("sync")
    (row,) = interlock("promote", "list", "--json").document["versions"]
    assert (row["registry_version"], row["aliases"], row["verdict"], row["status"]) == (1, ["candidate"], "passed", "accepted")
    assert "candidate" in interlock("promote", "list", "probe").out


def test_a_person_approves_a_version_of_the_registry(registered, interlock, approver, host):
    """The registry's file gains the signature, the version stays the same one, and the champion is accepted with the next pass."""
    registered.point("champion", 1)
    assert interlock("sync", "--json").document["strategies"][0]["aliases"]["champion"]["code"] == "WRONG_ROLE"
    answer = interlock("promote", "approve", "probe@1", "--key", approver, "--json")
    assert answer.code == 0
    assert (answer.document["approved_by"], answer.document["failed_evidence_gates"]) == ("bob", [])
    assert interlock("sync", "--json").document["strategies"][0]["aliases"]["champion"]["status"] == "accepted"


def test_a_person_approves_a_file(registered, interlock, approver, host):
    """The file gains a signature and is the same bundle; one without evidence gates says that it cannot be champion."""
    path = host.bundle("other")
    before = verify_bundle(path.read_bytes(), [host.key.public], host.created_at)
    shown = interlock("promote", "approve", path, "--key", approver)
    assert shown.code == 0
    assert "no champion yet" in shown.out
    after = verify_bundle(path.read_bytes(), host.configuration().trusted_keys, host.created_at, ("gate", "approver"))
    assert after.digest == before.digest


def test_nobody_signs_what_does_not_verify(registered, interlock, approver, host):
    """A bundle by an unknown key or with a changed byte, and a gate's key in place of a person's, are refused and nothing is written."""
    path = host.bundles["probe"]
    content = path.read_bytes()
    path.write_bytes(content[:-40] + bytes([content[-40] ^ 1]) + content[-39:])
    spoiled = path.read_bytes()
    assert interlock("promote", "approve", path, "--key", approver).code in {1, 2}
    assert path.read_bytes() == spoiled
    gate = generate_key("second-gate", "gate", host.keys).private_path
    path.write_bytes(content)
    answer = interlock("promote", "approve", path, "--key", gate)
    assert answer.code == 1
    assert "is a gate key" in answer.error
    registered.versions["probe"][1]["interlock.bundle"] = "0" * 64
    assert interlock("promote", "approve", "probe@1", "--key", approver).code == 2


def test_a_registry_names_no_file_that_would_be_written_to(registered, interlock, approver, host, monkeypatch):
    """A run whose artifacts are said to lie anywhere on this machine leads to a file in the home's bundles, with a word on what to do."""
    victim = host.directory / "victim"
    artifact = registered.versions["probe"][1]["interlock.bundle_artifact"]
    (victim / "bundle").mkdir(parents=True)
    (victim / artifact).write_text("mine")
    respond = registered.respond

    def lie(method, target, body):
        if "artifacts/list" in target:
            return 200, "application/json", json.dumps({"root_uri": victim.as_uri()}).encode()
        return respond(method, target, body)

    monkeypatch.setattr(registered, "respond", lie)
    answer = interlock("promote", "approve", "probe@1", "--key", approver, "--json")
    assert answer.code == 0
    assert answer.document["file"].startswith(str(host.home / "bundles"))
    assert (victim / artifact).read_text() == "mine"


def test_load_takes_what_is_pending(registered, service, interlock, monkeypatch):
    """The command line loads a promotion while nothing is armed, says when there is none, and status shows what is pending."""
    service.start()
    monkeypatch.setenv("INTERLOCK_TOKEN", service.token)
    assert "WAITING" in interlock("status").out
    registered.point("candidate", 1)
    assert interlock("sync").code == 0
    service.until(lambda: service.call("GET", "/v1/deployments")[0]["pending"], "the promotion is pending")
    assert "PENDING" in interlock("status").out
    assert interlock("load").out.startswith("loaded probe@")
    assert interlock("load").out == "nothing is pending\n"
    assert service.call("GET", "/v1/deployments")[0]["status"] == "LOADED"
    service.arm()
    registered.register(service.host.bundle(open_orders=4))
    registered.point("candidate", 2)
    interlock("sync")
    service.until(lambda: service.call("GET", "/v1/deployments")[0]["pending"], "the promotion is pending")
    answer = interlock("load")
    assert answer.code == 1
    assert "probe is armed: disarm first" in answer.error
    assert service.signal(signal.SIGTERM) == 0
