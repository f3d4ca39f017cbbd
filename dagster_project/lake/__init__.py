"""The lake: published market data as Delta tables, and the way data takes to get there."""
