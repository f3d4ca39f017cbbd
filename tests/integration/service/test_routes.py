import itertools
import json
import os
from pathlib import Path

import pytest

from live.journal import JournalReader
from live.service.authority import ACCESS_SCOPES
from live.service.bootstrap import create_application

pytestmark = pytest.mark.anyio

SNAPSHOT = Path(__file__).with_name("openapi.json")
REASON = {"reason": "a test"}
DIGEST = "0" * 64

OPEN = {
    ("GET", "/healthz"): 200,
    ("GET", "/readyz"): 200,
    ("GET", "/metrics"): 200,
    ("GET", "/docs"): 200,
    ("GET", "/docs/oauth2-redirect"): 200,
    ("GET", "/redoc"): 200,
    ("GET", "/openapi.json"): 200,
}
"""Routes that need no token: they show nothing that was traded and change nothing."""

GUARDED = {
    ("GET", "/v1/state"): ("read", None, 200),
    ("GET", "/v1/deployments"): ("read", None, 200),
    ("GET", "/v1/orders"): ("read", None, 200),
    ("GET", "/v1/positions"): ("read", None, 200),
    ("GET", "/v1/fills"): ("read", None, 200),
    ("GET", "/v1/decisions"): ("read", None, 200),
    ("GET", "/v1/denials"): ("read", None, 200),
    ("GET", "/v1/latency"): ("read", None, 200),
    ("GET", "/v1/segments"): ("read", None, 200),
    ("GET", "/v1/segments/{digest}"): ("read", None, 404),
    ("GET", "/v1/sessions"): ("read", None, 200),
    ("GET", "/v1/sessions/{session_id}/anchors"): ("read", None, 404),
    ("GET", "/v1/sessions/{session_id}/journal"): ("read", None, 404),
    ("GET", "/v1/sessions/{session_id}/prefixes/{name}/journal"): ("read", None, 404),
    ("GET", "/v1/sessions/{session_id}/prefixes/{name}/segments/{digest}"): ("read", None, 404),
    ("GET", "/v1/summaries"): ("read", None, 200),
    ("GET", "/v1/summaries/{day}"): ("read", None, 404),
    ("GET", "/v1/summaries/{day}/page"): ("read", None, 404),
    ("POST", "/v1/deployments/load"): ("arm", None, 200),
    ("POST", "/v1/arm"): ("arm", {"strategy_id": "probe"}, 200),
    ("GET", "/v1/arm/{challenge_id}"): ("arm", None, 409),
    ("POST", "/v1/arm/confirm"): ("arm", {"challenge_id": "none", "phrase": "arm"}, 409),
    ("POST", "/v1/disarm"): ("disarm", REASON, 200),
    ("POST", "/v1/reduce-only"): ("disarm", REASON, 200),
    ("POST", "/v1/cancel-only"): ("disarm", REASON, 200),
    ("POST", "/v1/release"): ("release", REASON, 409),
    ("POST", "/v1/accounts/{account_id}/explain"): ("release", {"asset": "USDT", **REASON}, 404),
    ("POST", "/v1/orders/{order_id}/resolve"): ("release", {"resolution": "NEVER_PLACED", **REASON}, 404),
    ("POST", "/v1/kill"): ("kill", None, 200),
    ("POST", "/v1/strategies/{strategy_id}/kill"): ("kill", None, 200),
}
"""Each guarded route: the one scope that opens it, a body, and what it answers then."""


def routes(app):
    """List method and path of everything that the application answers, files of the documentation apart."""

    def walk(found):
        for route in found:
            inner = getattr(route, "original_router", None)
            if inner is not None:
                yield from walk(inner.routes)
            elif hasattr(route, "methods"):
                yield from ((method, route.path) for method in route.methods - {"HEAD"})
            else:
                yield ("MOUNT", route.path)

    return set(walk(app.routes))


def fill(path):
    """Put values in the places of a path."""
    values = {
        "{digest}": DIGEST,
        "{strategy_id}": "probe",
        "{session_id}": "000009-NOTTHERE",
        "{name}": "000000000001-1",
        "{day}": "2026-01-01",
    }
    for place, value in values.items():
        path = path.replace(place, value)
    return path


def test_every_route_is_listed_here(host):
    """A new route is given a scope, or is declared open, before it can be served."""
    app = create_application(host.configuration())
    assert routes(app) == {*OPEN, *GUARDED, ("MOUNT", "/static-offline-docs")}


async def test_every_route_opens_with_its_scope_and_no_other(run_desk, host):
    """Without a token and with an unknown one: 401. With every scope but the right one: 403. With the right one it answers."""
    async with run_desk() as desk:
        tokens = {scope: host.token(scope) for scope in ACCESS_SCOPES}
        tokens |= {f"all but {scope}": host.token(*(one for one in ACCESS_SCOPES if one != scope)) for scope in ACCESS_SCOPES}
        await desk.bar()
        for (method, path), expected in OPEN.items():
            answer = await desk.client.request(method, path)
            assert answer.status_code == expected, path
        for (method, path), (scope, body, expected) in GUARDED.items():
            assert (await desk.client.request(method, fill(path), json=body)).status_code == 401, path
            for credentials in ("Bearer unknown", "Basic dXNlcjpwYXNz", "Bearer", f"Token {desk.token}"):
                answer = await desk.client.request(method, fill(path), json=body, headers={"Authorization": credentials})
                assert answer.status_code == 401, (path, credentials)
                assert answer.headers["WWW-Authenticate"] == "Bearer"
            for other in (*(one for one in ACCESS_SCOPES if one != scope), f"all but {scope}"):
                answer = await desk.client.request(method, fill(path), json=body, headers={"Authorization": f"Bearer {tokens[other]}"})
                assert answer.status_code == 403, (path, other)
                assert answer.json()["required_scope"] == scope
            await desk.call(method, fill(path), body, expect=expected, token=tokens[scope])


async def test_a_refused_call_is_recorded_before_it_is_answered(run_desk, host):
    """Who called what without the right to is in the journal, by the route and not by what a stranger wrote into the path."""
    async with run_desk() as desk:
        viewer = host.token("read")
        await desk.call("POST", "/v1/kill", expect=403, token=viewer)
        await desk.call("GET", "/v1/segments/anything-at-all", expect=401, token="nobody")
        with JournalReader(desk.service.session.journal_path) as reader:
            denied = [row.entry() for row in reader.rows(kinds=("AccessDenied",))]
        assert [(one.principal, one.method, one.route, one.required_scope) for one in denied] == [
            ("read", "POST", "/v1/kill", "kill"),
            ("", "GET", "/v1/segments/{digest}", "read"),
        ]


async def test_a_flood_of_refused_calls_does_not_fill_the_journal(run_desk):
    """Beyond so many a minute they are counted and still refused."""
    async with run_desk() as desk:
        for _ in range(100):
            await desk.call("GET", "/v1/state", expect=401, token="nobody")
        metrics = (await desk.client.get("/metrics")).text
        assert 'interlock_access_denied_total{required_scope="read"} 100.0' in metrics
        assert "interlock_access_denied_unrecorded_total 40.0" in metrics


async def test_a_halted_service_still_tells_a_stranger_from_a_friend(run_desk, host):
    """After a halt nothing can be recorded, and a stranger still gets 401 or 403 and not an error of ours."""
    async with run_desk() as desk:
        desk.service.session.driver.halt("a test")
        await desk.call("POST", "/v1/kill", expect=401, token="nobody")
        await desk.call("POST", "/v1/kill", expect=403, token=host.token("read"))
        assert (await desk.call("GET", "/v1/state"))["halted"] == "a test"
        assert (await desk.client.get("/readyz")).json()["reasons"] == ["trading is halted: a test"]
        problem = await desk.call("POST", "/v1/disarm", REASON, expect=503)
        assert "trading halted: a test" in problem["detail"]


async def test_tokens_that_cannot_be_trusted_open_nothing(run_desk, host):
    """When the file was made readable for others, nobody is recognised, and strangers are not told where it lies."""
    async with run_desk() as desk:
        (host.keys / "tokens.json").chmod(0o644)
        problem = await desk.call("GET", "/v1/state", expect=503)
        assert "nobody is recognised" in problem["detail"]
        assert str(host.keys) not in problem["detail"]


BAD_BODIES = [
    ({"reason": "x", "surprise": 1}, 422, "body.surprise is not known"),
    ({}, 422, "body.reason is missing"),
    ({"reason": ""}, 422, "body.reason: String should have at least 1 character, received ''"),
    ({"reason": "x" * 201}, 422, "body.reason: String should have at most 200 characters"),
    ({"reason": 3}, 422, "body.reason: Input should be a valid string, received 3"),
    ({"reason": "x", "scope": "EVERYTHING"}, 422, "body.scope: Input should be 'GLOBAL', 'VENUE', 'ACCOUNT' or 'STRATEGY'"),
    ({"reason": "x", "scope": "VENUE", "target": "kraken"}, 404, "there is no 'VENUE kraken' here: there are GLOBAL, VENUE binance-spot"),
    ({"reason": "x", "scope": "STRATEGY"}, 404, "there is no 'STRATEGY' here"),
    ([], 422, "body: "),
    ("kill", 422, "body: "),
]


@pytest.mark.parametrize(("body", "status", "expected"), BAD_BODIES)
async def test_a_body_that_does_not_fit_gets_one_clear_sentence(run_desk, body, status, expected):
    """The sentence says where and what was received; nothing is killed by it."""
    async with run_desk() as desk:
        problem = await desk.call("POST", "/v1/disarm", body, expect=status)
        assert expected in problem["detail"]
        assert problem["status"] == status
        assert "\n" not in problem["detail"]
        assert len(problem["detail"]) < 400


@pytest.mark.parametrize(
    ("method", "path", "content", "status", "expected"),
    [
        ("GET", "/nowhere", b"", 404, "there is nothing at GET /nowhere: /docs says what there is"),
        ("GET", "/v1/kill", b"", 405, "GET /v1/kill is not allowed: use POST"),
        ("DELETE", "/v1/state", b"", 405, "DELETE /v1/state is not allowed: use GET"),
        ("POST", "/v1/disarm", b'{"reason": ', 422, "the body is no JSON"),
        ("POST", "/v1/disarm", b"\xff\xff", 400, "POST /v1/disarm: There was an error parsing the body"),
        ("POST", "/v1/disarm", b'{"reason": "' + b"x" * 70_000 + b'"}', 413, "a body of at most 65536 bytes is taken"),
        ("GET", "/v1/orders?limit=0", b"", 422, "query.limit: Input should be greater than or equal to 1, received '0'"),
        ("GET", "/v1/orders?limit=10001", b"", 422, "query.limit: Input should be less than or equal to 10000"),
        ("GET", "/v1/fills?limit=all", b"", 422, "query.limit: Input should be a valid integer"),
        ("GET", "/v1/orders?open_only=perhaps", b"", 422, "query.open_only"),
        ("GET", "/v1/segments/short", b"", 400, "64 lower-case hexadecimal digits, received 'short'"),
        ("GET", f"/v1/segments/{DIGEST}", b"", 404, f"no closed segment has the digest {DIGEST}"),
        ("GET", "/v1/segments/..%2f..%2f..%2fetc%2fpasswd", b"", 404, "there is nothing at GET"),
        ("GET", "/v1/segments/%2e%2e", b"", 400, "received '..'"),
    ],
)
async def test_what_cannot_be_answered_is_a_problem_body(run_desk, method, path, content, status, expected):
    """Unknown routes, methods, queries and bodies all get application/problem+json with one sentence."""
    async with run_desk() as desk:
        headers = {"Authorization": f"Bearer {desk.token}", "Content-Type": "application/json"}
        answer = await desk.client.request(method, path, content=content, headers=headers)
        assert answer.status_code == status, answer.text
        assert answer.headers["content-type"] == "application/problem+json"
        problem = answer.json()
        assert expected in problem["detail"]
        assert {"type", "title", "status", "detail"} <= set(problem)
        if status == 405:
            assert answer.headers["allow"]


@pytest.mark.parametrize("text", ['"\\ud800"', '"nul \\u0000 in it"', '"\\u202e right to left"', '"two\\nlines"'])
async def test_no_text_that_json_lets_through_breaks_the_journal(run_desk, text):
    """Half a surrogate pair cannot be written down, and is refused before it reaches the engine; all else is recorded as it is."""
    async with run_desk() as desk:
        headers = {"Authorization": f"Bearer {desk.token}", "Content-Type": "application/json"}
        for path in ("/v1/disarm", "/v1/kill"):
            answer = await desk.client.post(path, content=f'{{"reason": {text}}}', headers=headers)
            assert answer.status_code == (422 if "ud800" in text else 200), answer.text
        answer = await desk.client.post("/v1/arm/confirm", content=f'{{"challenge_id": {text}, "phrase": {text}}}', headers=headers)
        assert answer.status_code in {409, 422}, answer.text
        await desk.call("GET", "/v1/state")
        assert desk.service.halted is None


async def test_a_body_without_a_length_is_counted_as_it_comes(run_desk):
    """Leaving out Content-Length is no way around the limit."""
    async with run_desk() as desk:

        async def endless():
            for _ in itertools.repeat(None, 100):
                yield b" " * 1_024

        headers = {"Authorization": f"Bearer {desk.token}", "Content-Type": "application/json"}
        answer = await desk.client.post("/v1/disarm", content=endless(), headers=headers)
        assert answer.status_code == 413
        assert answer.headers["content-type"] == "application/problem+json"


async def test_an_unexpected_error_is_a_problem_body_too(run_desk, host):
    """What nobody thought of is answered with its kind, and told in full to the log only."""
    async with run_desk() as desk:
        path = desk.service.session.journal_path
        desk.service.session.deployments["probe"] = None
        problem = await desk.call("GET", "/v1/deployments", expect=500)
        assert problem["detail"] == "an unexpected AttributeError occurred: see the service's log"
        assert str(path) not in json.dumps(problem)


def test_the_api_is_the_one_that_was_written_down(host):
    """A change of routes or bodies is seen in review: with UPDATE_SNAPSHOTS=1 the snapshot is written anew when it is meant."""
    document = create_application(host.configuration()).openapi()
    if os.environ.get("UPDATE_SNAPSHOTS"):
        SNAPSHOT.write_text(json.dumps(document, indent=1, sort_keys=True) + "\n")
    assert json.loads(SNAPSHOT.read_text()) == document, (
        f"the API changed: if that is meant, write {SNAPSHOT.name} anew with UPDATE_SNAPSHOTS=1, and say it in CHANGELOG.md"
    )
