import json
import subprocess
import sys
from pathlib import Path

import pytest

import live
from live.latch import clear, latch_path, read_latch


@pytest.fixture(name="resting")
def _resting(service, host, monkeypatch):
    """Run a service whose probe rests orders, with its token at hand."""
    bars = [host.make_bar(host.MARKET + number * host.MINUTE, told=1, close=10_000 + 100 * (number % 2)) for number in range(5_000)]
    host.write_tape(*bars)
    host.configure(speed=3_000.0)
    service.start()
    service.arm()
    service.until(lambda: service.call("GET", "/v1/orders?open_only=true"), "an order rests")
    monkeypatch.setenv("INTERLOCK_TOKEN", service.token)
    return service


def open_orders(service):
    """List what is open."""
    return service.call("GET", "/v1/orders?open_only=true")


def test_it_stops_a_running_service_and_says_that_it_is_proven(resting, host):
    """Latch, cancels and proof in one call; the exit code says that all of it holds."""
    done = resting.interlock("kill", "--reason", "a test")
    assert done.returncode == 0, done.stderr
    assert "KILLED: everything" in done.stdout
    assert "no order is open" in done.stdout
    assert done.stderr == f"the latch {host.home}/latch/global.latch is engaged\n"
    assert "the latch" not in done.stdout, "it was said once, before anything could fail"
    assert "nothing new is sent, across restarts, until `interlock release --reason WHY`" in done.stdout
    assert open_orders(resting) == []


def test_with_a_token_that_may_not_it_stops_all_the_same(resting, host):
    """The latch needs no token; only the proof does, and the exit code says that it is missing."""
    done = resting.interlock("kill", "--json", INTERLOCK_TOKEN=host.token("read"))
    answer = json.loads(done.stdout)
    assert done.returncode == 2
    assert answer["latch_engaged"]
    assert "lacks the scope 'kill'" in answer["unproven"]
    resting.until(lambda: not open_orders(resting), "the service found the latch")


def test_without_a_token_it_stops_all_the_same(resting):
    """A missing token is the likeliest mistake in a hurry."""
    done = resting.interlock("kill", INTERLOCK_TOKEN="")
    assert done.returncode == 2
    assert "set INTERLOCK_TOKEN" in done.stderr
    resting.until(lambda: not open_orders(resting), "the service found the latch")


def test_a_misspelt_name_stops_nothing_and_says_so(resting, interlock):
    """Whoever believes to have stopped a strategy must not go home."""
    answer = interlock("kill", "--strategy", "prob", "--json")
    assert answer.code == 2
    assert answer.document["error"].startswith("NOTHING WAS STOPPED: there is no 'STRATEGY prob' here")
    assert "STRATEGY probe" in answer.document["error"]


def test_the_home_that_was_named_is_the_service_that_is_asked(resting, interlock, host, monkeypatch):
    """--home goes before INTERLOCK_HOME for the latch and for the service alike."""
    monkeypatch.setenv("INTERLOCK_HOME", str(host.directory / "another"))
    answer = interlock("kill", "--home", host.home, "--json")
    assert answer.code == 0
    assert answer.document["service"]["proven"]
    assert read_latch(latch_path(host.home, "global")).engaged


@pytest.mark.parametrize("arguments", [("--strategy", "probe"), ("--strategy=probe",)])
def test_without_a_service_the_latch_holds_for_the_next(interlock, host, arguments):
    """Nothing can be proven where nothing runs, and nothing can be sent either."""
    answer = interlock("kill", *arguments, "--json")
    assert answer.code == 0
    assert (answer.document["service"], answer.document["latch_engaged"]) == (None, True)
    assert "no service answers" in answer.document["unproven"]
    assert read_latch(latch_path(host.home, "strategy", "probe")).engaged
    text = interlock("kill", *arguments)
    assert text.code == 0
    assert "KILLED: strategy probe" in text.out
    assert "until `interlock release --strategy probe --reason WHY`" in text.out
    assert "look at the venue for open orders" in text.out


def test_a_misspelt_name_without_a_service_says_so_too(interlock):
    """The configuration knows what could have been meant."""
    answer = interlock("kill", "--account", "papr", "--json")
    assert answer.code == 2
    assert answer.document["error"].startswith("NOTHING IS STOPPED BY THIS: account papr is not configured here")
    assert "ACCOUNT paper" in answer.document["error"]


def test_a_misspelt_name_that_the_service_was_not_asked_about_is_said_too(resting):
    """Without a token the service says nothing of the name; the configuration does, and the person must not believe more."""
    done = resting.interlock("kill", "--strategy", "prob", INTERLOCK_TOKEN="")
    assert done.returncode == 2
    assert "NOTHING IS STOPPED BY THIS: strategy prob is not configured here" in done.stderr
    assert "STRATEGY probe" in done.stderr
    assert "set INTERLOCK_TOKEN" in done.stderr
    assert open_orders(resting) != []


@pytest.mark.parametrize("broken", [True, False], ids=["unreadable", "missing"])
def test_a_name_that_no_configuration_can_confirm_is_latched_and_not_called_stopped(interlock, host, monkeypatch, broken):
    """The latch holds if the name is right; nobody can say that it is, so nobody says KILLED."""
    if broken:
        host.file.write_text("schema = ")
    else:
        monkeypatch.delenv("INTERLOCK_CONFIG")
        monkeypatch.chdir(host.home.parent)
        host.file.unlink()
    answer = interlock("kill", "--strategy", "probe")
    assert read_latch(latch_path(host.home, "strategy", "probe")).engaged
    assert answer.code == 2
    assert "KILLED" not in answer.out
    assert "UNPROVEN: the latch of strategy probe is engaged, but nobody can tell whether anything here goes by that name" in answer.error
    assert "`interlock kill` without a name stops everything" in answer.error


def test_a_broken_configuration_keeps_nothing_from_being_stopped(interlock, host):
    """The latch needs no configuration; that no service could be found is said, with the reason."""
    host.file.write_text("schema = ")
    answer = interlock("kill", "--json")
    assert read_latch(latch_path(host.home, "global")).engaged
    assert answer.code == 2
    assert "cannot be read" in answer.document["unproven"]


def test_a_latch_that_cannot_be_written_is_said(service, host):
    """When the disk refuses even the latch, the exit code and the sentence say that it is not engaged."""
    clear(latch_path(host.home, "global"), "made for a test")
    script = f"ulimit -f 0; exec {sys.executable} -c 'from live.cli.entry import main; main()' kill --json"
    done = subprocess.run(["bash", "-c", script], env=host.environment, capture_output=True, text=True, check=False)
    assert done.returncode == 2
    assert "could not be engaged" in done.stderr
    answer = json.loads(done.stdout)
    assert not answer["latch_engaged"]
    assert "is NOT engaged: stop the service process and cancel at the venue" in answer["error"]
    assert not read_latch(latch_path(host.home, "global")).engaged


def test_a_release_at_the_same_moment_is_overruled(interlock, host):
    """When the latch was cleared between its engaging and the look at it, it is engaged again."""
    clear(latch_path(host.home, "global"), "released a moment ago")
    answer = interlock("kill", "--json")
    assert answer.document["latch_engaged"]
    assert read_latch(latch_path(host.home, "global")).engaged


def test_the_latch_is_engaged_before_anything_can_fail(host):
    """Without a single library, as in a broken installation, the latch is engaged; only then does the command fail."""
    root = Path(live.__path__[0]).parent
    script = f"import sys; sys.path.insert(0, {str(root)!r}); from live.cli.entry import main; main()"
    done = subprocess.run([sys.executable, "-S", "-c", script, "kill"], env=host.environment, capture_output=True, text=True, check=False)
    assert done.returncode != 0
    assert read_latch(latch_path(host.home, "global")).engaged
    assert done.stderr.startswith(f"the latch {host.home}/latch/global.latch is engaged\n")


@pytest.mark.parametrize("arguments", [("--help",), ("-h",), ("--strategy", "probe", "--help")])
def test_asking_how_to_kill_does_not_kill(service, host, arguments):
    """Help is printed, and no latch is written."""
    done = service.interlock("kill", *arguments)
    assert done.returncode == 0
    assert "Example: interlock kill" in done.stdout
    assert not (host.home / "latch").exists()


def test_wrong_usage_stops_everything_and_is_still_wrong_usage(service, host):
    """In doubt everything is stopped; the person is told what was not understood."""
    done = service.interlock("kill", "--stratgy", "probe")
    assert done.returncode == 2
    assert "No such option" in done.stderr
    assert read_latch(latch_path(host.home, "global")).engaged
