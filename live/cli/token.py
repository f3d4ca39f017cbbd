"""`interlock token`: tokens of the control plane."""

from typing import Annotated

import typer
from rich.console import Console

from live.cli.output import JsonOption, answer

app = typer.Typer(help="Make, list and revoke the tokens that the control plane accepts.", no_args_is_help=True)


@app.command("new", epilog="Example: interlock token new desk --scope read --scope kill")
def new(
    name: Annotated[str, typer.Argument(help="Who or what will hold it.")],
    scope: Annotated[list[str], typer.Option("--scope", help="read, arm, disarm, kill or release; may be given several times.")],
    as_json: JsonOption = False,
) -> None:
    """Make a token. It is shown this once; only its digest is stored."""
    from live.configuration import keys_directory
    from live.service.authority import create_token

    directory = keys_directory()
    token = create_token(directory, name, tuple(scope))  # pyright: ignore[reportArgumentType]

    def text(console: Console) -> None:
        console.print(f"Token of {name} with {', '.join(scope)}, shown this once:")
        console.print(token)

    answer({"name": name, "scopes": scope, "token": token, "directory": str(directory)}, as_json=as_json, text=text)


@app.command("list", epilog="Example: interlock token list")
def list_tokens(as_json: JsonOption = False) -> None:
    """List who holds a token, with which scopes."""
    from live.configuration import keys_directory
    from live.service.authority import load_principals

    found = [{"name": principal.name, "scopes": list(principal.scopes)} for principal in load_principals(keys_directory())]

    def text(console: Console) -> None:
        for principal in found:
            console.print(f"{principal['name']}: {', '.join(principal['scopes'])}", markup=False)
        if not found:
            console.print("no tokens: make one with `interlock token new`", markup=False)

    answer({"tokens": found}, as_json=as_json, text=text)


@app.command("revoke", epilog="Example: interlock token revoke desk")
def revoke(name: Annotated[str, typer.Argument(help="Whose token to revoke.")], as_json: JsonOption = False) -> None:
    """Revoke a token; a running service refuses it from the next call on."""
    from live.configuration import keys_directory
    from live.service.authority import revoke_token

    revoke_token(keys_directory(), name)
    answer({"revoked": name}, as_json=as_json, text=lambda console: console.print(f"the token of {name} is revoked"))
