"""How every command answers: a JSON document for programs, readable text for people, one sentence for an error."""

import json
import sys
from collections.abc import Callable, Mapping, Sequence
from typing import Annotated, Any

import typer
from rich.console import Console
from rich.table import Table
from rich.text import Text

from live.core.errors import InterlockError

JsonOption = Annotated[bool, typer.Option("--json", help="Print one JSON document instead of text.")]

EXIT_ERROR = 1
EXIT_FINDING = 2
"""The command ran and what it checked does not hold, or it was called wrongly."""

PLAIN_WIDTH = 10_000
"""Where output is no terminal nothing is folded: a line is a row, and can be searched."""


class CommandError(InterlockError):
    """A command was given something it cannot work with."""


class Finding(InterlockError):
    """A check ran and found that what it checks does not hold; carries the findings for `--json`."""

    def __init__(self, message: str, payload: Mapping[str, Any] | None = None) -> None:
        super().__init__(message)
        self.payload = dict(payload or {})


class UsageProblem(Finding):
    """A command was called wrongly."""


def console() -> Console:
    """Give the console for readable text; plain lines when standard output is not a terminal."""
    width = None if sys.stdout.isatty() else PLAIN_WIDTH
    return Console(soft_wrap=True, highlight=False, width=width)


def print_table(
    console: Console, title: str, rows: Sequence[Mapping[str, Any]], columns: Sequence[str], numbers: Sequence[str] = ()
) -> None:
    """Print rows as a table that fits the terminal.

    Numbers stand to the right, what is too long goes on in the next line, and a column without any value is left out.
    """
    if not rows:
        console.print(f"{title}: none", markup=False)
        return
    table = Table(title=title, title_justify="left", title_style="bold")
    filled = [column for column in columns if any(row.get(column) not in (None, "") for row in rows)]
    for column in filled:
        table.add_column(column.replace("_", " "), justify="right" if column in numbers else "left", overflow="fold")
    for row in rows:
        table.add_row(*(Text("" if row.get(column) is None else str(row[column])) for column in filled))
    console.print(table, soft_wrap=False)


def answer(payload: Mapping[str, Any], *, as_json: bool, text: Callable[[Console], None]) -> None:
    """Print the result of a command: `payload` as JSON, or what `text` draws."""
    if as_json:
        sys.stdout.write(json.dumps(payload, indent=2, sort_keys=True, default=str) + "\n")
    else:
        text(console())


def run_reporting_errors(command: Callable[[], None], *, as_json: bool) -> int:
    """Run a command and turn its errors into one sentence on standard error and an exit code."""
    try:
        command()
    except Finding as finding:
        _print_error(str(finding), finding.payload, as_json=as_json)
        return EXIT_FINDING
    except InterlockError as error:
        _print_error(str(error), {}, as_json=as_json)
        return EXIT_ERROR
    return 0


def _print_error(message: str, payload: Mapping[str, Any], *, as_json: bool) -> None:
    if as_json:
        sys.stdout.write(json.dumps({"error": message, **payload}, indent=2, sort_keys=True, default=str) + "\n")
    else:
        Console(stderr=True, soft_wrap=True, highlight=False).print(Text.assemble(("error:", "bold red"), " ", message))
