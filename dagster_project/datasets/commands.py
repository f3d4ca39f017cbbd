"""`interlock dataset`: frozen datasets, and market data between parquet and tape."""

from collections.abc import Sequence
from datetime import datetime
from pathlib import Path
from typing import Annotated, Any

import msgspec
import typer
from rich.console import Console

from live.cli.output import Finding, JsonOption, answer, print_table

app = typer.Typer(
    help="Freeze market data into datasets, and turn them into the tape that replays and dry runs play.", no_args_is_help=True
)

DEFAULT_NAME = "sample"
Reference = Annotated[str, typer.Argument(help="A dataset's name, its digest, or the first seven or more characters of it.")]


@app.callback()
def dataset() -> None:
    """Freeze market data into datasets, and turn them into the tape that replays and dry runs play."""


@app.command("freeze", epilog="Example: interlock dataset freeze sample --end 2019-04-01")
def freeze(
    name: Annotated[str, typer.Argument(help="Name of the dataset; it moves to this one when it was given before.")] = DEFAULT_NAME,
    instruments: Annotated[
        list[str] | None, typer.Option("--instrument", help="Whose bars, repeat it; all that are published unless given.")
    ] = None,
    start: Annotated[str | None, typer.Option(help="Leave out bars that close at or before this time, UTC.")] = None,
    end: Annotated[str | None, typer.Option(help="Leave out bars that close after this time, UTC.")] = None,
    as_json: JsonOption = False,
) -> None:
    """Freeze published bars into a dataset named by its content; equal bars are not frozen twice."""
    from dagster_project.datasets import freeze_dataset
    from dagster_project.home import open_home
    from dagster_project.lake import list_instruments

    home = open_home()
    frozen = freeze_dataset(home, name=name, instruments=instruments or list_instruments(home), start=start, end=end)
    payload = {"name": name, "digest": frozen.digest, "path": str(frozen.path), "rows": sum(file.rows for file in frozen.manifest.files)}
    answer(payload, as_json=as_json, text=lambda console: console.print(f"{payload['rows']:,} bars frozen as {name}: {frozen.digest}"))


@app.command("list", epilog="Example: interlock dataset list")
def list_command(as_json: JsonOption = False) -> None:
    """List the frozen datasets, with every name that means one."""
    from dagster_project.datasets import list_datasets
    from dagster_project.datasets.dataset import names_of
    from dagster_project.home import open_home

    home = open_home()
    names = names_of(home)
    rows = [
        {
            "digest": one.digest,
            "names": ", ".join(name for name, digest in names.items() if digest == one.digest),
            **_summary(one.manifest),
        }
        for one in list_datasets(home)
    ]
    columns = ("names", "instruments", "interval_seconds", "start", "end", "rows", "digest")
    answer({"datasets": rows}, as_json=as_json, text=lambda console: print_table(console, "datasets", rows, columns, numbers=("rows",)))


@app.command("show", epilog="Example: interlock dataset show sample")
def show(reference: Reference = DEFAULT_NAME, as_json: JsonOption = False) -> None:
    """Show what a dataset holds and where it came from."""
    from dagster_project.datasets import open_dataset
    from dagster_project.home import open_home
    from dagster_project.lake import describe_moment

    found = open_dataset(open_home(), reference)
    manifest = found.manifest
    payload = {"path": str(found.path), **msgspec.to_builtins(manifest)}
    moments = ("first", "last")
    files = [{**msgspec.to_builtins(file), **{key: describe_moment(getattr(file, key)) for key in moments}} for file in manifest.files]

    def text(console: Console) -> None:
        for line in (f"digest {found.digest}", f"first frozen as {manifest.name}", f"folder {found.path}"):
            console.print(line, markup=False)
        print_table(console, "files", files, ("instrument_id", "rows", "first", "last", "name", "sha256"), numbers=("rows",))
        lineage = manifest.lineage
        console.print(f"from {lineage.table}, version {lineage.table_version}", markup=False)
        print_table(console, "sources", [msgspec.to_builtins(source) for source in lineage.sources], ("name", "sha256"))
        print_table(console, "validations", [{"validation_id": one} for one in lineage.validation_ids], ("validation_id",))

    answer(payload, as_json=as_json, text=text)


@app.command("verify", epilog="Example: interlock dataset verify sample")
def verify(reference: Reference = DEFAULT_NAME, as_json: JsonOption = False) -> None:
    """Verify that a dataset is byte for byte what was frozen; exits with 2 when it is not."""
    from dagster_project.datasets.dataset import find_folder
    from dagster_project.datasets.verification import verify_folder
    from dagster_project.home import open_home

    folder = find_folder(open_home(), reference)
    problems = verify_folder(folder)
    payload: dict[str, Any] = {"digest": folder.name, "path": str(folder), "problems": problems}
    if problems:
        raise Finding(f"dataset {folder.name[:12]} is not what was frozen: {'; '.join(problems)}", payload)
    answer(payload, as_json=as_json, text=lambda console: console.print(f"dataset {folder.name} is sound"))


@app.command("to-tape", epilog="Example: interlock dataset to-tape sample --out sample.tape.gz --start 2018-10-01")
def to_tape(
    sources: Annotated[list[str], typer.Argument(help="A frozen dataset (name or digest), or parquet files of any kind of market event.")],
    out: Annotated[Path, typer.Option(help="Tape file to write, or a directory in which it is named by its digest.")],
    start: Annotated[datetime | None, typer.Option(help="Leave out what was received at or before this time, UTC.")] = None,
    end: Annotated[datetime | None, typer.Option(help="Leave out what was received after this time, UTC.")] = None,
    as_json: JsonOption = False,
) -> None:
    """Export a dataset, or market events in files, to a tape; files of other programs go there with `interlock ingest --tape`."""
    from dagster_project.datasets.tape import write_tape
    from dagster_project.lake import nanoseconds_of

    period = [None if moment is None else nanoseconds_of(moment) for moment in (start, end)]
    written = write_tape(_files(sources), out, *period)
    payload = {"path": str(written.path), "events": written.events, "digest": written.digest}

    def text(console: Console) -> None:
        console.print(f"{written.events:,} events written to {written.path}\nsha256 {written.digest}")

    answer(payload, as_json=as_json, text=text)


@app.command("from-tape", epilog="Example: interlock dataset from-tape btc.tape.gz --out data/recorded")
def from_tape(
    tapes: Annotated[list[Path], typer.Argument(help="Closed segments of one tape, in order.")],
    out: Annotated[Path, typer.Option(help="Directory to write a parquet file an instrument and kind into.")],
    bar_seconds: Annotated[int | None, typer.Option(help="Length of a bar; the shortest time between two closes unless given.")] = None,
    as_json: JsonOption = False,
) -> None:
    """Turn a tape into parquet files; those of bars can be ingested, judged and frozen like any others."""
    from dagster_project.datasets.tape import write_files_of_tape

    files = [
        {"path": str(file.path), "instrument_id": file.instrument.instrument_id, "kind": file.kind.__name__, "rows": file.rows}
        for file in write_files_of_tape(tapes, out, bar_seconds)
    ]
    payload = {"files": files}

    def text(console: Console) -> None:
        for file in files:
            console.print("{rows:,} {kind} events of {instrument_id} written to {path}".format(**file), markup=False)

    answer(payload, as_json=as_json, text=text)


def _files(sources: Sequence[str]) -> list[Any]:
    """Take a single word that is no file as the name or digest of a dataset, and everything else as files."""
    from dagster_project.datasets import open_dataset
    from dagster_project.datasets.streams import open_stream
    from dagster_project.home import open_home

    if len(sources) == 1 and not sources[0].endswith(".parquet") and not Path(sources[0]).exists():
        return open_dataset(open_home(), sources[0]).files
    return [open_stream(Path(source)) for source in sources]


def _summary(manifest: Any) -> dict[str, Any]:
    from dagster_project.lake import describe_moment

    return {
        "instruments": ", ".join(file.instrument_id for file in manifest.files),
        "interval_seconds": manifest.interval_seconds,
        "start": describe_moment(manifest.start),
        "end": describe_moment(manifest.end),
        "rows": sum(file.rows for file in manifest.files),
    }
