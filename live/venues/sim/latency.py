"""Latency: how long requests, answers and market data travel between us and a simulated venue.

A delay is drawn from a generator seeded by the settings, the order and the leg, so that it is the same whatever else happened
before it: in another run, and after a restart.
"""

from enum import StrEnum
from random import Random

import msgspec

from live.core.errors import InputError

LONGEST_DELAY = 3_600 * 1_000_000_000
"""No delay is longer than an hour, in nanoseconds."""


class Distribution(StrEnum):
    """How a delay is drawn."""

    FIXED = "FIXED"
    UNIFORM = "UNIFORM"
    LOGNORMAL = "LOGNORMAL"


class Delay(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Describe how long one leg takes, in nanoseconds.

    Attributes:
        distribution: how it is drawn.
        nanoseconds: the delay when fixed, the least one when uniform, the median when lognormal.
        maximum: the largest delay when uniform; the cap when lognormal, 0 for an hour.
        sigma: standard deviation of the delay's natural logarithm when lognormal.
    """

    distribution: Distribution = Distribution.FIXED
    nanoseconds: int = 0
    maximum: int = 0
    sigma: float = 0.0

    def __post_init__(self) -> None:
        """Refuse a delay that no leg has.

        Raises:
            InputError: a value is out of range, or does not belong to the distribution.
        """
        for name, value in (("nanoseconds", self.nanoseconds), ("maximum", self.maximum)):
            if not 0 <= value <= LONGEST_DELAY:
                raise InputError(f"a delay's {name} must lie within 0..{LONGEST_DELAY} (an hour), received {value}")
        if self.distribution is Distribution.FIXED and (self.maximum or self.sigma):
            raise InputError("a FIXED delay has neither maximum nor sigma: leave them out, or say UNIFORM or LOGNORMAL")
        if self.distribution is Distribution.UNIFORM and (self.maximum < self.nanoseconds or self.sigma):
            raise InputError(
                f"a UNIFORM delay lies within nanoseconds..maximum and has no sigma, received {self.nanoseconds}..{self.maximum}"
            )
        if self.distribution is Distribution.LOGNORMAL and not (self.nanoseconds and 0 < self.sigma <= 3):
            raise InputError(
                f"a LOGNORMAL delay has a median from 1 nanosecond and a sigma within 0..3, received {self.nanoseconds} and {self.sigma}"
            )

    @property
    def is_zero(self) -> bool:
        """Tell whether nothing ever travels."""
        return self.distribution is Distribution.FIXED and not self.nanoseconds

    def draw(self, seed: int, order_id: str, leg: str) -> int:
        """Give the delay of one leg of one order, nanoseconds."""
        if self.distribution is Distribution.FIXED:
            return self.nanoseconds
        # A text seeds the generator through SHA-512 (random.seed, version 2), the same on every machine.
        generator = Random(f"{seed}:{leg}:{order_id}")  # noqa: S311 - a simulation is to be repeated
        if self.distribution is Distribution.UNIFORM:
            return generator.randint(self.nanoseconds, self.maximum)
        return min(self.maximum or LONGEST_DELAY, round(self.nanoseconds * generator.lognormvariate(0.0, self.sigma)))


class LatencyModel(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Describe every leg between us and the venue.

    Attributes:
        submit: from sending an order until the venue has it.
        cancel: from sending a cancel until the venue has it.
        answer: from what happened at the venue until we know it.
        market_data: from what the market did until we see it; a request meets a market that is so much further on.
    """

    submit: Delay = Delay()
    cancel: Delay = Delay()
    answer: Delay = Delay()
    market_data: Delay = Delay()

    @property
    def is_zero(self) -> bool:
        """Tell whether every answer comes at once."""
        return self.submit.is_zero and self.cancel.is_zero and self.answer.is_zero and self.market_data.is_zero
