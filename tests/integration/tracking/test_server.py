"""The server and direct use of the same home see the same rows and the same files."""

import threading
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import httpx
import pytest

from dagster_project.home import Home
from dagster_project.tracking import Tracking, TrialLedger, find_version, log_evaluation, log_trial, open_tracking, register_bundle
from live.promotion import sha256_hex
from live.promotion.bundle import open_envelope

pytestmark = [pytest.mark.slow, pytest.mark.timeout(300)]
Judge = Callable[..., Any]
Bundle = Callable[[Any], Path]


class _Rest:
    """Ask the server as any program without MLflow would."""

    def __init__(self, server: str) -> None:
        self.client = httpx.Client(base_url=server, trust_env=False, timeout=60)

    def __call__(self, method: str, path: str, **values: Any) -> dict[str, Any]:
        query, body = (values, None) if method == "GET" else (None, values)
        answer = self.client.request(method, f"/api/2.0/mlflow/{path}", params=query, json=body)
        assert answer.status_code == 200, answer.text
        return answer.json()


@pytest.fixture(name="rest")
def _rest(server: str) -> Iterator[_Rest]:
    rest = _Rest(server)
    yield rest
    rest.client.close()


def test_a_registered_bundle_is_found_and_fetched_over_rest(home: Home, rest: _Rest, judge: Judge, bundle: Bundle) -> None:
    """Alias, version, tags, gate table and the very bytes of the file: all that `interlock sync` needs."""
    judged = judge("served")
    path, run_id = bundle(judged), log_evaluation(home, judged)
    number = register_bundle(home, path, run_id, judged.report_markdown)
    rest("POST", "registered-models/alias", name="served", alias="candidate", version=str(number))

    version = rest("GET", "registered-models/alias", name="served", alias="candidate")["model_version"]
    tags = {tag["key"]: tag["value"] for tag in version["tags"]}
    assert version["run_id"] == run_id
    assert "| deflated_sharpe | fail | probability 0.41 |" in version["description"]
    assert tags["interlock.bundle"] == sha256_hex(open_envelope(path.read_bytes()).payload)
    fetched = rest.client.get("/get-artifact", params={"run_uuid": run_id, "path": tags["interlock.bundle_artifact"]})
    assert (fetched.status_code, fetched.content) == (200, path.read_bytes())
    page = rest.client.get("/model-versions/get-artifact", params={"name": "served", "version": number, "path": path.name})
    assert (page.status_code, page.content) == (200, path.read_bytes())


def test_an_alias_and_a_tag_set_over_rest_are_seen_in_the_home(home: Home, rest: _Rest, judge: Judge, bundle: Bundle) -> None:
    """What a person moves in the UI, and what `interlock sync` writes back, reaches the pipeline."""
    judged = judge("moved")
    path = bundle(judged)
    number = register_bundle(home, path, log_evaluation(home, judged), judged.report_markdown)
    rest("POST", "registered-models/alias", name="moved", alias="champion", version=str(number))
    rest("POST", "model-versions/set-tag", name="moved", version=str(number), key="interlock.status", value="refused")
    found = find_version(home, "moved", sha256_hex(open_envelope(path.read_bytes()).payload))
    assert found is not None
    assert found.aliases == ("champion",)
    assert found.tags["interlock.status"] == "refused"


def test_a_run_deleted_over_rest_is_missed(home: Home, tracking: Tracking, rest: _Rest, judge: Judge) -> None:
    """Deleting it in the UI does the same."""
    judged = judge("deleted_over_rest")
    trial = log_trial(home, judged.dataset_digest, judged.submission.folder, judged.curve)
    assert tracking.has_run(trial.run_id)
    rest("POST", "runs/delete", run_id=trial.run_id)
    assert not tracking.has_run(trial.run_id)
    assert trial in TrialLedger(home.trials).trials()


def test_the_server_is_a_store_like_the_file(
    home: Home, server: str, tracking: Tracking, judge: Judge, bundle: Bundle, monkeypatch: pytest.MonkeyPatch
) -> None:
    """With MLFLOW_TRACKING_URI the same calls go over HTTP, and what they leave is where the file has it."""
    judged = judge("over_http")
    monkeypatch.setenv("MLFLOW_TRACKING_URI", server)
    assert open_tracking(home).uri == server
    run_id = log_evaluation(home, judged)
    number = register_bundle(home, bundle(judged), run_id, judged.report_markdown)
    assert register_bundle(home, bundle(judged), run_id, judged.report_markdown) == number
    monkeypatch.delenv("MLFLOW_TRACKING_URI")
    run = tracking.client.get_run(run_id)
    assert (run.info.artifact_uri or "").startswith(home.mlflow.as_uri())
    assert Path(tracking.client.download_artifacts(run_id, "report.md")).read_text() == judged.report_markdown
    assert tracking.client.get_model_version("over_http", str(number)).run_id == run_id


def test_the_server_and_a_pipeline_write_at_the_same_time(home: Home, tracking: Tracking, rest: _Rest, judge: Judge) -> None:
    """Neither finds the database locked: each waits for its turn."""
    judged = judge("interleaved")
    rest_run = log_evaluation(home, judged)
    done = threading.Event()
    written: list[int] = []
    failures: list[BaseException] = []

    def write_over_rest() -> None:
        try:
            while not done.is_set():
                rest("POST", "runs/log-metric", run_id=rest_run, key="beat", value=1.0, timestamp=1, step=len(written))
                written.append(1)
        except BaseException as error:  # noqa: BLE001 - it is asserted below, in the test's own thread
            failures.append(error)

    writer = threading.Thread(target=write_over_rest)
    writer.start()
    try:
        run_ids = [log_evaluation(home, judged) for _ in range(3)]
    finally:
        done.set()
        writer.join()
    assert failures == []
    assert len(tracking.client.get_metric_history(rest_run, "beat")) == len(written) > 10
    assert all(tracking.has_run(run_id) for run_id in run_ids)


def test_another_site_can_neither_read_nor_write(server: str) -> None:
    """A page that rebinds its name to this machine is refused, and so is one that posts from elsewhere."""
    search = {"max_results": 1}
    ours = httpx.post(f"{server}/api/2.0/mlflow/experiments/search", json=search, trust_env=False)
    rebound = httpx.post(f"{server}/api/2.0/mlflow/experiments/search", json=search, headers={"Host": "evil.example"}, trust_env=False)
    foreign = httpx.post(
        f"{server}/api/2.0/mlflow/experiments/search", json=search, headers={"Origin": "http://evil.example"}, trust_env=False
    )
    assert [ours.status_code, rebound.status_code, foreign.status_code] == [200, 403, 403]
