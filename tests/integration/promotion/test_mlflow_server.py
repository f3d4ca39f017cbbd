"""The whole way of a promotion over a real MLflow server and a real service process."""

import json
import os
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import httpx
import pytest

from dagster_project.home import Home
from dagster_project.tracking.store import server_command, server_environment
from live.promotion import generate_key, sha256_hex
from live.promotion.bundle import open_envelope
from live.promotion.registry import ModelRegistry, RegistryMissing

pytestmark = [pytest.mark.slow, pytest.mark.timeout(300)]


class MlflowServer:
    """Run the server that a workbench runs, and do by REST what a pipeline and a person in its UI do."""

    def __init__(self, home: Path) -> None:
        with socket.socket() as probe:
            probe.bind(("127.0.0.1", 0))
            port = probe.getsockname()[1]
        self.url = f"http://127.0.0.1:{port}"
        (home / "mlflow").mkdir(parents=True)
        environment = {**os.environ, **server_environment()}
        with (home / "mlflow" / "server.log").open("wb") as log:
            self.process = subprocess.Popen(
                server_command(Home(home), port), env=environment, stdout=log, stderr=log, start_new_session=True
            )
        self.client = httpx.Client(base_url=self.url, trust_env=False, timeout=30)
        deadline = time.monotonic() + 120
        while not self._answers():
            said = (home / "mlflow" / "server.log").read_text()[-2000:]
            assert self.process.poll() is None, said
            assert time.monotonic() < deadline, said
            time.sleep(0.1)  # between two looks at another process
        self.experiment = self("POST", "experiments/create", name="probe")["experiment_id"]
        self("POST", "registered-models/create", name="probe")

    def __call__(self, method: str, call: str, **values: Any) -> dict[str, Any]:
        """Make one call of the REST interface."""
        query, body = (values, None) if method == "GET" else (None, values)
        answer = self.client.request(method, f"/api/2.0/mlflow/{call}", params=query, json=body)
        assert answer.status_code == 200, answer.text
        return answer.json()

    def register(self, bundle: Path) -> str:
        """Register a bundle as a pipeline does: a run that holds the file, and a version with its tags."""
        run = self("POST", "runs/create", experiment_id=self.experiment, start_time=1)["run"]["info"]
        content = bundle.read_bytes()
        folder = Path(urlsplit(run["artifact_uri"]).path) / "bundle"
        folder.mkdir(parents=True)
        (folder / bundle.name).write_bytes(content)
        tags = {
            "interlock.bundle": sha256_hex(open_envelope(content).payload),
            "interlock.bundle_artifact": f"bundle/{bundle.name}",
            "interlock.strategy_version": "probe@label",
        }
        version = self(
            "POST",
            "model-versions/create",
            name="probe",
            source=f"{run['artifact_uri']}/bundle",
            run_id=run["run_id"],
            tags=[{"key": key, "value": value} for key, value in tags.items()],
        )
        return version["model_version"]["version"]

    def tags(self, version: str) -> dict[str, str]:
        """Give the tags of a version."""
        found = self("GET", "model-versions/get", name="probe", version=version)["model_version"]
        return {tag["key"]: tag["value"] for tag in found["tags"]}

    def stop(self) -> None:
        """End the server and the process that it started."""
        if self.process.poll() is None:
            os.killpg(self.process.pid, signal.SIGKILL)
            self.process.wait()
        self.client.close()

    def _answers(self) -> bool:
        try:
            return self.client.get("/health").status_code == 200
        except httpx.HTTPError:
            return False


@pytest.fixture(name="mlflow")
def _mlflow(host: Any) -> Iterator[MlflowServer]:
    server = MlflowServer(host.home)
    host.registry_url = server.url
    host.aliases = {"probe": "candidate"}
    yield server
    server.stop()


@pytest.fixture(name="watching")
def _watching(host: Any, mlflow: MlflowServer) -> Iterator[Path]:
    """Run `interlock sync --watch`, and give the keys of a person whom the host trusts."""
    files = generate_key("bob", "approver", host.keys)
    trusted = [f'{name} = "{getattr(files.public, name)}"' for name in ("name", "role", "keyid", "public")]
    bars = [host.make_bar(host.MARKET + number * host.MINUTE, told={5: 2, 9: 3}.get(number % 10, 0)) for number in range(30_000)]
    host.write_tape(*bars)
    host.configure("\n".join(["[[trusted_keys]]", *trusted]), speed=2_400.0)
    command = [sys.executable, "-c", "from live.cli.entry import main; main()", "sync", "--watch"]
    with (host.directory / "sync.log").open("wb") as log:
        watch = subprocess.Popen(command, env=host.environment, stdout=log, stderr=log)
    yield files.private_path
    watch.terminate()
    assert watch.wait(20) == 0


def test_a_promotion_goes_from_an_alias_to_dry_run_fills_and_back(host: Any, mlflow: MlflowServer, watching: Path, service: Any) -> None:
    """Alias, sync, pending, load, arm, trade; a champion by hand is refused; a removed alias reduces; an outage changes nothing."""

    def shown() -> dict[str, Any]:
        return service.call("GET", "/v1/deployments")[0]

    def becomes(status: str) -> dict[str, Any]:
        service.until(lambda: shown()["status"] == status, f"the deployment is {status}")
        return shown()

    def interlock(*arguments: str, expect: int = 0) -> dict[str, Any]:
        done = service.interlock(*arguments, "--json")
        assert done.returncode == expect, f"{arguments}: {done.stdout}{done.stderr}"
        return json.loads(done.stdout)

    def trades() -> None:
        before = len(service.call("GET", "/v1/fills?limit=10000"))
        service.until(lambda: len(service.call("GET", "/v1/fills?limit=10000")) > before, "it trades")

    first = mlflow.register(host.bundles["probe"])
    service.start()
    assert shown()["status"] == "WAITING"
    interlock("promote", "candidate", "probe", first)
    pending = becomes("PENDING")["pending"]
    assert pending["registry_version"] == int(first)
    service.until(lambda: mlflow.tags(first).get("interlock.status") == "accepted", "the verdict is written back")
    assert interlock("load")["loaded"]["probe"] == pending
    assert (shown()["status"], shown()["state"]) == ("LOADED", "DISARMED")
    service.arm()
    trades()

    second = mlflow.register(host.bundle(open_orders=4, evidence_gate=True))
    interlock("promote", "candidate", "probe", second)
    becomes("PENDING")
    interlock("load", expect=1)
    interlock("disarm")
    service.until(lambda: not service.call("GET", "/v1/orders?open_only=true"), "no order is alive")
    interlock("load")
    assert (shown()["registry_version"], shown()["state"]) == (int(second), "DISARMED")
    service.arm()
    trades()

    mlflow("POST", "registered-models/alias", name="probe", alias="champion", version=second)
    service.until(lambda: mlflow.tags(second)["interlock.status"] == "refused", "the champion is refused")
    assert mlflow.tags(second)["interlock.reason"].startswith(
        "refused as champion, WRONG_ROLE: a signature in the role approver is required"
    )
    interlock("promote", "approve", f"probe@{second}", "--key", str(watching))
    service.until(lambda: mlflow.tags(second)["interlock.status"] == "accepted", "the approved champion is accepted")
    assert [row["aliases"] for row in interlock("promote", "list", "probe")["versions"]] == [["candidate", "champion"], []]

    mlflow("DELETE", "registered-models/alias", name="probe", alias="candidate")
    assert becomes("WITHDRAWN")["reason"].startswith("ALIAS_REMOVED: ")
    service.until(lambda: shown()["state"] == "REDUCE_ONLY", "it may only reduce")
    interlock("disarm")
    assert "ALIAS_REMOVED" in service.call("POST", "/v1/arm", {"strategy_id": "probe"}, expect=409)["detail"]

    interlock("promote", "candidate", "probe", second)
    becomes("LOADED")
    service.arm()
    mlflow.stop()
    service.until(lambda: shown()["registry_unreachable"], "the outage is shown")
    assert (shown()["status"], shown()["state"]) == ("LOADED", "ARMED")
    trades()
    assert service.signal(signal.SIGTERM) == 0
    for journal in sorted((host.home / "journal").glob("*.journal")):
        interlock("journal", "verify", str(journal), "--anchors", str(host.home / "journal" / "anchors.jsonl"))
        assert interlock("session", "replay", str(journal))["identical"]


def test_the_server_answers_as_the_client_reads_it(mlflow: MlflowServer, host: Any) -> None:
    """Every call of the client, against the server itself: what is there, what is not, what is proxied and what was removed."""
    version = mlflow.register(host.bundles["probe"])
    with ModelRegistry(mlflow.url, {}) as registry:
        assert registry.aliases("nobody") == {}
        assert registry.aliases("probe") == {}
        registry.set_alias("probe", "candidate", int(version))
        assert registry.aliases("probe") == {"candidate": int(version)}
        found = registry.version("probe", int(version))
        assert registry.versions("probe") == [found]
        assert registry.versions("nobody") == []
        assert registry.artifact(found.run_id, found.tags["interlock.bundle_artifact"]) == host.bundles["probe"].read_bytes()
        registry.set_tag(found, "interlock.status", "x" * 900)
        assert mlflow.tags(version)["interlock.status"] == "x" * 900
        registry.remove_alias("probe", "candidate")
        registry.remove_alias("probe", "candidate")
        assert registry.aliases("probe") == {}
        for missing in (
            lambda: registry.version("probe", 9),
            lambda: registry.artifact(found.run_id, "none"),
            lambda: registry.artifact_root("none"),
        ):
            with pytest.raises(RegistryMissing):
                missing()
        experiment = mlflow("POST", "experiments/create", name="proxied", artifact_location="mlflow-artifacts:/proxied")["experiment_id"]
        run = mlflow("POST", "runs/create", experiment_id=experiment, start_time=1)["run"]["info"]["run_id"]
        registry.upload(registry.artifact_root(run), "bundle/x.bundle.json", b"first")
        registry.upload(registry.artifact_root(run), "bundle/x.bundle.json", b"second")
        assert registry.artifact(run, "bundle/x.bundle.json") == b"second"
        registry.set_alias("probe", "champion", int(version))
        mlflow("DELETE", "model-versions/delete", name="probe", version=version)
        assert registry.aliases("probe") == {}
