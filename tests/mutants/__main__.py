"""Change the core and the journal in small ways, one at a time, and see whether the tests notice.

mutmut makes the changes in a copy of the repository under data/mutants and runs, for each, the tests that reach it until one
fails. What it leaves out, the tables that say what an order may do, is changed entry by entry beside it. A survivor is a line
that could be wrong without anybody knowing, unless tests/mutants/explained.toml says why it cannot matter.

  make mutants                                                    everything
  .venv/bin/python tests/mutants --only live/core/ledger.py       one module
  .venv/bin/python tests/mutants --every 10                       a sample: each tenth change
  .venv/bin/python tests/mutants --write-docs                     also renew the tables of docs/mutation-testing.md
  .venv/bin/python tests/mutants --kept --write-docs              run nothing: take each module's last result

The last result of each module is kept under data/mutants/results, so that modules can be run one by one. The tables of the
documentation have all that is kept, and say of each module how many of its mutants were tried, at which commit and when.

Exit codes: 0 enough was noticed; 1 the tests fail without any change, or mutmut could not run; 2 too little was noticed.
"""

import argparse
import fnmatch
import os
import re
import shutil
import subprocess
import sys
from datetime import UTC, datetime
from itertools import chain
from pathlib import Path

import pages
from results import TABLES, Mutant, Result, keep, kept, read_explanations, read_mutants, read_names, score, table_mutants
from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeElapsedColumn
from scope import CORE_TESTS, MODULES, MUST, files_of
from working_copy import ROOT, SetupFailed, copy_repository, environment

HERE = Path(__file__).parent
HOME = ROOT / "data" / "mutants"
RESULTS = HOME / "results"
PAGE = ROOT / "docs" / "mutation-testing.md"
ORDERS = "live/core/orders.py"


def main() -> int:
    """Run the mutants, print what survived, and say by the exit code whether enough was noticed."""
    options = _options()
    console, progress_console = Console(), Console(stderr=True)
    modules = [module for module in MODULES if not options.only or any(fnmatch.fnmatch(wanted, module) for wanted in options.only)]
    if options.only:
        modules = [wanted for wanted in options.only if any(fnmatch.fnmatch(wanted, module) for module in modules)]
    HOME.mkdir(parents=True, exist_ok=True)
    explanations = read_explanations(HERE / "explained.toml")
    if options.kept:
        results = [result for result in kept(RESULTS) if not options.only or result.module in modules]
        if not results:
            progress_console.print("nothing is kept: leave out --kept", style="red")
            return 1
    else:
        try:
            results = _run(modules, options.every, options.jobs, progress_console)
        except SetupFailed as error:
            progress_console.print(str(error), style="red", highlight=False, markup=False, soft_wrap=True)
            return 1
        for result in results:
            keep(RESULTS, result)
    pages.show(console, results, explanations, survivors=options.survivors)
    if options.write_docs:
        pages.write_section(PAGE, pages.markdown(kept(RESULTS), explanations, files_of(MODULES)))
    return 0 if score(pages.all_mutants(results)) >= MUST else 2


def _options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="tests/mutants", description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--only", nargs="+", metavar="MODULE", help="files to mutate, such as live/core/ledger.py")
    parser.add_argument("--every", type=int, default=1, metavar="N", help="run each N-th mutant only")
    parser.add_argument("--jobs", type=int, default=min(os.cpu_count() or 1, 4), help="mutants at a time (default: one a core, at most 4)")
    parser.add_argument("--survivors", action="store_true", help="list the survivors that are not explained")
    parser.add_argument("--kept", action="store_true", help="run nothing: show what the last runs of the modules gave")
    parser.add_argument("--write-docs", action="store_true", help=f"renew the tables of {PAGE.relative_to(ROOT)}")
    return parser.parse_args()


def _run(modules: list[str], every: int, jobs: int, console: Console) -> list[Result]:
    commands = environment(HOME)
    commit, on = _commit(), datetime.now(UTC).date().isoformat()
    tree = copy_repository(HOME, modules)
    columns = (TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn(), TimeElapsedColumn())
    try:
        with Progress(*columns, console=console, disable=not console.is_terminal, transient=True) as progress:
            # A name that fits no mutant makes mutmut write them all down and run none.
            task = progress.add_task("mutants are made", total=None)
            _mutmut(commands, tree, ["no.such.mutant"], jobs, progress, task, must_run=False)
            progress.remove_task(task)
            names = read_names(tree)
            wanted = list(chain.from_iterable(names.values()))[::every]
            if wanted:
                _mutmut(commands, tree, wanted, jobs, progress, progress.add_task("mutants of functions", total=None))
            mutants = read_mutants(tree)
            results = [
                Result(module, commit, on, len(some), tuple(mutant for mutant in mutants if mutant.module == module))
                for module, some in names.items()
            ]
            if ORDERS in modules:
                progress.add_task("mutants of tables", total=None)
                total, mutants = _tables(commands, tree, jobs, every)
                results.append(Result(TABLES, commit, on, total, tuple(mutants)))
    finally:
        shutil.rmtree(tree)
    return results


def _commit() -> str:
    """Name what the repository holds; a plus says that it is more than was committed."""
    commit = subprocess.run(["git", "rev-parse", "--short=9", "HEAD"], cwd=ROOT, capture_output=True, check=True, text=True).stdout.strip()
    changed = subprocess.run(["git", "status", "--porcelain", "--", "live", "tests"], cwd=ROOT, capture_output=True, check=True).stdout
    return f"{commit}+" if changed else commit


def _mutmut(commands: Path, tree: Path, names: list[str], jobs: int, progress: Progress, task: object, *, must_run: bool = True) -> None:
    """Run mutmut and follow the count in its one line of progress.

    Raises:
        SetupFailed: it could not run, mostly because the tests fail without any mutant.
    """
    command = [str(commands / "mutmut"), "run", "--max-children", str(jobs), *names]
    with subprocess.Popen(command, cwd=tree, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True) as running:
        assert running.stdout is not None
        said = ""
        # Its progress ends in carriage returns, which text mode makes ends of lines.
        for line in running.stdout:
            counted = re.search(r"(\d+)/(\d+) ", line)
            if counted is None:
                said = (said + line)[-4_000:]
            else:
                progress.update(task, completed=int(counted[1]), total=int(counted[2]))  # pyright: ignore[reportArgumentType]
    if running.returncode and must_run:
        raise SetupFailed(f"mutmut could not run; the tests must pass without any mutant. Its last words:\n{said}")


def _tables(commands: Path, tree: Path, jobs: int, every: int) -> tuple[int, list[Mutant]]:
    done = subprocess.run(
        [str(commands / "python"), str(HERE / "tables.py"), str(jobs), str(every), *CORE_TESTS],
        cwd=tree,
        capture_output=True,
        check=False,
        text=True,
    )
    if done.returncode:
        raise SetupFailed(f"the mutants of the order tables could not be run:\n{done.stderr}")
    return table_mutants(done.stdout.splitlines())


if __name__ == "__main__":
    sys.exit(main())
