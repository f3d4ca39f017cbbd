"""What registering a bundle leaves in MLflow, and what it refuses."""

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any
from urllib.parse import unquote, urlsplit

import pytest

from dagster_project.home import Home
from dagster_project.tracking import Tracking, TrackingError, describe_versions, find_version, log_evaluation, register_bundle
from live.promotion import BundleRefused, KeyFiles, load_signing_key, sha256_hex, sign_bundle, write_bundle
from live.promotion.bundle import open_envelope

Judge = Callable[..., Any]
Bundle = Callable[[Any], Path]


def _digest(bundle: Path) -> str:
    return sha256_hex(open_envelope(bundle.read_bytes()).payload)


def _registered_file(tracking: Tracking, run_id: str, artifact: str) -> Path:
    return Path(tracking.client.download_artifacts(run_id, artifact))


def test_a_version_names_its_bundle_run_and_answers(home: Home, tracking: Tracking, judge: Judge, bundle: Bundle) -> None:
    """Tags say what is in the bundle, the description is the gate report with links, and no alias is set."""
    judged = judge("versioned")
    path, run_id = bundle(judged), log_evaluation(home, judged)
    number = register_bundle(
        home, path, run_id, judged.report_markdown, {"Data Docs": "http://127.0.0.1:8423/"}, card="# Versioned\nIt trends."
    )

    version = tracking.client.get_model_version("versioned", str(number))
    assert number == 1
    assert version.run_id == run_id
    assert version.aliases == []
    assert (
        version.tags.items()
        >= {
            "interlock.bundle": _digest(path),
            "interlock.bundle_artifact": f"bundle/{path.name}",
            "interlock.strategy_version": judged.submission.label,
            "interlock.dataset": judged.evidence.dataset_digest,
            "interlock.engine": judged.evidence.engine_digest,
            "gate.verdict": "dry_run",
            "gate.determinism": "pass",
            "gate.deflated_sharpe": "fail",
        }.items()
    )
    experiment_id = tracking.experiment_id("versioned")
    links = f"[Run](#/experiments/{experiment_id}/runs/{run_id}?workflowType=machine_learning) · [Data Docs](http://127.0.0.1:8423/)"
    assert version.description.startswith(f"# {judged.submission.label}\n\n{links}\n")
    assert "| deflated_sharpe | fail | probability 0.41 |" in version.description
    assert tracking.client.get_registered_model("versioned").description == "# Versioned\nIt trends."
    assert _registered_file(tracking, run_id, f"bundle/{path.name}").read_bytes() == path.read_bytes()


def test_the_same_bundle_is_registered_once(home: Home, judge: Judge, bundle: Bundle) -> None:
    """Registering again, even with another run of the same version, gives the version that is there."""
    judged = judge("once")
    path = bundle(judged)
    first = register_bundle(home, path, log_evaluation(home, judged), judged.report_markdown)
    again = register_bundle(home, path, log_evaluation(home, judged), judged.report_markdown)
    other = judge("once", fast=5)
    second = register_bundle(home, bundle(other), log_evaluation(home, other), other.report_markdown)
    assert (first, again, second) == (1, 1, 2)
    assert [version.number for version in describe_versions(home, "once")] == [2, 1]
    assert [version.label for version in describe_versions(home, "once")] == [other.submission.label, judged.submission.label]


def test_registering_at_the_same_time_is_registering_once(home: Home, judge: Judge, bundle: Bundle) -> None:
    """A sensor and a person may ask for the same bundle in the same moment."""
    judged = judge("hasty")
    path, run_id = bundle(judged), log_evaluation(home, judged)
    with ThreadPoolExecutor(4) as pool:
        numbers = list(pool.map(lambda _: register_bundle(home, path, run_id, judged.report_markdown), range(4)))
    assert numbers == [1, 1, 1, 1]
    assert len(describe_versions(home, "hasty")) == 1


def test_a_second_signature_keeps_the_version_and_reaches_its_file(
    home: Home, tracking: Tracking, judge: Judge, bundle: Bundle, approver_key: KeyFiles
) -> None:
    """The approver signs the same bundle, so what the version's run holds is replaced; a file with fewer signatures changes nothing."""
    judged = judge("approved")
    path = bundle(judged)
    gate_only = path.read_bytes()
    number = register_bundle(home, path, log_evaluation(home, judged), judged.report_markdown)
    approver = load_signing_key(approver_key.private_path)
    write_bundle(sign_bundle(gate_only, approver), home.bundles)
    assert register_bundle(home, path, "a run is not needed for it", judged.report_markdown) == number

    found = find_version(home, "approved", _digest(path))
    assert found is not None
    assert approver.public.keyid[:16] in found.tags["interlock.signed_by"]
    assert _registered_file(tracking, found.run_id, found.artifact).read_bytes() == path.read_bytes() != gate_only

    path.write_bytes(gate_only)
    assert register_bundle(home, path, found.run_id, judged.report_markdown) == number
    assert _registered_file(tracking, found.run_id, found.artifact).read_bytes() != gate_only


def test_signatures_that_would_be_lost_are_named(home: Home, judge: Judge, bundle: Bundle, approver_key: KeyFiles, tmp_path: Path) -> None:
    """Two files that each lack a signature of the other are not chosen between."""
    judged = judge("torn_apart")
    path = bundle(judged)
    payload = open_envelope(path.read_bytes()).payload
    run_id = log_evaluation(home, judged)
    register_bundle(home, path, run_id, judged.report_markdown)
    other = write_bundle(sign_bundle(payload, load_signing_key(approver_key.private_path)), tmp_path)
    with pytest.raises(TrackingError, match="no signature is lost"):
        register_bundle(home, other, run_id, judged.report_markdown)


@pytest.mark.parametrize("damage", [b"", None], ids=["emptied", "deleted"])
def test_a_registered_file_that_was_damaged_is_put_back(
    home: Home, tracking: Tracking, judge: Judge, bundle: Bundle, damage: bytes | None
) -> None:
    """Registering the bundle again restores what its run should hold."""
    judged = judge(f"damaged_{damage is None}")
    path = bundle(judged)
    run_id = log_evaluation(home, judged)
    number = register_bundle(home, path, run_id, judged.report_markdown)
    stored = Path(unquote(urlsplit(tracking.client.get_run(run_id).info.artifact_uri).path)) / "bundle" / path.name
    assert stored.read_bytes() == path.read_bytes()
    if damage is None:
        stored.unlink()
    else:
        stored.write_bytes(damage)
    assert register_bundle(home, path, run_id, judged.report_markdown) == number
    assert stored.read_bytes() == path.read_bytes()


def test_a_version_whose_run_was_deleted_is_not_taken_for_whole(home: Home, tracking: Tracking, judge: Judge, bundle: Bundle) -> None:
    """Its file would be gone with the run, so registering again says what to do."""
    judged = judge("bereft")
    path, run_id = bundle(judged), log_evaluation(home, judged)
    number = register_bundle(home, path, run_id, judged.report_markdown)
    tracking.client.delete_run(run_id)
    with pytest.raises(TrackingError, match=f"version {number} of bereft is this bundle, and run {run_id}"):
        register_bundle(home, path, log_evaluation(home, judged), judged.report_markdown)


def test_a_bundle_is_registered_with_the_run_of_its_own_evaluation(home: Home, tracking: Tracking, judge: Judge, bundle: Bundle) -> None:
    """A run of other parameters, a deleted run and an unknown one are refused, and nothing is registered."""
    judged, other = judge("matched"), judge("matched", fast=5)
    path, run_id = bundle(judged), log_evaluation(home, other)
    with pytest.raises(TrackingError, match=f"evaluated {other.submission.digest[:12]}"):
        register_bundle(home, path, run_id, judged.report_markdown)
    deleted = log_evaluation(home, judged)
    tracking.client.delete_run(deleted)
    for missing in (deleted, "0" * 32):
        with pytest.raises(TrackingError, match="not in MLflow or was deleted"):
            register_bundle(home, path, missing, judged.report_markdown)
    assert describe_versions(home, "matched") == []
    assert find_version(home, "matched", _digest(path)) is None


def test_a_file_that_is_no_bundle_is_refused(home: Home, tmp_path: Path) -> None:
    """Nothing is registered under a name that a file only claims."""
    (tmp_path / "x.bundle.json").write_text("{}")
    with pytest.raises(BundleRefused):
        register_bundle(home, tmp_path / "x.bundle.json", "run", "")
    with pytest.raises(TrackingError, match="cannot be read"):
        register_bundle(home, tmp_path / "none.bundle.json", "run", "")


def test_a_long_report_is_cut_at_a_line_and_says_where_the_rest_is(home: Home, tracking: Tracking, judge: Judge, bundle: Bundle) -> None:
    """MLflow's database keeps 5,000 characters of a description."""
    judged = judge("wordy")
    number = register_bundle(home, bundle(judged), log_evaluation(home, judged), "| a line of a table |\n" * 400)
    description = tracking.client.get_model_version("wordy", str(number)).description
    assert len(description) <= 5000
    assert description.endswith("| a line of a table |\n\n*Cut here: the whole report is the artifact `report.md` of the run.*")
