"""Export the notebooks of strategies to `docs/notebooks/`: as .ipynb with outputs, and as a page that fetches nothing.

    python docs/notebooks/make_notebooks.py

It ingests the sample bars into a temporary home, so that what is exported does not depend on yours, and counts no trial there.
"""

import html
import json
import os
import subprocess
import sys
import tempfile
from pathlib import Path
from typing import Any

from markdown_it import MarkdownIt

from dagster_project.datasets import freeze_dataset
from dagster_project.home import Home, open_home
from dagster_project.lake import ingest_bars

ROOT = Path(__file__).parents[2]
NOTEBOOKS = ("ema_cross",)
INSTRUMENTS = ("binance-spot:BTCUSDT", "binance-spot:ETHUSDT", "binance-spot:LTCUSDT")
LAST_BAR = "2019-04-01"
"""Bars that close later are kept for dry runs."""
STYLE = """
body { max-width: 62rem; margin: 2rem auto; padding: 0 1rem; font: 16px/1.55 system-ui, sans-serif; color: #1d2733; }
pre { background: #f3f6f9; padding: .8rem 1rem; overflow-x: auto; border-radius: 4px; font-size: 14px; }
table { border: 0; border-collapse: collapse; margin: 1rem 0; font-variant-numeric: tabular-nums; }
td, th { padding: .25rem .8rem; border: 0; border-bottom: 1px solid #d7dee6; text-align: left; }
img { max-width: 100%; }
"""


def make_home(root: Path) -> Home:
    """Ingest the sample and freeze the dataset that the notebooks open."""
    home = open_home(root)
    ingest_bars(home, [ROOT / "data" / "sample"])
    freeze_dataset(home, name="sample", instruments=INSTRUMENTS, end=LAST_BAR)
    return home


def export(name: str, home: Path, folder: Path) -> None:
    """Run a strategy's notebook, and write what it shows as .ipynb and as a page.

    Marimo's own page loads its front end from the network and shows nothing without; the page here is made of the same outputs.
    """
    source, target = ROOT / "strategies" / name / "notebook.py", folder / f"{name}.ipynb"
    environment = {**os.environ, "INTERLOCK_HOME": str(home), "MLFLOW_DISABLE_TELEMETRY": "true", "PYTHONPATH": str(ROOT)}
    environment.pop("MLFLOW_TRACKING_URI", None)
    options = ("--include-outputs", "--sort", "top-down", "--force", "--output", str(target))
    command = [sys.executable, "-m", "marimo", "export", "ipynb", str(source), *options]
    subprocess.run(command, cwd=ROOT, env=environment, check=True, stdin=subprocess.DEVNULL)
    cells = json.loads(target.read_text(encoding="utf-8"))["cells"]
    (folder / f"{name}.html").write_text(draw_page(name, cells), encoding="utf-8")


def draw_page(name: str, cells: list[dict[str, Any]]) -> str:
    """Draw a page of a notebook's cells; prose that a cell computes stands without its code, as in the notebook."""
    parts: list[str] = []
    for cell in cells:
        source = "".join(cell["source"])
        if cell["cell_type"] == "markdown":
            parts.append(_draw_prose(source))
            continue
        if not source.startswith("mo.md("):
            parts.append(f"<pre><code>{html.escape(source)}</code></pre>")
        parts += [_draw_output(output["data"]) for output in cell["outputs"] if "data" in output]
    head = f'<meta charset="utf-8"><title>{html.escape(name)}</title><style>{STYLE}</style>'
    return f'<!doctype html>\n<html lang="en"><head>{head}</head><body>\n' + "\n".join(parts) + "\n</body></html>\n"


def _draw_output(data: dict[str, Any]) -> str:
    """Draw the form of an output that a page without scripts can show."""
    if "image/png" in data:
        return f'<img alt="plot" src="data:image/png;base64,{"".join(data["image/png"]).strip()}">'
    if "text/markdown" in data:
        return _draw_prose("".join(data["text/markdown"]))
    if "text/html" in data and "<table" in "".join(data["text/html"]):
        return "".join(data["text/html"])
    shown = data.get("application/json", data.get("text/plain", ""))
    return f"<pre>{html.escape(shown if isinstance(shown, str) else json.dumps(shown))}</pre>"


def _draw_prose(text: str) -> str:
    return MarkdownIt("commonmark").enable("table").render(text)


def main() -> None:
    """Export every notebook."""
    with tempfile.TemporaryDirectory(prefix="interlock-notebooks-") as scratch:
        home = make_home(Path(scratch))
        for name in NOTEBOOKS:
            export(name, home.root, ROOT / "docs" / "notebooks")


if __name__ == "__main__":
    main()
