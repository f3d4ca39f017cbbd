"""`interlock ingest`: bars from files into the lake."""

from pathlib import Path
from typing import Annotated, Any

import msgspec
import typer
from rich.console import Console

from live.cli.output import Finding, JsonOption, answer

app = typer.Typer(context_settings={"allow_interspersed_args": True})

SAMPLE = Path("data/sample")


@app.callback(invoke_without_command=True, epilog="Example: interlock ingest data/sample")
def ingest(
    files: Annotated[
        list[Path] | None, typer.Argument(help="Parquet files of bars, or folders of them (default: data/sample).", show_default=False)
    ] = None,
    correct: Annotated[bool, typer.Option("--correct", help="Replace published bars that a file says something else about.")] = False,
    as_json: JsonOption = False,
) -> None:
    """Stage files of bars, judge them, and publish those that are sound.

    What is refused is named with the expectations that failed; sound files of the same call are published all the same. Exits with 2
    when a file was refused.
    """
    from dagster_project.home import open_home
    from dagster_project.lake import docs_site, ingest_bars, page_link

    home = open_home()
    report = ingest_bars(home, files or [SAMPLE], correct=correct)
    payload: dict[str, Any] = {
        "files": [{**msgspec.to_builtins(file), "report": page_link(file.page) if file.page else ""} for file in report.files],
        "table": {"path": str(home.bars), "version": report.version, "rows": report.rows},
        "data_docs": str(docs_site(home) / "index.html"),
    }
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
