"""Datasets: frozen market data, read into the engine's events and written as tape."""

from dagster_project.datasets.bars import BarFile, DatasetError, merge_bars, open_bars
from dagster_project.datasets.tape import write_tape

__all__ = ["BarFile", "DatasetError", "merge_bars", "open_bars", "write_tape"]
