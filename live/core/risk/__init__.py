"""Pre-trade risk: checks in a fixed order, each with a code."""
