"""One run of the demo for all tests of this folder: it is the whole way once, and takes minutes.

`tests/conftest.py` gives them to one worker, so that there is one run.
"""

import os
import re
import shutil
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import httpx
import pytest
from playwright.sync_api import Page, sync_playwright

from dagster_project.addresses import HOST, Addresses

ROOT = Path(__file__).parents[3]
INTERLOCK = [sys.executable, "-c", "from live.cli.entry import main; main()"]
READY_SECONDS = 150.0
STOP_SECONDS = 30.0
IMAGES = ROOT / "docs" / "images"
CHROMIUM = shutil.which("chromium") or shutil.which("chromium-browser") or shutil.which("google-chrome")
QUIET = (
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
    "--host-resolver-rules=MAP * ~NOTFOUND, EXCLUDE 127.0.0.1",
)
"""Chromium looks up its maker's hosts at every start unless it is told not to; a page that needs another host fails here."""
OURS = ("INTERLOCK_", "DAGSTER_", "MLFLOW_", "GX_", "DATA_DOCS_URL", "REPORTS_URL", "PAGES_PORT", "EXCHANGE_PORT", "DO_NOT_TRACK")


@dataclass(frozen=True)
class Demo:
    """Hold one finished demo.

    Attributes:
        home: its INTERLOCK_HOME.
        person: the home directory of who ran it.
        environment: what it ran with.
        done: its exit code and what it printed.
        egress: every attempt to reach beyond this machine, one a line.
    """

    home: Path
    person: Path
    environment: dict[str, str]
    done: subprocess.CompletedProcess[str]
    egress: str


def clean_environment(person: Path, home: Path, egress: Path) -> dict[str, str]:
    """Give an environment without any setting of ours, so that every default has to be right."""
    kept = {name: value for name, value in os.environ.items() if not name.startswith(OURS)}
    watched = str(Path(__file__).parent / "egress")
    return {**kept, "HOME": str(person), "INTERLOCK_HOME": str(home), "EGRESS_LOG": str(egress), "PYTHONPATH": watched}


def without_network(command: list[str]) -> list[str]:
    """Run a command where there is no network but the loopback, when this machine lets us make such a place."""
    up = 'ip link set lo up && exec "$@"'
    wrapped = (
        ["unshare", "--net", "--map-root-user", "--user", "sh", "-c", up, "sh"]
        if os.geteuid()
        else ["unshare", "--net", "sh", "-c", up, "sh"]
    )
    if shutil.which("unshare") is None or shutil.which("ip") is None:
        return command
    works = subprocess.run([*wrapped, "true"], capture_output=True, check=False).returncode == 0
    return [*wrapped, *command] if works else command


@pytest.fixture(name="demo", scope="session")
def _demo(tmp_path_factory: pytest.TempPathFactory) -> Demo:
    directory = tmp_path_factory.mktemp("demo")
    person, home, egress = directory / "person", directory / "data", directory / "egress.log"
    person.mkdir()
    egress.touch()
    environment = clean_environment(person, home, egress)
    command = without_network([*INTERLOCK, "demo"])
    done = subprocess.run(command, cwd=ROOT, env=environment, capture_output=True, text=True, check=False, timeout=600)
    return Demo(home, person, environment, done, egress.read_text())


def newcomers_deployment() -> str:
    """Give the lines that the README has a newcomer append to the configuration for a strategy of their own."""
    found = re.search(r"^cat >> data/interlock\.toml <<END\n(.*?)^END$", (ROOT / "README.md").read_text(), re.MULTILINE | re.DOTALL)
    assert found is not None, "the README tells how a strategy is deployed"
    return found[1]


class Workbench:
    """Run the workbench on a home as `make dev` does, on free ports."""

    def __init__(self, environment: dict[str, str], directory: Path) -> None:
        self.addresses = Addresses(*(free_port() for _ in range(5)))
        self.home = Path(environment["INTERLOCK_HOME"])
        self.pictures = directory
        self.log = directory / "workbench.log"
        ports = {
            "DAGSTER_PORT": self.addresses.dagster,
            "MLFLOW_PORT": self.addresses.mlflow,
            "INTERLOCK_PORT": self.addresses.live,
            "PAGES_PORT": self.addresses.pages,
            "EXCHANGE_PORT": self.addresses.exchange,
        }
        self.environment = {**environment, **{name: str(port) for name, port in ports.items()}}
        prepared = subprocess.run(
            [*INTERLOCK, "dev", "prepare"], cwd=ROOT, env=self.environment, capture_output=True, text=True, check=False
        )
        assert prepared.returncode == 0, prepared.stderr
        with (self.home / "interlock.toml").open("a", encoding="utf-8") as configuration:
            configuration.write(newcomers_deployment())
        with self.log.open("wb") as log:
            self.process = subprocess.Popen(
                [*INTERLOCK, "dev"],
                cwd=ROOT,
                env=self.environment,
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=log,
                start_new_session=True,
            )

    def wait_until(
        self, probe: Callable[[], Any], what: str, seconds: float = READY_SECONDS, account: Callable[[], str] | None = None
    ) -> Any:
        """Ask again until the probe gives something; fails with an account, or the end of the log, when it never does or all ended."""
        deadline = time.monotonic() + seconds
        while not (found := probe()):
            assert self.process.poll() is None, f"the workbench ended: {self.tail()}"
            assert time.monotonic() < deadline, f"waited {seconds:.0f} s in vain: {what}: {(account or self.tail)()}"
            time.sleep(0.2)
        return found

    def wait_until_ready(self) -> None:
        """Wait until every server answers."""
        for url in (
            f"{self.addresses.pages_url}/",
            f"{self.addresses.mlflow_url}/health",
            f"{self.addresses.live_url}/healthz",
            f"{self.addresses.dagster_url}/server_info",
            f"{self.addresses.exchange_url}/api/v3/ping",
        ):
            self.wait_until(lambda url=url: answers(url), url)

    def graphql(self, query: str, **variables: Any) -> dict[str, Any]:
        """Ask the Dagster UI's own interface."""
        body = {"query": query, "variables": variables}
        answer = httpx.post(f"{self.addresses.dagster_url}/graphql", json=body, timeout=60, trust_env=False).json()
        assert "errors" not in answer, answer["errors"]
        return answer["data"]

    def interlock(self, *arguments: str) -> subprocess.CompletedProcess[str]:
        """Run a command beside the workbench, as a person does in a second terminal."""
        return subprocess.run(
            [*INTERLOCK, *arguments], cwd=ROOT, env=self.environment, capture_output=True, text=True, check=False, timeout=120
        )

    def processes(self) -> dict[int, int]:
        """Give every process that runs on this home, with its share of memory in bytes."""
        mark = f"INTERLOCK_HOME={self.environment['INTERLOCK_HOME']}".encode()
        found: dict[int, int] = {}
        for entry in Path("/proc").iterdir():
            if entry.name.isdigit():
                try:
                    if mark in (entry / "environ").read_bytes().split(b"\0"):
                        lines = (entry / "smaps_rollup").read_text().splitlines()
                        found[int(entry.name)] = sum(int(line.split()[1]) for line in lines if line.startswith("Pss:")) * 1024
                except (FileNotFoundError, ProcessLookupError, PermissionError):
                    continue  # it ended while it was looked at, or is somebody else's
        return found

    def interrupt(self) -> int:
        """Press Ctrl-C and give the exit code."""
        self.process.send_signal(signal.SIGINT)
        return self.process.wait(STOP_SECONDS)

    def tail(self) -> str:
        """Give the end of what it printed; that MLflow was asked and answered is left out, as that alone would fill it."""
        lines = self.log.read_text(errors="replace").splitlines()
        return "\n".join([line for line in lines if not ("mlflow" in line and line.endswith(" 200 OK"))][-40:])


def free_port() -> int:
    """Give a port that nothing listens on now."""
    with socket.socket() as probe:
        probe.bind((HOST, 0))
        return probe.getsockname()[1]


def answers(url: str) -> bool:
    """Say whether a server answers there."""
    try:
        return httpx.get(url, timeout=5, trust_env=False).is_success
    except httpx.TransportError:
        return False


@pytest.fixture(name="workbench", scope="session")
def _workbench(demo: Demo, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Workbench]:
    assert demo.done.returncode == 0, demo.done.stdout + demo.done.stderr
    started = Workbench(demo.environment, tmp_path_factory.mktemp("workbench"))
    try:
        started.wait_until_ready()
        yield started
    finally:
        if started.process.poll() is None:
            started.interrupt()


@pytest.fixture(name="page")
def _page() -> Iterator[Page]:
    if CHROMIUM is None:
        if os.environ.get("REQUIRE_BROWSER"):
            pytest.fail("chromium is not installed: apt-get install chromium")
        pytest.skip("chromium is not installed")
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=CHROMIUM, args=list(QUIET))
        page = browser.new_page(viewport={"width": 1440, "height": 900}, color_scheme="light", reduced_motion="reduce", locale="en-GB")
        page.set_default_timeout(45_000)
        yield page
        browser.close()


@pytest.fixture(name="keep_picture")
def _keep_picture(page: Page, workbench: Workbench) -> Callable[[str], None]:
    """Take a picture; with UPDATE_SCREENSHOTS=1 it becomes the documentation's."""

    def keep(name: str) -> None:
        picture = workbench.pictures / f"{name}.png"
        page.screenshot(path=picture)
        assert picture.stat().st_size > 10_000, "an empty page makes a smaller picture"
        if os.environ.get("UPDATE_SCREENSHOTS"):
            shutil.copyfile(picture, IMAGES / picture.name)

    return keep
