"""The tracking store: MLflow on a SQLite file of the home, written directly or through the server of the same home.

Both ways lead to the same rows and artifacts, because an experiment's artifacts lie under the home by absolute path. SQLite
serialises the writers: MLflow waits up to 20 seconds for its turn, so the server and a Dagster run may write at once. The
client is used with its address throughout and never through MLflow's global state, so that two homes fit in one process.
"""

import os
import sys
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from dagster_project.home import Home
from dagster_project.tracking.errors import TrackingError

if TYPE_CHECKING:
    from mlflow import MlflowClient

URI_VARIABLE = "MLFLOW_TRACKING_URI"
SILENCE = {"MLFLOW_DISABLE_TELEMETRY": "true", "DO_NOT_TRACK": "true"}
"""MLflow reads these when it is imported, so that nothing phones home."""
QUIET = {
    "MLFLOW_ENABLE_ARTIFACTS_PROGRESS_BAR": "false",
    "MLFLOW_SUPPRESS_PRINTING_URL_TO_STDOUT": "true",
    "MLFLOW_HTTP_REQUEST_MAX_RETRIES": "1",
}
"""Standard output belongs to the command's answer, and a server that is not there is told at once instead of after minutes."""
SERVER_HOST = "127.0.0.1"
SERVER_PORT = 8422
"""MLflow's own default, 5000, is taken by AirPlay on a Mac."""

TRIAL_TAG = "interlock.trial"
"""Carried by every run that is a trial; its value is the trial's source."""
EXPERIMENT_TAGS = {"mlflow.experimentKind": "custom_model_development"}
"""Without it the UI takes an experiment for one about language models and opens pages that stay empty."""


@dataclass(frozen=True)
class Tracking:
    """Speak to one MLflow store.

    Attributes:
        uri: where it is.
        client: MLflow's client, bound to that address.
        artifacts: where experiments that begin here keep their artifacts; None when the server decides.
    """

    uri: str
    client: "MlflowClient"
    artifacts: Path | None

    def experiment_id(self, name: str) -> str:
        """Give the id of the experiment of that name, which begins when it is not there.

        Raises:
            TrackingError: the experiment was deleted in MLflow.
        """
        experiment = self.client.get_experiment_by_name(name)
        if experiment is None:
            location = None if self.artifacts is None else (self.artifacts / name).as_uri()
            return self._begin_experiment(name, location)
        if experiment.lifecycle_stage != "active":
            raise TrackingError(
                f"experiment {name} was deleted in MLflow, and its trials count all the same: "
                f"run `mlflow experiments restore --experiment-id {experiment.experiment_id}` with MLFLOW_TRACKING_URI={self.uri}"
            )
        return experiment.experiment_id

    def has_run(self, run_id: str) -> bool:
        """Say whether the run is there and not deleted."""
        from mlflow.exceptions import MlflowException

        try:
            run = self.client.get_run(run_id)
        except MlflowException as error:
            if _is_missing(error):
                return False
            raise
        return run.info.lifecycle_stage == "active"

    def trial_run_ids(self) -> list[str]:
        """Give the runs that say they are trials, were written whole and are not deleted, oldest first."""
        experiments = [experiment.experiment_id for experiment in self.client.search_experiments()]
        run_ids: list[str] = []
        page: Any = None
        while experiments:
            page = self.client.search_runs(
                experiments,
                f"tags.`{TRIAL_TAG}` LIKE '%' AND attributes.status = 'FINISHED'",
                order_by=["attributes.start_time ASC"],
                page_token=page and page.token,
            )
            run_ids.extend(run.info.run_id for run in page)
            if not page.token:
                break
        return run_ids

    def _begin_experiment(self, name: str, location: str | None) -> str:
        from mlflow.exceptions import MlflowException

        try:
            return self.client.create_experiment(name, artifact_location=location, tags=EXPERIMENT_TAGS)
        except MlflowException:
            # Somebody else began it in this moment: then it is there now.
            experiment = self.client.get_experiment_by_name(name)
            if experiment is None:
                raise
            return experiment.experiment_id


def tracking_uri(home: Home) -> str:
    """Give the address of MLflow: `MLFLOW_TRACKING_URI` when it is set, else the database of the home."""
    return os.environ.get(URI_VARIABLE) or _database_uri(home)


def open_tracking(home: Home) -> Tracking:
    """Open MLflow at `tracking_uri`; the first opening of a home makes its database, which takes some seconds.

    It sets what MLflow reads from the environment, where nothing else is set there.

    Raises:
        TrackingError: the server does not answer, or the home cannot be written.
    """
    for name, value in {**SILENCE, **QUIET}.items():
        os.environ.setdefault(name, value)
    from mlflow import MlflowClient
    from mlflow.exceptions import MlflowException

    uri = tracking_uri(home)
    artifacts = home.mlflow / "artifacts" if uri == _database_uri(home) else None
    try:
        if artifacts is not None:
            artifacts.mkdir(parents=True, exist_ok=True)
        client = MlflowClient(tracking_uri=uri, registry_uri=uri)
        client.search_experiments(max_results=1)
    except (MlflowException, OSError) as error:
        raise TrackingError(
            f"MLflow at {uri} cannot be used ({str(error).partition(chr(10))[0]}): "
            f"start its server, or unset {URI_VARIABLE} to write to the home, {home.mlflow}"
        ) from error
    return Tracking(uri, client, artifacts)


def server_command(home: Home, port: int = SERVER_PORT) -> list[str]:
    """Give the command that serves the home's MLflow to this machine alone, with one worker; see `server_environment`.

    It answers only to its own names (a page elsewhere that rebinds its host name to 127.0.0.1 is refused), and an experiment
    that begins in the UI keeps its artifacts where those that begin in a pipeline do.
    """
    artifacts = (home.mlflow / "artifacts").as_uri()
    options = {
        "--host": SERVER_HOST,
        "--port": str(port),
        "--workers": "1",
        "--backend-store-uri": _database_uri(home),
        "--default-artifact-root": artifacts,
        "--artifacts-destination": artifacts,
        "--allowed-hosts": f"{SERVER_HOST}:{port},localhost:{port}",
    }
    return [sys.executable, "-m", "mlflow", "server", *(part for option in options.items() for part in option)]


def server_environment() -> dict[str, str]:
    """Give what the server needs in its environment beside what it inherits: no telemetry, and no job workers.

    As shipped, `mlflow server` starts 15 processes of 2 GB together; like this it is two of 0.6 GB.
    """
    return {**SILENCE, "MLFLOW_SERVER_ENABLE_JOB_EXECUTION": "false"}


def run_address(experiment_id: str, run_id: str, server: str = "") -> str:
    """Give the page of a run in the UI of the server at that address; without one, a link that holds within the UI."""
    return _page(server, f"experiments/{experiment_id}/runs/{run_id}")


def version_address(strategy_id: str, number: int, server: str = "") -> str:
    """Give the page of a registered version, like `run_address`."""
    return _page(server, f"models/{strategy_id}/versions/{number}")


def _page(server: str, page: str) -> str:
    # Without the parameter the UI shows the half made for language models, which has no registry of models.
    return f"{server}{'/' if server else ''}#/{page}?workflowType=machine_learning"


def _database_uri(home: Home) -> str:
    return f"sqlite:///{home.mlflow / 'mlflow.db'}"


def _is_missing(error: Any) -> bool:
    return error.error_code == "RESOURCE_DOES_NOT_EXIST"
