"""`interlock spec`: the specification's signature."""

from pathlib import Path
from typing import Annotated

import typer

from live.cli.output import Finding, JsonOption, answer

app = typer.Typer(help="Sign the specification, and check its signature.", no_args_is_help=True)

SpecificationArgument = Annotated[Path, typer.Argument(help="The specification.")]


@app.command("sign", epilog="Example: interlock spec sign --key ~/.interlock/keys/owner.pem")
def sign(
    key: Annotated[Path, typer.Option("--key", help="Private key of role spec, as written by `interlock keys new`.")],
    specification: SpecificationArgument = Path("SPEC.md"),
    as_json: JsonOption = False,
) -> None:
    """Sign the specification as it stands; writes SPEC.md.sig beside it."""
    from live.promotion import load_signing_key
    from live.promotion.specification import read_specification, sign_specification

    written = sign_specification(specification, load_signing_key(key))
    version = read_specification(specification).version
    answer(
        {"signature": str(written), "version": version},
        as_json=as_json,
        text=lambda console: console.print(f"version {version} of {specification} is signed: {written}", markup=False),
    )


@app.command("verify", epilog="Example: interlock spec verify --trust owner.pub")
def verify(
    trust: Annotated[
        list[Path] | None, typer.Option("--trust", help="A .pub file of role spec; those in INTERLOCK_KEYS when left out.")
    ] = None,
    specification: SpecificationArgument = Path("SPEC.md"),
    as_json: JsonOption = False,
) -> None:
    """Check that the specification is signed as it stands; exits 2 when it is not."""
    from live.configuration import keys_directory
    from live.promotion import load_public_key
    from live.promotion.specification import SpecificationError, verify_specification

    paths = trust if trust is not None else sorted(keys_directory().glob("*.pub"))
    keys = [load_public_key(path) for path in paths]
    try:
        signed, signer = verify_specification(specification, keys)
    except SpecificationError as error:
        raise Finding(str(error), {"signed": False}) from None
    answer(
        {"signed": True, "version": signed.version, "sha256": signed.sha256, "signer": signer.name},
        as_json=as_json,
        text=lambda console: console.print(f"version {signed.version} of {specification} is signed by {signer.name}", markup=False),
    )
