"""The tables of a benchmark: on a terminal, and as a section of docs/benchmarks.md."""

import os
import platform
from collections.abc import Sequence
from pathlib import Path
from statistics import median
from typing import Any

from rich import box
from rich.console import Console
from rich.table import Table
from thresholds import Figure, Run, cpu_rate

BEGIN, END = "<!-- measured: begin (written by `make bench`) -->", "<!-- measured: end -->"
RUN_COLUMNS = ("work", "engine", "events", "orders", "cancels", "fills", "events/s CPU", "events/s wall", "peak MB", "runs")
FIGURE_COLUMNS = ("figure", "measured", "must", "aim", "")


def machine() -> dict[str, Any]:
    """Describe where the figures come from."""
    described = {"python": platform.python_version(), "system": platform.system(), "kernel": platform.release(), "cores": os.cpu_count()}
    try:
        information = Path("/proc/cpuinfo").read_text(encoding="utf-8")
        described["processor"] = information.partition("model name")[2].partition(":")[2].partition("\n")[0].strip() or platform.machine()
        memory = Path("/proc/meminfo").read_text(encoding="utf-8")
        described["memory_gb"] = round(int(memory.partition("MemTotal:")[2].split()[0]) / 1e6, 1)
    except OSError:
        described["processor"] = platform.machine()
    return described


def run_rows(runs: Sequence[Run]) -> list[tuple[str, ...]]:
    """Give a line for each work, engine and size: counts, median rates and the largest peak."""
    together: dict[tuple[str, str, int], list[Run]] = {}
    for run in runs:
        if "cpu_seconds" in run:
            together.setdefault((run["work"], run["engine"], run["events"]), []).append(run)
    return [
        (
            work,
            f"{engine} {some[0].get('version', '')}".strip(),
            f"{events:,}",
            f"{some[0]['orders']:,}",
            f"{some[0].get('cancels', 0):,}",
            f"{some[0]['fills']:,}",
            f"{cpu_rate(some):,.0f}",
            f"{median(run['events'] / run['wall_seconds'] for run in some):,.0f}",
            f"{max(run['peak_rss_mb'] for run in some):.0f}",
            f"{len(some)}",
        )
        for (work, engine, events), some in together.items()
    ]


def figure_rows(figures: Sequence[Figure], *, judged: bool) -> list[tuple[str, ...]]:
    """Give a line for each figure: what was measured, what must be, what is striven for, and which of them it reaches."""
    return [
        (
            figure.name,
            _number(figure.value, figure.unit),
            _bound(figure, figure.must),
            _bound(figure, figure.aim),
            _verdict(figure) if judged else "",
        )
        for figure in figures
    ]


def show(console: Console, runs: Sequence[Run], figures: Sequence[Figure], remarks: Sequence[str], *, judged: bool) -> None:
    """Print both tables and what there is to remark."""
    for title, columns, rows in (
        ("Runs", RUN_COLUMNS, run_rows(runs)),
        ("Figures", FIGURE_COLUMNS, figure_rows(figures, judged=judged)),
    ):
        if not rows:
            continue
        table = Table(title=title, box=box.SIMPLE_HEAD, title_justify="left")
        for column in columns:
            table.add_column(column, justify="left" if column in {"work", "engine", "figure", ""} else "right")
        for row in rows:
            table.add_row(*row, style="red" if row[-1] == "FAILED" else None)
        console.print(table)
    for remark in remarks:
        console.print(f"[red]{remark}[/red]", highlight=False)


def markdown(measured: dict[str, Any], figures: Sequence[Figure]) -> str:
    """Write the same tables for the documentation, with the machine and the digests."""
    where = measured["machine"]
    digests = sorted({(run["work"], run["events"], run["digest"]) for run in measured["runs"] if "digest" in run})
    return "\n".join(
        [
            f"Measured on {where['processor']}, {where['cores']} cores, {where.get('memory_gb', '?')} GB, "
            f"{where['system']} {where['kernel']}, Python {where['python']}, {measured['finished'][:10]}.",
            "",
            *_markdown_table((*FIGURE_COLUMNS[:-1], "verdict"), figure_rows(figures, judged=True)),
            "",
            *_markdown_table(RUN_COLUMNS, run_rows(measured["runs"])),
            "",
            "Digest of all output records, equal in every run:",
            "",
            *_markdown_table(("work", "events", "digest"), [(work, f"{events:,}", f"`{digest}`") for work, events, digest in digests]),
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
        raise ValueError(f"{path} has no place for the figures: it needs the lines {BEGIN!r} and {END!r}")
    path.write_text(f"{before}{BEGIN}\n\n{text}\n\n{END}{after}", encoding="utf-8")


def _markdown_table(columns: Sequence[str], rows: Sequence[Sequence[str]]) -> list[str]:
    def line(cells: Sequence[str]) -> str:
        return f"| {' | '.join(cells)} |"

    return [line(columns), line(["---"] * len(columns)), *map(line, rows)]


def _number(value: float, unit: str) -> str:
    return f"{value:,.3g}{unit}" if unit == "x" else f"{value:,.4g} {unit}".strip()


def _bound(figure: Figure, bound: float | None) -> str:
    return "" if bound is None else f"{'≥' if figure.at_least else '≤'} {_number(bound, figure.unit)}"


def _verdict(figure: Figure) -> str:
    if not figure.passed:
        return "FAILED"
    if figure.reached_aim:
        return "reaches the aim"
    return "" if figure.must is None else "passes"
