"""`interlock keys`: make and list the keys that sign, and the secrets of operators' one-time codes."""

import os
import time
from io import StringIO
from pathlib import Path
from typing import Annotated, Any

import msgspec
import typer
from rich.console import Console

from live.cli.output import CommandError, JsonOption, answer
from live.promotion.keys import KeyFiles, Role, TrustedKey, generate_key, load_public_key

app = typer.Typer(
    name="keys",
    help="Make and list the keys that sign, and the secrets of one-time codes. They stay outside the repository, readable by their "
    "owner only.",
    no_args_is_help=True,
    rich_markup_mode=None,
)

DirectoryOption = Annotated[
    Path | None,
    typer.Option("--directory", help="Where the keys are; without it INTERLOCK_KEYS, else ~/.interlock/keys.", file_okay=False),
]


@app.command(
    epilog="Example: interlock keys new gate-host --role gate. Then paste what it prints into the live host's interlock.toml.",
)
def new(
    name: Annotated[str, typer.Argument(help="Who or what holds the key, like gate-host or ann.")],
    role: Annotated[
        Role,
        typer.Option(
            "--role",
            help="gate: the pipeline host; approver: a person who allows LIVE; conformance: where venue adapters are checked; "
            "spec: releases of the specification.",
        ),
    ],
    directory: DirectoryOption = None,
    as_json: JsonOption = False,
) -> None:
    """Make an Ed25519 key pair and print the lines that pin its public half; an existing key is never overwritten."""
    chosen = keys_directory(directory)
    _refuse_work_tree(chosen)
    files = generate_key(name, role, chosen)
    payload = {"private": str(files.private_path), "public_file": str(files.public_path), "trusted_key": msgspec.to_builtins(files.public)}
    answer(payload, as_json=as_json, text=lambda console: _print_new(console, files))


@app.command("list", epilog="Example: interlock keys list --json")
def list_keys(directory: DirectoryOption = None, as_json: JsonOption = False) -> None:
    """List the keys of a directory, and say which private halves are here."""
    chosen = keys_directory(directory)
    keys = [(load_public_key(path), path.with_suffix(".pem").exists()) for path in public_key_files(chosen)]
    entries: list[dict[str, Any]] = [{**msgspec.to_builtins(key), "private_here": private} for key, private in keys]
    answer({"directory": str(chosen), "keys": entries}, as_json=as_json, text=lambda console: _print_list(console, chosen, keys))


@app.command("one-time-code", epilog="Example: interlock keys one-time-code ann")
def one_time_code(
    name: Annotated[str, typer.Argument(help="Of whom: the name of the token that arms, see `interlock token list`.")],
    directory: DirectoryOption = None,
    as_json: JsonOption = False,
) -> None:
    """Make the secret of an operator's one-time codes, which arming LIVE needs, and show it once for an authenticator to read.

    A secret is never overwritten. Whoever sees the picture can make the codes: let only the operator look.
    """
    from live.service.authority import check_token_name
    from live.service.one_time_codes import create_secret, secret_path

    chosen = keys_directory(directory)
    _refuse_work_tree(chosen)
    check_token_name(name)
    made = create_secret(chosen, name, time.time_ns())
    path = secret_path(chosen, name)

    def text(console: Console) -> None:
        import segno

        picture = StringIO()
        segno.make(made.address, error="m").terminal(picture, compact=True)
        console.print(picture.getvalue(), markup=False)
        console.print(made.address, markup=False)
        console.print(f"\nRead it with an authenticator now: it is not shown again. The secret is in {path}, mode 0600.", markup=False)

    answer({"operator": name, "address": made.address, "file": str(path)}, as_json=as_json, text=text)


def keys_directory(directory: Path | None) -> Path:
    """Choose the key directory: the one that was given, else INTERLOCK_KEYS, else `~/.interlock/keys`."""
    return directory or Path(os.environ.get("INTERLOCK_KEYS") or Path.home() / ".interlock" / "keys")


def public_key_files(directory: Path) -> list[Path]:
    """Name the public key files of a directory, in order; none when there is no such directory."""
    return sorted(directory.glob("*.pub"))


def _refuse_work_tree(directory: Path) -> None:
    resolved = directory.resolve()
    for parent in (resolved, *resolved.parents):
        if (parent / ".git").exists():
            raise CommandError(
                f"{directory} lies in the git work tree {parent}, where a key is one commit away from being public: use ~/.interlock/keys"
            )


def _print_new(console: Console, files: KeyFiles) -> None:
    console.print(f"private key  {files.private_path}  (mode 0600: keep it on this host, back it up offline)", markup=False)
    console.print(f"public key   {files.public_path}", markup=False)
    console.print("\nPaste this into interlock.toml of every host that is to trust it:\n", markup=False)
    console.print(trusted_key_toml(files.public), markup=False)


def trusted_key_toml(key: TrustedKey) -> str:
    """Write the lines that pin a key in interlock.toml."""
    return f'[[trusted_keys]]\nname = "{key.name}"\nrole = "{key.role}"\nkeyid = "{key.keyid}"\npublic = "{key.public}"'


def _print_list(console: Console, directory: Path, keys: list[tuple[TrustedKey, bool]]) -> None:
    if not keys:
        console.print(f"no keys in {directory}: make one with `interlock keys new NAME --role gate`", markup=False)
    for key, private in keys:
        place = "private key here" if private else "public key only"
        console.print(f"{key.name:<20} {key.role:<11} {key.keyid[:16]}  {place}", markup=False)
