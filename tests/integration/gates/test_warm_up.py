import shutil
from pathlib import Path

import pytest

STRATEGIES = Path(__file__).parents[3] / "strategies"


def with_warm_up(folder, old, new):
    """Copy ema_cross with another answer to how many bars it needs."""
    shutil.copytree(STRATEGIES / "ema_cross", folder)
    source = folder / "strategy.py"
    assert old in source.read_text()
    source.write_text(source.read_text().replace(old, new))
    return folder


def test_four_spans_are_enough_for_the_averages(sample_tape, probe_folder):
    """What `ema_cross` declares holds at every start."""
    found = probe_folder(STRATEGIES / "ema_cross", on=sample_tape)
    assert found.warm_up.passed, found.warm_up.detail
    assert found.look_ahead.passed, found.look_ahead.detail
    assert found.warm_up.measured["compared"] == 8 * 60


@pytest.mark.parametrize("declared", ["5", "parameters.fast", "parameters.slow"])
def test_a_warm_up_that_is_declared_too_short_is_caught(declared, sample_tape, probe_folder, tmp_path):
    """The first decision that depends on earlier history is named."""
    folder = with_warm_up(tmp_path / "ema_cross", "return 4 * parameters.slow", f"return {declared}")
    gate = probe_folder(folder, on=sample_tape).warm_up
    assert not gate.passed
    assert not gate.holds
    assert "bars after a fresh start: fraction" in gate.detail


def test_a_target_that_is_said_only_when_it_changes_is_caught(write_strategy, probe_folder):
    """After a restart it would say nothing until the next change, and stand still meanwhile."""
    decide = """
    long = bar.close > sum(self.closes[-20:]) / len(self.closes[-20:])
    if getattr(self, "said", None) is long:
        return
    self.said = long
    """
    gate = probe_folder(write_strategy(decide, warm_up=20)).warm_up
    assert not gate.passed
    assert "nothing instead of fraction" in gate.detail


def test_a_strategy_that_needs_no_history_passes_with_none(write_strategy, probe_folder):
    """A decision out of one bar needs no warm-up."""
    gate = probe_folder(write_strategy("long = bar.close > bar.open", warm_up=0)).warm_up
    assert gate.passed, gate.detail
    assert gate.measured["differing"] == 0


def test_a_strategy_that_counts_bars_is_caught(write_strategy, probe_folder):
    """The number of bars since the process started is no market data."""
    gate = probe_folder(write_strategy("long = len(self.closes) % 7 < 3", warm_up=30)).warm_up
    assert not gate.passed
