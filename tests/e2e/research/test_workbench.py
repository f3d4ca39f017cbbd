"""The workbench on the home that the demo left: what a person sees, reads and clicks."""

import json
import signal

import httpx
import pytest

pytestmark = [pytest.mark.slow, pytest.mark.timeout(600)]

TWO_GIGABYTES = 2_000_000_000

RUNS = "{ runsOrError { ... on Runs { results { jobName status tags { key value } } } } }"
PARTITIONS = """query($key: [String!]!) { assetNodeOrError(assetKey: {path: $key}) { ... on AssetNode {
    partitionKeys assetPartitionStatuses { ... on DefaultPartitionStatuses { materializedPartitions } } } } }"""
CHECKS = """query($key: [String!]!, $check: String!) { assetCheckExecutions(assetKey: {path: $key}, checkName: $check, limit: 20) {
    status evaluation { success severity description partition } } }"""


def test_everything_answers_within_two_gigabytes(workbench):
    """The Dagster UI, MLflow, the live service, sync, the exchange and the pages run together in less than 2 GB."""
    memory = workbench.processes()
    assert len(memory) >= 8, "the servers and their workers"
    assert sum(memory.values()) < TWO_GIGABYTES, memory


def test_the_runs_of_the_demo_are_read_back(workbench):
    """The UI opens the instance that the demo wrote: every job is there and none failed."""
    runs = workbench.graphql(RUNS)["runsOrError"]["results"]
    jobs = {run["jobName"] for run in runs}
    assert {"prepare_data", "submit_strategy", "prove_strategy", "archive_sessions", "summarise_days"} <= jobs
    assert {run["status"] for run in runs if run["jobName"] in {"prepare_data", "prove_strategy"}} == {"SUCCESS"}, (
        "a strategy that is refused is no failed run"
    )


def test_each_strategy_version_is_a_partition(workbench):
    """Four versions were judged, and each has its evidence."""
    node = workbench.graphql(PARTITIONS, key=["strategy_evidence"])["assetNodeOrError"]
    judged = {key.partition("@")[0] for key in node["assetPartitionStatuses"]["materializedPartitions"]}
    assert {"ema_cross", "mean_reversion", "coin_flip", "peeker"} <= judged


def test_the_checks_say_what_the_gates_said(workbench):
    """The look-ahead check is red for peeker alone, names the first leaking bar, and is an error; others are green."""
    executions = workbench.graphql(CHECKS, key=["strategy_evidence"], check="look_ahead")["assetCheckExecutions"]
    said = {one["evaluation"]["partition"].partition("@")[0]: one["evaluation"] for one in executions}
    assert said["peeker"]["success"] is False
    assert said["peeker"]["severity"] == "ERROR"
    assert "leaks first at bar" in said["peeker"]["description"]
    assert all(said[name]["success"] for name in ("ema_cross", "mean_reversion", "coin_flip"))


def test_schedules_and_sensors_run_without_anybody_starting_them(workbench):
    """The nightly summary, the proof of new versions and the pull of closed sessions are on from the start."""
    query = """{ repositoriesOrError { ... on RepositoryConnection { nodes {
        schedules { name scheduleState { status } } sensors { name sensorState { status } } } } } }"""
    (repository,) = workbench.graphql(query)["repositoriesOrError"]["nodes"]
    schedules = {one["name"]: one["scheduleState"]["status"] for one in repository["schedules"]}
    sensors = {one["name"]: one["sensorState"]["status"] for one in repository["sensors"]}
    assert schedules["daily_summaries"] == "RUNNING"
    assert set(sensors.values()) == {"RUNNING"}


def test_the_pages_are_there(workbench):
    """Data Docs, the summary of the demo's day, the start page and the exchange's are served over HTTP."""
    for path in ("/", "/exchange", "/data-docs/index.html", "/reports/daily/"):
        assert httpx.get(f"{workbench.addresses.pages_url}{path}", trust_env=False).is_success


def test_pictures_of_the_asset_graph(page, workbench, keep_picture):
    """The asset graph shows every group of the pipeline, and inside them every asset."""
    page.goto(f"{workbench.addresses.dagster_url}/asset-groups")
    page.get_by_text("gates", exact=True).first.wait_for()
    page.get_by_text("Materialize all").first.wait_for()
    page.keyboard.press("Alt+KeyE")  # expand all groups
    for name in ("staged_bars", "replay_dataset", "strategy_evidence", "strategy_bundle", "daily_summary"):
        page.get_by_text(name, exact=True).first.wait_for()
    keep_picture("dagster-asset-graph")


def test_pictures_of_the_checks(page, workbench, keep_picture):
    """The checks of a strategy version say which gate holds, what was asked, and why."""
    page.goto(f"{workbench.addresses.dagster_url}/assets/strategy_evidence?view=checks&checkDetail=deflated_sharpe")
    page.get_by_text("Latest execution").first.wait_for()
    for gate in ("data_quality", "deflated_sharpe", "look_ahead", "warm_up"):
        page.get_by_text(gate, exact=True).first.wait_for()
    keep_picture("dagster-checks")


def test_pictures_of_the_model_version(page, workbench, keep_picture):
    """The version in MLflow shows the gate report, the aliases and what sync answered."""
    page.add_init_script("localStorage.setItem('mlflow.assistant.panelOpen_v1', 'false')")
    page.add_init_script("localStorage.setItem('mlflow.assistant.fab.autoOpenedOnFirstLoad_v1', 'true')")
    page.goto(f"{workbench.addresses.mlflow_url}/#/models/ema_cross/versions/1?workflowType=machine_learning")
    page.get_by_text("interlock.status").first.wait_for()
    page.get_by_text("deflated_sharpe").first.wait_for()
    keep_picture("mlflow-version")


def test_pictures_of_data_docs(page, workbench, keep_picture):
    """Data Docs list every file with its verdict, and lead to the page of one that was refused."""
    page.goto(f"{workbench.addresses.data_docs_url}/index.html")
    page.get_by_text("high_below_low.parquet").first.wait_for()
    page.get_by_text("btcusdt_30m.parquet").first.wait_for()
    keep_picture("data-docs")
    page.locator("tr", has_text="high_below_low.parquet").get_by_role("link").first.click()
    page.get_by_text("high_is_highest").first.wait_for()


def test_pictures_of_the_summary(page, workbench, keep_picture):
    """The summary of the demo's day is a page that needs nothing else: equity, orders, fills, denials, chain head."""
    days = [
        file.parent
        for file in (workbench.home / "reports" / "daily").glob("*/summary.json")
        if json.loads(file.read_text())["totals"]["fills"]
    ]
    page.goto(f"{workbench.addresses.reports_url}/daily/{days[0].name}/summary.html")
    for heading in ("Fills", "Denials"):
        page.get_by_text(heading).first.wait_for()
    keep_picture("daily-summary")


def test_an_interrupt_ends_all_of_it(workbench):
    """Ctrl-C ends every process within half a minute, the live service in an orderly way, and leaves none behind."""
    started = set(workbench.processes())
    assert workbench.interrupt() in {0, 128 + signal.SIGINT}
    assert workbench.processes() == {}
    assert started
