"""The command, run in this process."""

import json
from pathlib import Path
from typing import Any

import pytest

from live.cli.main import run


def check(capfd: pytest.CaptureFixture[str], file: Path, *more: str) -> tuple[int, Any]:
    """Run the command and give its exit code and document."""
    capfd.readouterr()
    code = run(["venue", "check", "local", "--account", "desk", "--config", str(file), "--json", *more])
    return code, json.loads(capfd.readouterr().out)
