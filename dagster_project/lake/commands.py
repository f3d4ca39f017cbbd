"""`interlock ingest`: bars from files into the lake, and files of other programs into parquet and tape."""

from __future__ import annotations

from collections.abc import Sequence
from enum import StrEnum
from pathlib import Path
from typing import Annotated, Any

import msgspec
import typer
from rich.console import Console

from live.cli.output import Finding, JsonOption, answer, print_table

app = typer.Typer(context_settings={"allow_interspersed_args": True})

SAMPLE = Path("data/sample")


class FormatName(StrEnum):
    """Which program's files they are."""

    CSV_BARS = "csv-bars"
    LEAN = "lean"
    BINANCE_L2 = "binance-l2"
    COINBASE_CANDLES = "coinbase-candles"


class BarTimeName(StrEnum):
    """What a bar's time is."""

    OPEN = "open"
    CLOSE = "close"


class VolumeName(StrEnum):
    """What a bar's volume counts."""

    BASE = "base"
    QUOTE = "quote"


class TimeUnitName(StrEnum):
    """What a number of time counts."""

    SECONDS = "s"
    MILLISECONDS = "ms"
    MICROSECONDS = "us"
    NANOSECONDS = "ns"


EPILOG = """Examples, one a format:

interlock ingest data/sample

csv-bars, a CSV of bars with a header (time, open, high, low, close, volume, in any order): interlock ingest btcusdt_1m.csv
--instrument binance-spot:BTCUSDT --bar-time open --output bars

lean, bars of trades and quotes of QuantConnect's LEAN, zipped, in its folders: interlock ingest crypto/coinbase/minute/btcusd
--output bars

binance-l2, a raw log of Binance's websocket with books, best quotes and trades: interlock ingest spot_btcusdt_20240808.gz
spot_btcusdt_20240809.gz --clock-correction-ms 1300 --tape btc.tape.gz

coinbase-candles, the JSON answer of Coinbase's candles endpoint: interlock ingest coinbase_btc_usd_4h.json.gz --output bars
"""

_READING = "How to read files of other programs"
_WRITING = "Where files of other programs go"


@app.callback(invoke_without_command=True, epilog=EPILOG)
def ingest(  # noqa: PLR0913, PLR0917 - a command's options are its arguments
    files: Annotated[
        list[Path] | None,
        typer.Argument(
            help="Parquet files of bars, files of other programs, or folders of either (default: data/sample).", show_default=False
        ),
    ] = None,
    correct: Annotated[bool, typer.Option("--correct", help="Replace published bars that a file says something else about.")] = False,
    output: Annotated[
        Path | None,
        typer.Option("--output", help="Write a parquet file an instrument and kind into this directory.", rich_help_panel=_WRITING),
    ] = None,
    tape: Annotated[
        Path | None,
        typer.Option("--tape", help="Write everything onto this tape, for `interlock replay --data`.", rich_help_panel=_WRITING),
    ] = None,
    format_name: Annotated[
        FormatName | None, typer.Option("--format", help="Their format; told by their content unless given.", rich_help_panel=_READING)
    ] = None,
    instrument: Annotated[
        str | None,
        typer.Option(help="What they are of, like binance-spot:BTCUSDT; told by their names unless given.", rich_help_panel=_READING),
    ] = None,
    base: Annotated[str | None, typer.Option(help="Asset that is bought or sold.", rich_help_panel=_READING)] = None,
    quote: Annotated[str | None, typer.Option(help="Asset that prices are in.", rich_help_panel=_READING)] = None,
    price_scale: Annotated[
        int | None, typer.Option(help="Decimal places of a price; as many as any has unless given.", rich_help_panel=_READING)
    ] = None,
    quantity_scale: Annotated[
        int | None, typer.Option(help="Decimal places of a quantity; as many as any has, up to 8, unless given.", rich_help_panel=_READING)
    ] = None,
    time_column: Annotated[str | None, typer.Option(help="Column of times in a CSV.", rich_help_panel=_READING)] = None,
    time_unit: Annotated[
        TimeUnitName | None, typer.Option(help="Unit of times that are numbers; told by their size unless given.", rich_help_panel=_READING)
    ] = None,
    zone: Annotated[
        str | None, typer.Option(help="Zone of times that name none, like America/New_York; UTC unless given.", rich_help_panel=_READING)
    ] = None,
    bar_time: Annotated[
        BarTimeName | None, typer.Option(help="Whether a bar's time is its open or its close; open unless given.", rich_help_panel=_READING)
    ] = None,
    bar_seconds: Annotated[
        int | None, typer.Option(help="Length of a bar; the commonest step unless given.", min=1, rich_help_panel=_READING)
    ] = None,
    volume: Annotated[
        VolumeName | None, typer.Option(help="Which asset a bar's volume counts; base unless given.", rich_help_panel=_READING)
    ] = None,
    clock_correction_ms: Annotated[
        int, typer.Option(help="Milliseconds to add to every time of receipt in a raw log.", rich_help_panel=_READING)
    ] = 0,
    as_json: JsonOption = False,
) -> None:
    """Stage files of bars, judge them, and publish those that are sound; read files of other programs, and tell what is wrong with them.

    Parquet files of bars go into the lake. Files of other programs become parquet files (--output) or a tape (--tape) that
    `interlock replay --data` plays, or, if they are bars and neither is given, go into the lake too. Gaps, broken chains and wild bars
    are told and kept.

    What is refused is named with the expectations that failed; sound files of the same call are published all the same. Exits with 2
    when a file was refused.
    """
    options = {
        "format": format_name,
        "instrument_id": instrument,
        "base": base,
        "quote": quote,
        "price_scale": price_scale,
        "quantity_scale": quantity_scale,
        "time_column": time_column,
        "time_unit": time_unit,
        "zone": zone,
        "bar_time": bar_time,
        "bar_seconds": bar_seconds,
        "volume": volume,
        "clock_correction_ms": clock_correction_ms,
    }
    declared = {name: str(value) if isinstance(value, StrEnum) else value for name, value in options.items() if value is not None}
    paths = files or [SAMPLE]
    if format_name is None and output is None and tape is None and all(_is_parquet(path) for path in paths):
        _ingest_bars(paths, correct=correct, as_json=as_json)
    else:
        _import(paths, declared, output, tape, correct=correct, as_json=as_json)


def _is_parquet(path: Path) -> bool:
    """Tell whether a path is for the lake: what does not exist is, since the lake says so."""
    return path.suffix == ".parquet" or not path.exists() or (path.is_dir() and any(path.glob("*.parquet")))


def _ingest_bars(paths: Sequence[Path], *, correct: bool, as_json: bool) -> None:
    from dagster_project.home import open_home
    from dagster_project.lake import ingest_bars

    home = open_home()
    _tell_published(ingest_bars(home, paths, correct=correct), as_json=as_json)


def _import(
    paths: Sequence[Path], declared: dict[str, Any], output: Path | None, tape: Path | None, *, correct: bool, as_json: bool
) -> None:
    from dagster_project.datasets.importing import read_files
    from dagster_project.datasets.importing.writing import publish_imported, write_imported
    from dagster_project.datasets.sources import files_below
    from dagster_project.home import open_home

    found = [file for path in paths for file in (files_below(path) if path.is_dir() else [path])]
    imported = read_files(found, options=declared)
    payload = write_imported(imported, output, tape)
    refused = [one for one in payload["streams"] if one["state"] == "refused"]
    if not as_json or ((output is not None or tape is not None) and not refused):
        answer(payload, as_json=as_json, text=lambda console: _print_imported(console, payload))
    if refused:
        names = "; ".join(f"{one['instrument_id']} {one['kind']} ({_faults(one)})" for one in refused)
        raise Finding(f"{len(refused)} of {len(payload['streams'])} streams were refused, nothing of them is written: {names}", payload)
    if output is None and tape is None:
        _tell_published(publish_imported(open_home(), imported, correct=correct), as_json=as_json, read=payload["streams"])


def _tell_published(report: Any, *, as_json: bool, read: Sequence[dict[str, Any]] = ()) -> None:
    from dagster_project.home import open_home
    from dagster_project.lake import docs_site, page_link

    home = open_home()
    payload: dict[str, Any] = {
        "files": [{**msgspec.to_builtins(file), "report": page_link(file.page) if file.page else ""} for file in report.files],
        "table": {"path": str(home.bars), "version": report.version, "rows": report.rows},
        "data_docs": str(docs_site(home) / "index.html"),
    }
    if read:
        payload["streams"] = read
    if not as_json or not report.refused:
        answer(payload, as_json=as_json, text=lambda console: _print(console, payload))
    if report.refused:
        refusals = "; ".join(f"{file.name} ({', '.join(finding.name for finding in file.refusals)})" for file in report.refused)
        raise Finding(f"{len(report.refused)} of {len(report.files)} files were refused, nothing of them is published: {refusals}", payload)


def _print(console: Console, payload: dict[str, Any]) -> None:
    for file in payload["files"]:
        counts = f"{file['new']:,} new, {file['equal']:,} equal, {file['changed']:,} changed"
        console.print(f"{file['name']}: {file['state']}" + ("" if file["state"] == "refused" else f" ({counts})"), markup=False)
        for finding in (*file["refusals"], *file["warnings"]):
            console.print(f"  {finding['severity']} {finding['name']}: {finding['told']}", markup=False)
    table = payload["table"]
    console.print(f"{table['rows']:,} bars are published in {table['path']}, version {table['version']}", markup=False)
    console.print(f"Data Docs: {payload['data_docs']}", markup=False)


def _print_imported(console: Console, payload: dict[str, Any]) -> None:
    columns = ("instrument_id", "kind", "state", "rows", "first", "last", "bar_seconds", "scales", "path")
    rows = [{**one, "rows": f"{one['rows']:,}", "scales": _scales(one["instrument"])} for one in payload["streams"]]
    print_table(console, "imported", rows, columns, numbers=("rows", "bar_seconds"))
    findings = [{"stream": f"{one['instrument_id']} {one['kind']}", **finding} for one in payload["streams"] for finding in one["findings"]]
    print_table(console, "findings", findings, ("stream", "severity", "name", "told"))
    if written := payload.get("tape"):
        console.print(f"{written['events']:,} events written to {written['path']}\nsha256 {written['digest']}", markup=False)


def _scales(instrument: dict[str, Any]) -> str:
    return "{base}/{quote}, price 1e-{price_scale}, quantity 1e-{quantity_scale}".format(**instrument)


def _faults(one: dict[str, Any]) -> str:
    return ", ".join(finding["name"] for finding in one["findings"] if finding["severity"] == "refused")
