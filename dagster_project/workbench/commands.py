"""`interlock dev`: start everything a person works with, and run the parts that have no command of their own."""

import os
import shlex
import shutil
import sys
from pathlib import Path
from typing import Annotated

import typer
from rich.console import Console

from live.cli.keys import keys_directory
from live.cli.output import CommandError, JsonOption, answer

app = typer.Typer(help="Start the Dagster UI, MLflow, the live service, a local exchange and Data Docs together on this machine.")

SampleOption = Annotated[Path, typer.Option(help="Folder of the sample bars that the live service plays.")]


@app.callback(invoke_without_command=True, epilog="Example: make dev, or DAGSTER_PORT=3100 interlock dev")
def dev(context: typer.Context, sample: SampleOption = Path("data/sample")) -> None:
    """Prepare the home and start the workbench: Dagster UI, MLflow, live service, sync, local exchange and Data Docs, until Ctrl-C.

    The ports are DAGSTER_PORT, MLFLOW_PORT, INTERLOCK_PORT, PAGES_PORT and EXCHANGE_PORT. What is in the home already is not changed.
    """
    if context.invoked_subcommand is None:
        _start(sample)


@app.command(epilog="Example: interlock dev prepare --json")
def prepare(sample: SampleOption = Path("data/sample"), as_json: JsonOption = False) -> None:
    """Write what the workbench needs into the home, and start nothing: instance, key, tape, configuration."""
    prepared, addresses = _prepare(sample)

    def text(console: Console) -> None:
        console.print("\n".join(f"export {name}={shlex.quote(value)}" for name, value in prepared.items()), markup=False)

    answer({"environment": prepared, "addresses": addresses}, as_json=as_json, text=text)


@app.command(epilog="Example: MLFLOW_PORT=5000 interlock dev mlflow")
def mlflow() -> None:
    """Run the MLflow server on this home: one worker, no job execution, until SIGINT or SIGTERM."""
    from dagster_project.addresses import read_addresses
    from dagster_project.home import open_home
    from dagster_project.tracking.store import server_command, server_environment

    command = server_command(open_home(), read_addresses().mlflow)
    os.execvpe(command[0], command, {**os.environ, **server_environment()})


@app.command(epilog="Example: PAGES_PORT=8423 interlock dev pages")
def pages() -> None:
    """Serve Data Docs, reports and a start page over HTTP, until SIGINT or SIGTERM."""
    from dagster_project.addresses import read_addresses
    from dagster_project.home import open_home
    from dagster_project.workbench.pages import serve_pages

    serve_pages(open_home(), read_addresses())


@app.command(epilog="Example: EXCHANGE_PORT=18080 interlock dev exchange")
def exchange() -> None:
    """Run the local exchange on this home: one funded account, a market that moves by itself, and a state that outlives it."""
    from dagster_project.addresses import read_addresses
    from dagster_project.home import open_home
    from live.cli.exchange import exchange_command

    exchange_command(port=read_addresses().exchange, state=open_home().root / "exchange")


def _prepare(sample: Path) -> tuple[dict[str, str], dict[str, str]]:
    from dagster_project.addresses import read_addresses
    from dagster_project.home import open_home
    from dagster_project.workbench.preparation import (
        environment,
        prepare_configuration,
        prepare_gate_key,
        prepare_instance,
        prepare_tape,
    )

    home, keys = open_home(), keys_directory(None)
    try:
        addresses = read_addresses()
    except ValueError as error:
        names = "DAGSTER_PORT, MLFLOW_PORT, INTERLOCK_PORT, PAGES_PORT or EXCHANGE_PORT"
        raise CommandError(f"a port is a whole number ({error}): correct {names}") from None
    prepare_instance(home)
    tape = prepare_tape(home, sample)
    configuration = prepare_configuration(home, prepare_gate_key(keys), tape, addresses)
    shown = {
        "start page": addresses.pages_url,
        "Dagster": addresses.dagster_url,
        "MLflow": addresses.mlflow_url,
        "live service": f"{addresses.live_url}/docs",
        "exchange": f"{addresses.pages_url}/exchange",
        "Data Docs": f"{addresses.data_docs_url}/index.html",
        "reports": f"{addresses.reports_url}/",
    }
    return environment(home, keys, configuration, addresses), shown


def _start(sample: Path) -> None:
    """Hand this process over to the supervisor, so that Ctrl-C and a termination reach it directly."""
    procfile = Path("Procfile")
    if not procfile.is_file():
        raise CommandError(f"there is no Procfile in {Path.cwd()}: run this in the repository")
    tools = Path(sys.executable).parent
    honcho = shutil.which("honcho", path=str(tools))
    if honcho is None:
        raise CommandError("the supervisor honcho is not installed: run `make setup`")
    prepared, addresses = _prepare(sample)
    for name, url in addresses.items():
        print(f"{name:<13} {url}")
    print("Wait about half a minute until all of it answers. Ctrl-C stops all of it.", flush=True)
    path = f"{tools}{os.pathsep}{os.environ.get('PATH', '')}"
    # An environment of its own: honcho's -e file would be read as shell text, and paths may hold anything.
    os.execve(honcho, [honcho, "-f", str(procfile), "start"], {**os.environ, **prepared, "PATH": path, "VIRTUAL_ENV": str(tools.parent)})
