"""One MLflow store for all tests here, since making its database takes seconds; each test judges a strategy of its own name."""

import os
import socket
import subprocess
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import httpx
import pytest
from msgspec.structs import replace

from dagster_project.datasets import open_bars, write_tape
from dagster_project.equity import equity_curve, read_fills, returns_by_day
from dagster_project.gates.evaluation import Evaluation
from dagster_project.gates.performance import OPENING_CASH
from dagster_project.gates.sharpe import sharpe_ratio
from dagster_project.gates.submissions import submit_strategy
from dagster_project.home import Home
from dagster_project.tracking import Tracking, open_tracking
from dagster_project.tracking.store import server_command, server_environment
from live.configuration import parse_time
from live.driver.engine_digest import engine_digest
from live.driver.tape_replay import TapeReplayOptions, replay_on_tape
from live.journal import read_segment
from live.promotion import (
    Evidence,
    GateResult,
    KeyFiles,
    build_bundle,
    generate_key,
    load_signing_key,
    sha256_hex,
    sign_bundle,
    write_bundle,
)
from live.promotion.template import write_template

SAMPLE = Path(__file__).parents[3] / "data" / "sample" / "btcusdt_30m.parquet"
CREATED_AT = 1_700_000_000_000_000_000
DAY = 24 * 3600 * 1_000_000_000
DATASET = sha256_hex(b"three months of bitcoin")
POLICY = sha256_hex(b"policy")
START_SECONDS = 240.0
REPORT = """# {label}

| gate | answer | measured |
|---|---|---|
| determinism | pass | differing 0 |
| replay | pass | fills {fills} |
| deflated_sharpe | fail | probability 0.41 |
"""


Judge = Callable[..., Evaluation]
Bundle = Callable[[Evaluation], Path]


@pytest.fixture(name="home", scope="session")
def _home(tmp_path_factory: pytest.TempPathFactory) -> Home:
    return Home(tmp_path_factory.mktemp("home"))


@pytest.fixture(name="tracking", scope="session")
def _tracking(home: Home) -> Tracking:
    assert "MLFLOW_TRACKING_URI" not in os.environ, "these tests open a store of their own"
    return open_tracking(home)


@pytest.fixture(name="tape", scope="session")
def _tape(tmp_path_factory: pytest.TempPathFactory) -> Path:
    tape = tmp_path_factory.mktemp("tape") / "btc.tape.gz"
    write_tape([open_bars(SAMPLE)], tape, parse_time("2018-01-01T00:00:00Z"), parse_time("2018-04-01T00:00:00Z"))
    return tape


@pytest.fixture(name="judge")
def _judge(home: Home, tape: Path, tmp_path: Path) -> Judge:
    """Give a function that submits a strategy of the given name, replays it and writes evidence."""

    def judge(strategy_id: str, **parameters: object) -> Evaluation:
        folder = tmp_path / "source" / strategy_id
        if not folder.exists():
            write_template(strategy_id, folder.parent)
        submission = submit_strategy(home, folder, parameters)
        version = submission.folder.version
        journal = tmp_path / f"{version.digest}.journal"
        journal.unlink(missing_ok=True)
        result = replay_on_tape(submission.folder, tape, home.root, TapeReplayOptions(), journal=journal)
        fills = read_fills(journal)
        curve = equity_curve(fills, read_segment(tape)[1], version.instruments_by_id, OPENING_CASH)
        returns = returns_by_day(curve)
        evidence = Evidence(
            schema=1,
            strategy_version_digest=version.digest,
            dataset_digest=DATASET,
            policy_digest=POLICY,
            engine_digest=engine_digest(),
            results=(
                _gate("determinism", kind="integrity", measured={"differing": 0}, threshold={"maximum_differing": 0}),
                _gate("replay", kind="integrity", measured={"fills": result.fills, "digest": result.parity_digest}, threshold={}),
                _gate("deflated_sharpe", passed=False, measured={"probability": 0.41}, threshold={"minimum_probability": 0.95}),
            ),
            created_at=CREATED_AT,
        )
        return Evaluation(
            submission=submission,
            dataset_digest=DATASET,
            dataset_name="three_months",
            evidence=evidence,
            result=result,
            fills=fills,
            curve=curve,
            returns=returns,
            sharpe=sharpe_ratio([value for _, value in returns]),
            report_markdown=REPORT.format(label=submission.label, fills=result.fills),
        )

    return judge


def _gate(gate: str, **fields: object) -> GateResult:
    result = GateResult(gate=gate, passed=True, kind="evidence", measured={}, threshold={})
    return replace(result, **fields)


@pytest.fixture(name="gate_key", scope="session")
def _gate_key(tmp_path_factory: pytest.TempPathFactory) -> KeyFiles:
    return generate_key("gate-host", "gate", tmp_path_factory.mktemp("gate"))


@pytest.fixture(name="approver_key", scope="session")
def _approver_key(tmp_path_factory: pytest.TempPathFactory) -> KeyFiles:
    return generate_key("ann", "approver", tmp_path_factory.mktemp("approver"))


@pytest.fixture(name="bundle")
def _bundle(home: Home, gate_key: KeyFiles) -> Bundle:
    """Give a function that writes a bundle with the gate's signature."""

    def bundle(judged: Evaluation) -> Path:
        payload = build_bundle(judged.submission.folder, judged.evidence, CREATED_AT, CREATED_AT + DAY)
        return write_bundle(sign_bundle(payload, load_signing_key(gate_key.private_path)), home.bundles)

    return bundle


@pytest.fixture(name="server", scope="session")
def _server(home: Home, tracking: Tracking, tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """Serve the store as the workbench does, and give the address."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    address = f"http://127.0.0.1:{port}"
    log = tmp_path_factory.mktemp("server") / "log"
    with log.open("wb") as output:
        server = subprocess.Popen(
            server_command(home, port), env={**os.environ, **server_environment()}, stdout=output, stderr=output, stdin=subprocess.DEVNULL
        )
    try:
        deadline = time.monotonic() + START_SECONDS
        while not _answers(address):
            assert server.poll() is None, log.read_text()
            assert time.monotonic() < deadline, f"the server does not answer within {START_SECONDS:.0f} s: {log.read_text()}"
            time.sleep(0.1)  # between two looks at another process
        yield address
    finally:
        server.terminate()
        server.wait(30)


def _answers(address: str) -> bool:
    try:
        return httpx.get(f"{address}/health", trust_env=False).status_code == 200
    except httpx.TransportError:
        return False
