import gzip
import json

import pytest

from live.promotion.registry import MAXIMUM_ANSWER_BYTES, ModelRegistry, NotARegistry, RegistryMissing, RegistryRefused, RegistryUnreachable


@pytest.fixture(name="ask")
def _ask(registry):
    """Ask the registry without what the person who runs the tests has set."""
    with ModelRegistry(registry.url, {}) as ask:
        yield ask


def test_aliases_versions_and_artifacts_are_read(host, registry, ask):
    """What a promotion needs is read: which version an alias names, its tags and its run, and the file of the bundle."""
    number = registry.register(host.bundles["probe"])
    registry.point("candidate", number)
    assert ask.aliases("probe") == {"candidate": 1}
    version = ask.version("probe", 1)
    assert (version.model, version.number, version.run_id) == ("probe", 1, "run-1")
    assert [found.number for found in ask.versions("probe")] == [1]
    assert ask.artifact("run-1", version.tags["interlock.bundle_artifact"]) == host.bundles["probe"].read_bytes()


def test_what_is_not_there_is_told_apart_from_what_is_not_answered(registry, ask):
    """A model that nobody registered has no aliases; a version and a file that are not there are missing."""
    assert ask.aliases("probe") == {}
    assert ask.versions("probe") == []
    with pytest.raises(RegistryMissing):
        ask.version("probe", 7)
    with pytest.raises(RegistryMissing):
        ask.artifact("run-7", "bundle/none.json")


def test_aliases_and_tags_are_written(host, registry, ask):
    """An alias is set, moved and removed, and a tag is set; removing an alias that is not there is no error."""
    registry.register(host.bundles["probe"])
    ask.set_alias("probe", "candidate", 1)
    ask.set_tag(ask.version("probe", 1), "interlock.status", "accepted")
    assert registry.aliases["probe"] == {"candidate": 1}
    assert registry.versions["probe"][1]["interlock.status"] == "accepted"
    ask.remove_alias("probe", "candidate")
    ask.remove_alias("probe", "candidate")
    assert registry.aliases["probe"] == {}
    with pytest.raises(RegistryMissing):
        ask.set_alias("probe", "candidate", 9)


@pytest.mark.parametrize(
    ("answer", "expected", "sentence"),
    [
        ((404, "text/html", b"<h1>Not Found</h1>"), NotARegistry, "is no MLflow server"),
        ((200, "text/html", b"<h1>Hello</h1>"), NotARegistry, "is no MLflow server"),
        ((200, "application/json", b'{"registered_model": {"name": "other"}}'), NotARegistry, "was asked about 'probe'"),
        ((302, "text/html", b'{"registered_model": {"name": "probe"}}'), NotARegistry, "it answered 302"),
        ((200, "application/json", gzip.compress(b'{"registered_model": {"name": "probe"}}')), NotARegistry, "is no MLflow server"),
        ((500, "text/html", b"oops"), RegistryUnreachable, "answered 500"),
        ((503, "application/json", b'{"error_code": "TEMPORARILY_UNAVAILABLE"}'), RegistryUnreachable, "TEMPORARILY_UNAVAILABLE"),
        ((401, "text/plain", b"who?"), RegistryRefused, "set MLFLOW_TRACKING_USERNAME"),
        ((403, "application/json", b'{"error_code": "PERMISSION_DENIED", "message": "no"}'), RegistryRefused, "PERMISSION_DENIED: no"),
        ((200, "application/json", b" " * (MAXIMUM_ANSWER_BYTES + 1)), RegistryRefused, "more than"),
    ],
)
def test_every_other_answer_is_an_error_of_its_kind(registry, ask, answer, expected, sentence):
    """Trouble of the server, a refusal and a stranger at the address are told apart, and none of them reads as an empty registry."""
    registry.answer = answer
    with pytest.raises(expected, match=sentence):
        ask.aliases("probe")


@pytest.mark.parametrize(
    ("found", "sentence"),
    [
        ({"name": "other", "version": "1"}, "answered about 'other' and was asked about 'probe'"),
        ({"name": "probe", "version": "2"}, "answered with version 2 of probe, asked for 1"),
        ({"name": "probe", "version": 1}, "is no MLflow server"),
        ({"name": "probe", "version": "1.0"}, "numbered a version '1.0'"),
        ({"name": "probe", "version": "\u0661"}, "numbered a version"),
    ],
)
def test_another_version_than_the_one_asked_for_is_no_answer(registry, ask, found, sentence):
    """What is judged and tagged is the version that the alias names, and no other that a registry puts in its place."""
    registry.answer = (200, "application/json", json.dumps({"model_version": found}).encode())
    with pytest.raises(NotARegistry, match=sentence):
        ask.version("probe", 1)


def test_a_redirect_is_not_followed_and_is_no_bundle(registry, ask):
    """A page of a login in front of the registry is trouble at this time, not a file to judge."""
    registry.answer = (302, "text/html", b"<a href=/login>")
    with pytest.raises(NotARegistry, match="it answered 302"):
        ask.artifact("run-1", "bundle/probe.bundle.json")


def test_a_registry_that_is_down_is_unreachable(registry, ask):
    """Nobody listens: one sentence says where, and that what was accepted still stands."""
    registry.stop()
    with pytest.raises(RegistryUnreachable, match="what was accepted before still stands"):
        ask.aliases("probe")


@pytest.mark.parametrize(
    ("environment", "expected"),
    [
        ({}, None),
        ({"MLFLOW_TRACKING_TOKEN": "abc"}, "Bearer abc"),
        ({"MLFLOW_TRACKING_USERNAME": "ann", "MLFLOW_TRACKING_PASSWORD": "pw", "MLFLOW_TRACKING_TOKEN": "abc"}, "Basic YW5uOnB3"),
    ],
)
def test_credentials_come_from_the_environment_and_proxies_do_not(registry, monkeypatch, environment, expected):
    """The variables are MLflow's own; a proxy of the environment, which would see them, is not used."""
    monkeypatch.setenv("HTTP_PROXY", "http://127.0.0.1:1")
    monkeypatch.setenv("ALL_PROXY", "http://127.0.0.1:1")
    with ModelRegistry(registry.url, environment) as ask:
        assert ask.aliases("probe") == {}
    assert registry.sent.get("Authorization") == expected
