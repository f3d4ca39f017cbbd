"""The simulated venue: one object for replay and for dry run."""

from live.venues.sim.costs import CostModel
from live.venues.sim.settings import FillModel, FillPrice, SimulationSettings
from live.venues.sim.venue import SimulatedVenue

__all__ = ["CostModel", "FillModel", "FillPrice", "SimulatedVenue", "SimulationSettings"]
