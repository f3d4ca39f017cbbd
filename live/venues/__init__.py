"""Venues: what a driver may ask of one; the adapter, the exchange on this machine, the simulated venue, and the kit that tries adapters."""
