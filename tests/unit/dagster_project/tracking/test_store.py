"""Where MLflow is, how it is served, and which pages it has."""

from pathlib import Path

import pytest

from dagster_project.home import Home
from dagster_project.tracking.store import run_address, server_command, server_environment, tracking_uri, version_address


def test_the_store_is_a_file_of_the_home_unless_the_environment_names_another(monkeypatch: pytest.MonkeyPatch) -> None:
    """MLFLOW_TRACKING_URI is what people who use MLflow know."""
    home = Home(Path("/somewhere"))
    monkeypatch.delenv("MLFLOW_TRACKING_URI", raising=False)
    assert tracking_uri(home) == "sqlite:////somewhere/mlflow/mlflow.db"
    monkeypatch.setenv("MLFLOW_TRACKING_URI", "http://127.0.0.1:8422")
    assert tracking_uri(home) == "http://127.0.0.1:8422"


def test_the_server_listens_to_this_machine_alone_and_has_no_workers_to_spare() -> None:
    """As shipped it would take two gigabytes and phone home."""
    command = server_command(Home(Path("/somewhere")), 8500)
    options = dict(zip(command[4::2], command[5::2], strict=True))
    assert options["--host"] == "127.0.0.1"
    assert options["--port"] == "8500"
    assert options["--workers"] == "1"
    assert options["--allowed-hosts"] == "127.0.0.1:8500,localhost:8500"
    assert server_environment()["MLFLOW_SERVER_ENABLE_JOB_EXECUTION"] == "false"
    assert server_environment()["MLFLOW_DISABLE_TELEMETRY"] == "true"


def test_pages_are_addressed_within_the_ui_or_from_elsewhere() -> None:
    """A link inside a description holds wherever the server is reached."""
    assert run_address("1", "a") == "#/experiments/1/runs/a?workflowType=machine_learning"
    assert version_address("ema_cross", 2, "http://here") == "http://here/#/models/ema_cross/versions/2?workflowType=machine_learning"


def test_names_of_the_package_are_what_it_exports() -> None:
    """Each is there, imported when it is asked for."""
    import dagster_project.tracking as package

    assert all(getattr(package, name) is not None for name in package.__all__)
    with pytest.raises(AttributeError, match="has no attribute 'helpers'"):
        _ = package.helpers
