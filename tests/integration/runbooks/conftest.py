"""A runbook in the hands of a person: its blocks run as written, and what they print is compared with what the page shows."""

import os
import pty
import re
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any, NamedTuple

import pytest

ROOT = Path(__file__).parents[3]
RUNBOOKS = ROOT / "runbooks"
BLOCK = re.compile(r"^```sh\n(?P<commands>.*?)^```$(?:\n+^```text\n(?P<shown>.*?)^```$)?", re.MULTILINE | re.DOTALL)
EXIT_CODE = re.compile(r"exit code (\d)")
PHRASE = "arm my_trend on binance-spot up to 100.00000000 USDT\n"


class Block(NamedTuple):
    """Commands of a page, the lines that the page shows for them, and the exit code that it promises."""

    commands: str
    shown: tuple[str, ...]
    code: int


def read_page(page: Path) -> dict[str, list[Block]]:
    """Give the blocks of a page by the title of their section; the text before the first section has none."""
    parts = re.split(r"^## (.*)$", page.read_text(encoding="utf-8"), flags=re.MULTILINE)
    sections = dict(zip(["", *parts[1::2]], parts[::2], strict=True))
    return {title: blocks for title, text in sections.items() if (blocks := [_read_block(match) for match in BLOCK.finditer(text)])}


def _read_block(match: re.Match[str]) -> Block:
    lines = (match["shown"] or "").splitlines()
    codes = [int(found[1]) for line in lines if (found := EXIT_CODE.fullmatch(line))]
    return Block(match["commands"], tuple(line for line in lines if not EXIT_CODE.fullmatch(line)), *(codes or [0]))


class Operator:
    """Do what a page says, section by section, in one terminal on the live host."""

    def __init__(self, directory: Path, environment: dict[str, str], page: Path) -> None:
        self.directory = directory
        tools = str(Path(sys.executable).parent)
        self.environment = {**environment, "PATH": f"{tools}{os.pathsep}{os.environ['PATH']}", "NO_COLOR": "1"}
        self.left = read_page(page)

    def follow(self, title: str) -> None:
        """Run a section that was not run yet; fail unless each block exits as promised and prints what is shown."""
        for block in self.left.pop(title):
            self._run(block)

    def take(self, title: str) -> list[Block]:
        """Take a section out, to run its blocks one by one."""
        return self.left.pop(title)

    def run(self, block: Block) -> None:
        """Run one block of a section that was taken out."""
        self._run(block)

    def _run(self, block: Block) -> None:
        kept = self.directory / "environment"
        script = f"set -eu\n{block.commands}\nenv -0 > {kept}\n"
        master, terminal = pty.openpty()
        try:
            os.write(master, PHRASE.encode())
            done = subprocess.run(
                ["bash", "-c", script],
                cwd=self.directory,
                env=self.environment,
                stdin=terminal if "interlock arm " in block.commands else subprocess.DEVNULL,
                stdout=subprocess.PIPE,
                stderr=subprocess.STDOUT,
                text=True,
                timeout=60,
                check=False,
            )
        finally:
            os.close(master)
            os.close(terminal)
        assert done.returncode == block.code, f"{block.commands}\nexited with {done.returncode}, not {block.code}:\n{done.stdout}"
        printed = [" ".join(line.split()) for line in done.stdout.splitlines()]
        missing = [line for line in block.shown if not any(matches(line, one) for one in printed)]
        assert not missing, f"{block.commands}\nshould print {missing}, and printed:\n{done.stdout}"
        if done.returncode == 0:
            self.environment = dict(pair.split("=", 1) for pair in kept.read_text().split("\0") if pair)


def matches(shown: str, printed: str) -> bool:
    """Tell whether a printed line is the one that is shown, `…` standing for anything."""
    pattern = ".*".join(re.escape(" ".join(part.split())) for part in shown.split("…"))
    return re.fullmatch(pattern.replace(r"\ .*", r"\ ?.*").replace(r".*\ ", r".*\ ?"), printed) is not None


@pytest.fixture(name="trading")
def _trading(service: Any, host: Any) -> Any:
    """Run a service on which `my_trend` is armed, has bought, and rests an order; another strategy stands beside it."""
    host.bundle("my_trend")
    told = (2, 1, 3, 1)
    minutes = [(host.MARKET + number * host.MINUTE, told[number % 4], 100 * (number % 2)) for number in range(6_000)]
    bars = [host.make_bar(at, told=order, close=10_000 + more) for at, order, more in minutes]
    host.write_tape(*bars)
    host.configure(speed=1_500.0)
    service.start()
    service.arm("my_trend")
    service.until(lambda: service.call("GET", "/v1/fills?limit=1"), "it trades")
    service.until(lambda: service.call("GET", "/v1/orders?open_only=true"), "an order rests")
    return service


@pytest.fixture(name="operator")
def _operator(host: Any) -> Callable[[str], Operator]:
    """Give a function that hands a person a page, without any token."""
    return lambda page: Operator(host.directory, dict(host.environment), RUNBOOKS / page)
