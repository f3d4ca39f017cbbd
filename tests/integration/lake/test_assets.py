"""The assets of lake and datasets: what is refused is a red check of a run that succeeds."""

from collections.abc import Callable, Iterator
from pathlib import Path

import dagster as dg
import numpy as np
import pytest

from dagster_project.datasets import open_dataset
from dagster_project.definitions import defs
from dagster_project.home import Home
from dagster_project.lake import list_instruments

WriteBars = Callable[..., Path]
BTC, ETH = "binance-spot:BTCUSDT", "binance-spot:ETHUSDT"


@pytest.fixture(name="instance")
def _instance(tmp_path: Path) -> Iterator[dg.DagsterInstance]:
    """Give an instance that keeps what runs did on disk, as the one of `make dev` does."""
    (tmp_path / "dagster").mkdir()
    with dg.DagsterInstance.local_temp(str(tmp_path / "dagster")) as instance:
        yield instance


def prepare(instance: dg.DagsterInstance, source: Path, *instruments: str) -> dg.ExecuteInProcessResult:
    """Run `prepare_data` on files."""
    config = {
        "ops": {
            "staged_bars": {"config": {"source": str(source)}},
            "replay_dataset": {"config": {"name": "small", "instruments": list(instruments), "end": "2017-10-05"}},
        }
    }
    return defs().resolve_job_def("prepare_data").execute_in_process(run_config=config, instance=instance)


def test_damaged_bars_turn_the_check_red_and_the_run_stays_green(home: Home, instance: dg.DagsterInstance, write_bars: WriteBars) -> None:
    """The check names the file and its failed expectations; a dataset that lacks refused bars is not frozen, and the run says why."""

    def invert(columns: dict[str, np.ndarray]) -> None:
        columns["high"][7] = columns["low"][7] - 1

    path = write_bars("damaged.parquet", invert)
    write_bars("sound.parquet", symbol="eth", folder=path.parent)
    refused = prepare(instance, path.parent, BTC, ETH)
    assert refused.success
    (check,) = refused.get_asset_check_evaluations()
    assert (check.check_name, check.passed) == ("bars_quality", False)
    assert "damaged.parquet: high_is_highest" in (check.description or "")
    page = str(check.metadata["data_docs_damaged"].value)
    assert page.startswith("http://127.0.0.1:8423/data-docs/validations/bars/damaged_")
    assert list_instruments(home) == [ETH]
    (materialized,) = refused.asset_materializations_for_node("bars")
    assert (materialized.metadata["new"].value, materialized.metadata["refused"].value) == (300, 1)
    assert "high_is_highest" in str(materialized.metadata["files"].value)
    assert not refused.asset_materializations_for_node("replay_dataset")
    (observed,) = instance.fetch_observations(dg.AssetKey("replay_dataset"), limit=5).records
    assert "binance-spot:BTCUSDT is not published" in str(observed.asset_observation and observed.asset_observation.description)


def test_sound_bars_become_a_dataset(home: Home, instance: dg.DagsterInstance, write_bars: WriteBars) -> None:
    """Staged, published and frozen in one run; both checks pass, and the materialization names the dataset's digest."""
    done = prepare(instance, write_bars("btc.parquet"), BTC)
    assert {check.check_name: check.passed for check in done.get_asset_check_evaluations()} == {"bars_quality": True, "dataset_sound": True}
    dataset = open_dataset(home, "small")
    latest = instance.get_latest_materialization_event(dg.AssetKey("replay_dataset"))
    assert latest is not None
    assert latest.asset_materialization is not None
    assert latest.asset_materialization.metadata["digest"].value == dataset.digest
    assert dataset.manifest.files[0].rows == 192


def test_a_dataset_of_bars_that_nobody_refused_must_be_there(home: Home, instance: dg.DagsterInstance, write_bars: WriteBars) -> None:
    """Asking for an instrument that was never ingested is a mistake, and fails the run."""
    with pytest.raises(Exception, match=f"no bar of {ETH} is published"):
        prepare(instance, write_bars("btc.parquet"), ETH)
    assert not home.datasets.exists() or not list(home.datasets.iterdir())
