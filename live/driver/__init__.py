"""Drivers: what feeds the engine its inputs and carries out its effects."""
