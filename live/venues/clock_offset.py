"""Clock offset: how far a venue's clock is from ours, by midpoint samples, and what a distance forbids."""

import msgspec


class ClockSample(msgspec.Struct, frozen=True):
    """Hold one estimate of a venue's clock.

    Attributes:
        offset: venue time minus ours, nanoseconds.
        uncertainty: bound of the offset's error, nanoseconds: half the round trip, plus the resolution of the venue's clock.
        taken_at: our time at the sample's midpoint, nanoseconds UTC.
    """

    offset: int
    uncertainty: int
    taken_at: int
