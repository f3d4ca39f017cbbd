"""A background market: house accounts that quote and trade at random from a seed, so that a book moves without anybody else."""

from collections.abc import Mapping

from live.venues.exchange.exchange import Exchange
from live.venues.exchange.fixed8 import Fixed8


class BackgroundFlow:
    """Keep a moving two-sided book on every symbol of an exchange, as its seed says."""

    def __init__(
        self, exchange: Exchange, *, seed: int, prices: Mapping[str, Fixed8], orders_per_second: float = 20.0, now: int = 0
    ) -> None:
        """Open the house accounts and quote around `prices`, by symbol."""
        raise NotImplementedError

    def run(self, now: int) -> int:
        """Send every order that is due by `now`, microseconds UTC; give how many were sent."""
        raise NotImplementedError

    @property
    def next_due(self) -> int:
        """Say when the next order is due, microseconds UTC."""
        raise NotImplementedError
