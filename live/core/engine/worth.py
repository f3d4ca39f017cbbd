"""Worth: what the risk checks ask of the valuation, for one engine's state and markets."""

from live.core.engine.valuation import Markets, equity, profit
from live.core.state import EngineState


class Worth:
    """Value strategies and accounts at the last prices; see `valuation`."""

    __slots__ = ("_markets", "_state")

    def __init__(self, state: EngineState, markets: Markets) -> None:
        self._state = state
        self._markets = markets

    def profit(self, strategy_id: str) -> int | None:
        """Give a strategy's profit since it first traded in its account; None while something it holds has no price."""
        return profit(self._state, self._markets, strategy_id)

    def equity(self, account_id: str, quote: str) -> int | None:
        """Give what an account is worth in one quote asset; None while something it holds has no price."""
        return equity(self._state, self._markets, account_id, quote)
