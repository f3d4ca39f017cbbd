"""The demo, told once, and what it left behind."""

import shutil
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[3]
INTERLOCK = [sys.executable, "-c", "from live.cli.entry import main; main()"]

pytestmark = [pytest.mark.slow, pytest.mark.timeout(600)]

ACTS = (
    "1. Data is judged before anybody may use it",
    "2. A strategy proves itself, or is told why not",
    "3. The same data and the same code give the same decisions",
    "4. An alias asks for a promotion; signatures over evidence grant it",
    "5. Armed in two steps, it trades later bars through the same engine",
    "6. One call stops everything, and a crash does not undo it",
    "7. What happened can be proven, and is written up",
    "8. The same engine trades LIVE, at a venue that loses an answer and is killed",
)


def test_the_demo_holds_every_claim(demo):
    """The demo tells its eight acts in plain lines, checks each claim and exits with 0."""
    done = demo.done
    assert done.returncode == 0, done.stdout + done.stderr
    assert "\x1b[" not in done.stdout, "plain lines when it is no terminal"
    places = [done.stdout.index(act) for act in ACTS]
    assert places == sorted(places)
    assert done.stdout.count("✓") >= 55
    assert "Every claim held" in done.stdout
    assert "make dev" in done.stdout.partition("Every claim held")[2]


def test_the_demo_says_why_each_strategy_is_refused(demo):
    """The gate that found the future is named with the first leaking bar, and LIVE is refused with the reason."""
    said = demo.done.stdout
    assert "refused duplicate_time.parquet" in said
    for damage in ("time_is_unique", "high_is_highest", "no_hole_is_too_long", "time_does_not_run_backwards"):
        assert damage in said
    assert "peeker runs nowhere" in said
    assert "leaks first at bar" in said
    assert "coin_flip is honest and worthless" in said
    assert "LIVE refused" in said


def test_the_demo_ends_live_with_zero_differences(demo):
    """LIVE took evidence, an approver and a code; a lost answer was found, the venue came back, and both books are equal."""
    said = demo.done.stdout.partition(ACTS[-1])[2]
    for claim in (
        "ann approved it by signature",
        "it cannot be armed: conformance MISSING",
        "nor with one bit of it changed: conformance BAD_SIGNATURE",
        "armed by typing “arm LIVE metronome",
        "is SUBMIT_UNKNOWN here; at the venue it is FILLED",
        "SUBMIT_UNKNOWN → OPEN → FILLED",
        "one intent, one request, one order at the venue",
        "the exchange was killed and came back",
        "the venue lists no open order",
        "every balance is the venue's to the last digit",
        "zero differences",
        "replays record for record",
    ):
        assert claim in said, claim


def test_the_demo_leaves_no_process_behind(demo):
    """Services, MLflow, the exchange and the kit are gone with the demo."""
    assert demo.done.returncode == 0
    assert running_in(demo.home) == []


def test_a_demo_that_fails_early_leaves_no_process_behind(demo, tmp_path):
    """The exchange and the kit, which are prepared beside the first acts, end with an act that fails."""
    shutil.copytree(ROOT / "strategies" / "metronome", tmp_path / "strategies" / "metronome")
    environment = {**demo.environment, "INTERLOCK_HOME": str(tmp_path / "data")}
    command = [*INTERLOCK, "demo", "--strategies", str(tmp_path / "strategies")]
    done = subprocess.run(command, cwd=ROOT, env=environment, capture_output=True, text=True, check=False, timeout=120)
    assert done.returncode == 1, done.stdout + done.stderr
    assert "ema_cross" in done.stderr
    assert running_in(tmp_path / "data") == []


def running_in(home):
    """Name the processes that run with a home below this one."""
    found = []
    for entry in Path("/proc").iterdir():
        if entry.name.isdigit():
            try:
                if f"INTERLOCK_HOME={home}".encode() in (entry / "environ").read_bytes():
                    found.append((entry / "cmdline").read_bytes().replace(b"\0", b" ").decode())
            except (FileNotFoundError, ProcessLookupError, PermissionError):
                continue  # it ended while it was looked at, or is somebody else's
    return found


def test_nobody_reached_beyond_this_machine(demo):
    """No process of the demo looked up or connected to another host: not for data, not for telemetry."""
    assert demo.done.returncode == 0
    assert demo.egress == ""


def test_the_watch_for_attempts_sees_one(demo, tmp_path):
    """The watch is no ornament: a process that asks for another host's address is written down."""
    log = tmp_path / "egress.log"
    log.touch()
    attempt = "import socket\ntry:\n socket.getaddrinfo('interlock.invalid', 443)\nexcept OSError:\n pass"
    environment = {**demo.environment, "EGRESS_LOG": str(log)}
    subprocess.run(["python3", "-c", attempt], env=environment, check=True, timeout=60)
    assert "interlock.invalid" in log.read_text()


def test_a_claim_that_does_not_hold_ends_the_demo(demo, tmp_path):
    """Without the sample bars the demo stops with one sentence and a non-zero exit."""
    command = [*demo.done.args[demo.done.args.index("sh") + 4 :]] if "sh" in demo.done.args else [*demo.done.args]
    environment = {**demo.environment, "INTERLOCK_HOME": str(tmp_path / "data")}
    done = subprocess.run([*command, "--sample", str(tmp_path)], env=environment, capture_output=True, text=True, check=False, timeout=120)
    assert done.returncode == 1
    assert done.stderr.startswith("error: ")
    assert "btcusdt_30m.parquet cannot be read" in done.stderr
    assert len(done.stderr.strip().splitlines()) == 1
