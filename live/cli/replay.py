"""`interlock replay`: a strategy over recorded market data."""

import sys
import tomllib
from collections.abc import Callable, Generator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Annotated, Any

import msgspec
import typer
from rich.console import Console

from live.cli.output import CommandError, JsonOption, answer, print_table
from live.core.vocabulary import AccountType
from live.driver.close_out import CloseOut
from live.latch import home_directory
from live.venues.sim import FillPrice

EXAMPLE = "Example: interlock replay my_strategy.py:MyStrategy --data btc.tape.gz --balance USDT=10000 --set fast=10 --report run.html"


def replay_command(  # noqa: PLR0913, PLR0917 - a command's options are its arguments
    strategy: Annotated[str, typer.Argument(help="Strategy folder, or file.py:Class.", metavar="STRATEGY")],
    data: Annotated[
        list[str] | None,
        typer.Option("--data", "--tape", help="Market data: a tape; with the pipeline also a bar file, dataset or raw file. Repeat it."),
    ] = None,
    import_options: Annotated[
        list[str] | None, typer.Option("--import", help="How to read raw files, like instrument_id=binance:BTCUSDT. Repeat it.")
    ] = None,
    config: Annotated[Path | None, typer.Option("--config", help="Settings as TOML; what the other options say comes before it.")] = None,
    parameters: Annotated[list[str] | None, typer.Option("--set", help="Set a parameter, like fast=10. Repeat it.")] = None,
    balances: Annotated[list[str] | None, typer.Option("--balance", help="Opening balance, like USDT=1000000. Repeat it.")] = None,
    cash: Annotated[
        str | None, typer.Option("--cash", help="Opening balance in the quote asset; 10000.00 when no balance is given.")
    ] = None,
    account: Annotated[AccountType | None, typer.Option("--account", help="CASH, or MARGIN to go short.")] = None,
    leverage: Annotated[str | None, typer.Option("--leverage", help="Largest value of positions over equity; makes it MARGIN.")] = None,
    fill_price: Annotated[FillPrice | None, typer.Option("--fill-price", help="Which price of a bar a market order fills at.")] = None,
    fee_ppm: Annotated[int | None, typer.Option("--fee-ppm", help="Fee in parts per million of the notional; 1000 is 0.1 %.")] = None,
    maker_fee_ppm: Annotated[int | None, typer.Option("--maker-fee-ppm", help="Fee of resting orders alone.")] = None,
    taker_fee_ppm: Annotated[int | None, typer.Option("--taker-fee-ppm", help="Fee of orders that take liquidity alone.")] = None,
    slippage: Annotated[
        int | None, typer.Option("--slippage-basis-points", help="How much worse than quoted a market order fills.")
    ] = None,
    venue: Annotated[
        list[str] | None, typer.Option("--venue", help="Any setting of the venue, like costs.fee_rounding=HALF_EVEN. Repeat it.")
    ] = None,
    instruments: Annotated[
        list[str] | None,
        typer.Option("--instrument", help="Change a definition: lot_size=1000 for all, binance-spot:BTCUSDT.lot_size=1000 for one."),
    ] = None,
    limits: Annotated[Path | None, typer.Option("--limits", help="Limits as TOML, with the keys that strategy.toml has.")] = None,
    limit: Annotated[list[str] | None, typer.Option("--limit", help="Change one limit, like price_collar_ppm=20000. Repeat it.")] = None,
    beyond_live_limits: Annotated[
        bool, typer.Option("--beyond-live-limits", help="Take limits above the ceilings of live trading; the result says so.")
    ] = False,
    start: Annotated[str | None, typer.Option("--start", help="Leave out data received until this time, like 2022-01-01.")] = None,
    end: Annotated[str | None, typer.Option("--end", help="Leave out data received after this time.")] = None,
    history_bars: Annotated[
        int | None, typer.Option("--history-bars", help="Hand so many bars before --start to the strategy, as history.")
    ] = None,
    bar_opens: Annotated[bool, typer.Option("--bar-opens", help="Play each bar's open as a trade of its own.")] = False,
    close_out: Annotated[CloseOut | None, typer.Option("--close-out", help="What happens to positions at the end.")] = None,
    seed: Annotated[int | None, typer.Option("--seed", help="Seed of the chance handed to strategy and venue.")] = None,
    journal: Annotated[
        Path | None, typer.Option("--journal", help="Keep every record in this file, to look at with `interlock journal`.")
    ] = None,
    report: Annotated[Path | None, typer.Option("--report", help="Write a page with charts to this HTML file.")] = None,
    stop_after: Annotated[
        int | None, typer.Option("--stop-after", min=1, help="Stop after so many events, to go on later with --resume.")
    ] = None,
    resume: Annotated[bool, typer.Option("--resume", help="Go on with the replay whose journal stopped in the middle.")] = False,
    as_json: JsonOption = False,
) -> None:
    """Replay a strategy through the engine that trades, with every risk check on.

    STRATEGY is a strategy folder, or `file.py:Class` with a subclass of Strategy. The parity digest at the end is the same for
    the same strategy, data, settings and engine, on every run. docs/guide/replay.md explains each setting and each number.
    """
    from live.cli.replay_figures import figures_of
    from live.driver.replay_settings import read_settings
    from live.driver.strategy_replay import describe_replay, prepare_replay, run_replay

    changes: dict[str, Any] = {
        "data": tuple(data) if data else None,
        "import_options": _values("--import", import_options),
        "parameters": _pairs("--set", parameters),
        "balances": _pairs("--balance", balances),
        "account": _given(type=AccountType.MARGIN if leverage and account is None else account, leverage=leverage),
        "venue": _dotted("--venue", venue),
        "instruments": _instruments(instruments),
        "limits": {**_limits_of(limits), **_values("--limit", limit)},
        "beyond_live_limits": beyond_live_limits or None,
        "start": start,
        "end": end,
        "history_bars": history_bars,
        "bar_opens": bar_opens or None,
        "close_out": close_out,
        "seed": seed,
    }
    costs = _given(
        maker_fee_ppm=fee_ppm if maker_fee_ppm is None else maker_fee_ppm,
        taker_fee_ppm=fee_ppm if taker_fee_ppm is None else taker_fee_ppm,
        slippage_basis_points=slippage,
    )
    _merge(changes["venue"], {"costs": costs} if costs else {})
    _merge(changes["venue"], {"fill": {"price": fill_price}} if fill_price is not None else {})
    settings = read_settings(config, {name: value for name, value in changes.items() if value not in (None, {})})
    if not settings.data:
        raise CommandError("no market data was named: give --data with a tape, a bar file, a dataset or a vendor's file")
    prepared = prepare_replay(strategy, settings, home_directory(), cash=cash)
    if report is not None and not report.parent.is_dir():
        raise CommandError(f"{report.parent} is no directory: make it, or write the report elsewhere")
    with progress_on_terminal("events") as progress:
        result, observer = run_replay(
            prepared, journal=journal, progress=progress, detail=report is not None, stop_after=stop_after, resume=resume
        )
    figures = figures_of(result)
    if report is not None:
        from live.report.page import render_page

        report.write_text(render_page(describe_replay(prepared, result, observer, figures)), encoding="utf-8")

    def text(console: Console) -> None:
        print_table(console, prepared.label, [{"measure": name, "value": value} for name, value in figures], ("measure", "value"))
        for note in prepared.notes:
            console.print(note, markup=False)
        if journal is not None:
            console.print(f"every record is in {journal}: look with `interlock journal show {journal}`", markup=False)
        if stop_after is not None:
            console.print(f"stopped after {result.events:,} events; the same command with --resume in place of --stop-after goes on")
        if report is not None:
            console.print(f"the report is in {report}", markup=False)

    payload: dict[str, Any] = {
        "version": prepared.label,
        "journal": str(journal) if journal else None,
        "report": str(report) if report else None,
        "settings": msgspec.to_builtins(prepared.settings),
        "limits": prepared.limits_table,
        "notes": prepared.notes,
        **msgspec.to_builtins(result),
    }
    if result.performance is not None:
        payload["performance"]["win_rate"] = result.performance.win_rate
    answer(payload, as_json=as_json, text=text)


def _given(**values: Any) -> dict[str, Any]:
    return {name: value for name, value in values.items() if value is not None}


def _pairs(option: str, texts: list[str] | None) -> dict[str, str]:
    """Read name=value texts."""
    pairs: dict[str, str] = {}
    for text in texts or []:
        name, separator, value = text.partition("=")
        if not separator or not name.strip():
            raise CommandError(f"{option} takes name=value, received {text!r}")
        if name.strip() in pairs:
            raise CommandError(f"{option} sets {name.strip()} twice: set it once")
        pairs[name.strip()] = value.strip()
    return pairs


def _values(option: str, texts: list[str] | None) -> dict[str, Any]:
    return {name: _value(value) for name, value in _pairs(option, texts).items()}


def _value(text: str) -> Any:
    """Read a value as TOML; what is none is text."""
    try:
        return tomllib.loads(f"value = {text}")["value"]
    except tomllib.TOMLDecodeError:
        return text


def _dotted(option: str, texts: list[str] | None) -> dict[str, Any]:
    table: dict[str, Any] = {}
    for path, value in _values(option, texts).items():
        nested: Any = value
        for name in reversed(path.split(".")):
            nested = {name: nested}
        _merge(table, nested)
    return table


def _instruments(texts: list[str] | None) -> dict[str, Any]:
    table: dict[str, dict[str, Any]] = {}
    for path, value in _values("--instrument", texts).items():
        instrument_id, _, name = path.rpartition(".")
        table.setdefault(instrument_id or "*", {})[name] = value
    return table


def _limits_of(path: Path | None) -> dict[str, Any]:
    if path is None:
        return {}
    try:
        table = tomllib.loads(path.read_text(encoding="utf-8"))
    except OSError as error:
        raise CommandError(f"{path} cannot be read ({error.strerror}): name a TOML file of limits") from error
    except ValueError as error:
        raise CommandError(f"{path} is not TOML in UTF-8: {error}") from error
    return table.get("limits", table)


def _merge(table: dict[str, Any], other: Mapping[str, Any]) -> None:
    for name, value in other.items():
        if isinstance(value, dict) and isinstance(table.get(name), dict):
            _merge(table[name], value)  # pyright: ignore[reportUnknownArgumentType] - plain values of options
        else:
            table[name] = value


@contextmanager
def progress_on_terminal(what: str) -> Generator[Callable[[int, int | None], None] | None]:
    """Show a count while long work runs, and its share where the whole is known; on a terminal only. Yields the callback."""
    if not sys.stderr.isatty():
        yield None
        return
    from rich.progress import BarColumn, Progress, SpinnerColumn, TaskProgressColumn, TextColumn, TimeElapsedColumn

    columns = (
        SpinnerColumn(),
        TextColumn("{task.completed:,} {task.description}"),
        BarColumn(),
        TaskProgressColumn(),
        TimeElapsedColumn(),
    )
    with Progress(*columns, console=Console(stderr=True), transient=True) as bar:
        task = bar.add_task(what, total=None)
        report: Callable[[int, int | None], None] = lambda count, total=None: bar.update(task, completed=count, total=total)  # noqa: E731
        yield report
