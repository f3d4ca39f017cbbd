"""`interlock replay`: a strategy over recorded market data."""

import sys
from collections.abc import Callable, Generator
from contextlib import contextmanager
from pathlib import Path
from typing import Annotated

import msgspec
import typer
from rich.console import Console
from rich.progress import Progress, SpinnerColumn, TextColumn, TimeElapsedColumn

from live.cli.output import JsonOption, answer, print_table
from live.latch import home_directory
from live.venues.sim import CostModel, FillPrice

EXAMPLE = "Example: interlock replay strategies/ema_cross --tape btc.tape.gz --set fast=10 --journal run.journal"


def replay_command(  # noqa: PLR0913, PLR0917 - a command's options are its arguments
    folder: Annotated[Path, typer.Argument(help="Strategy folder, the one that holds strategy.toml.")],
    tape: Annotated[Path, typer.Option("--tape", help="Tape to play; make one with `interlock dataset to-tape`.")],
    settings: Annotated[list[str] | None, typer.Option("--set", help="Set a parameter, like fast=10; repeat it.")] = None,
    journal: Annotated[
        Path | None, typer.Option("--journal", help="Keep every record in this file, to look at with `interlock journal`.")
    ] = None,
    cash: Annotated[str, typer.Option("--cash", help="Opening balance in the quote asset.")] = "10000.00",
    fill_price: Annotated[FillPrice, typer.Option("--fill-price", help="Which price a market order fills at.")] = FillPrice.NEXT_OPEN,
    fee_ppm: Annotated[int, typer.Option("--fee-ppm", help="Fee in parts per million of the notional; 1000 is 0.1 %.")] = 1_000,
    slippage: Annotated[int, typer.Option("--slippage-basis-points", help="How much worse than quoted a market order fills.")] = 2,
    as_json: JsonOption = False,
) -> None:
    """Replay a strategy through the engine that trades, with every risk check on.

    The parity digest at the end is the same for the same strategy, data and engine, on every run.
    """
    from live.driver.tape_replay import TapeReplayOptions, replay_on_tape
    from live.promotion import load_strategy_folder, parse_overrides

    costs = CostModel(maker_fee_ppm=fee_ppm, taker_fee_ppm=fee_ppm, slippage_basis_points=slippage)
    options = TapeReplayOptions(cash=cash, costs=costs, fill_price=fill_price)
    read = load_strategy_folder(folder, parse_overrides(settings or []))
    quote = read.version.instruments[0].quote
    with progress_on_terminal("events") as progress:
        result = replay_on_tape(read, tape, home_directory(), options, journal=journal, progress=progress)

    def text(console: Console) -> None:
        values = (
            ("events", f"{result.events:,}"),
            ("decisions", f"{result.decisions:,}"),
            ("intents", f"{result.intents:,}"),
            ("fills", f"{result.fills:,}"),
            ("denials", _counts(result.denials)),
            ("alarms", _counts(result.alarms)),
            ("profit after fees", ", ".join(f"{amount} {quote}" for amount in result.profit.values())),
            ("fees", f"{result.fees} {quote}"),
            ("records", f"{result.records:,}"),
            ("parity digest", result.parity_digest),
        )
        print_table(console, read.version.label, [{"measure": name, "value": value} for name, value in values], ("measure", "value"))
        if journal is not None:
            console.print(f"every record is in {journal}: look with `interlock journal show {journal}`", markup=False)

    payload = {"version": read.version.label, "journal": str(journal) if journal else None, **msgspec.to_builtins(result)}
    answer(payload, as_json=as_json, text=text)


def _counts(counts: dict[str, int]) -> str:
    return ", ".join(f"{code} {count}" for code, count in counts.items()) or "none"


@contextmanager
def progress_on_terminal(what: str) -> Generator[Callable[[int], None] | None]:
    """Show a count while long work runs, on a terminal only; yields the callback to report it with."""
    if not sys.stderr.isatty():
        yield None
        return
    columns = (SpinnerColumn(), TextColumn("{task.completed:,} {task.description}"), TimeElapsedColumn())
    with Progress(*columns, console=Console(stderr=True), transient=True) as bar:
        task = bar.add_task(what, total=None)
        report: Callable[[int], None] = lambda count: bar.update(task, completed=count)  # noqa: E731
        yield report
