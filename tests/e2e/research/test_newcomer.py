"""A newcomer with a strategy of their own: from the launchpad to a dry run, as the README tells it."""

import json
from typing import Any

import httpx
import pytest

pytestmark = [pytest.mark.slow, pytest.mark.timeout(600)]

LAUNCH = """mutation($job: String!, $config: RunConfigData!) { launchRun(executionParams: {
    selector: {repositoryLocationName: "interlock", repositoryName: "__repository__", jobName: $job}, runConfigData: $config}) {
    __typename ... on LaunchRunSuccess { run { runId } }
    ... on PythonError { message } ... on RunConfigValidationInvalid { errors { message } } } }"""
RUN = "query($id: ID!) { runOrError(runId: $id) { ... on Run { status } } }"
RUNS = "{ runsOrError { ... on Runs { results { runId jobName status tags { key value } } } } }"
CHECKS = """query($key: [String!]!, $check: String!) { assetCheckExecutions(assetKey: {path: $key}, checkName: $check, limit: 50) {
    evaluation { success partition description } } }"""
SCOPES = ("read", "arm", "disarm", "kill", "release")


def launch(workbench, job: str, config: dict[str, Any]) -> None:
    """Launch a job as the launchpad does, and wait until it succeeded."""
    launched = workbench.graphql(LAUNCH, job=job, config=config)["launchRun"]
    assert launched["__typename"] == "LaunchRunSuccess", launched
    run_id = launched["run"]["runId"]

    def ended() -> str:
        status = workbench.graphql(RUN, id=run_id)["runOrError"]["status"]
        return status if status in {"SUCCESS", "FAILURE", "CANCELED"} else ""

    assert workbench.wait_until(ended, f"the run of {job}") == "SUCCESS"


def proven(workbench, strategy: str) -> str:
    """Give the partition of a strategy once the run that the sensor asked for has succeeded."""
    for run in workbench.graphql(RUNS)["runsOrError"]["results"]:
        tags = {tag["key"]: tag["value"] for tag in run["tags"]}
        partition = tags.get("dagster/partition", "")
        if run["jobName"] == "prove_strategy" and partition.startswith(f"{strategy}@"):
            assert run["status"] not in {"FAILURE", "CANCELED"}, run
            return partition if run["status"] == "SUCCESS" else ""
    return ""


def traded(workbench, client: httpx.Client) -> list[dict[str, Any]]:
    """Give the strategy's fills; fails as soon as none can come.

    It is armed no more, nothing flows, or its entry was denied, and an entry is tried once a decision.
    """

    def of(kind: str) -> list[dict[str, Any]]:
        return [one for one in client.get(f"/v1/{kind}").json() if one["strategy_id"] == "my_trend"]

    if fills := of("fills"):
        return fills
    state = client.get("/v1/state").json()
    denied = [one for one in of("denials") if one["code"] != "STATE_DISARMED"]
    assert (state["halted"], state["feed"]["ended"]) == (None, False), account_of(workbench, client)
    assert (state["strategies"]["my_trend"]["state"], denied) == ("ARMED", []), account_of(workbench, client)
    return []


def account_of(workbench, client: httpx.Client) -> str:
    """Tell what the service says of itself and of the strategy, and what the newest session recorded last."""
    newest = max((workbench.home / "journal").glob("*.journal"))
    asked = [f"{path}: {client.get(path).text}" for path in ("/readyz", "/v1/state", "/v1/orders", "/v1/decisions", "/v1/denials")]
    return "\n".join([*asked, workbench.interlock("journal", "show", str(newest), "--last", "60").stdout, workbench.tail()])


def test_a_strategy_of_ones_own_goes_from_the_launchpad_to_a_dry_run(workbench, tmp_path):
    """Submit in the launchpad, see the checks, move the alias in MLflow, see it pending, load it, arm it, see it trade."""
    made = workbench.interlock("strategy", "new", "my_trend", "--directory", str(tmp_path))
    assert made.returncode == 0, made.stderr
    launch(workbench, "submit_strategy", {"ops": {"strategy_submission": {"config": {"folder": str(tmp_path / "my_trend")}}}})
    partition = workbench.wait_until(lambda: proven(workbench, "my_trend"), "the sensor has the new version proven", 240)

    said: dict[str, bool] = {}
    for gate in ("data_quality", "determinism", "replay", "look_ahead", "warm_up", "limits", "deflated_sharpe", "cost_stress", "regimes"):
        executions = workbench.graphql(CHECKS, key=["strategy_evidence"], check=gate)["assetCheckExecutions"]
        (evaluation,) = [one["evaluation"] for one in executions if one["evaluation"]["partition"] == partition]
        assert evaluation["description"], "a check says why"
        said[gate] = evaluation["success"]
    assert all(said[gate] for gate in ("data_quality", "determinism", "replay", "look_ahead", "warm_up", "limits"))

    alias = {"name": "my_trend", "alias": "candidate", "version": "1"}
    answer = httpx.post(f"{workbench.addresses.mlflow_url}/api/2.0/mlflow/registered-models/alias", json=alias, trust_env=False)
    assert answer.is_success, answer.text

    scopes = [argument for scope in SCOPES for argument in ("--scope", scope)]
    token = json.loads(workbench.interlock("token", "new", "newcomer", *scopes, "--json").stdout)["token"]
    client = httpx.Client(base_url=workbench.addresses.live_url, headers={"Authorization": f"Bearer {token}"}, trust_env=False, timeout=30)
    with client:

        def deployment() -> dict[str, Any]:
            return next(one for one in client.get("/v1/deployments").json() if one["strategy_id"] == "my_trend")

        workbench.wait_until(lambda: deployment()["pending"], "sync made it pending", 60)
        assert deployment()["status"] != "LOADED", "a promotion loads nothing by itself"
        assert client.post("/v1/deployments/load").is_success
        assert deployment()["status"] == "LOADED"
        assert deployment()["version"] == partition
        assert deployment()["state"] == "DISARMED", "and arms nothing"
        challenge = client.post("/v1/arm", json={"strategy_id": "my_trend"}).json()
        confirmed = client.post("/v1/arm/confirm", json={"challenge_id": challenge["challenge_id"], "phrase": challenge["phrase"]})
        assert confirmed.is_success, confirmed.text
        workbench.wait_until(lambda: traded(workbench, client), "it trades", 120, lambda: account_of(workbench, client))
