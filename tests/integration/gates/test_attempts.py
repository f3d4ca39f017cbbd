"""Which earlier trials raise the hurdle: those that looked at the same bars, whatever they were called and however they were cut."""

from typing import NamedTuple

import pytest

from dagster_project.datasets import freeze_dataset, open_dataset
from dagster_project.gates.attempts import other_sharpes

BTC = ["binance-spot:BTCUSDT"]
ONE, OTHER, THIRD = "1" * 64, "2" * 64, "3" * 64


class Judged(NamedTuple):
    """What is read of a trial."""

    version_digest: str
    dataset_digest: str
    sharpe: float | None


@pytest.fixture(name="cuts", scope="module")
def _cuts(short_home):
    """Freeze the bars again under another name, without their last days, and cut in two that share nothing."""
    moments = {"again": (None, None), "shorter": (None, "2017-11-10T00:00:00Z"), "early": (None, "2017-10-10T00:00:00Z")}
    moments["late"] = ("2017-11-01T00:00:00Z", None)
    return {name: freeze_dataset(short_home, name=name, instruments=BTC, start=start, end=end) for name, (start, end) in moments.items()}


def test_another_name_for_equal_bars_is_the_same_dataset(short_home, cuts):
    """The digest is of what it holds, so no trial is left behind."""
    assert cuts["again"].digest == open_dataset(short_home, "sample").digest
    assert len({cut.digest for cut in cuts.values()}) == len(cuts)


def test_leaving_out_some_days_does_not_leave_trials_behind(short_home, cuts):
    """Whoever searched on more of the same bars has searched on these."""
    trials = [Judged(ONE, cuts["again"].digest, 0.1), Judged(OTHER, cuts["early"].digest, 0.2)]
    assert other_sharpes(trials, cuts["shorter"], short_home, THIRD) == [0.1, 0.2]
    assert other_sharpes(trials, cuts["late"], short_home, THIRD) == [0.1], "no bar of the early cut is in the late one"


def test_what_a_lost_dataset_held_is_taken_for_the_same(short_home, cuts):
    """Deleting the folder of a dataset makes no trial go away."""
    assert other_sharpes([Judged(ONE, "f" * 64, None)], cuts["late"], short_home, THIRD) == [0.0]


def test_a_version_counts_once_and_never_against_itself(short_home, cuts):
    """Its trial on these very bars goes before one on others, and the latest before earlier ones; another name is another version."""
    here, there = cuts["late"].digest, cuts["shorter"].digest
    trials = [Judged(ONE, here, 0.1), Judged(ONE, here, 0.2), Judged(ONE, there, 0.9), Judged(OTHER, there, 0.4), Judged(OTHER, there, 0.5)]
    assert other_sharpes(trials, cuts["late"], short_home, THIRD) == [0.2, 0.5]
    assert other_sharpes(trials, cuts["late"], short_home, ONE) == [0.5]
