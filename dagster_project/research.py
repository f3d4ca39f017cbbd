"""What a notebook needs: open the lake, take a dataset, replay a strategy, look at the equity, and count the attempt.

from dagster_project.research import log_trial, open_dataset, open_home, plot_equity, replay_dataset

home = open_home()
run = replay_dataset("strategies/ema_cross", open_dataset(home, "sample"), {"fast": 20, "slow": 50})
plot_equity(run)
log_trial(run)
"""

from __future__ import annotations

import tempfile
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from dagster_project import datasets, tracking
from dagster_project.datasets import Dataset, DatasetError
from dagster_project.equity import EquityPoint, FillFact
from dagster_project.gates.bars import check_judged_on_bars, read_bar_tape
from dagster_project.gates.performance import measure_performance
from dagster_project.home import Home, open_home
from dagster_project.lake import read_bars
from dagster_project.tracking.plots import equity_figure
from live.core.instruments import merge_instruments
from live.driver.evidence import Run
from live.driver.replay import ReplayResult
from live.driver.tape_replay import TapeReplayOptions, replay_on_tape
from live.promotion import StrategyFolder, load_strategy_folder

if TYPE_CHECKING:
    from matplotlib.figure import Figure

    from dagster_project.tracking.trials import Trial

__all__ = ["ReplayRun", "log_trial", "open_dataset", "open_home", "plot_equity", "read_bars", "replay_dataset"]


@dataclass(frozen=True)
class ReplayRun:
    """Hold what a replay did and earned.

    Attributes:
        home: where it ran.
        folder: the strategy with the parameters that were used.
        dataset: what was replayed.
        result: decisions, fills, denials and the parity digest.
        curve: equity after each bar, in money units.
        fills: executions, in order of time.
        returns: simple returns by UTC day number.
        sharpe: Sharpe ratio per day, not annualised; None where it has no meaning.
    """

    home: Home
    folder: StrategyFolder
    dataset: Dataset
    result: ReplayResult
    curve: list[EquityPoint]
    fills: list[FillFact]
    returns: list[tuple[int, float]]
    sharpe: float | None


def open_dataset(home: Home, reference: str) -> Dataset:
    """Open a frozen dataset by its name, its digest, or the first seven or more characters of that.

    Raises:
        DatasetError: there is no such dataset; says how one is made.
    """
    if not datasets.list_datasets(home):
        raise DatasetError(
            f"there is no dataset in {home.datasets}, asked for {reference!r}: run `make demo`, or `interlock ingest` and "
            "`interlock dataset freeze`, first; INTERLOCK_HOME says which home is meant"
        )
    return datasets.open_dataset(home, reference)


def replay_dataset(
    folder: str | Path, dataset: Dataset, parameters: Mapping[str, int | float | str | bool] | None = None, *, home: Home | None = None
) -> ReplayRun:
    """Replay a strategy folder on a dataset through the engine that trades, with every risk check on.

    Costs, opening cash and measures are those of the gates.

    Args:
        folder: the one that holds strategy.toml.
        dataset: what to replay; the strategy's instruments of it.
        parameters: values within their declared ranges; defaults for the rest.
        home: where it is counted; `INTERLOCK_HOME` when left out.

    Raises:
        PromotionError: the folder is no strategy, or a parameter is out of its range.
        GateError: it takes in something else than bars.
        DatasetError: the dataset does not hold an instrument of the strategy.
        CoreError: the strategy misbehaves.
    """
    where = home or open_home()
    read = load_strategy_folder(Path(folder), dict(parameters or {}))
    check_judged_on_bars(read.version)
    tape = dataset.tape([instrument.instrument_id for instrument in read.version.instruments])
    with tempfile.TemporaryDirectory(prefix="interlock-research-") as scratch:
        journal = Path(scratch) / "replay.journal"
        result = replay_on_tape(read, tape, where.root, TapeReplayOptions(), journal=journal)
        header, bars = read_bar_tape(tape)
        instruments = merge_instruments(read.version.instruments, header.instruments)
        performance = measure_performance(Run(result, journal), bars, instruments, None if read.fit is None else read.fit.until)
    return ReplayRun(where, read, dataset, result, performance.curve, performance.fills, performance.returns, performance.sharpe)


def plot_equity(run: ReplayRun) -> Figure:
    """Draw the equity of a replay, with the fall from its peak below."""
    return equity_figure(run.curve, f"{run.folder.version.label} on {run.dataset.manifest.name} ({run.dataset.digest[:12]})")


def log_trial(run: ReplayRun) -> Trial:
    """Count a replay as an attempt in the ledger, with a run in MLflow.

    Each attempt raises the hurdle that the deflated Sharpe ratio sets for every version on this dataset: whoever looks, counts.

    Raises:
        TrialLedgerError: the ledger is damaged, or the disk refused.
        TrackingError: the strategy's experiment was deleted in MLflow.
    """
    return tracking.log_trial(run.home, run.dataset.digest, run.folder, run.curve, result=run.result)
