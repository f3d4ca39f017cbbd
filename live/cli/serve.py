"""`interlock serve`: run the live service."""

from pathlib import Path
from typing import Annotated

import typer

ConfigOption = Annotated[Path | None, typer.Option("--config", help="Configuration file; interlock.toml in this directory when left out.")]


def serve_command(config: ConfigOption = None) -> None:
    """Run the live service until SIGINT or SIGTERM.

    It boots disarmed. Watch it with `interlock status`, read its API at /docs.

    Example: interlock serve --config interlock.toml
    """
    from live.configuration import load_configuration
    from live.service.server import serve

    serve(load_configuration(config))
