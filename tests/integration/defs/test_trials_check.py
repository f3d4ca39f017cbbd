"""The check that holds MLflow against the ledger of trials, over a real store."""

import dagster as dg
import pytest

from dagster_project.definitions import defs
from dagster_project.equity import DAY, EquityPoint
from dagster_project.home import HOME_VARIABLE, Home
from dagster_project.tracking import log_trial, open_tracking
from live.promotion import load_strategy_folder
from live.promotion.template import write_template


@pytest.fixture(name="home")
def _home(tmp_path, monkeypatch):
    """Give an empty home, and point this process at it."""
    monkeypatch.setenv(HOME_VARIABLE, str(tmp_path / "home"))
    return Home(tmp_path / "home")


def check():
    """Run the check by itself, as its button does, and give what it said."""
    key = dg.AssetCheckKey(dg.AssetKey("strategy_evidence"), "trials_are_complete")
    job = dg.define_asset_job("check", selection=dg.AssetSelection.checks(key))
    definitions = dg.Definitions.merge(defs(), dg.Definitions(jobs=[job]))
    result = definitions.resolve_job_def("check").execute_in_process()
    assert result.success
    (answer,) = result.get_asset_check_evaluations()
    return answer


def test_a_deleted_run_and_an_uncounted_one_are_named(home, tmp_path):
    """Green while both tell the same; then a warning that names the trial, and the run, and never a failure of the run itself."""
    write_template("subject", tmp_path)
    folder = load_strategy_folder(tmp_path / "subject")
    curve = [EquityPoint(day * DAY, 1_000_000 + 1000 * day**2) for day in range(1, 6)]
    trials = [log_trial(home, "d" * 64, folder, curve) for _ in range(2)]
    answer = check()
    assert answer.passed, answer.description
    assert answer.metadata["trials"].value == 2
    client = open_tracking(home).client
    client.delete_run(trials[0].run_id)
    uncounted = client.create_run(client.get_run(trials[1].run_id).info.experiment_id, tags={"interlock.trial": "gates"}).info.run_id
    assert uncounted not in (check().description or ""), "a run that is still being written is no trial yet"
    client.set_terminated(uncounted)
    answer = check()
    assert not answer.passed
    assert answer.severity is dg.AssetCheckSeverity.WARN
    assert answer.description == (
        f"was deleted in MLflow and still counts: trial 1 of subject, run {trials[0].run_id}; "
        f"calls itself a trial and is not in the ledger: run {uncounted}"
    )
    assert (answer.metadata["deleted"].value, answer.metadata["uncounted"].value) == (1, 1)
    client.restore_run(trials[0].run_id)
    assert check().metadata["deleted"].value == 0
