"""The tables of a mutation test: on a terminal, and as a section of docs/mutation-testing.md."""

from collections.abc import Iterable, Sequence
from pathlib import Path

from results import Explanation, Mutant, Result, score, untried
from rich import box
from rich.console import Console
from rich.table import Table
from scope import MUST

BEGIN, END = "<!-- measured: begin (written by `make mutants`) -->", "<!-- measured: end -->"
COLUMNS = ("module", "mutants", "tried", "noticed", "per cent", "survivors", "explained", "at commit", "on")


def show(console: Console, results: Sequence[Result], explanations: Sequence[Explanation], *, survivors: bool) -> None:
    """Print the score of each module, and the survivors when they are asked for."""
    if not console.is_terminal:
        console.width = 140
    table = Table(box=box.SIMPLE_HEAD)
    for column in COLUMNS:
        table.add_column(column, justify="left" if column == "module" else "right")
    for row in rows(results, explanations):
        table.add_row(*row)
    console.print(table)
    mutants = all_mutants(results)
    open_ones = [mutant for mutant in mutants if not mutant.killed and not _why(mutant, explanations)]
    if survivors:
        for mutant in open_ones:
            console.print(f"{mutant.module} {mutant.function}{'' if mutant.covered else '  (no test reaches it)'}", style="bold")
            console.print(f"  - {mutant.original}\n  + {mutant.changed}", highlight=False, markup=False)
    elif open_ones:
        console.print(f"{len(open_ones)} survivors are not explained; --survivors lists them")
    if mutants and score(mutants) < MUST:
        console.print(f"{score(mutants):.1f} % were noticed, {MUST:.0f} % must be", style="red")


def all_mutants(results: Sequence[Result]) -> list[Mutant]:
    """Give the mutants of all results."""
    return [mutant for result in results for mutant in result.mutants]


def rows(results: Sequence[Result], explanations: Sequence[Explanation]) -> list[tuple[str, ...]]:
    """Give a line for each module, and one for all."""
    lines = [
        (result.module, str(result.total), *_counts(result.mutants, explanations), result.commit, result.on)
        for result in results
        if result.mutants
    ]
    if len(lines) > 1:
        lines.append(("all", str(sum(result.total for result in results)), *_counts(all_mutants(results), explanations), "", ""))
    return lines


def markdown(results: Sequence[Result], explanations: Sequence[Explanation], files: Iterable[str]) -> str:
    """Write the scores, what was not tried of the files, the explained survivors and the open ones for the documentation."""
    left_out = untried(files, results)
    alive = [(mutant, _why(mutant, explanations)) for mutant in all_mutants(results) if not mutant.killed]
    return "\n".join(
        [
            *_table(COLUMNS, rows(results, explanations)),
            "",
            *([f"Not tried yet: {', '.join(f'`{name}`' for name in left_out)}.", ""] if left_out else []),
            "### Survivors that are explained",
            "",
            *_survivors([(mutant, why) for mutant, why in alive if why]),
            "",
            "### Survivors that no test notices yet",
            "",
            *_survivors([(mutant, "" if mutant.covered else "no test reaches it") for mutant, why in alive if not why]),
        ]
    )


def write_section(path: Path, text: str) -> None:
    """Put the text between the page's two markers.

    Raises:
        ValueError: the page lacks them.
    """
    page = path.read_text(encoding="utf-8")
    before, begin, rest = page.partition(BEGIN)
    _, end, after = rest.partition(END)
    if not begin or not end:
        raise ValueError(f"{path} has no place for the scores: it needs the lines {BEGIN!r} and {END!r}")
    path.write_text(f"{before}{BEGIN}\n\n{text}\n\n{END}{after}", encoding="utf-8")


def _counts(mutants: Sequence[Mutant], explanations: Sequence[Explanation]) -> tuple[str, ...]:
    alive = [mutant for mutant in mutants if not mutant.killed]
    explained = sum(1 for mutant in alive if _why(mutant, explanations))
    return str(len(mutants)), str(len(mutants) - len(alive)), f"{score(mutants):.1f}", str(len(alive)), str(explained)


def _why(mutant: Mutant, explanations: Sequence[Explanation]) -> str:
    return next((explanation.why for explanation in explanations if explanation.fits(mutant)), "")


def _survivors(some: Sequence[tuple[Mutant, str]]) -> list[str]:
    if not some:
        return ["None."]
    cells = [
        (f"{mutant.module.removeprefix('live/')} `{mutant.function}`", _code(mutant.original), _code(mutant.changed), why)
        for mutant, why in some
    ]
    return _table(("where", "as it is", "mutant", "why it survives"), cells)


def _code(text: str) -> str:
    return f"`{text.replace('|', chr(92) + '|')}`" if text else ""


def _table(columns: Sequence[str], lines: Sequence[Sequence[str]]) -> list[str]:
    def line(cells: Sequence[str]) -> str:
        return f"| {' | '.join(cells)} |"

    return [line(columns), line(["---"] * len(columns)), *map(line, lines)]
