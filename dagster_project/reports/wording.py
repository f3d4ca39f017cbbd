"""How values are written for people: money to two places, times to the second, long digests by their beginning."""

from datetime import UTC, datetime
from decimal import ROUND_HALF_EVEN, Decimal

UNKNOWN = "unknown"
_CENT = Decimal("0.01")


def money(text: str | None) -> str:
    """Write an amount to two places with thousands apart; one that two places would hide is written out in full."""
    if text is None:
        return UNKNOWN
    exact = Decimal(text)
    rounded = exact.quantize(_CENT, ROUND_HALF_EVEN)
    return f"{exact.normalize():f}" if exact and not rounded else f"{rounded:,.2f}"


def signed(text: str | None) -> str:
    """Write a profit or a loss with its sign."""
    written = money(text)
    return f"+{written}" if text is not None and Decimal(text) > 0 else written


def tone(text: str | None) -> str:
    """Name the class that a profit or a loss is shown with."""
    value = Decimal(text) if text is not None else Decimal(0)
    return "gain" if value > 0 else "loss" if value < 0 else "even"


def time(nanoseconds: int | None) -> str:
    """Write a time to the second, in UTC."""
    if nanoseconds is None:
        return "–"
    return f"{datetime.fromtimestamp(nanoseconds // 1_000_000_000, UTC):%Y-%m-%d %H:%M:%S}"


def short(digest: str) -> str:
    """Write the beginning of a digest."""
    return f"{digest[:16]}…" if digest else "–"


def cell(text: object) -> str:
    """Write a value into a cell of a Markdown table: what would end the cell or begin markup is escaped."""
    written = " ".join(str(text).split())
    for sign in "\\|`*_[]<>":
        written = written.replace(sign, f"\\{sign}")
    return written or " "


def table(columns: tuple[str, ...], rows: list[tuple[object, ...]]) -> list[str]:
    """Write a Markdown table, ended by an empty line."""
    lines = [f"| {' | '.join(columns)} |", f"|{'---|' * len(columns)}"]
    return [*lines, *(f"| {' | '.join(cell(value) for value in row)} |" for row in rows), ""]
