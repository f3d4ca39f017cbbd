"""The registry: one registered model a strategy, one version a bundle.

A version names a bundle and the run that holds its file; it authorises nothing. Who may run is decided where it runs, from the
signatures and the evidence inside the bundle, so no alias is set here: asking for a promotion is a person's move.
"""

import tempfile
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from dagster_project.home import Home
from dagster_project.tracking.descriptions import describe, fit
from dagster_project.tracking.errors import TrackingError
from dagster_project.tracking.locks import exclusive
from dagster_project.tracking.measures import gate_tags, verdict
from dagster_project.tracking.store import Tracking, open_tracking, run_address
from live.promotion import BundleRefused, StrategyVersion, read_version, sha256_hex
from live.promotion.bundle import Bundle, OpenedEnvelope, open_envelope, read_bundle

if TYPE_CHECKING:
    from mlflow.entities.model_registry import ModelVersion

BUNDLE_FOLDER = "bundle"
"""Folder of the bundle's file among the run's artifacts."""
BUNDLE_TAG = "interlock.bundle"
ARTIFACT_TAG = "interlock.bundle_artifact"
LABEL_TAG = "interlock.strategy_version"
SIGNERS_TAG = "interlock.signed_by"
VERSION_DIGEST_TAG = "interlock.version_digest"
MAXIMUM_DESCRIPTION = 5000
"""Characters MLflow's database keeps of a description."""
KEY_CHARACTERS = 16


@dataclass(frozen=True)
class RegisteredVersion:
    """Describe one version of a registered strategy.

    Attributes:
        strategy_id: name of the registered model.
        number: version of the model, from 1.
        label: the strategy version's label.
        bundle_digest: digest of the bundle.
        artifact: path of the bundle's file among the run's artifacts.
        run_id: the run that holds it.
        aliases: aliases that point here.
        tags: every tag, those that `interlock sync` writes back among them.
    """

    strategy_id: str
    number: int
    label: str
    bundle_digest: str
    artifact: str
    run_id: str
    aliases: tuple[str, ...]
    tags: Mapping[str, str]


def register_bundle(
    home: Home,
    bundle_path: Path,
    run_id: str,
    report_markdown: str,
    links: Mapping[str, str] | None = None,
    *,
    card: str | None = None,
) -> int:
    """Register a signed bundle and give its version; registering the same bundle again gives the same one.

    A bundle is the same whoever signs it: when its file gained a signature, the file of the run is replaced and the version stays.

    Args:
        home: where MLflow is.
        bundle_path: the signed bundle.
        run_id: the run of the evaluation whose evidence is in it.
        report_markdown: the gate report, which becomes the version's description.
        links: pages that belong to it, by the name people see; the run is linked anyway.
        card: the strategy's card, which becomes the registered model's description.

    Raises:
        TrackingError: the file cannot be read, signatures would be lost, or the run is deleted or evaluated another version.
        BundleRefused: the file is no bundle.
    """
    try:
        raw = bundle_path.read_bytes()
    except OSError as error:
        raise TrackingError(f"{bundle_path} cannot be read ({error.strerror}): give the path of a signed bundle") from error
    opened = open_envelope(raw)
    bundle = read_bundle(opened.payload)
    version, digest = read_version(bundle.strategy_version), sha256_hex(opened.payload)
    tracking = open_tracking(home)
    with exclusive(home.mlflow / "registration.lock"):
        registered = _find(tracking, version.strategy_id, digest)
        if registered is not None:
            _refresh_file(tracking, registered, opened, raw)
        else:
            run = _check_run(tracking, run_id, version)
            _describe_model(tracking, version.strategy_id, card)
            artifact = _store_file(tracking, run_id, f"{version.strategy_id}-{digest[:12]}.bundle.json", raw)
            pages = {"Run": run_address(run.info.experiment_id, run_id), **(links or {})}
            tracking.client.create_model_version(
                version.strategy_id,
                source=f"{run.info.artifact_uri}/{BUNDLE_FOLDER}",
                run_id=run_id,
                tags=_tags(version, bundle, opened, digest, artifact),
                description=fit(describe(report_markdown, pages), MAXIMUM_DESCRIPTION),
                await_creation_for=0,  # Both stores answer with a version that is ready.
            )
            registered = _find(tracking, version.strategy_id, digest)
    if registered is None:
        raise TrackingError(
            f"version of {version.strategy_id} for bundle {digest[:12]} vanished while it was registered: register it again"
        )
    return registered.number


def find_version(home: Home, strategy_id: str, bundle_digest: str) -> RegisteredVersion | None:
    """Give the version that a bundle is registered as, or None when it is not."""
    return _find(open_tracking(home), strategy_id, bundle_digest)


def describe_versions(home: Home, strategy_id: str) -> list[RegisteredVersion]:
    """Give every version of a strategy that names a bundle, newest first."""
    return _search(open_tracking(home), strategy_id, f"tags.`{BUNDLE_TAG}` LIKE '%'")


def _find(tracking: Tracking, strategy_id: str, bundle_digest: str) -> RegisteredVersion | None:
    found = _search(tracking, strategy_id, f"tags.`{BUNDLE_TAG}` = '{bundle_digest}'")
    return found[-1] if found else None


def _search(tracking: Tracking, strategy_id: str, condition: str) -> list[RegisteredVersion]:
    versions: list[ModelVersion] = []
    token: str | None = None
    while True:
        page = tracking.client.search_model_versions(
            f"name = '{strategy_id}' and {condition}", order_by=["version_number DESC"], page_token=token
        )
        versions.extend(page)
        token = page.token
        if not token:
            break
    if not versions:
        return []
    # A search leaves the versions' own aliases out.
    aliases = tracking.client.get_registered_model(strategy_id).aliases
    return [_read(version, aliases) for version in versions]


def _read(version: "ModelVersion", aliases: Mapping[str, Any]) -> RegisteredVersion:
    tags, number = dict(version.tags), int(version.version)
    return RegisteredVersion(
        strategy_id=version.name,
        number=number,
        label=tags.get(LABEL_TAG, ""),
        bundle_digest=tags[BUNDLE_TAG],
        artifact=tags.get(ARTIFACT_TAG, ""),
        run_id=version.run_id or "",
        aliases=tuple(sorted(alias for alias, target in aliases.items() if int(target) == number)),
        tags=tags,
    )


def _check_run(tracking: Tracking, run_id: str, version: StrategyVersion) -> Any:
    if not tracking.has_run(run_id):
        raise TrackingError(f"run {run_id} is not in MLflow or was deleted: evaluate {version.label} again and register with that run")
    run = tracking.client.get_run(run_id)
    evaluated = run.data.tags.get(VERSION_DIGEST_TAG)
    if evaluated != version.digest:
        raise TrackingError(
            f"run {run_id} evaluated {(evaluated or 'no strategy version')[:12]} and the bundle holds {version.digest[:12]}: "
            "register the bundle with the run of its own evaluation"
        )
    return run


def _describe_model(tracking: Tracking, strategy_id: str, card: str | None) -> None:
    from mlflow.exceptions import MlflowException

    description = None if card is None else fit(card, MAXIMUM_DESCRIPTION)
    try:
        model = tracking.client.get_registered_model(strategy_id)
    except MlflowException as error:
        if error.error_code != "RESOURCE_DOES_NOT_EXIST":
            raise
        tracking.client.create_registered_model(strategy_id, description=description)
        return
    if description is not None and model.description != description:
        tracking.client.update_registered_model(strategy_id, description)


def _refresh_file(tracking: Tracking, registered: RegisteredVersion, opened: OpenedEnvelope, raw: bytes) -> None:
    """Replace the run's file when the new one has more signatures, or the file is damaged; the tags are not believed."""
    if not tracking.has_run(registered.run_id):
        raise TrackingError(
            f"version {registered.number} of {registered.strategy_id} is this bundle, and run {registered.run_id}, which holds its file, "
            "was deleted: restore the run in MLflow, or delete the version there and register the bundle again"
        )
    now = _keyids(opened)
    before = _stored_keyids(tracking, registered)
    if before >= now:
        return
    if not before < now:
        raise TrackingError(
            f"{registered.label} is registered with signatures by {_join(before)} and the file has those by {_join(now)}: "
            f"sign the registered file, {registered.artifact} of run {registered.run_id}, so that no signature is lost"
        )
    _store_file(tracking, registered.run_id, Path(registered.artifact).name, raw)
    tracking.client.set_model_version_tag(registered.strategy_id, str(registered.number), SIGNERS_TAG, _join(now))


def _stored_keyids(tracking: Tracking, registered: RegisteredVersion) -> set[str]:
    """Give who signed the file of the run; nobody, when it is gone or no bundle any more."""
    listed = tracking.client.list_artifacts(registered.run_id, BUNDLE_FOLDER)
    if registered.artifact not in {file.path for file in listed}:
        return set()
    with tempfile.TemporaryDirectory() as directory:
        stored = Path(tracking.client.download_artifacts(registered.run_id, registered.artifact, directory)).read_bytes()
    try:
        opened = open_envelope(stored)
    except BundleRefused:
        return set()
    return _keyids(opened) if sha256_hex(opened.payload) == registered.bundle_digest else set()


def _store_file(tracking: Tracking, run_id: str, name: str, raw: bytes) -> str:
    with tempfile.TemporaryDirectory() as directory:
        path = Path(directory) / name
        path.write_bytes(raw)
        tracking.client.log_artifact(run_id, str(path), BUNDLE_FOLDER)
    return f"{BUNDLE_FOLDER}/{name}"


def _keyids(opened: OpenedEnvelope) -> set[str]:
    return {signature.keyid for signature in opened.document.signatures}


def _join(keyids: set[str]) -> str:
    return ", ".join(keyid[:KEY_CHARACTERS] for keyid in sorted(keyids))


def _tags(version: StrategyVersion, bundle: Bundle, opened: OpenedEnvelope, digest: str, artifact: str) -> dict[str, str]:
    return {
        BUNDLE_TAG: digest,
        ARTIFACT_TAG: artifact,
        LABEL_TAG: version.label,
        VERSION_DIGEST_TAG: version.digest,
        SIGNERS_TAG: _join(_keyids(opened)),
        "interlock.dataset": bundle.evidence.dataset_digest,
        "interlock.policy": bundle.evidence.policy_digest,
        "interlock.engine": bundle.evidence.engine_digest,
        "gate.verdict": verdict(bundle.evidence),
        **gate_tags(bundle.evidence),
    }
