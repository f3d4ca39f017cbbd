"""Small pieces of Markdown that every page is made of."""

from collections.abc import Iterable, Sequence

NOTICE = "<!-- Written by docs/reference/generate.py from the code. Do not edit: change the code, then run it again. -->"


def page(title: str, *blocks: str) -> str:
    """Join blocks into a page with its title and the notice that it is generated."""
    return "\n\n".join((f"# {title}", NOTICE, *(block.strip("\n") for block in blocks if block))) + "\n"


def table(header: Sequence[str], rows: Iterable[Sequence[str]]) -> str:
    """Write a table; pipes and line breaks inside a cell are escaped."""
    lines = [_row(header), _row(["---"] * len(header))]
    lines += [_row([cell(text) for text in row]) for row in rows]
    return "\n".join(lines)


def cell(text: str) -> str:
    """Make text safe inside a table cell."""
    return " ".join(text.split()).replace("|", "\\|")


def code(text: object) -> str:
    """Show text as code; empty text stays empty."""
    return f"`{text}`" if str(text) else ""


def _row(cells: Sequence[str]) -> str:
    return "| " + " | ".join(cells) + " |"
