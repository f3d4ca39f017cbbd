"""Telling: how the demo prints titles, progress and tables, on a terminal and in a log."""

from typing import Any

from rich.console import Console
from rich.progress import Progress, SpinnerColumn, TextColumn
from rich.table import Table

PLAIN_WIDTH = 120
"""Columns of plain output, so that no table is cut short in a log."""


def make_console() -> Console:
    """Make the console of the demo; where it is no terminal it has a fixed width."""
    console = Console(soft_wrap=True, highlight=False)
    if not console.is_terminal:
        console.width = PLAIN_WIDTH
    return console


def title(console: Console, number: int, text: str) -> None:
    """Print the title of an act."""
    console.print(f"\n[bold]{number}. {text}[/]")


def working(console: Console, what: str) -> Progress:
    """Show that work goes on, on a terminal only; plain output gets one line."""
    if not console.is_terminal:
        console.print(f"  … {what}", markup=False)
    progress = Progress(SpinnerColumn(), TextColumn("{task.description}"), console=console, transient=True, disable=not console.is_terminal)
    progress.add_task(f"  {what}")
    return progress


def show(console: Console, caption: str, rows: list[dict[str, Any]], columns: tuple[str, ...]) -> None:
    """Print rows as a table."""
    table = Table(*(column.replace("_", " ") for column in columns), title=caption, title_justify="left")
    for row in rows:
        table.add_row(*(shortened(str(row[column])) for column in columns))
    console.print(table)


def shortened(text: str) -> str:
    """Leave out the zeros that end a decimal number; the API gives every place."""
    whole, point, places = text.partition(".")
    if not (point and places.isdecimal() and whole.lstrip("-").isdecimal()):
        return text
    return f"{whole}.{places.rstrip('0')}" if places.rstrip("0") else whole
