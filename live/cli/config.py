"""`interlock config`: the effective configuration."""

import typer
from rich.console import Console

from live.cli.output import JsonOption, answer, print_table
from live.cli.serve import ConfigOption

app = typer.Typer(help="Look at the effective configuration.", no_args_is_help=True)


@app.callback()
def configuration() -> None:
    """Look at the effective configuration."""


@app.command("show", epilog="Example: interlock config show --json")
def show(config: ConfigOption = None, as_json: JsonOption = False) -> None:
    """Print every value and where it came from: the file, the environment or the default."""
    from live.configuration import load_configuration

    loaded = load_configuration(config)
    values = {name: {"value": value, "origin": loaded.origins.get(name, "default")} for name, value in loaded.values().items()}

    def text(console: Console) -> None:
        rows = [{"name": name, **entry} for name, entry in values.items()]
        for row in rows:
            row["origin"] = "file" if row["origin"] == str(loaded.file) else row["origin"]
        print_table(console, f"Configuration from {loaded.file or 'no file'}", rows, ("name", "value", "origin"))
        console.print(f"digest {loaded.digest}", markup=False)

    answer({"file": str(loaded.file) if loaded.file else None, "digest": loaded.digest, "values": values}, as_json=as_json, text=text)
