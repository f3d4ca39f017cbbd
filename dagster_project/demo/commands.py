"""`interlock demo`: tell the story and check it."""

from pathlib import Path
from typing import Annotated

import typer

app = typer.Typer(help="Take a strategy from sample data to a dry run that is killed, and check every claim.")


@app.callback(invoke_without_command=True)
def demo(
    sample: Annotated[Path, typer.Option(help="Folder of the sample bars.")] = Path("data/sample"),
    strategies: Annotated[Path, typer.Option(help="Folder of the strategies.")] = Path("strategies"),
) -> None:
    """Take strategies from sample data to a dry run that is killed, and check every claim.

    What an earlier demo left is replaced. Exits 1 at the first claim that does not hold.
    """
    from dagster_project.demo.story import tell

    tell(sample, strategies)
