"""Export the notebooks of strategies to `docs/notebooks/`, as HTML and .ipynb with their outputs, on a home of their own.

    python docs/notebooks/make_notebooks.py

It ingests the sample bars into a temporary home, so that what is exported does not depend on yours, and counts no trial there.
"""

import os
import subprocess
import sys
import tempfile
from pathlib import Path

from dagster_project.datasets import freeze_dataset
from dagster_project.home import Home, open_home
from dagster_project.lake import ingest_bars

ROOT = Path(__file__).parents[2]
NOTEBOOKS = ("ema_cross",)
INSTRUMENTS = ("binance-spot:BTCUSDT", "binance-spot:ETHUSDT", "binance-spot:LTCUSDT")
LAST_BAR = "2019-04-01"
"""Bars that close later are kept for dry runs."""


def make_home(root: Path) -> Home:
    """Ingest the sample and freeze the dataset that the notebooks open."""
    home = open_home(root)
    ingest_bars(home, [ROOT / "data" / "sample"])
    freeze_dataset(home, name="sample", instruments=INSTRUMENTS, end=LAST_BAR)
    return home


def export(name: str, home: Path, folder: Path) -> None:
    """Run a strategy's notebook and write what it shows."""
    notebook = ROOT / "strategies" / name / "notebook.py"
    environment = {**os.environ, "INTERLOCK_HOME": str(home), "MLFLOW_DISABLE_TELEMETRY": "true", "PYTHONPATH": str(ROOT)}
    environment.pop("MLFLOW_TRACKING_URI", None)
    for kind, options in (("html", ()), ("ipynb", ("--include-outputs", "--sort", "top-down"))):
        target = folder / f"{name}.{kind}"
        command = [sys.executable, "-m", "marimo", "export", kind, str(notebook), "--force", "--output", str(target), *options]
        subprocess.run(command, cwd=ROOT, env=environment, check=True, stdin=subprocess.DEVNULL)


def main() -> None:
    """Export every notebook."""
    with tempfile.TemporaryDirectory(prefix="interlock-notebooks-") as scratch:
        home = make_home(Path(scratch))
        for name in NOTEBOOKS:
            export(name, home.root, ROOT / "docs" / "notebooks")


if __name__ == "__main__":
    main()
