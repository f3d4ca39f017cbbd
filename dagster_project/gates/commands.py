"""`interlock evaluate`: judge a strategy folder from the command line."""

import sys
from pathlib import Path
from typing import Annotated, Any

import msgspec
import typer
from rich.console import Console

from live.cli.output import Finding, JsonOption, answer

app = typer.Typer()


@app.callback(
    invoke_without_command=True,
    context_settings={"allow_interspersed_args": True},
    epilog="Example: interlock evaluate strategies/ema_cross --set fast=10",
)
def evaluate(
    folder: Annotated[Path, typer.Argument(help="Strategy folder, the one that holds strategy.toml.", show_default=False)],
    dataset: Annotated[str, typer.Option("--dataset", help="Name or digest of the frozen dataset to judge it on.")] = "sample",
    settings: Annotated[
        list[str] | None, typer.Option("--set", help="Set a parameter within its declared range, like fast=10; repeat it.")
    ] = None,
    as_json: JsonOption = False,
) -> None:
    """Submit a strategy, run every gate on it, and keep the evidence; counts as a trial.

    Exits with 2 when an integrity gate does not pass: the version may then run nowhere.
    """
    from dagster_project import gates
    from dagster_project.datasets import open_dataset
    from dagster_project.gates.report import failed_gates
    from dagster_project.home import open_home
    from dagster_project.tracking import TrialLedger, record_evaluation
    from live.promotion import parse_overrides

    home = open_home()
    frozen = open_dataset(home, dataset)
    trials = TrialLedger(home.trials).trials()
    submission = gates.submit_strategy(home, folder, parse_overrides(settings or []))
    judged = gates.evaluate(submission, frozen, home, gates.load_policy(), trials, _say if sys.stderr.isatty() and not as_json else None)
    run_id, trial = record_evaluation(home, judged)
    place = gates.write_evidence(home, judged, run_id)
    payload = {
        "version": submission.label,
        "strategy_version": submission.digest,
        "dataset": frozen.digest,
        "policy": judged.evidence.policy_digest,
        "evidence": str(place),
        "trial": None if trial is None else trial.number,
        "run": run_id,
        "may_run": judged.evidence.integrity_passed,
        "may_ask_for_live": judged.evidence.integrity_passed and judged.evidence.evidence_passed,
        "sharpe": judged.sharpe,
        "gates": msgspec.to_builtins(judged.evidence.results),
    }
    if not as_json:
        answer(payload, as_json=False, text=lambda console: _print(console, judged, payload))
    if not judged.evidence.integrity_passed:
        failed = failed_gates(judged.evidence, "integrity")
        raise Finding(f"{submission.label} may run nowhere, these integrity gates did not pass: {failed}", payload)
    if as_json:
        answer(payload, as_json=True, text=lambda _: None)


def _say(stage: str) -> None:
    Console(stderr=True).print(f"{stage} ...", style="dim", markup=False)


def _print(console: Console, judged: Any, payload: dict[str, Any]) -> None:
    from rich.table import Table
    from rich.text import Text

    from dagster_project.gates.report import decisive_measures, verdict

    console.print(f"{payload['version']} on {judged.dataset_name}, trial {payload['trial'] or '-'}", markup=False)
    for line in verdict(judged.evidence):
        console.print(line.replace("**", ""), markup=False)
    table = Table(title="gates", title_justify="left")
    for column in ("gate", "kind", "result", "measured", "threshold"):
        table.add_column(column, overflow="fold")
    for result in judged.evidence.results:
        rows = decisive_measures(result)
        measured = "\n".join(f"{measure} {value}" for measure, value, _ in rows)
        bounds = "\n".join(f"{bound}" for _, _, bound in rows)
        cells = (result.gate, result.kind, "passed" if result.holds else "failed", measured, bounds)
        table.add_row(*(Text(cell) for cell in cells))
    console.print(table)
    for result in judged.evidence.results:
        if not result.holds:
            console.print(f"{result.gate}: {result.detail}", markup=False)
    console.print(f"evidence: {payload['evidence']}", markup=False)
