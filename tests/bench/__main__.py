"""Measure replay against its peers, and what trades live against its load, in one run; hold the figures to what must be reached.

Ours and the peers take turns, each run in a process of its own, and the comparable figure is the CPU rate, median of three.
Each peer lives in an environment of its own under data/bench, which the first run builds. The adapter is held against a bare ccxt
call, the exchange and the live loop against what their load generators can do, measured beside them.

  make bench                                            everything, about ten minutes on two cores
  .venv/bin/python tests/bench --quick                  small sizes, one round, nothing judged
  .venv/bin/python tests/bench --only growth writer     some of it, without any peer
  .venv/bin/python tests/bench --only adapter exchange live_loop
  .venv/bin/python tests/bench --json > figures.json    for a program to read
  .venv/bin/python tests/bench --write-docs             also renew the tables of docs/benchmarks.md

Exit codes: 0 every figure is within what must be; 1 a run failed; 2 a figure is not; 3 a peer could not be installed.
"""

import argparse
import json
import subprocess
import sys
from dataclasses import asdict
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import report
from environments import PeerUnavailable
from plan import GROUPS, QUICK, ROOT, Job, RunFailed, Sizes, jobs, run_all
from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeElapsedColumn
from thresholds import Run, disagreements, judge

HOME = ROOT / "data" / "bench"
PAGE = ROOT / "docs" / "benchmarks.md"


def main() -> int:
    """Measure, print, write data/bench/latest.json, and say by the exit code how it went."""
    options = _options()
    console, progress_console = Console(), Console(stderr=True)
    if not console.is_terminal:
        console.width = 140
    sizes, rounds = (QUICK, 1) if options.quick else (Sizes(), options.runs)
    groups = tuple(options.only or GROUPS)
    HOME.mkdir(parents=True, exist_ok=True)
    try:
        runs = _measure(jobs(groups, sizes), rounds, sizes, progress_console)
    except PeerUnavailable as error:
        progress_console.print(str(error), style="red", highlight=False, markup=False, soft_wrap=True)
        return 3
    except RunFailed as error:
        progress_console.print(str(error), style="red", highlight=False, markup=False, soft_wrap=True)
        return 1
    figures, remarks = judge(runs), disagreements(runs)
    judged = not options.quick
    measured: dict[str, Any] = {
        "finished": datetime.now(UTC).isoformat(timespec="seconds"),
        "commit": _commit(),
        "machine": report.machine(),
        "quick": options.quick,
        "figures": [asdict(figure) | {"passed": figure.passed} for figure in figures],
        "remarks": remarks,
        "runs": runs,
    }
    text = json.dumps(measured, indent=2)
    (HOME / ("quick.json" if options.quick else "latest.json")).write_text(text + "\n", encoding="utf-8")
    if options.json:
        print(text)
    else:
        report.show(console, runs, figures, remarks, judged=judged)
    if options.write_docs:
        report.write_section(PAGE, report.markdown(measured, figures))
    return 2 if judged and (remarks or not all(figure.passed for figure in figures)) else 0


def _options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="tests/bench", description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--quick", action="store_true", help="small sizes and one round; nothing is judged")
    parser.add_argument("--only", nargs="+", choices=GROUPS, metavar="GROUP", help=f"some of: {', '.join(GROUPS)}")
    parser.add_argument("--runs", type=int, default=3, help="rounds, of which the median counts (default: 3)")
    parser.add_argument("--json", action="store_true", help="print everything measured as JSON")
    parser.add_argument("--write-docs", action="store_true", help=f"renew the tables of {PAGE.relative_to(ROOT)}")
    options = parser.parse_args()
    if options.write_docs and (options.quick or options.only):
        parser.error("--write-docs wants a full run: leave out --quick and --only")
    return options


def _measure(planned: list[Job], rounds: int, sizes: Sizes, console: Console) -> list[Run]:
    columns = (TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn(), TimeElapsedColumn())
    runs: list[Run] = []
    with Progress(*columns, console=console, disable=not console.is_terminal, transient=True) as progress:
        task = progress.add_task("environments and data", total=len(planned) * rounds)
        for job, measured in run_all(planned, rounds, HOME, sizes):
            runs.append({"group": job.group, **measured})
            progress.update(task, advance=1, description=f"{job.work} by {job.engine}")
    return runs


def _commit() -> str:
    """Name what was measured, `-dirty` when files differ from it; empty outside a repository."""
    done = subprocess.run(
        ["git", "describe", "--always", "--dirty", "--abbrev=12"], cwd=Path(ROOT), capture_output=True, check=False, text=True
    )
    return done.stdout.strip()


if __name__ == "__main__":
    sys.exit(main())
