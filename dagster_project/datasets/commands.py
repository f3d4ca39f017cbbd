"""`interlock dataset`: market data from parquet to tape."""

from datetime import UTC, datetime
from pathlib import Path
from typing import Annotated

import typer
from rich.console import Console

from live.cli.output import JsonOption, answer

app = typer.Typer(help="Turn market data into the tape that replays and dry runs play.", no_args_is_help=True)

NANOSECONDS = 1_000_000_000


@app.callback()
def dataset() -> None:
    """Turn market data into the tape that replays and dry runs play."""


@app.command("to-tape")
def to_tape(
    files: Annotated[list[Path], typer.Argument(help="Parquet files of bars, one an instrument.")],
    out: Annotated[Path, typer.Option(help="Tape file to write, or a directory in which it is named by its digest.")],
    start: Annotated[datetime | None, typer.Option(help="Leave out bars that close at or before this time, UTC.")] = None,
    end: Annotated[datetime | None, typer.Option(help="Leave out bars that close after this time, UTC.")] = None,
    as_json: JsonOption = False,
) -> None:
    """Export bars to a tape.

    Example: interlock dataset to-tape data/sample/btcusdt_30m.parquet --out btc.tape.gz --end 2019-04-01
    """
    from dagster_project.datasets.bars import open_bars
    from dagster_project.datasets.tape import write_tape

    written = write_tape([open_bars(path) for path in files], out, _nanoseconds(start), _nanoseconds(end))
    payload = {"path": str(written.path), "events": written.events, "digest": written.digest}

    def text(console: Console) -> None:
        console.print(f"{written.events:,} bars written to {written.path}\nsha256 {written.digest}")

    answer(payload, as_json=as_json, text=text)


def _nanoseconds(moment: datetime | None) -> int | None:
    if moment is None:
        return None
    aware = moment if moment.tzinfo is not None else moment.replace(tzinfo=UTC)
    return int(aware.timestamp()) * NANOSECONDS
