import json
import os
import pty
import re
import signal
import socket
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[3]
PAGE = ROOT / "docs" / "guide" / "command-line.md"
VENUES = ROOT / "docs" / "guide" / "venues.md"
SECTION = "From nothing to a proven session"
BLOCK = re.compile(r"^```sh\n(.*?)^```$", re.MULTILINE | re.DOTALL)
PHRASE = re.compile(r"\barm \w+ on [\w.:-]+ up to [\d.]+ [A-Z]+\b")


class Shell:
    """Run the blocks of a page one after the other as one person in one terminal does; exports last."""

    def __init__(self, directory: Path) -> None:
        self.directory = directory
        self.home = directory / "data"
        self.service: subprocess.Popen[bytes] | None = None
        tools = str(Path(sys.executable).parent)
        self.environment = {
            "PATH": f"{tools}{os.pathsep}{os.environ['PATH']}",
            "HOME": str(directory / "person"),
            "LANG": "C.UTF-8",
            "NO_COLOR": "1",
            "INTERLOCK_PORT": "0",
        }

    def run(self, block: str) -> str:
        """Run a block; fail with what it printed unless it exits with 0."""
        kept = self.directory / "environment"
        script = f"set -eu\n{block}\nenv -0 > {kept}\n"
        done = self._with_terminal(script) if "interlock arm " in block else self._without(script)
        self.environment = dict(pair.split("=", 1) for pair in kept.read_text().split("\0") if pair)
        return done

    def serve(self, block: str) -> None:
        """Run a block that does not end by itself, and wait until the service listens."""
        with (self.directory / "service.log").open("wb") as log:
            self.service = subprocess.Popen(
                ["bash", "-c", block.replace("interlock serve", "exec interlock serve")],
                cwd=self.directory,
                env=self.environment,
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=log,
            )
        address = self.home / "service.json"
        wait_until(lambda: address.exists() or self.service is None or self.service.poll() is not None, "the service listens")
        assert self.service.poll() is None, (self.directory / "service.log").read_text()

    def interrupt(self) -> None:
        """Stop the service as Ctrl-C does."""
        if self.service is not None and self.service.poll() is None:
            self.service.send_signal(signal.SIGINT)
            assert self.service.wait(20) in {0, 128 + signal.SIGINT}, (self.directory / "service.log").read_text()
        self.service = None

    def abandon(self) -> None:
        """Leave no process behind, whatever happened."""
        if self.service is not None and self.service.poll() is None:
            self.service.kill()
            self.service.wait()

    def answer(self, command: str) -> dict[str, object]:
        """Give a command's JSON answer."""
        return json.loads(self._without(f"set -eu\n{command} --json\n"))

    def _without(self, script: str) -> str:
        done = subprocess.run(
            ["bash", "-c", script],
            cwd=self.directory,
            env=self.environment,
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            timeout=60,
            check=False,
        )
        assert done.returncode == 0, f"{script}\nexited with {done.returncode}:\n{done.stdout}{done.stderr}"
        return done.stdout

    def _with_terminal(self, script: str) -> str:
        """Run a script with a terminal as its input, and type the phrase that it asks for."""
        master, terminal = pty.openpty()
        process = subprocess.Popen(
            ["bash", "-c", script],
            cwd=self.directory,
            env=self.environment,
            stdin=terminal,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            start_new_session=True,
        )
        os.close(terminal)
        assert process.stdout is not None
        guard = threading.Timer(60, process.kill)
        guard.start()
        try:
            printed = ""
            typed = False
            while chunk := os.read(process.stdout.fileno(), 4096):
                printed += chunk.decode()
                asked = PHRASE.search(" ".join(printed.split()))
                if asked and "Type" in printed and not typed:
                    os.write(master, f"{asked[0]}\n".encode())
                    typed = True
            assert process.wait() == 0, f"{script}\nexited with {process.returncode}:\n{printed}"
        finally:
            guard.cancel()
            process.stdout.close()
            os.close(master)
        return printed


def wait_until(probe, what: str, seconds: float = 40.0) -> None:
    """Ask again until the probe gives something true; a service that crawls is not one that stands still."""
    deadline = time.monotonic() + seconds
    while not probe():
        assert time.monotonic() < deadline, f"waited {seconds:.0f} s in vain: {what}"
        time.sleep(0.2)


@pytest.fixture(name="shell")
def _shell(tmp_path: Path) -> Iterator[Shell]:
    (tmp_path / "data").mkdir()
    (tmp_path / "strategies").mkdir()
    (tmp_path / "person").mkdir()
    (tmp_path / "data" / "sample").symlink_to(ROOT / "data" / "sample")
    shell = Shell(tmp_path)
    yield shell
    shell.abandon()


def section(page: Path, title: str) -> str:
    """Give the text under a second-level heading of a page."""
    found = re.search(rf"^## {re.escape(title)}\n(.*?)(?=^## |\Z)", page.read_text(encoding="utf-8"), re.MULTILINE | re.DOTALL)
    assert found is not None, f"{page.name} has no section {title!r}"
    return found[1]


def test_the_page_of_the_command_line_works_as_written(shell: Shell):
    """Every command of the section, in order, takes a newcomer from nothing to a session that is proven, and away again."""
    blocks = BLOCK.findall(section(PAGE, SECTION))
    text = "".join(blocks)
    for command in (
        "strategy new",
        "dataset to-tape",
        "replay",
        "keys new",
        "strategy bundle",
        "token new",
        "serve",
        "arm",
        "kill",
        "release",
    ):
        assert f"interlock {command}" in text
    outputs: dict[str, str] = {}
    for block in blocks:
        if "interlock serve" in block:
            shell.serve(block)
            continue
        if "interlock kill" in block:
            wait_until(lambda: shell.answer("interlock status")["positions"], "the armed strategy trades")
        if "interlock session" in block:
            shell.interrupt()
        outputs[block] = shell.run(block)
    printed = "".join(outputs.values())
    assert "my_trend is ARMED until" in printed
    assert "KILLED" in printed
    assert "nothing new is sent, across restarts, until `interlock release --reason WHY`" in printed
    assert "everything is DISARMED" in printed
    assert "the seal covers every byte of the file" in printed
    assert "identical, record for record" in printed
    assert sorted(path.name for path in (shell.directory / "data").iterdir()) == ["sample"]
    assert not list((shell.directory / "strategies").iterdir())


def test_the_example_of_the_strategy_guide_replays(shell: Shell):
    """The class and the declaration that the guide shows make a strategy that trades and that the gates accept."""
    guide = ROOT / "docs" / "guide" / "strategy.md"
    text = guide.read_text(encoding="utf-8")
    folder = shell.directory / "strategies" / "breakout"
    folder.mkdir()
    (folder / "__init__.py").write_text("")
    for name, language in (("strategy.py", "python"), ("strategy.toml", "toml")):
        (shown,) = re.findall(rf"^```{language}\n(.*?)^```$", text, re.MULTILINE | re.DOTALL)
        (folder / name).write_text(shown)
    shell.run("interlock dataset to-tape data/sample/btcusdt_30m.parquet --out data/past.tape.gz --start 2018-10-01 --end 2019-04-01")
    for block in BLOCK.findall(section(guide, "Try it")):
        assert "breakout" in block
        shell.run(block)
    shell.run("interlock keys new gate --role gate")
    made = shell.answer("interlock strategy bundle strategies/breakout --tape data/past.tape.gz --key ~/.interlock/keys/gate.pem")
    assert str(made["version"]).startswith("breakout@")


@pytest.fixture(name="exchange_block")
def _exchange_block(shell: Shell) -> Iterator[tuple[str, str]]:
    """Run the local exchange as the guide says, on ports that are free; give what changes the guide's ports to these."""
    (block,) = re.findall(r"^interlock exchange .*$", VENUES.read_text(encoding="utf-8"), re.MULTILINE)
    with socket.socket() as first, socket.socket() as second:
        first.bind(("127.0.0.1", 0))
        second.bind(("127.0.0.1", 0))
        port, faults = str(first.getsockname()[1]), str(second.getsockname()[1])
    command = block.replace("18080", port).replace("18081", faults)
    with (shell.directory / "exchange.log").open("wb") as log:
        process = subprocess.Popen(
            ["bash", "-c", f"exec {command}"], cwd=shell.directory, env=shell.environment, stdin=subprocess.DEVNULL, stdout=log, stderr=log
        )
    try:
        wait_until(lambda: process.poll() is not None or port in (shell.directory / "exchange.log").read_text(), "the exchange listens")
        yield "18080", port
    finally:
        process.kill()
        process.wait()


@pytest.mark.slow
def test_the_guide_to_venues_leads_from_nothing_to_a_dry_run_that_warms_up(shell: Shell, exchange_block: tuple[str, str]):
    """The strategy, its bars under the venue's own name, its bundle and the configuration: every word as it stands there."""
    for block in BLOCK.findall(section(VENUES, "A strategy for it, and data for its backtest")):
        printed = shell.run(block.replace(*exchange_block))
    assert "my_trend@" in printed
    point = section(VENUES, "Point the service at it")
    (written,) = re.findall(r"^```toml\n(.*?)^```$", point, re.MULTILINE | re.DOTALL)
    (shell.directory / "interlock.toml").write_text(written.replace(*exchange_block))
    (appended,) = re.findall(r"`(cat gate.toml >> interlock.toml)`", point)
    shell.run(appended)
    shell.serve("interlock serve")
    (operate,) = BLOCK.findall(point)
    printed = shell.run(operate)
    assert "my_trend is ARMED until" in printed
    assert "DRY_RUN" in printed
    (deployment,) = shell.answer("interlock status")["deployments"]
    assert deployment["warm_up"]["needed"] == 12
    wait_until(lambda: shell.answer("interlock status")["deployments"][0]["warm_up"]["had"]["local:BTCUSDT"] >= 9, "history came")
    shell.interrupt()
    (recorded,) = re.findall(r"`(interlock replay strategies/my_trend --data data/journal[^`]*)`", VENUES.read_text(encoding="utf-8"))
    assert "parity digest" in shell.run(recorded)


@pytest.mark.slow
def test_the_commands_of_data_and_gates_work_as_written(shell: Shell):
    """From the sample to a frozen dataset that verifies, and to what the gates say of an example."""
    (shell.directory / "strategies" / "ema_cross").symlink_to(ROOT / "strategies" / "ema_cross")
    guides = ROOT / "docs" / "guide"
    (data,) = BLOCK.findall(section(guides / "research.md", "Data"))
    printed = shell.run(data)
    assert "sample" in printed
    (ask,) = BLOCK.findall(section(guides / "gates.md", "Ask"))
    said = shell.run(ask)
    assert "ema_cross@" in said
    assert "may not ask for LIVE" in said
