"""`interlock serve`: run the live service."""

from pathlib import Path
from typing import Annotated

import typer

from live.cli.output import JsonOption

ConfigOption = Annotated[Path | None, typer.Option("--config", help="Configuration file; interlock.toml in this directory when left out.")]

EXAMPLE = "Example: interlock serve --config interlock.toml"


def serve_command(config: ConfigOption = None, as_json: JsonOption = False) -> None:
    """Run the live service until SIGINT or SIGTERM.

    It boots disarmed. Watch it with `interlock status`, read its API at /docs. Its log is on standard error, one JSON document a
    line where that is no terminal. Exits 1 when it could not start, or when a failure had halted trading before it was stopped.
    """
    from live.configuration import load_configuration
    from live.service.server import serve

    del as_json  # only an error is ever printed as a document, and that is done for every command
    serve(load_configuration(config))
