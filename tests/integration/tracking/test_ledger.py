"""What several processes and a killed one leave of the ledger."""

import subprocess
import sys
from pathlib import Path

import pytest

from dagster_project.tracking.trials import TrialLedger

APPEND = Path(__file__).with_name("append_trials.py")


@pytest.mark.parametrize("reports", [1, 2, 7, 40])
def test_a_killed_process_leaves_every_trial_it_reported(tmp_path: Path, reports: int) -> None:
    """SIGKILL in the middle of a loop: the ledger is whole, holds what was reported and at most one more, and goes on."""
    path = tmp_path / "trials.jsonl"
    with subprocess.Popen([sys.executable, APPEND, path, "killed"], stdout=subprocess.PIPE) as child:
        assert child.stdout is not None
        lines = [child.stdout.readline() for _ in range(reports)]
        child.kill()
        reported = [int(line) for line in (b"".join(lines) + child.stdout.read()).split(b"\n")[:-1]]

    found = [trial.number for trial in TrialLedger(path).trials()]
    assert found in ([*reported], [*reported, len(reported) + 1])
    subprocess.run([sys.executable, APPEND, path, "after", "2"], check=True, stdout=subprocess.DEVNULL)
    assert [trial.number for trial in TrialLedger(path).trials()] == list(range(1, len(found) + 3))


def test_several_processes_append_to_one_ledger(tmp_path: Path) -> None:
    """A notebook and a pipeline count at once: no trial is lost, and each follows from the one before."""
    path = tmp_path / "trials.jsonl"
    writers = [subprocess.Popen([sys.executable, APPEND, path, name, "25"], stdout=subprocess.DEVNULL) for name in ("a", "b", "c")]
    assert [writer.wait(60) for writer in writers] == [0, 0, 0]
    trials = TrialLedger(path).trials()
    assert len(trials) == 75
    for name in ("a", "b", "c"):
        assert [trial.days for trial in trials if trial.strategy_id == name] == list(range(25)), "in the order they were judged"
