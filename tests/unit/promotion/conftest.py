"""A strategy folder, keys and evidence made by hand, for every test of promotion."""

from collections.abc import Callable
from pathlib import Path

import msgspec
import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from live.promotion import Evidence, GateResult, SigningKey, StrategyFolder, TrustedKey, build_bundle, load_strategy_folder, sha256_hex
from live.promotion.keys import Role
from live.promotion.template import write_template

CREATED_AT = 1_700_000_000_000_000_000
EXPIRES_AT = CREATED_AT + 30 * 24 * 3600 * 1_000_000_000


def make_key(name: str, role: Role) -> SigningKey:
    """Derive a key from its name, so that the same test signs the same bytes each time."""
    private = Ed25519PrivateKey.from_private_bytes(bytes.fromhex(sha256_hex(name.encode())))
    raw = private.public_key().public_bytes_raw()
    return SigningKey(TrustedKey(name=name, role=role, keyid=sha256_hex(raw), public=raw.hex()), private)


def make_evidence(strategy_version_digest: str) -> Evidence:
    """Make evidence in which one integrity gate and one evidence gate hold."""
    return Evidence(
        schema=1,
        strategy_version_digest=strategy_version_digest,
        dataset_digest="d" * 64,
        policy_digest="b" * 64,
        engine_digest="e" * 64,
        results=(
            GateResult(
                gate="determinism", passed=True, kind="integrity", measured={"differences": 0}, threshold={"maximum_differences": 0}
            ),
            GateResult(
                gate="deflated_sharpe",
                passed=True,
                kind="evidence",
                measured={"probability": 0.97},
                threshold={"minimum_probability": 0.95},
            ),
        ),
        created_at=CREATED_AT - 1,
    )


@pytest.fixture(name="folder_path")
def _folder_path(tmp_path: Path) -> Path:
    return write_template("ema_cross", tmp_path / "source")


@pytest.fixture(name="folder")
def _folder(folder_path: Path) -> StrategyFolder:
    return load_strategy_folder(folder_path)


@pytest.fixture(name="evidence")
def _evidence(folder: StrategyFolder) -> Evidence:
    return make_evidence(folder.version.digest)


@pytest.fixture(name="gate_key")
def _gate_key() -> SigningKey:
    return make_key("gate-host", "gate")


@pytest.fixture(name="approver_key")
def _approver_key() -> SigningKey:
    return make_key("ann", "approver")


@pytest.fixture(name="payload")
def _payload(folder: StrategyFolder, evidence: Evidence) -> bytes:
    return build_bundle(folder, evidence, CREATED_AT, EXPIRES_AT)


@pytest.fixture(name="edit")
def _edit(folder_path: Path) -> Callable[[str, str, str], None]:
    """Replace text in a file of the strategy folder, and insist that it was there."""

    def edit(file_name: str, old: str, new: str) -> None:
        path = folder_path / file_name
        text = path.read_text()
        assert old in text
        path.write_text(text.replace(old, new))

    return edit


@pytest.fixture(name="fields")
def _fields(payload: bytes) -> dict[str, object]:
    """Give the payload as a plain document, for a test to change."""
    return msgspec.json.decode(payload)
