"""From a strategy folder to a registered bundle, through the jobs and the command, on the sample bars."""

import json
import shutil
from pathlib import Path

import dagster as dg
import msgspec
import pytest

from dagster_project.datasets import freeze_dataset, open_dataset
from dagster_project.definitions import defs
from dagster_project.gates import (
    GATES,
    GateError,
    evaluate,
    load_policy,
    open_submission,
    read_evidence,
    submit_strategy,
)
from dagster_project.gates.bundling import KEY_VARIABLE
from dagster_project.home import HOME_VARIABLE, Home
from dagster_project.lake.ingest import ingest_bars
from dagster_project.tracking import TrialLedger, describe_versions
from live.cli.main import run
from live.driver.engine_digest import engine_digest
from live.promotion import generate_key, load_public_key, reevaluate, verify_bundle

ROOT = Path(__file__).parents[3]
STRATEGIES = ROOT / "strategies"
SAMPLE = ROOT / "data" / "sample" / "btcusdt_30m.parquet"

pytestmark = pytest.mark.slow


@pytest.fixture(name="home", scope="module")
def _home(tmp_path_factory):
    """Give a home whose lake holds the bars of one instrument, frozen as the dataset that is judged on by default."""
    home = Home(tmp_path_factory.mktemp("home"))
    ingest_bars(home, [SAMPLE])
    freeze_dataset(home, name="sample", instruments=["binance-spot:BTCUSDT"], end="2019-04-01T00:00:00Z")
    return home


@pytest.fixture(name="key", scope="module")
def _key(tmp_path_factory):
    return generate_key("gate", "gate", tmp_path_factory.mktemp("keys") / "keys")


@pytest.fixture(name="here")
def _here(home, key, monkeypatch):
    """Point this process at the home and the gate key."""
    monkeypatch.setenv(HOME_VARIABLE, str(home.root))
    monkeypatch.setenv(KEY_VARIABLE, str(key.private_path))
    return home


@pytest.fixture(name="dagster", scope="module")
def _dagster():
    """Give the jobs and one instance for them."""
    with dg.DagsterInstance.ephemeral() as instance:
        yield dg.Definitions.merge(defs()), instance


def submit(dagster, folder):
    """Run the job that submits, and give the label that became a partition."""
    definitions, instance = dagster
    config = {"ops": {"strategy_submission": {"config": {"folder": str(folder)}}}}
    before = set(instance.get_dynamic_partitions("strategy_version"))
    result = definitions.resolve_job_def("submit_strategy").execute_in_process(instance=instance, run_config=config)
    assert result.success
    (label,) = set(instance.get_dynamic_partitions("strategy_version")) - before
    return label


def prove(dagster, label, **arguments):
    """Run the job that proves a version."""
    definitions, instance = dagster
    return definitions.resolve_job_def("prove_strategy").execute_in_process(instance=instance, partition_key=label, **arguments)


def metadata_of(result, asset):
    """Give what an asset said about itself."""
    (event,) = [one for one in result.get_asset_materialization_events() if one.asset_key.to_user_string() == asset]
    return {name: value.value for name, value in event.materialization.metadata.items()}


def test_ema_cross_is_submitted_judged_signed_and_registered(dagster, here, key):
    """Integrity gates pass, evidence gates fail, so it may run and may not ask for LIVE; the bundle says the same."""
    label = submit(dagster, STRATEGIES / "ema_cross")
    result = prove(dagster, label)
    assert result.success
    checks = {check.check_name: check for check in result.get_asset_check_evaluations()}
    assert set(checks) == {*GATES, "trials_are_complete"}
    assert {name for name, check in checks.items() if not check.passed} == {"deflated_sharpe", "cost_stress", "regimes"}
    assert {checks[gate].partition for gate in GATES} == {label}
    assert checks["look_ahead"].severity is dg.AssetCheckSeverity.ERROR
    assert checks["cost_stress"].severity is dg.AssetCheckSeverity.WARN
    said = metadata_of(result, "strategy_evidence")
    assert (said["may_run"], said["may_ask_for_live"]) == (True, False)
    assert said["report"].startswith(f"# {label}\n\n**It may run DRY_RUN and SHADOW**")
    bundle = metadata_of(result, "strategy_bundle")
    assert bundle["refused"] is False
    stored = read_evidence(here, label)
    verified = verify_bundle(
        (here.bundles / bundle["bundle"]).read_bytes(), [load_public_key(key.public_path)], stored.evidence.created_at + 1
    )
    assert verified.version.label == label
    assert verified.evidence == stored.evidence
    for gate in verified.evidence.results:
        assert {name.partition("_")[2] for name in gate.threshold} <= set(gate.measured), "every bound is held against a number"
        assert gate.threshold
    assert verified.evidence.engine_digest == engine_digest()
    assert verified.evidence.dataset_digest == open_dataset(here, "sample").digest
    assert reevaluate(verified.evidence, {"replay": {"minimum_fills": 20}, "look_ahead": {"minimum_cuts": 100}}) == []
    assert reevaluate(verified.evidence, {"replay": {"minimum_fills": 10_000}})
    (registered,) = describe_versions(here, "ema_cross")
    assert metadata_of(result, "registered_version")["model_version"] == registered.number
    again = prove(dagster, label, asset_selection=[dg.AssetKey("strategy_bundle"), dg.AssetKey("registered_version")])
    assert metadata_of(again, "strategy_bundle")["digest"] == bundle["digest"]
    assert [one.number for one in describe_versions(here, "ema_cross")] == [registered.number]


def test_peeker_is_a_successful_run_with_a_red_check_and_no_bundle(dagster, here):
    """It looks better than anything else, and the page says which gate, which bar, and that nothing was signed."""
    label = submit(dagster, STRATEGIES / "peeker")
    result = prove(dagster, label)
    assert result.success
    failed = {check.check_name: check for check in result.get_asset_check_evaluations() if not check.passed}
    assert set(failed) == {"look_ahead"}
    assert "bar 8 of binance-spot:BTCUSDT, 2017-10-01T04:30:00Z" in (failed["look_ahead"].description or "")
    assert metadata_of(result, "strategy_evidence")["sharpe_annualised"] > 4
    for asset in ("strategy_bundle", "registered_version"):
        said = metadata_of(result, asset)
        assert said["refused"] is True
        assert "look_ahead" in said["reasons"]
    assert not list(here.bundles.glob("peeker-*"))
    assert describe_versions(here, "peeker") == []
    trial = TrialLedger(here.trials).trials()[-1]
    assert (trial.strategy_id, trial.sharpe) == ("peeker", None), "an attempt, whose wonderful ratio says nothing about luck"


def test_without_a_gate_key_the_run_fails_and_says_what_to_do(dagster, here, monkeypatch, tmp_path):
    """That is no refusal: something is missing on this host."""
    label = submit(dagster, STRATEGIES / "coin_flip")
    monkeypatch.setenv(KEY_VARIABLE, str(tmp_path / "none.pem"))
    result = prove(dagster, label, raise_on_error=False)
    assert not result.success
    (failure,) = [event for event in result.all_events if event.is_step_failure]
    assert "interlock keys new gate --role gate" in str(failure.step_failure_data)
    assert read_evidence(here, label).evidence.integrity_passed
    assert not read_evidence(here, label).evidence.evidence_passed


def test_new_versions_are_proven_once_each(dagster, here):
    """The sensor asks for one run of each version that has no evidence yet, keyed by the version."""
    definitions, instance = dagster
    sensor = definitions.get_repository_def().get_sensor_def("prove_new_versions")
    assert sensor.default_status is dg.DefaultSensorStatus.RUNNING
    judged = instance.get_materialized_partitions(dg.AssetKey("strategy_evidence"))
    instance.add_dynamic_partitions("strategy_version", ["not_judged@0123456"])
    with dg.build_sensor_context(instance=instance) as context:
        requests = list(sensor(context))
    waiting = set(instance.get_dynamic_partitions("strategy_version")) - set(judged)
    assert "not_judged@0123456" in waiting
    assert {(one.run_key, one.partition_key) for one in requests} == {(label, label) for label in waiting}
    instance.delete_dynamic_partition("strategy_version", "not_judged@0123456")


def test_the_command_judges_counts_the_trial_and_exits_with_what_it_found(here, capsys):
    """0 for what may run, 2 for what may not; the same numbers for programs."""
    before = len(TrialLedger(here.trials).trials())
    assert run(["evaluate", str(STRATEGIES / "ema_cross"), "--set", "fast=10", "--json"]) == 0
    said = json.loads(capsys.readouterr().out)
    assert (said["may_run"], said["may_ask_for_live"]) == (True, False)
    assert [gate["gate"] for gate in said["gates"]] == list(GATES)
    (trial,) = TrialLedger(here.trials).trials()[before:]
    assert (trial.number, trial.version_digest, trial.parameters["fast"]) == (said["trial"], said["strategy_version"], 10)
    assert open_submission(here, said["version"]).folder.version.parameters["fast"] == 10
    assert run(["evaluate", str(STRATEGIES / "peeker")]) == 2
    printed = capsys.readouterr()
    assert "Refused. It may run nowhere: look_ahead did not pass" in printed.out
    assert "may run nowhere, these integrity gates did not pass: look_ahead" in printed.err


def test_a_strategy_whose_data_is_not_there_is_refused_without_a_replay(here, tmp_path):
    """Data quality says what is missing, no other gate claims anything, and it is no trial."""
    folder = tmp_path / "ema_cross"
    shutil.copytree(STRATEGIES / "ema_cross", folder, ignore=shutil.ignore_patterns("__pycache__"))
    toml = folder / "strategy.toml"
    toml.write_text(toml.read_text().replace("BTCUSDT", "XRPUSDT"))
    submission = submit_strategy(here, folder)
    judged = evaluate(submission, open_dataset(here, "sample"), here, load_policy(), [])
    assert not judged.replayed
    assert not any(result.passed for result in judged.evidence.results)
    assert "it holds no binance-spot:XRPUSDT" in judged.evidence.results_by_gate["data_quality"].detail
    assert "may run nowhere" in judged.report_markdown
    with pytest.raises(GateError, match="was not evaluated yet"):
        read_evidence(here, submission.label)


def test_the_policy_and_the_ledger_enter_the_evidence(here):
    """Another policy is another digest, and other versions on the same data raise the hurdle; the version itself does not."""
    policy = load_policy()
    strict = msgspec.structs.replace(policy, replay=msgspec.structs.replace(policy.replay, minimum_fills=100_000))
    submission = submit_strategy(here, STRATEGIES / "coin_flip", {"seed": 7})
    dataset = open_dataset(here, "sample")
    trials = TrialLedger(here.trials).trials()
    judged = evaluate(submission, dataset, here, strict, trials)
    assert judged.evidence.policy_digest == strict.digest != policy.digest
    assert not judged.evidence.results_by_gate["replay"].holds
    distinct = {trial.version_digest for trial in trials if trial.dataset_digest == dataset.digest}
    assert judged.evidence.results_by_gate["deflated_sharpe"].measured["trials"] == len(distinct | {submission.digest})
