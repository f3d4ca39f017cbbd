"""An example without an edge: it passes the integrity gates and fails the evidence gates."""
