"""`interlock promote`: ask for a promotion, sign one as a person, and see what became of it."""

import re
import time
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, NamedTuple
from urllib.parse import unquote, urlsplit

import typer
from rich.console import Console

from live.cli.keys import public_key_files
from live.cli.output import CommandError, Finding, JsonOption, answer, print_table
from live.cli.serve import ConfigOption
from live.cli.sync import followed
from live.promotion.admission import Alias
from live.promotion.bundle import sign_bundle, write_bundle
from live.promotion.durable_files import replace_file
from live.promotion.errors import BundleRefused
from live.promotion.keys import SigningKey, TrustedKey, load_public_key, load_signing_key
from live.promotion.registry import PROXIED_ARTIFACTS, ModelRegistry, ModelVersion
from live.promotion.strategy_version import check_strategy_id
from live.promotion.synchronisation import ARTIFACT_TAG, BUNDLE_TAG, LABEL_TAG, REASON_TAG, STATUS_TAG
from live.promotion.verification import VerifiedBundle, verify_bundle

if TYPE_CHECKING:
    from live.configuration import Configuration

app = typer.Typer(
    name="promote",
    help="Ask for a promotion, sign one as a person, and see what became of it. A promotion never arms anything.",
    no_args_is_help=True,
    rich_markup_mode=None,
)

StrategyArgument = Annotated[str, typer.Argument(help="Strategy id, which is the name of the registered model.")]
VersionArgument = Annotated[int | None, typer.Argument(min=1, help="The registry's number of the version; none with --remove.")]
RemoveOption = Annotated[bool, typer.Option("--remove", help="Take the alias away: what is loaded under it may only reduce then.")]

_VERSION_OF = re.compile(r"(?P<strategy>[A-Za-z][A-Za-z0-9_]*)@(?P<number>\d{1,9})")
_ARTIFACT = re.compile(r"[A-Za-z0-9_.\-]+(/[A-Za-z0-9_.\-]+)*")


@app.command(epilog="Example: interlock promote candidate ema_cross 3")
def candidate(
    strategy: StrategyArgument,
    version: VersionArgument = None,
    remove: RemoveOption = False,
    config: ConfigOption = None,
    as_json: JsonOption = False,
) -> None:
    """Point the alias `candidate` at a version: it asks to run without a venue's money. `interlock sync` decides."""
    _point("candidate", strategy, version, config, remove=remove, as_json=as_json)


@app.command(epilog="Example: interlock promote champion ema_cross 3")
def champion(
    strategy: StrategyArgument,
    version: VersionArgument = None,
    remove: RemoveOption = False,
    config: ConfigOption = None,
    as_json: JsonOption = False,
) -> None:
    """Point the alias `champion` at a version: it needs an approver's signature, and evidence gates that hold."""
    _point("champion", strategy, version, config, remove=remove, as_json=as_json)


@app.command(epilog="Example: interlock promote approve ema_cross@3 --key ~/.interlock/keys/ann.pem")
def approve(
    target: Annotated[str, typer.Argument(metavar="BUNDLE|STRATEGY@VERSION", help="A .bundle.json file, or a version of the registry.")],
    key: Annotated[Path, typer.Option("--key", help="Your private approver key, as written by `interlock keys new --role approver`.")],
    config: ConfigOption = None,
    as_json: JsonOption = False,
) -> None:
    """Add a person's signature to a bundle that verifies; read the strategy and its report first.

    A file is signed where it lies. A version of the registry is fetched, signed and put back; the bundle stays the same one, so the
    version does too. Keys that the configuration pins, and those in INTERLOCK_KEYS, are trusted. Exits 2 when the bundle is refused.
    """
    from live.configuration import load_configuration

    configuration = load_configuration(config)
    signing_key = load_signing_key(key)
    if signing_key.public.role != "approver":
        raise CommandError(
            f"{key} is a {signing_key.public.role} key: a person approves with one made by `interlock keys new NAME --role approver`"
        )
    path = Path(target)
    named = _VERSION_OF.fullmatch(target)
    if named is not None and not path.exists():
        with _registry(configuration) as registry:
            payload = _approve_version(registry, configuration, registry.version(named["strategy"], int(named["number"])), signing_key)
    else:
        payload = _approve_file(path, configuration, signing_key)

    def text(console: Console) -> None:
        console.print(f"{payload['version']} ({payload['bundle'][:12]}) is approved by {payload['approved_by']}", markup=False)
        if payload["failed_evidence_gates"]:
            failed = ", ".join(payload["failed_evidence_gates"])
            console.print(f"no champion yet: these evidence gates do not hold: {failed}", markup=False)
        console.print(payload["next"], markup=False)

    answer(payload, as_json=as_json, text=text)


@app.command("list", epilog="Example: interlock promote list ema_cross")
def list_versions(
    strategies: Annotated[
        list[str] | None, typer.Argument(metavar="[STRATEGY]...", help="Strategy ids; those that follow an alias when left out.")
    ] = None,
    config: ConfigOption = None,
    as_json: JsonOption = False,
) -> None:
    """List registered versions, newest first: their aliases, and what the newest `interlock sync` made of them."""
    from live.configuration import load_configuration

    configuration = load_configuration(config)
    rows: list[dict[str, Any]] = []
    with _registry(configuration) as registry:
        for strategy_id in strategies or followed(configuration):
            check_strategy_id(strategy_id)
            aliases = registry.aliases(strategy_id)
            rows += [_row(version, aliases) for version in registry.versions(strategy_id)]

    def text(console: Console) -> None:
        shown = [{**row, "aliases": ", ".join(row["aliases"]), "bundle": row["bundle"][:12]} for row in rows]
        columns = ("strategy_id", "registry_version", "version", "bundle", "aliases", "verdict", "status", "reason")
        print_table(console, "Registered versions", shown, columns, numbers=("registry_version",))

    answer({"versions": rows}, as_json=as_json, text=text)


def _registry(configuration: "Configuration") -> ModelRegistry:
    if configuration.registry is None:
        raise CommandError("no registry is configured: add [registry] with its url to interlock.toml")
    return ModelRegistry(configuration.registry.url)


def _point(alias: Alias, strategy_id: str, number: int | None, config: Path | None, *, remove: bool, as_json: bool) -> None:
    from live.configuration import load_configuration

    check_strategy_id(strategy_id)
    if remove == (number is not None):
        raise CommandError(f"give the number of a version, or --remove: `interlock promote list {strategy_id}` shows the versions")
    with _registry(load_configuration(config)) as registry:
        if number is None:
            registry.remove_alias(strategy_id, alias)
            label = None
        else:
            label = registry.version(strategy_id, number).tags.get(LABEL_TAG)
            registry.set_alias(strategy_id, alias, number)
    payload = {"strategy_id": strategy_id, "alias": alias, "registry_version": number, "version": label}
    sentence = (
        f"{strategy_id} has no {alias} any more: with the next sync what is loaded under it may only reduce"
        if number is None
        else f"{alias} of {strategy_id} asks for version {number} ({label or 'untagged'}): now `interlock sync` decides"
    )
    answer(payload, as_json=as_json, text=lambda console: console.print(sentence, markup=False))


class _Approved(NamedTuple):
    """Hold a bundle that verified, with a person's signature added."""

    verified: VerifiedBundle
    envelope: bytes


def _sign(raw: bytes, configuration: "Configuration", key: SigningKey) -> _Approved:
    """Sign what verifies, and nothing else: a person's name does not go under something that was tampered with."""
    found = [load_public_key(path) for path in public_key_files(configuration.keys)]
    pinned: dict[str, TrustedKey] = {one.keyid: one for one in (*found, *configuration.trusted_keys, key.public)}
    try:
        verified = verify_bundle(raw, list(pinned.values()), time.time_ns(), revoked=configuration.promotion.revoked)
    except BundleRefused as refused:
        raise Finding(f"not signed, {refused.reason}: {refused}", {"reason": refused.reason}) from refused
    return _Approved(verified, sign_bundle(raw, key))


def _describe(approved: _Approved, key: SigningKey, path: Path | None, done: str) -> dict[str, Any]:
    evidence = approved.verified.evidence
    failed = [result.gate for result in evidence.results if result.kind == "evidence" and not result.holds]
    return {
        "bundle": approved.verified.digest,
        "version": approved.verified.version.label,
        "approved_by": key.public.name,
        "failed_evidence_gates": failed if failed or evidence.evidence_passed else ["none are recorded"],
        "file": None if path is None else str(path),
        "next": done,
    }


def _approve_file(path: Path, configuration: "Configuration", key: SigningKey) -> dict[str, Any]:
    try:
        raw = path.read_bytes()
    except OSError as error:
        raise CommandError(f"{path} cannot be read ({error.strerror}): give a .bundle.json file, or a version like ema_cross@3") from None
    approved = _sign(raw, configuration, key)
    _replace(path, approved.envelope)
    return _describe(approved, key, path, f"{path} carries the signature; register it again to put it into the registry")


def _approve_version(registry: ModelRegistry, configuration: "Configuration", version: ModelVersion, key: SigningKey) -> dict[str, Any]:
    artifact = version.tags.get(ARTIFACT_TAG, "")
    if not _ARTIFACT.fullmatch(artifact) or ".." in artifact or not version.run_id:
        raise CommandError(f"version {version.number} of {version.model} is no registered bundle: it has no run or no tag {ARTIFACT_TAG}")
    approved = _sign(registry.artifact(version.run_id, artifact), configuration, key)
    if approved.verified.digest != version.tags.get(BUNDLE_TAG):
        raise Finding(f"not signed: the artifact is bundle {approved.verified.digest[:12]}, and the version is tagged with another")
    root = registry.artifact_root(version.run_id)
    if root.startswith(PROXIED_ARTIFACTS):
        registry.upload(root, artifact, approved.envelope)
        return _describe(approved, key, None, "the registry has the signed file: `interlock sync` sees it with its next pass")
    local = _artifact_of_home(configuration.home, root, artifact)
    if local is not None:
        _replace(local, approved.envelope)
        return _describe(approved, key, local, "the registry's file is signed: `interlock sync` sees it with its next pass")
    path = write_bundle(approved.envelope, configuration.home / "bundles")
    return _describe(approved, key, path, f"replace {artifact} in the run's artifacts ({root}) by {path}, or register it again")


def _artifact_of_home(home: Path, root: str, artifact: str) -> Path | None:
    """Find the file of an artifact that this home's own MLflow keeps; a registry names no other file that would be written to."""
    address = urlsplit(root)
    if address.scheme not in {"", "file"} or address.netloc:
        return None
    path = (Path(unquote(address.path)) / artifact).resolve()
    return path if path.is_relative_to((home / "mlflow" / "artifacts").resolve()) and path.is_file() else None


def _replace(path: Path, content: bytes) -> None:
    try:
        replace_file(path, content)
    except OSError as error:
        raise CommandError(f"{path} cannot be written ({error.strerror}): nothing was signed, mend its rights") from None


def _row(version: ModelVersion, aliases: dict[str, int]) -> dict[str, Any]:
    return {
        "strategy_id": version.model,
        "registry_version": version.number,
        "version": version.tags.get(LABEL_TAG),
        "bundle": version.tags.get(BUNDLE_TAG, ""),
        "aliases": sorted(alias for alias, number in aliases.items() if number == version.number),
        "verdict": version.tags.get("gate.verdict"),
        "status": version.tags.get(STATUS_TAG),
        "reason": version.tags.get(REASON_TAG),
    }
