"""The stage of the demo: a home of its own, the command line as a user types it, and the service as its own process."""

import json
import os
import shutil
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from threading import Lock
from typing import Any

import httpx
from rich.console import Console

from dagster_project.home import Home, open_home
from dagster_project.tracking.store import SERVER_HOST, server_command, server_environment
from live.core.errors import InterlockError
from live.service.address import ServiceAddress, read_address

START_SECONDS = 60.0
WAIT_SECONDS = 60.0
STOP_SECONDS = 20.0
REGISTRY_SECONDS = 120.0


class ClaimFailed(InterlockError):
    """Something the demo claims does not hold."""


class Stage:
    """Hold the directories of one live host of the demo and run commands in them."""

    def __init__(self, console: Console, home: Path, keys: Path) -> None:
        """Set a stage: what an earlier demo left in either directory is removed."""
        self.console = console
        self.home = home
        self.keys = keys
        self.service: subprocess.Popen[bytes] | None = None
        self.registry: subprocess.Popen[bytes] | None = None
        self.registry_url = ""
        self.token = ""
        self._commands: set[subprocess.Popen[str]] = set()
        self._closing = Lock()
        self._closed = False
        for directory in (self.home, self.keys):
            shutil.rmtree(directory, ignore_errors=True)
        self.home.mkdir(parents=True)
        self.environment = {**os.environ, "INTERLOCK_HOME": str(self.home), "INTERLOCK_KEYS": str(self.keys)}
        for name in ("INTERLOCK_CONFIG", "INTERLOCK_PORT"):
            self.environment.pop(name, None)

    def check(self, holds: bool, claim: str, seen: object = "") -> None:
        """Print a claim that holds; stop at one that does not.

        Raises:
            ClaimFailed: it does not hold; says what was seen.
        """
        if not holds:
            raise ClaimFailed(f"this claim does not hold: {claim}; seen: {seen}")
        self.console.print(f"  [green]✓[/] {claim}")

    def interlock(self, *arguments: str, expect: int = 0, **environment: str) -> dict[str, Any]:
        """Run `interlock … --json` in its own process and return its answer.

        Raises:
            ClaimFailed: it exits with another code than `expect`, or the stage was closed.
        """
        command = [sys.executable, "-c", "from live.cli.entry import main; main()", *arguments, "--json"]
        with self._closing:
            if self._closed:
                raise ClaimFailed(f"`interlock {' '.join(arguments)}` was not run: the demo ended before it")
            process = subprocess.Popen(
                command,
                env={**self.environment, **environment},
                stdout=subprocess.PIPE,
                stderr=subprocess.PIPE,
                stdin=subprocess.DEVNULL,
                text=True,
            )
            self._commands.add(process)
        said, errors = process.communicate()
        self._commands.discard(process)
        if process.returncode != expect:
            raise ClaimFailed(f"`interlock {' '.join(arguments)}` exited with {process.returncode}, expected {expect}: {said}{errors}")
        return json.loads(said)

    def start_service(self, config: Path) -> ServiceAddress:
        """Start the live service and wait until it listens.

        Raises:
            ClaimFailed: it ends or does not listen in time.
        """
        (self.home / "service.json").unlink(missing_ok=True)
        with (self.home / "service.log").open("ab") as log:
            command = [sys.executable, "-c", "from live.cli.entry import main; main()", "serve", "--config", str(config)]
            self.service = subprocess.Popen(command, env=self.environment, stdout=log, stderr=log, stdin=subprocess.DEVNULL)
        service = self.service

        def listening() -> ServiceAddress | None:
            if service.poll() is not None:
                raise ClaimFailed(f"the service ended with {service.returncode}: {self.log_tail()}")
            return read_address(self.home)

        return self.wait_for(listening, "the service listens", START_SECONDS)

    def stop_service(self, *, kill: bool = False) -> None:
        """Stop the service: in an orderly way, or with SIGKILL."""
        if self.service is not None and self.service.poll() is None:
            if kill:
                self.service.kill()
            else:
                self.service.terminate()
            try:
                self.service.wait(STOP_SECONDS)
            except subprocess.TimeoutExpired:
                self.service.kill()
                self.service.wait()
                raise ClaimFailed(f"the service did not stop within {STOP_SECONDS:.0f} s: {self.log_tail()}") from None
        self.service = None

    def start_mlflow(self, home: Home) -> None:
        """Start an MLflow server on a home; it takes a while, so somebody waits for it later."""
        with socket.socket() as probe:
            probe.bind((SERVER_HOST, 0))
            port = probe.getsockname()[1]
        self.registry_url = f"http://{SERVER_HOST}:{port}"
        with (self.home / "mlflow.log").open("ab") as log:
            self.registry = subprocess.Popen(
                server_command(home, port),
                env={**os.environ, **server_environment()},
                stdout=log,
                stderr=log,
                stdin=subprocess.DEVNULL,
                start_new_session=True,
            )

    def wait_for_mlflow(self) -> None:
        """Wait until the MLflow server answers.

        Raises:
            ClaimFailed: it does not in time.
        """

        def healthy() -> bool:
            try:
                return httpx.get(f"{self.registry_url}/health", timeout=5, trust_env=False).is_success
            except httpx.TransportError:
                return False

        self.wait_for(healthy, "MLflow answers", REGISTRY_SECONDS)

    def mlflow(self, method: str, path: str, body: dict[str, Any] | None = None) -> Any:
        """Call MLflow's REST interface, as its UI does.

        Raises:
            ClaimFailed: it refuses.
        """
        answer = httpx.request(method, f"{self.registry_url}/api/2.0/mlflow/{path}", json=body, timeout=30, trust_env=False)
        if not answer.is_success:
            raise ClaimFailed(f"MLflow answered {method} {path} with {answer.status_code}: {answer.text}")
        return answer.json()

    def close(self) -> None:
        """Leave no process behind, and let none begin that another thread would start."""
        with self._closing:
            self._closed = True
            for command in self._commands:
                command.kill()
        if self.service is not None and self.service.poll() is None:
            self.service.kill()
            self.service.wait()
        if self.registry is not None:
            with suppress(ProcessLookupError):
                os.killpg(self.registry.pid, signal.SIGTERM)  # the server and its worker
            try:
                self.registry.wait(STOP_SECONDS)
            except subprocess.TimeoutExpired:
                os.killpg(self.registry.pid, signal.SIGKILL)
                self.registry.wait()

    def call(self, method: str, path: str, body: dict[str, Any] | None = None, *, expect: int = 200, token: str | None = None) -> Any:
        """Call the service and return its JSON answer.

        Raises:
            ClaimFailed: it answers with another status than `expect`.
        """
        address = read_address(self.home)
        if address is None:
            raise ClaimFailed(f"the service does not say where it listens: {self.log_tail()}")
        headers = {"Authorization": f"Bearer {self.token if token is None else token}"}
        answer = httpx.request(method, f"{address.url}{path}", json=body, headers=headers, timeout=30, trust_env=False)
        if answer.status_code != expect:
            raise ClaimFailed(f"{method} {path} answered {answer.status_code}, expected {expect}: {answer.text}")
        return answer.json()

    def wait_for(self, probe: Callable[[], Any], what: str, seconds: float = WAIT_SECONDS) -> Any:
        """Ask again until `probe` gives something, at most `seconds`.

        Raises:
            ClaimFailed: it never does.
        """
        deadline = time.monotonic() + seconds
        while time.monotonic() < deadline:
            found = probe()
            if found:
                return found
            time.sleep(0.02)
        raise ClaimFailed(f"waited {seconds:.0f} s in vain: {what}; {self.log_tail()}")

    def log_tail(self) -> str:
        """Give the end of the service's log."""
        path = self.home / "service.log"
        lines = path.read_text(errors="replace").splitlines() if path.exists() else []
        return "the service's log ends: " + " / ".join(lines[-5:])


@contextmanager
def open_stage(console: Console, *, name: str = "demo") -> Iterator[Stage]:
    """Set a stage, in a home and with keys of its own by its name, and leave no process behind."""
    stage = Stage(console, open_home().root / name, Path.home() / ".interlock" / f"{name}-keys")
    try:
        yield stage
    finally:
        stage.close()


def scope_options(*names: str) -> list[str]:
    """Spell scopes as options of `interlock token new`."""
    return [argument for name in names for argument in ("--scope", name)]
