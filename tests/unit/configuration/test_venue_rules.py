"""How a simulated venue's rules are written down: in short, or whole."""

import msgspec
import pytest

from live.configuration.explaining import convert
from live.configuration.settings import ConfigurationError, VenueSettings
from live.venues.sim import CostModel, FillModel, FillPrice, SimulationSettings
from live.venues.sim.latency import Delay, LatencyModel


def test_the_short_keys_say_price_and_costs():
    """Everything else is as the defaults have it."""
    settings = convert({"fill_price": "SAME_CLOSE", "taker_fee_ppm": 5}, VenueSettings)
    assert settings.rules == SimulationSettings(fill=FillModel(price=FillPrice.SAME_CLOSE), costs=CostModel(taker_fee_ppm=5))


def test_the_table_of_a_replay_says_all_of_it():
    """A delay of five milliseconds, and a tenth of the volume."""
    table = {"participation_ppm": 100_000, "latency": {"submit": {"nanoseconds": 5_000_000}}}
    settings = convert({"simulation": table}, VenueSettings)
    assert settings.rules == SimulationSettings(participation_ppm=100_000, latency=LatencyModel(submit=Delay(nanoseconds=5_000_000)))
    assert msgspec.convert(msgspec.to_builtins(settings), VenueSettings) == settings


def test_a_value_out_of_range_is_refused_at_its_place():
    """Before the service starts."""
    with pytest.raises(ConfigurationError, match="participation_ppm must lie within"):
        convert({"simulation": {"participation_ppm": -1}}, VenueSettings)
