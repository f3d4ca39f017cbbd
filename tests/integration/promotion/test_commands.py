import json
import math
import shutil
import subprocess
import sys
import tomllib
from pathlib import Path
from typing import Any

import pytest

from live.cli import keys, strategy
from live.cli.output import CommandError, Finding
from live.core.errors import InterlockError
from live.core.inputs import Bar
from live.driver.engine_digest import engine_digest
from live.journal import TapeWriter
from live.promotion import (
    KeyFileError,
    KeyFiles,
    PromotionError,
    load_signing_key,
    load_strategy_folder,
    load_strategy_source,
    parse_trusted_key,
    sign_bundle,
    verify_bundle,
)

INSIDE = "2023-11-15T00:00:00Z"


def run(app: Any, *arguments: object) -> None:
    """Run a command the way `interlock` does, letting its errors out."""
    app([str(argument) for argument in arguments], standalone_mode=False)


@pytest.fixture(autouse=True)
def _key_directory(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("INTERLOCK_KEYS", str(tmp_path / "keys"))


def test_a_new_key_is_made_and_its_block_can_be_pasted(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """The command says where the files are and prints TOML that reads back as the key."""
    run(keys.app, "new", "gate-host", "--role", "gate")
    printed = capsys.readouterr().out
    assert str(tmp_path / "keys" / "gate-host.pem") in printed
    (table,) = tomllib.loads(printed[printed.index("[[") :])["trusted_keys"]
    assert parse_trusted_key(table) == load_signing_key(tmp_path / "keys" / "gate-host.pem").public


def test_keys_are_listed_with_where_the_private_half_is(
    gate_files: KeyFiles, approver_files: KeyFiles, capsys: pytest.CaptureFixture[str]
) -> None:
    """A host that has only the public half says so."""
    approver_files.private_path.unlink()
    run(keys.app, "list", "--json")
    listed = json.loads(capsys.readouterr().out)["keys"]
    assert [(key["name"], key["role"], key["private_here"]) for key in listed] == [("ann", "approver", False), ("gate-host", "gate", True)]
    run(keys.app, "list")
    assert "private key here" in capsys.readouterr().out
    assert gate_files.public.keyid in {key["keyid"] for key in listed}


def test_an_empty_key_directory_says_what_to_do(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """No keys is an answer, not an error."""
    run(keys.app, "list", "--directory", tmp_path / "none")
    assert "interlock keys new" in capsys.readouterr().out


def test_keys_are_not_made_inside_a_git_work_tree(tmp_path: Path) -> None:
    """A private key in a repository is one `git add` away from being published."""
    (tmp_path / "project" / ".git").mkdir(parents=True)
    with pytest.raises(CommandError, match="git work tree"):
        run(keys.app, "new", "gate-host", "--role", "gate", "--directory", tmp_path / "project" / "deep" / "keys")
    assert not (tmp_path / "project" / "deep").exists()


def test_a_key_is_made_once(gate_files: KeyFiles) -> None:
    """The command refuses as the library does."""
    with pytest.raises(KeyFileError, match="never overwritten"):
        run(keys.app, "new", gate_files.public.name, "--role", "gate")


def test_a_new_strategy_can_be_loaded_as_it_is(tmp_path: Path, home: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """The folder that is written reads, packs, imports and constructs without an edit."""
    run(strategy.app, "new", "my_trend", "--directory", tmp_path / "strategies", "--json")
    answer = json.loads(capsys.readouterr().out)
    loaded = load_strategy_source(load_strategy_folder(Path(answer["folder"])), home)
    assert loaded.version.label == answer["version"]
    assert loaded.strategy_class.__name__ == "MyTrendStrategy"
    assert sorted(path.name for path in Path(answer["folder"]).iterdir()) == ["__init__.py", "card.md", "strategy.py", "strategy.toml"]


@pytest.mark.parametrize("name", ["strategy", "parameters", "a", "x_1", "Trend", "bar_view"])
def test_any_good_name_makes_a_strategy_that_loads(tmp_path: Path, home: Path, name: str) -> None:
    """A name never collides with what the template itself defines or imports."""
    run(strategy.app, "new", name, "--directory", tmp_path / "strategies")
    assert load_strategy_source(load_strategy_folder(tmp_path / "strategies" / name), home).version.strategy_id == name


def test_a_new_strategy_passes_the_repositorys_checks(tmp_path: Path) -> None:
    """What is written is in the style the project asks for, format included."""
    ruff = shutil.which("ruff", path=str(Path(sys.executable).parent))
    if ruff is None:
        pytest.skip("ruff is not installed in this environment")
    run(strategy.app, "new", "my_trend", "--directory", tmp_path)
    settings = Path(__file__).parents[3] / "pyproject.toml"
    for arguments in (["check"], ["format", "--check"]):
        result = subprocess.run(
            [ruff, *arguments, "--no-cache", "--config", str(settings), str(tmp_path)], capture_output=True, text=True, check=False
        )
        assert result.returncode == 0, result.stdout + result.stderr


@pytest.mark.parametrize("name", ["my-trend", "1st", "class", "../x", "", "_x"])
def test_a_bad_strategy_name_writes_nothing(tmp_path: Path, name: str) -> None:
    """The name is judged before anything is written."""
    with pytest.raises(PromotionError, match="strategy id"):
        run(strategy.app, "new", name, "--directory", tmp_path / "strategies")
    assert not (tmp_path / "strategies").exists()


def test_an_existing_strategy_is_not_touched(folder_path: Path) -> None:
    """A second `new` of the same name leaves the first as it is, and leaves nothing half-written."""
    before = {path: path.read_bytes() for path in folder_path.iterdir()}
    with pytest.raises(PromotionError, match="there already"):
        run(strategy.app, "new", folder_path.name, "--directory", folder_path.parent)
    assert {path: path.read_bytes() for path in folder_path.iterdir()} == before
    assert list(folder_path.parent.iterdir()) == [folder_path]


def test_verify_prints_what_a_bundle_holds(bundle_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """Version, parameters, limits, gates, signatures and expiry are all there, for people and for programs."""
    run(strategy.app, "verify", bundle_path, "--at", INSIDE)
    text = capsys.readouterr().out
    for words in (
        "ema_cross@",
        "fast = 20",
        "price_collar_ppm = 50000",
        "determinism",
        "failed",
        "gate-host (gate",
        "2023-11-15 22:13:20 UTC",
    ):
        assert words in text
    run(strategy.app, "verify", bundle_path, "--at", INSIDE, "--json")
    document = json.loads(capsys.readouterr().out)
    assert document["limits"]["maximum_daily_loss"] == "400.00000000"
    assert [signature["name"] for signature in document["signatures"]] == ["gate-host"]


def test_verify_trusts_only_the_keys_it_is_given(bundle_path: Path, gate_files: KeyFiles, approver_files: KeyFiles, tmp_path: Path) -> None:
    """`--trust` replaces the keys of the directory, and a bundle by another key is refused with the reason."""
    run(strategy.app, "verify", bundle_path, "--trust", gate_files.public_path, "--at", INSIDE)
    with pytest.raises(Finding, match="UNKNOWN_KEY") as caught:
        run(strategy.app, "verify", bundle_path, "--trust", approver_files.public_path, "--at", INSIDE)
    assert caught.value.payload == {"reason": "UNKNOWN_KEY"}
    for path in (tmp_path / "keys").glob("*.pub"):
        path.unlink()
    with pytest.raises(CommandError, match="no key to trust"):
        run(strategy.app, "verify", bundle_path, "--at", INSIDE)


def test_verify_judges_at_the_time_it_is_given(bundle_path: Path) -> None:
    """A past decision can be checked again, and an expired bundle is refused."""
    for moment, reason in (("2023-11-14T22:13:19Z", "NOT_YET_VALID"), ("2023-11-15T22:13:20+00:00", "EXPIRED")):
        with pytest.raises(Finding, match=reason):
            run(strategy.app, "verify", bundle_path, "--at", moment)
    for text in ("yesterday", "2023-11-15T00:00:00"):
        with pytest.raises(CommandError, match="with its offset"):
            run(strategy.app, "verify", bundle_path, "--at", text)


def test_verify_for_live_asks_for_an_approver_and_evidence(bundle_path: Path, approver_files: KeyFiles) -> None:
    """A bundle fit for a dry run is refused for LIVE until an approver signs, and then for its failed evidence gate."""
    with pytest.raises(Finding, match="approver"):
        run(strategy.app, "verify", bundle_path, "--live", "--at", INSIDE)
    bundle_path.write_bytes(sign_bundle(bundle_path.read_bytes(), load_signing_key(approver_files.private_path)))
    with pytest.raises(Finding, match="evidence gates did not pass: sharpe"):
        run(strategy.app, "verify", bundle_path, "--live", "--at", INSIDE)


def test_verify_names_a_file_that_is_missing(tmp_path: Path) -> None:
    """A wrong path is an error of the call, not a finding about a bundle."""
    with pytest.raises(CommandError, match="cannot be read"):
        run(strategy.app, "verify", tmp_path / "gone.bundle.json")


def test_bundle_reads_key_and_folder_before_it_replays(folder_path: Path, gate_files: KeyFiles, tmp_path: Path) -> None:
    """A wrong key or parameter is found at once and not after a long replay."""
    tape = tmp_path / "no.tape"
    with pytest.raises(InterlockError, match=r"other\.pem cannot be read"):
        run(strategy.app, "bundle", folder_path, "--tape", tape, "--key", tmp_path / "other.pem")
    with pytest.raises(InterlockError, match="outside 2 to 200"):
        run(strategy.app, "bundle", folder_path, "--tape", tape, "--key", gate_files.private_path, "--set", "fast=1")


def write_tape(folder_path: Path, directory: Path, swing: int) -> Path:
    """Record 3,000 bars of a price that swings by `swing` price units around 30,000, and give the closed segment."""
    instrument = load_strategy_folder(folder_path).version.instruments[0]
    with TapeWriter(directory, "session", [instrument]) as writer:
        for number in range(1, 3_001):
            price = 3_000_000 + round(swing * math.sin(number / 15))
            moment = number * 1800 * 10**9
            writer.append(Bar(moment, moment, instrument.instrument_id, price, price + 500, price - 500, price, 10_000_000))
    (segment,) = directory.iterdir()
    return segment


def test_bundle_replays_gathers_evidence_and_signs(
    folder_path: Path, gate_files: KeyFiles, home: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    """A folder and a tape become a file that a host which trusts the key accepts, with the parameters that were set."""
    monkeypatch.setenv("INTERLOCK_HOME", str(home))
    tape = write_tape(folder_path, tmp_path / "tape", swing=150_000)
    run(
        strategy.app,
        "bundle",
        folder_path,
        "--tape",
        tape,
        "--key",
        gate_files.private_path,
        "--set",
        "fast=10",
        "--valid-days",
        7,
        "--json",
    )
    answer = json.loads(capsys.readouterr().out)
    path = Path(answer["bundle"])
    assert path.parent == home / "bundles"
    assert answer["expires_at"] - answer["created_at"] == 7 * 24 * 3600 * 10**9
    verified = verify_bundle(path.read_bytes(), [gate_files.public], answer["created_at"], engine_digest=engine_digest())
    assert (verified.digest, verified.version.label) == (answer["digest"], answer["version"])
    assert verified.version.parameters["fast"] == 10
    assert verified.evidence.integrity_passed
    assert verified.engine_matches


def test_bundle_signs_nothing_when_an_integrity_gate_fails(
    folder_path: Path, gate_files: KeyFiles, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """On a tape without a single trade the command finds that nothing was proven, says which gates, and writes no file."""
    monkeypatch.setenv("INTERLOCK_HOME", str(tmp_path / "home"))
    tape = write_tape(folder_path, tmp_path / "tape", swing=0)
    with pytest.raises(Finding, match=r"not bundled.*replay") as caught:
        run(strategy.app, "bundle", folder_path, "--tape", tape, "--key", gate_files.private_path, "--out", tmp_path / "out")
    assert {gate["gate"]: gate["passed"] for gate in caught.value.payload["gates"]}["replay"] is False
    assert not (tmp_path / "out").exists()
