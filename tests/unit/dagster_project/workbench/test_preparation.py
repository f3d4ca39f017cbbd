import tomllib
from pathlib import Path

import pytest

from dagster_project.addresses import Addresses, read_addresses
from dagster_project.home import Home
from dagster_project.workbench.preparation import (
    environment,
    prepare_configuration,
    prepare_gate_key,
    prepare_instance,
    prepare_tape,
)
from live.configuration import load_configuration
from live.journal import read_segment

SAMPLE = Path(__file__).parents[4] / "data" / "sample"


@pytest.fixture(name="home")
def _home(tmp_path):
    return Home(tmp_path / "home")


def test_the_instance_phones_nobody_and_runs_one_run_at_a_time(home):
    """Telemetry is off in the instance's own file, whatever the environment says."""
    text = (prepare_instance(home) / "dagster.yaml").read_text()
    assert "telemetry:\n  enabled: false" in text
    assert "max_concurrent_runs: 1" in text


def test_what_a_person_changed_is_kept(home, tmp_path):
    """Preparing again overwrites neither the instance, nor the key, nor the configuration, nor the tape."""
    key = prepare_gate_key(tmp_path / "keys")
    tape = prepare_tape(home, SAMPLE)
    files = [prepare_instance(home) / "dagster.yaml", prepare_configuration(home, key, tape, Addresses())]
    for file in files:
        file.write_text("mine")
    written = tape.stat().st_mtime_ns
    assert prepare_gate_key(tmp_path / "keys") == key
    assert prepare_tape(home, SAMPLE) == tape
    prepare_instance(home)
    prepare_configuration(home, key, tape, Addresses())
    assert [file.read_text() for file in files] == ["mine", "mine"]
    assert tape.stat().st_mtime_ns == written


def test_the_configuration_is_one_that_the_live_service_accepts(home, tmp_path, monkeypatch):
    """It pins the gate key, names the registry, and deploys what the alias candidate points at."""
    key = prepare_gate_key(tmp_path / "keys")
    path = prepare_configuration(home, key, prepare_tape(home, SAMPLE), Addresses(mlflow=5123))
    monkeypatch.setenv("INTERLOCK_HOME", str(home.root))
    configuration = load_configuration(path)
    assert [one.keyid for one in configuration.trusted_keys] == [key.keyid]
    assert {one["alias"] for one in tomllib.loads(path.read_text())["deployment"]} == {"candidate"}
    assert 'url = "http://127.0.0.1:5123"' in path.read_text()
    assert configuration.path(configuration.feed.tape).is_file()


def test_the_tape_holds_nothing_that_evidence_is_made_of_but_history(home):
    """It begins a month before the dry run, for warming up, and carries both instruments that are traded."""
    header, events = read_segment(prepare_tape(home, SAMPLE))
    assert sorted(one.instrument_id for one in header.instruments) == ["binance-spot:BTCUSDT", "binance-spot:ETHUSDT"]
    assert next(events).ts_init > 1_551_398_400_000_000_000


def test_every_process_is_told_the_same_places_and_to_keep_quiet(home, tmp_path):
    """Ports, addresses and directories agree with each other, and telemetry is off."""
    given = environment(home, tmp_path / "keys", home.root / "interlock.toml", Addresses(dagster=3100, pages=9000))
    assert given["DAGSTER_PORT"] == "3100"
    assert given["DATA_DOCS_URL"] == "http://127.0.0.1:9000/data-docs"
    assert given["DAGSTER_HOME"].startswith(given["INTERLOCK_HOME"])
    assert given["DAGSTER_DISABLE_TELEMETRY"] == "1"
    assert given["MLFLOW_DISABLE_TELEMETRY"] == "true"


def test_ports_come_from_the_environment():
    """A port that is set is used, and one that is empty or missing is the default."""
    assert read_addresses({"DAGSTER_PORT": "3100", "MLFLOW_PORT": ""}) == Addresses(dagster=3100)
