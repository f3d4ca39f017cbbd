"""LIVE from a terminal: one-time codes, a second person, and what the doctor asks for."""

import json
import threading
import time
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import pytest

from live.promotion import generate_key, load_signing_key
from live.promotion.conformance import conformance_path
from live.service.authority import create_token
from live.service.one_time_codes import create_secret, read_secret

CHALLENGE = {
    "challenge_id": "c-1",
    "strategy_id": "probe",
    "phrase": "arm LIVE probe on binance-spot up to 5000.00000000 USDT",
    "expires_at": 1_700_000_060 * 10**9,
    "needs_code": True,
    "persons": 2,
    "confirmed_by": [],
    "preflight": {
        "blocks": [],
        "bound": {"mode": "LIVE"},
        "limits": {"maximum_order_quantity": {}, "maximum_open_orders": 5},
        "unknown_orders": [],
        "positions": {"binance-spot:BTCUSDT": "0.5000"},
        "balances": {},
    },
}
WAITING = {"lease_id": None, "challenge_id": "c-1", "expires_at": 1_700_000_060 * 10**9, "confirmed_by": ["ann"], "waits_for_persons": 1}
LEASE = {"lease_id": "l-1", "expires_at": 1_700_000_600 * 10**9, "maximum_order_notional": "5000.00000000", "waits_for_persons": 0}


class Desk(ThreadingHTTPServer):
    """A control plane that gives set answers, and keeps what it was asked."""

    def __init__(self):
        self.asked = []
        self.lease = WAITING
        desk = self

        class Handler(BaseHTTPRequestHandler):
            def log_message(self, *_):
                """Say nothing."""

            def _answer(self):
                body = self.rfile.read(int(self.headers.get("Content-Length", 0)))
                desk.asked.append((self.command, self.path, json.loads(body) if body else None))
                content = json.dumps(desk.lease if self.path == "/v1/arm/confirm" else CHALLENGE).encode()
                self.send_response(200)
                self.send_header("Content-Type", "application/json")
                self.send_header("Content-Length", str(len(content)))
                self.end_headers()
                self.wfile.write(content)

            do_GET = do_POST = _answer  # noqa: N815 - the names that http.server calls

        super().__init__(("127.0.0.1", 0), Handler)


@pytest.fixture(name="desk")
def _desk(host):
    desk = Desk()
    threading.Thread(target=desk.serve_forever, args=(0.005,), daemon=True).start()
    host.home.mkdir()
    (host.home / "service.json").write_text(json.dumps({"host": "127.0.0.1", "port": desk.server_port, "pid": 1}))
    yield desk
    desk.shutdown()
    desk.server_close()


def test_arming_live_needs_a_code_and_may_wait_for_a_second_person(interlock, desk):
    """The first is told what the second must type; the second confirms the same challenge, whose ceiling stands."""
    asked = interlock("arm", "probe", "--phrase", CHALLENGE["phrase"])
    assert asked.code == 1
    assert "arming needs a person at a terminal, or --phrase" in asked.error
    assert "and --code with your one-time code" in asked.error
    first = interlock("arm", "probe", "--phrase", CHALLENGE["phrase"], "--code", "123456")
    assert first.out.startswith("probe is not armed yet: another person must confirm until 2023-11-14 22:14:20 UTC")
    assert first.out.endswith("interlock arm probe --challenge c-1\n")
    typed = {"challenge_id": "c-1", "phrase": CHALLENGE["phrase"], "lease_seconds": None, "code": "123456"}
    assert desk.asked[-1] == ("POST", "/v1/arm/confirm", typed)
    desk.lease = LEASE
    second = interlock("arm", "probe", "--challenge", "c-1", "--phrase", CHALLENGE["phrase"], "--code", "654321", "--lease-seconds", "60")
    assert second.out == "probe is ARMED until 2023-11-14 22:23:20 UTC, up to 5000.00000000 an order\n"
    assert [one[:2] for one in desk.asked[-2:]] == [("GET", "/v1/arm/c-1"), ("POST", "/v1/arm/confirm")]
    assert desk.asked[-1][2]["lease_seconds"] == 60


def test_a_person_at_a_terminal_sees_everything_before_typing(interlock, desk, monkeypatch, capfd):
    """The preflight comes first, then the phrase is asked for, then the code."""
    typed = iter([CHALLENGE["phrase"], "123456"])
    monkeypatch.setattr("sys.stdin.isatty", lambda: True, raising=False)
    monkeypatch.setattr("typer.prompt", lambda *_, **__: next(typed))
    answer = interlock("arm", "probe")
    assert answer.code == 0
    words = " ".join(answer.error.split())
    assert "positions" in words
    assert "binance-spot:BTCUSDT 0.5000" in words
    assert "none" in words
    assert desk.asked[-1][2]["code"] == "123456"


def test_the_second_person_arms_what_they_were_asked_to(interlock, desk):
    """Another strategy's challenge, or a ceiling of their own, is refused before anything is typed."""
    assert "the challenge is for probe, not for other" in interlock("arm", "other", "--challenge", "c-1").error
    assert "the challenge has a ceiling already" in interlock("arm", "probe", "--challenge", "c-1", "--maximum-order-notional", "1").error
    assert not any(path == "/v1/arm/confirm" for _, path, _ in desk.asked)
    interlock("arm", "probe", "--challenge", "../c?d")
    assert desk.asked[-1][:2] == ("GET", "/v1/arm/..%2Fc%3Fd")


def test_one_time_codes_are_made_once(interlock, host):
    """The picture and the address are shown this once; the file is its owner's."""
    made = interlock("keys", "one-time-code", "ann")
    assert made.code == 0
    secret = read_secret(host.keys, "ann")
    assert secret.address in made.out
    assert "█" in made.out
    assert (host.keys / "one-time-codes" / "ann.json").stat().st_mode & 0o777 == 0o600
    again = interlock("keys", "one-time-code", "ann", "--json")
    assert again.code == 1
    assert "ann has a secret already" in again.document["error"]
    assert set(interlock("keys", "one-time-code", "bob", "--json").document) == {"operator", "address", "file"}
    assert "a token's name has 1 to 64 letters" in interlock("keys", "one-time-code", "../up").error
    assert interlock("keys", "new", "checker", "--role", "conformance").code == 0
    assert load_signing_key(host.keys / "checker.pem").public.role == "conformance"


def test_codes_are_not_made_in_a_work_tree(interlock, tmp_path):
    """A secret in a repository is one commit away from being public."""
    (tmp_path / "tree" / ".git").mkdir(parents=True)
    answer = interlock("keys", "one-time-code", "ann", "--directory", tmp_path / "tree" / "keys")
    assert answer.code == 1
    assert "one commit away from being public" in answer.error


def test_the_doctor_asks_for_what_live_needs(interlock, host, monkeypatch):
    """Key, evidence and operators, where something is LIVE; and a key where nothing is, which should not be there."""
    generate_key("gate-host", "gate", host.keys)
    create_token(host.keys, "ann", ("arm",))
    host.configure(feed=False)
    monkeypatch.setenv("INTERLOCK_KEY_PAPER", "k")
    assert "warn idle keys: INTERLOCK_KEY_PAPER set - unset it where nothing is LIVE" in interlock("doctor").out
    monkeypatch.delenv("INTERLOCK_KEY_PAPER")
    text = host.file.read_text()
    address = 'kind = "ccxt"\ndialect = "binance"\nsimulated = true\nhttp = "http://127.0.0.1:1"\nweb_socket = "ws://127.0.0.1:1"'
    for old, new in (
        ('balances = { USDT = "10000.00" }', ""),
        ('request_log = "requests.log"', address),
        ('account = "paper"', 'account = "paper"\nmode = "LIVE"'),
    ):
        text = text.replace(old, new)
    host.file.write_text(f"{text}\n[live]\nenabled = true\n")
    said = interlock("doctor")
    assert said.code == 2
    assert "FAIL key of paper: account paper has no key: set INTERLOCK_KEY_PAPER and INTERLOCK_SECRET_PAPER" in said.out
    assert "FAIL conformance of binance-spot: the adapter never showed its conformance at binance-spot" in said.out
    assert "FAIL operators: nobody can arm LIVE, 1 needed" in said.out
    monkeypatch.setenv("INTERLOCK_KEY_PAPER", "k")
    monkeypatch.setenv("INTERLOCK_SECRET_PAPER", "hunter2")
    create_secret(host.keys, "ann", time.time_ns())
    said = interlock("doctor")
    assert "ok   key of paper: from environment INTERLOCK_KEY_PAPER" in said.out
    assert "ok   operators: ann can arm LIVE, 1 needed" in said.out
    assert "hunter2" not in said.out
    assert not conformance_path(host.home, "binance-spot").exists()
