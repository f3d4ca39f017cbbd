"""The simulated venue: one object for replay and for dry run."""

from live.venues.sim.costs import CostModel
from live.venues.sim.venue import FillPrice, SimulatedVenue

__all__ = ["CostModel", "FillPrice", "SimulatedVenue"]
