import os
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[3]
COMMAND = [sys.executable, "-c", "from live.cli.entry import main; main()", "demo"]


def run_demo(tmp_path: Path, *arguments: str) -> subprocess.CompletedProcess[str]:
    """Run the demo as a user does, with an empty home."""
    environment = {**os.environ, "HOME": str(tmp_path), "INTERLOCK_HOME": str(tmp_path / "data")}
    for name in ("INTERLOCK_KEYS", "INTERLOCK_CONFIG", "INTERLOCK_TOKEN", "INTERLOCK_PORT"):
        environment.pop(name, None)
    return subprocess.run([*COMMAND, *arguments], cwd=ROOT, env=environment, capture_output=True, text=True, check=False, timeout=240)


@pytest.mark.slow
@pytest.mark.timeout(300)
def test_the_demo_holds_every_claim(tmp_path):
    """The demo tells its five acts in plain lines, checks each claim and exits with 0."""
    done = run_demo(tmp_path)
    assert done.returncode == 0, done.stdout + done.stderr
    assert "\x1b[" not in done.stdout, "plain lines when it is no terminal"
    for act in range(1, 6):
        assert f"\n{act}. " in done.stdout
    assert done.stdout.count("✓") >= 25
    assert "Every claim held" in done.stdout


def test_a_claim_that_does_not_hold_ends_the_demo(tmp_path):
    """Without the sample bars the demo stops with one sentence and a non-zero exit."""
    done = run_demo(tmp_path, "--sample", str(tmp_path))
    assert done.returncode == 1
    assert done.stderr.startswith("error: ")
    assert "btcusdt_30m.parquet cannot be read" in done.stderr
    assert len(done.stderr.strip().splitlines()) == 1
