"""Recording of a signal: a run in MLflow and files under the home, numbers only, never a pickle."""

from __future__ import annotations

import time
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple

import msgspec

from dagster_project.home import Home
from dagster_project.signals.momentum import SignalReport
from dagster_project.tracking.store import Tracking, open_tracking, run_address

if TYPE_CHECKING:
    from matplotlib.figure import Figure

EXPERIMENT = "signals/momentum"
DATASET_DIGEST_CHARACTERS = 36
"""Characters MLflow keeps of a dataset's digest."""


class RecordedSignal(NamedTuple):
    """Say where a signal was recorded: the run in MLflow, the link within its UI, and the folder of its files."""

    run_id: str
    link: str
    folder: Path


class SignalWeights(msgspec.Struct, frozen=True, kw_only=True):
    """Hold what a strategy on the live host needs: the weights of each fit, with what they were made from."""

    schema: int
    dataset_digest: str
    instrument_id: str
    horizon: int
    fits: tuple[object, ...]


def record_signal(home: Home, report: SignalReport, *, dataset_digest: str, instrument_id: str) -> RecordedSignal:
    """Write a signal to MLflow (experiment `signals/momentum`) and under `reports/signals/`, and say where.

    Raises:
        TrackingError: the experiment was deleted in MLflow.
    """
    folder = home.reports / "signals" / "momentum" / dataset_digest[:12] / instrument_id.replace(":", "_")
    _write_files(folder, report, dataset_digest, instrument_id)
    tracking = open_tracking(home)
    experiment_id = tracking.experiment_id(EXPERIMENT)
    tags = {"interlock.dataset": dataset_digest, "interlock.instrument": instrument_id, "mlflow.note.content": describe_signal(report)}
    run_id = tracking.client.create_run(experiment_id, run_name=f"momentum {instrument_id}", tags=tags).info.run_id
    try:
        _fill(tracking, run_id, report, dataset_digest, instrument_id, home.datasets / dataset_digest)
        tracking.client.log_artifacts(run_id, str(folder))
    except BaseException:
        tracking.client.set_terminated(run_id, "FAILED")
        raise
    tracking.client.set_terminated(run_id)
    return RecordedSignal(run_id, run_address(experiment_id, run_id), folder)


def describe_signal(report: SignalReport) -> str:
    """Say in Markdown what the signal was worth, beside what costs nothing to know."""
    measures = report.measures
    verdict = "hardly ever do as well" if report.beats_shuffled else "do as well too often: this is not told from chance"
    return "\n".join(
        (
            f"Out of sample on {measures.rows:,} bars, horizon {report.settings.horizon} bars. Labels of other bars {verdict} "
            f"({report.chance:.0%} of {len(report.shuffled)} runs and itself).",
            "",
            "| measure | signal | to compare with |",
            "|---|---:|---|",
            f"| information coefficient (Spearman) | {measures.information_coefficient:+.4f} | "
            f"{min(report.shuffled):+.4f} to {max(report.shuffled):+.4f} with labels of other bars |",
            f"| mean of {measures.weeks} weekly coefficients | {measures.weekly_mean:+.4f} | 0 |",
            f"| weekly mean over its deviation (ICIR) | {measures.weekly_ratio:+.3f} | 0 |",
            f"| Newey-West t of the weekly mean | {measures.newey_west_t:+.2f} | beyond 2 in a year or more of weeks to mean something |",
            f"| hit rate | {measures.hit_rate:.2%} | {measures.always_up_hit_rate:.2%} by always saying up |",
            f"| Brier score (lower is better) | {measures.brier:.5f} | {measures.constant_brier:.5f} by the best constant |",
            f"| calibration error (ECE) | {measures.calibration_error:.4f} | 0 |",
            f"| changes a day when long above one half | {measures.changes_per_day:.2f} | |",
            f"| basis points a day before costs | {measures.gross_basis_points_per_day:+.1f} | "
            f"{measures.held_basis_points_per_day:+.1f} by holding always |",
            f"| basis points a day at {report.settings.cost_basis_points:g} a change | {measures.net_basis_points_per_day:+.1f} | 0 |",
            f"| change that leaves nothing costs, bp | {measures.break_even_basis_points:.2f} | {report.settings.cost_basis_points:g} |",
        )
    )


def reliability_figure(report: SignalReport) -> Figure:
    """Draw what happened over what was said; a calibrated signal lies on the diagonal."""
    from matplotlib.backends.backend_agg import FigureCanvasAgg
    from matplotlib.figure import Figure

    figure = Figure(figsize=(5.4, 5.0), dpi=110, layout="constrained")
    FigureCanvasAgg(figure)
    panel = figure.subplots()
    said, rose = [one.said for one in report.bins], [one.rose for one in report.bins]
    lowest, highest = min(said + rose), max(said + rose)
    panel.plot([lowest, highest], [lowest, highest], color="#8a96a3", linewidth=1, linestyle="--", label="calibrated")
    panel.plot(said, rose, color="#0b5cad", marker="o", linewidth=1.2, label="out of sample, bins of equal size")
    panel.set_xlabel("probability of a rise, as said")
    panel.set_ylabel("share that rose")
    panel.set_title(f"Reliability, {report.measures.rows:,} bars, ECE {report.measures.calibration_error:.4f}", fontsize=10, loc="left")
    panel.grid(visible=True, color="#d7dee6", linewidth=0.6)
    panel.legend(frameon=False)
    return figure


def _write_files(folder: Path, report: SignalReport, dataset_digest: str, instrument_id: str) -> None:
    folder.mkdir(parents=True, exist_ok=True)
    weights = SignalWeights(
        schema=1,
        dataset_digest=dataset_digest,
        instrument_id=instrument_id,
        horizon=report.settings.horizon,
        fits=report.walked.weights,
    )
    judged = {
        "settings": report.settings,
        "measures": report.measures,
        "bins": report.bins,
        "shuffled": report.shuffled,
        "chance": report.chance,
    }
    (folder / "weights.json").write_bytes(msgspec.json.format(msgspec.json.encode(weights)))
    (folder / "measures.json").write_bytes(msgspec.json.format(msgspec.json.encode(judged)))
    (folder / "report.md").write_text(describe_signal(report) + "\n", encoding="utf-8")
    reliability_figure(report).savefig(folder / "reliability.png")


def _fill(tracking: Tracking, run_id: str, report: SignalReport, dataset_digest: str, instrument_id: str, dataset: Path) -> None:
    from mlflow.entities import Dataset, DatasetInput, InputTag, Metric, Param

    now = time.time_ns() // 1_000_000
    parameters = {**msgspec.structs.asdict(report.settings), "instrument": instrument_id, "dataset.digest": dataset_digest}
    parameters["features"] = ", ".join(report.walked.weights[-1].features)
    metrics = {**msgspec.structs.asdict(report.measures), "chance": report.chance, "fits": len(report.walked.weights)}
    tracking.client.log_batch(
        run_id,
        metrics=[Metric(name, float(value), now, 0) for name, value in metrics.items()],
        params=[Param(name, str(value)) for name, value in parameters.items()],
    )
    source = msgspec.json.encode({"uri": dataset.as_uri()}).decode()
    used = Dataset(name=dataset_digest[:12], digest=dataset_digest[:DATASET_DIGEST_CHARACTERS], source_type="local", source=source)
    tracking.client.log_inputs(run_id, [DatasetInput(used, [InputTag("mlflow.data.context", "walk-forward")])])
