"""The guide to replays names every setting, and its example is the one that is tested."""

from pathlib import Path

import msgspec
import pytest

from live.core.instruments import Instrument
from live.driver.close_out import CloseOut
from live.driver.replay_settings import AccountSettings, ReplaySettings
from live.venues.sim.costs import CostModel, FeeRates, FeeTier
from live.venues.sim.latency import Delay, LatencyModel
from live.venues.sim.settings import FillModel, QueueModel, SimulationSettings, VenueFilters

ROOT = Path(__file__).parents[3]
PAGE = (ROOT / "docs" / "guide" / "replay.md").read_text(encoding="utf-8")
PUBLISHED = ROOT / "tests" / "integration" / "driver" / "published"


@pytest.mark.parametrize(
    "kind",
    [ReplaySettings, AccountSettings, SimulationSettings, FillModel, CostModel, FeeTier, FeeRates, Delay, QueueModel, VenueFilters],
)
def test_every_setting_stands_in_the_guide(kind):
    """With a row of its own."""
    missing = [field.name for field in msgspec.structs.fields(kind) if f"| `{field.name}` |" not in PAGE]
    assert missing == []


def test_every_leg_instrument_field_and_close_out_stands_in_the_guide():
    """By its name."""
    names = {field.name for kind in (LatencyModel, Instrument) for field in msgspec.structs.fields(kind)} - {"instrument_id", "version"}
    assert sorted(name for name in names if name not in PAGE) == []
    assert all(f"`{how}`" in PAGE or f'"{how}"' in PAGE for how in CloseOut)


def test_the_example_is_the_one_that_reproduces_a_published_result():
    """Strategy and settings, comments apart."""
    strategy = (PUBLISHED / "nautilus_ema_cross.py").read_text(encoding="utf-8")
    assert strategy in PAGE
    assert len([line for line in strategy.splitlines() if line.strip()]) <= 30
    shown = "\n".join(line.partition("  #")[0].rstrip() for line in PAGE.splitlines())
    assert (PUBLISHED / "nautilus_ema_cross.toml").read_text(encoding="utf-8").strip() in shown
