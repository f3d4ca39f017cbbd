import ast
import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

from dagster_project import research
from dagster_project.datasets import DatasetError, freeze_dataset
from dagster_project.home import Home, open_home
from dagster_project.lake import ingest_bars
from dagster_project.tracking import TrialLedger, distinct_trials, open_tracking

ROOT = Path(__file__).parents[3]
NOTEBOOK = ROOT / "strategies" / "ema_cross" / "notebook.py"
EXPORTED = ROOT / "docs" / "notebooks"
BTC = "binance-spot:BTCUSDT"
MOST_LINES = 15


def environment(home: Path) -> dict[str, str]:
    """Give the surroundings in which a person with that home runs a notebook."""
    kept = {name: value for name, value in os.environ.items() if not name.startswith(("INTERLOCK_", "MLFLOW_"))}
    return {**kept, "INTERLOCK_HOME": str(home), "MLFLOW_DISABLE_TELEMETRY": "true", "PYTHONPATH": str(ROOT)}


def run(*arguments: str, home: Path) -> subprocess.CompletedProcess[str]:
    """Run Python as a person does, from another folder than the repository."""
    return subprocess.run(
        [sys.executable, *arguments], cwd=home, env=environment(home), capture_output=True, text=True, check=False, timeout=100
    )


@pytest.fixture(autouse=True)
def _own_store(monkeypatch: pytest.MonkeyPatch) -> None:
    """Keep out of the store of the person who runs the tests."""
    monkeypatch.delenv("MLFLOW_TRACKING_URI", raising=False)


@pytest.fixture(name="home", scope="module")
def _home(tmp_path_factory: pytest.TempPathFactory) -> Home:
    """Give a home in which the sample's first bars are published and frozen, up to where the demo's dataset ends."""
    home = open_home(tmp_path_factory.mktemp("home"))
    ingest_bars(home, [ROOT / "data" / "sample" / "btcusdt_30m.parquet"])
    freeze_dataset(home, name="sample", instruments=[BTC], start="2018-10-01", end="2019-04-01")
    return home


def code_cells(notebook: Path) -> list[str]:
    """Give the cells of a marimo notebook that are not prose."""
    tree = ast.parse(notebook.read_text(encoding="utf-8"))
    cells = [node for node in tree.body if isinstance(node, ast.FunctionDef) and node.decorator_list]
    bodies = [[one for one in cell.body if not isinstance(one, ast.Return)] for cell in cells]
    return [text for body in bodies if not (text := "\n".join(map(ast.unparse, body))).startswith("mo.md(")]


@pytest.mark.slow
def test_the_notebook_runs_headless_and_its_trial_counts(home: Home):
    """As a script it opens the lake, replays, plots and logs: the ledger holds one trial more, with its run in MLflow."""
    done = run(str(NOTEBOOK), home=home.root)
    assert done.returncode == 0, done.stderr
    (trial,) = TrialLedger(home.trials).trials()
    dataset = research.open_dataset(home, "sample")
    assert (trial.strategy_id, trial.source, trial.dataset_digest) == ("ema_cross", "notebook", dataset.digest)
    assert trial.parameters["fast"] == 20
    assert open_tracking(home).trial_run_ids() == [trial.run_id]
    again = research.replay_dataset(NOTEBOOK.parent, dataset, {"fast": 20, "slow": 50}, home=home)
    assert again.sharpe == trial.sharpe
    assert again.folder.version.digest == trial.version_digest

    other = research.replay_dataset(NOTEBOOK.parent, dataset, {"fast": 10}, home=home)
    assert other.result.fills == len(other.fills) > 20
    assert other.result.parity_digest != again.result.parity_digest
    assert research.log_trial(other).number == trial.number + 1
    research.log_trial(again)
    ledger = TrialLedger(home.trials).trials()
    assert len(ledger) == 3
    assert len(distinct_trials(ledger, dataset.digest)) == 2
    assert len(research.plot_equity(again).axes) == 2


def test_the_notebook_needs_few_lines():
    """Everything that is not prose fits: opening, reading, replaying, plotting and logging, by the public API alone."""
    cells = code_cells(NOTEBOOK)
    lines = [line for cell in cells for line in cell.splitlines()]
    assert 5 <= len(lines) < MOST_LINES
    imports = [line for line in lines if line.startswith(("import", "from"))]
    assert [line.split()[1] for line in imports] == ["marimo", "dagster_project.research"]
    for name in ("open_home", "read_bars", "open_dataset", "replay_dataset", "plot_equity", "log_trial"):
        assert f"{name}(" in "\n".join(lines)


def test_without_the_dataset_it_says_what_to_do(tmp_path: Path):
    """A home in which nothing was made yet is named, with the commands that make it."""
    with pytest.raises(DatasetError, match=r"run `make demo`, or `interlock ingest` and `interlock dataset freeze`, first"):
        research.open_dataset(open_home(tmp_path), "sample")


@pytest.mark.slow
def test_the_committed_notebook_is_not_stale(tmp_path: Path):
    """The exported cells are those of the notebook; `make notebooks` writes them anew."""
    target = tmp_path / "ema_cross.ipynb"
    done = run("-m", "marimo", "export", "ipynb", str(NOTEBOOK), "--sort", "top-down", "--output", str(target), home=tmp_path)
    assert done.returncode == 0, done.stderr
    fresh, committed = (json.loads(path.read_text(encoding="utf-8"))["cells"] for path in (target, EXPORTED / "ema_cross.ipynb"))
    assert sources(fresh) == sources(committed), "run: python docs/notebooks/make_notebooks.py"


def test_what_is_committed_was_run_and_shows_it():
    """Both exports hold the plot, neither holds an error or a path of the machine that made it, and the page fetches nothing."""
    cells = json.loads((EXPORTED / "ema_cross.ipynb").read_text(encoding="utf-8"))["cells"]
    outputs = [output for cell in cells for output in cell.get("outputs", ())]
    assert any("image/png" in output.get("data", {}) for output in outputs)
    assert not any(output["output_type"] == "error" for output in outputs)
    page = (EXPORTED / "ema_cross.html").read_text(encoding="utf-8")
    assert "data:image/png;base64," in page
    assert "parity digest" in page
    for text in (page, json.dumps(cells)):
        assert not any(trace in text for trace in ("Traceback", "/home/", "/tmp/", "file://"))
    assert "<script" not in page
    assert "https://" not in page


def sources(cells: list[dict[str, object]]) -> list[tuple[object, str]]:
    """Give what a notebook says, without what it showed."""
    return [(cell["cell_type"], "".join(cell["source"])) for cell in cells]  # type: ignore[arg-type]
