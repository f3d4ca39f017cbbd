import json

import pytest

ALL = ("read", "arm", "disarm", "kill", "release")


@pytest.fixture(name="running")
def _running(service, monkeypatch):
    """Run the service, with its token at hand."""
    service.start()
    monkeypatch.setenv("INTERLOCK_TOKEN", service.token)
    return service


def test_the_control_plane_from_a_terminal(running, interlock):
    """Status, arming in two steps, disarming, a kill and its release, each with an answer for people and for programs."""
    status = interlock("status", "--json")
    assert status.code == 0
    assert [one["state"] for one in status.document["deployments"]] == ["DISARMED"]

    asked = interlock("arm", "probe", "--maximum-order-notional", "2000.00")
    assert asked.code == 1
    assert "arming needs a person at a terminal, or --phrase 'arm probe on binance-spot up to 2000.00000000 USDT'" in asked.error
    wrong = interlock("arm", "probe", "--phrase", "yes", "--json")
    assert wrong.code == 1
    assert "the phrase does not match" in wrong.document["error"]
    armed = interlock("arm", "probe", "--phrase", "arm probe on binance-spot up to 5000.00000000 USDT", "--lease-seconds", "60")
    assert armed.code == 0
    assert armed.out.startswith("probe is ARMED until 20")

    shown = interlock("status")
    assert "Deployments" in shown.out
    assert "ARMED" in shown.out
    assert "Positions: none" in shown.out
    assert "…" not in shown.out

    assert interlock("reduce-only", "--strategy", "probe").out == "strategy probe is REDUCE_ONLY\n"
    assert interlock("cancel-only").out == "everything is CANCEL_ONLY\n"
    assert interlock("reduce-only", "--json").document["state"] == "CANCEL_ONLY"
    assert interlock("disarm", "--strategy", "probe").out == "strategy probe is DISARMED\n"
    assert interlock("disarm", "--json").document == {"scope": "GLOBAL", "target": "", "state": "DISARMED"}
    assert interlock("release", "--reason", "nothing to release").code == 1
    assert interlock("kill").code == 0
    assert interlock("release", "--reason", "a test").out == "everything is DISARMED\n"


def test_a_strategy_that_still_warms_up_is_shown_with_its_bars(host, service, interlock, monkeypatch):
    """Nothing is wrong with a strategy that asks for nothing yet, and status says so; afterwards the column is gone."""
    host.bundle(warm_up=50)
    host.write_tape(*(host.make_bar(host.MARKET + number * host.MINUTE) for number in range(-7, 2)))
    host.configure(start="2020-09-13T12:26:40Z")
    service.start()
    monkeypatch.setenv("INTERLOCK_TOKEN", service.token)
    service.until(lambda: service.call("GET", "/v1/deployments")[0]["warm_up"]["had"][host.BTC], "history was handed over")
    (deployment,) = interlock("status", "--json").document["deployments"]
    assert (deployment["warm_up"]["lasts"], deployment["warm_up"]["needed"]) == (True, 50)
    shown = " ".join(interlock("status").out.split())
    assert "warm up" in shown
    assert f"{deployment['warm_up']['had'][host.BTC]} of 50 bars" in shown


def test_refusals_are_one_sentence(running, interlock, monkeypatch):
    """What the service refuses is printed as its sentence, on standard error, and exits with 1."""
    for arguments, expected in (
        (("arm", "prob"), "error: strategy 'prob' is not deployed: deployed are probe"),
        (("disarm", "--venue", "kraken"), "error: there is no 'VENUE kraken' here"),
        (("disarm", "--venue", "a", "--account", "b"), "error: name one of --strategy, --venue and --account"),
        (("resolve", "ILNOBODY", "ended", "--reason", "a statement"), "error: there is no order 'ILNOBODY' here"),
        (("arm", "probe", "--maximum-order-notional", "lots"), "error: maximum_order_notional: a decimal number was expected"),
    ):
        answer = interlock(*arguments)
        assert (answer.code, answer.out) == (1, "")
        assert answer.error.startswith(expected)
        assert answer.error.count("\n") == 1
    monkeypatch.setenv("INTERLOCK_TOKEN", "ilk_wrong")
    assert interlock("status").error.endswith("(set INTERLOCK_TOKEN)\n")
    monkeypatch.setenv("INTERLOCK_TOKEN", "é")
    assert interlock("status").code == 1


def test_without_a_service_it_says_how_to_start_one(interlock):
    """Nobody has to guess why nothing answers."""
    answer = interlock("status", "--json")
    assert answer.code == 1
    assert "start one with `interlock serve`" in answer.document["error"]


def test_something_else_at_the_address_is_no_service(interlock, host):
    """A page of another program is not taken for an answer."""
    import http.server
    import threading

    server = http.server.HTTPServer(("127.0.0.1", 0), http.server.BaseHTTPRequestHandler)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    host.home.mkdir()
    (host.home / "service.json").write_text(json.dumps({"host": "127.0.0.1", "port": server.server_port, "pid": 1}))
    try:
        answer = interlock("status")
        assert answer.code == 1
        assert "is something else listening there?" in answer.error
    finally:
        server.shutdown()
        server.server_close()


def test_tokens_are_made_listed_and_revoked(interlock, running):
    """A running service takes a new token at once, and refuses it as soon as it is revoked."""
    made = interlock("token", "new", "desk", "--scope", "read", "--json").document
    assert made["scopes"] == ["read"]
    running.token = made["token"]
    running.call("GET", "/v1/state")
    assert "desk: read" in interlock("token", "list").out
    assert {one["name"] for one in interlock("token", "list", "--json").document["tokens"]} == {"all", "desk"}
    assert interlock("token", "revoke", "desk").out == "the token of desk is revoked\n"
    running.call("GET", "/v1/state", expect=401)
    assert interlock("token", "revoke", "desk", "--json").code == 1
    assert "scope 'root' is not known" in interlock("token", "new", "x", "--scope", "root").error
