import json
import resource
import signal
import socket
import time
from pathlib import Path

import pytest

from live.driver.recovery import session_journals
from live.journal import verify_journal
from live.latch import engage, latch_path, read_latch
from live.service.address import read_address

STOP_SECONDS = 5.0


def rest_an_order(service):
    """Arm the probe and play the tape until its order rests; the tape holds the bars.

    An order that is still being submitted is listed too, and a crash would leave it not placed: wait until it is open.
    """
    service.arm()

    def open_orders():
        return [order for order in service.call("GET", "/v1/orders?open_only=true") if order["state"] == "OPEN"]

    (order,) = service.until(open_orders, "an order rests")
    return order["order_id"]


@pytest.fixture(name="playing")
def _playing(host):
    """Play a tape whose second bar tells the probe to rest an order, again and again, fifty bars a second."""
    bars = [host.make_bar(host.MARKET + number * host.MINUTE, told=1, close=10_000 + 100 * (number % 2)) for number in range(5_000)]
    host.write_tape(*bars)
    host.configure(speed=3_000.0)


@pytest.mark.parametrize(
    ("number", "connected"),
    [
        (signal.SIGTERM, "not connected"),
        (signal.SIGINT, "not connected"),
        (signal.SIGHUP, "not connected"),
        (signal.SIGTERM, "idle"),
        (signal.SIGINT, "in the middle of a request"),
    ],
)
def test_an_orderly_stop_takes_seconds_and_exits_with_0(service, host, playing, number, connected):
    """Whoever is still connected, a signal closes and seals the session, and the exit code says that all went well."""
    service.start()
    rest_an_order(service)
    address = read_address(host.home)
    with socket.create_connection((address.host, address.port)) as client:
        if connected == "not connected":
            client.close()
        elif connected == "idle":
            client.sendall(b"GET /healthz HTTP/1.1\r\nHost: x\r\n\r\n")
            assert client.recv(100)
        else:
            client.sendall(b"POST /v1/kill HTTP/1.1\r\nHost: x\r\nContent-Length: 10\r\n\r\n{")
        started = time.monotonic()
        assert service.signal(number) == 0
        assert time.monotonic() - started < STOP_SECONDS
    (journal,) = session_journals(host.home)
    assert verify_journal(journal, host.home / "journal" / "anchors.jsonl").sealed
    assert read_address(host.home) is None
    events = [json.loads(line)["event"] for line in service.said().splitlines()]
    assert events[-1] == "session closed"


def test_a_crash_is_sealed_by_the_next_start(service, host, playing):
    """After kill -9 the next session begins where the journal ends, and what the crash left is sealed."""
    service.start()
    order_id = rest_an_order(service)
    service.signal(signal.SIGKILL)
    service.start()
    service.until(lambda: not service.call("GET", "/v1/orders?open_only=true"), "the order is taken back")
    orders = {order["order_id"]: order["state"] for order in service.call("GET", "/v1/orders")}
    assert orders[order_id] == "CANCELED"
    assert service.signal() == 0
    for journal in session_journals(host.home):
        assert verify_journal(journal, host.home / "journal" / "anchors.jsonl").sealed


def test_a_disk_that_fails_halts_and_the_process_still_answers_and_kills(service, host, playing):
    """No file can be written any more, the log and the latch included: nothing new leaves, and what rests is taken back."""
    service.start()
    rest_an_order(service)
    _, hard = resource.prlimit(service.process.pid, resource.RLIMIT_FSIZE)
    resource.prlimit(service.process.pid, resource.RLIMIT_FSIZE, (0, hard))
    service.until(lambda: service.call("GET", "/v1/state")["halted"], "trading halts")
    sent = [request for request in host.requests() if request.startswith("SUBMIT")]
    reasons = service.call("GET", "/readyz", expect=503)["reasons"]
    assert any(reason.startswith("trading is halted") for reason in reasons)
    problem = service.call("POST", "/v1/kill", {"reason": "the disk failed"}, expect=503)
    assert "latch could not be written" in problem["detail"]
    report = problem["report"]
    assert (report["latched"], report["recorded"], report["proven"], report["failures"]) == (False, False, True, [])
    resource.prlimit(service.process.pid, resource.RLIMIT_FSIZE, (hard, hard))
    report = service.call("POST", "/v1/kill", {"reason": "the disk is back"})
    assert (report["latched"], report["recorded"], report["proven"]) == (True, False, True)
    assert [request for request in host.requests() if request.startswith("SUBMIT")] == sent
    assert service.signal() == 1, "a service that had halted does not end as if all had been well"
    assert "trading had halted" in service.said()
    service.start()
    state = {one["scope"]: one["state"] for one in service.call("GET", "/v1/state")["trading_states"]}
    assert state["GLOBAL"] == "KILLED"
    service.until(lambda: not service.call("GET", "/v1/orders?open_only=true"), "nothing is open")


def test_a_log_that_cannot_be_written_stops_nothing(service, playing):
    """With standard error on a full disk the service starts, trades, kills and counts what the log lost."""
    service.start(log=Path("/dev/full"))
    rest_an_order(service)
    report = service.call("POST", "/v1/kill", {"reason": "a test"})
    assert report["proven"]
    assert service.signal() == 0


def test_a_service_that_hangs_is_stopped_by_its_latch(service, host, playing):
    """A stopped process answers nobody; `interlock kill` says so, and the process finds the latch when it goes on."""
    service.start()
    rest_an_order(service)
    service.process.send_signal(signal.SIGSTOP)
    try:
        done = service.interlock("kill", "--reason", "it hangs", "--json")
        assert done.returncode == 2
        answer = json.loads(done.stdout)
        assert answer["latch_engaged"]
        assert "did not answer within" in answer["unproven"]
        assert "UNPROVEN" in answer["error"]
        sent = len(host.requests())
    finally:
        service.process.send_signal(signal.SIGCONT)
    service.until(lambda: not service.call("GET", "/v1/orders?open_only=true"), "the orders are taken back")
    assert not [request for request in host.requests()[sent:] if request.startswith("SUBMIT")]


def test_a_latch_engaged_while_it_trades_lets_nothing_more_out(service, host, playing):
    """From the moment the file is written no order crosses, though nobody told the process."""
    service.start()
    rest_an_order(service)
    service.until(lambda: len(host.requests()) > 10, "it trades")
    engage(latch_path(host.home, "global"), "from outside")
    sent = sum(request.startswith("SUBMIT") for request in host.requests())
    service.until(lambda: not service.call("GET", "/v1/orders?open_only=true"), "the orders are taken back")
    assert sum(request.startswith("SUBMIT") for request in host.requests()) - sent <= 1, "one may have passed the gate before"
    assert read_latch(latch_path(host.home, "global")).engaged


def test_a_port_in_use_is_a_sentence(service, host):
    """The sentence names the port and what to set; nothing is left behind."""
    with socket.create_server(("127.0.0.1", 0)) as other:
        port = other.getsockname()[1]
        done = service.interlock("serve", INTERLOCK_PORT=str(port))
    assert done.returncode == 1
    assert f"cannot listen on 127.0.0.1:{port} (Address already in use): free the port" in done.stderr
    assert not host.home.exists()


@pytest.mark.parametrize(
    ("edit", "expected"),
    [
        (("speed = 1.0", "speed = 1.0\nsped = 2"), "feed.sped is not known: [feed] may hold tape, start, speed"),
        (("market.tape.gz", "missing.tape.gz"), "feed.tape: there is no tape at"),
        (('host = "127.0.0.1"', 'host = "no such host"'), "cannot listen on no such host"),
    ],
)
def test_what_cannot_start_says_why_in_one_sentence(service, host, edit, expected):
    """Exit code 1, one sentence, no traceback."""
    text = host.file.read_text().replace("port = 0", 'host = "127.0.0.1"\nport = 0')
    assert edit[0] in text
    host.file.write_text(text.replace(*edit))
    done = service.interlock("serve")
    assert done.returncode == 1
    assert expected in done.stderr
    assert "Traceback" not in done.stderr
    assert sum(line.startswith("error: ") for line in done.stderr.splitlines()) == 1


def test_a_home_that_is_taken_is_a_sentence(service, playing):
    """A second service on the same home ends at once and leaves the first alone."""
    service.start()
    done = service.interlock("serve")
    assert done.returncode == 1
    assert "another service runs on" in done.stderr
    service.call("GET", "/v1/state")


def test_an_error_of_the_start_is_a_document_for_programs(service, host):
    """With --json the sentence is in a document on standard output."""
    host.tape.unlink()
    done = service.interlock("serve", "--json")
    assert done.returncode == 1
    assert "there is no tape at" in json.loads(done.stdout)["error"]
