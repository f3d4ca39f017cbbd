"""A strategy folder on disk and a signed bundle of it, as a live host finds them."""

from collections.abc import Callable
from pathlib import Path

import pytest

from live.promotion import (
    Evidence,
    GateResult,
    KeyFiles,
    StrategyFolder,
    VerifiedBundle,
    build_bundle,
    generate_key,
    load_signing_key,
    load_strategy_folder,
    sign_bundle,
    verify_bundle,
    write_bundle,
)
from live.promotion.template import write_template

CREATED_AT = 1_700_000_000_000_000_000
DAY = 24 * 3600 * 1_000_000_000


@pytest.fixture(name="folder_path")
def _folder_path(tmp_path: Path) -> Path:
    return write_template("ema_cross", tmp_path / "source")


@pytest.fixture(name="home")
def _home(tmp_path: Path) -> Path:
    return tmp_path / "home"


@pytest.fixture(name="gate_files")
def _gate_files(tmp_path: Path) -> KeyFiles:
    return generate_key("gate-host", "gate", tmp_path / "keys")


@pytest.fixture(name="approver_files")
def _approver_files(tmp_path: Path) -> KeyFiles:
    return generate_key("ann", "approver", tmp_path / "keys")


@pytest.fixture(name="write_signed")
def _write_signed(gate_files: KeyFiles, home: Path) -> Callable[[StrategyFolder], Path]:
    """Give a function that writes a signed bundle of a folder, valid for one day from `CREATED_AT`."""

    def write_signed(folder: StrategyFolder) -> Path:
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
                GateResult(
                    gate="sharpe", passed=False, kind="evidence", measured={"probability": 0.5}, threshold={"minimum_probability": 0.95}
                ),
            ),
            created_at=CREATED_AT,
        )
        payload = build_bundle(folder, evidence, CREATED_AT, CREATED_AT + DAY)
        return write_bundle(sign_bundle(payload, load_signing_key(gate_files.private_path)), home / "bundles")

    return write_signed


@pytest.fixture(name="bundle_path")
def _bundle_path(folder_path: Path, write_signed: Callable[[StrategyFolder], Path]) -> Path:
    return write_signed(load_strategy_folder(folder_path))


@pytest.fixture(name="verified")
def _verified(bundle_path: Path, gate_files: KeyFiles) -> VerifiedBundle:
    return verify_bundle(bundle_path.read_bytes(), [gate_files.public], CREATED_AT)
