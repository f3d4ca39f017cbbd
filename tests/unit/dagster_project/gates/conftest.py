"""A home, and a strategy folder to submit to it."""

import shutil
from pathlib import Path

import pytest

from dagster_project.home import Home

STRATEGIES = Path(__file__).parents[4] / "strategies"


@pytest.fixture(name="home")
def _home(tmp_path):
    return Home(tmp_path / "home")


@pytest.fixture(name="folder")
def _folder(tmp_path):
    """Copy ema_cross to where a test may change it."""
    folder = tmp_path / "ema_cross"
    shutil.copytree(STRATEGIES / "ema_cross", folder, ignore=shutil.ignore_patterns("__pycache__", "notebook.py"))
    return folder
