"""One small signed bundle, made once, for the tests that try every way to change it."""

import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from live.promotion import Evidence, GateResult, SigningKey, TrustedKey, build_bundle, load_strategy_folder, sha256_hex, sign_bundle
from live.promotion.keys import Role
from live.promotion.template import write_template

CREATED_AT = 1_700_000_000_000_000_000
DAY = 24 * 3600 * 1_000_000_000


def make_key(name: str, role: Role) -> SigningKey:
    """Derive a key from its name."""
    private = Ed25519PrivateKey.from_private_bytes(bytes.fromhex(sha256_hex(name.encode())))
    raw = private.public_key().public_bytes_raw()
    return SigningKey(TrustedKey(name=name, role=role, keyid=sha256_hex(raw), public=raw.hex()), private)


@pytest.fixture(name="keys", scope="session")
def _keys() -> list[SigningKey]:
    return [make_key("gate-host", "gate"), make_key("ann", "approver")]


@pytest.fixture(name="trusted", scope="session")
def _trusted(keys: list[SigningKey]) -> list[TrustedKey]:
    return [key.public for key in keys]


@pytest.fixture(name="envelope", scope="session")
def _envelope(keys: list[SigningKey], tmp_path_factory: pytest.TempPathFactory) -> bytes:
    path = write_template("ema_cross", tmp_path_factory.mktemp("source"))
    (path / "strategy.py").write_text("class EmaCrossStrategy: ...\n")
    (path / "__init__.py").unlink()
    folder = load_strategy_folder(path)
    evidence = Evidence(
        schema=1,
        strategy_version_digest=folder.version.digest,
        dataset_digest="d" * 64,
        policy_digest="b" * 64,
        engine_digest="e" * 64,
        results=(
            GateResult(
                gate="determinism", passed=True, kind="integrity", measured={"differences": 0}, threshold={"maximum_differences": 0}
            ),
        ),
        created_at=CREATED_AT,
    )
    envelope = build_bundle(folder, evidence, CREATED_AT, CREATED_AT + DAY)
    for key in keys:
        envelope = sign_bundle(envelope, key)
    return envelope
