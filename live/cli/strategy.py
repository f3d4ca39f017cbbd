"""`interlock strategy`: start a strategy, bundle it with its evidence, and check what a bundle holds."""

import os
import time
from datetime import datetime
from pathlib import Path
from typing import Annotated, Any

import msgspec
import typer
from rich.console import Console

from live.cli.keys import keys_directory, public_key_files
from live.cli.output import CommandError, Finding, JsonOption, answer
from live.core.limits import describe_limits
from live.promotion.bundle import build_bundle, sign_bundle, write_bundle
from live.promotion.documents import sha256_hex
from live.promotion.errors import BundleRefused
from live.promotion.evidence import INTEGRITY_GATES, Evidence, GateResult
from live.promotion.keys import Role, TrustedKey, load_public_key, load_signing_key
from live.promotion.parameters import parse_overrides
from live.promotion.strategy_folder import load_strategy_folder
from live.promotion.template import write_template
from live.promotion.verification import VerifiedBundle, format_time, verify_bundle

app = typer.Typer(
    name="strategy",
    help="Start a strategy, bundle it with its evidence, and check what a bundle holds.",
    no_args_is_help=True,
    rich_markup_mode=None,
)

DAY = 24 * 3600 * 1_000_000_000


@app.command(epilog="Example: interlock strategy new my_trend")
def new(
    name: Annotated[str, typer.Argument(help="Strategy id, a Python name like my_trend.")],
    directory: Annotated[Path, typer.Option("--directory", help="Where strategy folders are.", file_okay=False)] = Path("strategies"),
    as_json: JsonOption = False,
) -> None:
    """Write a working strategy folder to start from: strategy.py, strategy.toml and card.md."""
    path = write_template(name, directory)
    version = load_strategy_folder(path).version
    payload = {"folder": str(path), "version": version.label, "digest": version.digest}
    next_step = f"edit {path / 'strategy.py'} and {path / 'strategy.toml'}, then replay it: interlock replay --help"
    answer(payload, as_json=as_json, text=lambda console: console.print(f"{path}  {version.label}\n{next_step}", markup=False))


@app.command(
    epilog="Example: interlock strategy bundle strategies/ema_cross --tape day.tape --key ~/.interlock/keys/gate-host.pem --set fast=10"
)
def bundle(
    folder: Annotated[Path, typer.Argument(help="Strategy folder, the one that holds strategy.toml.")],
    tape: Annotated[Path, typer.Option("--tape", help="Market data to replay for the evidence.")],
    key: Annotated[Path, typer.Option("--key", help="Private gate key, as written by `interlock keys new`.")],
    out: Annotated[
        Path | None, typer.Option("--out", help="Where the bundle goes; without it bundles/ under INTERLOCK_HOME.", file_okay=False)
    ] = None,
    settings: Annotated[
        list[str] | None, typer.Option("--set", help="Set a parameter within its declared range, like fast=10; repeat it.")
    ] = None,
    valid_days: Annotated[int, typer.Option("--valid-days", min=1, max=366, help="For how many days the bundle holds.")] = 30,
    as_json: JsonOption = False,
) -> None:
    """Replay a strategy, run three of the six integrity gates, and sign strategy, evidence and sources into one file.

    The gates are determinism, replay and limits. Nothing here shows that the strategy does not read the future, so a host refuses
    the bundle unless its [promotion.requirements] ask for these three only. `interlock evaluate` runs every gate, and the pipeline's
    job prove_strategy signs a bundle of what passes.
    """
    signing_key = load_signing_key(key)
    read = load_strategy_folder(folder, parse_overrides(settings or []))
    home = Path(os.environ.get("INTERLOCK_HOME") or "data")
    from live.driver.evidence import gather_evidence

    evidence = gather_evidence(read, tape, home)
    gates: list[dict[str, Any]] = [msgspec.to_builtins(result) for result in evidence.results]
    if not evidence.integrity_passed:
        failed = ", ".join(result.gate for result in evidence.results if result.kind == "integrity" and not result.holds)
        raise Finding(
            f"{read.version.label} was not bundled, these integrity gates did not pass: {failed or 'none were run'}", {"gates": gates}
        )
    created_at = time.time_ns()
    expires_at = created_at + valid_days * DAY
    content = build_bundle(read, evidence, created_at, expires_at)
    path = write_bundle(sign_bundle(content, signing_key), out or home / "bundles")
    payload = {
        "bundle": str(path),
        "digest": sha256_hex(content),
        "version": read.version.label,
        "strategy_version": read.version.digest,
        "gates": gates,
        "missing_gates": list(evidence.missing_integrity_gates),
        "caution": caution(evidence),
        "created_at": created_at,
        "expires_at": expires_at,
    }

    def text(console: Console) -> None:
        console.print(f"{path}  {read.version.label}  valid until {format_time(expires_at)}", markup=False)
        _print_gates(console, evidence)
        console.print(caution(evidence), markup=False)

    answer(payload, as_json=as_json, text=text)


@app.command(epilog="Example: interlock strategy verify data/bundles/ema_cross-0746edaceaad.bundle.json --trust gate-host.pub")
def verify(
    path: Annotated[Path, typer.Argument(metavar="BUNDLE", help="A .bundle.json file.")],
    trust: Annotated[
        list[Path] | None, typer.Option("--trust", help="A .pub file to trust; without it those in INTERLOCK_KEYS. Repeat it.")
    ] = None,
    live: Annotated[
        bool, typer.Option("--live", help="Ask what LIVE asks: an approver's signature too, and evidence gates that hold.")
    ] = False,
    at: Annotated[str | None, typer.Option("--at", help="Judge as of this time instead of now, like 2026-01-31T12:00:00Z.")] = None,
    as_json: JsonOption = False,
) -> None:
    """Check a bundle as a live host does and print what it holds; exit with 2 and the reason when it is refused."""
    try:
        raw = path.read_bytes()
    except OSError as error:
        raise CommandError(f"{path} cannot be read ({error.strerror}): give a .bundle.json file") from error
    roles: tuple[Role, ...] = ("gate", "approver") if live else ("gate",)
    try:
        verified = verify_bundle(raw, _trusted_keys(trust), _read_time(at), roles)
    except BundleRefused as refused:
        raise Finding(f"{path.name} is refused, {refused.reason}: {refused}", {"reason": refused.reason}) from refused
    payload = describe_bundle(verified)
    if live and not verified.evidence.evidence_passed:
        failed = ", ".join(result.gate for result in verified.evidence.results if result.kind == "evidence" and not result.holds)
        raise Finding(f"{path.name} may not run LIVE, these evidence gates did not pass: {failed or 'none were run'}", payload)
    answer(payload, as_json=as_json, text=lambda console: _print_bundle(console, verified))


def describe_bundle(verified: VerifiedBundle) -> dict[str, Any]:
    """Write what a verified bundle holds, with limits as decimal text and times as nanoseconds UTC."""
    version = verified.version
    return {
        "digest": verified.digest,
        "version": version.label,
        "strategy_version": version.digest,
        "source": version.source_digest,
        "entry_point": version.entry_point,
        "parameters": version.parameters,
        "instruments": [instrument.instrument_id for instrument in version.instruments],
        "limits": describe_limits(version.limits, version.instruments_by_id),
        "evidence": msgspec.to_builtins(verified.evidence),
        "missing_gates": list(verified.evidence.missing_integrity_gates),
        "caution": caution(verified.evidence),
        "signatures": [msgspec.to_builtins(signer) for signer in verified.signers],
        "created_at": verified.created_at,
        "expires_at": verified.expires_at,
    }


def caution(evidence: Evidence) -> str:
    """Say which integrity gates the evidence lacks and what follows for a host; empty when it lacks none."""
    missing = evidence.missing_integrity_gates
    if not missing:
        return ""
    ran = [gate for gate in INTEGRITY_GATES if gate not in missing]
    return (
        f"{len(ran)} of {len(INTEGRITY_GATES)} integrity gates were run ({', '.join(ran) or 'none'}), and {', '.join(missing)} were not: "
        "a host refuses this bundle by default. `interlock evaluate` runs all of them, and the pipeline's job prove_strategy signs what "
        "passes. A host that accepts less names the gates that it asks for under [promotion.requirements]"
    )


def _trusted_keys(files: list[Path] | None) -> list[TrustedKey]:
    directory = keys_directory(None)
    keys = [load_public_key(path) for path in files or public_key_files(directory)]
    if not keys:
        raise CommandError(f"no key to trust: there is no .pub file in {directory}, give one with --trust FILE.pub")
    return keys


def _read_time(text: str | None) -> int:
    """Read a time of day as nanoseconds UTC; without one, take the clock's."""
    if text is None:
        return time.time_ns()
    try:
        moment = datetime.fromisoformat(text)
    except ValueError:
        moment = None
    if moment is None or moment.tzinfo is None:
        raise CommandError(f"a time with its offset was expected, received {text!r}: write it like 2026-01-31T12:00:00Z")
    return round(moment.timestamp()) * 1_000_000_000


def _print_bundle(console: Console, verified: VerifiedBundle) -> None:
    version = verified.version
    lines = [
        ("strategy", f"{version.label}  ({version.entry_point})"),
        ("bundle", verified.digest),
        ("version", version.digest),
        ("source", f"{version.source_digest}  ({len(verified.archive)} bytes)"),
        ("valid", f"{format_time(verified.created_at)} to {format_time(verified.expires_at)}"),
        ("data", version.data.summary),
        *(("instrument", instrument.instrument_id) for instrument in version.instruments),
        *(("parameter", f"{name} = {value}") for name, value in version.parameters.items()),
        *(("limit", f"{name} = {value}") for name, value in _limit_lines(verified)),
        *(("signed by", f"{signer.name} ({signer.role}, {signer.keyid[:16]})") for signer in verified.signers),
    ]
    for name, value in lines:
        console.print(f"{name:<11} {value}", markup=False)
    _print_gates(console, verified.evidence)
    if said := caution(verified.evidence):
        console.print(said, markup=False)


def _limit_lines(verified: VerifiedBundle) -> list[tuple[str, Any]]:
    described = describe_limits(verified.version.limits, verified.version.instruments_by_id)
    quantities: dict[str, str] = described.pop("maximum_order_quantity")
    return [
        *((f"maximum_order_quantity of {instrument_id}", quantity) for instrument_id, quantity in quantities.items()),
        *described.items(),
    ]


def _print_gates(console: Console, evidence: Evidence) -> None:
    from rich.table import Table
    from rich.text import Text

    table = Table(title="gates", title_justify="left")
    for column in ("gate", "kind", "result", "detail"):
        table.add_column(column, overflow="fold")
    for result in evidence.results:
        table.add_row(*(Text(cell) for cell in (result.gate, result.kind, _verdict(result), result.detail)))
    console.print(table)


def _verdict(result: GateResult) -> str:
    if result.holds:
        return "passed"
    return "says passed, numbers disagree" if result.passed else "failed"
