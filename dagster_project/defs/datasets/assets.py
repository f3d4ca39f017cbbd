"""Assets of datasets: published bars, frozen so that evidence can name them."""

from collections.abc import Iterator

import dagster as dg
from pydantic import Field

from dagster_project.datasets import Dataset, freeze_dataset
from dagster_project.defs.lake.assets import bars
from dagster_project.defs.resources import HomeResource
from dagster_project.home import Home
from dagster_project.lake import describe_moment, list_instruments, staged_verdicts

SAMPLE_INSTRUMENTS = ["binance-spot:BTCUSDT", "binance-spot:ETHUSDT", "binance-spot:LTCUSDT"]


class FreezingConfig(dg.Config):
    """Choose what is frozen."""

    name: str = Field(default="sample", description="Name of the dataset; it moves to this one when it was given before.")
    instruments: list[str] = Field(default=SAMPLE_INSTRUMENTS, description="Whose bars, by instrument id.")
    start: str = Field(default="", description="Leave out bars that close at or before this time, UTC; empty: from the first on.")
    end: str = Field(
        default="2019-04-01",
        description="Leave out bars that close after this time, UTC; empty: to the last. What comes later is kept for dry runs.",
    )


@dg.asset(group_name="datasets", owners=["team:research"], kinds={"parquet"}, deps=[bars], output_required=False)
def replay_dataset(context: dg.AssetExecutionContext, config: FreezingConfig, home: HomeResource) -> Iterator[dg.MaterializeResult]:
    """Freeze published bars into a dataset that is named by its content; equal bars are not frozen twice.

    When bars are wanted that are not published because their file was refused, nothing is frozen: an observation says why.
    """
    opened = home.open()
    if refusal := _refusal(opened, config.instruments):
        context.log.warning(refusal)
        context.log_event(dg.AssetObservation(asset_key=context.asset_key, description=refusal, metadata={"reason": refusal}))
        return
    dataset = freeze_dataset(opened, name=config.name, instruments=config.instruments, start=config.start, end=config.end)
    yield dg.MaterializeResult(metadata=_metadata(dataset, config.name), data_version=dg.DataVersion(dataset.digest))


def _refusal(home: Home, instruments: list[str]) -> str:
    unpublished = sorted(set(instruments) - set(list_instruments(home)))
    refused = [verdict.name for verdict in staged_verdicts(home) if not verdict.passed] if unpublished else []
    if not refused:
        return ""
    return f"nothing was frozen: {', '.join(unpublished)} is not published, and of the last batch {', '.join(refused)} was refused"


def _metadata(dataset: Dataset, name: str) -> dict[str, dg.MetadataValue]:
    manifest = dataset.manifest
    lines = ["| Instrument | Bars | First closes | Last closes | File |", "|---|---|---|---|---|"]
    lines += [
        f"| {file.instrument_id} | {file.rows:,} | {describe_moment(file.first)} | {describe_moment(file.last)} | {file.name} |"
        for file in manifest.files
    ]
    return {
        "digest": dg.MetadataValue.text(dataset.digest),
        "name": dg.MetadataValue.text(name),
        "dagster/row_count": dg.MetadataValue.int(sum(file.rows for file in manifest.files)),
        "period": dg.MetadataValue.text(f"{describe_moment(manifest.start)} to {describe_moment(manifest.end)} UTC"),
        "path": dg.MetadataValue.path(dataset.path),
        "instruments": dg.MetadataValue.md("\n".join(lines)),
        "lineage": dg.MetadataValue.json(
            {
                "table": manifest.lineage.table,
                "table_version": manifest.lineage.table_version,
                "sources": {source.name: source.sha256 for source in manifest.lineage.sources},
                "validation_ids": list(manifest.lineage.validation_ids),
            }
        ),
    }
