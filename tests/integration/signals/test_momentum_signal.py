import importlib
import json
import math
from pathlib import Path

import dagster as dg
import pytest

from dagster_project.datasets import freeze_dataset, open_dataset
from dagster_project.home import Home, open_home
from dagster_project.lake import ingest_bars
from dagster_project.signals import EXPERIMENT, momentum_features, probability_by
from dagster_project.signals.walk_forward import Weights
from dagster_project.tracking import open_tracking

SAMPLE = Path(__file__).parents[3] / "data" / "sample" / "btcusdt_30m.parquet"
BTC = "binance-spot:BTCUSDT"


@pytest.fixture(name="home")
def _home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Home:
    """Give a home with half a year of real bars, frozen."""
    monkeypatch.setenv("INTERLOCK_HOME", str(tmp_path))
    monkeypatch.delenv("MLFLOW_TRACKING_URI", raising=False)
    home = open_home()
    ingest_bars(home, [SAMPLE])
    freeze_dataset(home, name="sample", instruments=[BTC], start="2018-10-01", end="2019-04-01")
    return home


@pytest.mark.slow
def test_the_signal_is_an_asset_with_a_run_a_plot_and_a_check(home: Home):
    """One materialization trains, judges, records and answers: numbers in Dagster are those in MLflow, and weights are plain numbers."""
    signal = importlib.import_module("dagster_project.defs.signals.assets").momentum_signal
    check = importlib.import_module("dagster_project.defs.signals.checks").signal_beats_shuffled
    resource = importlib.import_module("dagster_project.defs.resources").HomeResource()
    config = {"ops": {"momentum_signal": {"config": {"horizon": 6, "first_training_rows": 3_000, "test_rows": 2_500}}}}
    with dg.DagsterInstance.ephemeral() as instance:
        done = dg.materialize([signal, check], instance=instance, resources={"home": resource}, run_config=config)
        assert done.success
        (judged,) = done.get_asset_check_evaluations()
        event = instance.get_latest_materialization_event(signal.key)
    assert event is not None
    assert event.asset_materialization is not None
    metadata = {name: value.value for name, value in event.asset_materialization.metadata.items()}

    assert judged.check_name == "signal_beats_shuffled"
    assert judged.severity is dg.AssetCheckSeverity.WARN
    assert judged.passed is metadata["beats_shuffled"] is (metadata["chance"] <= 0.05)
    assert str(metadata["reliability"]).startswith("![reliability](data:image/png;base64,")
    assert "by always saying up" in metadata["report"]
    for name in ("information_coefficient", "weekly_ratio", "newey_west_t", "hit_rate", "brier", "calibration_error"):
        assert isinstance(metadata[name], float)
        assert math.isfinite(metadata[name])

    tracking = open_tracking(home)
    run = tracking.client.get_run(metadata["mlflow_run"])
    assert tracking.client.get_experiment(run.info.experiment_id).name == EXPERIMENT
    assert run.info.status == "FINISHED"
    assert run.data.params["horizon"] == "6"
    assert run.data.params["dataset.digest"] == metadata["dataset"]
    assert run.data.metrics["hit_rate"] == pytest.approx(metadata["hit_rate"])
    files = {file.path for file in tracking.client.list_artifacts(run.info.run_id)}
    assert files == {"weights.json", "measures.json", "report.md", "reliability.png"}
    assert tracking.trial_run_ids() == []

    written = json.loads((Path(str(metadata["files"])) / "weights.json").read_text())
    last = Weights(**written["fits"][-1])
    features = momentum_features(open_dataset(home, "sample").frame(BTC)).iloc[-1]
    assert list(last.features) == list(features.index)
    assert 0.0 < probability_by(last, features.tolist()) < 1.0
