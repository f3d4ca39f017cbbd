"""Datasets: frozen market data, read into the engine's events and written as tape."""

from dagster_project.datasets.bars import BarFile, open_bars
from dagster_project.datasets.dataset import Dataset, list_datasets, open_dataset
from dagster_project.datasets.errors import DatasetError
from dagster_project.datasets.freezing import freeze_dataset
from dagster_project.datasets.manifest import DatasetFile, DatasetManifest, Lineage, Source
from dagster_project.datasets.merging import merge_bars
from dagster_project.datasets.sources import MarketData, open_market_data
from dagster_project.datasets.tape import write_tape
from dagster_project.datasets.verification import verify_dataset, verify_datasets

__all__ = [
    "BarFile",
    "Dataset",
    "DatasetError",
    "DatasetFile",
    "DatasetManifest",
    "Lineage",
    "MarketData",
    "Source",
    "freeze_dataset",
    "list_datasets",
    "merge_bars",
    "open_bars",
    "open_dataset",
    "open_market_data",
    "verify_dataset",
    "verify_datasets",
    "write_tape",
]
