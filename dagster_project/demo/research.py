"""Acts 1 and 2: data is judged before it is used, and strategy versions prove themselves or are told why not."""

from pathlib import Path
from typing import NamedTuple

from rich.table import Table

from dagster_project.datasets import Dataset, open_dataset
from dagster_project.demo.damaged import write_damaged_copies
from dagster_project.demo.stage import Stage
from dagster_project.demo.telling import title, working
from dagster_project.gates import GATES, Submission, read_evidence, submit_strategy
from dagster_project.home import Home
from dagster_project.orchestration import JobRun, Pipeline
from dagster_project.workbench.preparation import DEPLOYED
from live.promotion import Evidence

JUDGED = (*DEPLOYED, "coin_flip", "peeker")
"""Two that are meant to trade, one that trades by chance, and one that reaches the future by accident."""
DATASET = "sample"


class Judged(NamedTuple):
    """Hold what became of one submitted strategy version."""

    submission: Submission
    evidence: Evidence
    run: JobRun

    @property
    def failed(self) -> list[str]:
        """Name the gates that do not hold."""
        return [result.gate for result in self.evidence.results if not result.holds]


def judge_data(stage: Stage, pipeline: Pipeline, home: Home, sample: Path) -> Dataset:
    """Act 1: damaged data is refused by name and leaves nothing behind; sound data is published and frozen."""
    title(stage.console, 1, "Data is judged before anybody may use it")
    folder = stage.home / "damaged"
    folder.mkdir()
    damaged = write_damaged_copies(sample / "ltcusdt_30m.parquet", folder)
    with working(stage.console, "auditing four damaged copies of real bars with Great Expectations"):
        refused = pipeline.run("prepare_data", config={"staged_bars": {"source": str(folder)}})
    stage.check(not refused.check("bars_quality").passed, refused.check("bars_quality").description)
    stage.check(refused.metadata["bars"]["new"] == 0, f"nothing of {len(damaged)} files was published", refused.metadata["bars"])
    with working(stage.console, "auditing, publishing and freezing the sample"):
        prepared = pipeline.run("prepare_data", config={"staged_bars": {"source": str(sample.resolve())}})
    published = prepared.metadata["bars"]
    stage.check(
        prepared.check("bars_quality").passed and published["dagster/row_count"] > 0,
        f"{published['dagster/row_count']:,} bars are published, each row with the id of the validation that let it in",
        published,
    )
    dataset = open_dataset(home, DATASET)
    rows = sum(file.rows for file in dataset.manifest.files)
    stage.check(prepared.check("dataset_sound").passed, f"frozen as dataset {dataset.digest[:12]}: {rows:,} bars until April 2019")
    return dataset


def prove_strategies(stage: Stage, pipeline: Pipeline, home: Home, strategies: Path) -> dict[str, Judged]:
    """Act 2: every gate judges every strategy, and says why."""
    title(stage.console, 2, "A strategy proves itself, or is told why not")
    judged: dict[str, Judged] = {}
    for name in JUDGED:
        folder = strategies / name
        with working(stage.console, f"judging {name}: replays, cut-off histories, poisoned futures, higher costs"):
            pipeline.run("submit_strategy", config={"strategy_submission": {"folder": str(folder.resolve())}})
            submission = submit_strategy(home, folder)
            run = pipeline.run("prove_strategy", partition=submission.label)
        judged[name] = Judged(submission, read_evidence(home, submission.label).evidence, run)
    _print_verdicts(stage, judged)
    peeker, coin_flip = judged["peeker"], judged["coin_flip"]
    leak = peeker.evidence.results_by_gate["look_ahead"]
    stage.check(not peeker.evidence.integrity_passed and not leak.passed, f"peeker runs nowhere: {leak.detail}", peeker.failed)
    stage.check(peeker.run.metadata["strategy_bundle"]["refused"], "and no bundle of it was made", peeker.run.metadata)
    stage.check(
        coin_flip.evidence.integrity_passed and not coin_flip.evidence.evidence_passed,
        f"coin_flip is honest and worthless: it may run dry, and fails {_names(coin_flip, 'evidence')}",
        coin_flip.failed,
    )
    for name in DEPLOYED:
        one = judged[name]
        stage.check(one.evidence.integrity_passed, f"{one.submission.label} passes every integrity gate: it may run in DRY_RUN", one.failed)
        if one.evidence.evidence_passed:
            stage.check(True, f"{name} passes every evidence gate: an approver may let it ask for LIVE")
        else:
            stage.check(True, f"{name} may not ask for LIVE: it fails {_names(one, 'evidence')}")
    return judged


def _names(judged: Judged, kind: str) -> str:
    return ", ".join(result.gate for result in judged.evidence.results if result.kind == kind and not result.holds)


def _print_verdicts(stage: Stage, judged: dict[str, Judged]) -> None:
    table = Table("gate", "kind", *judged, title="What the gates say", title_justify="left")
    for gate, kind in GATES.items():
        table.add_row(gate, kind, *(_verdict(one, gate) for one in judged.values()))
    stage.console.print(table)


def _verdict(judged: Judged, gate: str) -> str:
    return "[green]holds[/]" if judged.evidence.results_by_gate[gate].holds else "[red]FAILS[/]"
