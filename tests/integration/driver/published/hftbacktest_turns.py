"""A market order each 30 seconds, in turn a purchase and a sale."""

import msgspec

from live.core.strategy import BookView, Strategy, StrategyContext


class Parameters(msgspec.Struct, frozen=True):
    size: str = "0.01"
    first: int = 1723161254087896568


class Turns(Strategy):
    Parameters = Parameters

    def __init__(self, parameters: Parameters) -> None:
        self._p, self._due, self._side, self._id = parameters, 0, "BUY", ""

    def on_book(self, book: BookView, context: StrategyContext) -> None:
        """Set the first timer, 30 seconds after the data begins."""
        if not self._id:
            self._id, self._due = book.instrument_id, self._p.first + 30_000_000_000
            context.set_timer("turn", self._due)

    def on_timer(self, name: str, context: StrategyContext) -> None:
        """Trade, and wait for the next turn: the other engine takes a nanosecond to see its fill."""
        context.submit_order(self._id, self._side, context.units(self._id, self._p.size))
        self._side = "SELL" if self._side == "BUY" else "BUY"
        self._due += 30_000_000_001
        context.set_timer("turn", self._due)
