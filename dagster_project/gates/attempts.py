"""Attempts: which earlier trials looked at the data that a version is now judged on.

A dataset that ends a day earlier, or holds one instrument more, has another digest and the same history. Whoever searched on
the one has searched on the other, so a trial counts wherever its bars and these overlap.
"""

from collections.abc import Mapping, Sequence
from typing import Protocol

from dagster_project.datasets import Dataset, DatasetError
from dagster_project.datasets.dataset import read_dataset
from dagster_project.home import Home


class JudgedBefore(Protocol):
    """What is read of a trial."""

    @property
    def version_digest(self) -> str:
        """Give the digest of the version that was judged."""
        ...

    @property
    def dataset_digest(self) -> str:
        """Give the digest of the dataset it was judged on."""
        ...

    @property
    def sharpe(self) -> float | None:
        """Give the Sharpe ratio per day; None when it had no meaning."""
        ...


def other_sharpes(trials: Sequence[JudgedBefore], dataset: Dataset, home: Home, version_digest: str) -> list[float]:
    """Give the Sharpe ratio per day of every other version that was judged on bars of this dataset, at its latest trial.

    One without a meaning counts as an attempt at 0. A dataset that cannot be opened any more counts, since nobody can say what it held.
    """
    overlapping = {digest: _overlaps(dataset, digest, home) for digest in {trial.dataset_digest for trial in trials}}
    latest: dict[str, float | None] = {trial.version_digest: trial.sharpe for trial in trials if overlapping[trial.dataset_digest]}
    latest |= {trial.version_digest: trial.sharpe for trial in trials if trial.dataset_digest == dataset.digest}
    latest.pop(version_digest, None)
    return [0.0 if sharpe is None else sharpe for sharpe in latest.values()]


def _overlaps(dataset: Dataset, digest: str, home: Home) -> bool:
    if digest == dataset.digest:
        return True
    try:
        spans = _spans(read_dataset(home.datasets / digest))
    except DatasetError:
        return True
    return any(name in spans and first <= spans[name][1] and spans[name][0] <= last for name, (first, last) in _spans(dataset).items())


def _spans(dataset: Dataset) -> Mapping[str, tuple[int, int]]:
    """Give the first and the last close of each instrument, nanoseconds UTC."""
    return {file.instrument_id: (file.first, file.last) for file in dataset.manifest.files}
