"""What Dagster loads, held in a file: a change of the asset graph is seen by whoever reviews the change."""

import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import dagster as dg
import pytest

from dagster_project.definitions import defs

ROOT = Path(__file__).parents[3]
SNAPSHOT = Path(__file__).with_name("asset_graph.json")


@pytest.fixture(name="loaded", scope="module")
def _loaded() -> dg.Definitions:
    return defs()


def describe(loaded: dg.Definitions) -> dict[str, Any]:
    """Give assets with what they hang on, checks, jobs, and what runs by itself."""
    graph = loaded.resolve_asset_graph()
    repository = loaded.get_repository_def()
    return {
        "assets": {
            key.to_user_string(): {
                "group": graph.get(key).group_name,
                "depends_on": sorted(parent.to_user_string() for parent in graph.get(key).parent_keys),
                "partitions": _partitions(graph.get(key).partitions_def),
                "kinds": sorted(graph.get(key).kinds),
                "owners": sorted(graph.get(key).owners),
                "checks": sorted(check.name for check in graph.get(key).check_keys),
            }
            for key in sorted(graph.materializable_asset_keys)
        },
        "jobs": sorted(job.name for job in repository.get_all_jobs() if not job.name.startswith("__")),
        "schedules": {one.name: [one.cron_schedule, one.default_status.value] for one in repository.schedule_defs},
        "sensors": {one.name: one.default_status.value for one in repository.sensor_defs},
        "resources": sorted(loaded.resources or {}),
    }


def _partitions(definition: dg.PartitionsDefinition[Any] | None) -> str:
    if isinstance(definition, dg.DynamicPartitionsDefinition):
        return f"dynamic {definition.name}"
    return "" if definition is None else type(definition).__name__


def test_the_asset_graph_is_the_one_that_was_reviewed(loaded):
    """Assets, dependencies, partitions, checks, jobs, schedules and sensors; UPDATE_SNAPSHOTS=1 writes the file anew."""
    text = json.dumps(describe(loaded), indent=2) + "\n"
    if os.environ.get("UPDATE_SNAPSHOTS"):
        SNAPSHOT.write_text(text, encoding="utf-8")
    assert text == SNAPSHOT.read_text(encoding="utf-8")


def test_every_asset_says_what_it_is_and_who_owns_it(loaded):
    """A description, an owner, a kind and a group that is a domain, on each."""
    graph = loaded.resolve_asset_graph()
    domains = {path.name for path in (ROOT / "dagster_project" / "defs").iterdir() if path.is_dir()}
    for key in graph.materializable_asset_keys:
        asset = graph.get(key)
        assert asset.description, key
        assert asset.owners, key
        assert asset.kinds, key
        assert asset.group_name in domains, key


def test_nothing_that_should_run_by_itself_waits_to_be_started(loaded):
    """Every schedule and sensor is on by default."""
    described = describe(loaded)
    assert {status for _, status in described["schedules"].values()} == {"RUNNING"}
    assert set(described["sensors"].values()) == {"RUNNING"}


def test_loading_imports_no_heavy_library():
    """Each step process loads the definitions again, so mlflow, great_expectations, sklearn and pandas are imported when they are used."""
    heavy = ("mlflow", "great_expectations", "sklearn", "pandas", "deltalake", "matplotlib", "pyarrow")
    code = f"import sys; from dagster_project.definitions import defs; defs(); print([name for name in {heavy!r} if name in sys.modules])"
    said = subprocess.run([sys.executable, "-c", code], cwd=ROOT, capture_output=True, text=True, check=True, timeout=100)
    assert said.stdout.strip() == "[]"


@pytest.mark.slow
def test_dg_check_defs_passes(tmp_path):
    """The command that a newcomer and an editor run finds nothing to complain about."""
    environment = {**os.environ, "DAGSTER_HOME": str(tmp_path), "DAGSTER_DISABLE_TELEMETRY": "1"}
    command = [str(Path(sys.executable).with_name("dg")), "check", "defs"]
    done = subprocess.run(command, cwd=ROOT, env=environment, capture_output=True, text=True, check=False, timeout=110)
    assert done.returncode == 0, done.stdout + done.stderr
    assert "All definitions loaded successfully" in done.stdout + done.stderr
