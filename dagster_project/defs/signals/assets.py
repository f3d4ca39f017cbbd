"""The momentum signal as an asset."""

import base64

import dagster as dg
import msgspec
from pydantic import Field

from dagster_project.datasets import open_dataset
from dagster_project.defs.resources import HomeResource
from dagster_project.signals import SignalSettings, describe_signal, evaluate_momentum, record_signal

DEFAULTS = SignalSettings()


class MomentumSignalConfig(dg.Config):
    """Choose what the signal is trained on, and how far ahead it looks."""

    dataset: str = Field(default="sample", description="Name or digest of a frozen dataset.")
    instrument_id: str = Field(default="binance-spot:BTCUSDT", description="Instrument of that dataset.")
    horizon: int = Field(default=DEFAULTS.horizon, ge=1, description="Bars ahead; 12 half-hour bars are six hours.")
    first_training_rows: int = Field(default=DEFAULTS.first_training_rows, ge=100, description="Bars before the first prediction.")
    test_rows: int = Field(default=DEFAULTS.test_rows, ge=1, description="Bars between two fits.")


@dg.asset(
    name="momentum_signal",
    group_name="signals",
    owners=["team:research"],
    kinds={"python", "scikitlearn", "mlflow"},
    deps=["replay_dataset"],
    description="Probability of a rise, trained walk-forward and judged out of sample beside labels of other bars. Tracked in MLflow.",
)
def momentum_signal(context: dg.AssetExecutionContext, config: MomentumSignalConfig, home: HomeResource) -> dg.MaterializeResult:
    """Train, judge and record the momentum signal."""
    opened = home.open()
    dataset = open_dataset(opened, config.dataset)
    settings = SignalSettings(horizon=config.horizon, first_training_rows=config.first_training_rows, test_rows=config.test_rows)
    report = evaluate_momentum(dataset.frame(config.instrument_id), settings)
    recorded = record_signal(opened, report, dataset_digest=dataset.digest, instrument_id=config.instrument_id)
    context.log.info("recorded as run %s in %s", recorded.run_id, recorded.folder)
    picture = base64.b64encode((recorded.folder / "reliability.png").read_bytes()).decode()
    numbers = {name: float(value) for name, value in msgspec.structs.asdict(report.measures).items()}
    return dg.MaterializeResult(
        metadata={
            **numbers,
            "chance": report.chance,
            "beats_shuffled": report.beats_shuffled,
            "report": dg.MetadataValue.md(describe_signal(report)),
            "reliability": dg.MetadataValue.md(f"![reliability](data:image/png;base64,{picture})"),
            "files": dg.MetadataValue.path(str(recorded.folder)),
            "dataset": dataset.digest,
            "instrument": config.instrument_id,
            "mlflow_run": recorded.run_id,
        }
    )
