"""Bundling: sign what the gates let pass, and refuse what they did not."""

import os
from pathlib import Path
from typing import NamedTuple

from dagster_project.gates.errors import GateError
from dagster_project.gates.stored_evidence import StoredEvidence
from dagster_project.gates.submissions import Submission
from dagster_project.home import Home
from live.promotion import BundleRefused, build_bundle, load_signing_key, sha256_hex, sign_bundle, write_bundle
from live.promotion.bundle import open_envelope
from live.promotion.durable_files import replace_file

KEY_VARIABLE = "INTERLOCK_GATE_KEY"
KEYS_VARIABLE = "INTERLOCK_KEYS"
VALID_FOR = 30 * 24 * 3600 * 1_000_000_000
"""How long a bundle holds from its evaluation on, nanoseconds."""
POINTER_FILE = "bundle.txt"
"""Beside the evidence: the name of the bundle that was made of it."""


class SignedBundle(NamedTuple):
    """Name a signed bundle: its file, and the digest of its payload."""

    path: Path
    digest: str


class MissingGateKey(GateError):
    """There is no gate key on this host."""


def gate_key_path() -> Path:
    """Choose the gate key: INTERLOCK_GATE_KEY, else gate.pem in INTERLOCK_KEYS or in ~/.interlock/keys."""
    if chosen := os.environ.get(KEY_VARIABLE):
        return Path(chosen)
    return Path(os.environ.get(KEYS_VARIABLE) or Path.home() / ".interlock" / "keys") / "gate.pem"


def refusals(stored: StoredEvidence) -> list[str]:
    """List why a version gets no bundle; an empty list means that it gets one."""
    failed = [f"{result.gate}: {result.detail}" for result in stored.evidence.results if result.kind == "integrity" and not result.holds]
    return failed if failed or stored.evidence.integrity_passed else ["the evidence holds no integrity gate"]


def sign_submission(home: Home, submission: Submission, stored: StoredEvidence, key: Path) -> SignedBundle:
    """Sign a version and its evidence into a bundle that holds for 30 days from its evaluation; the same evidence gives the same bundle.

    Raises:
        MissingGateKey: there is no such key.
        EvidenceError: an integrity gate did not pass, or the evidence is another version's.
        KeyFileError: the key cannot be used.
        PromotionError: the disk refuses.
    """
    if not key.exists():
        raise MissingGateKey(
            f"there is no gate key at {key}: make one with `interlock keys new gate --role gate`, or name another in {KEY_VARIABLE}"
        )
    created_at = stored.evidence.created_at
    envelope = sign_bundle(build_bundle(submission.folder, stored.evidence, created_at, created_at + VALID_FOR), load_signing_key(key))
    path = write_bundle(envelope, home.bundles)
    replace_file(stored.path / POINTER_FILE, f"{path.name}\n".encode())
    return _describe(path)


def find_bundle(home: Home, stored: StoredEvidence) -> SignedBundle | None:
    """Give the bundle that was made of this evidence; None when it was refused or not made yet.

    Raises:
        GateError: its file is gone or damaged.
    """
    pointer = stored.path / POINTER_FILE
    if refusals(stored) or not pointer.is_file():
        return None
    return _describe(home.bundles / pointer.read_text(encoding="utf-8").strip())


def _describe(path: Path) -> SignedBundle:
    try:
        return SignedBundle(path, sha256_hex(open_envelope(path.read_bytes()).payload))
    except (OSError, BundleRefused) as error:
        raise GateError(f"the bundle {path} cannot be read ({error}): materialise strategy_bundle again") from error
